"""Convolution of maps with many channels, and its gradients."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mgconv._support.checks import check_choice
from mgconv.geometry import conv_geometry, integers
from mgconv.native import bias_gradient, conv_calls
from mgconv.native.conv import ConvPlan
from mgconv.ops.arrays import as_array, channels_last, common_dtype, deliver, plan_for, result_array
from mgconv.ops.docs import Array, Padding, Sizes, documented

CONV = {"op": "conv", "filters": "filters", "kernel_sizes": "channels / groups, filters"}


@documented(CONV)
def conv(x: Array, kernel: Array, bias: Array | None = None, strides: Sizes = 1,
         padding: Padding = "valid", dilation_rate: Sizes = 1, activation: str | None = None,
         out: NDArray[Any] | None = None, data_format: str = "channels_last", precision: str = "fast") -> NDArray[Any]:
    """Convolution of 1-D or 2-D maps with many channels: the forward pass of a layer.

    As in all neural-network libraries the kernel is not turned (and its shape says how many groups there are):
    y[n, i, f] = activation(bias[f] + sum_kc x[n, i * strides + k * dilation_rate - pad, c] * kernel[k, c, f]),
    with zeros outside x (Goodfellow, Bengio, Courville, Deep Learning, 2016, section 9.1).

    %(parameters)s

    Returns
    -------
    ndarray, (batch, \\*spatial, filters)

    %(raises)s

    Notes
    -----
    The shape decides between three algorithms, for this and for both gradients, by what they cost with the instruction
    set on the processor's family. Plain sums are the rule. Kernels of more than one tap with strides of 1 may take
    Winograd's (Lavin and Gray, 2016) along one axis, F(7 - r, r) of r = 3 to 5 taps or F(9 - r, r) of 4 to 6 (in
    float64 of 3 to 6), or F(7 - r, r) along one and F(2, 3), in float64 F(4, 3), along the other: over random data its
    error is at most four times that of plain sums (64 channels, 3x3 taps, or 5 in 1-D: 2e-6 of the largest result in
    float32, 6e-15 in float64). In 1-D, 8 taps and more may take the FFT, whose error is 3e-7 (1e-15) of the largest
    result of the same sample: beside numbers that are a million times larger, small results lose digits. With either,
    an infinity or a NaN spoils neighbouring results of its sample that a plain sum would spare. Where a stride divides
    size, taps and padding of the last axis, so many neighbouring inputs count as the channels of one, without a stride.
    The number of threads changes no bit, and no sample changes another's results.

    ``precision="plain"`` keeps to sums for every shape, sample by sample: to the bit, a result then depends neither on
    the size of the batch nor on inputs that no tap meets, so that a code for a missing value (9999, say) costs nothing
    beside it.

    Examples
    --------
    >>> import numpy as np
    >>> from mgconv import ops
    >>> x = np.array([1.0, 2.0, 3.0, 4.0]).reshape(1, 4, 1)
    >>> kernel = np.array([1.0, -1.0]).reshape(2, 1, 1)
    >>> ops.conv(x, kernel).ravel().tolist()
    [-1.0, -1.0, -1.0]
    >>> ops.conv(x, kernel, padding="causal", strides=2).ravel().tolist()
    [-1.0, -1.0]
    """
    if (type(x) is np.ndarray and data_format == "channels_last" and precision == "fast"
            and (out is None or isinstance(out, np.ndarray))):
        result = conv_calls.conv(x, kernel, bias, strides, padding, dilation_rate, activation, out)
        if result is not None:
            return result
    x, kernel = as_array("x", x, data_format), as_array("kernel", kernel)
    arrays = [x, kernel] if bias is None else [x, kernel, as_array("bias", bias)]
    dtype = common_dtype(arrays, ("x", "kernel", "bias"))
    plan = _plan(x.shape, kernel.shape, strides, padding, dilation_rate, dtype, precision)
    y = result_array((len(x), *plan.output_shape[1:]), dtype, out, data_format, arrays)
    for part in _parts(plan, len(x)):
        plan.forward(x[part], kernel, None if bias is None else arrays[2], y[part], activation)
    return deliver(y, out, data_format)


@documented(CONV)
def conv_grad_input(dy: Array, kernel: Array, input_shape: Sequence[int], strides: Sizes = 1,
                    padding: Padding = "valid", dilation_rate: Sizes = 1, out: NDArray[Any] | None = None,
                    data_format: str = "channels_last", precision: str = "fast") -> NDArray[Any]:
    """Gradient of `conv` to its input: with stride 1 the full correlation of dy with the turned kernel.

    %(parameters)s

    Returns
    -------
    ndarray, input_shape

    %(raises)s

    Examples
    --------
    >>> import numpy as np
    >>> from mgconv import ops
    >>> dy, kernel = np.ones((1, 3, 1)), np.array([1.0, -1.0]).reshape(2, 1, 1)
    >>> ops.conv_grad_input(dy, kernel, (1, 4, 1)).ravel().tolist()
    [1.0, 0.0, 0.0, -1.0]
    """
    if (type(dy) is np.ndarray and data_format == "channels_last" and precision == "fast"
            and (out is None or isinstance(out, np.ndarray))):
        result = conv_calls.conv_grad_input(dy, kernel, input_shape, strides, padding, dilation_rate, out)
        if result is not None:
            return result
    dy, kernel = as_array("dy", dy, data_format), as_array("kernel", kernel)
    dtype = common_dtype([dy, kernel], ("dy", "kernel"))
    shape = channels_last(integers("input_shape", input_shape), data_format)
    plan = _plan(shape, kernel.shape, strides, padding, dilation_rate, dtype, precision)
    if len(dy) != shape[0]:
        raise ValueError(f"`dy` must have the batch of `input_shape`, {shape[0]}. Received: dy.shape={dy.shape}.")
    dx = result_array(shape, dtype, out, data_format, [dy, kernel])
    for part in _parts(plan, shape[0]):
        plan.grad_input(dy[part], kernel, dx[part])
    return deliver(dx, out, data_format)


@documented(CONV)
def conv_grad_kernel(x: Array, dy: Array, kernel_shape: Sequence[int], strides: Sizes = 1,
                     padding: Padding = "valid", dilation_rate: Sizes = 1, out: NDArray[Any] | None = None,
                     data_format: str = "channels_last", precision: str = "fast") -> NDArray[Any]:
    """Gradient of `conv` to its kernel: the correlation of x with dy, summed over the batch.

    %(parameters)s

    Returns
    -------
    ndarray, kernel_shape

    %(raises)s

    Examples
    --------
    >>> import numpy as np
    >>> from mgconv import ops
    >>> x, dy = np.array([1.0, 2.0, 3.0, 4.0]).reshape(1, 4, 1), np.ones((1, 3, 1))
    >>> ops.conv_grad_kernel(x, dy, (2, 1, 1)).ravel().tolist()
    [6.0, 9.0]
    """
    if (type(x) is np.ndarray and data_format == "channels_last" and precision == "fast"
            and (out is None or isinstance(out, np.ndarray))):
        result = conv_calls.conv_grad_kernel(x, dy, kernel_shape, strides, padding, dilation_rate, out)
        if result is not None:
            return result
    x, dy = as_array("x", x, data_format), as_array("dy", dy, data_format)
    dtype = common_dtype([x, dy], ("x", "dy"))
    plan = _plan(x.shape, integers("kernel_shape", kernel_shape), strides, padding, dilation_rate, dtype, precision,
                 whole=True)
    dkernel = result_array(plan.kernel_shape, dtype, out, "channels_last", [x, dy])
    plan.grad_kernel(x, dy, dkernel)
    return deliver(dkernel, out, "channels_last")


@documented(CONV)
def bias_grad(dy: Array, out: NDArray[Any] | None = None, data_format: str = "channels_last") -> NDArray[Any]:
    """Gradient of `conv` to its bias: the sum of dy over batch and positions.

    %(parameters)s

    Returns
    -------
    ndarray, (filters,)

    %(raises)s

    Examples
    --------
    >>> import numpy as np
    >>> from mgconv import ops
    >>> ops.bias_grad(np.ones((2, 5, 3))).tolist()
    [10.0, 10.0, 10.0]
    """
    if type(dy) is np.ndarray and out is None and data_format == "channels_last":
        result = bias_gradient.new_bias_grad(dy)
        if result is not None:
            return result
    dy = as_array("dy", dy, data_format)
    dtype = common_dtype([dy], ("dy",))
    if dy.ndim < 1:
        raise ValueError(f"`dy` must have at least rank 1. Received: dy.shape={dy.shape}.")
    db = result_array(dy.shape[-1:], dtype, out, "channels_last", [dy])
    bias_gradient.bias_grad(dy, db)
    return deliver(db, out, "channels_last")


def _plan(input_shape, kernel_shape, strides, padding, dilation_rate, dtype, precision, whole=False):
    """The plan for checked arrays. A plain one is for one sample, unless the batch is summed as a `whole`: how direct
    sums are ordered may depend on how many samples there are."""
    plain = check_choice("precision", precision, ("fast", "plain")) == "plain"
    if plain and not whole and len(input_shape):
        input_shape = (min(input_shape[0], 1), *input_shape[1:])
    plan = plan_for((input_shape, kernel_shape, strides, padding, dilation_rate, dtype, type(strides),
                     type(dilation_rate), plain),
                    lambda: ConvPlan(conv_geometry(input_shape, kernel_shape, strides, padding, dilation_rate), dtype,
                                     "direct" if plain else None))
    if not plain:
        conv_calls.remember(plan, strides, padding, dilation_rate)
    return plan


def _parts(plan, batch):
    """What `plan` takes of a batch, one after another."""
    if plan.input_shape[0] == batch:
        return [slice(None)]
    return [slice(sample, sample + 1) for sample in range(batch)]
