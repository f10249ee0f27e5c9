"""A series as pairs of past and future."""
from operator import index
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray


def as_series(values, name="series"):
    """The values as a float64 vector; `name` stands in the message if they are no finite vector.

    Raises
    ------
    TypeError
        If the values are not real numbers.
    ValueError
        If they have another rank than 1, or one of them is NaN or infinite.
    """
    values = np.asarray(values)
    if values.dtype.kind not in "fiu":
        raise TypeError(f"`{name}` must hold real numbers. Received: dtype {values.dtype}.")
    if values.ndim != 1:
        raise ValueError(f"`{name}` must have rank 1. Received: shape {values.shape}.")
    values = values.astype(np.float64)
    if not np.isfinite(values).all():
        first = int(np.flatnonzero(~np.isfinite(values))[0])
        raise ValueError(f"`{name}` must be finite. Received: {name}[{first}]={values[first]}.")
    return values


def positive_int(value, name):
    """The value as an int; TypeError if it is no integer, ValueError if it is below 1."""
    try:
        number = index(value)
    except TypeError:
        raise TypeError(f"`{name}` must be an integer. Received: {name}={value!r}.") from None
    if number < 1:
        raise ValueError(f"`{name}` must be positive. Received: {name}={number}.")
    return number


def windows(series: Any, lags: Any, horizon: Any = 1) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Every stretch of `lags` samples with the `horizon` samples that follow it.

    Parameters
    ----------
    series : array_like, shape (n,)
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
        If `lags` or `horizon` is not positive, or the series is shorter than both together, or not finite.
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
    series = as_series(series)
    lags, horizon = positive_int(lags, "lags"), positive_int(horizon, "horizon")
    if len(series) < lags + horizon:
        raise ValueError(f"`series` must have at least lags + horizon samples. "
                         f"Received: {len(series)} samples, lags={lags}, horizon={horizon}.")
    both = sliding_window_view(series, lags + horizon)
    return both[:, :lags], both[:, lags:]
