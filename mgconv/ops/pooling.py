"""Pooling: the largest or the mean entry of every window, channel by channel, and the gradients."""
from mgconv.geometry import conv_geometry, per_axis
from mgconv.native.pooling import PoolPlan
from mgconv.ops.arrays import as_array, as_shape, channels_last, common_dtype, deliver, plan_for, result_array


def max_pool(x, pool_size, strides=None, padding="valid", out=None, data_format="channels_last"):
    """The largest entry of every window.

    Parameters
    ----------
    x : ndarray, (batch, \\*spatial, channels)
        float32 or float64, 1-D or 2-D; the batch may be 0.
    pool_size : int or sequence of int
        Size of a window, for all spatial axes or for each.
    strides : int or sequence of int, optional
        Steps from window to window; `pool_size` by default.
    padding : {"valid", "same"}
        Whole windows only; or ceil(size / strides) of them, where what lies outside the input does not count (the odd
        place is behind, as in Keras).
    out : ndarray, optional
        Where the result goes; of its shape and dtype, writeable, overlapping no argument.
    data_format : {"channels_last", "channels_first"}
        The layout of `x`, `out` and the result.

    Returns
    -------
    ndarray, (batch, \\*spatial, channels)
        NaN where a window holds one.

    Raises
    ------
    ValueError
        If a size is not positive, a window is larger than the input, or `out` cannot be used.
    TypeError
        If the arrays are not all float32 or all float64, or a size is no integer.

    Examples
    --------
    >>> import numpy as np
    >>> from mgconv import ops
    >>> x = np.array([1.0, 3.0, 2.0, 0.0, 5.0]).reshape(1, 5, 1)
    >>> ops.max_pool(x, 2).ravel().tolist()
    [3.0, 2.0]
    >>> ops.max_pool(x, 2, padding="same").ravel().tolist()
    [3.0, 2.0, 5.0]
    """
    x = as_array("x", x, data_format)
    dtype = common_dtype([x], ("x",))
    plan = _plan(x.shape, pool_size, strides, padding, dtype)
    y = result_array(plan.geometry.output_shape, dtype, out, data_format, [x])
    plan.max(x, y)
    return deliver(y, out, data_format)


def max_pool_grad_input(x, y, dy, pool_size, strides=None, padding="valid", out=None, data_format="channels_last"):
    """Gradient of `max_pool` to its input: each dy goes to the first maximum of its window, row by row.

    Where several entries of a window are equal, the derivative does not exist; like JAX and PyTorch, this takes one of
    them. A window whose maximum is NaN gives its dy to its first entry.

    Parameters
    ----------
    x : ndarray, (batch, \\*spatial, channels)
        What `max_pool` was given.
    y, dy : ndarray, (batch, \\*spatial, channels)
        What it returned, and the gradient to that.
    pool_size, strides, padding, data_format
        As in `max_pool`.
    out : ndarray, of the shape of x, optional

    Returns
    -------
    ndarray, of the shape of x

    Raises
    ------
    ValueError, TypeError
        As in `max_pool`.

    Examples
    --------
    >>> import numpy as np
    >>> from mgconv import ops
    >>> x = np.array([1.0, 3.0, 2.0, 2.0]).reshape(1, 4, 1)
    >>> y = ops.max_pool(x, 2)
    >>> ops.max_pool_grad_input(x, y, np.ones_like(y), 2).ravel().tolist()
    [0.0, 1.0, 1.0, 0.0]
    """
    x, y, dy = (as_array(name, array, data_format) for name, array in (("x", x), ("y", y), ("dy", dy)))
    dtype = common_dtype([x, y, dy], ("x", "y", "dy"))
    plan = _plan(x.shape, pool_size, strides, padding, dtype)
    _check_output("y", y, plan)
    _check_output("dy", dy, plan)
    dx = result_array(x.shape, dtype, out, data_format, [x, y, dy])
    plan.max_grad_input(x, y, dy, dx)
    return deliver(dx, out, data_format)


def average_pool(x, pool_size, strides=None, padding="valid", out=None, data_format="channels_last"):
    """The mean of every window, over those of its entries that lie inside the input.

    Parameters
    ----------
    x : ndarray, (batch, \\*spatial, channels)
    pool_size, strides, padding, out, data_format
        As in `max_pool`.

    Returns
    -------
    ndarray, (batch, \\*spatial, channels)

    Raises
    ------
    ValueError, TypeError
        As in `max_pool`.

    Examples
    --------
    >>> import numpy as np
    >>> from mgconv import ops
    >>> x = np.array([1.0, 3.0, 2.0, 0.0, 5.0]).reshape(1, 5, 1)
    >>> ops.average_pool(x, 2, padding="same").ravel().tolist()
    [2.0, 1.0, 5.0]
    """
    x = as_array("x", x, data_format)
    dtype = common_dtype([x], ("x",))
    plan = _plan(x.shape, pool_size, strides, padding, dtype)
    y = result_array(plan.geometry.output_shape, dtype, out, data_format, [x])
    plan.average(x, y)
    return deliver(y, out, data_format)


def average_pool_grad_input(dy, input_shape, pool_size, strides=None, padding="valid", out=None,
                            data_format="channels_last"):
    """Gradient of `average_pool` to its input: each dy is spread evenly over its window.

    Parameters
    ----------
    dy : ndarray, (batch, \\*spatial, channels)
        Gradient to the output of `average_pool`.
    input_shape : sequence of int
        The shape of its x, in `data_format`.
    pool_size, strides, padding, data_format
        As in `max_pool`.
    out : ndarray, input_shape, optional

    Returns
    -------
    ndarray, input_shape

    Raises
    ------
    ValueError, TypeError
        As in `max_pool`.

    Examples
    --------
    >>> import numpy as np
    >>> from mgconv import ops
    >>> ops.average_pool_grad_input(np.ones((1, 2, 1)), (1, 5, 1), 2).ravel().tolist()
    [0.5, 0.5, 0.5, 0.5, 0.0]
    """
    dy = as_array("dy", dy, data_format)
    dtype = common_dtype([dy], ("dy",))
    shape = channels_last(as_shape("input_shape", input_shape), data_format)
    plan = _plan(shape, pool_size, strides, padding, dtype)
    _check_output("dy", dy, plan)
    dx = result_array(shape, dtype, out, data_format, [dy])
    plan.average_grad_input(dy, dx)
    return deliver(dx, out, data_format)


def _plan(input_shape, pool_size, strides, padding, dtype):
    """The plan for checked arrays."""
    return plan_for(("pool", input_shape, pool_size, strides, padding, dtype, type(pool_size), type(strides)),
                    lambda: PoolPlan(_geometry(input_shape, pool_size, strides, padding), dtype))


def _geometry(input_shape, pool_size, strides, padding):
    """The geometry of the windows: that of a convolution of each channel by itself."""
    rank = len(input_shape) - 2
    if rank not in (1, 2):
        raise ValueError("The input must have rank 3 (batch, steps, channels) or 4 (batch, rows, cols, channels). "
                         f"Received: a shape of rank {rank + 2}.")
    if padding not in ("valid", "same"):
        raise ValueError(f'`padding` must be "valid" or "same". Received: padding={padding!r}.')
    pool_size = per_axis("pool_size", pool_size, rank)
    return conv_geometry(input_shape, (*pool_size, 1, input_shape[-1]), pool_size if strides is None else strides,
                         padding)


def _check_output(name, array, plan):
    if array.shape != plan.geometry.output_shape:
        raise ValueError(f"`{name}` must have the shape of the pooled maps, {plan.geometry.output_shape} with channels "
                         f"last. Received: {array.shape}.")
