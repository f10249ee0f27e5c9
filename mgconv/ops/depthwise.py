"""Convolution of each channel by itself: that of as many groups as there are channels."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mgconv.geometry import integers
from mgconv.ops.arrays import as_array, channels_last, common_dtype, deliver, result_array
from mgconv.ops.convolution import conv, conv_grad_input, conv_grad_kernel
from mgconv.ops.docs import Array, Padding, Sizes, documented

DEPTHWISE = {"op": "depthwise_conv", "filters": "channels * multiplier", "kernel_sizes": "channels, multiplier"}


@documented(DEPTHWISE)
def depthwise_conv(x: Array, kernel: Array, bias: Array | None = None, strides: Sizes = 1,
                   padding: Padding = "valid", dilation_rate: Sizes = 1, activation: str | None = None,
                   out: NDArray[Any] | None = None, data_format: str = "channels_last") -> NDArray[Any]:
    """Convolution of each channel by itself with `multiplier` filters of its own.

    %(parameters)s

    Returns
    -------
    ndarray, (batch, \\*spatial, channels * multiplier)
        Filter m of channel c is its channel c * multiplier + m.

    %(raises)s

    Examples
    --------
    >>> import numpy as np
    >>> from mgconv import ops
    >>> x, kernel = np.arange(6.0).reshape(1, 3, 2), np.ones((2, 2, 1))
    >>> ops.depthwise_conv(x, kernel).tolist()
    [[[2.0, 4.0], [6.0, 8.0]]]
    """
    x, kernel = as_array("x", x, data_format), as_array("kernel", kernel)
    grouped = kernel.reshape(_grouped_shape(kernel.shape, x.shape))
    if data_format == "channels_first":
        x = np.moveaxis(x, -1, 1)
    return conv(x, grouped, bias, strides, padding, dilation_rate, activation, out, data_format)


@documented(DEPTHWISE)
def depthwise_conv_grad_input(dy: Array, kernel: Array, input_shape: Sequence[int], strides: Sizes = 1,
                              padding: Padding = "valid", dilation_rate: Sizes = 1, out: NDArray[Any] | None = None,
                              data_format: str = "channels_last") -> NDArray[Any]:
    """Gradient of `depthwise_conv` to its input; see `conv_grad_input`.

    %(parameters)s

    Returns
    -------
    ndarray, input_shape

    %(raises)s

    Examples
    --------
    >>> import numpy as np
    >>> from mgconv import ops
    >>> ops.depthwise_conv_grad_input(np.ones((1, 2, 2)), np.ones((2, 2, 1)), (1, 3, 2)).tolist()
    [[[1.0, 1.0], [2.0, 2.0], [1.0, 1.0]]]
    """
    kernel = as_array("kernel", kernel)
    shape = channels_last(integers("input_shape", input_shape), data_format)
    grouped = kernel.reshape(_grouped_shape(kernel.shape, shape))
    return conv_grad_input(dy, grouped, input_shape, strides, padding, dilation_rate, out, data_format)


@documented(DEPTHWISE)
def depthwise_conv_grad_kernel(x: Array, dy: Array, kernel_shape: Sequence[int], strides: Sizes = 1,
                               padding: Padding = "valid", dilation_rate: Sizes = 1, out: NDArray[Any] | None = None,
                               data_format: str = "channels_last") -> NDArray[Any]:
    """Gradient of `depthwise_conv` to its kernel; see `conv_grad_kernel`.

    %(parameters)s

    Returns
    -------
    ndarray, kernel_shape

    %(raises)s

    Examples
    --------
    >>> import numpy as np
    >>> from mgconv import ops
    >>> x = np.arange(6.0).reshape(1, 3, 2)
    >>> ops.depthwise_conv_grad_kernel(x, np.ones((1, 2, 2)), (2, 2, 1)).tolist()
    [[[2.0], [4.0]], [[6.0], [8.0]]]
    """
    kernel_shape = integers("kernel_shape", kernel_shape)
    x, dy = as_array("x", x, data_format), as_array("dy", dy, data_format)
    dtype = common_dtype([x, dy], ("x", "dy"))
    dkernel = result_array(kernel_shape, dtype, out, "channels_last", [x, dy])
    grouped = dkernel.reshape(_grouped_shape(kernel_shape, x.shape))
    conv_grad_kernel(x, dy, grouped.shape, strides, padding, dilation_rate, grouped)
    return deliver(dkernel, out, "channels_last")


def _grouped_shape(kernel_shape, input_shape):
    """A depthwise kernel's shape as that of a convolution with one group a channel."""
    if len(kernel_shape) < 3 or len(kernel_shape) != len(input_shape) or kernel_shape[-2] != input_shape[-1]:
        raise ValueError("A depthwise kernel must have the shape (*spatial, channels, multiplier). "
                         f"Received: kernel_shape={kernel_shape} beside an input of shape {input_shape}.")
    return (*kernel_shape[:-2], 1, kernel_shape[-2] * kernel_shape[-1])
