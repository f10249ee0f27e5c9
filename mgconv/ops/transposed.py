"""Transposed convolution: what `conv` does to a gradient, as a layer of its own.

With stride s and the kernel's span m = (taps - 1) * dilation_rate + 1, input i reaches outputs i * s ... i * s + m - 1
of the full result, (n - 1) * s + m long. `padding` says what is cut off before and behind:

    full result     [ . . . . . . . . . . ]
    result         crop [ . . . . . . ] crop   (or more zeros behind, by `output_padding`)

So the transposed convolution is the gradient to the input of the convolution whose zeros before and behind are the
crops; its own gradients are that convolution and the gradient to its kernel.
"""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mgconv.geometry import integers, transposed_geometry
from mgconv.native.conv import ConvPlan
from mgconv.ops.arrays import as_array, channels_last, common_dtype, deliver, plan_for, result_array
from mgconv.ops.docs import Array, Padding, Sizes, documented

TRANSPOSED = {
    "op": "conv_transpose", "filters": "filters", "kernel_sizes": "filters, channels",
    "padding": """{"valid", "same"} or sequence of (before, after) pairs
        "valid" cuts nothing, and fills up to size * strides where the kernel is shorter than the stride; "same" gives
        size * strides outputs; pairs say how many outputs to cut from the full result.""",
    "output_padding": """int or sequence of int, optional
        With "valid", the outputs are (size - 1) * strides + span + output_padding; with "same" (size - 1) * strides +
        span %% 2 + output_padding, as in Keras; with pairs it adds that many behind. Less than the stride.""",
}


@documented(TRANSPOSED)
def conv_transpose(x: Array, kernel: Array, bias: Array | None = None, strides: Sizes = 1,
                   padding: Padding = "valid", output_padding: Sizes | None = None, dilation_rate: Sizes = 1,
                   activation: str | None = None, out: NDArray[Any] | None = None,
                   data_format: str = "channels_last") -> NDArray[Any]:
    """Transposed convolution of 1-D or 2-D maps: the forward pass of Keras's Conv1DTranspose and Conv2DTranspose.

    y[n, i * strides + k * dilation_rate - crop, f] is the sum of x[n, i, c] * kernel[k, f, c] (Dumoulin and Visin, A
    guide to convolution arithmetic for deep learning, 2016, chapter 4).

    %(parameters)s

    Returns
    -------
    ndarray, (batch, \\*spatial, filters)

    %(raises)s

    Examples
    --------
    >>> import numpy as np
    >>> from mgconv import ops
    >>> x, kernel = np.array([1.0, 2.0]).reshape(1, 2, 1), np.array([1.0, 10.0, 100.0]).reshape(3, 1, 1)
    >>> ops.conv_transpose(x, kernel, strides=2).ravel().tolist()
    [1.0, 10.0, 102.0, 20.0, 200.0]
    >>> ops.conv_transpose(x, kernel, strides=2, padding="same").ravel().tolist()
    [1.0, 10.0, 102.0, 20.0]
    """
    x, kernel = as_array("x", x, data_format), as_array("kernel", kernel)
    arrays = [x, kernel] if bias is None else [x, kernel, as_array("bias", bias)]
    dtype = common_dtype(arrays, ("x", "kernel", "bias"))
    plan = _plan(x.shape, kernel.shape, strides, padding, output_padding, dilation_rate, dtype)
    if bias is not None and arrays[2].shape != plan.input_shape[-1:]:
        raise ValueError(f"`bias` must have the shape {plan.input_shape[-1:]}. Received: {arrays[2].shape}.")
    if activation not in (None, "linear", "relu"):
        raise ValueError(f'`activation` must be None, "linear" or "relu". Received: activation={activation!r}.')
    y = result_array(plan.input_shape, dtype, out, data_format, arrays)
    plan.grad_input(x, kernel, y)
    if bias is not None:
        np.add(y, arrays[2], out=y)
    if activation == "relu":
        np.maximum(y, 0, out=y)
    return deliver(y, out, data_format)


@documented(TRANSPOSED)
def conv_transpose_grad_input(dy: Array, kernel: Array, input_shape: Sequence[int], strides: Sizes = 1,
                              padding: Padding = "valid", output_padding: Sizes | None = None,
                              dilation_rate: Sizes = 1, out: NDArray[Any] | None = None,
                              data_format: str = "channels_last") -> NDArray[Any]:
    """Gradient of `conv_transpose` to its input: a convolution of dy.

    %(parameters)s

    Returns
    -------
    ndarray, input_shape

    %(raises)s

    Examples
    --------
    >>> import numpy as np
    >>> from mgconv import ops
    >>> dy, kernel = np.ones((1, 5, 1)), np.array([1.0, 10.0, 100.0]).reshape(3, 1, 1)
    >>> ops.conv_transpose_grad_input(dy, kernel, (1, 2, 1), strides=2).ravel().tolist()
    [111.0, 111.0]
    """
    dy, kernel = as_array("dy", dy, data_format), as_array("kernel", kernel)
    dtype = common_dtype([dy, kernel], ("dy", "kernel"))
    shape = channels_last(integers("input_shape", input_shape), data_format)
    plan = _plan(shape, kernel.shape, strides, padding, output_padding, dilation_rate, dtype)
    _check_dy(dy, plan)
    dx = result_array(shape, dtype, out, data_format, [dy, kernel])
    plan.forward(dy, kernel, None, dx)
    return deliver(dx, out, data_format)


@documented(TRANSPOSED)
def conv_transpose_grad_kernel(x: Array, dy: Array, kernel_shape: Sequence[int], strides: Sizes = 1,
                               padding: Padding = "valid", output_padding: Sizes | None = None,
                               dilation_rate: Sizes = 1, out: NDArray[Any] | None = None,
                               data_format: str = "channels_last") -> NDArray[Any]:
    """Gradient of `conv_transpose` to its kernel.

    %(parameters)s

    Returns
    -------
    ndarray, kernel_shape

    %(raises)s

    Examples
    --------
    >>> import numpy as np
    >>> from mgconv import ops
    >>> x, dy = np.array([1.0, 2.0]).reshape(1, 2, 1), np.ones((1, 5, 1))
    >>> ops.conv_transpose_grad_kernel(x, dy, (3, 1, 1), strides=2).ravel().tolist()
    [3.0, 3.0, 3.0]
    """
    x, dy = as_array("x", x, data_format), as_array("dy", dy, data_format)
    dtype = common_dtype([x, dy], ("x", "dy"))
    kernel_shape = integers("kernel_shape", kernel_shape)
    plan = _plan(x.shape, kernel_shape, strides, padding, output_padding, dilation_rate, dtype)
    _check_dy(dy, plan)
    dkernel = result_array(plan.kernel_shape, dtype, out, "channels_last", [x, dy])
    plan.grad_kernel(dy, x, dkernel)
    return deliver(dkernel, out, "channels_last")


def _plan(input_shape, kernel_shape, strides, padding, output_padding, dilation_rate, dtype):
    """The plan of the convolution that is transposed: its input is the result."""
    return plan_for(("transpose", input_shape, kernel_shape, strides, padding, output_padding, dilation_rate, dtype,
                     type(strides), type(output_padding), type(dilation_rate)),
                    lambda: ConvPlan(transposed_geometry(input_shape, kernel_shape, strides, padding, output_padding,
                                                         dilation_rate), dtype))


def _check_dy(dy, plan):
    if dy.shape != plan.input_shape:
        raise ValueError(f"`dy` must have the result's shape, {plan.input_shape} with channels last. "
                         f"Received: {dy.shape}.")
