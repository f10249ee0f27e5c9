"""Series of x'(t) = g(x(t - tau)) - b x(t) by exponential quadrature of order 8; src_c/delay.h has the method."""
from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mgconv._support.checks import check_count
from mgconv.dde import history as histories
from mgconv.dde.systems import AnySystem, MackeyGlass, Numbers, equation_of, finite, one_number, positive
from mgconv.native import delay

_MAX_NODES = 1 << 18          # of samples' nodes an interval; denser samples are interpolated
_LONGEST = 1e12               # intervals of length tau
_MOST_STEPS = 2.0**26         # an interval
_REFINEMENT = 4               # of the grid for a history that is a function
_EPS = 2.0**-52
History: TypeAlias = ArrayLike | Callable[[float], float] | histories.Samples


def mackey_glass(n: int, *, dt: float = 1.0, tau: Numbers = 30.0, a: Numbers = 0.2, b: Numbers = 0.1,
                 c: Numbers = 10, history: History = 1.2, discard: float = 0.0, x0: ArrayLike | None = None,
                 step: float | None = None, jumps: Sequence[float] = ()) -> NDArray[np.float64]:
    """Samples of the Mackey-Glass series, x'(t) = a x(t - tau) / (1 + x(t - tau)^c) - b x(t).

    With the default step the error is below 1e-12 at t = 100 and below 2e-11 at t = 1000 for tau = 17 and 30 (errors of
    any method grow as the system is chaotic). The same call gives the same bits on every machine if `c` is an integer.

    Parameters
    ----------
    n : int
        Number of samples.
    dt : float
        Time between two samples; any positive number.
    tau, a, b, c : float or array
        Delay, production, decay, steepness. Arrays broadcast, one series each.
    history : float, array of floats, callable or dde.Samples
        x(t) for -tau <= t <= 0. Numbers are constant histories, one series each.
    discard : float
        Time of the first sample.
    x0 : float or array, optional
        x(0), if it differs from the history's value there.
    step : float, optional
        The largest step of the integration; it is cut to a divisor of tau that meets the samples if there is one.
    jumps : sequence of float, optional
        Times below 0 at which the history or one of its derivatives jumps (0 is one anyway). The interval is cut there,
        so that the order of the method stays what it is; without them it falls to 1 beside a jump, to 2 beside a kink.
        In `Samples` they must lie on samples, and a value cannot jump.

    Returns
    -------
    float64 array of shape (n,), or (..., n) with the shape that the arrays among the arguments broadcast to
        x(discard), x(discard + dt), ..., x(discard + (n - 1) dt).

    Raises
    ------
    TypeError
        If `n` is no integer, or what must be a number is none.
    ValueError
        If tau, dt, c or step is not positive, n or discard negative, anything infinite or not a number, or if history
        samples do not fit tau.
    OverflowError
        If the solution stops being finite; the message names the time.

    References
    ----------
    M. C. Mackey and L. Glass, "Oscillation and chaos in physiological control systems", Science 197 (1977) 287-289.

    Examples
    --------
    >>> from mgconv import dde
    >>> dde.mackey_glass(4, dt=6, tau=17).round(6).tolist()
    [1.2, 0.809143, 0.594636, 0.486979]
    >>> dde.mackey_glass(1000, history=[0.9, 1.1, 1.3]).shape
    (3, 1000)
    """
    return series(MackeyGlass(tau, a, b, c), n, dt=dt, history=history, discard=discard, x0=x0, step=step,
                  jumps=jumps)


def series(system: AnySystem, n: int, *, dt: float = 1.0, history: History, discard: float = 0.0,
           x0: ArrayLike | None = None, step: float | None = None, jumps: Sequence[float] = ()) -> NDArray[np.float64]:
    """Samples of a delay equation; as `mackey_glass`, for any system of `mgconv.dde`.

    Parameters
    ----------
    system : MackeyGlass, Ikeda, Blowflies, LasotaWazewska, Hutchinson or System
        The equation.
    n, dt, history, discard, x0, step, jumps
        As in `mackey_glass`.

    Returns
    -------
    float64 array of shape (n,) or (..., n)
        x(discard), x(discard + dt), ...

    Raises
    ------
    TypeError, ValueError, OverflowError
        As in `mackey_glass`; TypeError too if `system` is none.

    Examples
    --------
    >>> from mgconv import dde
    >>> dde.series(dde.Ikeda(tau=2.0, a=6.0, b=1.0), 3, dt=5.0, history=0.1).shape
    (3,)
    """
    n = check_count("n", n, 0)
    dt, discard = one_number("dt", dt, positive), one_number("discard", discard)
    if discard < 0:
        raise ValueError(f"`discard` must not be negative. Received: discard={discard}.")
    equation = equation_of(system)
    if discard + n * dt > _LONGEST * np.min(equation.tau):
        raise ValueError(f"a series must end before {_LONGEST:g} tau. Received: n={n}, dt={dt}, discard={discard}.")
    problem, shape = make_problem(equation, history, x0, step, dt, discard, histories.check_jumps(jumps))
    out = np.empty((math.prod(shape), n))
    failures = problem.sample(discard, dt, out)
    check_failures(failures, equation)
    if equation.decode is not None:
        equation.decode(out, shape)
    return out.reshape(*shape, n)


def make_problem(equation, history, x0, step, dt, start, jumps=()):
    """The compiled problem for one equation or an ensemble of them, and the ensemble's shape."""
    constant = not (callable(history) or isinstance(history, histories.Samples))
    if constant:
        ends = history = _encoded("history", history, equation)
    elif isinstance(history, histories.Samples):
        histories.check_shape(history)
        history = history._replace(values=_encoded("history", history.values, equation))
        ends = history.values[..., -1]
    else:
        ends = 0.0                    # filled in from the function's own last value
    starts = ends if x0 is None else _encoded("x0", x0, equation)
    given = step is not None
    step = one_number("step", step, positive) if given else equation.step
    columns = (equation.tau, equation.b, starts, *equation.parameters)
    if isinstance(ends, float) and all(isinstance(column, float) for column in columns):
        shape = ()
        table = np.array([columns])
    else:
        shape = np.broadcast_shapes(np.shape(ends), *map(np.shape, columns))
        table = np.stack([np.broadcast_to(column, shape).ravel() for column in columns], axis=1)
    cuts = [] if constant else [_cuts(jumps, tau) for tau in table[:, 0].tolist()]
    grids = _make_grids(table, step, given, shape, dt, start, history, cuts)
    lengths = np.ascontiguousarray(table[:, :1])
    if grids.shape[1] > 5:
        lengths = np.zeros((len(table), grids.shape[1] // 2 - 1))
        for row, cut in zip(lengths, cuts, strict=True):
            row[:len(cut) - 1] = np.diff(cut)
    if constant:
        values = np.broadcast_to(history, shape).ravel() if shape else np.array([history])
        grids[:, 4] = np.arange(len(grids))
    else:
        rows = np.broadcast_to(np.arange(np.size(ends)).reshape(np.shape(ends)), shape).ravel().tolist()
        values = _history_values(history, rows, equation, table, grids, x0 is None, cuts)
    return delay.Problem(equation.function, equation.derivative, table, grids, lengths, values, constant,
                         _REFINEMENT if callable(history) else 1), shape


def _cuts(jumps, tau):
    """Where the history is cut: -tau, the jumps behind it, 0."""
    return (-tau, *(jump for jump in jumps if -tau < jump < 0), 0.0)


def _make_grids(table, step, given, shape, dt, start, history, cuts):
    """For each series: stride and first node of the samples, pieces, and for each its nodes and place in the values."""
    grids = np.zeros((len(table), 1 + 2 * max(map(len, cuts), default=2)), np.intp)
    steps = [step] * len(table) if isinstance(step, float) else np.broadcast_to(step, shape).ravel().tolist()
    sampled = isinstance(history, histories.Samples)
    for i, (tau, b) in enumerate(table[:, :2].tolist()):
        if not steps[i] > tau / _MOST_STEPS or abs(b) * tau > _MOST_STEPS:
            raise ValueError(_too_fine(steps[i], given, tau, b))
        multiples = histories.sample_steps(history, cuts[i]) if sampled else [1] * (len(cuts[i]) - 1 if cuts else 1)
        if len(multiples) == 1:
            nodes, stride, first = _choose_grid(tau, b, steps[i], dt, start, multiples[0])
            grids[i] = [stride, first, 1, nodes] + [0] * (grids.shape[1] - 4)
        else:                                       # then samples are interpolated
            grids[i, 2] = len(multiples)
            for k, multiple in enumerate(multiples):
                grids[i, 3 + 2 * k] = _choose_grid(cuts[i][k + 1] - cuts[i][k], b, steps[i], math.inf, 0.0, multiple)[0]
    return grids


def _too_fine(step, given, tau, b):
    if given and not step > tau / _MOST_STEPS:
        return f"`step` must be at least tau / 2**26. Received: step={step}, tau={tau}."
    return ("The parameters must let an interval of length tau be followed in 2**26 steps. "
            f"Received: tau={tau}, b={b}, and others for which the step would be {step:.3g}.")


@lru_cache(maxsize=256)
def _choose_grid(tau, b, step, dt, start, multiple):
    """Steps an interval (a multiple of `multiple`), and the stride and first node of samples (stride 0: off nodes).

    The smallest count is taken that keeps the step small enough and meets the samples, if one within reach does.
    """
    least = max(8, math.ceil(tau / step * (1 - 4 * _EPS)), math.ceil(abs(b) * tau))
    if dt == math.inf:
        return -(-least // multiple) * multiple, 0, 0
    shortest = max(1, math.ceil(least * dt / tau * (1 - 4 * _EPS)))
    for stride in range(shortest, shortest + 16):
        nodes, first = stride * tau / dt, start * (stride / dt)
        if nodes > max(4 * least, _MAX_NODES if stride == 1 else 0):
            break
        if _is_integer(nodes) and _is_integer(first) and round(nodes) % multiple == 0:
            return round(nodes), stride, round(first)
    return -(-least // multiple) * multiple, 0, 0


def _is_integer(value):
    return abs(value - round(value)) <= 4 * _EPS * max(1.0, value)


def _history_values(history, rows, equation, table, grids, set_start, cuts):
    """The histories at the nodes, one after the other, and where each piece finds its own; equal ones are stored once.

    `rows` says which of the rows of samples belongs to which series.
    """
    stored, parts, length = {}, [], 0
    for i, (cut, row) in enumerate(zip(cuts, rows, strict=True)):
        for k in range(len(cut) - 1):
            nodes, behind = int(grids[i, 3 + 2 * k]), cut[k + 1:]
            if (key := (cut[k], behind[0], nodes, row)) not in stored:
                if isinstance(history, histories.Samples):
                    new = histories.refine(history, row, cut[k], behind[0], nodes)
                else:
                    new = histories.evaluate(history, cut[k], behind[0], nodes * _REFINEMENT, k > 0, len(behind) > 1)
                    new = _encoded("history", new, equation)
                stored[key] = length, new[-1]
                parts.append(new)
                length += len(new)
            grids[i, 4 + 2 * k], end = stored[key]
        if set_start:
            table[i, 2] = end
    return np.concatenate(parts) if parts else np.zeros(1)


def _encoded(name, value, equation):
    value = finite(name, value)
    return value if equation.encode is None else equation.encode(name, value)


def check_failures(failures, equation):
    """Raise what the compiled loops report."""
    if np.isnan(failures).all():
        return
    first = np.flatnonzero(~np.isnan(failures))[0]
    if failures[first] < 0:
        raise MemoryError("not enough memory for one interval of the delay equation")
    where = f" in series {first}" if failures.size > 1 else ""
    hint = " (x**c with a c that is no integer needs x >= 0)" if equation.function == delay.MACKEY_GLASS_REAL else ""
    raise OverflowError("the solution must stay finite. "
                        f"It stopped being so at t = {failures[first]:.6g}{where}{hint}.")
