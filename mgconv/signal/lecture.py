"""The forward passes of the lecture "Neural Organization: Convolution", in its own indexing."""
from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mgconv._support.arrays import unmasked
from mgconv.signal.arrays import filtered, is_native, output_window, scipy_function


def causal_conv(a: ArrayLike, x: ArrayLike) -> NDArray[Any]:
    """The lecture's 1-D linear convolution z[i] = a[1] x[i - tau + 1] + ... + a[tau] x[i].

    A correlation: `a` is not turned, and its last entry meets the present sample. Samples before the first count as
    zero.

    Parameters
    ----------
    a : array_like, shape (tau,)
        The kernel, at least one entry.
    x : array_like, shape (n,)
        The signal.

    Returns
    -------
    ndarray, shape (n,)

    Raises
    ------
    ValueError
        If an argument has not one axis, or `a` is empty.

    Examples
    --------
    >>> from mgconv.signal import causal_conv
    >>> causal_conv([1, 10, 100], [1, 2, 3, 4]).tolist()
    [100, 210, 321, 432]
    """
    a, x = unmasked("a", a), unmasked("x", x)
    if a.ndim != 1 or x.ndim != 1 or not a.size:
        raise ValueError(f"`a` and `x` must have one axis, and `a` an entry. Received: shapes {a.shape} and {x.shape}.")
    if not x.size:
        return np.zeros(0, np.result_type(a, x))
    if not is_native(x, a):
        return np.convolve(x, a[::-1])[:x.size]
    return filtered(x, a, output_window("causal", x.shape, a.shape), flip=False)


def valid_conv2(x: ArrayLike, K: ArrayLike) -> NDArray[Any]:
    """The lecture's my_valid_conv2: z[i, j] = sum over m, n of K(m, n) x[i + m - 1, j + n - 1].

    The forward pass of a layer: the kernel is not turned, and only whole overlaps count. MATLAB's filter2(K, x,
    "valid").

    Parameters
    ----------
    x : array_like, shape (rows, cols)
        The input map.
    K : array_like, shape (kernel rows, kernel cols)
        The kernel.

    Returns
    -------
    ndarray, shape (rows - kernel rows + 1, cols - kernel cols + 1)

    Raises
    ------
    ValueError
        "invalid matrix size" if the kernel is larger than the map in a dimension; or if an argument has not two axes.

    Examples
    --------
    >>> import numpy as np
    >>> from mgconv.signal import valid_conv2
    >>> valid_conv2(np.arange(9).reshape(3, 3), [[1, 0], [0, 10]]).tolist()
    [[40, 51], [73, 84]]
    """
    x, K = unmasked("x", x), unmasked("K", K)
    if x.ndim != 2 or K.ndim != 2:
        raise ValueError(f"`x` and `K` must have two axes. Received: shapes {x.shape} and {K.shape}.")
    if x.shape[0] < K.shape[0] or x.shape[1] < K.shape[1] or not K.size:
        raise ValueError(f"invalid matrix size: the kernel must not be larger than the map, nor empty. "
                         f"Received: x of shape {x.shape}, K of shape {K.shape}.")
    if not is_native(x, K):
        return scipy_function("correlate")(x, np.conj(K), "valid")
    return filtered(x, K, output_window("valid", x.shape, K.shape), flip=False)
