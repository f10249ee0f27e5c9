"""Keras's own figures, to float32 rounding; tools/golden/normalization.py wrote them and says with which versions."""
import json
import warnings
from pathlib import Path

import numpy as np
import pytest

from mgconv import layers

GOLDEN = json.loads((Path(__file__).parent / "golden" / "normalization.json").read_text(encoding="utf-8"))
# What Keras writes in another form.
MISSING = {"input_mean", "input_variance"}


def title(case):
    return " ".join([case["class"], *(f"{key}={value}" for key, value in case["settings"].items())])


def close(got, want):
    np.testing.assert_allclose(got, np.array(want), rtol=5e-6, atol=3e-6)


def made(case):
    layer = getattr(layers, case["class"])(**case["settings"])
    x = np.array(case["x"], "f4")
    layer.build((None, *x.shape[1:]))
    layer.set_weights([np.array(weight) for weight in case["weights"]])
    return layer, x


over_all = pytest.mark.parametrize("case", GOLDEN["layers"], ids=title)


@over_all
def test_weights_shapes_and_configurations(case):
    layer, x = made(case)
    assert [weight.name for weight in layer.weights] == case["names"]
    assert [weight.name for weight in layer.trainable_weights] == case["trainable"]
    assert [weight.shape for weight in layer.weights] == [np.shape(weight) for weight in case["weights"]]
    assert list(layer.compute_output_shape((None, *x.shape[1:]))) == case["output_shape"]
    config = json.loads(json.dumps(layer.get_config()))
    for key, want in case["config"].items():
        if key in MISSING or case["settings"].get(key) == -1:               # Keras writes what it found in its place
            continue
        got = config[key].get("class_name", config[key]) if isinstance(config[key], dict) else config[key]
        one = [got] if isinstance(want, list) and not isinstance(got, list) else got           # axis: -1 or [-1]
        assert one == want, key
    again = type(layer).from_config(config)
    assert json.loads(json.dumps(again.get_config())) == config


@over_all
def test_prediction(case):
    layer, x = made(case)
    close(layer(x), case["prediction"])


@pytest.mark.parametrize("case", [case for case in GOLDEN["layers"] if "training" in case], ids=title)
def test_training_its_statistics_and_gradients(case):
    layer, x = made(case)
    dx = np.empty_like(x)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        bound = layer.bind(x, dx, training=True)
        for call in bound.forward:
            call()
        close(bound.y, case["training"])
        bound.dy[...] = np.array(case["dy"])
        for call in bound.backward:
            call()
    np.testing.assert_allclose(dx, np.array(case["dx"]), rtol=2e-5, atol=3e-6)
    for name, want in zip(case["trainable"], case["gradients"], strict=True):
        close(layer.gradients[name], want)
    for weight, want in zip(layer.non_trainable_weights, case["after"], strict=True):
        close(weight.value, want)


@pytest.mark.parametrize("axis", [-1, 1])
def test_masked_places_have_no_share_in_a_batchs_statistics(axis):
    layer, rng = layers.BatchNormalization(axis=axis, momentum=0.0), np.random.default_rng(0)
    x, mask = rng.standard_normal((4, 6, 3)), rng.random((4, 6 if axis == -1 else 3)) < 0.5
    y = layer(x, training=True, mask=mask)
    seen = np.moveaxis(x, axis, -1)[mask]
    np.testing.assert_allclose(layer.moving_mean, seen.mean(0), rtol=1e-5)
    np.testing.assert_allclose(layer.moving_variance, seen.var(0), rtol=1e-5)
    want = (np.moveaxis(x, axis, -1) - seen.mean(0)) / np.sqrt(seen.var(0) + 1e-3)
    np.testing.assert_allclose(np.moveaxis(y, axis, -1), want, rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match="one dimension less"):
        layer(x, training=True, mask=mask[0])


def test_renormalization_trains_in_a_model():
    import mgconv
    model = mgconv.Sequential([mgconv.Input((5, 2)), layers.Conv1D(3, 2),
                               layers.BatchNormalization(renorm=True, renorm_clipping={"rmax": 3.0, "rmin": 1 / 3}),
                               layers.ReLU(), layers.GlobalAveragePooling1D(), layers.Dense(1)])
    model.compile("adam", "mse")
    rng = np.random.default_rng(0)
    x = rng.standard_normal((64, 5, 2))
    history = model.fit(x, x.mean((1, 2), keepdims=True)[:, 0], epochs=20, batch_size=4, verbose=0).history["loss"]
    assert history[-1] < history[0] / 2


@pytest.mark.parametrize(("clipping", "rule"), [({"r": 1.0}, "invalid keys"), ({"dmax": -1}, "non-negative"),
                                                ({"rmax": 0.0, "rmin": 1.0}, "rmax should be greater")])
def test_limits_of_renormalization(clipping, rule):
    with pytest.raises(ValueError, match=rule):
        layers.BatchNormalization(renorm=True, renorm_clipping=clipping)


def test_a_frozen_layer_keeps_its_statistics():
    layer = layers.BatchNormalization(trainable=False)
    layer([[1.0, 2.0], [3.0, 5.0]], training=True)
    assert layer.moving_mean.tolist() == [0, 0]
    layer.trainable = True
    layer([[1.0, 2.0], [3.0, 5.0]], training=True)
    assert layer.moving_mean.tolist() == pytest.approx([0.02, 0.035])
