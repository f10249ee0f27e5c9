"""Lyapunov exponents: published values, closed forms, and what is refused."""
import math

import numpy as np
import pytest
from scipy.optimize import brentq

from mgconv import dde


@pytest.mark.parametrize(("tau", "published"), [(17, 0.00514), (30, 0.00707)])
def test_published_exponents(tau, published):
    exponent = dde.lyapunov(dde.MackeyGlass(tau=tau), time=2e6)
    assert 0 < exponent.standard_error < 1e-4
    assert abs(exponent.value - published) < 4 * exponent.standard_error + 1e-5


def test_a_linear_equation_has_the_root_of_its_characteristic_equation():
    # x' = -0.3 x(t - 1) - 0.1 x: the largest root of s = -0.3 e^-s - 0.1 is real
    root = brentq(lambda s: s + 0.3 * math.exp(-s) + 0.1, -1.2, 0.0)
    system = dde.System(tau=1.0, b=0.1, g=lambda x: -0.3 * x, dg=lambda x: np.full_like(x, -0.3))
    exponent = dde.lyapunov(system, time=320, discard=30)
    assert abs(exponent.value - root) < 1e-9


def test_ensembles():
    both = dde.lyapunov(dde.MackeyGlass(tau=[17.0, 30.0]), time=1e4)
    assert both.value.shape == both.standard_error.shape == (2,)
    one = dde.lyapunov(dde.MackeyGlass(tau=17.0), time=1e4)
    assert abs(both.value[0] - one.value) < 1e-15


@pytest.mark.parametrize(("system", "arguments", "what"), [
    (dde.System(tau=1.0, b=1.0, g=np.sin), {}, "derivative"), (dde.MackeyGlass(), {"time": 10.0}, "`time`"),
    (dde.MackeyGlass(), {"time": -1.0}, "`time`"), (dde.MackeyGlass(), {"discard": -1.0}, "`discard`")])
def test_bad_arguments(system, arguments, what):
    with pytest.raises(ValueError, match=f"{what}.*Received"):
        dde.lyapunov(system, **arguments)
