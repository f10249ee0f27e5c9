"""Whole models as tf.keras 2 laid them in HDF5: made here by that layout, read, and compared with the same weights."""
import json

import numpy as np
import pytest

import mgconv
from mgconv import layers, losses, optimizers

h5py = pytest.importorskip("h5py", reason="files of Keras need h5py")

RNG = np.random.default_rng(0)
X = RNG.standard_normal((4, 10, 2)).astype("f4")
GLOROT, ZEROS = {"class_name": "GlorotUniform", "config": {"seed": None}}, {"class_name": "Zeros", "config": {}}
SETTINGS = {"trainable": True, "dtype": "float32"}
NONE = dict.fromkeys(("kernel_regularizer", "bias_regularizer", "activity_regularizer", "kernel_constraint",
                      "bias_constraint"))
CONV = {"class_name": "Conv1D", "config": SETTINGS | NONE | {
    "name": "conv1d_7", "batch_input_shape": [None, 10, 2], "filters": 3, "kernel_size": [3], "strides": [1],
    "padding": "valid", "data_format": "channels_last", "dilation_rate": [1], "groups": 1, "activation": "relu",
    "use_bias": True, "kernel_initializer": GLOROT, "bias_initializer": ZEROS}}
FLATTEN = {"class_name": "Flatten", "config": SETTINGS | {"name": "flatten_3", "data_format": "channels_last"}}
DENSE = {"class_name": "Dense", "config": SETTINGS | NONE | {
    "name": "dense_9", "units": 2, "activation": "linear", "use_bias": True, "kernel_initializer": GLOROT,
    "bias_initializer": ZEROS}}
INPUT = {"class_name": "InputLayer", "config": {"batch_input_shape": [None, 10, 2], "dtype": "float32",
                                                "sparse": False, "ragged": False, "name": "conv1d_7_input"}}
TRAINING = {
    "loss": {"class_name": "Huber", "config": {"reduction": "auto", "name": "huber_loss", "delta": 0.5}},
    "metrics": [["mae"]], "weighted_metrics": None, "loss_weights": None,
    "optimizer_config": {"class_name": "Adam", "config": {
        "name": "Adam", "learning_rate": 0.002, "decay": 0.0, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-07,
        "amsgrad": False, "jit_compile": True, "is_legacy_optimizer": False}}}


def sequential(*stack):
    return {"class_name": "Sequential", "config": {"name": "sequential_2", "layers": list(stack)}}


def functional(*stack):
    described, before = [], None
    for layer in stack:
        name = layer["config"]["name"]
        described.append(layer | {"name": name, "inbound_nodes": [] if before is None else [[[before, 0, 0, {}]]]})
        before = name
    return {"class_name": "Functional", "config": {
        "name": "model", "trainable": True, "layers": described, "input_layers": [[stack[0]["config"]["name"], 0, 0]],
        "output_layers": [[before, 0, 0]]}}


MODELS = {"2.15": sequential(INPUT, CONV, FLATTEN, DENSE), "2.1": sequential(CONV, FLATTEN, DENSE),
          "2.0": {"class_name": "Sequential", "config": [CONV, FLATTEN, DENSE]},
          "functional": functional(INPUT, CONV, FLATTEN, DENSE)}
WEIGHTS = {"conv1d_7": [RNG.standard_normal((3, 2, 3)), RNG.standard_normal(3)],
           "dense_9": [RNG.standard_normal((24, 2)), RNG.standard_normal(2)], "flatten_3": []}


def lay(group, weights):
    group.attrs["layer_names"] = np.array([name.encode() for name in weights])
    group.attrs["backend"] = b"tensorflow"
    for name, arrays in weights.items():
        inner = group.create_group(name)
        names = [f"{name}/{kind}:0" for kind, _ in zip(("kernel", "bias"), arrays, strict=False)]
        inner.attrs["weight_names"] = np.array([each.encode() for each in names])
        for each, array in zip(names, arrays, strict=True):
            inner.create_dataset(each, data=array.astype("f4"))


def write(path, config, training=TRAINING, weights=WEIGHTS):
    with h5py.File(path, "w") as file:
        file.attrs["keras_version"] = "2.15.0"
        file.attrs["backend"] = "tensorflow"
        file.attrs["model_config"] = json.dumps(config)
        if training is not None:
            file.attrs["training_config"] = json.dumps(training).encode()
        lay(file.create_group("model_weights"), weights)
    return path


def wanted():
    model = mgconv.Sequential([mgconv.Input((10, 2)), layers.Conv1D(3, 3, activation="relu"), layers.Flatten(),
                               layers.Dense(2)])
    model.set_weights([*WEIGHTS["conv1d_7"], *WEIGHTS["dense_9"]])
    return model.predict(X, verbose=0)


@pytest.mark.parametrize("release", MODELS)
def test_whole_models(release, tmp_path):
    model = mgconv.load_model(write(tmp_path / "a.h5", MODELS[release]))
    np.testing.assert_array_equal(model.predict(X, verbose=0), wanted())
    assert [layer.name for layer in model.layers] == ["conv1d_7", "flatten_3", "dense_9"]
    assert isinstance(model.optimizer, optimizers.Adam)
    assert model.optimizer.learning_rate == 0.002
    assert isinstance(model.loss, losses.Huber)
    assert model.loss.delta == 0.5
    assert [metric.name for metric in model.metrics] == ["mae"]


def test_models_that_were_not_compiled(tmp_path):
    assert mgconv.load_model(write(tmp_path / "a.h5", MODELS["2.15"], None)).optimizer is None
    assert mgconv.load_model(write(tmp_path / "a.h5", MODELS["2.15"]), compile=False).optimizer is None


def test_nested_models_have_trained_weights_first(tmp_path):
    """Their group lists all that are trained, then all others; here the first layer within is frozen."""
    inner = {"class_name": "Sequential", "config": {"name": "inner", "layers": [
        {"class_name": "Conv1D", "config": CONV["config"] | {"trainable": False}}, FLATTEN]}}
    weights = {"inner": WEIGHTS["conv1d_7"], "dense_9": WEIGHTS["dense_9"]}
    model = mgconv.load_model(write(tmp_path / "a.h5", sequential(INPUT, inner, DENSE), weights=weights))
    np.testing.assert_array_equal(model.predict(X, verbose=0), wanted())
    assert model.layers[0].layers[0].trainable is False


def test_weights_alone(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        lay(file, WEIGHTS)
    model = mgconv.load_model(write(tmp_path / "b.h5", MODELS["2.15"], weights={
        name: [0 * array for array in arrays] for name, arrays in WEIGHTS.items()}))
    model.load_weights(tmp_path / "a.h5")
    np.testing.assert_array_equal(model.predict(X, verbose=0), wanted())
    with pytest.raises(ValueError, match="weights without a model"):
        mgconv.load_model(tmp_path / "a.h5")


def test_what_is_missing(tmp_path):
    with pytest.raises(ValueError, match=r"the layer dense_9 takes 2 arrays\. Received: 0"):
        mgconv.load_model(write(tmp_path / "a.h5", MODELS["2.15"], weights={
            "conv1d_7": WEIGHTS["conv1d_7"], "other": [np.ones(100)]}))
