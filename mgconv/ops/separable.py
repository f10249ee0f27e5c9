"""Separable convolution: one filter or more for each channel by itself, then a mixture of the channels."""
from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mgconv.geometry import integers
from mgconv.ops.arrays import as_array, refuse_overlap
from mgconv.ops.convolution import conv, conv_grad_input, conv_grad_kernel
from mgconv.ops.depthwise import depthwise_conv, depthwise_conv_grad_input, depthwise_conv_grad_kernel
from mgconv.ops.docs import Array, Padding, Sizes, documented

SEPARABLE = {
    "op": "separable_conv", "filters": "filters",
    "depthwise_kernel": r"ndarray, (\*spatial, channels, multiplier)",
    "depthwise_kernel_shape": r"""sequence of int
        (\*spatial, channels, multiplier).""",
    "pointwise_kernel": "ndarray, (1, [1,] channels * multiplier, filters)",
    "pointwise_kernel_shape": """sequence of int
        (1, [1,] channels * multiplier, filters).""",
}


@documented(SEPARABLE)
def separable_conv(x: Array, depthwise_kernel: Array, pointwise_kernel: Array,
                   bias: Array | None = None, strides: Sizes = 1, padding: Padding = "valid",
                   dilation_rate: Sizes = 1, activation: str | None = None, out: NDArray[Any] | None = None,
                   data_format: str = "channels_last") -> NDArray[Any]:
    """`depthwise_conv`, then `conv` with a kernel of size 1 (Chollet, Xception, 2017).

    %(parameters)s

    Returns
    -------
    ndarray, (batch, \\*spatial, filters)

    %(raises)s

    Examples
    --------
    >>> import numpy as np
    >>> from mgconv import ops
    >>> x = np.arange(6.0).reshape(1, 3, 2)
    >>> ops.separable_conv(x, np.ones((2, 2, 1)), np.array([[[1.0], [10.0]]])).tolist()
    [[[42.0], [86.0]]]
    """
    _check_pointwise(np.shape(pointwise_kernel), np.shape(depthwise_kernel))
    _check_out(out, x, depthwise_kernel)
    hidden = depthwise_conv(x, depthwise_kernel, None, strides, padding, dilation_rate, data_format=data_format)
    return conv(hidden, pointwise_kernel, bias, activation=activation, out=out, data_format=data_format)


@documented(SEPARABLE)
def separable_conv_grad_input(dy: Array, depthwise_kernel: Array, pointwise_kernel: Array,
                              input_shape: Sequence[int], strides: Sizes = 1, padding: Padding = "valid",
                              dilation_rate: Sizes = 1, out: NDArray[Any] | None = None,
                              data_format: str = "channels_last") -> NDArray[Any]:
    """Gradient of `separable_conv` to its input.

    %(parameters)s

    Returns
    -------
    ndarray, input_shape

    %(raises)s

    Examples
    --------
    >>> import numpy as np
    >>> from mgconv import ops
    >>> pointwise = np.array([[[1.0], [10.0]]])
    >>> ops.separable_conv_grad_input(np.ones((1, 2, 1)), np.ones((2, 2, 1)), pointwise, (1, 3, 2)).tolist()
    [[[1.0, 10.0], [2.0, 20.0], [1.0, 10.0]]]
    """
    _check_pointwise(np.shape(pointwise_kernel), np.shape(depthwise_kernel))
    _check_out(out, dy, pointwise_kernel)
    dhidden = _grad_hidden(dy, pointwise_kernel, data_format)
    return depthwise_conv_grad_input(dhidden, depthwise_kernel, input_shape, strides, padding, dilation_rate, out,
                                     data_format)


@documented(SEPARABLE)
def separable_conv_grad_depthwise_kernel(x: Array, dy: Array, depthwise_kernel_shape: Sequence[int],
                                         pointwise_kernel: Array, strides: Sizes = 1, padding: Padding = "valid",
                                         dilation_rate: Sizes = 1, out: NDArray[Any] | None = None,
                                         data_format: str = "channels_last") -> NDArray[Any]:
    """Gradient of `separable_conv` to its depthwise kernel.

    %(parameters)s

    Returns
    -------
    ndarray, depthwise_kernel_shape

    %(raises)s

    Examples
    --------
    >>> import numpy as np
    >>> from mgconv import ops
    >>> x, dy, pointwise = np.arange(6.0).reshape(1, 3, 2), np.ones((1, 2, 1)), np.array([[[1.0], [10.0]]])
    >>> ops.separable_conv_grad_depthwise_kernel(x, dy, (2, 2, 1), pointwise).tolist()
    [[[2.0], [40.0]], [[6.0], [80.0]]]
    """
    depthwise_kernel_shape = integers("depthwise_kernel_shape", depthwise_kernel_shape)
    _check_pointwise(np.shape(pointwise_kernel), depthwise_kernel_shape)
    _check_out(out, dy, pointwise_kernel)
    dhidden = _grad_hidden(dy, pointwise_kernel, data_format)
    return depthwise_conv_grad_kernel(x, dhidden, depthwise_kernel_shape, strides, padding, dilation_rate, out,
                                      data_format)


@documented(SEPARABLE)
def separable_conv_grad_pointwise_kernel(x: Array, dy: Array, depthwise_kernel: Array,
                                         pointwise_kernel_shape: Sequence[int], strides: Sizes = 1,
                                         padding: Padding = "valid", dilation_rate: Sizes = 1,
                                         out: NDArray[Any] | None = None,
                                         data_format: str = "channels_last") -> NDArray[Any]:
    """Gradient of `separable_conv` to its pointwise kernel; the depthwise part of the forward pass is done again.

    %(parameters)s

    Returns
    -------
    ndarray, pointwise_kernel_shape

    %(raises)s

    Examples
    --------
    >>> import numpy as np
    >>> from mgconv import ops
    >>> x, dy = np.arange(6.0).reshape(1, 3, 2), np.ones((1, 2, 1))
    >>> ops.separable_conv_grad_pointwise_kernel(x, dy, np.ones((2, 2, 1)), (1, 2, 1)).tolist()
    [[[8.0], [12.0]]]
    """
    _check_pointwise(integers("pointwise_kernel_shape", pointwise_kernel_shape), np.shape(depthwise_kernel))
    _check_out(out, x, depthwise_kernel)
    hidden = depthwise_conv(x, depthwise_kernel, None, strides, padding, dilation_rate, data_format=data_format)
    return conv_grad_kernel(hidden, dy, pointwise_kernel_shape, out=out, data_format=data_format)


def _grad_hidden(dy, pointwise_kernel, data_format):
    """The gradient to what lies between the two parts."""
    dy, kernel = as_array("dy", dy, data_format), as_array("pointwise_kernel", pointwise_kernel)
    shape = (*dy.shape[:-1], kernel.shape[-2])
    hidden = conv_grad_input(dy, kernel, shape)
    return np.moveaxis(hidden, -1, 1) if data_format == "channels_first" else hidden


def _check_out(out, *arrays):
    """The last part writes `out` and sees to the rest; these are the arguments of the first."""
    if isinstance(out, np.ndarray):
        refuse_overlap(out, [array for array in arrays if isinstance(array, np.ndarray)])


def _check_pointwise(shape, depthwise_shape):
    if len(shape) < 3 or any(size != 1 for size in shape[:-2]) or shape[-2] != math.prod(depthwise_shape[-2:]):
        raise ValueError("`pointwise_kernel` must have the shape (1, [1,] channels * multiplier, filters). "
                         f"Received: {shape} beside a depthwise kernel of shape {depthwise_shape}.")
