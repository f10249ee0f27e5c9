"""Histories that jump or bend: the order of the method stays what it is where `jumps` says where."""
import math

import numpy as np
import pytest

from mgconv import dde

LINEAR = dde.System(tau=1.0, b=0.0, g=lambda x: -x, dg=lambda x: -np.ones_like(x))


def step(t):
    return 1.0 if t < -0.37 else 0.0


def test_a_jump_by_hand():
    """x' = -x(t - 1): x falls by t until 0.63 and stays; then by the integral of that, and so on."""
    t = np.array([0.0, 0.3, 0.63, 0.9, 1.0, 1.4, 1.63, 2.0])
    first = -np.minimum(t, 0.63)
    late = np.maximum(t - 1, 0)                # integrals of min(s, 0.63) from 0 to t - 1
    second = np.where(late < 0.63, late ** 2 / 2, 0.63 ** 2 / 2 + 0.63 * (late - 0.63))
    for times, expected in zip(t, np.where(t <= 1, first, first[4] + second), strict=True):
        x = dde.series(LINEAR, 1, discard=times, history=step, jumps=[-0.37])[0]
        assert x == pytest.approx(expected, abs=1e-14)
    for side in (lambda t: float(t < -0.37), lambda t: float(t <= -0.37)):         # either value at the jump itself
        assert abs(dde.series(LINEAR, 2, history=side, jumps=[-0.37])[1] + 0.63) < 1e-14


@pytest.mark.parametrize("history", [
    step, lambda t: abs(t + 0.37) / 9, lambda t: 1 + math.sin(t) if t < -5.1 else 1.2 if t < -0.37 else 1 + t])
@pytest.mark.parametrize("system", [dde.MackeyGlass(tau=17.0), dde.Ikeda(tau=17.0, a=0.4, b=0.3),
                                    dde.System(17.0, 0.1, lambda x: 0.2 * x / (1 + x ** 10))])
def test_steps_hardly_matter(system, history):
    """Four times finer steps change little; without the places of the jumps they change much."""
    jumps = [-0.37, -5.1, -30.0]
    finer = dde.series(system, 60, history=history, jumps=jumps, step=0.02)
    assert np.abs(dde.series(system, 60, history=history, jumps=jumps, step=0.08) - finer).max() < 5e-9
    assert np.abs(dde.series(system, 60, history=history, step=0.08) - finer).max() > 1e-7


def test_an_ensemble_cuts_each_series_at_its_own_jumps():
    x = dde.mackey_glass(50, tau=[5.0, 17.0, 30.0], history=step, x0=0.4, jumps=[-0.37, -9.0])
    for row, tau in zip(x, [5.0, 17.0, 30.0], strict=True):
        np.testing.assert_array_equal(row, dde.mackey_glass(50, tau=tau, history=step, x0=0.4,
                                                             jumps=[-9, -0.37, -0.37]))


def test_a_series_goes_on_beyond_its_own_kink():
    """The kink of x at 0 lies in the past of what goes on from t = 10."""
    whole = dde.mackey_glass(200, dt=0.25, tau=17)
    known = dde.Samples(whole[:41], 0.25)
    past = dde.Samples(np.concatenate([np.full(28, 1.2), whole[:41]]), 0.25)
    kept = dde.mackey_glass(100, dt=0.25, tau=17, history=past, jumps=[-10.0])
    lost = dde.mackey_glass(100, dt=0.25, tau=17, history=past)
    assert np.abs(kept - whole[40:140]).max() < 1e-8
    assert np.abs(lost - whole[40:140]).max() > 1e-6
    with pytest.raises(ValueError, match="must cover tau"):
        dde.mackey_glass(100, dt=0.25, tau=17, history=known, jumps=[-10.0])


def test_what_cannot_be_exact_is_refused():
    samples = dde.Samples(np.ones(69), 0.25)
    with pytest.raises(ValueError, match="`jumps` must lie on the samples of the history. Received: -0.37"):
        dde.mackey_glass(10, tau=17, history=samples, jumps=[-0.37])
    with pytest.raises(ValueError, match="`jumps` must be times before 0. Received: 0.5"):
        dde.mackey_glass(10, history=step, jumps=[-1.0, 0.5])
    with pytest.raises(ValueError, match="`jumps` must be finite"):
        dde.mackey_glass(10, history=step, jumps=[math.nan])
    with pytest.raises(TypeError, match="`jumps` must be a number or an array of numbers"):
        dde.mackey_glass(10, history=step, jumps="late")


def test_constant_histories_and_empty_ensembles_have_no_jumps():
    np.testing.assert_array_equal(dde.mackey_glass(30, jumps=[-3.0]), dde.mackey_glass(30))
    assert dde.mackey_glass(10, history=[]).shape == (0, 10)


def test_growth_is_reported_at_its_time():
    with pytest.raises(OverflowError, match=r"stopped being so at t = \d"):
        dde.series(dde.LasotaWazewska(tau=1.0, p=-3.0), 50, history=lambda t: 3.0 if t < -0.5 else 2.0, jumps=[-0.5])


@pytest.mark.parametrize(("method", "options"), [
    ("RK45", {"rtol": 1e-9, "atol": 1e-11}), ("RK4", {"first_step": 0.01})])
@pytest.mark.parametrize("history", [step, lambda t: float(t <= -0.37)])
def test_the_general_solver_stops_where_a_jump_comes_back(method, options, history):
    solution = dde.solve(lambda t, y, Z: -Z[:, 0], (0, 2), lambda t: history(t), 1.0, method=method, y0=[0.0],
                         jumps=[-0.37], t_eval=[0.63, 1.0, 2.0], **options)
    np.testing.assert_allclose(solution.y[0], [-0.63, -0.63, -0.63 + 0.63 ** 2 / 2 + 0.63 * 0.37], atol=1e-9)
    with pytest.raises(ValueError, match="`jumps` must be times before 1. Received: 1.5"):
        dde.solve(lambda t, y, Z: -Z[:, 0], (1, 2), 1.0, 1.0, jumps=[0.2, 1.5])
