"""Baselines, backtests, scores and intervals against what can be counted by hand, and against known processes."""
import math
import re
from fractions import Fraction

import numpy as np
import pytest

from mgconv import dde
from mgconv.forecast import (
    Analogue,
    Calibrated,
    ConvForecaster,
    Forecaster,
    NotFittedError,
    SeasonalNaive,
    backtest,
    mase,
    smape,
)


class Broken(Forecaster):
    def __init__(self):
        pass

    def _fit(self, series):
        self.lags_ = 1

    def _continue(self, pasts, steps):
        return np.full((len(pasts), steps), np.nan)


class Counting(Forecaster):
    """Predicts how many samples it learnt from."""

    def __init__(self):
        pass

    def _fit(self, series):
        self.lags_, self.seen_ = 1, len(series)

    def _continue(self, pasts, steps):
        return np.full((len(pasts), steps), float(self.seen_))


def test_the_analogue_of_a_deterministic_series_is_its_future():
    logistic = np.empty(3000)
    logistic[0] = 0.3
    for t in range(2999):
        logistic[t + 1] = 3.9 * logistic[t] * (1 - logistic[t])
    forecaster = Analogue(lags=3).fit(logistic[:2900])
    assert np.abs(forecaster.predict(3) - logistic[2900:2903]).max() < 0.1
    periodic = np.tile([0.0, 2.0, 1.0, 5.0], 10)
    np.testing.assert_array_equal(Analogue(lags=4).fit(periodic[:22]).predict(40), np.tile([1.0, 5.0, 0.0, 2.0], 10))


def test_seasons_repeat():
    series = np.arange(12.0)
    np.testing.assert_array_equal(SeasonalNaive(4).fit(series).predict(6), [8, 9, 10, 11, 8, 9])
    np.testing.assert_array_equal(SeasonalNaive().fit(series).predict(2), [11, 11])
    with pytest.raises(ValueError, match="must have a period of 5 samples at least. Received: 3"):
        SeasonalNaive(5).fit([1, 2, 3])
    with pytest.raises(ValueError, match="more samples than `lags`"):
        Analogue(3).fit([1, 2, 3])


def test_nothing_is_known_before_its_time():
    series = np.arange(20.0)
    once = backtest(Counting(), series, 2, training=10, stride=3)
    assert once.starts.tolist() == [10, 13, 16]
    assert once.predicted[:, 0].tolist() == [10, 10, 10]
    assert backtest(Counting(), series, 2, training=10, stride=3, refit=True).predicted[:, 1].tolist() == [10, 13, 16]
    assert backtest(Counting(), series, 2, training=10, stride=3, refit=2).predicted[:, 1].tolist() == [10, 10, 16]
    np.testing.assert_array_equal(once.true, [[10, 11], [13, 14], [16, 17]])
    assert once.scale == series[:10].std()


def test_the_future_changes_no_forecast():
    series = dde.mackey_glass(420, tau=17, discard=500)
    changed = series.copy()
    changed[310:] = 0.5
    for refit in (False, True):
        a, b = (backtest(SeasonalNaive(7), s, 5, training=300, refit=refit) for s in (series, changed))
        early = a.starts <= 310
        np.testing.assert_array_equal(a.predicted[early], b.predicted[early])


def test_curves_and_valid_times_are_counted_right():
    series = np.r_[np.tile([0.0, 2.0], 5), 0.0, 2.0, 0.0, 9.0]          # scale 1
    result = backtest(SeasonalNaive(2), series, 4, training=10)
    np.testing.assert_allclose(result.curve(), [0, 0, 0, 7])
    assert result.valid_times().tolist() == [3]
    assert result.scores()["RMSE"] == 3.5
    assert re.search(r"SeasonalNaive\(period=2\): 1 forecasts of 4 steps\nRMSE +3\.5\n", repr(result))


def test_a_forecast_that_is_none_never_scores_well():
    result = backtest(Broken(), np.sin(np.arange(50.0)), 3)
    assert np.isnan(result.curve()).all()
    assert not result.valid_times().any()
    assert all(math.isnan(value) for name, value in result.scores().items() if name != "valid steps")


def test_a_conv_forecaster_beats_its_baselines_on_chaos():
    series = dde.mackey_glass(900, tau=17, discard=1000)
    scores = [backtest(one, series, 30, training=800, stride=10).scores()["NRMSE"]
              for one in (ConvForecaster("pointwise"), Analogue(), SeasonalNaive())]
    assert 100 * scores[0] < scores[1] < scores[2]


def test_scores_by_hand():
    assert smape([1, -1, 0], [1, 1, 0]) == pytest.approx(200 / 3)
    assert mase([1.0], [2.0], [0, 1, 0, 1], period=1) == 1
    with pytest.raises(ValueError, match="must change from period to period"):
        mase([1.0], [2.0], [0, 1, 0, 1], period=2)
    with pytest.raises(ValueError, match="more samples than `period`"):
        mase([1.0], [2.0], [0, 1], period=2)
    with pytest.raises(TypeError):
        smape([1j], [1])
    assert math.isnan(smape([1.0], [np.nan]))
    assert math.isnan(mase([1.0], [np.nan], [0, 1]))


@pytest.mark.parametrize("wrong", [{"horizon": 0}, {"horizon": 30}, {"stride": 0}, {"refit": -1}, {"training": 25}])
def test_backtests_that_cannot_be_are_refused(wrong):
    with pytest.raises(ValueError, match=r"horizon|stride|refit|room for a forecast"):
        backtest(SeasonalNaive(), np.arange(20.0), **{"horizon": 2} | wrong)


# ------------------------------------------------------------------------------------------------------ intervals

@pytest.mark.parametrize("coverage", [0.5, 0.8, 0.9, 0.95, 0.99])
def test_the_rank_is_exact_and_the_smallest_set_suffices(coverage):
    """With errors 1 ... n the radius is the rank itself: ceil((n + 1) coverage), in whole numbers."""
    share = Fraction(str(coverage))
    least = math.ceil(share / (1 - share))
    for count in (least, least + 1, 99, 199, 999):
        if count < least:
            continue
        jumps = np.arange(1.0, count + 1)
        series = np.r_[0.0, np.cumsum(jumps)]
        calibrated = Calibrated(SeasonalNaive().fit(series[:1]), series[1:], steps=1)
        assert calibrated.radius(coverage)[0] == -(-(count + 1) * share.numerator // share.denominator)
    if least == 1:
        return
    series = np.arange(float(least))
    with pytest.raises(ValueError, match=f"takes {least} forecasts of known samples. Received: {least - 1}"):
        Calibrated(SeasonalNaive().fit(series[:1]), series[1:], steps=1).radius(coverage)


def test_coverage_is_what_was_asked_for():
    rng = np.random.default_rng(0)
    series = np.zeros(6000)
    for t in range(1, 6000):
        series[t] = 0.9 * series[t - 1] + rng.standard_t(3)
    forecaster = ConvForecaster("autoregression").fit(series[:500])
    calibrated = Calibrated(forecaster, series[500:3000], steps=8)
    starts = np.arange(3000, 5900)
    pasts = np.stack([series[start - forecaster.lags_:start] for start in starts])
    for coverage in (0.8, 0.9, 0.95):
        low, _, high = calibrated.predict_interval(8, coverage, pasts)
        true = np.stack([series[start:start + 8] for start in starts])
        covered = ((low <= true) & (true <= high)).mean(axis=0)
        assert np.abs(covered - coverage).max() < 0.03


def test_intervals_that_cannot_be_are_refused():
    walk = np.cumsum(np.ones(30))
    with pytest.raises(NotFittedError):
        Calibrated(SeasonalNaive(), walk, 2)
    fitted = SeasonalNaive().fit(walk[:10])
    with pytest.raises(ValueError, match="at least `steps` samples. Received: 3 samples, steps=4"):
        Calibrated(fitted, walk[10:13], 4)
    calibrated = Calibrated(fitted, walk[10:], 2)
    with pytest.raises(ValueError, match="at most the 2 that were calibrated. Received: steps=3"):
        calibrated.predict_interval(3)
    for coverage in (0, 1, 1.5, -0.1):
        with pytest.raises(ValueError, match="between 0 and 1"):
            calibrated.radius(coverage)
    broken = Calibrated(Broken().fit(walk[:10]), walk[10:], 1)
    assert broken.radius()[0] == np.inf
