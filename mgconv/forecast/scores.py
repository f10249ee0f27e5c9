"""How far a prediction is from the truth, as one number."""
from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from mgconv._support.arrays import real_array
from mgconv._support.checks import check_count, check_finite_positive
from mgconv.forecast.windows import as_series


def rmse(true: ArrayLike, predicted: ArrayLike) -> float:
    """The root of the mean squared error, in the series' own unit.

    Parameters
    ----------
    true, predicted : array_like, of one shape
        At least one sample.

    Returns
    -------
    float
        NaN if a sample is.

    Raises
    ------
    TypeError
        If something is no array of real numbers.
    ValueError
        If the shapes differ, some samples are masked or there is none.

    Examples
    --------
    >>> from mgconv.forecast import rmse
    >>> rmse([1.0, 2.0], [1.0, 4.0]) == 2 ** 0.5
    True
    """
    there, said = _both(true, predicted)
    return math.sqrt(np.mean(np.square(said - there)))


def nrmse(true: ArrayLike, predicted: ArrayLike, scale: float) -> float:
    """The root mean squared error as a share of `scale`, by custom the standard deviation of the training series.

    Against that scale, always predicting the series' mean scores about 1.

    Parameters
    ----------
    true, predicted : array_like, of one shape
        At least one sample.
    scale : float
        Positive, in the series' unit.

    Returns
    -------
    float

    Raises
    ------
    TypeError, ValueError
        As in `rmse`; ValueError too if `scale` is not positive.

    Examples
    --------
    >>> from mgconv.forecast import nrmse
    >>> nrmse([1.0, 2.0], [1.5, 1.5], scale=2.0)
    0.25
    """
    return rmse(true, predicted) / float(check_finite_positive("scale", scale))


def mase(true: ArrayLike, predicted: ArrayLike, training: ArrayLike, period: int = 1) -> float:
    """The mean absolute error over that of a forecast, within `training`, by the sample one period before.

    Hyndman and Koehler, "Another look at measures of forecast accuracy", 2006. Below 1 is better than that naive
    forecast of one step was.

    Parameters
    ----------
    true, predicted : array_like, of one shape
        At least one sample.
    training : array_like, shape (n,)
        What was learnt from; longer than `period`.
    period : int
        1 for series without seasons.

    Returns
    -------
    float
        NaN if a sample is.

    Raises
    ------
    TypeError, ValueError
        As in `rmse`; ValueError too if `training` is too short, or repeats itself exactly.

    Examples
    --------
    >>> from mgconv.forecast import mase
    >>> mase([5.0, 7.0], [4.0, 7.0], training=[1.0, 2.0, 4.0])
    0.3333333333333333
    """
    there, said = _both(true, predicted)
    training, period = as_series(training, "training"), check_count("period", period, 1)
    if len(training) <= period:
        raise ValueError("`training` must have more samples than `period`. "
                         f"Received: {len(training)} samples, period={period}.")
    naive = np.mean(np.abs(training[period:] - training[:-period]))
    if naive == 0:
        raise ValueError(f"`training` must change from period to period. Received: the same again, period={period}.")
    return float(np.mean(np.abs(said - there)) / naive)


def smape(true: ArrayLike, predicted: ArrayLike) -> float:
    """The mean of 200 |predicted - true| / (|predicted| + |true|), in percent: 0 to 200.

    As in the M4 competition (Makridakis et al., 2020). A sample that is 0 and predicted so counts 0. It depends on
    where the series has its zero.

    Parameters
    ----------
    true, predicted : array_like, of one shape
        At least one sample.

    Returns
    -------
    float
        NaN if a sample is.

    Raises
    ------
    TypeError, ValueError
        As in `rmse`.

    Examples
    --------
    >>> from mgconv.forecast import smape
    >>> smape([1.0, 0.0], [3.0, 0.0])
    50.0
    """
    there, said = _both(true, predicted)
    size = np.abs(there) + np.abs(said)
    return float(np.mean(200 * np.abs(said - there) / np.where(size == 0, 1, size)))


def _both(one, other):
    true = real_array("true", one).astype(np.float64)
    predicted = real_array("predicted", other).astype(np.float64)
    if true.shape != predicted.shape:
        raise ValueError(f"`true` and `predicted` must have one shape. Received: {true.shape} and {predicted.shape}.")
    if true.size == 0:
        raise ValueError("`true` must hold at least one sample. Received: none.")
    return true, predicted
