"""Prediction of a scalar series from its last samples: o_t = f(o_{t-L}, ..., o_{t-1}).

`ConvForecaster` finds a conv net for a series by itself, in about a second. One by one: `windows` cuts a series into
pairs of past and future, the predictors learn f from them, `one_step`, `recursive` and `direct` ask a predictor for the
future in the three ways there are, and `rmse` and `nrmse` judge the answer.
"""
from mgconv.forecast.base import Forecaster, NotFittedError
from mgconv.forecast.conv_forecaster import ConvForecaster
from mgconv.forecast.predictors import ConvPredictor, LinearAutoregression, Persistence, Predictor
from mgconv.forecast.scores import nrmse, rmse
from mgconv.forecast.ways import direct, one_step, recursive, three_ways
from mgconv.forecast.windows import windows

__all__ = ["ConvForecaster", "ConvPredictor", "Forecaster", "LinearAutoregression", "NotFittedError", "Persistence",
           "Predictor", "direct", "nrmse", "one_step", "recursive", "rmse", "three_ways", "windows"]
