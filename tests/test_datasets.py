"""The standard sets by name."""
import numpy as np
import pytest

from mgconv import datasets, dde


@pytest.mark.parametrize(("name", "tau"), [("MG17", 17), ("MG30", 30), ("mg30", 30)])
def test_sets_are_the_series_split_as_in_the_lecture(name, tau):
    data = datasets.load(name)
    assert data.x_training.shape == (800,)
    assert data.x_testing.shape == (14,)
    assert np.array_equal(np.concatenate([data.x_training, data.x_testing]), dde.mackey_glass(814, tau=tau))
    assert data.name == name.upper()
    assert f"tau={tau}" in data.description


def test_lengths_interval_and_start():
    data = datasets.load("MG30", training=100, testing=50, interval=6.0, discard=300.0)
    assert np.array_equal(data.x_testing, dde.mackey_glass(150, dt=6, discard=300)[100:])
    assert data.interval == 6.0


def test_the_lyapunov_time_is_measured():
    exponent = dde.lyapunov(dde.MackeyGlass(tau=17), time=1e6)
    assert abs(1 / datasets.load("MG17").lyapunov_time - exponent.value) < 4 * exponent.standard_error


@pytest.mark.parametrize("arguments", [{"name": "MG31"}, {"name": "MG30", "training": -1},
                                       {"name": "MG30", "testing": -1}, {"name": "MG30", "interval": 0.0}])
def test_bad_arguments(arguments):
    with pytest.raises(ValueError, match="Received"):
        datasets.load(**arguments)
