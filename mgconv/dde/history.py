"""Histories of a delay equation on [-tau, 0]: a number, an array of numbers, a function, or samples."""
from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike


class Samples(NamedTuple):
    """A history known by samples, x(-(m - 1) spacing), ..., x(-spacing), x(0).

    Parameters
    ----------
    values : array of shape (m,) or (series, m)
        The samples, the newest last. The last tau / spacing + 1 of them are used.
    spacing : float
        The time between two of them: tau divided by an integer.

    Examples
    --------
    A series goes on where another one ended:

    >>> from mgconv import dde
    >>> x = dde.mackey_glass(401, dt=0.25, tau=17)
    >>> more = dde.mackey_glass(41, dt=0.25, tau=17, history=dde.Samples(x, 0.25))
    >>> bool(abs(more - dde.mackey_glass(441, dt=0.25, tau=17)[400:]).max() < 1e-11)
    True
    """
    values: ArrayLike
    spacing: float

    def __repr__(self) -> str:
        return f"Samples({' x '.join(map(str, np.shape(self.values)))} values, spacing={self.spacing})"


def check_shape(samples):
    """ValueError unless the samples form one row, or a row a series."""
    shape = np.shape(samples.values)
    if len(shape) not in (1, 2) or 0 in shape:
        raise ValueError(f"history samples must have shape (m,) or (series, m). Received: shape {shape}.")


def sample_steps(samples, tau):
    """How many spacings make tau; ValueError where the samples do not fit."""
    spacing = float(samples.spacing)
    if not 0.0 < spacing < np.inf:
        raise ValueError(f"`spacing` must be positive. Received: spacing={samples.spacing}.")
    steps = round(tau / spacing)
    if steps < 1 or abs(steps * spacing - tau) > 1e-9 * tau:
        raise ValueError(f"the spacing of history samples must divide tau. Received: spacing={spacing}, tau={tau}.")
    if np.shape(samples.values)[-1] < steps + 1:
        raise ValueError(f"history samples must cover tau={tau}: at least {steps + 1} of spacing {spacing}. "
                         f"Received: {np.shape(samples.values)[-1]}.")
    return steps


def refine(values, steps, nodes):
    """Values at `steps` + 1 points, by polynomials of degree 7 at `nodes` + 1 points, a multiple; over the last axis.

    Near the ends, and with few points, the polynomial leans on the nearest ones.
    """
    values = values[..., -(steps + 1):]
    factor = nodes // steps
    if factor == 1:
        return values
    width = min(8, steps + 1)
    out = np.empty((*values.shape[:-1], nodes + 1))
    out[..., ::factor] = values
    for part in range(1, factor):
        for step in range(steps):
            first = min(max(step - (width // 2 - 1), 0), steps + 1 - width)
            weights = _lagrange(step - first + part / factor, width)
            total = 0.0
            for j in range(width):
                total = total + weights[j] * values[..., first + j]
            out[..., step * factor + part] = total
    return out


def _lagrange(u, width):
    """The Lagrange polynomials of the nodes 0, ..., width - 1 at u."""
    weights = []
    for j in range(width):
        weight = 1.0
        for i in range(width):
            if i != j:
                weight *= (u - i) / (j - i)
        weights.append(weight)
    return weights


def evaluate(function, tau, nodes):
    """A function's values at the nodes -tau, ..., 0."""
    times = [-tau + tau * i / nodes for i in range(nodes)] + [0.0]
    try:
        return np.array([float(function(time)) for time in times])
    except TypeError as error:
        raise TypeError(f"`history(t)` must return a number for a number t in [-tau, 0]: {error}.") from error
