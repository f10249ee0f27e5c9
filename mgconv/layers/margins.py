"""Layers that put zeros around the maps of a sample, or cut their margins off: one copies what the other cuts."""
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from mgconv._support.checks import check_margins
from mgconv._support.memory import aligned_empty
from mgconv.layers.base import Layer
from mgconv.layers.binding import Bound
from mgconv.layers.spatial import check_axes, check_data_format

Margins = int | Sequence[int] | Sequence[Sequence[int]]


class _Margins(Layer):
    rank = 0                  # spatial axes
    sign = 1                  # 1 where the output is larger by the margins, -1 where it is smaller
    data_format = "channels_last"

    def margins(self):
        """(before, after) of each spatial axis."""
        raise NotImplementedError

    def compute_output_shape(self, input_shape):
        first = check_axes(self, input_shape, self.rank, self.data_format)
        shape = list(input_shape)
        for axis, pair in enumerate(self.margins(), first):
            if shape[axis] is not None:
                shape[axis] += self.sign * sum(pair)
        return tuple(shape)

    def bind(self, x, dx=None, training=False):
        y = aligned_empty(self.compute_output_shape(x.shape), x.dtype)
        dy = None if dx is None else aligned_empty(y.shape, x.dtype)
        forward = self.moved(x, y)
        return Bound(y, dy, forward, [] if dx is None else self.moved(dy, dx))

    def moved(self, source, target):
        """The calls that fill `target` with what of `source` it covers, and zeros."""
        wide, narrow = (target, source) if sum(target.shape) > sum(source.shape) else (source, target)
        first = 1 if self.data_format == "channels_last" else 2
        inner: list[Any] = [slice(None)] * wide.ndim
        edges = []
        for axis, (before, after) in enumerate(self.margins(), first):
            end = wide.shape[axis] - after
            for zeros in (slice(0, before), slice(end, None)):
                edges.append(wide[(*inner[:axis], zeros)])
            inner[axis] = slice(before, end)
        middle = wide[tuple(inner)]
        if wide is source:
            return [partial(np.copyto, narrow, middle)]
        return [*(partial(edge.fill, 0) for edge in edges if edge.size), partial(np.copyto, middle, narrow)]


class ZeroPadding1D(_Margins):
    """Puts zeros before and behind the steps of (batch, steps, channels).

    Parameters
    ----------
    padding : int or (int, int)
        How many: at both ends, or (before, behind).
    data_format : {"channels_last", "channels_first"}, optional
        The place of the channels; last by default.
    name : str, optional
        The layer's name.

    Examples
    --------
    >>> from mgconv import layers
    >>> layers.ZeroPadding1D((1, 2))([[[5.0], [6.0]]]).ravel().tolist()
    [0.0, 5.0, 6.0, 0.0, 0.0]
    """

    rank = 1

    def __init__(self, padding: int | Sequence[int] = 1, data_format: str | None = None, **layer: Any) -> None:
        super().__init__(**layer)
        self.padding, = check_margins("padding", padding, 1)
        self.data_format = check_data_format(data_format)

    def margins(self):
        return (self.padding,)


class ZeroPadding2D(_Margins):
    """Puts zeros around the maps of (batch, rows, cols, channels).

    Parameters
    ----------
    padding : int, (int, int) or ((int, int), (int, int))
        How many: on all sides, (above and below, left and right), or ((above, below), (left, right)).
    data_format : {"channels_last", "channels_first"}, optional
        The place of the channels; last by default.
    name : str, optional
        The layer's name.

    Examples
    --------
    >>> from mgconv import layers
    >>> layers.ZeroPadding2D(((0, 1), (2, 0))).compute_output_shape((None, 5, 5, 3))
    (None, 6, 7, 3)
    """

    rank = 2

    def __init__(self, padding: Margins = (1, 1), data_format: str | None = None, **layer: Any) -> None:
        super().__init__(**layer)
        self.padding = check_margins("padding", padding, 2)
        self.data_format = check_data_format(data_format)

    def margins(self):
        return self.padding


class _Cropping(_Margins):
    cropping: Any
    sign = -1
    rule = ""                 # what Keras says where nothing would be left

    def compute_output_shape(self, input_shape):
        shape = super().compute_output_shape(input_shape)
        if any(size is not None and size < 1 for size in shape[1:]):
            raise ValueError(f"{self.rule} Received: input_shape={tuple(input_shape)}, cropping={self.cropping}.")
        return shape


class Cropping1D(_Cropping):
    """Cuts off steps at both ends of (batch, steps, channels).

    Parameters
    ----------
    cropping : int or (int, int)
        How many: at both ends, or (before, behind).
    name : str, optional
        The layer's name.

    Raises
    ------
    ValueError
        When it is built, if nothing would be left.

    Examples
    --------
    >>> from mgconv import layers
    >>> layers.Cropping1D((1, 0))([[[5.0], [6.0], [7.0]]]).ravel().tolist()
    [6.0, 7.0]
    """

    rank = 1
    rule = "`cropping` parameter of `Cropping1D` layer must be smaller than the input length."

    def __init__(self, cropping: int | Sequence[int] = (1, 1), **layer: Any) -> None:
        super().__init__(**layer)
        self.cropping, = check_margins("cropping", cropping, 1)

    def margins(self):
        return (self.cropping,)


class Cropping2D(_Cropping):
    """Cuts off the margins of the maps of (batch, rows, cols, channels).

    Parameters
    ----------
    cropping : int, (int, int) or ((int, int), (int, int))
        How many: on all sides, (above and below, left and right), or ((above, below), (left, right)).
    data_format : {"channels_last", "channels_first"}, optional
        The place of the channels; last by default.
    name : str, optional
        The layer's name.

    Raises
    ------
    ValueError
        When it is built, if nothing would be left.
    """

    rank = 2
    rule = "Values in `cropping` argument should be smaller than the corresponding spatial dimension of the input."

    def __init__(self, cropping: Margins = ((0, 0), (0, 0)), data_format: str | None = None, **layer: Any) -> None:
        super().__init__(**layer)
        self.cropping = check_margins("cropping", cropping, 2)
        self.data_format = check_data_format(data_format)

    def margins(self):
        return self.cropping
