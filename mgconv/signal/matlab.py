"""MATLAB's conv2 and filter2."""
from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mgconv._support.arrays import unmasked
from mgconv._support.checks import check_choice
from mgconv.native.filter import METHODS, MODES, apply
from mgconv.signal.arrays import UNUSUAL, filtered, is_native, output_window, scipy_function


def conv2(*arrays: Any, shape: str = "full", method: str = "auto") -> NDArray[Any]:
    """Convolve two matrices, as MATLAB's conv2 does: ``conv2(A, B, shape)`` or ``conv2(u, v, A, shape)``.

    Parameters
    ----------
    A, B : array_like
        Matrices of numbers. An array of one axis counts as a row, a number as a 1 x 1 matrix.
    u, v : array_like
        Vectors: the columns of `A` are convolved with `u`, then the rows with `v`.
    shape : {"full", "same", "valid"}, optional
        Every overlap (the default); the centre of that, shaped like `A`, beginning at k // 2, which for even kernels
        differs from SciPy's; or whole overlaps only, an empty matrix where there are none. In any case of letters.
    method : {"auto", "direct", "fft"}
        As in `mgconv.signal.convolve2d`.

    Returns
    -------
    ndarray, two axes
        Double precision, of integers and logicals too; single precision if an input has that.

    Raises
    ------
    ValueError
        If an input has more than two axes, `u` or `v` is no vector, or `shape` or `method` is unknown.
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
    [[4.0, 7.0, 10.0, 13.0, 10.0], [4.0, 7.0, 10.0, 13.0, 10.0]]
    >>> conv2([1, 2], [1, 2], [[1, 2], [3, 4]]).tolist()
    [[1.0, 4.0, 4.0], [5.0, 18.0, 16.0], [6.0, 20.0, 16.0]]
    """
    if arrays and isinstance(arrays[-1], str):
        arrays, shape = arrays[:-1], arrays[-1]
    if len(arrays) == 2:
        try:                              # the common case first: all is checked where it fails
            out = apply(*arrays, MODES[shape], True, 1, False, METHODS[method]) if arrays[0].ndim == 2 else None
        except UNUSUAL:
            out = None
        if out is not None:
            return out
        return _convolved(as_matrix("A", arrays[0]), as_matrix("B", arrays[1]), shape, method)
    if len(arrays) != 3:
        raise TypeError(f"conv2 takes (A, B) or (u, v, A), and a shape. Received: {len(arrays)} arrays.")
    u, v, a = _vector("u", arrays[0]), _vector("v", arrays[1]), as_matrix("A", arrays[2])
    dtype = matlab_dtype(u, v, a)
    columns = _convolved(a.astype(dtype, copy=False), u.reshape(-1, 1), shape, method)
    return _convolved(columns, v.reshape(1, -1), shape, method).astype(dtype, copy=False)


def filter2(h: ArrayLike, x: ArrayLike, shape: str = "same", *, method: str = "auto") -> NDArray[Any]:
    """Filter a matrix with an FIR filter that is not turned, as MATLAB's filter2 does: a correlation.

    Parameters
    ----------
    h : array_like
        The filter, a matrix (an array of one axis counts as a row).
    x : array_like
        The data, a matrix.
    shape : {"same", "full", "valid"}
        Of the output; see `conv2`.
    method : {"auto", "direct", "fft"}
        As in `mgconv.signal.convolve2d`.

    Returns
    -------
    ndarray, two axes
        ``conv2(x, h turned by 180 degrees, shape)``.

    Raises
    ------
    ValueError
        If an input has more than two axes, or `shape` or `method` is unknown.

    Examples
    --------
    >>> from mgconv.signal import filter2
    >>> filter2([[1, 2]], [[1, 2, 3, 4, 5]]).tolist()
    [[5.0, 8.0, 11.0, 14.0, 5.0]]
    """
    return _convolved(as_matrix("x", x), np.flip(as_matrix("h", h)), shape, method)


def _convolved(a, b, shape, method):
    shape, method = check_shape(shape), check_choice("method", method, tuple(METHODS))
    window = matlab_window(shape, a.shape, b.shape)
    sizes = [size for _, size in window]
    dtype = matlab_dtype(a, b)
    if not (a.size and b.size and all(sizes)):
        return np.zeros(sizes, dtype)
    a, b = a.astype(dtype, copy=False), b.astype(dtype, copy=False)
    if not is_native(a, b):
        out = scipy_function("convolve")(a, b, "full")
        return out[tuple(slice(k - 1 - before, k - 1 - before + size)
                         for (before, size), k in zip(window, b.shape, strict=True))]
    if shape == "full" and b.size > a.size:
        a, b = b, a
        window = output_window(shape, a.shape, b.shape)
    return filtered(a, b, window, flip=True, method=method)


def matlab_dtype(*arrays: NDArray[Any]) -> np.dtype[Any]:
    """Single precision if an array has that, else double; complex if one is. What MATLAB lacks promotes as in NumPy."""
    dtype = np.result_type(*arrays)
    if dtype.kind in "biu":
        return np.dtype(np.float64)
    if dtype == np.float16:
        return np.dtype(np.float32)
    if dtype.char in "dD" and any(array.dtype.char in "fF" for array in arrays):
        return np.dtype(np.float32 if dtype.char == "d" else np.complex64)
    return dtype


def matlab_window(shape, a, b):
    """The window of a convolution of shapes `a` and `b`, in the sizes that MATLAB gives to empty matrices too."""
    if shape == "valid":
        b = [max(k, 1) for k in b]
    return tuple((before, max(size, 0)) for before, size in output_window(shape, a, b, 1))


def check_shape(shape: str) -> str:
    return check_choice("shape", shape, ("full", "same", "valid"), ignore_case=True)


def as_matrix(name: str, value: ArrayLike) -> NDArray[Any]:
    value = unmasked(name, value)
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
