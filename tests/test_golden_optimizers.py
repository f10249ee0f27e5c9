"""Steps, variables and configurations of optimizers against those that tools/golden/optimizers.py took from Keras."""
import copy
import json
import pickle
from pathlib import Path

import numpy as np
import pytest

from mgconv import optimizers
from mgconv.optimizers import schedules

GOLDEN = json.loads((Path(__file__).parent / "golden" / "optimizers.json").read_text(encoding="utf-8"))
CASES = pytest.mark.parametrize("case", GOLDEN["optimizers"],
                                ids=[f"{case['class']} {case['settings']}" for case in GOLDEN["optimizers"]])
SCHEDULES = pytest.mark.parametrize("case", GOLDEN["schedules"],
                                    ids=[f"{case['class']} {case['settings']}" for case in GOLDEN["schedules"]])


class Named:
    def __init__(self, name):
        self.name = name


def made(case):
    settings = dict(case["settings"])
    excluded = settings.pop("exclude", None)
    if isinstance(settings.get("learning_rate"), list):
        kind, arguments = settings["learning_rate"]
        settings["learning_rate"] = getattr(schedules, kind)(**arguments)
    optimizer = getattr(optimizers, case["class"])(**settings)
    if excluded:
        optimizer.exclude_from_weight_decay(var_names=excluded)
    return optimizer


def trained(optimizer, dtype="float32", copied=None):
    """The parameters after every step and last, and the optimizer, which becomes a copy after the second."""
    p = np.concatenate([np.ravel(values) for values in GOLDEN["weights"].values()]).astype(dtype)
    g, scale = np.empty_like(p), optimizer.loss_scale_factor or 1
    shapes = [tuple(shape) for shape in GOLDEN["shapes"].values()]
    first = np.prod(shapes[0])
    parts, names = [g[:first].reshape(shapes[0]), g[first:].reshape(shapes[1])], list(map(Named, GOLDEN["shapes"]))
    optimizer.build(p, g, parts, names)
    steps = []
    for step, gradient in enumerate(GOLDEN["gradients"]):
        if step == 2 and copied is not None:
            optimizer = copied(optimizer)
            optimizer.build(p, g, parts, names)
        g[:] = np.divide(gradient, scale)
        optimizer.step()
        steps.append(p.copy())
    return steps, p, optimizer


def tolerance(case):
    """Keras computes 1 - beta_2^t in float32, which loses up to 1e-4 of it for beta_2 = 0.999, and half of that of the
    step's length; here these factors are computed in float64."""
    rate = case["settings"].get("learning_rate", 0.001)
    length = rate if isinstance(rate, float) else rate[1]["initial_learning_rate"]
    return {"rtol": 2e-6, "atol": 2e-7 + 5e-5 * length * ("beta_2" in case["config"]["config"])}


@CASES
def test_steps_equal_keras(case):
    steps, p, optimizer = trained(made(case))
    np.testing.assert_allclose(steps, case["steps"], **tolerance(case))
    have = optimizer.variables
    assert len(have) == len(case["variables"])
    for array, want in zip(have, case["variables"]):
        np.testing.assert_allclose(np.ravel(array), want, atol=1e-9,
                                   rtol=2e-5 if case["class"] == "Nadam" else 4e-6)      # its 1 - beta_2 is rounded so
    optimizer.finalize()
    np.testing.assert_allclose(p, case["final"], **tolerance(case))


@CASES
def test_updates_in_numpy_equal_keras(case):
    optimizer = made(case)
    plain = type(optimizer.name, (type(optimizer),), {"kernel": None}).from_config(optimizer.get_config())
    plain._exclude = optimizer._exclude
    np.testing.assert_allclose(trained(plain, float)[0], case["steps"], **tolerance(case))


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda o: pickle.loads(pickle.dumps(o))])
@CASES
def test_a_copy_goes_on_with_the_same_bits(case, copied):
    want, twin = trained(made(case)), trained(made(case), copied=copied)
    assert np.array(want[0]).tobytes() == np.array(twin[0]).tobytes()
    assert want[2].iterations == twin[2].iterations


@CASES
def test_configurations_of_keras(case):
    """Keras rounds rates to float32, and has a schedule's configuration in the same form."""
    ours, theirs = made(case).get_config(), case["config"]["config"]
    read = optimizers.get(case["config"])
    assert type(read).__name__ == case["class"]
    assert set(ours) == set(theirs)
    assert read.get_config() == type(read).from_config(json.loads(json.dumps(read.get_config()))).get_config()
    for setting, value in theirs.items():
        if isinstance(value, dict):
            assert ours[setting]["class_name"] == value["class_name"]
            assert set(ours[setting]["config"]) == set(value["config"])
        else:
            assert ours[setting] == (pytest.approx(value, rel=1e-7) if setting == "learning_rate" else value), setting


@SCHEDULES
def test_schedules_equal_keras(case):
    schedule = getattr(schedules, case["class"])(**case["settings"])
    np.testing.assert_allclose([schedule(step) for step in range(15)], case["values"], rtol=1e-5, atol=1e-8)
    assert schedules.get(case["config"]).get_config() == schedule.get_config()
    assert schedule.get_config() == case["config"]["config"]
