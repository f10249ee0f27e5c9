"""Windows and scores against loops and formulas."""
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgconv.forecast import nrmse, rmse, windows


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


def test_windows_leave_the_series_alone():
    series = np.arange(5.0)
    x, _ = windows(series, 2)
    assert not x.flags.writeable
    series[:] = 0
    assert x[1].tolist() == [1.0, 2.0]


@pytest.mark.parametrize(("series", "lags", "horizon", "error", "message"), [
    (np.zeros(4), 0, 1, ValueError, "`lags` must be positive. Received: lags=0."),
    (np.zeros(4), 2, -1, ValueError, "`horizon` must be positive. Received: horizon=-1."),
    (np.zeros(4), 2.0, 1, TypeError, "`lags` must be an integer. Received: lags=2.0."),
    (np.zeros(4), 3, 2, ValueError, "Received: 4 samples, lags=3, horizon=2."),
    (np.zeros((4, 1)), 2, 1, ValueError, r"`series` must have rank 1. Received: shape \(4, 1\)."),
    ([0, 1, np.nan, 3], 2, 1, ValueError, r"`series` must be finite. Received: series\[2\]=nan."),
    ([0, 1, 2, np.inf], 2, 1, ValueError, r"`series` must be finite. Received: series\[3\]=inf."),
    ([0j, 1j], 1, 1, TypeError, "`series` must hold real numbers. Received: dtype complex128."),
    (["a", "b"], 1, 1, TypeError, "`series` must hold real numbers."),
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
    with pytest.raises(ValueError, match=r"one shape. Received: \(1,\) and \(2,\)."):
        rmse([1.0], [1.0, 2.0])
    with pytest.raises(ValueError, match="at least one sample"):
        rmse([], [])
    for scale in (0.0, -1.0, math.nan, math.inf):
        with pytest.raises(ValueError, match="`scale` must be positive and finite"):
            nrmse([1.0], [1.0], scale)
