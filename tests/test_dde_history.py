"""Histories: samples, functions, ensembles of samples, and what is refused."""
import math

import numpy as np
import pytest

from mgconv import dde


@pytest.mark.parametrize("spacing", [0.25, 0.5, 1.0])
def test_samples_continue_a_series(spacing):
    whole = dde.mackey_glass(900, dt=spacing, tau=17, discard=100)
    known = whole[:round(17 / spacing) + 1]
    more = dde.mackey_glass(200, dt=spacing, tau=17, history=dde.Samples(known, spacing))
    error = np.abs(more - whole[len(known) - 1:][:200]).max()
    assert error < {0.25: 1e-8, 0.5: 3e-6, 1.0: 3e-4}[spacing]          # the samples' own resolution


def test_only_the_last_tau_of_samples_counts():
    known = dde.mackey_glass(300, dt=0.25, tau=17)
    short = dde.mackey_glass(50, tau=17, history=dde.Samples(known[-69:], 0.25))
    assert np.array_equal(dde.mackey_glass(50, tau=17, history=dde.Samples(known, 0.25)), short)


def test_an_ensemble_of_samples():
    t = np.linspace(-2, 0, 65)
    values = np.array([1 + 0.1 * np.sin(t), np.cos(t)])
    x = dde.series(dde.Ikeda(), 30, history=dde.Samples(values, 2 / 64))
    assert x.shape == (2, 30)
    for row, one in zip(x, values, strict=True):
        assert np.array_equal(row, dde.series(dde.Ikeda(), 30, history=dde.Samples(one, 2 / 64)))


def test_histories_starts_and_parameters_broadcast():
    t = np.linspace(-2, 0, 65)
    values = np.array([1 + 0.1 * np.sin(t), np.cos(t)])
    x = dde.series(dde.Ikeda(a=[[5.0], [6.0], [7.0]]), 30, history=dde.Samples(values, 2 / 64), x0=0.5)
    assert x.shape == (3, 2, 30)
    assert np.array_equal(x[1, 1], dde.series(dde.Ikeda(a=6.0), 30, history=dde.Samples(values[1], 2 / 64), x0=0.5))
    x = dde.mackey_glass(30, history=[0.0, 0.5], x0=1.2)
    assert np.array_equal(x[1], dde.mackey_glass(30, history=0.5, x0=1.2))
    x = dde.mackey_glass(30, history=0.5, x0=[1.2, 1.1])
    assert np.array_equal(x[1], dde.mackey_glass(30, history=0.5, x0=1.1))
    x = dde.mackey_glass(30, history=lambda t: 1 + t / 100, x0=[1.2, 1.1])
    assert np.array_equal(x[1], dde.mackey_glass(30, history=lambda t: 1 + t / 100, x0=1.1))


def test_samples_of_a_function_agree_with_the_function():
    t = np.linspace(-17, 0, 4 * 85 + 1)
    x = dde.mackey_glass(50, tau=17, history=dde.Samples(1 + 0.2 * np.cos(t / 3), 17 / 340))
    np.testing.assert_allclose(x, dde.mackey_glass(50, tau=17, history=lambda s: 1 + 0.2 * math.cos(s / 3)), atol=1e-12)


def test_a_constant_function_agrees_with_its_number():
    x = dde.mackey_glass(200, history=lambda t: 0.8)
    np.testing.assert_allclose(x, dde.mackey_glass(200, history=0.8), atol=1e-12)


def test_a_function_serves_every_delay():
    x = dde.mackey_glass(50, tau=[17, 30], history=lambda t: 1 + t / 100)
    assert np.array_equal(x[1], dde.mackey_glass(50, tau=30, history=lambda t: 1 + t / 100))


@pytest.mark.parametrize(("values", "spacing", "what"), [
    (np.ones(69), 0.3, "spacing"), (np.ones(68), 0.25, "cover"), (np.ones(69), 0.0, "spacing"),
    (np.ones(69), -0.25, "spacing"), (np.full(69, np.nan), 0.25, "finite"), (np.ones((2, 2, 69)), 0.25, "shape"),
    (1.0, 0.25, "shape"), ([], 0.25, "shape"), (np.ones(1), 20.0, "spacing")])
def test_samples_on_the_wrong_grid(values, spacing, what):
    with pytest.raises(ValueError, match=f"{what}.*Received"):
        dde.mackey_glass(10, tau=17, history=dde.Samples(values, spacing))


def test_hutchinson_needs_positive_histories():
    with pytest.raises(ValueError, match="`history` must be positive"):
        dde.series(dde.Hutchinson(), 10, history=0.0)
    with pytest.raises(ValueError, match="`x0` must be positive"):
        dde.series(dde.Hutchinson(), 10, history=1.0, x0=-1.0)


def test_samples_say_how_many_they_are():
    assert repr(dde.Samples(np.ones((3, 500)), 0.25)) == "Samples(3 x 500 values, spacing=0.25)"


def test_gaps_are_refused():
    gaps = np.ma.masked_equal([1.0, -200.0, 1.2], -200)
    for call in (lambda: dde.mackey_glass(5, history=gaps), lambda: dde.mackey_glass(5, history=1.2, x0=gaps),
                 lambda: dde.mackey_glass(5, history=dde.Samples(gaps, 15.0)), lambda: dde.MackeyGlass(tau=gaps),
                 lambda: dde.solve(lambda t, y, Z: -y, (0, 1), gaps, 1.0),
                 lambda: dde.solve(lambda t, y, Z: -y, (0, 1), np.ones(3), 1.0, y0=gaps)):
        with pytest.raises(ValueError, match="must not be masked: fill the gaps first"):
            call()
