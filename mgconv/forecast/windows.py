"""A series as pairs of past and future."""
from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike, NDArray

from mgconv._support.arrays import real_array
from mgconv._support.checks import check_count


def as_series(values: ArrayLike, name: str = "series") -> NDArray[np.float64]:
    """The values as a float64 vector; `name` stands in the message if they are no finite vector.

    One column, as `scipy.io.loadmat` and data frames give it, and one row count as a vector.

    Raises
    ------
    TypeError
        If the values are not real numbers.
    ValueError
        If they have another shape, or one of them is masked, NaN or infinite.
    """
    array = real_array(name, values)
    if array.ndim == 2 and 1 in array.shape:
        array = array.reshape(-1)
    if array.ndim != 1:
        raise ValueError(f"`{name}` must have rank 1, or be one column. Received: shape {array.shape}.")
    series = array.astype(np.float64)
    if not np.isfinite(series).all():
        first = int(np.flatnonzero(~np.isfinite(series))[0])
        raise ValueError(f"`{name}` must be finite. Received: {name}[{first}]={series[first]}.")
    return series


def windows(series: ArrayLike, lags: int, horizon: int = 1) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Every stretch of `lags` samples with the `horizon` samples that follow it.

    Parameters
    ----------
    series : array_like, shape (n,) or (n, 1)
        Real, finite samples, oldest first.
    lags : int
        Samples in the past, L.
    horizon : int
        Samples in the future.

    Returns
    -------
    x : ndarray of float64, shape (n - lags - horizon + 1, lags)
        ``x[i] = series[i : i + lags]``: a read-only view, oldest sample first.
    y : ndarray of float64, shape (n - lags - horizon + 1, horizon)
        ``y[i] = series[i + lags : i + lags + horizon]``, likewise.

    Raises
    ------
    ValueError
        If `lags` or `horizon` is not positive, or the series is shorter than both together, masked or not finite.
    TypeError
        If `lags` or `horizon` is no integer, or the series does not hold real numbers.

    Examples
    --------
    >>> from mgconv.forecast import windows
    >>> x, y = windows([0, 1, 2, 3, 4], lags=3)
    >>> x.tolist()
    [[0.0, 1.0, 2.0], [1.0, 2.0, 3.0]]
    >>> y.tolist()
    [[3.0], [4.0]]
    """
    samples = as_series(series)
    lags, horizon = check_count("lags", lags, 1), check_count("horizon", horizon, 1)
    if len(samples) < lags + horizon:
        raise ValueError(f"`series` must have at least lags + horizon samples. "
                         f"Received: {len(samples)} samples, lags={lags}, horizon={horizon}.")
    both = sliding_window_view(samples, lags + horizon)
    return both[:, :lags], both[:, lags:]
