"""`ConvForecaster` against the integrator, closed forms, and what is known to be best for simple processes."""
import copy
import pickle

import numpy as np
import pytest

import mgconv
from mgconv import dde
from mgconv.forecast import ConvForecaster, Forecaster, NotFittedError


def mackey_glass(tau, n=1000, history=0.81):
    return dde.mackey_glass(n, tau=tau, history=history, discard=1000)


@pytest.fixture(scope="module")
def chaotic():
    series = mackey_glass(30)
    return series, ConvForecaster().fit(series[:800])


@pytest.mark.parametrize("tau", [17, 30])
def test_a_delay_equation_is_forecast_to_a_millionth(tau):
    series = mackey_glass(tau)
    forecaster = ConvForecaster("pointwise").fit(series[:800])
    starts = range(800, 900, 7)
    answers = forecaster.predict(14, [series[start - forecaster.lags_:start] for start in starts])
    truth = np.stack([series[start:start + 14] for start in starts])
    error = np.sqrt(np.median((answers - truth) ** 2, axis=0))
    assert error[-1] < 5e-6 * series[:800].std()


def test_the_family_that_fits_is_chosen(chaotic):
    assert chaotic[1].family_ == "pointwise"
    rng = np.random.default_rng(0)
    oscillation = np.zeros(600)
    for t in range(2, 600):
        oscillation[t] = 1.6 * oscillation[t - 1] - 0.9 * oscillation[t - 2] + rng.standard_normal()
    assert ConvForecaster().fit(oscillation).family_ == "autoregression"
    assert ConvForecaster().fit(np.full(50, 3.0)).family_ == "persistence"


@pytest.mark.parametrize("seed", range(4))
def test_no_worse_than_persistence_on_a_random_walk(seed):
    walk = np.cumsum(np.random.default_rng(seed).standard_normal(440))
    forecaster = ConvForecaster().fit(walk[:400])
    pasts = [walk[start - forecaster.lags_:start] for start in range(400, 430)]
    answers, truth = forecaster.predict(10, pasts), np.stack([walk[start:start + 10] for start in range(400, 430)])
    still = np.repeat([[past[-1]] for past in pasts], 10, axis=1)
    assert np.mean((answers - truth) ** 2) < 1.25 * np.mean((still - truth) ** 2)


def test_sunspots_are_forecast_no_worse_than_by_a_line():
    sunspots = pytest.importorskip("statsmodels.api").datasets.sunspots.load_pandas().data["SUNACTIVITY"].to_numpy()
    train, test = sunspots[:-39], sunspots[-39:]
    forecaster = ConvForecaster().fit(train)
    answers = [forecaster.predict(1, sunspots[:start])[0] for start in range(len(train), len(sunspots))]
    assert np.sqrt(np.mean((answers - test) ** 2)) / test.std() < 0.446       # least squares of 22 lags


def test_a_wave_goes_on():
    wave = np.sin(0.3 * np.arange(260))
    forecaster = ConvForecaster().fit(wave[:200])
    np.testing.assert_allclose(forecaster.predict(60), wave[200:], atol=1e-8)


def test_the_model_is_the_forecaster(chaotic):
    series, forecaster = chaotic
    model, lags = forecaster.model_, forecaster.lags_
    assert isinstance(model, mgconv.Sequential)
    assert model.dtype == np.float64
    pasts = np.stack([series[start - lags:start] for start in range(800, 830)])
    np.testing.assert_allclose(model.predict(pasts[:, :, None], verbose=0), forecaster.predict(1, pasts), rtol=1e-9)
    for family in ("autoregression", "persistence"):
        other = ConvForecaster(family).fit(series[:300])
        pasts = np.stack([series[start - other.lags_:start] for start in range(300, 310)])
        np.testing.assert_allclose(other.model_.predict(pasts[:, :, None], verbose=0), other.predict(1, pasts),
                                   rtol=1e-9)


def test_many_starts_are_as_one_after_the_other(chaotic):
    series, forecaster = chaotic
    pasts = np.stack([series[start - 100:start] for start in range(800, 806)])
    together = forecaster.predict(20, pasts)
    assert together.shape == (6, 20)
    for past, answer in zip(pasts, together, strict=True):
        np.testing.assert_allclose(forecaster.predict(20, past), answer, rtol=1e-7)


def test_update_goes_on_from_what_came(chaotic):
    series, forecaster = chaotic
    moved = copy.deepcopy(forecaster).update(series[800:850])
    np.testing.assert_array_equal(moved.predict(5), forecaster.predict(5, series[:850]))


def test_score_is_r_squared(chaotic):
    series, forecaster = chaotic
    truth, answer = series[800:830], forecaster.predict(30)
    expected = 1 - np.sum((truth - answer) ** 2) / np.sum((truth - truth.mean()) ** 2)
    assert forecaster.score(truth) == pytest.approx(expected)
    assert forecaster.score(truth) > 0.999999


def test_noise_is_no_ground_for_divergence():
    series = mackey_glass(17)
    rng = np.random.default_rng(1)
    forecaster = ConvForecaster().fit(series[:800] + 0.05 * series.std() * rng.standard_normal(800))
    answer = forecaster.predict(300)
    reach = np.ptp(series)
    assert np.all((answer > series.min() - reach) & (answer < series.max() + reach))


def test_nothing_is_drawn_at_random(chaotic):
    mgconv.set_random_seed(3)
    expected = mgconv.initializers.get("glorot_uniform")((4, 4), np.float32)
    mgconv.set_random_seed(3)
    ConvForecaster().fit(chaotic[0][:200])
    np.testing.assert_array_equal(mgconv.initializers.get("glorot_uniform")((4, 4), np.float32), expected)


def test_copies_and_pickles_forecast_the_same(chaotic):
    _, forecaster = chaotic
    again = pickle.loads(pickle.dumps(forecaster))
    np.testing.assert_array_equal(again.predict(10), forecaster.predict(10))
    pasts = np.zeros((1, forecaster.lags_, 1)) + 1
    np.testing.assert_array_equal(again.model_.predict(pasts, verbose=0),
                                  forecaster.model_.predict(pasts, verbose=0))


def test_manners_of_scikit_learn():
    forecaster = ConvForecaster(family="autoregression", lags=7)
    assert forecaster.get_params() == {"family": "autoregression", "lags": 7, "horizon": None}
    assert repr(forecaster) == "ConvForecaster(family='autoregression', lags=7)"
    assert forecaster.set_params(lags=3) is forecaster
    assert forecaster.lags == 3
    with pytest.raises(ValueError, match="has no parameter 'lag'; it has family, lags, horizon"):
        forecaster.set_params(lag=3)
    sklearn = pytest.importorskip("sklearn")
    twin = sklearn.clone(sklearn.clone(forecaster))
    assert twin.get_params() == forecaster.get_params()
    from sklearn.exceptions import NotFittedError as Theirs
    from sklearn.utils import get_tags
    from sklearn.utils.validation import check_is_fitted
    assert get_tags(forecaster).target_tags.required
    with pytest.raises(Theirs):
        check_is_fitted(twin)
    check_is_fitted(twin.fit(np.sin(np.arange(50.0))))


def test_lags_bound_what_is_looked_at():
    series = mackey_glass(30, 500)
    for lags in (1, 5, 20):
        assert ConvForecaster(lags=lags).fit(series).lags_ <= lags


def test_columns_and_frames_are_series():
    series = mackey_glass(17, 300)
    answer = ConvForecaster("autoregression").fit(series).predict(5)
    np.testing.assert_array_equal(ConvForecaster("autoregression").fit(series[:, None]).predict(5), answer)
    np.testing.assert_array_equal(ConvForecaster("autoregression").fit(list(series)).predict(5), answer)
    pandas = pytest.importorskip("pandas")
    np.testing.assert_array_equal(ConvForecaster("autoregression").fit(pandas.Series(series)).predict(5), answer)


@pytest.mark.parametrize(("series", "error", "message"), [
    (np.arange(9.0), ValueError, "`y` must have at least 10 samples. Received: 9."),
    ("abc", TypeError, "y"),
    (3.0, ValueError, "`y` must have rank 1"),
    (np.r_[np.arange(20.0), np.nan], ValueError, r"y\[20\]=nan"),
    (np.zeros((20, 2)), ValueError, "`y` must have rank 1"),
    (np.arange(20) * 1j, TypeError, "y"),
])
def test_series_that_will_not_do_are_refused(series, error, message):
    with pytest.raises(error, match=message):
        ConvForecaster().fit(series)


def test_wishes_that_will_not_do_are_refused(chaotic):
    series, forecaster = chaotic
    for steps in (0, -1):
        with pytest.raises(ValueError, match=r"`steps` must be"):
            forecaster.predict(steps)
    with pytest.raises(TypeError, match="steps"):
        forecaster.predict(1.5)
    with pytest.raises(ValueError, match=f"`history` must have at least lags_={forecaster.lags_} samples."):
        forecaster.predict(1, series[:3])
    with pytest.raises(ValueError, match=r"`history` must be finite. Received: 1 samples"):
        forecaster.predict(1, np.r_[series[:99], np.nan])
    with pytest.raises(ValueError, match=r"`history` must have shape"):
        forecaster.predict(1, series[None, None])
    with pytest.raises(ValueError, match=r"`family` must be one of .*Received: family='conv'"):
        ConvForecaster(family="conv").fit(series)
    with pytest.raises(ValueError, match="`lags` must be"):
        ConvForecaster(lags=0).fit(series)
    with pytest.raises(ValueError, match="must not be constant"):
        ConvForecaster("pointwise").fit(np.ones(100))
    with pytest.raises(ValueError, match="`X` must be None"):
        forecaster.fit(series, series)
    with pytest.raises(NotFittedError, match=r"call fit\(y\)"):
        ConvForecaster().predict(3)


def test_a_forecaster_of_ones_own():
    class Mean(Forecaster):
        def __init__(self, last=3):
            self.last = last

        def _fit(self, series):
            self.lags_ = self.last

        def _continue(self, pasts, steps):
            return np.repeat(pasts.mean(axis=1, keepdims=True), steps, axis=1)

    assert Mean().fit([1, 2, 3, 4]).predict(2).tolist() == [3.0, 3.0]
    assert repr(Mean(2)) == "Mean(last=2)"
