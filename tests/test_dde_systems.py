"""Users' functions, interpreted and compiled, and the mathematics of the built-in ones."""
import ctypes
import math

import numpy as np
import pytest
import scipy

from mgconv import dde
from mgconv.dde.systems import logarithm
from mgconv.native import delay

DOUBLES = ctypes.POINTER(ctypes.c_double)
PLAIN = ctypes.CFUNCTYPE(None, ctypes.c_ssize_t, DOUBLES, DOUBLES, DOUBLES)
WITH_DATA = ctypes.CFUNCTYPE(None, ctypes.c_ssize_t, DOUBLES, DOUBLES, DOUBLES, ctypes.c_void_p)


def truth(n=60):
    return dde.series(dde.Ikeda(tau=2.0, a=3.0, b=1.0), n, history=0.4)


def loop(n, x, g, dg):
    for i in range(n):
        g[i] = 3 * math.sin(x[i])
        if dg:
            dg[i] = 3 * math.cos(x[i])


def test_numpy_functions():
    system = dde.System(tau=2.0, b=1.0, g=lambda x: 3 * np.sin(x), dg=lambda x: 3 * np.cos(x))
    np.testing.assert_allclose(dde.series(system, 60, history=0.4), truth(), atol=1e-9)
    several = dde.series(system, 60, history=[0.1, 0.4])
    np.testing.assert_allclose(several[1], truth(), atol=1e-9)


@pytest.mark.parametrize("dg", [True, False])
def test_ctypes_functions(dg):
    function = PLAIN(loop)
    x = dde.series(dde.System(tau=2.0, b=1.0, g=function, dg=dg, step=0.0125), 60, history=0.4)
    np.testing.assert_allclose(x, truth(), atol=1e-9)


def test_low_level_callables_get_their_data():
    scale = ctypes.c_double(3.0)

    def scaled(n, x, g, dg, data):
        loop(n, x, g, dg)
        factor = ctypes.cast(data, DOUBLES)[0] / 3.0
        for i in range(n):
            g[i] *= factor
            dg[i] *= factor
    function = scipy.LowLevelCallable(WITH_DATA(scaled), ctypes.cast(ctypes.pointer(scale), ctypes.c_void_p))
    system = dde.System(tau=2.0, b=1.0, g=function, dg=True)
    np.testing.assert_allclose(dde.series(system, 60, history=0.4), truth(), atol=1e-9)


def test_numba_functions():
    numba = pytest.importorskip("numba")
    types = numba.types
    pointer = types.CPointer(types.float64)

    @numba.cfunc(types.void(types.intp, pointer, pointer, pointer))
    def sine(n, x, g, dg):
        for i in range(n):
            g[i] = 3 * math.sin(x[i])
            dg[i] = 3 * math.cos(x[i])
    system = dde.System(tau=2.0, b=1.0, g=sine, dg=True)
    np.testing.assert_allclose(dde.series(system, 60, history=0.4), truth(), atol=1e-9)


def test_a_low_level_callable_of_another_form_is_refused():
    wrong = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double)(lambda x: x)
    with pytest.raises(ValueError, match="a compiled g must be"):
        dde.series(dde.System(tau=2.0, b=1.0, g=scipy.LowLevelCallable(wrong)), 5, history=1.0)


@pytest.mark.parametrize(("g", "error"), [
    (lambda x: x[:3], ValueError), (lambda x: 1 / 0, ZeroDivisionError), (lambda x: "a", ValueError), (3, TypeError)])
def test_what_a_users_function_does_wrong_is_raised(g, error):
    with pytest.raises(error):
        dde.series(dde.System(tau=2.0, b=1.0, g=g), 50, history=[1.0, 2.0])


def test_a_function_that_fails_late_leaves_nothing_behind():
    def g(x):
        if g.calls == 5:
            raise RuntimeError("late")
        g.calls += 1
        return np.sin(x)
    g.calls = 0
    system = dde.System(tau=2.0, b=1.0, g=g)
    with pytest.raises(RuntimeError, match="late"):
        dde.series(system, 500, history=1.0)
    g.calls = 6
    assert dde.series(system, 50, history=1.0).shape == (50,)


def test_a_function_of_numbers_is_told_that_it_gets_an_array():
    for arguments in ({"g": math.sin}, {"g": np.sin, "dg": math.cos}):
        name = list(arguments)[-1]
        with pytest.raises(TypeError, match=f"`{name}` gets an array of values, and must return as many"):
            dde.series(dde.System(tau=2.0, b=1.0, **arguments), 50, history=1.0)


def test_a_value_that_is_not_finite_is_reported_with_its_time():
    with np.errstate(over="ignore"), pytest.raises(OverflowError, match="t = "):
        dde.series(dde.System(tau=1.0, b=0.0, g=lambda x: np.minimum(x * x, 1e308) * 10), 50, history=2.0)


def test_logarithm_and_exponential_are_good_to_the_last_bits():
    x = np.concatenate([np.random.default_rng(0).uniform(1e-3, 10, 2000), 2.0 ** np.arange(-1000, 1000, 50), [1.0]])
    np.testing.assert_array_max_ulp(logarithm(x), np.log(x), 2)
    y = np.concatenate([np.random.default_rng(1).uniform(-700, 700, 2000), [0.0, 709.7, 710.0, -745.0, -800.0, -1e300]])
    e = y.copy()
    delay.exponential(e)
    with np.errstate(over="ignore"):
        expected = np.exp(y)
    np.testing.assert_allclose(e, expected, rtol=5e-16, atol=1e-323)


def test_sine_far_from_zero():
    for history in (1e3, -1e5, 1.0, 0.0, -2.5):
        x = dde.series(dde.Ikeda(tau=1.0, a=1.0, b=0.0), 2, dt=0.5, history=history, x0=0.0)
        assert abs(x[1] - 0.5 * math.sin(history)) < 2e-15


@pytest.mark.parametrize("make", [
    lambda: dde.MackeyGlass(tau=0), lambda: dde.Ikeda(a=math.nan), lambda: dde.Blowflies(n0=0),
    lambda: dde.Hutchinson(k=-1), lambda: dde.LasotaWazewska(mu=math.inf), lambda: dde.MackeyGlass(c=[8, -8]),
    lambda: dde.series(dde.System(tau=-1.0, b=0, g=np.sin), 3, history=1.0)])
def test_bad_parameters(make):
    with pytest.raises(ValueError, match="must be.*Received"):
        make()
