"""How far a prediction is from the truth, as one number."""
from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from mgconv._support.arrays import real_array
from mgconv._support.checks import check_finite_positive


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
    true = real_array("true", true).astype(np.float64)
    predicted = real_array("predicted", predicted).astype(np.float64)
    if true.shape != predicted.shape:
        raise ValueError(f"`true` and `predicted` must have one shape. Received: {true.shape} and {predicted.shape}.")
    if true.size == 0:
        raise ValueError("`true` must hold at least one sample. Received: none.")
    return math.sqrt(np.mean(np.square(predicted - true)))


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
