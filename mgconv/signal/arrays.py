"""From any two numeric arrays to the compiled filter, which takes one dtype and contiguous rows; integers stay exact.

Everywhere here, `window` says for each axis how far the first output reaches before x, and how many outputs there are:

    out[i] = sum over m of h[m] X[i - before + m],    0 <= i < size,    X = x continued beyond its edges
"""
from __future__ import annotations

import functools
import math

import numpy as np

from mgconv.native.filter import BOUNDARIES, FASTEST_METHOD, METHODS, apply

EXACT = 2**53                         # integers below it are exact in float64, and so are sums that stay below
ROUNDED = 2**42                       # an FFT in float64 of sums below it is wrong by less than a half
CHUNK = 2**18                         # integers that are converted at a time
FEW = 24                              # taps that no FFT is used for
LITTLE = 20_000                       # multiply-adds that cost less than looking at the integers
_METHODS = METHODS | {"fastest": FASTEST_METHOD}
# What a lookup or the compiled filter raises where a call is not the plain case (NumPy's dates, say, have no buffer).
UNUSUAL = (KeyError, AttributeError, TypeError, ValueError)


def output_window(mode, shape, kernel_shape, late=0):
    """The window of a mode; `late` puts the centre of "same" one later for even kernels."""
    def axis(n, k):
        if mode == "full":
            return k - 1, n + k - 1
        if mode == "same":
            return k - 1 - (k - 1 + late) // 2, n
        return (k - 1, n) if mode == "causal" else (0, n - k + 1)
    return tuple(axis(n, k) for n, k in zip(shape, kernel_shape, strict=True))


def is_native(*arrays):
    """Whether this package computes with these arrays itself: one or two axes, one of its dtypes or integers."""
    if not (1 <= arrays[0].ndim <= 2 and all(a.size and a.dtype.kind in "buifc" for a in arrays)):
        return False
    dtype = np.result_type(*arrays)
    return dtype.kind in "bui" or dtype.char in "fdFD"


def refuse_dates(*arrays):
    """TypeError for dates, times and records, on which SciPy 1.11 crashes."""
    if any(a.dtype.kind in "mMV" for a in arrays):
        raise TypeError("dates, times and records cannot be convolved. "
                        f"Received: arrays of dtypes {' and '.join(str(a.dtype) for a in arrays)}.")


@functools.cache
def scipy_function(name):
    """`scipy.signal.<name>`, which takes what is not computed here."""
    import scipy.signal
    return getattr(scipy.signal, name)


def filtered(x, h, window, *, flip, conjugate=False, method="auto", boundary="fill", fill=None):
    """The window of the convolution (`flip`) or correlation of `x` with `h`, in the dtype to which they promote."""
    dtype = np.result_type(x, h).newbyteorder("=")
    if dtype.kind in "bui":
        return _integers(x, h, dtype, window, flip, method, boundary, fill)
    if boundary not in BOUNDARIES:        # the compiled filter does not know it: what it reads is laid out first
        x, boundary = extend(x, window, h.shape, boundary), "fill"
        window = tuple((0, size) for _, size in window)
    if fill is not None:
        fill = np.array([fill], dtype)
    out = apply(_plain(x, dtype), _plain(h, dtype), 0, flip, 0, conjugate, _METHODS[method], BOUNDARIES[boundary],
                fill, window)
    return _by_scipy(x, h, dtype, window, flip, conjugate, boundary, fill) if out is None else out


def _by_scipy(x, h, dtype, window, flip, conjugate, boundary, fill):
    """Kernels longer than the longest tile of the compiled FFT."""
    h = h.conj() if conjugate else h
    extended = extend(x.astype(dtype), window, h.shape, boundary, fill)
    return scipy_function("fftconvolve")(extended, h if flip else np.flip(h), "valid").astype(dtype, copy=False)


def _plain(x, dtype):
    return np.require(np.asarray(x), dtype, ["C", "A"]).view(dtype)      # an equal dtype may have another format


def _largest(x):
    return 1 if x.dtype.kind == "b" else max(abs(int(x.max())), abs(int(x.min())))


def _integers(x, h, dtype, window, flip, method, boundary, fill):
    """By float64 (float32 where that is enough), in which sums of integers are exact up to a bound; else tap by tap."""
    if boundary == "fill":
        width = window[-1][1] + h.shape[-1] - 1
        taps = (h.size // h.shape[-1] - 1) * width + h.shape[-1]
        if (window[0][1] if x.ndim == 2 else 1) * width * taps < LITTLE:
            return _as_one_row(x, h, dtype, window, flip, fill)
    bound = max(_largest(x), abs(int(fill or 0))) * _largest(h) * h.size
    if bound >= EXACT:
        return _tap_by_tap(x, h, dtype, window, flip, boundary, fill)
    if bound >= ROUNDED or h.size <= FEW:
        method = "direct"
    elif method == "auto":
        method = "fastest"
    real = np.float32 if bound < 2**24 and method == "direct" else np.float64
    narrow = dtype.kind == "b" or bound > np.iinfo(dtype).max
    h = h.astype(real)
    out = np.empty([size for _, size in window], dtype)
    (before, rows), *across = window
    height = min(rows, max(CHUNK // max(math.prod(out.shape[1:]), 1), 4 * len(h)))
    for i in range(0, rows, height):            # strip by strip, so that the copies in floating point stay small
        count = min(height, rows - i)
        strip, start = _strip(x, i - before, count + len(h) - 1, boundary)
        part = filtered(strip.astype(real), h, ((start, count), *across), flip=flip, method=method,
                        boundary=boundary, fill=fill)
        if method != "direct":
            np.rint(part, out=part)
        if narrow:                              # through int64, so that a narrow type keeps the low bits
            part = part.astype(np.int64)
        out[i:i + count] = part > 0 if dtype.kind == "b" else part
    return out


def _strip(x, first, count, boundary):
    """Entries of x among which lie those that `count` positions from `first` on mean, and how far the first position
    lies before them."""
    if first >= 0 and first + count <= len(x):
        return x[first:first + count], 0
    if boundary != "fill":
        return x[sources(len(x), -first, count, boundary)], 0
    low = min(max(first, 0), len(x) - 1)
    return x[low:max(min(first + count, len(x)), low + 1)], low - first


def _as_one_row(x, h, dtype, window, flip, fill):
    """By NumPy's correlation of the continued rows, one after another, with the kernel's rows as far apart."""
    *heights, width = [size + k - 1 for (_, size), k in zip(window, h.shape, strict=True)]
    rows, end = math.prod(heights), h.shape[-1] - 1
    signal = np.full(rows * width + end, fill or 0, dtype)
    signal[:rows * width].reshape(*heights, width)[tuple(slice(before, before + n) for (before, _), n
                                                         in zip(window, x.shape, strict=True))] = x
    kernel = np.zeros((*h.shape[:-1], width), dtype)
    kernel[..., :end + 1] = np.flip(h) if flip else h
    out = np.correlate(signal, kernel.reshape(-1)[:kernel.size - width + end + 1], "valid")
    *counts, count = [size for _, size in window]
    return np.ascontiguousarray(out.reshape(*counts, width)[..., :count])


def _tap_by_tap(x, h, dtype, window, flip, boundary, fill):
    """Modulo the size of the dtype, as integers of the machine multiply."""
    if flip:
        h = np.flip(h)
    extended = extend(x.astype(dtype), window, h.shape, boundary, fill)
    out = np.zeros([size for _, size in window], dtype)
    for at in np.ndindex(h.shape):
        out += h[at].astype(dtype) * extended[tuple(slice(k, k + size) for k, size in zip(at, out.shape, strict=True))]
    return out


def sources(n, before, count, boundary):
    """For `count` positions from -before on: where each lies in an axis of n, -1 for the fill value."""
    at = np.arange(-before, count - before)
    if boundary == "wrap":
        return at % n
    if boundary == "symm":
        at %= 2 * n
        return np.minimum(at, 2 * n - 1 - at)
    if boundary == "nearest":
        return np.clip(at, 0, n - 1)
    if boundary == "mirror":
        at %= max(2 * n - 2, 1)
        return np.minimum(at, 2 * n - 2 - at)
    return np.where((at >= 0) & (at < n), at, -1)


def extend(x, window, kernel_shape, boundary, fill=None):
    """x continued as far as the outputs of the window reach."""
    for axis, ((before, size), k) in enumerate(zip(window, kernel_shape, strict=True)):
        at = sources(x.shape[axis], before, size + k - 1, boundary)
        x = np.take(x, at, axis)
        outside = [slice(None)] * x.ndim
        outside[axis] = at < 0
        x[tuple(outside)] = fill or 0
    return x


def fold(extended, window, shape, boundary):
    """The adjoint of `extend`: every position adds to where it came from."""
    for axis, ((before, _), n) in enumerate(zip(window, shape, strict=True)):
        at = sources(n, before, extended.shape[axis], boundary)
        moved = np.moveaxis(extended, axis, 0)
        result = np.zeros((n, *moved.shape[1:]), extended.dtype)
        np.add.at(result, at[at >= 0], moved[at >= 0])
        extended = np.moveaxis(result, 0, axis)
    return extended
