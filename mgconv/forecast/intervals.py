"""How far off a forecast will be: split conformal prediction, a radius for each step ahead.

The absolute errors of n forecasts of known samples, in order; the one of rank ceil((n + 1) coverage) is the radius
(Papadopoulos et al., 2002, "Inductive confidence machines for regression"). Where forecasts are exchangeable, the next
one is covered with a probability of at least `coverage`, whatever the distribution.
"""
from __future__ import annotations

import math
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mgconv._support.checks import check_count, check_number
from mgconv.forecast.windows import as_series


class Interval(NamedTuple):
    """A forecast and its bounds, each of shape (steps,) or (starts, steps)."""
    low: NDArray[np.float64]
    forecast: NDArray[np.float64]
    high: NDArray[np.float64]


def conformal_radius(errors: ArrayLike, coverage: float = 0.9) -> NDArray[np.float64]:
    """The absolute error of rank ceil((n + 1) coverage) of each column.

    Parameters
    ----------
    errors : array_like, shape (n, steps)
        Absolute errors; NaN counts as infinite.
    coverage : float
        Between 0 and 1.

    Returns
    -------
    ndarray of float64, shape (steps,)

    Raises
    ------
    ValueError
        If `coverage` is not between 0 and 1, or there are fewer errors than it takes.

    Examples
    --------
    >>> from mgconv.forecast import conformal_radius
    >>> conformal_radius([[5], [1], [4], [2], [3]], coverage=0.5).tolist()
    [3.0]
    """
    share = Fraction(str(check_number("coverage", coverage)))
    if not 0 < share < 1:
        raise ValueError(f"`coverage` must be between 0 and 1. Received: coverage={coverage}.")
    known = np.array(errors, np.float64)
    rank = math.ceil((len(known) + 1) * share)                     # in whole numbers: 0.9 is nine tenths here
    if rank > len(known):
        raise ValueError(f"`coverage` of {coverage} takes {math.ceil(share / (1 - share))} forecasts of known samples. "
                         f"Received: {len(known)}.")
    return np.sort(np.where(np.isnan(known), np.inf, known), axis=0)[rank - 1]


class Calibrated:
    """A fitted forecaster with the errors that it made on samples it did not learn from.

    Parameters
    ----------
    forecaster : Forecaster
        Fitted.
    y : array_like, shape (n,)
        Samples that follow those of `fit`.
    steps : int
        How far ahead intervals will be asked for: up to so many.

    Attributes
    ----------
    errors : ndarray of float64, shape (n - steps + 1, steps)
        Absolute errors, on the scale of the series, from every start whose forecast ends within `y`.

    Raises
    ------
    NotFittedError
        If the forecaster is not fitted.
    ValueError
        If `y` is shorter than `steps`.

    Notes
    -----
    Forecasts from neighbouring starts resemble one another, so the guarantee holds for them in the mean over a long
    `y`, not for each; and it is one about series that go on as they did. After `update` or another `fit`, calibrate
    again.

    Examples
    --------
    >>> import numpy as np
    >>> from mgconv.forecast import Calibrated, SeasonalNaive
    >>> walk = np.cumsum(np.random.default_rng(0).choice([-1.0, 1.0], 400))
    >>> calibrated = Calibrated(SeasonalNaive().fit(walk[:200]), walk[200:], steps=2)
    >>> low, forecast, high = calibrated.predict_interval(2, coverage=0.9)
    >>> (high - low).tolist()
    [2.0, 4.0]
    """

    def __init__(self, forecaster: Any, y: ArrayLike, steps: int) -> None:
        steps = check_count("steps", steps, 1)
        forecaster._check_fitted()
        y = as_series(y, "y")
        if len(y) < steps:
            raise ValueError(f"`y` must have at least `steps` samples. Received: {len(y)} samples, steps={steps}.")
        known = np.concatenate([forecaster._series[len(forecaster._series) - forecaster.lags_:], y])
        starts = np.arange(len(y) - steps + 1) + forecaster.lags_
        answers = forecaster.predict(steps, np.stack([known[start - forecaster.lags_:start] for start in starts]))
        self.forecaster = forecaster
        self.errors = np.abs(answers - np.stack([known[start:start + steps] for start in starts]))

    def radius(self, coverage: float = 0.9) -> NDArray[np.float64]:
        """Half the width of the interval for each step ahead.

        Raises
        ------
        ValueError
            If `coverage` is not between 0 and 1, or there are fewer errors than it takes.
        """
        return conformal_radius(self.errors, coverage)

    def predict_interval(self, steps: int, coverage: float = 0.9, history: ArrayLike | None = None) -> Interval:
        """The forecast of the next samples, and between which bounds they will lie.

        Parameters
        ----------
        steps : int
            At most those that were calibrated.
        coverage : float
            The share of forecasts whose truth lies within, step by step.
        history : array_like, optional
            As in `Forecaster.predict`.

        Raises
        ------
        ValueError
            As in `radius` and `Forecaster.predict`, or if there are more steps than were calibrated.
        """
        if check_count("steps", steps, 1) > self.errors.shape[1]:
            raise ValueError(f"`steps` must be at most the {self.errors.shape[1]} that were calibrated. "
                             f"Received: steps={steps}.")
        forecast, radius = self.forecaster.predict(steps, history), self.radius(coverage)[:steps]
        return Interval(forecast - radius, forecast, forecast + radius)
