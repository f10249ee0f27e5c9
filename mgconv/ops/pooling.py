"""Pooling: the largest or the mean entry of every window, channel by channel, and the gradients."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray

from mgconv.geometry import integers, pool_geometry
from mgconv.native.pooling import PoolPlan
from mgconv.ops.arrays import as_array, channels_last, common_dtype, deliver, plan_for, result_array
from mgconv.ops.docs import Array, Sizes, documented

POOLING = {
    "op": "average_pool",
    "y": r"""ndarray, (batch, \*spatial, channels)
        What the forward pass returned.""",
    "dy": r"""ndarray, (batch, \*spatial, channels)
        Gradient to the pooled maps.""",
    "pool_size": """int or sequence of int
        Size of a window, for all spatial axes or for each.""",
    "strides": """int or sequence of int, optional
        Steps from window to window; `pool_size` by default.""",
    "padding": """{"valid", "same"}
        Whole windows only; or ceil(size / strides) of them, where what lies outside the input does not count (the odd
        place is behind, as in Keras).""",
}


@documented(POOLING)
def max_pool(x: Array, pool_size: Sizes, strides: Sizes | None = None, padding: str = "valid",
             out: NDArray[Any] | None = None, data_format: str = "channels_last") -> NDArray[Any]:
    """The largest entry of every window.

    %(parameters)s

    Returns
    -------
    ndarray, (batch, \\*spatial, channels)
        NaN where a window holds one.

    %(raises)s

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


@documented(POOLING)
def max_pool_grad_input(x: Array, y: Array, dy: Array, pool_size: Sizes, strides: Sizes | None = None,
                        padding: str = "valid", out: NDArray[Any] | None = None,
                        data_format: str = "channels_last") -> NDArray[Any]:
    """Gradient of `max_pool` to its input: each dy goes to the first maximum of its window, row by row.

    Where several entries of a window are equal, the derivative does not exist; like JAX and PyTorch, this takes one of
    them. A window whose maximum is NaN gives its dy to its first entry.

    %(parameters)s

    Returns
    -------
    ndarray, of the shape of x

    %(raises)s

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


@documented(POOLING)
def average_pool(x: Array, pool_size: Sizes, strides: Sizes | None = None, padding: str = "valid",
                 out: NDArray[Any] | None = None, data_format: str = "channels_last") -> NDArray[Any]:
    """The mean of every window, over those of its entries that lie inside the input.

    %(parameters)s

    Returns
    -------
    ndarray, (batch, \\*spatial, channels)

    %(raises)s

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


@documented(POOLING)
def average_pool_grad_input(dy: Array, input_shape: Sequence[int], pool_size: Sizes, strides: Sizes | None = None,
                            padding: str = "valid", out: NDArray[Any] | None = None,
                            data_format: str = "channels_last") -> NDArray[Any]:
    """Gradient of `average_pool` to its input: each dy is spread evenly over its window.

    %(parameters)s

    Returns
    -------
    ndarray, input_shape

    %(raises)s

    Examples
    --------
    >>> import numpy as np
    >>> from mgconv import ops
    >>> ops.average_pool_grad_input(np.ones((1, 2, 1)), (1, 5, 1), 2).ravel().tolist()
    [0.5, 0.5, 0.5, 0.5, 0.0]
    """
    dy = as_array("dy", dy, data_format)
    dtype = common_dtype([dy], ("dy",))
    shape = channels_last(integers("input_shape", input_shape), data_format)
    plan = _plan(shape, pool_size, strides, padding, dtype)
    _check_output("dy", dy, plan)
    dx = result_array(shape, dtype, out, data_format, [dy])
    plan.average_grad_input(dy, dx)
    return deliver(dx, out, data_format)


def _plan(input_shape, pool_size, strides, padding, dtype):
    """The plan for checked arrays."""
    return plan_for(("pool", input_shape, pool_size, strides, padding, dtype, type(pool_size), type(strides)),
                    lambda: PoolPlan(pool_geometry(input_shape, pool_size, strides, padding), dtype))


def _check_output(name, array, plan):
    if array.shape != plan.geometry.output_shape:
        raise ValueError(f"`{name}` must have the shape of the pooled maps, {plan.geometry.output_shape} with channels "
                         f"last. Received: {array.shape}.")
