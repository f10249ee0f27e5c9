"""Input: the shape of a model's samples."""
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import DTypeLike

from mgconv._support.checks import check_count, integers


class InputSpec(NamedTuple):
    """What `Input` returns."""

    shape: tuple
    batch_size: int | None
    dtype: np.dtype | None


def Input(shape: Sequence[int], batch_size: int | None = None, dtype: DTypeLike | None = None):
    """The shape of a model's samples, to stand first in a `Sequential`.

    Parameters
    ----------
    shape : tuple of int
        Of one sample, without the batch.
    batch_size : int, optional
        If set, every batch has this many samples: `fit` and `predict` use it and refuse a number of samples that it
        does not divide.
    dtype : {"float32", "float64"}, optional
        Of the whole model: weights, arithmetic and results. float32 by default.

    Returns
    -------
    InputSpec

    Examples
    --------
    >>> import mgconv
    >>> mgconv.Input((32, 1)).shape
    (32, 1)
    """
    sizes = integers("shape", shape)
    if min(sizes, default=1) < 1:
        raise ValueError(f"`shape` must hold positive sizes, without the batch. Received: shape={sizes}.")
    batch_size = None if batch_size is None else check_count("batch_size", batch_size, 1)
    return InputSpec(sizes, batch_size, None if dtype is None else _check_dtype(dtype))


def _check_dtype(dtype):
    if np.dtype(dtype) not in (np.float32, np.float64):
        raise ValueError(f"`dtype` must be float32 or float64. Received: dtype={dtype!r}.")
    return np.dtype(dtype).newbyteorder("=")
