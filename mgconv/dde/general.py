"""Small systems of delay equations y' = f(t, y, y(t - tau_1), ...) by continuous Runge-Kutta methods."""
from __future__ import annotations

import bisect
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mgconv._support.arrays import without_gaps
from mgconv._support.checks import check_choice
from mgconv.dde.history import check_jumps
from mgconv.dde.tableaus import METHODS

_MOST_STOPS = 500
_STRICTER = 0.1                                      # for errors come back with every delayed value
_SAFETY, _SLOWEST, _FASTEST = 0.9, 0.2, 10.0          # of the step's change, as in scipy.integrate
_POWERS = np.arange(1.0, 6.0)


@dataclass(repr=False)
class Solution:
    """What `solve` returns; the names are those of `scipy.integrate.solve_ivp`.

    Attributes
    ----------
    t : array of shape (m,)
        Times: of the steps, or `t_eval`.
    y : array of shape (n, m)
        The solution there.
    sol : callable or None
        The continuous extension: sol(t) has shape (n,) for a number t and (n, k) for an array of k.
    nfev : int
        How often f was called.
    status : int
        0 if the end was reached, -1 if the step became too small.
    message : str
        Why it ended.
    success : bool
        Whether the end was reached.
    """
    t: NDArray[np.float64]
    y: NDArray[np.float64]
    sol: Callable[[ArrayLike], NDArray[np.float64]] | None
    nfev: int
    status: int
    message: str
    success: bool

    def __repr__(self) -> str:
        count, times = self.y.shape
        span = f" from t = {self.t[0]:g} to {self.t[-1]:g}" if times else ""
        dense = ", continuous too (sol)" if self.sol is not None else ""
        return (f"Solution: {count} equation{'s' * (count != 1)} at {times} time{'s' * (times != 1)}{span}{dense}; "
                f"{self.nfev} calls of f.\n{self.message}")


def solve(f: Callable[..., ArrayLike], t_span: Sequence[float], history: ArrayLike | Callable[[float], ArrayLike],
          delays: float | Sequence[float], *, method: str = "RK45", t_eval: ArrayLike | None = None,
          y0: ArrayLike | None = None, dense_output: bool = False, rtol: ArrayLike = 1e-3, atol: ArrayLike = 1e-6,
          first_step: float | None = None, max_step: float = math.inf, args: tuple[Any, ...] = (),
          jumps: Sequence[float] = ()) -> Solution:
    """Solve y'(t) = f(t, y(t), Z) with Z[:, j] = y(t - delays[j]) for a small system, as `scipy.integrate.solve_ivp`.

    For one equation of the form x' = g(x(t - tau)) - b x, `series` is faster by orders of magnitude and more accurate.
    Steps end at sums of delays, where derivatives jump, until the solution is smooth enough for the method's order (or,
    with many delays, until there are some hundred), and are never longer than the shortest delay. The error of each
    step is controlled as in solve_ivp; the global error of problems that do not amplify errors is a few times the
    tolerance and in proportion to it.

    Parameters
    ----------
    f : callable
        f(t, y, Z, *args) -> array_like of shape (n,), with y of shape (n,) and Z of shape (n, len(delays)).
    t_span : (float, float)
        Start and end.
    history : callable or array_like
        The solution until the start: history(t), or a constant.
    delays : float or sequence of floats
        Constant positive delays.
    method : {"RK45", "RK4"}
        Dormand and Prince's pair of orders 5 and 4 with step control, or the classical method with fixed steps of at
        most `first_step` (by default a tenth of the shortest delay) and cubic Hermite interpolation.
    t_eval : array_like, optional
        Sorted times at which to give the solution, within `t_span`.
    y0 : array_like, optional
        The solution at the start, if it differs from the history's value there.
    dense_output : bool
        Whether to return the continuous extension as `sol`.
    rtol, atol : float or array_like
        A step's error is kept below atol + rtol * abs(y).
    first_step, max_step : float, optional
        The first step (RK4: every step) and the longest.
    args : tuple
        More arguments for f.
    jumps : sequence of float, optional
        Times before the start at which the history or one of its derivatives jumps; steps end where these come back.

    Returns
    -------
    Solution
        With the attributes t, y, sol, nfev, status, message, success.

    Raises
    ------
    TypeError
        If a delay is a function: only constant delays are supported.
    ValueError
        If a delay, tolerance or step is not positive, t_span does not go forward, t_eval is not sorted or leaves
        t_span, the history is not finite, or a shape does not fit.

    References
    ----------
    J. R. Dormand and P. J. Prince, "A family of embedded Runge-Kutta formulae", Journal of Computational and Applied
    Mathematics 6 (1980) 19-26.
    L. F. Shampine and S. Thompson, "Solving DDEs in MATLAB", Applied Numerical Mathematics 37 (2001) 441-458.

    Examples
    --------
    >>> from mgconv import dde
    >>> s = dde.solve(lambda t, y, Z: -Z[:, 0], (0, 2), 1.0, 1.0, rtol=1e-8, atol=1e-10)
    >>> bool(abs(s.y[0, -1] + 0.5) < 1e-8)
    True
    """
    tableau = METHODS[check_choice("method", method, tuple(METHODS))]()
    start, end = map(float, t_span)
    if not (math.isfinite(start) and math.isfinite(end) and start < end):
        raise ValueError(f"`t_span` must be two finite times, the first one smaller. Received: t_span={tuple(t_span)}.")
    lags = _check_delays(delays)
    past = _Past(start, history, y0, lags, check_jumps(jumps, start))
    times = None if t_eval is None else _check_times(t_eval, start, end)
    tolerance = _check_positive("rtol", rtol), _check_positive("atol", atol)
    if first_step is not None:
        _check_positive("first_step", first_step)
    _check_positive("max_step", max_step)
    run = _Run(f, args, past, tableau, tolerance)
    longest = min(float(max_step), min(lags))
    if method == "RK4":
        longest = min(longest, first_step or min(lags) / 10)
    with np.errstate(over="ignore", invalid="ignore"):              # a step that overflows is refused and reported
        message = run.advance(_stops(start, end, lags, tableau.order, past), first_step, longest)
    if times is None:
        t = np.array(past.t)
        y = np.array([past.start, *past.ends]).T
    else:
        t = times[times <= past.t[-1]]
        y = past.solution(t)
    return Solution(t, y, past.solution if dense_output else None, run.nfev, -1 if message else 0,
                    message or "The solver reached the end of the integration interval.", not message)


class _Past:
    """The solution so far: the history, then one polynomial a step."""

    def __init__(self, start, history, y0, delays, jumps):
        if callable(history):
            self.history = lambda t: np.atleast_1d(np.asarray(history(t), np.float64))
        else:
            constant = np.atleast_1d(np.array(without_gaps("history", history), np.float64))
            self.history = lambda t: constant
        before = self.history(start)
        if before.ndim != 1 or not np.isfinite(before).all():
            raise ValueError(f"`history` must give finite numbers, one an equation. Received: {before}.")
        self.start = before if y0 is None else np.atleast_1d(np.array(without_gaps("y0", y0), np.float64))
        if self.start.shape != before.shape or not np.isfinite(self.start).all():
            raise ValueError(f"`y0` must be finite and have the history's shape {before.shape}. Received: y0={y0}.")
        self.delays = delays
        self.same = 1e-13 * max(abs(start), *delays)      # times that differ by rounding alone
        self.jumps, self.starts_anew = jumps, not np.array_equal(before, self.start)
        self.t, self.ends, self.steps = [start], [], []

    def delayed(self, t, from_left):
        """Z at time t; at a jump of the solution itself, from the side of the step that asks."""
        values = np.empty((self.start.size, len(self.delays)))
        for j, delay in enumerate(self.delays):
            values[:, j] = self.at(t - delay, from_left)
        return values

    def at(self, t, from_left=False):
        begin = self.t[0]
        near = abs(t - begin) <= self.same
        if from_left if near else t < begin:
            return self.history(self.beside_jump(min(t, begin), from_left))
        if near or not self.steps:
            return self.start
        i = min(bisect.bisect_right(self.t, t) - 1, len(self.steps) - 1)
        h, y, coefficients = self.steps[i]
        theta = (t - self.t[i]) / h
        return y + coefficients @ (h * theta ** _POWERS[:coefficients.shape[1]])

    def beside_jump(self, t, from_left):
        for jump in self.jumps:
            if abs(t - jump) <= self.same:
                return jump - 2 * self.same if from_left else jump + 2 * self.same
        return t

    def add(self, t, h, y, coefficients, end):
        self.t.append(t)
        self.ends.append(end)
        self.steps.append((h, y, coefficients))

    def solution(self, t):
        """The continuous solution at a number or an array of numbers."""
        if np.ndim(t) == 0:
            return self.at(float(t))
        return np.array([self.at(time) for time in np.asarray(t, np.float64).tolist()]).T.reshape(len(self.start), -1)


class _Run:
    """The loop over steps."""

    def __init__(self, f, args, past, method, tolerance):
        self.f, self.args, self.past, self.method = f, args, past, method
        self.rtol, self.atol = tolerance
        self.nfev = 0

    def call(self, t, y, from_left=False):
        self.nfev += 1
        slope = np.asarray(self.f(t, y, self.past.delayed(t, from_left), *self.args), np.float64)
        if slope.shape != y.shape and (slope.shape != () or y.size != 1):
            raise ValueError(f"`f` must return an array of shape {y.shape}. Received: shape {slope.shape}.")
        return slope.reshape(y.shape)

    def advance(self, stops, first_step, longest):
        """Step to each of `stops`; returns what went wrong, or an empty string."""
        t, y, h = self.past.t[0], self.past.start, first_step
        for stop in stops:
            slope = self.call(t, y)                     # anew: its derivative may jump here
            h = min(h or self.guess(t, y, slope, stop - t), longest)
            if self.method.error is None:
                h = (stop - t) / math.ceil((stop - t) / longest * (1 - 1e-12))
            while t < stop:
                smallest = 10 * abs(math.nextafter(t, math.inf) - t)
                left = stop - t
                step = left if left <= h * (1 + 1e-10) else min(h, 0.5 * left)    # no tiny last step
                if step < smallest and step < left:
                    return (f"The step became smaller than the spacing of numbers at t = {t:.6g}. The problem may be "
                            "stiff, or have no solution further on; for stiff problems use an implicit solver such as "
                            "RADAR5 or a stiff method of Julia's DelayDiffEq.")
                new_t = stop if step == left else t + step
                new_y, stages, error = self.step(t, y, slope, step, new_t)
                if not error <= 1:                      # too large, or not a number
                    if self.method.error is None:
                        return f"The solution stopped being finite at t = {new_t:.6g}."
                    h = step * (max(_SLOWEST, _SAFETY * error ** self.method.exponent) if error < math.inf else 0.1)
                    continue
                self.past.add(new_t, step, y, stages.T @ self.method.dense, new_y)
                t, y, slope = new_t, new_y, stages[-1]
                if self.method.error is not None:
                    growth = _FASTEST if error == 0 else min(_FASTEST, _SAFETY * error ** self.method.exponent)
                    h = min(longest, max(step * growth, h if step < h else 0.0))
        return ""

    def step(self, t, y, slope, h, end):
        """One step of the method: the solution, the stages' slopes, and the error over the tolerance."""
        method, stages = self.method, np.empty((len(self.method.c) + 1, y.size))
        stages[0] = slope
        for i, (c, row) in enumerate(zip(method.c[1:], method.a[1:], strict=True), 1):
            at = end if c == 1 else t + c * h
            stages[i] = self.call(at, y + h * (row[:i] @ stages[:i]), from_left=c == 1)
        new = y + h * (method.b @ stages[:-1])
        stages[-1] = self.call(end, new, from_left=True)
        if method.error is None:
            return new, stages, 0.0 if np.isfinite(new).all() else math.inf
        scale = _STRICTER * (self.atol + self.rtol * np.maximum(np.abs(y), np.abs(new)))
        return new, stages, float(np.sqrt(np.mean((h * (method.error @ stages) / scale) ** 2)))

    def guess(self, t, y, slope, span):
        """A first step, by the size of the solution and of its slope (Hairer, Norsett and Wanner, section II.4)."""
        scale = self.atol + self.rtol * np.abs(y)
        size, speed = (float(np.sqrt(np.mean((v / scale) ** 2))) for v in (y, slope))
        return min(span, 0.01 * size / speed if size > 1e-5 and speed > 1e-5 else 1e-6)


def _stops(start, end, delays, order, past):
    """The end, and before it the times at which a derivative of low order jumps: sums of up to `order` delays.

    Where that would be very many, those of most delays are left to the control of the error: there the derivatives that
    jump are of the highest order.
    """
    level = {0.0, *(jump - start for jump in past.jumps)}
    stops: set[float] = set()
    for _ in range(order + 1 + (past.starts_anew or bool(past.jumps))):
        level = {shift + delay for shift in level for delay in delays if start + shift + delay < end}
        if stops and len(stops) + len(level) > _MOST_STOPS:
            break
        stops |= level
    kept, same = [start], 1e-12 * max(abs(start), abs(end), *delays)       # sums that differ by rounding alone
    for stop in sorted(start + shift for shift in stops):
        if stop - kept[-1] > same and end - stop > same:
            kept.append(stop)
    return [*kept[1:], end]


def _check_delays(delays):
    delays = [delays] if callable(delays) or np.ndim(delays) == 0 else list(delays)
    if any(callable(delay) for delay in delays):
        raise TypeError("`delays` must be constant numbers; delays that are functions are not supported. "
                        f"Received: {delays}.")
    delays = [float(delay) for delay in delays]
    if not delays or not all(0 < delay < math.inf for delay in delays):
        raise ValueError(f"`delays` must be positive and finite. Received: delays={delays}.")
    return delays


def _check_positive(name, value):
    if not (np.asarray(value) > 0).all():
        raise ValueError(f"`{name}` must be positive. Received: {name}={value}.")
    return value


def _check_times(t_eval, start, end):
    times = np.asarray(t_eval, np.float64)
    if times.ndim != 1 or not ((np.diff(times) > 0).all() and (times >= start).all() and (times <= end).all()):
        raise ValueError(f"`t_eval` must be sorted times within t_span=({start}, {end}). Received: t_eval={t_eval}.")
    return times
