"""Files of mgconv in Keras, and of Keras in mgconv: the same answers, and training that goes on from the same state."""
import importlib.util
import os

import numpy as np
import pytest
from every_class import OURS, models_of_one_layer

import mgconv

pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("ignore")]
for _name in ("keras", "h5py"):
    if importlib.util.find_spec(_name) is None:
        pytest.skip(f"{_name} is not installed", allow_module_level=True)
if "KERAS_BACKEND" not in os.environ:
    backends = [name for name in ("jax", "torch", "tensorflow") if importlib.util.find_spec(name)]
    os.environ["KERAS_BACKEND"] = backends[0] if backends else "numpy"
keras = pytest.importorskip("keras")

RNG = np.random.default_rng(0)
SERIES = RNG.standard_normal((8, 12, 2)).astype("f4")
IMAGES = RNG.standard_normal((8, 7, 6, 2)).astype("f4")


def has(*names):
    return all(name in mgconv.layers.registry for name in names)


STACKS = {
    "conv1d": (SERIES, lambda k: [k.layers.Conv1D(4, 3, activation="relu", kernel_regularizer="l2", name="one"),
                                  k.layers.Conv1D(3, 2, padding="causal", dilation_rate=2), k.layers.MaxPooling1D(2),
                                  k.layers.Dropout(0.0), k.layers.Flatten(), k.layers.Dense(2)]),
    "conv2d": (IMAGES, lambda k: [k.layers.Conv2D(4, (3, 2), strides=(2, 1), padding="same", activation="gelu"),
                                  k.layers.DepthwiseConv2D(2, depth_multiplier=2),
                                  k.layers.AveragePooling2D(2), k.layers.Reshape((-1,)), k.layers.Dense(2)]),
    "nested": (SERIES, lambda k: [k.Sequential([k.layers.Conv1D(3, 3), k.layers.Activation("tanh")]),
                                  k.layers.DepthwiseConv1D(2), k.layers.Flatten(), k.layers.Dense(2)]),
}
if has("BatchNormalization"):
    STACKS["normalization"] = (SERIES, lambda k: [
        k.layers.Conv1D(4, 3, use_bias=False), k.layers.BatchNormalization(momentum=0.9), k.layers.ReLU(6.0),
        k.layers.LayerNormalization(), k.layers.GroupNormalization(2), k.layers.PReLU(shared_axes=[1]),
        k.layers.GaussianNoise(0.0), k.layers.SpatialDropout1D(0.0), k.layers.LeakyReLU(0.1),
        k.layers.Rescaling(0.5), k.layers.Flatten(), k.layers.Dense(2), k.layers.ELU(0.5)])
if has("SeparableConv2D", "Conv2DTranspose"):
    STACKS["others"] = (IMAGES, lambda k: [
        k.layers.ZeroPadding2D(1), k.layers.SeparableConv2D(4, 3, depth_multiplier=2), k.layers.UpSampling2D(2),
        k.layers.Conv2DTranspose(3, 3, strides=2), k.layers.Cropping2D(2), k.layers.GlobalAveragePooling2D(),
        k.layers.RepeatVector(3), k.layers.Permute((2, 1)), k.layers.Flatten(), k.layers.Dense(2)])
stacks = pytest.mark.parametrize("stack", STACKS)
OPTIMIZERS = {
    "sgd": lambda k: k.optimizers.SGD(0.05, momentum=0.9, nesterov=True),
    "adam": lambda k: k.optimizers.Adam(0.01, amsgrad=True),
    "adamw": lambda k: k.optimizers.AdamW(k.optimizers.schedules.CosineDecay(0.01, 20)),
    "rmsprop": lambda k: k.optimizers.RMSprop(0.01, momentum=0.5, centered=True),
    "ema": lambda k: k.optimizers.Adam(0.01, use_ema=True),
    **{name.lower(): lambda k, name=name: getattr(k.optimizers, name)(0.01)
       for name in ("Adagrad", "Adadelta", "Adamax", "Nadam", "Lion", "Ftrl") if hasattr(mgconv.optimizers, name)},
}
RELEASE = tuple(map(int, keras.__version__.split(".")[:2]))
if RELEASE < (3, 10):                      # they cannot read a Nadam file in which the product stands last
    OPTIMIZERS.pop("nadam", None)


def target(x):
    return np.random.default_rng(1).standard_normal((len(x), 2)).astype("f4")


def model_of(library, stack, optimizer="adam", loss="mse"):
    x, build = STACKS[stack]
    model = library.Sequential([library.Input(x.shape[1:]), *build(library)])
    model.compile(OPTIMIZERS[optimizer](library), loss, metrics=["mae"])
    for _ in range(2):
        model.train_on_batch(x, target(x))
    return model, x


def go_on_alike(one, other, x):
    """Predictions now, and weights after two more steps."""
    np.testing.assert_allclose(one.predict(x, verbose=0), other.predict(x, verbose=0), rtol=1e-4, atol=1e-5)
    for model in (one, other):
        for _ in range(2):
            model.train_on_batch(x, target(x))
    for a, b in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-3, atol=2e-5)


@stacks
def test_from_mgconv_to_keras(stack, tmp_path):
    ours, x = model_of(mgconv, stack)
    ours.save(tmp_path / "a.keras")
    theirs = keras.saving.load_model(tmp_path / "a.keras")
    assert int(keras.ops.convert_to_numpy(theirs.optimizer.iterations)) == 2
    assert [layer.name for layer in theirs.layers] == [layer.name for layer in ours.layers]
    go_on_alike(ours, theirs, x)


@stacks
def test_from_keras_to_mgconv(stack, tmp_path):
    theirs, x = model_of(keras, stack)
    theirs.save(tmp_path / "a.keras")
    ours = mgconv.load_model(tmp_path / "a.keras")
    assert ours.optimizer.iterations == 2
    assert [layer.name for layer in theirs.layers] == [layer.name for layer in ours.layers]
    go_on_alike(ours, theirs, x)


def same_answers(one, other, name):
    x = RNG.standard_normal((3, *one.input_shape[1:])).astype("f4")
    np.testing.assert_allclose(one.predict(x, verbose=0), other.predict(x, verbose=0), rtol=1e-3, atol=1e-4,
                               err_msg=name)
    for a, b in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b, err_msg=name)


def test_every_layer_there(tmp_path):
    for name, ours in models_of_one_layer():
        if name not in OURS and hasattr(keras.layers, name):
            for weight in ours.weights:
                weight.assign(RNG.integers(1, 5, weight.shape))
            ours.save(tmp_path / "a.keras")
            same_answers(ours, keras.saving.load_model(tmp_path / "a.keras"), name)


def test_every_layer_here(tmp_path):
    for name, theirs in models_of_one_layer(keras):
        theirs.save(tmp_path / "a.keras")
        same_answers(mgconv.load_model(tmp_path / "a.keras"), theirs, name)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_optimizers_go_on_there(optimizer, tmp_path):
    ours, x = model_of(mgconv, "nested", optimizer)
    ours.save(tmp_path / "a.keras")
    go_on_alike(ours, keras.saving.load_model(tmp_path / "a.keras"), x)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_optimizers_go_on_here(optimizer, tmp_path):
    theirs, x = model_of(keras, "nested", optimizer)
    theirs.save(tmp_path / "a.keras")
    go_on_alike(mgconv.load_model(tmp_path / "a.keras"), theirs, x)


@stacks
def test_weights_both_ways(stack, tmp_path):
    ours, _ = model_of(mgconv, stack)
    theirs, _ = model_of(keras, stack)
    theirs.save_weights(tmp_path / "theirs.weights.h5")
    ours.save_weights(tmp_path / "ours.weights.h5")
    wanted = theirs.get_weights()
    theirs.load_weights(tmp_path / "ours.weights.h5")
    for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    ours.load_weights(tmp_path / "theirs.weights.h5")
    for a, b in zip(ours.get_weights(), wanted, strict=True):
        np.testing.assert_array_equal(a, b)


LOSSES = [
    ("Huber", {"delta": 0.3}), ("LogCosh", {}), ("CosineSimilarity", {}), ("MeanAbsoluteError", {"reduction": "sum"}),
    ("BinaryCrossentropy", {"from_logits": True, "label_smoothing": 0.1}), ("Hinge", {}), ("Poisson", {}),
    ("CategoricalCrossentropy", {"from_logits": True}), ("BinaryFocalCrossentropy", {"gamma": 1.0}),
    ("KLDivergence", {}),
]


@pytest.mark.parametrize(("name", "arguments"), LOSSES, ids=[name for name, _ in LOSSES])
def test_losses_there(name, arguments, tmp_path):
    ours, x = model_of(mgconv, "nested")
    more = [mgconv.metrics.AUC(num_thresholds=20)] if RELEASE > (3, 0) else []   # does not run on a newer torch
    ours.compile("adam", getattr(mgconv.losses, name)(**arguments), metrics=[
        "accuracy", mgconv.metrics.CosineSimilarity(axis=-1), *more])
    ours.save(tmp_path / "a.keras")
    theirs = keras.saving.load_model(tmp_path / "a.keras")
    y = (target(x) > 0).astype("f4")
    assert theirs.test_on_batch(x, y)[0] == pytest.approx(ours.test_on_batch(x, y)[0], rel=1e-4, nan_ok=True)


def test_functional_models(tmp_path):
    x = keras.Input((12, 2), name="start")
    y = keras.layers.Flatten()(keras.layers.Conv1D(3, 3)(x))
    chain = keras.Model(x, keras.layers.Dense(2)(y))
    chain.save(tmp_path / "chain.keras")
    ours = mgconv.load_model(tmp_path / "chain.keras")
    np.testing.assert_allclose(ours.predict(SERIES, verbose=0), chain.predict(SERIES, verbose=0), rtol=1e-4, atol=1e-5)

    h = keras.layers.Conv1D(2, 1, name="deep")(x)
    keras.Model(x, keras.layers.Add(name="meet")([x, h])).save(tmp_path / "fork.keras")
    with pytest.raises(ValueError, match=r"the layer meet \(Add\) has 2 inputs \(start, deep\)"):
        mgconv.load_model(tmp_path / "fork.keras")
    twice = keras.layers.Dense(2, name="twice")
    keras.Model(x, twice(twice(x))).save(tmp_path / "twice.keras")
    with pytest.raises(ValueError, match=r"the layer twice \(Dense\) is used 2 times"):
        mgconv.load_model(tmp_path / "twice.keras")
    keras.Model([x, keras.Input((12, 2))], h).save(tmp_path / "two.keras")
    with pytest.raises(ValueError, match="must have one input"):
        mgconv.load_model(tmp_path / "two.keras")


def test_what_keras_does_not_know_is_said_and_refused_there(tmp_path):
    model = mgconv.Sequential([mgconv.Input((12, 2)), mgconv.layers.Residual([mgconv.layers.Conv1D(2, 1)])])
    with pytest.warns(UserWarning, match="Keras has no layer Residual"):
        model.save(tmp_path / "a.keras")
    with pytest.raises((TypeError, AttributeError), match="Residual"):
        keras.saving.load_model(tmp_path / "a.keras")
