"""Histories of a delay equation on [-tau, 0]: a number, an array of numbers, a function, or samples."""
from __future__ import annotations

import itertools
import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from mgconv.dde.systems import finite


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


def check_jumps(jumps, start=0):
    """The times of jumps, before `start`, in order."""
    if np.ndim(jumps) == 1 and not len(jumps):
        return []
    jumps = np.unique(finite("jumps", jumps))
    if (jumps >= start).any():
        raise ValueError(f"`jumps` must be times before {start:g}. Received: {jumps[jumps >= start][0]}.")
    return jumps.tolist()


def sample_steps(samples, cuts):
    """How many spacings make each piece between the `cuts` of the history; ValueError where the samples do not fit."""
    spacing, tau = float(samples.spacing), -cuts[0]
    if not 0.0 < spacing < np.inf:
        raise ValueError(f"`spacing` must be positive. Received: spacing={samples.spacing}.")
    places = [round(-cut / spacing) for cut in cuts]
    if places[0] < 1 or abs(places[0] * spacing - tau) > 1e-9 * tau:
        raise ValueError(f"the spacing of history samples must divide tau. Received: spacing={spacing}, tau={tau}.")
    for place, cut in zip(places, cuts, strict=True):
        if abs(place * spacing + cut) > 1e-9 * tau:
            raise ValueError(f"`jumps` must lie on the samples of the history. Received: {cut}, spacing={spacing}.")
    if np.shape(samples.values)[-1] < places[0] + 1:
        raise ValueError(f"history samples must cover tau={tau}: at least {places[0] + 1} of spacing {spacing}. "
                         f"Received: {np.shape(samples.values)[-1]}.")
    return [left - right for left, right in itertools.pairwise(places)]


def refine(samples, row, start, end, nodes):
    """Values from `start` to `end` at `nodes` + 1 points, a multiple of the samples', by polynomials of degree 7.

    Near the ends, and with few points, the polynomial leans on the nearest ones.
    """
    first, last = (round(-time / samples.spacing) for time in (start, end))
    values, steps = np.atleast_2d(samples.values)[row], first - last
    values = values[len(values) - 1 - first:len(values) - last]
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


def evaluate(function, start, end, nodes, after_jump=False, before_jump=False):
    """A function's values at the nodes from `start` to `end`; at a jump, those beside it."""
    times = [start + (end - start) * i / nodes for i in range(nodes)] + [end]
    if after_jump:
        times[0] = math.nextafter(start, 0.0)
    if before_jump:
        times[-1] = math.nextafter(end, -math.inf)
    try:
        return np.array([float(function(time)) for time in times])
    except TypeError as error:
        raise TypeError(f"`history(t)` must return a number for a number t in [-tau, 0]: {error}.") from error
