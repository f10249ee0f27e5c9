"""Runge-Kutta methods as data, each with its continuous extension."""
from typing import NamedTuple

import numpy as np


class Method(NamedTuple):
    """A method with s stages; stage s + 1 is the slope at the step's end.

    y(t + theta h) = y + h sum over i and p of k_i dense[i, p] theta^(p + 1).
    """
    order: int
    c: np.ndarray                       # (s,)
    a: np.ndarray                       # (s, s)
    b: np.ndarray                       # (s,)
    dense: np.ndarray                   # (s + 1, degree)
    error: np.ndarray | None = None     # (s + 1,), the difference to the embedded method; None: no step control
    exponent: float = 0.0               # of the error in the step's change


def _classical():
    a = np.zeros((4, 4))
    a[1, 0] = a[2, 1] = 0.5
    a[3, 2] = 1.0
    # cubic Hermite: slopes k_1 and k_5 at the ends, and the increment b k
    b = np.array([1, 2, 2, 1]) / 6
    increment = np.outer(np.append(b, 0.0), [0.0, 3.0, -2.0])
    dense = increment + np.outer([1.0, 0, 0, 0, 0], [1.0, -2.0, 1.0]) + np.outer([0, 0, 0, 0, 1.0], [0.0, -1.0, 1.0])
    return Method(4, np.array([0, 0.5, 0.5, 1.0]), a, b, dense)


def _dormand_prince():
    """Dormand and Prince 5(4), extrapolated locally, with Shampine's continuous extension of order 4, from SciPy."""
    from scipy.integrate import RK45

    return Method(5, RK45.C, RK45.A, RK45.B, RK45.P, RK45.E, -1 / 5)


METHODS = {"RK4": _classical, "RK45": _dormand_prince}
