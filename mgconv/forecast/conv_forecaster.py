"""A conv net for one series, solved in a second, and chosen by what it would have forecast."""
from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mgconv import Input, Sequential, layers
from mgconv._support.checks import check_choice, check_count
from mgconv.forecast.base import Forecaster
from mgconv.forecast.nets import Features, Linear, Pointwise, Still, likely_delay

Array = NDArray[np.float64]

BLOCKS = 4                 # of the series, each forecast by nets that did not learn from it
EVERY = 4                  # of the samples of a block begins a forecast
HORIZON = 28               # samples of a forecast that the choice looks at
WIDER = 0.1                # of the range of the series by which a forecast may leave it, on either side
CLEAR = 1.2                # times the best squared error: a simpler family that reaches this is taken
HOPELESS = 25.0, 9.0       # times the best error: candidates to drop after the first block, after later ones
FARTHEST = 60              # lag at which a delay is looked for
FEWEST = 10                # samples


class ConvForecaster(Forecaster):
    """A conv net whose weights are solved for, of the kind and size that forecast the series itself best.

    Nothing is descended and nothing needs tuning. Within a family, candidates forecast, in a closed loop, four blocks
    of the series that they did not learn from, and the one with the least mean squared error is taken. The families'
    best then learn from the first two thirds and forecast the last: the simplest is chosen that is as good as any
    there, to 20 % of the squared error. It learns from all of the series.

    Parameters
    ----------
    family : {"auto", "persistence", "autoregression", "pointwise"}
        "persistence" keeps the last sample. "autoregression" is linear in the last samples. "pointwise" applies one
        function to every sample and one temporal filter to what comes out, which is the exact form of a scalar delay
        equation sampled densely. "auto" takes what forecasts best.
    lags : int, optional
        Samples that a net may look at; by default as many as help, 76 at most.
    horizon : int, optional
        Steps of the forecasts that are compared; by default 28, or a tenth of a short series.

    Attributes
    ----------
    family_ : str
        What was chosen.
    lags_ : int
        Samples that a prediction looks at.
    errors_ : dict of str to float
        The root mean squared error of each family's forecasts of the last third, in the series' own unit.
    model_ : Sequential
        The net: from windows (batch, lags_, 1) to the next sample (batch, 1), in the series' own unit, in float64. Its
        layers can be read, saved, exported and trained further; `predict` runs the same sums without it.

    See Also
    --------
    ConvPredictor : a net trained by gradient descent.

    Notes
    -----
    Why this form: docs/forecasting.md.

    Examples
    --------
    >>> import mgconv
    >>> from mgconv.forecast import ConvForecaster, nrmse
    >>> series = mgconv.dde.mackey_glass(1814, discard=1000)
    >>> forecaster = ConvForecaster().fit(series[:1800])
    >>> forecaster.family_
    'pointwise'
    >>> nrmse(series[1800:], forecaster.predict(14), scale=series[:1800].std()) < 1e-5
    True
    """

    family_: str
    errors_: dict[str, float]
    model_: Any

    def __init__(self, family: str = "auto", lags: int | None = None, horizon: int | None = None) -> None:
        self.family, self.lags, self.horizon = family, lags, horizon

    def _fit(self, series):
        family = check_choice("family", self.family, ("auto", "persistence", *FAMILIES))
        most = FARTHEST + 16 if self.lags is None else check_count("lags", self.lags, 1)
        horizon = HORIZON if self.horizon is None else check_count("horizon", self.horizon, 1)
        if len(series) < FEWEST:
            raise ValueError(f"`y` must have at least {FEWEST} samples. Received: {len(series)}.")
        if self.horizon is None:
            horizon = max(1, min(horizon, len(series) // 10))
        mean, scale = series.mean(), series.std()
        constant = series.min() == series.max()
        z = (series - mean) / (1.0 if constant else scale)
        reach = WIDER * (z.max() - z.min())
        low, high = z.min() - reach, z.max() + reach
        still: Any = Still()
        errors = {"persistence": _later_error(still, z, horizon)}
        nets = {"persistence": still}
        for name, candidates in FAMILIES.items():
            if constant or family not in ("auto", name):
                continue
            found = _best(candidates(z, most), z, horizon, low, high)
            if found is not None:
                nets[name], errors[name] = found, _later_error(found, z, horizon)
        if family not in ("auto", "persistence"):
            if family not in nets:
                raise ValueError(f"`y` must not be constant, and have more samples for family={family!r}. "
                                 f"Received: {len(series)} samples.")
            self.family_ = family
        else:
            self.family_ = next(name for name, error in errors.items()            # the simplest first
                                if error <= CLEAR * min(errors.values())) if family == "auto" else family
        net = nets[self.family_]
        self.errors_ = {name: float(np.sqrt(error) * scale) for name, error in errors.items()}
        self._net, self._mean, self._scale, self._range = net, mean, 1.0 if constant else scale, (low, high)
        self.lags_ = net.lags
        self.model_ = Sequential([
            Input((net.lags, 1), dtype="float64"), layers.Rescaling(1 / self._scale, -mean / self._scale),
            *net.layers_of(net.lags), layers.Rescaling(self._scale, mean)])

    def _continue(self, pasts, steps):
        z = (pasts - self._mean) / self._scale
        return self._net.continued(z, steps, *self._range) * self._scale + self._mean


def _lines(z, most):
    for lags in (1, 2, 3, 4, 6, 9, 13, 18, 24, 32, 48, 64):
        if lags <= min(most, len(z) // 4):
            for ridge in (1e-12, 1e-6, 1e-4, 1e-2):
                yield Linear(lags, ridge)


def _pointwise(z, most):
    """Clean series bear a small ridge and need the newest sample alone; noise is averaged by more of them."""
    taps = max(min(16, most), 1)
    farthest = min(FARTHEST, most - taps, len(z) // 3 - taps)
    if farthest < 0 or len(z) < 60:
        return
    features = Features.over(z.min(), z.max())
    found = likely_delay(z, features, farthest)
    for wide in sorted({min(12, taps), taps}):
        delay = max(min(found + 3 - wide // 2, most - wide), 0)
        for newest, ridges in ((1, (1e-14, 1e-10)), (min(10, most), (1e-8, 1e-6, 1e-5, 1e-4, 1e-3))):
            for ridge in ridges:
                yield Pointwise(features, delay, wide, newest, ridge)


FAMILIES = {"autoregression": _lines, "pointwise": _pointwise}


def _thinned(starts):
    return starts[::EVERY if len(starts) > 8 * EVERY else 1]


def _later_error(net, z, horizon):
    """The mean squared error over the last third of the series, with what is learnt from the first two alone."""
    known = 2 * len(z) // 3
    starts = _thinned(np.arange(max(known - 1, net.lags - 1), len(z) - horizon))
    past = z[:known]
    if known < net.lags + 2 or not len(starts):
        return np.inf
    net = net.fit(z, np.arange(net.lags - 1, known - 1))
    reach = WIDER * (past.max() - past.min())
    return _error(net, z, starts, horizon, past.min() - reach, past.max() + reach)


def _error(net, z, starts, horizon, low, high):
    """The mean squared error of closed loops behind the samples `starts`."""
    if not len(starts):
        return np.inf
    pasts = np.stack([z[start + 1 - net.lags:start + 1] for start in starts])
    truth = np.stack([z[start + 1:start + 1 + horizon] for start in starts])
    error = np.mean((net.continued(pasts, horizon, low, high) - truth) ** 2)
    return float(error) if np.isfinite(error) else np.inf


def _best(candidates, z, horizon, low, high):
    """The candidate with the least error over all blocks, fitted to all of the series; or None."""
    alive = [(candidate, candidate.fit(z, np.arange(candidate.lags - 1, len(z) - 1)), 0.0)
             for candidate in candidates if len(z) >= 2 * candidate.lags + horizon + BLOCKS]
    longest = max((candidate.lags for candidate, *_ in alive), default=1)
    for block in range(BLOCKS):
        span = len(z) - horizon - longest + 1
        starts = _thinned(np.arange(longest - 1 + span * block // BLOCKS, longest - 1 + span * (block + 1) // BLOCKS))
        if not len(starts):
            return None
        judged = []
        for candidate, whole, total in alive:
            at = np.arange(candidate.lags - 1, len(z) - 1)
            known = at[(at < starts[0]) | (at >= starts[-1] + horizon)]
            if len(known) < 2:
                continue
            error = _error(candidate.fit(z, known, whole), z, starts, horizon, low, high)
            judged.append((candidate, whole, total + error))
        if not judged:
            return None
        least = min(total for *_, total in judged)
        alive = [one for one in judged if one[2] <= max(least * HOPELESS[block > 0], 1e-300)]
    return min(alive, key=lambda one: one[2])[1]
