"""Keras's own figures for layers; tools/golden/layers.py wrote them and says with which versions."""
import json
from pathlib import Path

import numpy as np
import pytest

from mgconv import layers

GOLDEN = json.loads((Path(__file__).parent / "golden" / "layers.json").read_text(encoding="utf-8"))["layers"]


def sequence(shape, start):
    """The numbers of tools/golden/layers.py."""
    return (np.arange(start, start + np.prod(shape, dtype=int)) * 7919 % 2003 / 1000 - 1).reshape(shape)


def label(case):
    settings = " ".join(f"{name}={value}" for name, value in case["settings"].items())
    return f"{case['class']} {settings}{' ties' * case['ties']}"


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("case", GOLDEN, ids=label)
def test_outputs_and_gradients_are_those_of_keras(case, dtype):
    tolerance = {"rtol": 2e-5, "atol": 2e-5} if dtype == "float32" else {"rtol": 2e-7, "atol": 2e-7}
    layer = getattr(layers, case["class"])(**case["settings"])
    x = sequence(case["shape"], 1).astype(dtype)
    if case["ties"]:
        x = np.round(x)
    layer.build((None, *x.shape[1:]), dtype)
    assert [[weight.name, list(weight.shape)] for weight in layer.weights] == case["weights"]
    layer.set_weights([sequence(weight.shape, 100 * (index + 1)) for index, weight in enumerate(layer.weights)])

    dx = np.empty_like(x)
    bound = layer.bind(x, dx, training=True)
    for call in bound.forward:
        call()
    assert list(bound.y.shape) == case["y_shape"]
    assert layer.compute_output_shape((None, *x.shape[1:])) == (None, *case["y_shape"][1:])
    np.testing.assert_allclose(bound.y.ravel(), case["y"], **tolerance)
    bound.dy[...] = sequence(bound.y.shape, 500)
    for call in bound.backward:
        call()
    dx = bound.dy.reshape(dx.shape) if not bound.backward else dx
    np.testing.assert_allclose(dx.ravel(), case["dx"], **tolerance)
    for weight, gradient in zip(layer.trainable_weights, case["gradients"], strict=True):
        np.testing.assert_allclose(weight.gradient.ravel(), gradient, err_msg=weight.name, **tolerance)
