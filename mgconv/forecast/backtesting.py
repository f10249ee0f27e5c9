"""What forecasts would have been worth: many starts within a series, each with what was known there alone."""
from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mgconv._support.checks import check_count
from mgconv.forecast.scores import mase, nrmse, rmse, smape
from mgconv.forecast.windows import as_series


@dataclass(frozen=True, repr=False)
class Backtest:
    """Forecasts from many starts, and what came.

    Attributes
    ----------
    starts : ndarray of int, shape (n,)
        The index of the first sample of each forecast.
    true, predicted : ndarray of float64, shape (n, horizon)
    training : ndarray of float64
        What was known at the first start: the scores' scales are its.
    name : str
        The forecaster's.
    """
    starts: NDArray[np.int_]
    true: NDArray[np.float64]
    predicted: NDArray[np.float64]
    training: NDArray[np.float64]
    name: str

    @property
    def scale(self) -> float:
        """The standard deviation of the training part, by which NRMSE and the valid times divide."""
        return float(self.training.std())

    def curve(self) -> NDArray[np.float64]:
        """NRMSE for each step ahead, over all starts; NaN where a forecast was none."""
        return np.array([nrmse(true, predicted, scale=self.scale)
                         for true, predicted in zip(self.true.T, self.predicted.T, strict=True)])

    def valid_times(self, threshold: float = 0.4) -> NDArray[np.int_]:
        """For each start, the steps before the error exceeds `threshold` * scale for the first time.

        A forecast that is NaN is not valid.
        """
        good = np.abs(self.predicted - self.true) <= threshold * self.scale
        return np.where(good.all(axis=1), good.shape[1], np.argmin(good, axis=1))

    def scores(self) -> dict[str, float]:
        """RMSE, NRMSE, MASE and sMAPE over all steps, NRMSE of the last step, and the median valid time in steps."""
        return {"RMSE": rmse(self.true, self.predicted), "NRMSE": nrmse(self.true, self.predicted, scale=self.scale),
                "NRMSE, last step": float(self.curve()[-1]), "MASE": mase(self.true, self.predicted, self.training),
                "sMAPE": smape(self.true, self.predicted), "valid steps": float(np.median(self.valid_times()))}

    def __repr__(self) -> str:
        rows = [f"{title:<18}{value:12.4g}" for title, value in self.scores().items()]
        return "\n".join([f"{self.name}: {len(self.starts)} forecasts of {self.true.shape[1]} steps", *rows])


def backtest(forecaster: Any, series: ArrayLike, horizon: int, *, training: int | None = None, stride: int = 1,
             refit: bool | int = False) -> Backtest:
    """Forecast `horizon` samples from every `stride`-th sample behind the training part, by what was known there alone.

    Parameters
    ----------
    forecaster : Forecaster
        It is copied, and stays as it is.
    series : array_like, shape (n,)
    horizon : int
        Samples of each forecast.
    training : int, optional
        Samples that the first forecast has learnt from; two thirds of the series by default.
    stride : int
        Samples from start to start.
    refit : bool or int
        False: it learns once, from the training part. True: before every forecast, from all that is known then. A
        number: before every so many.

    Returns
    -------
    Backtest

    Raises
    ------
    ValueError
        If no forecast fits behind the training part, or a number is out of range.

    Examples
    --------
    >>> from mgconv.forecast import SeasonalNaive, backtest
    >>> result = backtest(SeasonalNaive(2), [1, 2, 1, 2, 1, 3, 1, 2], horizon=2, training=4)
    >>> result.starts.tolist(), result.predicted.tolist()
    ([4, 5, 6], [[1.0, 2.0], [2.0, 1.0], [1.0, 3.0]])
    """
    series = as_series(series)
    horizon, stride = check_count("horizon", horizon, 1), check_count("stride", stride, 1)
    training = 2 * len(series) // 3 if training is None else check_count("training", training, 1)
    every = int(refit) if isinstance(refit, bool) else check_count("refit", refit, 1)
    starts = np.arange(training, len(series) - horizon + 1, stride)
    if not len(starts):
        raise ValueError("`series` must have room for a forecast behind the training part. "
                         f"Received: {len(series)} samples, training={training}, horizon={horizon}.")
    forecaster = copy.deepcopy(forecaster)
    predicted = np.empty((len(starts), horizon))
    for i in range(0, len(starts), every or len(starts)):
        forecaster.fit(series[:starts[i]])
        part = starts[i:i + (every or len(starts))]
        pasts = np.stack([series[start - forecaster.lags_:start] for start in part])
        predicted[i:i + len(part)] = forecaster.predict(horizon, pasts)
    true = np.stack([series[start:start + horizon] for start in starts])
    return Backtest(starts, true, predicted, series[:training], repr(forecaster))
