"""Layers that do something in training only: noise of several kinds, and a penalty."""
from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from mgconv import config, regularizers
from mgconv._support.checks import check_number, check_share
from mgconv._support.memory import aligned_empty
from mgconv.layers.base import Layer
from mgconv.layers.binding import Bound
from mgconv.layers.spatial import check_data_format
from mgconv.native.rowwise import Drop, draw


class _Noise(Layer):
    """What the layers that add or multiply random numbers share.

    A subclass defines `bind_noise`, which is asked only where there is noise.
    """

    columnwise = True
    rate: float

    def __init__(self, seed: int | None = None, **layer: Any) -> None:
        super().__init__(**layer)
        self.seed = seed
        self._generator = None if seed is None else config.random_generator(seed)

    def generator(self):
        """Where random numbers come from: the layer's own seed, or the package's."""
        return self._generator or config.random_generator()

    def bind(self, x, dx=None, training=False):
        return self.bind_noise(x, dx) if training and self.noisy() else Bound(x, dx, [], [])

    def noisy(self):
        """Whether training is not as prediction."""
        return self.rate > 0

    def bind_noise(self, x, dx):
        """As `bind`, in training."""
        raise NotImplementedError


class _Factors(_Noise):
    """y = x times random factors, which `draw` fills in."""

    def bind_noise(self, x, dx):
        y, factors = aligned_empty(x.shape, x.dtype), aligned_empty(self.factor_shape(x.shape), x.dtype)

        def forward():
            self.draw(factors)
            np.multiply(x, factors, out=y)
        return Bound(y, dx, [forward], [] if dx is None else [partial(np.multiply, dx, factors, out=dx)])

    def factor_shape(self, shape):
        """That of the factors for an input of `shape`."""
        return shape

    def draw(self, factors):
        """Fill the array."""
        raise NotImplementedError


class Dropout(_Factors):
    """In training, sets a share `rate` of the entries to 0 and divides the others by 1 - rate; else does nothing.

    Parameters
    ----------
    rate : float
        From 0 to below 1.
    noise_shape : sequence of int or None, optional
        The shape of what is drawn: along axes of size 1, the same entries are dropped; None stands for the input's
        size. By default that of the input.
    seed : int, optional
        Makes this layer's choices a function of the seed alone; by default they follow `mgconv.set_random_seed`.
    **layer
        As in `Layer`.
    """

    def __init__(self, rate: float, noise_shape: Sequence[int | None] | None = None, seed: int | None = None,
                 **layer: Any) -> None:
        super().__init__(seed=seed, **layer)
        self.rate = check_rate(rate)
        self.noise_shape = check_noise_shape(noise_shape)

    def factor_shape(self, shape):
        return noise_shape_for(self, shape)

    def bind_noise(self, x, dx):
        if self.factor_shape(x.shape) != x.shape:
            return super().bind_noise(x, dx)
        y, kept = aligned_empty(x.shape, x.dtype), aligned_empty(x.shape, x.dtype)
        rows, factor = [array.reshape(-1, x.shape[-1]) for array in (x, kept, y)], 1 / (1 - self.rate)
        forward = [partial(self._draw_kept, kept), Drop(rows[0], rows[1], rows[2], factor)]
        if dx is None:
            return Bound(y, None, forward, [])
        slope = dx.reshape(rows[0].shape)
        return Bound(y, dx, forward, [Drop(slope, rows[1], slope, factor)])

    def _draw_kept(self, kept):
        """Fill the array with 0 and 1, the same ones for all dtypes."""
        if kept.dtype == np.float32:
            draw(self.generator(), self.rate, kept)
        else:
            np.copyto(kept, self.generator().random(kept.shape, np.float32) >= np.float32(self.rate))

    def draw(self, factors):
        self._draw_kept(factors)
        np.multiply(factors, 1 / (1 - self.rate), out=factors)


class _SpatialDropout(Dropout):
    """Drops whole channels."""

    rank = 0                  # spatial axes

    def __init__(self, rate: float, seed: int | None = None, **layer: Any) -> None:
        super().__init__(rate, None, seed, **layer)

    def get_config(self):
        config = super().get_config()
        config.pop("noise_shape", None)
        return config

    def compute_output_shape(self, input_shape):
        if len(input_shape) != self.rank + 2:
            raise ValueError(f"the input of {type(self).__name__} must have {self.rank + 2} axes. "
                             f"Received: {tuple(input_shape)}.")
        return tuple(input_shape)

    def factor_shape(self, shape):
        if getattr(self, "data_format", "channels_last") == "channels_first":
            return (*shape[:2], *(1,) * self.rank)
        return (shape[0], *(1,) * self.rank, shape[-1])


class SpatialDropout1D(_SpatialDropout):
    """Dropout of whole channels, over (batch, steps, channels) (Tompson et al., 2015).

    Parameters
    ----------
    rate, seed, **layer
        As in `Dropout`.
    """

    rank = 1


class SpatialDropout2D(_SpatialDropout):
    """Dropout of whole channels, over (batch, rows, cols, channels).

    Parameters
    ----------
    rate : float
        As in `Dropout`.
    data_format : {"channels_last", "channels_first"}, optional
        The place of the channels; last by default.
    seed, **layer
        As in `Dropout`.
    """

    rank = 2

    def __init__(self, rate: float, data_format: str | None = None, seed: int | None = None, **layer: Any) -> None:
        super().__init__(rate, seed, **layer)
        self.data_format = check_data_format(data_format)


class GaussianDropout(_Factors):
    """In training, multiplies by normal numbers of mean 1 and variance rate / (1 - rate); else does nothing.

    Parameters
    ----------
    rate : float
        From 0 to below 1.
    seed, **layer
        As in `Dropout`.
    """

    def __init__(self, rate: float, seed: int | None = None, **layer: Any) -> None:
        super().__init__(seed=seed, **layer)
        self.rate = check_rate(rate)

    def draw(self, factors):
        self.generator().standard_normal(factors.shape, factors.dtype, factors)
        np.multiply(factors, math.sqrt(self.rate / (1 - self.rate)), out=factors)
        np.add(factors, 1, out=factors)


class GaussianNoise(_Noise):
    """In training, adds normal numbers of mean 0; else does nothing.

    Parameters
    ----------
    stddev : float
        Their standard deviation, from 0 to 1.
    seed, **layer
        As in `Dropout`.
    """

    def __init__(self, stddev: float, seed: int | None = None, **layer: Any) -> None:
        super().__init__(seed=seed, **layer)
        self.stddev = check_share("stddev", stddev)

    def noisy(self):
        return self.stddev > 0

    def bind_noise(self, x, dx):
        y = aligned_empty(x.shape, x.dtype)

        def forward():
            self.generator().standard_normal(y.shape, y.dtype, y)
            np.multiply(y, self.stddev, out=y)
            np.add(y, x, out=y)
        return Bound(y, dx, [forward], [])


class AlphaDropout(_Noise):
    """Dropout that keeps mean 0 and variance 1, for nets of `selu` (Klambauer et al., 2017).

    Parameters
    ----------
    rate, noise_shape, seed, **layer
        As in `Dropout`.
    """

    def __init__(self, rate: float, noise_shape: Sequence[int | None] | None = None, seed: int | None = None,
                 **layer: Any) -> None:
        super().__init__(seed=seed, **layer)
        self.rate = check_rate(rate)
        self.noise_shape = check_noise_shape(noise_shape)

    def bind_noise(self, x, dx):
        low = -1.6732632423543772 * 1.0507009873554805          # what selu goes to far below 0
        slope = ((1 - self.rate) * (1 + self.rate * low * low)) ** -0.5
        y, factors = aligned_empty(x.shape, x.dtype), aligned_empty(noise_shape_for(self, x.shape), x.dtype)

        def forward():
            kept = self.generator().random(factors.shape, np.float32) >= self.rate
            np.multiply(kept, slope, out=factors)
            np.multiply(x, factors, out=y)
            np.add(y, np.where(kept, -slope * low * self.rate, slope * low * (1 - self.rate)), out=y,
                   casting="same_kind")
        return Bound(y, dx, [forward], [] if dx is None else [partial(np.multiply, dx, factors, out=dx)])


class ActivityRegularization(Layer):
    """Adds l1 sum(abs(x)) + l2 sum(x^2), over the number of samples, to the loss; hands `x` on as it is.

    Parameters
    ----------
    l1, l2 : float
        At least 0.
    **layer
        As in `Layer`, but for `activity_regularizer`.
    """

    def __init__(self, l1: float = 0.0, l2: float = 0.0, **layer: Any) -> None:
        super().__init__(activity_regularizer=regularizers.L1L2(l1, l2), **layer)
        self.l1, self.l2 = l1, l2

    columnwise = True

    def get_config(self):
        config = super().get_config()
        config.pop("activity_regularizer", None)
        return config

    def bind(self, x, dx=None, training=False):
        return Bound(x, dx, [], [])


def check_rate(rate):
    """`rate`, from 0 to below 1."""
    if not 0 <= check_number("rate", rate) < 1:
        raise ValueError("Invalid value received for argument `rate`. Expected a float value between 0 and 1, but not "
                         f"1. Received: rate={rate}.")
    return rate


def check_noise_shape(noise_shape):
    """`noise_shape`, None or positive integers and None, as a tuple."""
    if noise_shape is None:
        return None
    if isinstance(noise_shape, str) or not hasattr(noise_shape, "__iter__"):
        rule = "a tuple or list of integers"
    elif not all(size is None or hasattr(size, "__index__") for size in noise_shape):
        rule = "all elements to be integers or None"
    elif not all(size is None or size > 0 for size in noise_shape):
        rule = "all dimensions to be positive integers or None"
    else:
        return tuple(None if size is None else operator.index(size) for size in noise_shape)
    raise ValueError(f"Invalid value received for argument `noise_shape`. Expected {rule}. "
                     f"Received: noise_shape={noise_shape!r}.")


def noise_shape_for(layer, shape):
    """The shape of a layer's noise for an input of `shape`; ValueError if it is none that fits."""
    wanted = layer.noise_shape
    if wanted is None:
        return shape
    if len(wanted) != len(shape) or any(want not in (None, 1, size) for want, size in zip(wanted, shape, strict=True)):
        raise ValueError(f"`noise_shape` must have the input's axes, each of its size, 1 or None. Received: "
                         f"noise_shape={wanted} for an input of shape {tuple(shape)}.")
    return tuple(size if want is None else want for want, size in zip(wanted, shape, strict=True))
