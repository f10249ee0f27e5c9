"""Layers that bring data to the scale that nets learn well from, by settings or by data seen beforehand."""
from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mgconv._support.arrays import real_array
from mgconv._support.checks import integers
from mgconv._support.memory import aligned_empty
from mgconv.layers.base import Layer
from mgconv.layers.binding import Bound


def scaled(x, dx, factor, offset):
    """Bind y = x factor + offset to `x`; `factor()` and `offset()` give arrays or numbers at every run."""
    y = aligned_empty(x.shape, x.dtype)
    forward = [lambda: np.multiply(x, factor(), out=y, casting="same_kind"),
               lambda: np.add(y, offset(), out=y, casting="same_kind")]
    return Bound(y, dx, forward, [] if dx is None else [
        lambda: np.multiply(dx, factor(), out=dx, casting="same_kind")])


class Rescaling(Layer):
    """y = x scale + offset.

    Parameters
    ----------
    scale, offset : float or array_like
        What goes with a sample by NumPy's rules: numbers, or one for each channel.
    **layer
        As in `Layer`.

    Examples
    --------
    >>> from mgconv import layers
    >>> layers.Rescaling(1 / 127.5, offset=-1)([[0.0, 127.5, 255.0]]).tolist()
    [[-1.0, 0.0, 1.0]]
    """

    def __init__(self, scale: ArrayLike, offset: ArrayLike = 0.0, **layer: Any) -> None:
        super().__init__(**layer)
        self.scale, self.offset = scale, offset
        self._numbers = real_array("scale", scale), real_array("offset", offset)
        self.columnwise = all(array.ndim < 2 for array in self._numbers)

    def compute_output_shape(self, input_shape):
        for name, array in zip(("scale", "offset"), self._numbers, strict=True):
            sizes = zip(array.shape[::-1], input_shape[::-1], strict=False)
            if array.ndim > len(input_shape) or any(mine not in (1, size) for mine, size in sizes):
                raise ValueError(f"`{name}` of Rescaling must go with its input, of shape {tuple(input_shape)}. "
                                 f"Received: an array of shape {array.shape}.")
        return tuple(input_shape)

    def bind(self, x, dx=None, training=False):
        scale, offset = (array.astype(x.dtype) for array in self._numbers)
        return scaled(x, dx, lambda: scale, lambda: offset)


class Normalization(Layer):
    """y = (x - mean) / sqrt(variance), with the statistics of data that the layer saw before the training.

    Parameters
    ----------
    axis : int, sequence of int or None
        Each place along these axes has a mean and a variance of its own, over all others; with None there is one of
        each. The channels by default.
    mean, variance : float or array_like, optional
        Both, in place of `adapt`.
    invert : bool
        Whether to do the reverse: y = x sqrt(variance) + mean.
    **layer
        As in `Layer`.

    Attributes
    ----------
    mean, variance : ndarray
        The sizes of the input along `axis`; not trained. With `adapt` they are weights; given ones have all axes of
        the input, others of size 1.

    Examples
    --------
    >>> import numpy as np
    >>> from mgconv import layers
    >>> layer = layers.Normalization()
    >>> layer.adapt(np.array([[1.0, 10.0], [3.0, 30.0]]))
    >>> layer([[1.0, 30.0]]).tolist()
    [[-1.0, 1.0]]
    """

    mean: Any
    variance: Any

    def __init__(self, axis: int | Sequence[int] | None = -1, mean: ArrayLike | None = None,
                 variance: ArrayLike | None = None, invert: bool = False, **layer: Any) -> None:
        super().__init__(**layer)
        self.axis = () if axis is None else integers("axis", axis if isinstance(axis, (list, tuple)) else [axis])
        if (mean is None) != (variance is None):
            raise ValueError("both `mean` and `variance` must be set, or none. Received: "
                             f"mean={mean!r}, variance={variance!r}.")
        self._given = None if mean is None else (real_array("mean", mean), real_array("variance", variance))
        if self._given is not None and self._given[0].shape != self._given[1].shape:
            raise ValueError("`mean` and `variance` must have the same shape. Received: "
                             f"{self._given[0].shape} and {self._given[1].shape}.")
        if self._given is not None and self._given[0].ndim > len(self.axis):
            raise ValueError(f"the rank of `mean` must be at most the number of axes, {len(self.axis)}. Received: "
                             f"a mean of shape {self._given[0].shape} for axis={self.axis}.")
        self.invert = bool(invert)
        self.mean = self.variance = None

    def get_config(self):
        given = self._given or (None, None)
        return super().get_config() | {"axis": list(self.axis), "mean": _plain(given[0]),
                                       "variance": _plain(given[1])}

    def kept_axes(self, rank):
        """`axis`, counted from 0, in their order."""
        if not all(-rank <= axis < rank for axis in self.axis):
            raise ValueError(f"All `axis` values must be in the range [-{rank}, {rank}), those of the input's axes. "
                             f"Received: axis={self.axis}.")
        return sorted(axis % rank for axis in self.axis)

    @property
    def columnwise(self):                 # type: ignore[override]
        rank = len(self.input_shape or ())
        return self.built and self.kept_axes(rank) in ([], [rank - 1])

    def compute_output_shape(self, input_shape):
        self.kept_axes(len(input_shape))
        return tuple(input_shape)

    def build(self, input_shape, dtype=None):
        kept = self.kept_axes(len(input_shape))
        shape = tuple(input_shape[axis] for axis in kept)
        if None in shape:
            raise ValueError("All `axis` values to be kept must have a known size. Received: "
                             f"an input of shape {tuple(input_shape)}, axis={self.axis}.")
        super().build(input_shape, dtype)
        if self._given is None:
            self.add_weight("mean", shape, "zeros", trainable=False)
            self.add_weight("variance", shape, "ones", trainable=False)
            self.add_weight("count", (), "zeros", trainable=False)         # Keras's list of weights has it, too
        else:
            wide = [size if axis in kept else 1 for axis, size in enumerate(input_shape)]
            mean, variance = (np.array(np.broadcast_to(given, shape), self.dtype).reshape(wide)
                              for given in self._given)
            vars(self).update(mean=mean, variance=variance)

    def adapt(self, data: Any) -> None:
        """Take mean and variance from `data`, an array of samples or an iterable of batches of them.

        Raises
        ------
        ValueError
            If the layer was given mean and variance, if there are no samples, or if they do not fit the layer.
        TypeError
            If a batch is no array.
        """
        if self._given is not None:
            raise ValueError("`adapt` must not be called on a layer that was given `mean` and `variance`.")
        batches = [data] if hasattr(data, "ndim") else [b[0] if isinstance(b, tuple) else b for b in data]
        batches = [real_array("data", batch) for batch in batches]
        if any(batch.ndim == 0 for batch in batches):
            raise TypeError("what `adapt` is given must be an array of samples, or batches that are: with a `.shape` "
                            "of one axis or more. Received: a number.")
        if not sum(batch.size for batch in batches):
            raise ValueError("`adapt` needs at least one sample. Received: an empty iterable, or an empty array.")
        if not self.built:
            self.build((None, *batches[0].shape[1:]))
        kept = self.kept_axes(len(self.input_shape))
        for batch in batches:
            if batch.ndim != len(self.input_shape) or any(batch.shape[a] != self.input_shape[a] for a in kept):
                raise ValueError(f"the layer was built for inputs of shape {self.input_shape}. Received: data of an "
                                 f"incompatible shape, {batch.shape}.")
        over = tuple(axis for axis in range(len(self.input_shape)) if axis not in kept)
        counts = np.array([batch.size for batch in batches], float) / sum(batch.size for batch in batches)
        means = [batch.mean(over, np.float64) for batch in batches]
        mean = sum(share * each for share, each in zip(counts, means, strict=True))
        variance = sum(share * (batch.astype(np.float64).var(over) + (each - mean) ** 2)
                       for share, batch, each in zip(counts, batches, means, strict=True))
        self.mean[...], self.variance[...] = mean, variance

    def bind(self, x, dx=None, training=False):
        kept = self.kept_axes(x.ndim)
        shape = [x.shape[axis] if axis in kept else 1 for axis in range(x.ndim)]

        def deviation():
            return np.maximum(np.sqrt(self.variance), np.asarray(1e-7, x.dtype)).reshape(shape)
        mean = partial(np.reshape, self.mean, shape)
        if self.invert:
            return scaled(x, dx, deviation, mean)
        return scaled(x, dx, lambda: 1 / deviation(), lambda: -mean() / deviation())


def _plain(array: NDArray[Any] | None) -> Any:
    return None if array is None else array.tolist()
