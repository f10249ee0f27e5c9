"""Predictors of `horizon` samples from the last `lags`: the conv net, and two baselines that keep it honest."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mgconv import Input, Sequential, layers, optimizers
from mgconv._support.arrays import real_array
from mgconv._support.checks import check_count, check_finite_positive
from mgconv.forecast.base import NotFittedError
from mgconv.forecast.windows import as_series, windows


class Predictor:
    """What all predictors share: `fit` on a series, then `predict` on windows.

    Attributes
    ----------
    lags : int
        Samples that a prediction looks at, L.
    horizon : int
        Samples that it gives.
    """

    def __init__(self, lags: int, horizon: int = 1) -> None:
        self.lags = check_count("lags", lags, 1)
        self.horizon = check_count("horizon", horizon, 1)

    def fit(self, series: ArrayLike):
        """Learn from a series of at least lags + horizon samples; returns the predictor."""
        raise NotImplementedError(f"{type(self).__name__} must define fit(series).")

    def predict(self, pasts: ArrayLike) -> NDArray[Any]:
        """The `horizon` samples after each row of `pasts`: (n, lags) to (n, horizon), float64."""
        raise NotImplementedError(f"{type(self).__name__} must define predict(pasts).")

    def __repr__(self) -> str:
        return f"{type(self).__name__}(lags={self.lags}, horizon={self.horizon})"

    def _checked(self, pasts: Any, learnt: str | None = None) -> NDArray[np.float64]:
        """`pasts` in float64; first of all, `fit` must have set the attribute `learnt`."""
        if learnt is not None and not hasattr(self, learnt):
            raise NotFittedError(f"{type(self).__name__} must learn from a series first: call fit(series).")
        pasts = real_array("pasts", pasts).astype(np.float64)
        if pasts.ndim != 2 or pasts.shape[1] != self.lags:
            raise ValueError(f"`pasts` must have shape (n, lags) with lags={self.lags}. Received: shape {pasts.shape}.")
        return pasts


class Persistence(Predictor):
    """Everything stays as it is: each predicted sample equals the last known one.

    Parameters
    ----------
    lags, horizon : int
        As for every predictor; only the last sample of a window counts.
    """

    def fit(self, series: ArrayLike):
        """Nothing to learn; returns the predictor."""
        windows(series, self.lags, self.horizon)
        return self

    def predict(self, pasts: ArrayLike) -> NDArray[Any]:
        """The last sample of each row, `horizon` times: (n, lags) to (n, horizon)."""
        return np.repeat(self._checked(pasts)[:, -1:], self.horizon, axis=1)


class LinearAutoregression(Predictor):
    """A linear function of the window, with a constant, by least squares; one for each of the `horizon` samples.

    Parameters
    ----------
    lags, horizon : int
        Samples looked at, samples given.

    Attributes
    ----------
    coefficients : ndarray of float64, shape (lags + 1, horizon)
        After `fit`: a weight a lag, oldest first, then the constant.

    Examples
    --------
    >>> from mgconv.forecast import LinearAutoregression
    >>> doubling = LinearAutoregression(lags=1, horizon=2).fit([1, 2, 4, 8, 16])
    >>> doubling.predict([[3.0]]).round(6).tolist()
    [[6.0, 12.0]]
    """

    def fit(self, series: ArrayLike):
        """Solve the least-squares problem over all windows of `series`; returns the predictor."""
        x, y = windows(series, self.lags, self.horizon)
        self.coefficients = np.linalg.lstsq(_with_ones(x), y, rcond=None)[0]
        return self

    def predict(self, pasts: ArrayLike) -> NDArray[Any]:
        """The linear function of each row of `pasts`: (n, lags) to (n, horizon)."""
        return _with_ones(self._checked(pasts, "coefficients")) @ self.coefficients


class ConvPredictor(Predictor):
    """Temporal convolutions and a dense layer, trained by Adam with a learning rate that falls as a half cosine.

    The net sees the window standardised by the training series' mean and standard deviation, and answers with the
    increments from the window's last sample, each horizon scaled by the standard deviation that its increments have in
    training. So it starts from persistence and spends its capacity on what changes.

    Parameters
    ----------
    lags, horizon : int
        Samples looked at, samples given.
    filters : sequence of int
        Filters of each convolution, first to last.
    kernel_size : int
        Taps of each convolution; fewer where the window is too short for that many.
    epochs, batch_size : int
        Length and grain of the training.
    learning_rate : float
        At the start; it ends at 0.

    Attributes
    ----------
    model : Sequential
        The net, after `fit`.
    history : History
        What `Sequential.fit` returned: ``history.history["loss"]`` has a value an epoch.

    Notes
    -----
    The initial weights and the order of the batches follow `mgconv.set_random_seed`.

    Examples
    --------
    >>> import numpy as np
    >>> import mgconv
    >>> from mgconv.forecast import ConvPredictor, nrmse, one_step
    >>> mgconv.set_random_seed(0)
    >>> series = np.sin(0.3 * np.arange(220))
    >>> net = ConvPredictor(lags=8, filters=[8], epochs=20).fit(series[:200])
    >>> nrmse(series[200:], one_step(net, series, start=200), scale=series.std()) < 0.05
    True
    """

    def __init__(self, lags: int, horizon: int = 1, *, filters: Sequence[int] = (32, 16), kernel_size: int = 3,
                 epochs: int = 100, batch_size: int = 32, learning_rate: float = 1e-2) -> None:
        super().__init__(lags, horizon)
        self.filters = tuple(check_count("filters", count, 1) for count in filters)
        self.kernel_size = check_count("kernel_size", kernel_size, 1)
        self.epochs = check_count("epochs", epochs, 1)
        self.batch_size = check_count("batch_size", batch_size, 1)
        self.learning_rate = float(check_finite_positive("learning_rate", learning_rate))

    def fit(self, series: ArrayLike, verbose: str | int = 0, callbacks: list[Any] | None = None):
        """Train a fresh net on all windows of `series`; returns the predictor.

        Parameters
        ----------
        series : array_like, shape (n,)
            Real, finite and not constant.
        verbose, callbacks
            Passed on to `Sequential.fit`.

        Raises
        ------
        ValueError
            If the series is too short for one window, not finite, or constant.
        """
        series = as_series(series)
        x, y = windows(series, self.lags, self.horizon)
        if series.min() == series.max():
            raise ValueError(f"`series` must not be constant. Received: {len(series)} samples of {series[0]}.")
        self._mean, self._scale = series.mean(), series.std()
        increments = y - x[:, -1:]
        spread = increments.std(axis=0)
        self._spread = np.where(spread > 0, spread, self._scale)
        self.model = self._build(steps=self.epochs * -(-len(x) // self.batch_size))
        self.history = self.model.fit(self._standardised(x), increments / self._spread, batch_size=self.batch_size,
                                      epochs=self.epochs, verbose=verbose, callbacks=callbacks)
        return self

    def predict(self, pasts: ArrayLike) -> NDArray[Any]:
        """The net's answer to each row of `pasts`, in the series' own unit: (n, lags) to (n, horizon)."""
        pasts = self._checked(pasts, "model")
        answer = self.model.predict(self._standardised(pasts), verbose=0).astype(np.float64)
        return pasts[:, -1:] + self._spread * answer

    def _standardised(self, pasts):
        return ((pasts - self._mean) / self._scale)[:, :, None]

    def _build(self, steps):
        kernel_size = min(self.kernel_size, (self.lags - 1) // max(1, len(self.filters)) + 1)
        convolutions = [layers.Conv1D(count, kernel_size, activation="relu") for count in self.filters]
        model = Sequential([Input((self.lags, 1)), *convolutions, layers.Flatten(), layers.Dense(self.horizon)])
        rate = optimizers.schedules.CosineDecay(self.learning_rate, decay_steps=steps)
        model.compile(optimizers.Adam(rate), "mse")
        return model


def _with_ones(x):
    return np.column_stack([x, np.ones(len(x))])
