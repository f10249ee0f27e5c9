"""The largest Lyapunov exponent of a delay equation, by its tangent equation."""
from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mgconv.dde.engine import History, check_failures, make_problem
from mgconv.dde.systems import AnySystem, equation_of, one_number, positive

_BLOCKS = 32


class Exponent(NamedTuple):
    """A Lyapunov exponent in nats per unit of time, and its standard error."""
    value: float | NDArray[np.float64]
    standard_error: float | NDArray[np.float64]


def lyapunov(system: AnySystem, *, time: float = 1e5, discard: float = 1e3, history: History = 1.2,
             x0: ArrayLike | None = None, step: float | None = None) -> Exponent:
    """The largest Lyapunov exponent of a delay equation and its standard error.

    The tangent equation y'(t) = g'(x(t - tau)) y(t - tau) - b y(t) is solved along x by the same method, and y divided
    by its root mean square over each interval of length tau; the exponent is the mean of the logarithms of these
    divided by tau (J. D. Farmer, "Chaotic attractors of an infinite-dimensional dynamical system", Physica D 4 (1982)
    366-393). The standard error comes from the means of 32 blocks.

    Parameters
    ----------
    system : MackeyGlass, Ikeda, Blowflies, LasotaWazewska, Hutchinson or System
        The equation; a `System` needs its dg.
    time : float
        For how long to average, at least 32 tau.
    discard : float
        For how long to approach the attractor first.
    history, x0, step
        As in `mgconv.dde.series`.

    Returns
    -------
    Exponent
        `value` and `standard_error`, in nats per unit of time: floats, or arrays for an ensemble.

    Raises
    ------
    TypeError, ValueError, OverflowError
        As in `mgconv.dde.series`; ValueError too if the system has no derivative.

    Examples
    --------
    >>> from mgconv import dde
    >>> exponent = dde.lyapunov(dde.MackeyGlass(tau=17), time=2e5)
    >>> bool(abs(exponent.value - 0.00514) < 5 * exponent.standard_error)
    True
    """
    time, discard = one_number("time", time, positive), one_number("discard", discard)
    if discard < 0:
        raise ValueError(f"`discard` must not be negative. Received: discard={discard}.")
    equation = equation_of(system)
    if not equation.derivative:
        raise ValueError("the Lyapunov exponent needs the derivative of g. Received: a system without `dg`.")
    longest, shortest = np.max(equation.tau), np.min(equation.tau)
    if time < _BLOCKS * longest:
        raise ValueError(f"`time` must be at least {_BLOCKS} tau. Received: time={time}, tau={longest}.")
    problem, shape = make_problem(equation, history, x0, step, math.inf, 0.0)
    skipped, counted = math.ceil(discard / shortest), _BLOCKS * math.ceil(time / shortest / _BLOCKS)
    norms = np.ones((math.prod(shape), skipped + counted))
    check_failures(problem.tangent_norms(norms), equation)
    blocks = np.log(norms[:, skipped:]).reshape(*shape, _BLOCKS, -1).mean(-1) / np.expand_dims(equation.tau, -1)
    error = blocks.std(-1, ddof=1) / math.sqrt(_BLOCKS)
    return Exponent(blocks.mean(-1), error) if shape else Exponent(float(blocks.mean()), float(error))
