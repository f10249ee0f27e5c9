"""Up-sampling: every entry repeated, or interpolation between them.

Interpolation by a whole factor s is a transposed convolution with stride s of every channel by itself. Output j lies at
(j + 1/2) / s - 1/2 of the input, and the taps are the interpolation's kernel at those distances. Near the edge, where
part of the kernel sees nothing, the rest is divided by its sum, as in JAX: that is the same convolution of ones.
"""
import itertools
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from mgconv._support.checks import check_choice, check_repeats, per_axis
from mgconv._support.memory import aligned_empty
from mgconv.geometry import conv_geometry, transposed_geometry
from mgconv.layers.base import Layer
from mgconv.layers.binding import Bound
from mgconv.layers.spatial import channels_last_edge, check_axes, check_data_format
from mgconv.native.conv import ConvPlan


class _UpSampling(Layer):
    rank = 0                  # spatial axes
    data_format = "channels_last"
    interpolation = "nearest"

    def factors(self):
        """By how much each spatial axis grows."""
        raise NotImplementedError

    def compute_output_shape(self, input_shape):
        first = check_axes(self, input_shape, self.rank, self.data_format)
        shape = list(input_shape)
        for axis, factor in enumerate(self.factors(), first):
            shape[axis] = None if shape[axis] is None else shape[axis] * factor
        return tuple(shape)

    def bind(self, x, dx=None, training=False):
        if self.interpolation == "nearest":
            return self._repeat(x, dx)
        if self.data_format == "channels_first":
            return channels_last_edge(self._interpolate, x, dx, training)
        return self._interpolate(x, dx, training)

    def _repeat(self, x, dx):
        y = aligned_empty(self.compute_output_shape(x.shape), x.dtype)
        first = 1 if self.data_format == "channels_last" else 2
        apart, thin = list(y.shape), list(x.shape)         # with an axis of its own for the repeats of each
        for axis, factor in reversed(list(enumerate(self.factors(), first))):
            apart[axis:axis + 1] = [x.shape[axis], factor]
            thin.insert(axis + 1, 1)
        forward = [partial(np.copyto, y.reshape(apart), x.reshape(thin))]
        if dx is None:
            return Bound(y, None, forward, [])
        dy = aligned_empty(y.shape, x.dtype)
        spread = dy.reshape(apart)
        places = itertools.product(*(range(factor) for factor in self.factors()))
        one, *others = (spread[(slice(None),) * first + tuple(entry for at in place for entry in (slice(None), at))]
                        for place in places)
        return Bound(y, dy, forward, [partial(np.copyto, dx, one), *(partial(np.add, dx, each, out=dx)
                                                                     for each in others)])

    def _interpolate(self, x, dx, training):
        batch, *sizes, channels = x.shape
        factors = self.factors()
        weights = [tap_weights(self.interpolation, factor) for factor in factors]
        taps = np.ones(())
        for along in weights:
            taps = np.multiply.outer(taps, along)
        shape = transposed_geometry((1, *sizes, 1), (*taps.shape, 1, 1), factors, "same", None, 1)
        plan = ConvPlan(conv_geometry((batch, *shape.input_shape[1:-1], channels), (*taps.shape, 1, channels), factors,
                                      shape.pads), x.dtype)
        kernel = np.repeat(taps[..., None, None], channels, axis=-1).astype(x.dtype)
        sums = ConvPlan(shape, np.float64).grad_input(np.ones((1, *sizes, 1)), taps[..., None, None], None)
        share = np.reciprocal(sums).astype(x.dtype)
        y = aligned_empty(plan.input_shape, x.dtype)
        forward = [plan.bind("grad_input", x, kernel, y), partial(np.multiply, y, share, out=y)]
        if dx is None:
            return Bound(y, None, forward, [])
        dy = aligned_empty(y.shape, x.dtype)
        return Bound(y, dy, forward, [partial(np.multiply, dy, share, out=dy),
                                      plan.bind("forward", dy, kernel, None, dx)])


def _cubic(distance):
    """Keys, "Cubic convolution interpolation for digital image processing", 1981, with a = -1/2."""
    near = (1.5 * distance - 2.5) * distance * distance + 1
    far = ((-0.5 * distance + 2.5) * distance - 4) * distance + 2
    return np.where(distance < 1, near, np.where(distance < 2, far, 0))


def _lanczos(radius, distance):
    """Duchon, "Lanczos filtering in one and two dimensions", 1979."""
    return np.where(distance < radius, np.sinc(distance) * np.sinc(distance / radius), 0)


# How far each kernel reaches, in entries of the input, and its value at a distance.
KERNELS: dict[str, Any] = {
    "bilinear": (1, lambda distance: np.maximum(1 - distance, 0)), "bicubic": (2, _cubic),
    "lanczos3": (3, partial(_lanczos, 3)), "lanczos5": (5, partial(_lanczos, 5))}


def tap_weights(interpolation, factor):
    """The taps of the transposed convolution along one axis, in float64."""
    reach, kernel = KERNELS[interpolation]
    taps = 2 * reach * factor - factor % 2
    return kernel(np.abs(np.arange(taps) - (taps - 1) / 2) / factor)


class UpSampling1D(_UpSampling):
    """Repeats every step of (batch, steps, channels).

    Parameters
    ----------
    size : int
        How often.
    name : str, optional
        The layer's name.

    Examples
    --------
    >>> from mgconv import layers
    >>> layers.UpSampling1D(2)([[[5.0], [6.0]]]).ravel().tolist()
    [5.0, 5.0, 6.0, 6.0]
    """

    rank = 1

    def __init__(self, size: int = 2, **layer: Any) -> None:
        super().__init__(**layer)
        self.size = check_repeats("size", size)

    def factors(self):
        return (self.size,)


class UpSampling2D(_UpSampling):
    """Makes the maps of (batch, rows, cols, channels) larger by whole factors.

    Parameters
    ----------
    size : int or (int, int)
        The factors of rows and columns.
    data_format : {"channels_last", "channels_first"}, optional
        The place of the channels; last by default.
    interpolation : {"nearest", "bilinear", "bicubic", "lanczos3", "lanczos5"}
        Repeats, or interpolation between the centres of the entries. The results are those of Keras on JAX.
    name : str, optional
        The layer's name.

    Examples
    --------
    >>> from mgconv import layers
    >>> layers.UpSampling2D((1, 2), interpolation="bilinear")([[[[0.0], [4.0]]]]).ravel().tolist()
    [0.0, 1.0, 3.0, 4.0]
    """

    rank = 2

    def __init__(self, size: int | Sequence[int] = (2, 2), data_format: str | None = None,
                 interpolation: str = "nearest", **layer: Any) -> None:
        super().__init__(**layer)
        self.size = per_axis("size", size, 2)
        self.data_format = check_data_format(data_format)
        self.interpolation = check_choice("interpolation", interpolation, ("nearest", *KERNELS), ignore_case=True)

    def factors(self):
        return self.size
