"""Forecasters that any other must beat."""
from __future__ import annotations

import numpy as np

from mgconv._support.checks import check_count
from mgconv.forecast.base import Forecaster


class SeasonalNaive(Forecaster):
    """Everything stays as it was one period ago; with a period of 1, as it is (persistence).

    Parameters
    ----------
    period : int
        Samples of a period.

    Examples
    --------
    >>> from mgconv.forecast import SeasonalNaive
    >>> SeasonalNaive(3).fit([1, 2, 3, 4, 5, 6]).predict(5).tolist()
    [4.0, 5.0, 6.0, 4.0, 5.0]
    """

    def __init__(self, period: int = 1) -> None:
        self.period = period

    def _fit(self, series):
        period = check_count("period", self.period, 1)
        if len(series) < period:
            raise ValueError(f"`y` must have a period of {period} samples at least. Received: {len(series)}.")
        self.lags_ = period

    def _continue(self, pasts, steps):
        return np.take(pasts, np.arange(steps) % pasts.shape[1], axis=1)


class Analogue(Forecaster):
    """The future of the past that resembles the present most (Lorenz, 1969, "Atmospheric predictability as revealed by
    naturally occurring analogues"), shifted to where the present ends.

    Parameters
    ----------
    lags : int
        Samples that are compared, by Euclidean distance.

    Notes
    -----
    A future that is longer than what follows the best past is continued from there, by the past that resembles the
    forecast itself most.

    Examples
    --------
    >>> from mgconv.forecast import Analogue
    >>> Analogue(lags=2).fit([0, 1, 5, 2, 0, 1]).predict(3).tolist()
    [5.0, 2.0, 0.0]
    """

    def __init__(self, lags: int = 16) -> None:
        self.lags = lags

    def _fit(self, series):
        lags = check_count("lags", self.lags, 1)
        if len(series) <= lags:
            raise ValueError(f"`y` must have more samples than `lags`. Received: {len(series)} samples, lags={lags}.")
        self.lags_, self._known = lags, series
        self._pasts = np.lib.stride_tricks.sliding_window_view(series, lags)[:-1]

    def _continue(self, pasts, steps):
        return np.stack([self._one(past, steps) for past in pasts])

    def _one(self, past, steps):
        path = past
        while len(path) < len(past) + steps:
            recent = path[len(path) - self.lags_:]
            best = int(np.argmin(np.sum((self._pasts - recent) ** 2, axis=1))) + self.lags_
            path = np.concatenate([path, self._known[best:] + (recent[-1] - self._known[best - 1])])
        return path[len(past):len(past) + steps]
