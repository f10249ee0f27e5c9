"""Delay equations x'(t) = g(x(t - tau)) - b x(t): the classics by name, and a user's own.

A system is data: `_equation` says which compiled function is its g, with which parameters, and how fast things move.
"""
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from mgconv.native import delay


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
    """A float for a number, a float64 array for an array; ValueError unless finite."""
    if isinstance(value, (int, float)):
        value = float(value)
        good = math.isfinite(value)
    else:
        value = np.asarray(value, np.float64)
        good = np.isfinite(value).all()
    if not good:
        raise ValueError(f"`{name}` must be finite. Received: {name}={value}.")
    return value


def positive(name, value):
    """As `finite`; ValueError unless positive too."""
    value = finite(name, value)
    if not (value > 0 if isinstance(value, float) else (value > 0).all()):
        raise ValueError(f"`{name}` must be positive. Received: {name}={value}.")
    return value


def _largest(*rates):
    """The largest magnitude, element by element where there are arrays."""
    if any(isinstance(rate, np.ndarray) for rate in rates):
        return np.max(np.broadcast_arrays(*map(np.abs, rates)), axis=0)
    return max(map(abs, rates))


class _Numbers:
    """A frozen dataclass whose fields are numbers or arrays of numbers; those named in `_positive` must be positive."""

    _positive: tuple[str, ...] = ("tau",)

    def __post_init__(self):
        for name in self.__dataclass_fields__:
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
    [1.2, 1.117562, 1.04297]
    """
    tau: Any = 30.0
    a: Any = 0.2
    b: Any = 0.1
    c: Any = 10.0
    _positive = ("tau", "c")

    def _equation(self):
        whole = self.c.is_integer() if isinstance(self.c, float) else (self.c == np.floor(self.c)).all()
        function = delay.MACKEY_GLASS if whole and np.max(self.c) < 2**53 else delay.MACKEY_GLASS_REAL
        return Equation(function, True, self.tau, self.b, (self.a, self.c),
                        0.4 / (_largest(self.a, self.b, 1e-3 / self.tau) * _largest(self.c, 4.0)))
