"""Delay equations x'(t) = g(x(t - tau)) - b x(t): the classics by name, and a user's own.

A system is data: `_equation` says which compiled function is its g, with which parameters, and how fast things move.
"""
from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mgconv._support.arrays import without_gaps
from mgconv.dde.functions import compiled_address
from mgconv.native import delay

Numbers: TypeAlias = float | Sequence[float] | NDArray[np.float64]


class Equation(NamedTuple):
    """What the engine needs to know of a system; numbers may be arrays, which broadcast."""
    function: Any                       # an index of src_c/delay.h, (address, user data), or a PythonFunction
    derivative: bool
    tau: Any
    b: Any
    parameters: tuple
    step: Any                           # the default step
    encode: Callable | None = None      # from the user's variable to the engine's, and back
    decode: Callable | None = None


def finite(name, value):
    """A float for a number, a float64 array for an array; TypeError for anything else, ValueError unless finite."""
    value = without_gaps(name, value)
    try:
        array = np.asarray(value)
        if array.dtype.kind not in "buifO":
            raise TypeError
        array = array.astype(np.float64)
    except (TypeError, ValueError):
        raise TypeError(f"`{name}` must be a number or an array of numbers. Received: {name}={value!r}.") from None
    except OverflowError:                                          # an integer that no float can hold
        array = np.array(np.inf)
    if not np.isfinite(array).all():
        raise ValueError(f"`{name}` must be finite. Received: {name}={value}.")
    return float(array) if isinstance(value, (int, float)) else array


def positive(name, value):
    """As `finite`; ValueError unless positive too."""
    value = finite(name, value)
    if not (value > 0 if isinstance(value, float) else (value > 0).all()):
        raise ValueError(f"`{name}` must be positive. Received: {name}={value}.")
    return value


def one_number(name, value, check=finite):
    """A float that passes `check`; TypeError for an array."""
    if np.ndim(value):
        raise TypeError(f"`{name}` must be one number. Received: {name}={value!r}.")
    return float(check(name, value))


def equation_of(system):
    """What the engine needs to know; TypeError for what is no system."""
    if not isinstance(system, AnySystem):
        names = ", ".join(kind.__name__ for kind in AnySystem.__args__)
        raise TypeError(f"`system` must be one of mgconv.dde's: {names}. Received: {system!r}.")
    return system._equation()


def _largest(*rates):
    """The largest magnitude, element by element where there are arrays."""
    if any(isinstance(rate, np.ndarray) for rate in rates):
        return np.max(np.broadcast_arrays(*map(np.abs, rates)), axis=0)
    return max(map(abs, rates))


class _Numbers:
    """A frozen dataclass whose fields are numbers or arrays of numbers; those named in `_positive` must be positive."""

    _positive: tuple[str, ...] = ("tau",)

    def __post_init__(self):
        for name in vars(type(self))["__dataclass_fields__"]:
            check = positive if name in self._positive else finite
            object.__setattr__(self, name, check(name, getattr(self, name)))


@dataclass(frozen=True)
class MackeyGlass(_Numbers):
    """The Mackey-Glass equation, x'(t) = a x(t - tau) / (1 + x(t - tau)^c) - b x(t).

    Parameters
    ----------
    tau, a, b, c : float or array
        Delay, production, decay, steepness. Arrays broadcast to one series each. With an integer `c` x may have any
        sign, with any other it must stay positive.

    References
    ----------
    M. C. Mackey and L. Glass, "Oscillation and chaos in physiological control systems", Science 197 (1977) 287-289.
    L. Glass and M. C. Mackey, "Pathological conditions resulting from instabilities in physiological control systems",
    Annals of the New York Academy of Sciences 316 (1979) 214-235.

    Examples
    --------
    >>> from mgconv import dde
    >>> dde.series(dde.MackeyGlass(tau=17), 3, history=1.2).round(6).tolist()
    [1.2, 1.117562, 1.042969]
    """
    tau: Numbers = 30.0
    a: Numbers = 0.2
    b: Numbers = 0.1
    c: Numbers = 10.0
    _positive = ("tau", "c")

    def _equation(self: Any):
        whole = self.c.is_integer() if isinstance(self.c, float) else (self.c == np.floor(self.c)).all()
        whole = whole and np.max(self.c) < 2**53
        return Equation(delay.MACKEY_GLASS if whole else delay.MACKEY_GLASS_REAL, True, self.tau, self.b,
                        (self.a, self.c), 0.4 / (_largest(self.a, self.b, 1e-3 / self.tau) * _largest(self.c, 4.0)),
                        None if whole else self._not_negative)

    def _not_negative(self, name, value):
        if np.less(value, 0).any():
            raise ValueError(f"`{name}` must not be negative where c is no integer. Received: {name}={value}.")
        return value


@dataclass(frozen=True)
class Ikeda(_Numbers):
    """The Ikeda equation of an optical ring cavity, x'(t) = a sin(x(t - tau) - phase) - b x(t).

    Parameters
    ----------
    tau, a, b, phase : float or array
        Delay, strength of the feedback, decay, phase.

    References
    ----------
    K. Ikeda, "Multiple-valued stationary state and its instability of the transmitted light by a ring cavity system",
    Optics Communications 30 (1979) 257-261.
    """
    tau: Numbers = 2.0
    a: Numbers = 6.0
    b: Numbers = 1.0
    phase: Numbers = 0.0

    def _equation(self: Any):
        return Equation(delay.SINE, True, self.tau, self.b, (self.a, self.phase),
                        0.06 / _largest(self.a, self.b, 1e-3 / self.tau))


@dataclass(frozen=True)
class Blowflies(_Numbers):
    """Nicholson's blowflies, N'(t) = p N(t - tau) exp(-N(t - tau) / n0) - delta N(t).

    Parameters
    ----------
    tau, p, n0, delta : float or array
        Time from egg to adult, eggs a day and fly, the population at which the number of eggs is largest, mortality.

    References
    ----------
    W. S. C. Gurney, S. P. Blythe and R. M. Nisbet, "Nicholson's blowflies revisited", Nature 287 (1980) 17-21.
    """
    tau: Numbers = 15.0
    p: Numbers = 8.0
    n0: Numbers = 500.0
    delta: Numbers = 0.175
    _positive = ("tau", "n0")

    def _equation(self: Any):
        return Equation(delay.RICKER, True, self.tau, self.delta, (self.p, 1.0 / self.n0),
                        0.4 / _largest(self.p, self.delta, 1e-3 / self.tau))


@dataclass(frozen=True)
class LasotaWazewska(_Numbers):
    """The Lasota-Wazewska equation of red blood cells, N'(t) = p exp(-gamma N(t - tau)) - mu N(t).

    Parameters
    ----------
    tau, p, gamma, mu : float or array
        Delay, production, its fall with the number of cells, mortality.

    References
    ----------
    M. Wazewska-Czyzewska and A. Lasota, "Mathematical problems of the dynamics of a system of red blood cells" (in
    Polish), Matematyka Stosowana 6 (1976) 23-40.
    """
    tau: Numbers = 2.0
    p: Numbers = 2.0
    gamma: Numbers = 4.0
    mu: Numbers = 0.5

    def _equation(self: Any):
        return Equation(delay.EXPONENTIAL, True, self.tau, self.mu, (self.p, self.gamma, 0.0),
                        0.2 / _largest(self.p * self.gamma, self.mu, 1e-3 / self.tau))


@dataclass(frozen=True)
class Hutchinson(_Numbers):
    """The delayed logistic equation, N'(t) = r N(t) (1 - N(t - tau) / k).

    It is solved as y'(t) = r (1 - exp(y(t - tau))) with N = k exp(y).

    Parameters
    ----------
    tau, r, k : float or array
        Delay, growth rate, capacity. Histories must be positive.

    References
    ----------
    G. E. Hutchinson, "Circular causal systems in ecology", Annals of the New York Academy of Sciences 50 (1948)
    221-246.
    """
    tau: Numbers = 1.0
    r: Numbers = 1.8
    k: Numbers = 1.0
    _positive = ("tau", "k")

    def _equation(self: Any):
        return Equation(delay.EXPONENTIAL, True, self.tau, 0.0, (-self.r, -1.0, self.r),
                        np.minimum(0.03 / _largest(self.r, 1e-3 / self.tau), self.tau / 32), self._encode, self._decode)

    def _encode(self, name, value):
        return logarithm(positive(name, value) / self.k)

    def _decode(self, out, shape):
        delay.exponential(out.ravel())
        out *= np.broadcast_to(self.k, shape).reshape(-1, 1)


@dataclass(frozen=True)
class System:
    """Any equation of the form x'(t) = g(x(t - tau)) - b x(t).

    Parameters
    ----------
    tau, b : float or array
        Delay and decay.
    g : callable or compiled function
        A NumPy function, called with an array of all the values of one interval of length tau, which returns g of each;
        or a compiled one (scipy.LowLevelCallable, numba cfunc, ctypes function), called once an interval with no Python
        in between, of the form `void (ptrdiff_t n, const double *x, double *g, double *dg, void *user_data)`, which may
        run in several threads at once.
    dg : callable or bool, optional
        The derivative g'. For a compiled g: whether it fills dg (it gets NULL there otherwise). Without it the method's
        order is 8 too, with errors about a hundred times larger at the same step.
    step : float, optional
        The default step; without it tau / 100, and at most 1 / (20 abs(b)), which knows nothing of g. Where g is steep
        or large, take one in which x moves little, and see whether half of it changes anything.

    Examples
    --------
    >>> import numpy as np
    >>> from mgconv import dde
    >>> ikeda = dde.System(tau=2.0, b=1.0, g=lambda x: 6 * np.sin(x), dg=lambda x: 6 * np.cos(x))
    >>> x = dde.series(ikeda, 10, history=1.0, step=1 / 64)
    >>> bool(abs(x - dde.series(dde.Ikeda(tau=2.0, a=6.0), 10, history=1.0)).max() < 1e-9)
    True
    """
    tau: Numbers
    b: Numbers
    g: Any
    dg: Any = None
    step: float | None = None

    def _equation(self: Any):
        tau, b = positive("tau", self.tau), finite("b", self.b)
        step = 1.0 / _largest(100.0 / tau, 20.0 * b) if self.step is None else positive("step", self.step)
        function, derivative = compiled_address(self.g), bool(self.dg)
        if function is None:
            if not callable(self.g) or not (self.dg is None or callable(self.dg)):
                raise TypeError("`g` must be a function of an array or a compiled function, and `dg` another one. "
                                f"Received: g={self.g!r}, dg={self.dg!r}.")
            function = delay.PythonFunction(_of_arrays("g", self.g), self.dg and _of_arrays("dg", self.dg))
            derivative = self.dg is not None
        return Equation(function, derivative, tau, b, (), step)


AnySystem = MackeyGlass | Ikeda | Blowflies | LasotaWazewska | Hutchinson | System


def _of_arrays(name, function):
    """The user's function, with a word of advice where it cannot take an array."""
    def call(x):
        try:
            return function(x)
        except TypeError as error:
            raise TypeError(f"`{name}` gets an array of values, and must return as many (np.sin does, math.sin does "
                            f"not). Received: {error}.") from error
    return call


def logarithm(x):
    """ln(m 2^e) = 2 atanh((m - 1) / (m + 1)) + e ln(2), by frexp and + - * / alone: the same bits everywhere."""
    mantissa, exponent = np.frexp(x)
    small = mantissa < math.sqrt(0.5)
    mantissa, exponent = np.where(small, 2 * mantissa, mantissa), exponent - small
    s = (mantissa - 1) / (mantissa + 1)
    series = np.zeros_like(s)
    for k in range(25, 0, -2):
        series = series * (s * s) + 1.0 / k
    value = exponent * 0.693147180369123816490 + (2 * s * series + exponent * 1.90821492927058770002e-10)
    return value if np.ndim(x) else float(value)
