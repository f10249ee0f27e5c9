"""Pooling: the largest or the mean entry of every window, channel by channel."""
from collections.abc import Sequence
from typing import Any

from mgconv._support.checks import check_choice, per_axis
from mgconv._support.memory import aligned_empty
from mgconv.geometry import pool_geometry
from mgconv.layers.base import Layer
from mgconv.layers.binding import Bound
from mgconv.layers.spatial import channels_last_edge, check_data_format, spatial_output_shape
from mgconv.native.pooling import PoolPlan


class Windows(Layer):
    """What all pooling layers share."""

    rank = 0                  # spatial axes

    def __init__(self, data_format: str | None, **layer: Any) -> None:
        super().__init__(**layer)
        self.data_format = check_data_format(data_format)

    def geometry(self, shape):
        """The geometry of the windows."""
        raise NotImplementedError

    def bind(self, x, dx=None, training=False):
        if self.data_format == "channels_first":
            return channels_last_edge(self._bind, x, dx, training)
        return self._bind(x, dx, training)

    def _bind(self, x, dx, training):
        geometry = self.geometry(x.shape)
        y = aligned_empty(geometry.output_shape, x.dtype)
        dy = None if dx is None else aligned_empty(y.shape, x.dtype)
        plan = PoolPlan(geometry, x.dtype)
        forward = [self.forward_call(plan, x, y)]
        return Bound(y, dy, forward, [] if dx is None else [self.backward_call(plan, x, y, dy, dx)])

    def forward_call(self, plan, x, y):
        """The call that fills y from x."""
        raise NotImplementedError

    def backward_call(self, plan, x, y, dy, dx):
        """The call that fills dx from dy."""
        raise NotImplementedError


class _Pooling(Windows):
    """Windows that go over the input."""

    def __init__(self, pool_size: int | Sequence[int], strides: int | Sequence[int] | None = None,
                 padding: str = "valid", data_format: str | None = None, **layer: Any) -> None:
        super().__init__(data_format, **layer)
        self.pool_size = per_axis("pool_size", pool_size, self.rank)
        self.strides = self.pool_size if strides is None else per_axis("strides", strides, self.rank)
        self.padding = check_choice("padding", padding, ("valid", "same"), ignore_case=True)

    def geometry(self, shape):
        return pool_geometry(shape, self.pool_size, self.strides, self.padding)

    def compute_output_shape(self, input_shape):
        return spatial_output_shape(self, input_shape, self.rank, self.data_format,
                                    lambda shape: self.geometry(shape).output_shape)


class _MaxPooling(_Pooling):
    def __init__(self, pool_size: int | Sequence[int] = 2, strides: int | Sequence[int] | None = None,
                 padding: str = "valid", data_format: str | None = None, **layer: Any) -> None:
        super().__init__(pool_size, strides, padding, data_format, **layer)

    def forward_call(self, plan, x, y):
        return plan.bind_max(x, y)

    def backward_call(self, plan, x, y, dy, dx):
        return plan.bind_max_grad_input(x, y, dy, dx)


class _AveragePooling(_Pooling):
    def forward_call(self, plan, x, y):
        return plan.bind_average(x, y)

    def backward_call(self, plan, x, y, dy, dx):
        return plan.bind_average_grad_input(dy, dx)


class MaxPooling1D(_MaxPooling):
    """The largest entry of every window, over (batch, steps, channels).

    Parameters
    ----------
    pool_size : int
        Steps of a window.
    strides : int, optional
        Steps from window to window; `pool_size` by default.
    padding : {"valid", "same"}
        Whole windows only; or ceil(steps / strides) of them, where what lies outside the input does not count.
    data_format : {"channels_last", "channels_first"}, optional
        The place of the channels; last by default.
    name : str, optional
        The layer's name.

    Examples
    --------
    >>> from mgconv import layers
    >>> layers.MaxPooling1D(2)([[[1.0], [3.0], [2.0], [0.0]]]).ravel().tolist()
    [3.0, 2.0]
    """

    rank = 1


class MaxPooling2D(_MaxPooling):
    """The largest entry of every window, over (batch, rows, cols, channels).

    The parameters are those of `MaxPooling1D`, with one number for both spatial axes or a pair.
    """

    rank = 2


class AveragePooling1D(_AveragePooling):
    """The mean of every window, over (batch, steps, channels).

    Parameters
    ----------
    pool_size : int
        Steps of a window.
    strides : int, optional
        Steps from window to window; `pool_size` by default.
    padding : {"valid", "same"}
        Whole windows only; or ceil(steps / strides) of them, where what lies outside the input does not count.
    data_format : {"channels_last", "channels_first"}, optional
        The place of the channels; last by default.
    name : str, optional
        The layer's name.

    Examples
    --------
    >>> from mgconv import layers
    >>> layers.AveragePooling1D(2)([[[1.0], [3.0], [2.0], [0.0]]]).ravel().tolist()
    [2.0, 1.0]
    """

    rank = 1


class AveragePooling2D(_AveragePooling):
    """The mean of every window, over (batch, rows, cols, channels).

    The parameters are those of `AveragePooling1D`, with one number for both spatial axes or a pair.
    """

    rank = 2
