"""SciPy's convolutions and correlations, by the compiled filter."""
from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mgconv._support.arrays import unmasked
from mgconv._support.checks import check_count
from mgconv.geometry import integers
from mgconv.native.filter import METHODS, MODES, apply
from mgconv.signal.arrays import UNUSUAL, filtered, is_native, output_window, refuse_dates, scipy_function

BOUNDARY_NAMES = {"fill": "fill", "pad": "fill", "wrap": "wrap", "circular": "wrap", "symm": "symm",
                  "symmetric": "symm", "reflect": "symm", "nearest": "nearest", "mirror": "mirror"}
SCIPY_MODES = ("full", "same", "valid")


def convolve(in1: ArrayLike, in2: ArrayLike, mode: str = "full", method: str = "auto") -> NDArray[Any]:
    """Convolve two arrays: out[i] = sum over m of in2[m] in1[i - m].

    Parameters
    ----------
    in1, in2 : array_like
        Of the same rank. Ranks 1 and 2 of float32, float64, complex64, complex128, integers and booleans are computed
        here; other ranks and dtypes are passed on to `scipy.signal.convolve`.
    mode : {"full", "same", "valid"}
        Every overlap (shape n + k - 1); the centre of that, shaped like `in1`, beginning at (k - 1) // 2; or whole
        overlaps only (shape n - k + 1; either array may be the smaller one).
    method : {"auto", "direct", "fft"}
        Plain sums, or products of Fourier transforms, or these where they are faster, and SciPy would take them too.

    Returns
    -------
    ndarray
        In the dtype to which the inputs promote.

    Raises
    ------
    ValueError
        If the ranks differ, a name is unknown, or in mode "valid" neither array is at least as large as the other.

    Notes
    -----
    Signature, results, dtypes and errors are those of `scipy.signal.convolve`, with one difference: NaN and infinities
    do not spread beyond the kernel with ``method="fft"`` either.

    Examples
    --------
    >>> from mgconv.signal import convolve
    >>> convolve([1, 2, 3], [0, 1, 2]).tolist()
    [0, 1, 4, 7, 6]
    >>> convolve([1.0, 2.0, 3.0], [0.5, 0.5], mode="valid").tolist()
    [1.5, 2.5]
    """
    try:
        out = apply(in1, in2, MODES[mode], True, 0, False, METHODS[method])
    except UNUSUAL:
        out = None
    return _general(in1, in2, mode, method, False) if out is None else out


def correlate(in1: ArrayLike, in2: ArrayLike, mode: str = "full", method: str = "auto") -> NDArray[Any]:
    """Cross-correlate two arrays: out[i] = sum over m of conj(in2[m]) in1[i + m], i from -(k - 1) on.

    Parameters
    ----------
    in1, in2 : array_like
        Of the same rank; see `convolve`.
    mode : {"full", "same", "valid"}
        As in `convolve`.
    method : {"auto", "direct", "fft"}
        As in `convolve`.

    Returns
    -------
    ndarray
        In the dtype to which the inputs promote.

    Raises
    ------
    ValueError
        As `convolve`.

    Notes
    -----
    Signature, results, dtypes and errors are those of `scipy.signal.correlate`.

    Examples
    --------
    >>> from mgconv.signal import correlate
    >>> correlate([1, 2, 3], [0, 1, 2]).tolist()
    [2, 5, 8, 3, 0]
    """
    try:
        out = apply(in1, in2, MODES[mode], False, 0, True, METHODS[method])
    except UNUSUAL:
        out = None
    return _general(in1, in2, mode, method, True) if out is None else out


def fftconvolve(in1: ArrayLike, in2: ArrayLike, mode: str = "full",
                axes: int | Sequence[int] | None = None) -> NDArray[Any]:
    """Convolve two arrays by products of Fourier transforms, as `scipy.signal.fftconvolve`.

    Parameters
    ----------
    in1, in2 : array_like
        As in `convolve`.
    mode : {"full", "same", "valid"}
        As in `convolve`.
    axes : int or sequence of int, optional
        With these, SciPy computes.

    Returns
    -------
    ndarray
        Of floating point: float64 for integers.

    Raises
    ------
    ValueError
        As `convolve`.

    Examples
    --------
    >>> from mgconv.signal import fftconvolve
    >>> fftconvolve([1.0, 2.0, 3.0], [0.5, 0.5]).round(12).tolist()
    [0.5, 1.5, 2.5, 1.5]
    """
    return _transformed("fftconvolve", in1, in2, mode, axes)


def oaconvolve(in1: ArrayLike, in2: ArrayLike, mode: str = "full",
               axes: int | Sequence[int] | None = None) -> NDArray[Any]:
    """Convolve two arrays tile by tile, by products of Fourier transforms, as `scipy.signal.oaconvolve`.

    `fftconvolve` is the same function: the size of its tiles follows from the shapes.

    Parameters
    ----------
    in1, in2, mode, axes
        As in `fftconvolve`.

    Returns
    -------
    ndarray
        As of `fftconvolve`.

    Raises
    ------
    ValueError
        As `convolve`.

    Examples
    --------
    >>> from mgconv.signal import oaconvolve
    >>> oaconvolve([1.0, 2.0, 3.0], [0.5, 0.5], "same").round(12).tolist()
    [0.5, 1.5, 2.5]
    """
    return _transformed("oaconvolve", in1, in2, mode, axes)


def _transformed(name, in1, in2, mode, axes):
    x, h = unmasked("in1", in1), unmasked("in2", in2)
    if axes is not None or x.ndim != h.ndim or not is_native(x, h):
        return scipy_function(name)(x, h, mode, axes)
    if np.result_type(x, h).kind in "bui":
        x, h = x.astype(float), h.astype(float)
    return convolve(x, h, mode, "fft")


def correlation_lags(in1_len: int, in2_len: int, mode: str = "full") -> NDArray[np.int64]:
    """The lag of each entry of `correlate`: by how much `in2` is moved along `in1`.

    Parameters
    ----------
    in1_len, in2_len : int
        The sizes of `correlate`'s arguments along an axis; at least 1.
    mode : {"full", "same", "valid"}
        As in `correlate`.

    Returns
    -------
    ndarray of int64
        One for each entry.

    Raises
    ------
    ValueError
        If a length is not positive, or `mode` is unknown.

    Notes
    -----
    `scipy.signal.correlation_lags` gives the same, but in mode "same", where it is one off for some lengths, an even
    and an odd one: these belong to the entries that `correlate` returns.

    Examples
    --------
    >>> from mgconv.signal import correlate, correlation_lags
    >>> x, late = [0, 0, 1, 2, 0, 0], [0, 0, 0, 0, 1, 2]
    >>> int(correlation_lags(6, 6)[correlate(late, x).argmax()])
    2
    """
    n, k = check_count("in1_len", in1_len, 1), check_count("in2_len", in2_len, 1)
    check_flag("mode", mode, SCIPY_MODES)
    if mode == "valid" and k > n:
        return np.arange(n - k, 1)
    (before, size), = output_window(mode, (n,), (k,))
    return np.arange(-before, size - before)


def _general(in1, in2, mode, method, correlation):
    """Whatever the compiled filter does not take at once: other dtypes and layouts, exchanged roles, errors."""
    x, h = unmasked("in1", in1), unmasked("in2", in2)
    if x.ndim == h.ndim == 0:
        return x * (h.conj() if correlation and h.dtype.kind == "c" else h)
    if x.ndim != h.ndim:
        raise ValueError(f"{'in1 and in2' if correlation else 'volume and kernel'} should have the same dimensionality."
                         f" Received: {x.ndim} and {h.ndim} axes.")
    check_flag("mode", mode, SCIPY_MODES)
    check_flag("method", method, METHODS)
    exchanged = is_exchanged(mode, x, h)
    both_bool = x.dtype.kind == h.dtype.kind == "b"
    refuse_dates(x, h)
    if not is_native(x, h) or (both_bool and (x.ndim > 1 or method == "fft")):
        return scipy_function("correlate" if correlation else "convolve")(x, h, mode, method)
    if exchanged:
        x, h = h, x
    window = output_window(mode, x.shape, h.shape)
    out = filtered(x, h, window, flip=not correlation, conjugate=correlation, method=method)
    if exchanged and correlation:                # out[-i] of the one is conj(out[i]) of the other
        out = np.flip(out).conj()
    return out


def check_flag(name, value, allowed):
    if not isinstance(value, str) or value not in allowed:
        raise ValueError(f"Acceptable {name} flags are {', '.join(map(repr, allowed))}. Received: {name}={value!r}.")


def is_exchanged(mode, x, h):
    """Whether the kernel takes the signal's place: where it must, being larger, and where that costs less."""
    if mode == "full":
        return h.size > x.size
    if mode != "valid" or all(n >= k for n, k in zip(x.shape, h.shape, strict=True)):
        return False
    if all(n <= k for n, k in zip(x.shape, h.shape, strict=True)):
        return True
    raise ValueError("For 'valid' mode, one must be at least as large as the other in every dimension. "
                     f"Received: shapes {x.shape} and {h.shape}.")


def convolve2d(in1: ArrayLike, in2: ArrayLike, mode: str = "full", boundary: str = "fill",
               fillvalue: complex = 0, *, method: str = "auto", axes: tuple[int, int] | None = None) -> NDArray[Any]:
    """Convolve two images, continued beyond their edges by a rule.

    Parameters
    ----------
    in1, in2 : array_like, two axes
        The image and the kernel.
    mode : {"full", "same", "valid"}
        As in `convolve`.
    boundary : {"fill", "wrap", "symm", "nearest", "mirror"}
        Beyond its edges `in1` is `fillvalue`; or itself again; or its mirror image, edge included; or its last pixel;
        or its mirror image without the edge. "pad", "circular", "symmetric" and "reflect" (as scipy.ndimage has it) are
        other names of the first three.
    fillvalue : scalar
        Cast to the dtype of the result.
    method : {"auto", "direct", "fft"}
        Plain sums, or products of Fourier transforms, or these where they are faster and keep the digits of sums: see
        the notes.
    axes : (int, int), optional
        Which axes of `in1` are an image's rows and columns: each image along the others, the colours of a picture say,
        is filtered by itself.

    Returns
    -------
    ndarray
        In the dtype to which the inputs promote; float32 for float16 and booleans.

    Raises
    ------
    ValueError
        If an input has not two axes, a name is unknown, `fillvalue` does not fit the dtype, in mode "valid" neither
        array is at least as large as the other, or an empty image would have to be continued.

    Notes
    -----
    Signature, results, dtypes and errors are those of `scipy.signal.convolve2d`; `method`, `axes`, float16,
    images of booleans and the last two boundaries are new. A transform's error
    is relative to the largest numbers of a tile (up to some hundred pixels square), so "auto" looks at the largest of
    each 16 x 16 pixels: in a tile where they differ by more than a factor of 32 there are plain sums, as in SciPy.

    Examples
    --------
    >>> from mgconv.signal import convolve2d
    >>> convolve2d([[1, 2], [3, 4]], [[1, 1]], boundary="wrap").tolist()
    [[3, 3, 3], [7, 7, 7]]
    """
    return _image(in1, in2, mode, boundary, fillvalue, method, False, axes)


def correlate2d(in1: ArrayLike, in2: ArrayLike, mode: str = "full", boundary: str = "fill",
                fillvalue: complex = 0, *, method: str = "auto", axes: tuple[int, int] | None = None) -> NDArray[Any]:
    """Cross-correlate two images, continued beyond their edges by a rule.

    Parameters
    ----------
    in1, in2 : array_like, two axes
        The image and the kernel, whose complex conjugate is taken.
    mode : {"full", "same", "valid"}
        As in `convolve2d`, but "same" begins at k // 2, as SciPy has it.
    boundary : {"fill", "wrap", "symm", "nearest", "mirror"}
        As in `convolve2d`.
    fillvalue : scalar
        As in `convolve2d`.
    method, axes
        As in `convolve2d`.

    Returns
    -------
    ndarray
        In the dtype to which the inputs promote; float32 for float16 and booleans.

    Raises
    ------
    ValueError
        As `convolve2d`.

    Notes
    -----
    Signature, results, dtypes and errors are those of `scipy.signal.correlate2d`.

    Examples
    --------
    >>> from mgconv.signal import correlate2d
    >>> correlate2d([[1, 2, 3]], [[0, 1]], mode="same").tolist()
    [[2, 3, 0]]
    """
    return _image(in1, in2, mode, boundary, fillvalue, method, True, axes)


def _image(in1, in2, mode, boundary, fillvalue, method, correlation, axes=None):
    if axes is not None:
        return _images(unmasked("in1", in1), axes, lambda image: _image(image, in2, mode, boundary, fillvalue, method,
                                                                        correlation))
    if boundary == "fill" and isinstance(fillvalue, int) and fillvalue == 0 and np.ndim(in1) == 2:
        try:                                     # the common case first: all is checked where it fails
            out = apply(in1, in2, MODES[mode], not correlation, int(correlation), correlation, METHODS[method])
        except UNUSUAL:
            out = None
        if out is not None:
            return out
    x, h = unmasked("in1", in1), unmasked("in2", in2)
    name = "correlate2d" if correlation else "convolve2d"
    if not x.ndim == h.ndim == 2:
        raise ValueError(f"{name} inputs must both be 2-D arrays. Received: {x.ndim} and {h.ndim} axes.")
    if np.result_type(x, h).char in "?e":
        x, h = x.astype(np.float32), h.astype(np.float32)
    exchanged = mode == "valid" and is_exchanged(mode, x, h)
    check_flag("mode", mode, SCIPY_MODES)
    check_flag("boundary", boundary, BOUNDARY_NAMES)
    check_flag("method", method, METHODS)
    boundary = BOUNDARY_NAMES[boundary]
    ours = boundary in ("nearest", "mirror")
    if not x.size and (ours or (h.size and mode == "full" and boundary != "fill")):        # SciPy divides by zero
        raise ValueError(f"An empty image cannot be continued. Received: boundary={boundary!r}, an image of shape "
                         f"{x.shape}.")
    refuse_dates(x, h)
    if not is_native(x, h):                      # empty, or of a dtype that SciPy refuses
        return scipy_function(name)(x, h, mode, "fill" if ours else boundary, fillvalue)
    fill = fill_number(fillvalue, np.result_type(x, h)) if boundary == "fill" else None
    if exchanged:
        x, h = h, x
    window = output_window(mode, x.shape, h.shape, int(correlation))
    out = filtered(x, h, window, flip=not correlation, conjugate=correlation, method=method, boundary=boundary,
                   fill=fill)
    return np.flip(out) if exchanged and correlation else out          # SciPy takes the conjugate of in1 then


def _images(x, axes, filtered_image):
    """`filtered_image` of each image of `x`, whose rows and columns lie along `axes`."""
    axes = integers("axes", axes)
    if len(axes) != 2 or not all(-x.ndim <= axis < x.ndim for axis in axes) or (axes[0] - axes[1]) % x.ndim == 0:
        raise ValueError(f"`axes` must be two axes of `in1`. Received: axes={axes}, in1.shape={x.shape}.")
    images = np.moveaxis(x, axes, (-2, -1))
    if not math.prod(images.shape[:-2]):
        raise ValueError(f"`in1` must hold an image. Received: in1.shape={x.shape}.")
    results = [filtered_image(np.ascontiguousarray(image)) for image in images.reshape(-1, *images.shape[-2:])]
    stacked = np.stack(results).reshape(*images.shape[:-2], *results[0].shape)
    return np.ascontiguousarray(np.moveaxis(stacked, (-2, -1), axes))


def fill_number(value, dtype):
    """`fillvalue` as one number of `dtype`, or None for zero."""
    value = np.asarray(value)
    if value.size == 0:
        raise ValueError("`fillvalue` cannot be an empty array.")
    if value.size > 1:
        raise ValueError(f"`fillvalue` must be scalar or an array with one element. Received: {value.size} elements.")
    try:
        number = complex(value.reshape(()).item())
        if dtype.kind == "c":
            return number or None
        if value.dtype.kind == "c" or number.imag:
            raise TypeError
        number = int(number.real) if dtype.kind in "bui" else number.real
        return np.array(number, dtype).item() or None
    except (TypeError, ValueError, OverflowError):
        raise ValueError("could not cast `fillvalue` directly to the output type (it was first converted to complex). "
                         f"Received: fillvalue={value!r}, output type {dtype}.") from None
