"""The same model in Keras: the same weights in, the same outputs, losses and trajectories out."""
import importlib.util
import os

import numpy as np
import pytest

import mgconv

pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("ignore")]
if importlib.util.find_spec("keras") is None:
    pytest.skip("keras is not installed", allow_module_level=True)
if "KERAS_BACKEND" not in os.environ:
    backends = [name for name in ("jax", "torch", "tensorflow") if importlib.util.find_spec(name)]
    os.environ["KERAS_BACKEND"] = backends[0] if backends else "numpy"
keras = pytest.importorskip("keras")

RNG = np.random.default_rng(0)
SERIES = RNG.standard_normal((24, 20, 3)).astype("f4")
IMAGES = RNG.standard_normal((16, 12, 10, 2)).astype("f4")


def twins(build, shape):
    """The model that `build(library)` lists, in both libraries, with the same weights."""
    ours = mgconv.Sequential([mgconv.Input(shape), *build(mgconv)])
    theirs = keras.Sequential([keras.Input(shape), *build(keras)])
    weights = [RNG.standard_normal(w.shape).astype("f4") * 0.3 for w in theirs.get_weights()]
    theirs.set_weights(weights)
    ours.set_weights(weights)
    return ours, theirs


STACKS = {
    "conv1d": (SERIES, lambda k: [k.layers.Conv1D(8, 5, activation="relu"), k.layers.Conv1D(4, 3, strides=2)]),
    "same": (SERIES, lambda k: [k.layers.Conv1D(8, 4, padding="same"),
                                k.layers.Conv1D(4, 3, strides=3, padding="same")]),
    "causal": (SERIES, lambda k: [k.layers.Conv1D(8, 3, padding="causal", dilation_rate=4, activation="tanh")]),
    "groups": (SERIES, lambda k: [k.layers.Conv1D(6, 3), k.layers.Conv1D(9, 3, groups=3, use_bias=False)]),
    "depthwise1d": (SERIES, lambda k: [k.layers.DepthwiseConv1D(4, depth_multiplier=2, activation="gelu")]),
    "dense": (SERIES, lambda k: [k.layers.Dense(7, activation="selu"), k.layers.Flatten(), k.layers.Dense(5)]),
    "conv2d": (IMAGES, lambda k: [k.layers.Conv2D(8, (3, 2), activation="elu"), k.layers.Conv2D(3, 3, strides=(2, 1),
                                                                                                padding="same")]),
    "dilated": (IMAGES, lambda k: [k.layers.Conv2D(8, 3, dilation_rate=(2, 3))]),
    "depthwise2d": (IMAGES, lambda k: [k.layers.DepthwiseConv2D(3, padding="same", depth_multiplier=2),
                                       k.layers.DepthwiseConv2D(2, strides=2)]),
    "lenet": (IMAGES, lambda k: [k.layers.Conv2D(8, 3, activation="relu"), k.layers.MaxPooling2D(),
                                 k.layers.Conv2D(8, 3, activation="relu"), k.layers.MaxPooling2D(2, 1, "same"),
                                 k.layers.Flatten(), k.layers.Dense(10, activation="softmax")]),
    "pooling": (SERIES, lambda k: [k.layers.MaxPooling1D(3, 2, "same"), k.layers.AveragePooling1D(4, 3, "same"),
                                   k.layers.Reshape((-1, 1))]),
    "average2d": (IMAGES, lambda k: [k.layers.AveragePooling2D((3, 2), 2, "same"), k.layers.Activation("silu")]),
    "separable": (SERIES, lambda k: [k.layers.SeparableConv1D(8, 3, depth_multiplier=2, activation="relu"),
                                     k.layers.SeparableConv1D(4, 4, strides=2, padding="same")]),
    "separable2d": (IMAGES, lambda k: [k.layers.SeparableConv2D(8, (3, 2), dilation_rate=2),
                                       k.layers.GlobalAveragePooling2D()]),
    "autoencoder": (IMAGES, lambda k: [k.layers.Conv2D(8, 3, 2, "same"), k.layers.Conv2DTranspose(4, 3, 2, "same"),
                                       k.layers.Conv2DTranspose(2, (2, 5), (3, 1), "same", (1, 0)),
                                       k.layers.Cropping2D(((1, 2), (0, 3)))]),
    "transposed": (SERIES, lambda k: [k.layers.Conv1DTranspose(4, 5, 3), k.layers.Conv1DTranspose(2, 2, 4),
                                      k.layers.Conv1DTranspose(2, 3, dilation_rate=3, padding="same")]),
    "margins": (SERIES, lambda k: [k.layers.ZeroPadding1D((2, 3)), k.layers.UpSampling1D(3), k.layers.Cropping1D(4),
                                   k.layers.Permute((2, 1)), k.layers.GlobalMaxPooling1D(),
                                   k.layers.RepeatVector(3)]),
    "bilinear": (IMAGES, lambda k: [k.layers.ZeroPadding2D(1), k.layers.UpSampling2D((2, 3), interpolation="bilinear"),
                                    k.layers.GlobalMaxPooling2D(keepdims=True)]),
    "bicubic": (IMAGES, lambda k: [k.layers.UpSampling2D(2, interpolation="bicubic")]),
}


@pytest.mark.parametrize("name", STACKS)
def test_outputs(name):
    x, build = STACKS[name]
    ours, theirs = twins(build, x.shape[1:])
    assert ours.output_shape == theirs.output_shape
    assert ours.count_params() == theirs.count_params()
    assert [w.shape for w in ours.get_weights()] == [w.shape for w in theirs.get_weights()]
    np.testing.assert_allclose(ours.predict(x, verbose=0), theirs.predict(x, verbose=0), rtol=2e-4, atol=2e-5)


@pytest.mark.parametrize("name", STACKS)
def test_layers_come_from_the_configurations_of_keras(name):
    for layer in STACKS[name][1](keras):
        config = layer.get_config()
        ours = mgconv.layers.get({"class_name": type(layer).__name__, "config": config})
        known = {"name", "dtype", "trainable"}
        assert set(ours.get_config()) - {"activity_regularizer"} <= set(config)
        for key in set(ours.get_config()) - known:
            if not isinstance(config[key], dict):
                assert ours.get_config()[key] == config[key], key


OPTIMIZERS = {
    "adam": lambda k: k.optimizers.Adam(0.01),
    "amsgrad": lambda k: k.optimizers.Adam(0.01, amsgrad=True, global_clipnorm=0.5),
    "adamw": lambda k: k.optimizers.AdamW(0.01, clipnorm=0.2),
    "sgd": lambda k: k.optimizers.SGD(0.05, clipvalue=0.1),
    "nesterov": lambda k: k.optimizers.SGD(0.02, momentum=0.9, nesterov=True, weight_decay=0.1),
    "rmsprop": lambda k: k.optimizers.RMSprop(0.01),
    "rmsprop centered": lambda k: k.optimizers.RMSprop(0.01, momentum=0.5, centered=True),
    "cosine": lambda k: k.optimizers.SGD(k.optimizers.schedules.CosineDecay(0.05, 8, 0.1, warmup_target=0.1,
                                                                            warmup_steps=3)),
    "exponential": lambda k: k.optimizers.SGD(k.optimizers.schedules.ExponentialDecay(0.1, 3, 0.5)),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_trajectories(name):
    """Epochs of batches in order: weights and the history of loss and metrics stay together."""
    y = RNG.standard_normal((24, 4)).astype("f4")

    def build(k):
        return [k.layers.Conv1D(8, 5, activation="tanh"), k.layers.Conv1D(8, 3), k.layers.Flatten(), k.layers.Dense(4)]
    ours, theirs = twins(build, SERIES.shape[1:])
    histories = []
    for library, model in ((mgconv, ours), (keras, theirs)):
        model.compile(OPTIMIZERS[name](library), "mse", metrics=["mae"])
        histories.append(model.fit(SERIES, y, batch_size=10, epochs=4, shuffle=False, verbose=0,
                                   validation_split=0.25).history)
    assert set(histories[0]) == set(histories[1])
    for key, values in histories[1].items():
        np.testing.assert_allclose(histories[0][key], values, rtol=2e-3, err_msg=key)
    for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-2, atol=2e-3)


CLASSES = RNG.integers(0, 4, 24)
LOSSES = {
    "mse": ("linear", lambda k: k.losses.MeanSquaredError(), np.eye(4)[CLASSES]),
    "mae": ("linear", lambda k: k.losses.MeanAbsoluteError(reduction="sum"), np.eye(4)[CLASSES]),
    "huber": ("linear", lambda k: k.losses.Huber(0.5), np.eye(4)[CLASSES]),
    "binary": ("sigmoid", lambda k: k.losses.BinaryCrossentropy(label_smoothing=0.1), np.eye(4)[CLASSES]),
    "binary logits": ("linear", lambda k: k.losses.BinaryCrossentropy(from_logits=True), np.eye(4)[CLASSES]),
    "categorical": ("softmax", lambda k: k.losses.CategoricalCrossentropy(label_smoothing=0.2), np.eye(4)[CLASSES]),
    "categorical logits": ("linear", lambda k: k.losses.CategoricalCrossentropy(from_logits=True), np.eye(4)[CLASSES]),
    "sparse": ("softmax", lambda k: k.losses.SparseCategoricalCrossentropy(), CLASSES),
    "sparse logits": ("linear", lambda k: k.losses.SparseCategoricalCrossentropy(from_logits=True), CLASSES),
}


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", LOSSES)
def test_losses_in_training(name, weighted):
    activation, loss, y = LOSSES[name]
    weight = np.linspace(0, 2, 24) if weighted else None
    ours, theirs = twins(lambda k: [k.layers.Flatten(), k.layers.Dense(4, activation=activation)], SERIES.shape[1:])
    results = []
    for library, model in ((mgconv, ours), (keras, theirs)):
        model.compile(library.optimizers.SGD(0.1), loss(library), metrics=["accuracy"])
        history = model.fit(SERIES, y, batch_size=9, epochs=3, shuffle=False, verbose=0, sample_weight=weight).history
        results.append((history, model.evaluate(SERIES, y, verbose=0, sample_weight=weight)))
    for key, values in results[1][0].items():
        np.testing.assert_allclose(results[0][0][key], values, rtol=1e-3, atol=1e-6, err_msg=key)
    np.testing.assert_allclose(results[0][1], results[1][1], rtol=1e-3)


# Threshold has arguments; sparsemax's rows do not sum to 1 in Keras.
@pytest.mark.parametrize("name", sorted({*mgconv.activations.registry.named} - {"threshold", "sparsemax"}))
def test_activations(name):
    x = RNG.normal(0, 3, (30, 5)).astype("f4")
    np.testing.assert_allclose(mgconv.activations.get(name)(x), np.asarray(keras.activations.get(name)(x)), rtol=1e-4,
                               atol=1e-5)


def test_signatures():
    """Parameters that both have stand in the same order and have the same defaults."""
    import inspect
    pairs: list = []
    for room in ("layers", "optimizers", "losses", "metrics", "initializers", "regularizers", "constraints",
                 "callbacks"):
        ours, theirs = getattr(mgconv, room), getattr(keras, room)
        pairs += [(getattr(ours, name), getattr(theirs, name)) for name in dir(ours) if isinstance(
            getattr(ours, name), type) and hasattr(theirs, name) and name not in (
                "Layer", "Optimizer", "Loss", "Metric", "InputLayer", "CallbackList")]
    pairs += [(getattr(mgconv.Sequential, n), getattr(keras.Sequential, n)) for n in (
        "fit", "evaluate", "predict", "compile", "train_on_batch", "test_on_batch", "predict_on_batch", "build",
        "get_layer", "count_params", "get_weights", "set_weights")]
    for ours, theirs in pairs:
        mine, other = (inspect.signature(f).parameters for f in (ours, theirs))
        common = [name for name in mine if name in other]
        positional = [name for name in common if mine[name].kind is inspect.Parameter.POSITIONAL_OR_KEYWORD]
        for name in common:
            if name not in ("name", "strides", "dilation_rate", "pool_size"):
                assert mine[name].default == other[name].default, (ours, name)
        assert [n for n in other if n in positional] == positional, (ours, positional)
