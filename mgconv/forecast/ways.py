"""The three ways to ask a predictor for the future, whatever the predictor is.

A predictor has `lags` (L), `horizon` (H) and ``predict(windows)``, which maps (n, L) pasts to (n, H) futures::

    one_step    o o o o|o o o        each sample from the true ones before it       needs H = 1
                  -----> .
                    -----> .
    recursive   o o o o|             each sample from earlier answers: the loop     needs H = 1
                  -----> .           is closed, and errors feed on themselves
                    ---->. .
    direct      o o o o|. . .        all samples from one look at the past          gives H samples
"""
from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mgconv._support.checks import check_count
from mgconv.forecast.windows import as_series, windows


def one_step(predictor: Any, series: ArrayLike, start: int) -> NDArray[np.float64]:
    """Predict ``series[start:]``, each sample from the true `predictor.lags` samples before it.

    Parameters
    ----------
    predictor
        Fitted, with a horizon of 1.
    series : array_like, shape (n,)
        Past and future together.
    start : int
        The index of the first sample to predict, at least `predictor.lags` and below n.

    Returns
    -------
    ndarray of float64, shape (n - start,)

    Raises
    ------
    TypeError
        If `start` is no integer.
    ValueError
        If the horizon is not 1, or `start` leaves too little before it or nothing after it.

    Examples
    --------
    >>> from mgconv.forecast import Persistence, one_step
    >>> one_step(Persistence(lags=1), [5, 6, 7, 8], start=2).tolist()
    [6.0, 7.0]
    """
    _require_one_output(predictor)
    series = as_series(series)
    if not predictor.lags <= check_count("start", start, 0) < len(series):
        raise ValueError(f"`start` must have `lags` samples before it and one after. "
                         f"Received: start={start}, {len(series)} samples, lags={predictor.lags}.")
    pasts, _ = windows(series[start - predictor.lags:], predictor.lags)
    return predictor.predict(pasts)[:, 0]


def recursive(predictor: Any, history: ArrayLike, steps: int) -> NDArray[np.float64]:
    """Continue `history` by `steps` samples, each predicted from the predictions before it: the closed loop.

    Parameters
    ----------
    predictor
        Fitted, with a horizon of 1.
    history : array_like, shape (n,)
        Known samples; the last `predictor.lags` of them start the loop.
    steps : int
        Samples to generate.

    Returns
    -------
    ndarray of float64, shape (steps,)

    Raises
    ------
    ValueError
        If the horizon is not 1, the history is shorter than `predictor.lags`, or `steps` is not positive.

    Examples
    --------
    >>> from mgconv.forecast import LinearAutoregression, recursive
    >>> line = LinearAutoregression(lags=2).fit([1, 2, 3, 4, 5])
    >>> recursive(line, [1, 2, 3, 4, 5], steps=3).round(6).tolist()
    [6.0, 7.0, 8.0]
    """
    _require_one_output(predictor)
    known, steps = _last_window(predictor, history), check_count("steps", steps, 1)
    samples = np.concatenate([known, np.empty(steps)])
    for i in range(steps):
        samples[predictor.lags + i] = predictor.predict(samples[None, i:i + predictor.lags])[0, 0]
    return samples[predictor.lags:]


def direct(predictor: Any, history: ArrayLike) -> NDArray[np.float64]:
    """Predict `predictor.horizon` samples after `history` at once.

    Parameters
    ----------
    predictor
        Fitted.
    history : array_like, shape (n,)
        Known samples; the last `predictor.lags` of them are looked at.

    Returns
    -------
    ndarray of float64, shape (predictor.horizon,)

    Raises
    ------
    ValueError
        If the history is shorter than `predictor.lags`.

    Examples
    --------
    >>> from mgconv.forecast import Persistence, direct
    >>> direct(Persistence(lags=1, horizon=3), [5, 6]).tolist()
    [6.0, 6.0, 6.0]
    """
    return predictor.predict(_last_window(predictor, history)[None])[0]


def three_ways(single: Any, multiple: Any, train: ArrayLike, test: ArrayLike) -> dict[str, NDArray[np.float64]]:
    """Predict `test`, which follows `train`, in all three ways.

    Parameters
    ----------
    single, multiple
        Fitted predictors with horizons of 1 and of ``len(test)``.
    train, test : array_like, shapes (n,) and (m,)

    Returns
    -------
    dict of str to ndarray of float64, shape (m,)
        With the keys "one_step", "recursive" and "direct".

    Raises
    ------
    ValueError
        If a horizon does not fit, or `train` is shorter than the predictors' `lags`.

    Examples
    --------
    >>> from mgconv.forecast import Persistence, three_ways
    >>> answers = three_ways(Persistence(1), Persistence(1, horizon=2), [5, 6], [7, 8])
    >>> {way: answer.tolist() for way, answer in answers.items()}
    {'one_step': [6.0, 7.0], 'recursive': [6.0, 6.0], 'direct': [6.0, 6.0]}
    """
    train, test = as_series(train, "train"), as_series(test, "test")
    if multiple.horizon != len(test):
        raise ValueError(f"`multiple` must have a horizon of len(test). "
                         f"Received: horizon={multiple.horizon}, {len(test)} test samples.")
    return {"one_step": one_step(single, np.concatenate([train, test]), len(train)),
            "recursive": recursive(single, train, len(test)),
            "direct": direct(multiple, train)}


def _require_one_output(predictor):
    if predictor.horizon != 1:
        raise ValueError(f"`predictor` must have a horizon of 1. Received: horizon={predictor.horizon}.")


def _last_window(predictor, history):
    history = as_series(history, "history")
    if len(history) < predictor.lags:
        raise ValueError(f"`history` must have at least `lags` samples. "
                         f"Received: {len(history)} samples, lags={predictor.lags}.")
    return history[len(history) - predictor.lags:]
