"""The general solver: published problems with closed forms, order, kinks, proportional errors, and what is refused."""
import math

import numpy as np
import pytest

from mgconv import dde


def steps_of_linear(t):
    """y' = -y(t - 1), y(t <= 0) = 1 by the method of steps (Bellman and Cooke 1963)."""
    return sum((-1) ** k * (t - (k - 1)) ** k / math.factorial(k) for k in range(math.floor(t) + 2))


def error_of_linear(rtol, atol, method="RK45", **options):
    s = dde.solve(lambda t, y, Z: -Z[:, 0], (0, 5), 1.0, 1.0, method=method, rtol=rtol, atol=atol, dense_output=True,
                  **options)
    return max(abs(s.sol(t)[0] - steps_of_linear(t)) for t in np.linspace(0, 5, 101))


def error_of_ddex1(rtol, atol):
    """Example 3 of Wille and Baker (1992), MATLAB's ddex1: three equations, delays 1 and 0.2; closed form on [0, 0.2]
    and of y1 on [0, 2]."""
    s = dde.solve(lambda t, y, Z: [Z[0, 0], Z[0, 0] + Z[1, 1], y[1]], (0, 2), [1.0, 1.0, 1.0], [1.0, 0.2], rtol=rtol,
                  atol=atol, dense_output=True)
    first, early = np.linspace(0, 2, 41), np.linspace(0, 0.2, 11)
    y1 = np.where(first <= 1, 1 + first, 2 + (first - 1) + (first - 1) ** 2 / 2)
    return max(np.abs(s.sol(first)[0] - y1).max(), np.abs(s.sol(early)[1] - (1 + 2 * early)).max(),
               np.abs(s.sol(early)[2] - (1 + early + early**2)).max())


def error_of_logistic(rtol, atol):
    truth = dde.series(dde.Hutchinson(r=1.5), 101, dt=0.1, history=0.5)
    s = dde.solve(lambda t, y, Z: 1.5 * y * (1 - Z[:, 0]), (0, 10), 0.5, 1.0, rtol=rtol, atol=atol,
                  t_eval=np.linspace(0, 10, 101))
    return np.abs(s.y[0] - truth).max()


def lotka_volterra(t, y, Z):
    return [y[0] * (1 - Z[1, 0]), y[1] * (Z[0, 1] - 1)]


def error_of_lotka_volterra(rtol, atol):
    times = np.linspace(0, 6, 31)
    truth = dde.solve(lotka_volterra, (0, 6), [1.2, 0.8], [0.3, 0.5], rtol=1e-12, atol=1e-12, t_eval=times)
    s = dde.solve(lotka_volterra, (0, 6), [1.2, 0.8], [0.3, 0.5], rtol=rtol, atol=atol, t_eval=times)
    return np.abs(s.y - truth.y).max()


@pytest.mark.parametrize("error", [error_of_linear, error_of_ddex1, error_of_logistic, error_of_lotka_volterra])
def test_global_errors_stay_within_ten_tolerances(error):
    for tolerance in (1e-4, 1e-6, 1e-8, 1e-10):
        assert error(tolerance, tolerance) < 10 * tolerance, tolerance


@pytest.mark.parametrize("error", [error_of_linear, error_of_logistic, error_of_lotka_volterra])
def test_global_errors_are_in_proportion_to_the_tolerance(error):
    tolerances = np.array([1e-6, 1e-7, 1e-8, 1e-9, 1e-10])
    errors = [error(tolerance, tolerance) for tolerance in tolerances]
    slope = np.polyfit(np.log(tolerances), np.log(errors), 1)[0]
    assert 0.8 < slope < 1.25, (slope, errors)


def test_delayed_lotka_volterra_agrees_with_the_fixed_step_method():
    s = dde.solve(lotka_volterra, (0, 6), [1.2, 0.8], [0.3, 0.5], rtol=1e-10, atol=1e-10)
    fixed = dde.solve(lotka_volterra, (0, 6), [1.2, 0.8], [0.3, 0.5], method="RK4", first_step=0.005)
    np.testing.assert_allclose(s.y[:, -1], fixed.y[:, -1], atol=1e-8)


def test_mackey_glass_agrees_with_the_series():
    s = dde.solve(lambda t, y, Z: 0.2 * Z[:, 0] / (1 + Z[:, 0] ** 10) - 0.1 * y, (0, 100), 1.2, 17.0, rtol=1e-11,
                  atol=1e-11, t_eval=np.arange(101.0))
    assert s.success
    np.testing.assert_allclose(s.y[0], dde.mackey_glass(101, tau=17), atol=1e-9)


def test_the_fixed_step_method_has_order_four():
    steps = np.array([0.1, 0.05, 0.025])

    def error(step):
        s = dde.solve(lambda t, y, Z: 1.5 * y * (1 - Z[:, 0]), (0, 5), 0.5, 1.0, method="RK4", first_step=step)
        return abs(s.y[0, -1] - dde.series(dde.Hutchinson(r=1.5), 2, dt=5.0, history=0.5)[1])
    slope = np.polyfit(np.log(steps), np.log([error(step) for step in steps]), 1)[0]
    assert abs(slope - 4) < 0.3
    assert error_of_linear(1, 1, "RK4", first_step=0.1) < 1e-5


def test_steps_end_at_kinks():
    s = dde.solve(lambda t, y, Z: -Z[:, 0] - 0.5 * Z[:, 1], (2, 6), 1.0, [1.0, 0.7])
    for kink in (0.7, 1.0, 1.4, 1.7, 2.0, 2.1, 2.4):
        assert np.abs(s.t - 2 - kink).min() < 1e-12


def test_a_jump_at_the_start():
    # y' = -y(t - 1) with y(t < 0) = 0 and y(0) = 1: 1 until t = 1, then 2 - t, then (t - 2)^2 / 2 - (t - 2)
    s = dde.solve(lambda t, y, Z: -Z[:, 0], (0, 3), 0.0, 1.0, y0=1.0, rtol=1e-9, atol=1e-12, dense_output=True)
    np.testing.assert_allclose(s.sol([0.0, 0.5, 1.0, 1.5, 2.0, 2.5]), [[1, 1, 1, 0.5, 0.0, -0.375]], atol=1e-9)


def test_the_result_has_the_form_of_solve_ivp():
    s = dde.solve(lambda t, y, Z, k: -k * Z[:, 0], (0, 2), lambda t: [1.0, 2.0], [1.0], args=(2.0,), dense_output=True)
    assert s.y.shape == (2, s.t.size)
    assert s.t[0] == 0.0
    assert s.t[-1] == 2.0
    assert s.success
    assert s.status == 0
    assert s.nfev > 6
    assert s.sol(1.0).shape == (2,)
    assert s.sol([0.5, 1.0, -0.5]).shape == (2, 3)
    np.testing.assert_allclose(s.sol(s.t), s.y, atol=1e-12)
    assert dde.solve(lambda t, y, Z: -Z[:, 0], (0, 2), 1.0, 1.0, t_eval=[0.5, 2.0]).y.shape == (1, 2)
    assert dde.solve(lambda t, y, Z: -Z[:, 0], (0, 2), 1.0, 1.0, t_eval=[]).y.shape == (1, 0)


def test_a_step_that_shrinks_to_nothing_is_no_success():
    s = dde.solve(lambda t, y, Z: y**2 * Z[:, 0], (0, 5), 1.0, 2.0)              # 1 / (1 - t)
    assert not s.success
    assert s.status == -1
    assert "stiff" in s.message
    assert "RADAR5" in s.message
    assert abs(s.t[-1] - 1) < 1e-5
    assert not dde.solve(lambda t, y, Z: y * 1e300, (0, 50), 1.0, 1.0, method="RK4").success


@pytest.mark.parametrize("delays", [lambda t: 1.0, [1.0, lambda t, y: 0.5]])
def test_delays_that_are_functions_are_refused(delays):
    with pytest.raises(TypeError, match="constant numbers"):
        dde.solve(lambda t, y, Z: -y, (0, 1), 1.0, delays)


@pytest.mark.parametrize(("arguments", "what"), [
    ({"delays": 0.0}, "delays"), ({"delays": [1.0, -1.0]}, "delays"), ({"delays": []}, "delays"),
    ({"delays": math.nan}, "delays"), ({"t_span": (1, 0)}, "t_span"), ({"t_span": (0, math.inf)}, "t_span"),
    ({"rtol": 0}, "rtol"), ({"atol": -1}, "atol"), ({"first_step": 0}, "first_step"), ({"max_step": 0}, "max_step"),
    ({"method": "Radau"}, "method"), ({"t_eval": [0.5, 0.2]}, "t_eval"), ({"t_eval": [2.0]}, "t_eval"),
    ({"history": math.nan}, "history"), ({"history": [[1.0]]}, "history"), ({"y0": [1.0, 2.0]}, "y0"),
    ({"f": lambda t, y, Z: [1.0, 2.0]}, "f")])
def test_bad_arguments(arguments, what):
    complete = {"f": lambda t, y, Z: -Z[:, 0], "t_span": (0, 1), "history": 1.0, "delays": 1.0, **arguments}
    with pytest.raises(ValueError, match=f"`{what}` must.*Received"):
        dde.solve(**complete)


def test_a_solution_says_what_it_is():
    text = repr(dde.solve(lambda t, y, Z: -Z[:, 0], (0, 2), [1.0, 2.0], 1.0, t_eval=np.linspace(0, 2, 500)))
    assert text.startswith("Solution: 2 equations at 500 times from t = 0 to 2; ")
    assert "calls of f.\n" in text
    assert len(text) < 200


@pytest.mark.parametrize(("count", "steps"), [(12, 900), (40, 2600)])
def test_many_delays_do_not_stop_it_at_each_of_their_sums(count, steps):
    """y' = -(the mean of y over the last unit of time), by Gauss's nodes; the error is still the tolerance's."""
    nodes, weights = np.polynomial.legendre.leggauss(count)
    delays, weights = 0.02 + 0.49 * (nodes + 1), weights / 2

    def f(t, y, Z):
        return -(Z @ weights)
    rough = dde.solve(f, (0, 8), 1.0, delays, t_eval=[2, 5, 8])
    fine = dde.solve(f, (0, 8), 1.0, delays, t_eval=[2, 5, 8], rtol=1e-8, atol=1e-10)
    assert rough.nfev < 7 * steps
    assert np.abs(rough.y - fine.y).max() < 3e-3
