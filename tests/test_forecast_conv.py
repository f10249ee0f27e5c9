"""The conv predictor: what it learns, and that nothing but the seed decides it."""
import numpy as np
import pytest

import mgconv
from mgconv import forecast
from mgconv.forecast import ConvPredictor, Persistence

WAVE = np.sin(0.3 * np.arange(160)) + 0.3 * np.sin(0.7 * np.arange(160))
QUICK = {"filters": [8, 4], "epochs": 10}


def fitted(series=WAVE[:140], lags=8, horizon=1, seed=0, **options):
    mgconv.set_random_seed(seed)
    return ConvPredictor(lags, horizon, **QUICK | options).fit(series)


@pytest.fixture
def threads():
    before = mgconv.get_num_threads()
    yield mgconv.set_num_threads
    mgconv.set_num_threads(before)


@pytest.mark.thread_unsafe(reason="the random seed is the process's")
def test_it_beats_persistence_in_all_three_ways_on_mackey_glass():
    series = mgconv.dde.mackey_glass(414, dt=6.0)
    train, test = series[:400], series[400:]
    answers = [forecast.three_ways(fitted(train, 32, epochs=30), fitted(train, 32, 14, epochs=30), train, test),
               forecast.three_ways(Persistence(32), Persistence(32, 14), train, test)]
    net, persistence = ({way: forecast.rmse(test, answer) for way, answer in ways.items()} for ways in answers)
    for way in net:
        assert net[way] < 0.5 * persistence[way]


@pytest.mark.thread_unsafe(reason="the random seed is the process's")
def test_the_seed_decides_and_the_number_of_threads_does_not(threads):
    pasts, _ = forecast.windows(WAVE, 8)
    threads(1)
    one = fitted().predict(pasts)
    threads(2)
    np.testing.assert_array_equal(fitted().predict(pasts), one)
    assert not np.array_equal(fitted(seed=1).predict(pasts), one)


@pytest.mark.parametrize("lags", range(1, 8))
def test_short_windows_work(lags):
    net = fitted(lags=lags, horizon=2, epochs=1)
    assert net.predict(np.zeros((3, lags))).shape == (3, 2)


@pytest.mark.thread_unsafe(reason="the random seed is the process's")
def test_the_unit_of_the_series_does_not_matter():
    pasts, _ = forecast.windows(WAVE, 8)
    other = fitted(series=1000 - 256 * WAVE[:140]).predict(1000 - 256 * pasts)
    mirrored = fitted(series=-WAVE[:140]).predict(-pasts)
    np.testing.assert_allclose((other - 1000) / 256, mirrored, atol=1e-4)


@pytest.mark.thread_unsafe(reason="the random seed is the process's")
def test_the_history_of_the_loss_is_kept_and_falls():
    loss = fitted().history.history["loss"]
    assert len(loss) == 10
    assert loss[-1] < 0.5 * loss[0]


def test_callbacks_are_told_of_every_epoch():
    epochs = []
    record = mgconv.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: epochs.append(epoch))
    ConvPredictor(8, epochs=3).fit(WAVE, callbacks=[record])
    assert epochs == [0, 1, 2]


@pytest.mark.parametrize(("series", "message"), [
    (np.full(50, 0.1), "`series` must not be constant. Received: 50 samples of 0.1."),
    (np.arange(8.0), "Received: 8 samples, lags=8, horizon=1."),
    (np.array([1, 2, np.nan]), r"`series` must be finite. Received: series\[2\]=nan."),
])
def test_fit_refuses(series, message):
    with pytest.raises(ValueError, match=message):
        fitted(series)


@pytest.mark.parametrize(("options", "message"), [
    ({"lags": 0}, "`lags` must be at least 1. Received: lags=0."),
    ({"horizon": 0}, "`horizon` must be at least 1. Received: horizon=0."),
    ({"filters": [8, 0]}, "`filters` must be at least 1. Received: filters=0."),
    ({"kernel_size": -1}, "`kernel_size` must be at least 1. Received: kernel_size=-1."),
    ({"epochs": 0}, "`epochs` must be at least 1. Received: epochs=0."),
    ({"batch_size": 0}, "`batch_size` must be at least 1. Received: batch_size=0."),
    ({"learning_rate": 0.0}, "`learning_rate` must be positive and finite. Received: learning_rate=0.0."),
    ({"learning_rate": np.nan}, "`learning_rate` must be a number. Received: learning_rate=nan."),
])
def test_options_are_checked(options, message):
    with pytest.raises(ValueError, match=message):
        ConvPredictor(**{"lags": 8} | options)


def test_predict_refuses_windows_of_another_length():
    with pytest.raises(ValueError, match=r"`pasts` must have shape \(n, lags\) with lags=8. Received: shape \(2, 7\)."):
        fitted(epochs=1).predict(np.zeros((2, 7)))
