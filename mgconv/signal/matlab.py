"""MATLAB's conv2 and filter2."""
from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mgconv.native.filter import MODES, apply
from mgconv.signal.arrays import UNUSUAL, filtered, is_native, output_window, scipy_function


def conv2(*arrays: Any, shape: str = "full") -> NDArray[Any]:
    """Convolve two matrices, as MATLAB's conv2 does: ``conv2(A, B, shape)`` or ``conv2(u, v, A, shape)``.

    Parameters
    ----------
    A, B : array_like
        Matrices of numbers. An array of one axis counts as a row, a number as a 1 x 1 matrix.
    u, v : array_like
        Vectors: the columns of `A` are convolved with `u`, then the rows with `v`.
    shape : {"full", "same", "valid"}, optional
        Every overlap (the default); the centre of that, shaped like `A`, beginning at k // 2, which for even kernels
        differs from SciPy's; or whole overlaps only, an empty matrix where there are none.

    Returns
    -------
    ndarray, two axes
        In the dtype to which the inputs promote.

    Raises
    ------
    ValueError
        If an input has more than two axes, `u` or `v` is no vector, or `shape` is unknown.
    TypeError
        If there are fewer than two or more than three arrays, or an input is no array of numbers.

    Notes
    -----
    Results are MATLAB's and Octave's (https://docs.octave.org/latest/Signal-Processing.html), but for the rounding; the
    sizes of empty ones are MATLAB's.

    Examples
    --------
    >>> from mgconv.signal import conv2
    >>> conv2([[1, 2, 3, 4, 5], [1, 2, 3, 4, 5]], [1, 2], "same").tolist()
    [[4, 7, 10, 13, 10], [4, 7, 10, 13, 10]]
    >>> conv2([1, 2, 3], [1, 2], [[1, 2], [3, 4], [5, 6]]).tolist()
    [[1, 4, 4], [5, 18, 16], [14, 48, 40], [19, 62, 48], [15, 48, 36]]
    """
    if arrays and isinstance(arrays[-1], str):
        arrays, shape = arrays[:-1], arrays[-1]
    if len(arrays) == 2:
        try:                              # the common case first: all is checked where it fails
            out = apply(*arrays, MODES[shape], True, 1) if arrays[0].ndim == 2 else None
        except UNUSUAL:
            out = None
        if out is not None:
            return out
        return _convolved(as_matrix("A", arrays[0]), as_matrix("B", arrays[1]), check_shape(shape))
    if len(arrays) != 3:
        raise TypeError(f"conv2 takes (A, B) or (u, v, A), and a shape. Received: {len(arrays)} arrays.")
    u, v, a = _vector("u", arrays[0]), _vector("v", arrays[1]), as_matrix("A", arrays[2])
    column, row = u.reshape(-1, 1), v.reshape(1, -1)
    return _convolved(_convolved(a, column, check_shape(shape)), row, shape)


def filter2(h: ArrayLike, x: ArrayLike, shape: str = "same") -> NDArray[Any]:
    """Filter a matrix with an FIR filter that is not turned, as MATLAB's filter2 does: a correlation.

    Parameters
    ----------
    h : array_like
        The filter, a matrix (an array of one axis counts as a row).
    x : array_like
        The data, a matrix.
    shape : {"same", "full", "valid"}
        Of the output; see `conv2`.

    Returns
    -------
    ndarray, two axes
        ``conv2(x, h turned by 180 degrees, shape)``.

    Raises
    ------
    ValueError
        If an input has more than two axes, or `shape` is unknown.

    Examples
    --------
    >>> from mgconv.signal import filter2
    >>> filter2([[1, 2]], [[1, 2, 3, 4, 5]]).tolist()
    [[5, 8, 11, 14, 5]]
    """
    return _convolved(as_matrix("x", x), np.flip(as_matrix("h", h)), check_shape(shape))


def _convolved(a, b, shape):
    window = matlab_window(shape, a.shape, b.shape)
    sizes = [size for _, size in window]
    if not (a.size and b.size and all(sizes)):
        return np.zeros(sizes, np.result_type(a, b))
    if not is_native(a, b):
        out = scipy_function("convolve")(a, b, "full")
        return out[tuple(slice(k - 1 - before, k - 1 - before + size)
                         for (before, size), k in zip(window, b.shape, strict=True))]
    if shape == "full" and b.size > a.size:
        a, b = b, a
        window = output_window(shape, a.shape, b.shape)
    return filtered(a, b, window, flip=True)


def matlab_window(shape, a, b):
    """The window of a convolution of shapes `a` and `b`, in the sizes that MATLAB gives to empty matrices too."""
    if shape == "valid":
        b = [max(k, 1) for k in b]
    return tuple((before, max(size, 0)) for before, size in output_window(shape, a, b, 1))


def check_shape(shape: str) -> str:
    if not isinstance(shape, str) or shape not in ("full", "same", "valid"):
        raise ValueError(f'`shape` must be "full", "same" or "valid". Received: shape={shape!r}.')
    return shape


def as_matrix(name: str, value: ArrayLike) -> NDArray[Any]:
    value = np.asarray(value)
    if value.ndim > 2:
        raise ValueError(f"`{name}` must be a vector or a matrix. Received: an array of {value.ndim} axes.")
    if value.dtype.kind not in "buifcO":
        raise TypeError(f"`{name}` must be an array of numbers. Received: dtype {value.dtype}.")
    return np.atleast_2d(value)


def _vector(name, value):
    value = as_matrix(name, value)
    if 1 not in value.shape:
        raise ValueError(f"`{name}` must be a vector. Received: shape {value.shape}.")
    return value
