from typing import Any

from numpy.typing import NDArray

from mgconv.native.conv import ConvPlan

# None: not the plain case, nothing has been computed.
def conv(x: Any, kernel: Any, bias: Any, strides: Any, padding: Any, dilation_rate: Any, activation: Any,
         out: NDArray[Any] | None) -> NDArray[Any] | None: ...
def conv_grad_input(dy: Any, kernel: Any, input_shape: Any, strides: Any, padding: Any, dilation_rate: Any,
                    out: NDArray[Any] | None) -> NDArray[Any] | None: ...
def conv_grad_kernel(x: Any, dy: Any, kernel_shape: Any, strides: Any, padding: Any, dilation_rate: Any,
                     out: NDArray[Any] | None) -> NDArray[Any] | None: ...
def remember(plan: ConvPlan, strides: Any, padding: Any, dilation_rate: Any) -> None: ...
