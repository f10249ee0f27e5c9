"""Prediction of a scalar series from its last samples: o_t = f(o_{t-L}, ..., o_{t-1}).

`ConvForecaster` finds a conv net for a series by itself, in about a second; `backtest` says what its forecasts, or
those of simple ones, would have been worth, and `Calibrated` how far off the next will be. One by one: `windows` cuts a
series into pairs of past and future, the predictors learn f from them, `one_step`, `recursive` and `direct` ask a
predictor for the future in the three ways there are, and scores judge the answer.
"""
from mgconv.forecast.backtesting import Backtest, backtest
from mgconv.forecast.base import Forecaster, NotFittedError
from mgconv.forecast.baselines import Analogue, SeasonalNaive
from mgconv.forecast.conv_forecaster import FAMILIES, ConvForecaster
from mgconv.forecast.intervals import Calibrated, Interval, conformal_radius
from mgconv.forecast.predictors import ConvPredictor, LinearAutoregression, Persistence, Predictor
from mgconv.forecast.scores import mase, nrmse, rmse, smape
from mgconv.forecast.ways import direct, one_step, recursive, three_ways
from mgconv.forecast.windows import as_series, windows

__all__ = ["FAMILIES", "Analogue", "Backtest", "Calibrated", "ConvForecaster", "ConvPredictor", "Forecaster",
           "Interval", "LinearAutoregression", "NotFittedError", "Persistence", "Predictor", "SeasonalNaive",
           "as_series", "backtest", "conformal_radius", "direct", "mase", "nrmse", "one_step", "recursive", "rmse",
           "smape", "three_ways", "windows"]
