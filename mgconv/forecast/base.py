"""What forecasters share: scikit-learn's manners, without scikit-learn."""
from __future__ import annotations

import inspect
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mgconv._support.arrays import real_array
from mgconv._support.blas import one_blas_thread
from mgconv._support.checks import check_count
from mgconv.forecast.windows import as_series


class NotFittedError(ValueError, AttributeError):
    """A predictor was asked before `fit`; scikit-learn's of this name has the same bases."""


class Forecaster:
    """A forecaster of one series: `fit` on it, then `predict` what comes after it, or after another history.

    A subclass keeps each argument of its constructor untouched under its own name (so that copies by scikit-learn's
    `clone` are equal), and defines `_fit` and `_continue`. What was learnt has names that end in an underscore.

    Attributes
    ----------
    lags_ : int
        Samples of the past that a prediction looks at.
    """

    lags_: int
    _series: NDArray[np.float64]

    def _fit(self, series: NDArray[np.float64]) -> None:
        """Learn from a finite series, and set `lags_`."""
        raise NotImplementedError(f"{type(self).__name__} must define _fit(series).")

    def _continue(self, pasts: NDArray[np.float64], steps: int) -> NDArray[np.float64]:
        """What follows each of `pasts`, (n, lags_): (n, steps)."""
        raise NotImplementedError(f"{type(self).__name__} must define _continue(pasts, steps).")

    def fit(self, y: ArrayLike, X: None = None) -> Any:
        """Learn from the series `y`.

        Parameters
        ----------
        y : array_like, shape (n,) or (n, 1)
            Real, finite samples, oldest first, at equal distances.
        X : None
            There are no other series that would help; the argument has its place in scikit-learn's signature.

        Returns
        -------
        self

        Raises
        ------
        TypeError
            If `y` does not hold real numbers.
        ValueError
            If `y` has another shape, a gap, or too few samples; or if there is an `X`.
        """
        _refuse(X)
        series = as_series(y, "y")
        with one_blas_thread():
            self._fit(series)
        self._series = series
        return self

    def predict(self, steps: int, history: ArrayLike | None = None) -> NDArray[np.float64]:
        """The next samples.

        Parameters
        ----------
        steps : int
            How many.
        history : array_like, shape (n,) or (starts, n), optional
            What they follow, instead of the series of `fit`; a row for each of several starts. At least `lags_`
            samples, of which the last count.

        Returns
        -------
        ndarray of float64, shape (steps,) or (starts, steps)

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            If `steps` is not positive, or the history is too short or has a gap.

        Examples
        --------
        >>> import numpy as np
        >>> from mgconv.forecast import ConvForecaster
        >>> wave = np.sin(0.3 * np.arange(200))
        >>> forecaster = ConvForecaster().fit(wave[:150])
        >>> bool(np.abs(forecaster.predict(50) - wave[150:]).max() < 1e-6)
        True
        """
        self._check_fitted()
        steps = check_count("steps", steps, 1)
        if history is None:
            pasts = self._series[None]
        else:
            pasts = real_array("history", history).astype(np.float64)
            if pasts.ndim not in (1, 2):
                raise ValueError("`history` must have shape (n,) or (starts, n). "
                                 f"Received: shape {pasts.shape}.")
            if not np.isfinite(pasts).all():
                raise ValueError("`history` must be finite. Received: "
                                 f"{np.count_nonzero(~np.isfinite(pasts))} samples that are not.")
        single = pasts.ndim == 1 or history is None
        pasts = np.atleast_2d(pasts)
        if pasts.shape[1] < self.lags_:
            raise ValueError(f"`history` must have at least lags_={self.lags_} samples. Received: {pasts.shape[1]}.")
        answer = self._continue(np.ascontiguousarray(pasts[:, pasts.shape[1] - self.lags_:]), steps)
        return answer[0] if single else answer

    def update(self, y: ArrayLike) -> Any:
        """Go on from `y`, samples that followed the series of `fit`, without learning anew. Returns the forecaster.

        Raises
        ------
        NotFittedError
            Before `fit`.
        """
        self._check_fitted()
        self._series = np.concatenate([self._series, as_series(y, "y")])
        return self

    def score(self, y: ArrayLike, X: None = None) -> float:
        """R squared of the forecast of `y`, which follows the series of `fit`.

        That is 1 - sum (y - forecast)^2 / sum (y - mean of y)^2.
        As for scikit-learn's regressors, 1 is best, and 0 what the mean of `y` would reach. NaN in the forecast gives
        minus infinity.
        """
        _refuse(X)
        truth = as_series(y, "y")
        if len(truth) < 2:
            raise ValueError(f"`y` must have two samples at least. Received: {len(truth)}.")
        answer = self.predict(len(truth))
        if not np.isfinite(answer).all():
            return -np.inf
        spread = np.sum((truth - truth.mean()) ** 2)
        error = np.sum((truth - answer) ** 2)
        return float(1 - error / spread) if spread else (1.0 if error == 0 else -np.inf)

    # ---------------------------------------------------------------------------------- scikit-learn's manners

    @classmethod
    def _names(cls):
        return list(inspect.signature(cls.__init__).parameters)[1:]

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The constructor's arguments by name."""
        return {name: getattr(self, name) for name in self._names()}

    def set_params(self, **params: Any) -> Any:
        """Set arguments of the constructor; returns the forecaster, which is to be fitted again.

        Raises
        ------
        ValueError
            For a name that the constructor does not have.
        """
        for name in params:
            if name not in self._names():
                raise ValueError(f"{type(self).__name__} has no parameter {name!r}; it has {', '.join(self._names())}.")
        for name, value in params.items():
            setattr(self, name, value)
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "lags_")

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import Tags, TargetTags
        return Tags(estimator_type=None, target_tags=TargetTags(required=True))

    def _check_fitted(self):
        if not self.__sklearn_is_fitted__():
            raise NotFittedError(f"{type(self).__name__} must learn from a series first: call fit(y).")

    def __repr__(self) -> str:
        parameters = inspect.signature(type(self).__init__).parameters
        changed = [f"{name}={value!r}" for name, value in self.get_params().items()
                   if value is not parameters[name].default]
        return f"{type(self).__name__}({', '.join(changed)})"


def _refuse(X):
    if X is not None:
        raise ValueError("`X` must be None: a forecaster learns from the series alone. "
                         f"Received: {type(X).__name__}.")
