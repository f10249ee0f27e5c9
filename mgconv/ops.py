"""Convolution as functions: array in, array out.

Arrays are channels last unless `data_format="channels_first"`: x is (batch, steps, channels) in 1-D and (batch, rows,
cols, channels) in 2-D, a kernel (\\*spatial, channels / groups, filters). All arrays of a call are float32 or all are
float64. They may be read-only and need not be contiguous.

Each function looks its plan up by shapes and settings. A call that is not found, or that the plan refuses, takes the
slow way, which checks everything, says what is wrong, or copies what has to be copied.
"""
import numpy as np

from mgconv.geometry import conv_geometry
from mgconv.native import conv as native

__all__ = ["bias_grad", "conv", "conv_grad_input", "conv_grad_kernel", "depthwise_conv", "depthwise_conv_grad_input",
           "depthwise_conv_grad_kernel"]

_plans: dict = {}
_MOST_PLANS = 256
# What a lookup or a plan raises when a call is not the plain case.
_UNUSUAL = (KeyError, AttributeError, TypeError, ValueError, BufferError)


def conv(x, kernel, bias=None, strides=1, padding="valid", dilation_rate=1, activation=None, out=None,
         data_format="channels_last"):
    """Convolution of 1-D or 2-D maps with many channels: the forward pass of a layer.

    As in all neural-network libraries the kernel is not turned:
    y[n, i, f] = activation(bias[f] + sum over k, c of x[n, i * stride + k * dilation_rate - before, c] * kernel[k, c, f]),
    with zeros outside x (Goodfellow, Bengio, Courville, Deep Learning, 2016, section 9.1).

    Parameters
    ----------
    x : ndarray, (batch, \\*spatial, channels)
        float32 or float64; the batch may be 0.
    kernel : ndarray, (\\*spatial, channels / groups, filters)
        The number of groups follows from its shape.
    bias : ndarray, (filters,), optional
    strides, dilation_rate : int or sequence of int
        For all spatial axes, or for each; both may exceed 1.
    padding : {"valid", "same", "causal", "full"} or sequence of (before, after) pairs
        "same" puts the odd zero behind, as Keras does.
    activation : {None, "linear", "relu"}
        Applied while the result is still in registers.
    out : ndarray, optional
        Where the result goes; of its shape and dtype, writeable, overlapping no argument.
    data_format : {"channels_last", "channels_first"}
        The layout of `x`, `out` and the result; not of `kernel`.

    Returns
    -------
    ndarray, (batch, \\*spatial, filters)

    Raises
    ------
    ValueError
        If shapes do not fit, the output would be empty, or `out` cannot be used.
    TypeError
        If the arrays are not all float32 or all float64.

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
    if out is None and data_format == "channels_last":
        try:
            plan = _plans[x.shape, kernel.shape, strides, padding, dilation_rate, x.dtype]
            if not plan.stale:
                y = np.empty(plan.output_shape, plan.dtype)
                plan.forward(x, kernel, bias, y, activation)
                return y
        except _UNUSUAL:
            pass
    x, kernel = _array("x", x, data_format), _array("kernel", kernel)
    arrays = [x, kernel] if bias is None else [x, kernel, _array("bias", bias)]
    dtype = _common_dtype(arrays, ("x", "kernel", "bias"))
    plan = _plan(x.shape, kernel.shape, strides, padding, dilation_rate, dtype)
    y = _result(plan.output_shape, dtype, out, data_format, arrays)
    plan.forward(x, kernel, None if bias is None else arrays[2], y, activation)
    return _deliver(y, out, data_format)


def conv_grad_input(dy, kernel, input_shape, strides=1, padding="valid", dilation_rate=1, out=None,
                    data_format="channels_last"):
    """Gradient of `conv` to its input: with stride 1 the full correlation of dy with the turned kernel.

    Parameters
    ----------
    dy : ndarray, (batch, \\*spatial, filters)
        Gradient to the output of `conv` (before its activation).
    kernel : ndarray, (\\*spatial, channels / groups, filters)
    input_shape : sequence of int
        The shape of `conv`'s x, in `data_format`.
    strides, padding, dilation_rate, out, data_format
        As in `conv`.

    Returns
    -------
    ndarray, input_shape

    Raises
    ------
    ValueError, TypeError
        As in `conv`.

    Examples
    --------
    >>> import numpy as np
    >>> from mgconv import ops
    >>> dy, kernel = np.ones((1, 3, 1)), np.array([1.0, -1.0]).reshape(2, 1, 1)
    >>> ops.conv_grad_input(dy, kernel, (1, 4, 1)).ravel().tolist()
    [1.0, 0.0, 0.0, -1.0]
    """
    if out is None and data_format == "channels_last":
        try:
            plan = _plans[input_shape, kernel.shape, strides, padding, dilation_rate, dy.dtype]
            if not plan.stale:
                dx = np.empty(plan.input_shape, plan.dtype)
                plan.grad_input(dy, kernel, dx)
                return dx
        except _UNUSUAL:
            pass
    dy, kernel = _array("dy", dy, data_format), _array("kernel", kernel)
    dtype = _common_dtype([dy, kernel], ("dy", "kernel"))
    shape = _channels_last(_shape("input_shape", input_shape), data_format)
    plan = _plan(shape, kernel.shape, strides, padding, dilation_rate, dtype)
    dx = _result(plan.input_shape, dtype, out, data_format, [dy, kernel])
    plan.grad_input(dy, kernel, dx)
    return _deliver(dx, out, data_format)


def conv_grad_kernel(x, dy, kernel_shape, strides=1, padding="valid", dilation_rate=1, out=None,
                     data_format="channels_last"):
    """Gradient of `conv` to its kernel: the correlation of x with dy, summed over the batch.

    Parameters
    ----------
    x : ndarray, (batch, \\*spatial, channels)
    dy : ndarray, (batch, \\*spatial, filters)
        Gradient to the output of `conv` (before its activation).
    kernel_shape : sequence of int
        (\\*spatial, channels / groups, filters).
    strides, padding, dilation_rate, data_format
        As in `conv`.
    out : ndarray, kernel_shape, optional

    Returns
    -------
    ndarray, kernel_shape

    Raises
    ------
    ValueError, TypeError
        As in `conv`.

    Examples
    --------
    >>> import numpy as np
    >>> from mgconv import ops
    >>> x, dy = np.array([1.0, 2.0, 3.0, 4.0]).reshape(1, 4, 1), np.ones((1, 3, 1))
    >>> ops.conv_grad_kernel(x, dy, (2, 1, 1)).ravel().tolist()
    [6.0, 9.0]
    """
    if out is None and data_format == "channels_last":
        try:
            plan = _plans[x.shape, kernel_shape, strides, padding, dilation_rate, x.dtype]
            if not plan.stale:
                dkernel = np.empty(plan.kernel_shape, plan.dtype)
                plan.grad_kernel(x, dy, dkernel)
                return dkernel
        except _UNUSUAL:
            pass
    x, dy = _array("x", x, data_format), _array("dy", dy, data_format)
    dtype = _common_dtype([x, dy], ("x", "dy"))
    plan = _plan(x.shape, _shape("kernel_shape", kernel_shape), strides, padding, dilation_rate, dtype)
    dkernel = _result(plan.kernel_shape, dtype, out, "channels_last", [x, dy])
    plan.grad_kernel(x, dy, dkernel)
    return _deliver(dkernel, out, "channels_last")


def bias_grad(dy, out=None, data_format="channels_last"):
    """Gradient of `conv` to its bias: the sum of dy over batch and positions.

    Parameters
    ----------
    dy : ndarray, (batch, \\*spatial, filters)
        Of any rank from 1 up; float32 or float64.
    out : ndarray, (filters,), optional
    data_format : {"channels_last", "channels_first"}

    Returns
    -------
    ndarray, (filters,)

    Raises
    ------
    ValueError, TypeError
        As in `conv`.

    Examples
    --------
    >>> import numpy as np
    >>> from mgconv import ops
    >>> ops.bias_grad(np.ones((2, 5, 3))).tolist()
    [10.0, 10.0, 10.0]
    """
    dy = _array("dy", dy, data_format)
    dtype = _common_dtype([dy], ("dy",))
    if dy.ndim < 1:
        raise ValueError(f"`dy` must have at least rank 1. Received: dy.shape={dy.shape}.")
    db = _result(dy.shape[-1:], dtype, out, "channels_last", [dy])
    native.bias_grad(dy.reshape(-1, dy.shape[-1]) if dy.size else np.zeros((1, dy.shape[-1]), dtype), db)
    return _deliver(db, out, "channels_last")


def depthwise_conv(x, kernel, bias=None, strides=1, padding="valid", dilation_rate=1, activation=None, out=None,
                   data_format="channels_last"):
    """Convolution of each channel by itself with `multiplier` filters of its own.

    Parameters
    ----------
    x : ndarray, (batch, \\*spatial, channels)
    kernel : ndarray, (\\*spatial, channels, multiplier)
    bias : ndarray, (channels * multiplier,), optional
    strides, padding, dilation_rate, activation, out, data_format
        As in `conv`.

    Returns
    -------
    ndarray, (batch, \\*spatial, channels * multiplier)
        Filter m of channel c is its channel c * multiplier + m.

    Raises
    ------
    ValueError, TypeError
        As in `conv`.

    Examples
    --------
    >>> import numpy as np
    >>> from mgconv import ops
    >>> x, kernel = np.arange(6.0).reshape(1, 3, 2), np.ones((2, 2, 1))
    >>> ops.depthwise_conv(x, kernel).tolist()
    [[[2.0, 4.0], [6.0, 8.0]]]
    """
    x, kernel = _array("x", x, data_format), _array("kernel", kernel)
    grouped = kernel.reshape(_grouped_shape(kernel.shape, x.shape))
    if data_format == "channels_first":
        x = np.moveaxis(x, -1, 1)
    return conv(x, grouped, bias, strides, padding, dilation_rate, activation, out, data_format)


def depthwise_conv_grad_input(dy, kernel, input_shape, strides=1, padding="valid", dilation_rate=1, out=None,
                              data_format="channels_last"):
    """Gradient of `depthwise_conv` to its input; see `conv_grad_input`.

    Parameters
    ----------
    dy : ndarray, (batch, \\*spatial, channels * multiplier)
    kernel : ndarray, (\\*spatial, channels, multiplier)
    input_shape, strides, padding, dilation_rate, out, data_format
        As in `conv_grad_input`.

    Returns
    -------
    ndarray, input_shape

    Raises
    ------
    ValueError, TypeError
        As in `conv`.

    Examples
    --------
    >>> import numpy as np
    >>> from mgconv import ops
    >>> ops.depthwise_conv_grad_input(np.ones((1, 2, 2)), np.ones((2, 2, 1)), (1, 3, 2)).tolist()
    [[[1.0, 1.0], [2.0, 2.0], [1.0, 1.0]]]
    """
    kernel = _array("kernel", kernel)
    grouped = kernel.reshape(_grouped_shape(kernel.shape, _channels_last(_shape("input_shape", input_shape), data_format)))
    return conv_grad_input(dy, grouped, input_shape, strides, padding, dilation_rate, out, data_format)


def depthwise_conv_grad_kernel(x, dy, kernel_shape, strides=1, padding="valid", dilation_rate=1, out=None,
                               data_format="channels_last"):
    """Gradient of `depthwise_conv` to its kernel; see `conv_grad_kernel`.

    Parameters
    ----------
    x : ndarray, (batch, \\*spatial, channels)
    dy : ndarray, (batch, \\*spatial, channels * multiplier)
    kernel_shape : sequence of int
        (\\*spatial, channels, multiplier).
    strides, padding, dilation_rate, out, data_format
        As in `conv_grad_kernel`.

    Returns
    -------
    ndarray, kernel_shape

    Raises
    ------
    ValueError, TypeError
        As in `conv`.

    Examples
    --------
    >>> import numpy as np
    >>> from mgconv import ops
    >>> x = np.arange(6.0).reshape(1, 3, 2)
    >>> ops.depthwise_conv_grad_kernel(x, np.ones((1, 2, 2)), (2, 2, 1)).tolist()
    [[[2.0], [4.0]], [[6.0], [8.0]]]
    """
    kernel_shape = _shape("kernel_shape", kernel_shape)
    x, dy = _array("x", x, data_format), _array("dy", dy, data_format)
    dtype = _common_dtype([x, dy], ("x", "dy"))
    dkernel = _result(kernel_shape, dtype, out, "channels_last", [x, dy])
    grouped = dkernel.reshape(_grouped_shape(kernel_shape, x.shape))
    conv_grad_kernel(x, dy, grouped.shape, strides, padding, dilation_rate, grouped)
    return _deliver(dkernel, out, "channels_last")


def _grouped_shape(kernel_shape, input_shape):
    """A depthwise kernel's shape as that of a convolution with one group a channel."""
    if len(kernel_shape) < 3 or kernel_shape[-2] != input_shape[-1]:
        raise ValueError("A depthwise kernel must have the shape (*spatial, channels, multiplier). "
                         f"Received: kernel_shape={kernel_shape} beside an input of shape {input_shape}.")
    return (*kernel_shape[:-2], 1, kernel_shape[-2] * kernel_shape[-1])


def _plan(input_shape, kernel_shape, strides, padding, dilation_rate, dtype):
    """The plan for checked arrays; kept where its settings can be a key."""
    key = (input_shape, kernel_shape, strides, padding, dilation_rate, dtype)
    try:
        plan = _plans.get(key)
    except TypeError:                     # a list, say: not to be kept
        key = plan = None
    if plan is None or plan.stale:
        plan = native.ConvPlan(conv_geometry(input_shape, kernel_shape, strides, padding, dilation_rate), dtype)
        if key is not None:
            while len(_plans) >= _MOST_PLANS:
                _plans.pop(next(iter(_plans), None), None)
            _plans[key] = plan
    return plan


def _array(name, value, data_format="channels_last"):
    """`value` as an aligned C-contiguous array, channels last."""
    array = np.asarray(value)
    if array.dtype not in (np.float32, np.float64) or not array.dtype.isnative:
        raise TypeError(f"`{name}` must be float32 or float64. Received: dtype={array.dtype}.")
    if data_format == "channels_first" and array.ndim > 1:
        array = np.moveaxis(array, 1, -1)
    elif data_format not in ("channels_last", "channels_first"):
        raise ValueError('`data_format` must be "channels_last" or "channels_first". '
                         f"Received: data_format={data_format!r}.")
    return np.require(array, requirements=["C", "A"])


def _common_dtype(arrays, names):
    dtypes = [array.dtype for array in arrays]
    if len(set(dtypes)) > 1:
        got = ", ".join(f"{name}: {dtype}" for name, dtype in zip(names, dtypes))
        raise TypeError(f"All arrays must be float32 or all float64. Received: {got}.")
    return dtypes[0]


def _shape(name, shape):
    try:
        return tuple(int(size.__index__()) for size in shape)
    except (TypeError, AttributeError):
        raise TypeError(f"`{name}` must be a sequence of integers. Received: {name}={shape!r}.") from None


def _channels_last(shape, data_format):
    return (shape[0], *shape[2:], shape[1]) if data_format == "channels_first" and len(shape) > 1 else shape


def _result(shape, dtype, out, data_format, arrays):
    """Where the engine writes: `out` itself if it can, else a new array."""
    if out is None:
        return np.empty(shape, dtype)
    if not isinstance(out, np.ndarray) or out.dtype != dtype or not out.dtype.isnative:
        raise TypeError(f"`out` must be an array of dtype {dtype}. Received: {getattr(out, 'dtype', type(out))}.")
    expected = (shape[0], shape[-1], *shape[1:-1]) if data_format == "channels_first" else tuple(shape)
    if out.shape != expected:
        raise ValueError(f"`out` must have the result's shape {expected}. Received: out.shape={out.shape}.")
    if not out.flags.writeable:
        raise ValueError("`out` must be writeable. Received: a read-only array.")
    if any(np.shares_memory(out, array) for array in arrays):
        raise ValueError("`out` must not overlap the other arguments. Received: an array that does.")
    if data_format == "channels_first" or not out.flags.c_contiguous or not out.flags.aligned:
        return np.empty(shape, dtype)
    return out


def _deliver(result, out, data_format):
    if data_format == "channels_first":
        result = np.moveaxis(result, -1, 1)
    if out is None:
        return np.ascontiguousarray(result)
    if out is not result:
        out[...] = result
    return out
