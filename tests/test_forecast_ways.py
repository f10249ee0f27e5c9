"""The three ways, by predictors whose answers are known."""
import numpy as np
import pytest

from mgconv.forecast import LinearAutoregression, Persistence, direct, one_step, recursive


class Recorder:
    """Answers with the sum of the window, and remembers which windows it was shown."""

    def __init__(self, lags, horizon=1):
        self.lags, self.horizon, self.seen = lags, horizon, []

    def predict(self, pasts):
        self.seen += [list(row) for row in pasts]
        return np.repeat(pasts.sum(axis=1, keepdims=True), self.horizon, axis=1)


def test_one_step_shows_only_true_samples_before_each():
    recorder = Recorder(lags=3)
    answer = one_step(recorder, [1, 2, 3, 4, 5, 6], start=4)
    assert recorder.seen == [[2, 3, 4], [3, 4, 5]]
    assert answer.tolist() == [9, 12]


def test_recursion_starts_from_the_last_lags_samples_then_feeds_on_itself():
    recorder = Recorder(lags=2)
    answer = recursive(recorder, [100, 1, 1], steps=4)
    assert recorder.seen == [[1, 1], [1, 2], [2, 3], [3, 5]]
    assert answer.tolist() == [2, 3, 5, 8]


def test_recursion_with_five_lags_starts_from_samples_796_to_800():
    recorder = Recorder(lags=5)
    recursive(recorder, np.arange(1, 801), steps=14)
    assert recorder.seen[0] == [796, 797, 798, 799, 800]
    assert len(recorder.seen) == 14


def test_direct_looks_once_at_the_last_lags_samples():
    recorder = Recorder(lags=2, horizon=3)
    assert direct(recorder, [9, 1, 2]).tolist() == [3, 3, 3]
    assert recorder.seen == [[1, 2]]


@pytest.mark.parametrize("lags", [1, 4, 9])
@pytest.mark.parametrize("horizon", [1, 5])
def test_autoregression_is_least_squares(lags, horizon):
    series = np.random.default_rng(0).standard_normal(60)
    rows = len(series) - lags - horizon + 1
    a = np.array([[*series[i:i + lags], 1.0] for i in range(rows)])
    y = np.array([series[i + lags:i + lags + horizon] for i in range(rows)])
    pasts = np.random.default_rng(1).standard_normal((3, lags))
    expected = np.column_stack([pasts, np.ones(3)]) @ np.linalg.solve(a.T @ a, a.T @ y)
    np.testing.assert_allclose(LinearAutoregression(lags, horizon).fit(series).predict(pasts), expected, rtol=1e-10)


def test_autoregression_continues_a_sine_wave():
    wave = np.sin(0.4 * np.arange(80))
    model = LinearAutoregression(lags=2).fit(wave[:50])
    np.testing.assert_allclose(recursive(model, wave[:50], 30), wave[50:], atol=1e-10)
    model = LinearAutoregression(lags=2, horizon=30).fit(wave[:50])
    np.testing.assert_allclose(direct(model, wave[:50]), wave[50:], atol=1e-10)


def test_persistence_repeats_the_last_sample():
    model = Persistence(lags=2, horizon=3).fit(np.arange(9))
    assert model.predict([[1, 2], [3, 4]]).tolist() == [[2, 2, 2], [4, 4, 4]]


def test_ways_refuse():
    one, many = Persistence(lags=3), Persistence(lags=3, horizon=2)
    with pytest.raises(ValueError, match="`predictor` must have a horizon of 1. Received: horizon=2."):
        one_step(many, np.arange(9), 5)
    with pytest.raises(ValueError, match="`predictor` must have a horizon of 1. Received: horizon=2."):
        recursive(many, np.arange(9), 5)
    for start in (2, 9):
        with pytest.raises(ValueError, match=f"Received: start={start}, 9 samples, lags=3."):
            one_step(one, np.arange(9), start)
    for way in (lambda h: recursive(one, h, 1), lambda h: direct(many, h)):
        with pytest.raises(ValueError, match="at least `lags` samples. Received: 2 samples, lags=3."):
            way([1, 2])
        with pytest.raises(ValueError, match=r"`history` must be finite. Received: history\[1\]=nan."):
            way([1, np.nan, 3])
    with pytest.raises(ValueError, match="`steps` must be at least 1. Received: steps=0."):
        recursive(one, np.arange(9), 0)
    with pytest.raises(ValueError, match=r"shape \(n, lags\) with lags=3. Received: shape \(2, 4\)."):
        one.predict(np.zeros((2, 4)))
