"""Nets that are solved instead of descended: a linear autoregression, and a pointwise function with a filter behind it.

Both predict the next increment of a standardised series z::

    autoregression    z[t+1] - z[t] = c + sum over j of w[j] z[t-j]
    pointwise         z[t+1] - z[t] = c + sum over j < m of w[j] z[t-j] + sum over j < J of v[j] g(z[t-a-j])

The second is the exact one-step form of a scalar delay equation x' = g(x(t - tau)) - b x that is sampled more densely
than it changes (by variation of constants, the integral over one interval becoming a sum over the samples around
t - tau); g is a sum of hyperbolic tangents, a convolution of one tap and many filters. As layers: `layers_of`.
"""
from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mgconv import layers

Array = NDArray[np.float64]

CENTRES = 32               # hyperbolic tangents of g
WIDTH = 0.7                # of one, in standard deviations of the series
BEYOND = 0.3               # of the range of the series that centres reach beyond it, on either side
KEPT = 1e-13               # of the largest eigenvalue: combinations of features below are left out
ENDLESS = 1e100            # where a diverging loop ends
STEPS = 20                 # of Levenberg and Marquardt's, at most
TRIALS = 6                 # of a damping, for a step
FIRST_DAMPING = 1e-10
FIRST_RIDGE = 1e-10        # of the full readout; a good start for clean series
NOISY_RIDGES = 1e-6, 1e-4, 1e-2
LEAST_GAIN = 1e-4          # of a step


class Linear:
    """An autoregression of `lags` samples, by ridge regression.

    Parameters
    ----------
    lags : int
    ridge : float
        The strength, relative to the number of samples.
    """

    weights: Array                    # the constant, then those of the samples, newest first

    def __init__(self, lags: int, ridge: float) -> None:
        self.lags, self.ridge = lags, ridge

    def fit(self, z: Array, at: Array, start: Linear | None = None) -> Linear:
        """Learn the increments behind the samples `at` of z. Returns a fitted twin."""
        x = np.column_stack([np.ones(len(at)), *(z[at - j] for j in range(self.lags))])
        made = Linear(self.lags, self.ridge)
        [made.weights] = ridge_solutions(x, z[at + 1] - z[at], [self.ridge])
        return made

    def continued(self, pasts: Array, steps: int, low: float, high: float) -> Array:
        """The closed loop behind each row of `pasts`. It may leave `low` ... `high`, as a trend does."""
        path = np.empty((pasts.shape[1] + steps, len(pasts)))            # a row a time
        path[:pasts.shape[1]] = pasts.T
        backwards = self.weights[:0:-1]
        for t in range(pasts.shape[1], len(path)):
            path[t] = path[t - 1] + self.weights[0] + backwards @ path[t - self.lags:t]
            np.clip(path[t], -ENDLESS, ENDLESS, out=path[t])
        return path[pasts.shape[1]:].T

    def layers_of(self, lags: int) -> list[Any]:
        """Layers from (lags, 1), standardised, to the next sample, (1,)."""
        dense = layers.Dense(1, kernel_initializer="zeros", dtype="float64")
        dense.build((None, lags))
        kernel = np.zeros(lags)
        kernel[lags - self.lags:] = self.weights[:0:-1]
        kernel[-1] += 1
        dense.set_weights([kernel[:, None], self.weights[:1]])
        return [layers.Flatten(), dense]


class Still(Linear):
    """Everything stays as it is: an autoregression without weights."""

    def __init__(self) -> None:
        super().__init__(1, 0.0)
        self.weights = np.zeros(2)

    def fit(self, z: Array, at: Array, start: Linear | None = None) -> Still:
        """There is nothing to learn."""
        return self


@dataclass(frozen=True)
class Features:
    """Combinations of hyperbolic tangents that are orthogonal over the range of a series."""
    centres: Array
    means: Array
    mixture: Array

    @classmethod
    def over(cls, low: float, high: float) -> Features:
        """For a series between `low` and `high`."""
        reach = BEYOND * (high - low)
        centres = np.linspace(low - reach, high + reach, CENTRES)
        bumps = np.tanh((np.linspace(low - reach, high + reach, 400)[:, None] - centres) / WIDTH)
        means = bumps.mean(axis=0)
        _, sizes, directions = np.linalg.svd(bumps - means, full_matrices=False)
        kept = sizes ** 2 > KEPT * sizes[0] ** 2
        return cls(centres, means, directions[kept].T / sizes[kept] * np.sqrt(len(bumps)))

    def __call__(self, z: Array) -> Array:
        return (np.tanh((z[..., None] - self.centres) / WIDTH) - self.means) @ self.mixture


class Pointwise:
    """A pointwise function g, then one temporal filter over `taps` samples, beside the `newest` samples themselves.

    Parameters
    ----------
    features : Features
        What g is a combination of.
    delay : int
        How far back the first tap lies, a.
    taps, newest : int
        J and m.
    ridge : float
        The strength of the penalty on all coefficients, relative to the number of samples.
    """

    weights: Array                    # the constant, then those of the newest samples, newest first
    filter: Array                     # v, the newest tap first
    readout: Array                    # g as a combination of features

    def __init__(self, features: Features, delay: int, taps: int, newest: int, ridge: float) -> None:
        self.features, self.delay, self.taps, self.newest, self.ridge = features, delay, taps, newest, ridge
        self.lags = max(delay + taps, newest)

    def fit(self, z: Array, at: Array, start: Pointwise | None = None) -> Pointwise:
        """Learn the increments behind the samples `at` of z, from `start` on or by itself. Returns a fitted twin.

        The full readout of all features at all taps comes first, by ridge regression; its leading singular pair are
        v and g, which Levenberg and Marquardt's steps then improve together with the rest. These are solved as
        augmented least squares: normal equations would lose half the digits.
        """
        made = Pointwise(self.features, self.delay, self.taps, self.newest, self.ridge)
        target = z[at + 1] - z[at]
        linear = np.column_stack([np.ones(len(at)), *(z[at - j] for j in range(self.newest))])
        values = self.features(z)
        block = np.stack([values[at - self.delay - j] for j in range(self.taps)], axis=1)
        penalty, parts = np.sqrt(self.ridge * len(at)), [self.newest + 1, self.newest + 1 + self.taps]

        def judged(p):
            w, v, u = np.split(p, parts)
            residual = target - linear @ w - (block @ u) @ v
            return float(residual @ residual + penalty ** 2 * (p @ p)), p, residual

        def jacobian(p):
            _, v, u = np.split(p, parts)
            return np.column_stack([linear, block @ u, np.einsum("njk,j->nk", block, v)])

        if start is not None:
            first = np.concatenate([start.weights, start.filter, start.readout])
        else:
            x = np.column_stack([linear, block.reshape(len(at), -1)])
            ridges = [FIRST_RIDGE] if self.ridge <= FIRST_RIDGE else [self.ridge, *NOISY_RIDGES]
            first = min((judged(self._rank_one(full)) for full in ridge_solutions(x, target, ridges)),
                        key=lambda one: one[0])[1]
        found = levenberg_marquardt(first, judged, jacobian, penalty, lambda p: self._balanced(p, parts))
        made.weights, made.filter, made.readout = np.split(found, parts)
        return made

    @staticmethod
    def _balanced(p, parts):
        """The same function, with v and u of one length."""
        w, v, u = np.split(p, parts)
        factor = np.sqrt(np.linalg.norm(u) / max(float(np.linalg.norm(v)), 1e-300))
        return np.concatenate([w, v * factor, u / factor]) if 0 < factor < np.inf else p

    def _rank_one(self, full):
        """w, v and u of a readout of all features at all taps: its leading singular pair."""
        left, sizes, right = np.linalg.svd(full[self.newest + 1:].reshape(self.taps, -1), full_matrices=False)
        return np.concatenate([full[:self.newest + 1], left[:, 0] * np.sqrt(sizes[0]), right[0] * np.sqrt(sizes[0])])

    def g(self, z: Array) -> Array:
        """The pointwise function, up to a factor that is the filter's."""
        return self.features(z) @ self.readout

    def continued(self, pasts: Array, steps: int, low: float, high: float) -> Array:
        """The closed loop behind each row of `pasts`, its samples cut to `low` ... `high`: beyond, g is a guess."""
        start = pasts.shape[1]
        path, bent = np.empty((2, start + steps, len(pasts)))
        path[:start] = pasts.T
        bent[:start] = self.g(path[:start])
        newest, taps = self.weights[:0:-1], self.filter[::-1]
        # what the readout makes of the tangents, without whitening each new sample
        mixture = self.features.mixture @ self.readout
        constant = self.weights[0]
        offset = self.features.means @ mixture
        centres = self.features.centres
        for t in range(start, start + steps):
            last = t - self.delay
            new = path[t - 1] + constant + newest @ path[t - self.newest:t] + taps @ bent[last - self.taps:last]
            path[t] = np.minimum(np.maximum(new, low), high)
            bent[t] = np.tanh((path[t][:, None] - centres) / WIDTH) @ mixture - offset
        return path[start:].T

    def layers_of(self, lags: int) -> list[Any]:
        """As `Linear.layers_of`: features, g and filter beside the newest samples."""
        mixture = self.features.mixture @ self.readout
        tangents = layers.Conv1D(CENTRES, 1, activation="tanh", kernel_initializer="zeros", dtype="float64",
                                 name="features")
        bent = layers.Conv1D(1, 1, kernel_initializer="zeros", dtype="float64", name="g")
        back = lags - self.delay
        through = [layers.Cropping1D((back - self.taps, self.delay)), tangents, bent, layers.Flatten()]
        newest = [layers.Cropping1D((lags - self.newest, 0)), layers.Flatten()]
        made = layers.Concatenate([newest, through])
        made.build((None, lags, 1), "float64")
        tangents.set_weights([np.full((1, 1, CENTRES), 1 / WIDTH), -self.features.centres / WIDTH])
        bent.set_weights([mixture[None, :, None], [-(self.features.means @ mixture)]])
        dense = layers.Dense(1, kernel_initializer="zeros", dtype="float64", name="filter")
        dense.build((None, self.newest + self.taps))
        kernel = np.concatenate([self.weights[:0:-1], self.filter[::-1]])
        kernel[self.newest - 1] += 1
        dense.set_weights([kernel[:, None], self.weights[:1]])
        return [made, dense]


def levenberg_marquardt(first: Array, judged: Any, jacobian: Any, penalty: float, balanced: Any) -> Array:
    """The parameters, from `first` on, with the least sum of squares of residuals and of penalty * parameters.

    `judged(p)` is that sum, p, and the residuals; `jacobian(p)` says how the predictions change; `balanced(p)` gives
    parameters that mean the same. A step solves augmented least squares, with a damping that follows its success
    (Marquardt, 1963).
    """
    error, best, residual = judged(first)
    damping, rows = FIRST_DAMPING, len(residual)
    for _ in range(STEPS):
        error, best, residual = judged(balanced(best))
        identity = np.eye(len(best))
        q, r = np.linalg.qr(np.vstack([jacobian(best), penalty * identity]))
        moved = np.concatenate([q.T @ np.concatenate([residual, -penalty * best]), np.zeros(len(best))])
        for _ in range(TRIALS):
            step = np.linalg.lstsq(np.vstack([r, np.sqrt(damping * rows) * identity]), moved, rcond=1e-15)[0]
            tried = judged(best + step)
            if tried[0] < error:
                break
            damping *= 10
        else:
            return best
        gained, (error, best, residual), damping = error - tried[0] >= LEAST_GAIN * error, tried, damping / 10
        if not gained:
            return best
    return best


def ridge_solutions(x: Array, y: Array, strengths: Iterable[float]) -> list[Array]:
    """The least-squares solutions with penalties of strength * len(y) on their squares."""
    left, sizes, right = np.linalg.svd(x, full_matrices=False)
    along = left.T @ y
    return [right.T @ (sizes / (sizes ** 2 + max(strength * len(y), 1e-300)) * along) for strength in strengths]


def likely_delay(z: Array, features: Features, most: int) -> int:
    """Where a block of six samples explains the next increment best, beside the newest: the scan of all delays.

    Learnt from the first three quarters, judged by the rest.
    """
    width, count = 6, 12
    spread = np.linspace(features.centres[0], features.centres[-1], count)
    values = np.tanh((z[:, None] - spread) / (spread[1] - spread[0]))
    at = np.arange(most + width, len(z) - 1)
    cut = 3 * len(at) // 4
    target, base = z[at + 1] - z[at], np.column_stack([np.ones(len(at)), z[at]])
    best, found = np.inf, 0
    for delay in range(most + 1):
        x = np.column_stack([base, *(values[at - delay - j] for j in range(width))])
        gram, moment = x[:cut].T @ x[:cut], x[:cut].T @ target[:cut]
        for ridge in (1e-9, 1e-6, 1e-3):
            weights = np.linalg.solve(gram + ridge * cut * np.eye(len(gram)), moment)
            error = float(np.mean((x[cut:] @ weights - target[cut:]) ** 2))
            if error < best:
                best, found = error, delay
    return found
