"""Prediction of a scalar series from its last samples: o_t = f(o_{t-L}, ..., o_{t-1}).

`windows` cuts a series into pairs of past and future, the predictors learn f from them, `one_step`, `recursive` and
`direct` ask a predictor for the future in the three ways there are, and `rmse` and `nrmse` judge the answer.
"""
from mgconv.forecast.predictors import ConvPredictor, LinearAutoregression, NotFittedError, Persistence, Predictor
from mgconv.forecast.scores import nrmse, rmse
from mgconv.forecast.ways import direct, one_step, recursive, three_ways
from mgconv.forecast.windows import windows

__all__ = ["ConvPredictor", "LinearAutoregression", "NotFittedError", "Persistence", "Predictor", "direct", "nrmse",
           "one_step", "recursive", "rmse", "three_ways", "windows"]
