"""Windows and scores against loops and formulas."""
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgconv.forecast import (
    ConvPredictor,
    LinearAutoregression,
    NotFittedError,
    Persistence,
    nrmse,
    one_step,
    recursive,
    rmse,
    windows,
)


@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 20))
def test_windows_are_every_past_with_its_future(lags, horizon, extra):
    series = np.random.default_rng(extra).standard_normal(lags + horizon + extra)
    x, y = windows(series, lags, horizon)
    assert x.shape == (extra + 1, lags)
    assert y.shape == (extra + 1, horizon)
    for i in range(extra + 1):
        for k in range(lags):
            assert x[i, k] == series[i + k]
        for k in range(horizon):
            assert y[i, k] == series[i + lags + k]


@pytest.mark.parametrize("shape", [(-1, 1), (1, -1)])
def test_a_column_is_a_series(shape):
    series = np.arange(9.0)
    for ours, expected in zip(windows(series.reshape(shape), 3), windows(series, 3), strict=True):
        np.testing.assert_array_equal(ours, expected)
    line = LinearAutoregression(2).fit(series.reshape(shape))
    np.testing.assert_allclose(recursive(line, series.reshape(shape), 2), [9, 10])
    np.testing.assert_allclose(one_step(line, series.reshape(shape), 8), [8])


@pytest.mark.parametrize("predictor", [LinearAutoregression(3), ConvPredictor(3)])
def test_predict_before_fit_says_so(predictor):
    name = type(predictor).__name__
    with pytest.raises(NotFittedError, match=f"{name} must learn from a series first: call fit"):
        predictor.predict(np.zeros((1, 3)))
    assert issubclass(NotFittedError, ValueError)
    assert issubclass(NotFittedError, AttributeError)
    assert repr(predictor) == f"{type(predictor).__name__}(lags=3, horizon=1)"


def test_gaps_are_refused_everywhere():
    gaps = np.ma.masked_equal([1.0, 2.0, -200.0, 3.0, 1.0, 2.0], -200)
    for call in (lambda: LinearAutoregression(1).fit(gaps), lambda: ConvPredictor(1).fit(gaps),
                 lambda: Persistence(2).predict(gaps.reshape(3, 2)), lambda: recursive(Persistence(1), gaps, 2),
                 lambda: one_step(Persistence(1), gaps, 2), lambda: rmse(gaps, np.zeros(6)),
                 lambda: nrmse(np.zeros(6), gaps, 1.0)):
        with pytest.raises(ValueError, match="must not be masked: fill the gaps first"):
            call()
    assert rmse(np.ma.masked_array([1.0, 2.0]), [1.0, 2.0]) == 0


def test_one_step_starts_at_an_integer():
    with pytest.raises(TypeError, match="`start` must be an integer. Received: start=2.5."):
        one_step(Persistence(1), np.arange(5.0), 2.5)


def test_windows_leave_the_series_alone():
    series = np.arange(5.0)
    x, _ = windows(series, 2)
    assert not x.flags.writeable
    series[:] = 0
    assert x[1].tolist() == [1.0, 2.0]


@pytest.mark.parametrize(("series", "lags", "horizon", "error", "message"), [
    (np.zeros(4), 0, 1, ValueError, "`lags` must be at least 1. Received: lags=0."),
    (np.zeros(4), 2, -1, ValueError, "`horizon` must be at least 1. Received: horizon=-1."),
    (np.zeros(4), 2.0, 1, TypeError, "`lags` must be an integer. Received: lags=2.0."),
    (np.zeros(4), 3, 2, ValueError, "Received: 4 samples, lags=3, horizon=2."),
    (np.zeros(4), True, 1, TypeError, "`lags` must be an integer. Received: lags=True."),
    (np.zeros((4, 2)), 2, 1, ValueError, r"`series` must have rank 1, or be one column. Received: shape \(4, 2\)."),
    (np.ma.masked_equal([1.0, -200.0, 2.0], -200), 1, 1, ValueError, "`series` must not be masked: fill the gaps"),
    ([0, 1, np.nan, 3], 2, 1, ValueError, r"`series` must be finite. Received: series\[2\]=nan."),
    ([0, 1, 2, np.inf], 2, 1, ValueError, r"`series` must be finite. Received: series\[3\]=inf."),
    ([0j, 1j], 1, 1, TypeError, "`series` must be an array of real numbers. Received: list of dtype complex128."),
    (["a", "b"], 1, 1, TypeError, "`series` must be an array of real numbers."),
])
def test_windows_refuse(series, lags, horizon, error, message):
    with pytest.raises(error, match=message):
        windows(series, lags, horizon)


@given(st.lists(st.tuples(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6)), min_size=1), st.floats(1e-3, 1e3))
def test_scores_follow_their_formula(pairs, scale):
    true, predicted = map(list, zip(*pairs, strict=True))
    expected = math.sqrt(math.fsum((p - t) ** 2 for t, p in pairs) / len(pairs))
    assert rmse(true, predicted) == pytest.approx(expected, rel=1e-12)
    assert nrmse(true, predicted, scale) == pytest.approx(expected / scale, rel=1e-12)


def test_scores_refuse():
    for true, predicted in ([1 + 5j], [1.0]), ([1.0], [1 + 5j]):
        with pytest.raises(TypeError, match="must be an array of real numbers. Received: list of dtype complex128"):
            rmse(true, predicted)
    assert math.isnan(rmse([1.0, 2.0], [1.0, math.nan]))
    with pytest.raises(ValueError, match=r"one shape. Received: \(1,\) and \(2,\)."):
        rmse([1.0], [1.0, 2.0])
    with pytest.raises(ValueError, match="at least one sample"):
        rmse([], [])
    for scale in (0.0, -1.0, math.nan, math.inf):
        with pytest.raises(ValueError, match="`scale` must be (positive and finite|a number)."):
            nrmse([1.0], [1.0], scale)
