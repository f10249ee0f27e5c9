"""Input: the shape of a model's samples."""
from collections.abc import Sequence
from typing import Any

from numpy.typing import DTypeLike

from mgconv._support.checks import check_count
from mgconv.layers.base import Layer
from mgconv.layers.binding import Bound


class InputLayer(Layer):
    """What `Input` returns: a layer that hands its input on, and says what a model takes.

    Parameters
    ----------
    shape : tuple of int or None
        Of one sample, without the batch; None stands for any size.
    batch_size : int, optional
        If set, every batch has this many samples.
    batch_shape : tuple, optional
        Both in one: (batch_size, \\*shape).
    """

    columnwise = True

    def __init__(self, shape: Sequence[int | None] | None = None, batch_size: int | None = None,
                 dtype: DTypeLike | None = None, *, batch_shape: Sequence[int | None] | None = None,
                 **layer: Any) -> None:
        super().__init__(dtype=dtype, **layer)
        if batch_shape is not None:
            batch_size, *shape = batch_shape
        if shape is None or not hasattr(shape, "__iter__"):
            raise TypeError(f"`shape` must hold integers, or None for any size. Received: shape={shape!r}.")
        self.shape = tuple(None if size is None else check_count("shape", size, -2**63) for size in shape)
        if min((size for size in self.shape if size is not None), default=1) < 1:
            raise ValueError(f"`shape` must hold positive sizes, without the batch. Received: shape={self.shape}.")
        self.batch_size = None if batch_size is None else check_count("batch_size", batch_size, 1)

    @property
    def batch_shape(self):
        """(batch_size, \\*shape)"""
        return (self.batch_size, *self.shape)

    def get_config(self):
        return {"batch_shape": list(self.batch_shape), "dtype": self.dtype.name, "name": self.name}

    def bind(self, x, dx=None, training=False):
        return Bound(x, dx, [], [])


def Input(shape: Sequence[int | None] | None = None, batch_size: int | None = None, dtype: DTypeLike | None = None,
          name: str | None = None, *, batch_shape: Sequence[int | None] | None = None) -> InputLayer:
    """The shape of a model's samples, to stand first in a `Sequential`.

    Parameters
    ----------
    shape : tuple of int or None
        Of one sample, without the batch. None stands for any size: sequences of any length are (None, channels).
    batch_size : int, optional
        If set, every batch has this many samples: `fit` and `predict` use it and refuse a number of samples that it
        does not divide.
    dtype : {"float32", "float64"}, optional
        Of the whole model: weights, arithmetic and results. float32 by default.
    name : str, optional
        The input's name.
    batch_shape : tuple, optional
        In place of `shape` and `batch_size`: (batch_size, \\*shape).

    Returns
    -------
    InputLayer

    Raises
    ------
    ValueError, TypeError
        If a size is not positive, or no integer.

    Examples
    --------
    >>> import mgconv
    >>> mgconv.Input((32, 1)).shape
    (32, 1)
    """
    return InputLayer(shape, batch_size, dtype, name=name, batch_shape=batch_shape)
