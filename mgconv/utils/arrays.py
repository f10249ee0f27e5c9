"""Arrays made ready: class numbers as rows, rows of length 1, parts of data sets."""
from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mgconv._support.arrays import check_class_range, real_array
from mgconv._support.checks import check_count, check_number
from mgconv.config import random_generator


def to_categorical(x: ArrayLike, num_classes: int | None = None) -> NDArray[np.float64]:
    """Class numbers as rows of zeros with a one.

    Parameters
    ----------
    x : array_like
        Integers from 0, of any shape; a last axis of length 1 is dropped.
    num_classes : int, optional
        The length of the rows; by default the largest number + 1.

    Returns
    -------
    ndarray
        Of float64 and the shape of `x`, with an axis of `num_classes` behind.

    Raises
    ------
    ValueError
        If a number is out of range. (Keras takes -1 for the last class.)

    Examples
    --------
    >>> to_categorical([0, 2]).tolist()
    [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    """
    classes = real_array("x", x).astype(np.int64)
    if classes.ndim > 1 and classes.shape[-1] == 1:
        classes = classes[..., 0]
    count = (int(classes.max(initial=-1)) + 1 if num_classes is None
             else check_count("num_classes", num_classes, 1))
    check_class_range(classes, count)
    rows = np.zeros((*classes.shape, count))
    np.put_along_axis(rows, classes[..., None], 1.0, axis=-1)
    return rows


def normalize(x: ArrayLike, axis: int = -1, order: Any = 2) -> NDArray[Any]:
    """An array over its norms along an axis; what is 0 stays so.

    Parameters
    ----------
    x : array_like
    axis : int
    order : float
        Of the norm, as NumPy's `linalg.norm` takes it.

    Examples
    --------
    >>> normalize([[3.0, 4.0], [0.0, 0.0]]).tolist()
    [[0.6, 0.8], [0.0, 0.0]]
    """
    x = real_array("x", x)
    norm = np.linalg.norm(x, order, axis, keepdims=True)
    return x / np.where(norm == 0, 1, norm)


def split_dataset(dataset: Any, left_size: Any = None, right_size: Any = None, shuffle: bool = False,
                  seed: int | None = None) -> tuple[Any, Any]:
    """Arrays cut in two parts.

    Parameters
    ----------
    dataset : array_like, or tuple or list of arrays of one length
        Or anything that has a length and is called by number (a list of samples); its parts are lists then.
    left_size, right_size : float or int, optional
        A share from 0 to 1, or a number of samples; of the one that is left out, all the rest.
    shuffle : bool
        Whether to take samples in another order.
    seed : int, optional
        For the order; by default it follows `mgconv.set_random_seed`.

    Returns
    -------
    left, right
        Of the kind of `dataset`: an array, a tuple of arrays, or a list. (In Keras, data sets of TensorFlow.)

    Raises
    ------
    ValueError
        If a part would be empty, or both together are larger than the whole.

    Examples
    --------
    >>> left, right = split_dataset(np.arange(10), left_size=0.8)
    >>> right.tolist()
    [8, 9]
    """
    arrays = isinstance(dataset, (tuple, list)) and len(dataset) > 0 and all(hasattr(a, "shape") for a in dataset)
    count = len(dataset[0]) if arrays else len(dataset)
    if arrays and any(len(array) != count for array in dataset):
        raise ValueError("the arrays of `dataset` must have one length. "
                         f"Received: {', '.join(str(len(array)) for array in dataset)}.")
    left, right = _size("left_size", left_size, count), _size("right_size", right_size, count)
    if left is None and right is None:
        raise ValueError("one of `left_size` and `right_size` must be given.")
    left = count - right if left is None else left
    right = count - left if right is None else right
    if left < 1 or right < 1 or left + right > count:
        raise ValueError(f"both parts must hold samples, and not more than there are, {count}. "
                         f"Received: left_size={left_size}, right_size={right_size}.")
    order = np.arange(count)
    if shuffle:
        random_generator(seed).shuffle(order)

    def part(rows):
        if arrays:
            return tuple(np.asarray(array)[rows] for array in dataset)
        return np.asarray(dataset)[rows] if hasattr(dataset, "shape") else [dataset[int(row)] for row in rows]
    return part(order[:left]), part(order[left:left + right])


def _size(name, size, count):
    if size is None:
        return None
    if isinstance(size, float):
        if not 0 <= check_number(name, size) <= 1:
            raise ValueError(f"`{name}` must be a share from 0 to 1, or an integer. Received: {name}={size}.")
        return round(size * count)
    return check_count(name, size, 0)
