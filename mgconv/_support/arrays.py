"""Checks of array arguments: real numbers of the wanted shape, contiguous and of the wanted dtype."""
from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def unmasked(name: str, value: Any) -> NDArray[Any]:
    """`value` as an array; ValueError for gaps, which `numpy.asarray` would fill with what lies under the mask."""
    return np.asarray(without_gaps(name, value))


def without_gaps(name, value):
    """`value`, which is no masked array with gaps: an array or list as it came."""
    if type(value) is not np.ndarray and isinstance(value, np.ndarray) and hasattr(value, "mask"):
        if np.any(getattr(value, "mask")):  # noqa: B009  (only masked arrays have it, and numpy.ma is slow to import)
            raise ValueError(f"`{name}` must not be masked: fill the gaps first. Received: a masked array of shape "
                             f"{value.shape}.")
        return value.view(np.ndarray)
    return value


def real_array(name: str, value: Any) -> NDArray[Any]:
    """`value` as an array; TypeError if it does not hold real numbers (a cast would drop imaginary parts), ValueError
    if some are masked."""
    value = without_gaps(name, value)
    try:
        array = np.asarray(value)
    except ValueError as error:                        # lists of different lengths
        raise TypeError(f"`{name}` must be an array of real numbers. Received: {error}") from None
    if array.dtype == object and hasattr(value, "to_numpy"):           # a frame whose columns are of different kinds
        array = _numbers(array)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"`{name}` must be an array of real numbers. Received: {type(value).__name__} of dtype "
                        f"{array.dtype}.")
    return array


def _numbers(array):
    """An array of objects as float64, if they are numbers, or missing ones: those become NaN."""
    entries = array.ravel().tolist()
    if not all(entry is None or hasattr(entry, "__float__") or type(entry).__name__ == "NAType" for entry in entries):
        return array
    return np.array([float(entry) if hasattr(entry, "__float__") else np.nan for entry in entries]).reshape(array.shape)


def as_samples(name, x, shape, dtype):
    """`x` as a C-contiguous array of `dtype` and `shape`, (None, ...): any number of samples; None takes any size.

    A last axis of length 1 may be missing.
    """
    x = real_array(name, x)
    if x.ndim == len(shape) - 1 and shape[-1] == 1:
        x = x[..., None]
    if x.ndim != len(shape) or not fits(x.shape, shape):
        raise ValueError(f"`{name}` must have shape {any_batch(shape)}. Received: {x.shape}.")
    return np.ascontiguousarray(x, dtype)


def fits(shape, wanted):
    """Whether the sizes behind the batch are those wanted, where None takes any."""
    return shape[1:] == wanted[1:] or (len(shape) == len(wanted) and all(
        size is None or have == size for have, size in zip(shape[1:], wanted[1:], strict=True)))


def real_predictions(y_pred):
    """`y_pred` as an array of float32 or float64 with an entry for each sample."""
    y_pred = real_array("y_pred", y_pred)
    if y_pred.ndim < 1:
        raise ValueError(f"`y_pred` must have an entry for each sample. Received: {y_pred!r}.")
    return y_pred if y_pred.dtype in (np.float32, np.float64) else y_pred.astype(np.float32)


def check_length(name, array, y_pred):
    """ValueError unless there is an entry for each sample: one for all would be broadcast."""
    if len(array) != len(y_pred):
        raise ValueError(f"`{name}` and `y_pred` must have the same number of samples. "
                         f"Received: {len(array)} and {len(y_pred)}.")


def as_targets(y_true, shape, dtype):
    """`y_true` as an array of `dtype` for predictions of `shape`; its own length may be another."""
    y_true = real_array("y_true", y_true)
    if y_true.ndim == len(shape) - 1 and shape[-1] == 1:
        y_true = y_true[..., None]
    if y_true.ndim == len(shape) + 1 and y_true.shape[-1] == 1:
        y_true = y_true[..., 0]
    if not fits(y_true.shape, shape):
        raise ValueError(f"`y_true` must have the shape of the prediction, {any_batch(shape)}. "
                         f"Received: {y_true.shape}.")
    return np.ascontiguousarray(y_true, dtype)


def as_class_numbers(y_true, shape):
    """`y_true` as integers, one for each row along the last axis of predictions of `shape`."""
    y_true = real_array("y_true", y_true)
    if y_true.ndim == len(shape) and y_true.shape[-1] == 1:
        y_true = y_true[..., 0]
    if not fits(y_true.shape, shape[:-1]):
        raise ValueError(f"`y_true` must hold class numbers of shape {any_batch(shape[:-1])}. "
                         f"Received: {y_true.shape}.")
    with np.errstate(invalid="ignore"):            # NaN is no number below
        classes = np.ascontiguousarray(y_true, np.int64)
    if classes.size and y_true.dtype.kind == "f" and not (classes == y_true).all():
        raise ValueError(f"class numbers must be integers. Received: {y_true[classes != y_true].ravel()[0]}.")
    return classes


def check_class_range(classes, count):
    """`classes`, all from 0 to below `count`."""
    if classes.size and not (classes.min() >= 0 and classes.max() < count):
        raise ValueError(f"class numbers must be from 0 to {count - 1}. "
                         f"Received: from {classes.min()} to {classes.max()}.")
    return classes


def as_sample_weight(weight, shape, dtype):
    """`weight` as an array (batch,) or with further axes of predictions of `shape`, but for the last."""
    weight = real_array("sample_weight", weight)
    if weight.ndim == len(shape) and weight.shape[-1] == 1 < weight.ndim:
        weight = weight[..., 0]
    if not 1 <= weight.ndim < max(2, len(shape)) or not fits(weight.shape, shape[:weight.ndim]):
        raise ValueError(f"`sample_weight` must be a number a sample, or have the leading axes "
                         f"{any_batch(shape[:-1])} of the prediction. Received: {weight.shape}.")
    return np.ascontiguousarray(weight, dtype)


def append_axes(array, ndim):
    """`array` with axes of length 1 behind its own, `ndim` in all."""
    return array[(..., *(None,) * (ndim - array.ndim))]


def any_batch(shape):
    """`shape` as messages give it: the batch by its name."""
    return ("batch", *shape[1:])
