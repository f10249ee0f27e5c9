"""Models in files and back: the same settings, the same bits, and training that goes on with the same bits."""
import importlib.util
import json
import os
import zipfile

import numpy as np
import pytest
from every_class import models_of_one_layer

import mgconv
from mgconv import layers, losses, optimizers
from mgconv.saving import config

HAS_H5PY = importlib.util.find_spec("h5py") is not None
needs_h5py = pytest.mark.skipif(not HAS_H5PY, reason="files of Keras need h5py")
whole = pytest.mark.parametrize("ending", [pytest.param(".keras", marks=needs_h5py), ".npz"])
weights_alone = pytest.mark.parametrize("ending", [pytest.param(".weights.h5", marks=needs_h5py), ".npz"])

RNG = np.random.default_rng(0)
SERIES = RNG.standard_normal((10, 12, 2)).astype("f4")
IMAGES = RNG.standard_normal((10, 6, 5, 2)).astype("f4")

STACKS = {
    "series": (SERIES, lambda: [layers.Conv1D(3, 3, activation="gelu", kernel_regularizer="l2"), layers.Dropout(0.3),
                                layers.Conv1D(4, 2, padding="causal", dilation_rate=2, kernel_constraint="max_norm"),
                                layers.MaxPooling1D(2), layers.Flatten(), layers.Dense(2, name="named")]),
    "images": (IMAGES, lambda: [layers.Conv2D(4, (3, 2), strides=(2, 1), padding="same", use_bias=False),
                                layers.Conv2D(2, 1), layers.DepthwiseConv2D(2, depth_multiplier=2),
                                layers.AveragePooling2D((1, 2)), layers.Activation("softmax"), layers.Flatten()]),
    "nested": (SERIES, lambda: [mgconv.Sequential([layers.Conv1D(3, 3), mgconv.Sequential([layers.Conv1D(2, 2)])]),
                                layers.Conv1D(3, 3), layers.Flatten(), layers.Dense(2)]),
    "activations with arguments": (SERIES, lambda: [
        layers.Conv1D(3, 3, activation=mgconv.activations.LeakyReLU(0.1)),
        layers.Conv1D(3, 3, activation=mgconv.activations.CELU(0.5)), layers.Flatten(), layers.Dense(2)]),
    "blocks": (SERIES, lambda: [
        layers.Residual([layers.Conv1D(2, 3, padding="same"), layers.Conv1D(4, 1)], shortcut=layers.Conv1D(4, 1)),
        layers.Concatenate([layers.Conv1D(2, 1), [layers.Conv1D(3, 1), layers.Conv1D(1, 1)], []]),
        layers.Flatten(), layers.Dense(2)]),
}
WARNS = {"activations with arguments": "activation CELU with arguments, activation LeakyReLU with arguments before 3",
         "blocks": "layer Concatenate, layer Residual"}
stacks = pytest.mark.parametrize("stack", STACKS)


def made(stack, dtype="float32", optimizer="adam", loss="mse"):
    x, build = STACKS[stack]
    model = mgconv.Sequential([mgconv.Input(x.shape[1:], dtype=dtype), *build()])
    model.compile(optimizer, loss, metrics=["mae"])
    return model, x, RNG.standard_normal((len(x), *model.output_shape[1:]))


def save(model, path, stack):
    if stack in WARNS:
        with pytest.warns(UserWarning, match=f"Keras has no {WARNS[stack]}"):
            model.save(path)
    else:
        model.save(path)


def equal(one, other):
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a, b)


@whole
@stacks
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_there_and_back(ending, stack, dtype, tmp_path):
    model, x, _ = made(stack, dtype)
    save(model, tmp_path / f"a{ending}", stack)
    again = mgconv.load_model(tmp_path / f"a{ending}")
    equal(model.get_weights(), again.get_weights())
    np.testing.assert_array_equal(model.predict(x, verbose=0), again.predict(x, verbose=0))
    assert again.get_config() == model.get_config()
    assert again.dtype == dtype


@whole
@pytest.mark.filterwarnings("ignore:Keras will refuse")
def test_every_layer_there_and_back(ending, tmp_path):
    for name, model in models_of_one_layer():
        for weight in model.weights:
            weight.assign(RNG.random(weight.shape))
        x, path = RNG.standard_normal((3, *model.input_shape[1:])), tmp_path / f"{name}{ending}"
        model.save(path)
        again = mgconv.load_model(path)
        assert again.get_config() == model.get_config(), name
        equal(again.get_weights(), model.get_weights())
        np.testing.assert_array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0), err_msg=name)


@whole
@stacks
def test_training_goes_on_with_the_same_bits(ending, stack, tmp_path):
    mgconv.set_random_seed(1)
    model, x, y = made(stack)
    model.fit(x, y, epochs=2, batch_size=4, verbose=0)
    save(model, tmp_path / f"a{ending}", stack)
    again, histories = mgconv.load_model(tmp_path / f"a{ending}"), []
    for each in (model, again):
        mgconv.set_random_seed(2)
        histories.append(each.fit(x, y, epochs=2, batch_size=4, verbose=0).history)
    assert histories[0] == histories[1]
    equal(model.get_weights(), again.get_weights())


OPTIMIZERS = {
    **{name: (lambda name=name: optimizers.get(name)) for name in optimizers.registry.named
       if not optimizers.registry.find(name).full_batch},
    "rates": lambda: optimizers.SGD(optimizers.schedules.CosineDecay(0.1, 30, warmup_target=0.2, warmup_steps=3), 0.9),
    "clipped": lambda: optimizers.AdamW(0.003, clipnorm=0.1, use_ema=True, ema_overwrite_frequency=3),
    "accumulated": lambda: optimizers.RMSprop(1e-3, centered=True, momentum=0.9, gradient_accumulation_steps=2),
    "amsgrad": lambda: optimizers.Adam(0.1 / 3, amsgrad=True, weight_decay=0.01),
}


@whole
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_goes_on(ending, name, tmp_path):
    model, x, y = made("series", optimizer=OPTIMIZERS[name]())
    for _ in range(3):
        model.train_on_batch(x, y)
    model.save(tmp_path / f"a{ending}")
    again = mgconv.load_model(tmp_path / f"a{ending}")
    assert again.optimizer.get_config() == model.optimizer.get_config()
    mgconv.set_random_seed(0)
    losses_here = [model.train_on_batch(x, y) for _ in range(4)]
    mgconv.set_random_seed(0)
    assert [again.train_on_batch(x, y) for _ in range(4)] == losses_here
    equal(model.get_weights(), again.get_weights())


@whole
@pytest.mark.filterwarnings("ignore:Keras will refuse this file")
@pytest.mark.parametrize("name", ["lbfgs", "levenberg_marquardt"])
def test_optimizers_over_the_whole_set_go_on(ending, name, tmp_path):
    rng = np.random.default_rng(0)
    x, y = rng.random((50, 4)), rng.random((50, 1))
    model = mgconv.Sequential([mgconv.Input((4,)), layers.Dense(3, activation="tanh"), layers.Dense(1)])
    model.compile(name, "mse")
    model.fit(x, y, epochs=3, verbose=0)
    model.save(tmp_path / f"a{ending}")
    again = mgconv.load_model(tmp_path / f"a{ending}")
    histories = [each.fit(x, y, epochs=3, verbose=0).history for each in (model, again)]
    assert histories[0] == histories[1]
    equal(model.get_weights(), again.get_weights())


@weights_alone
@stacks
def test_weights_alone(ending, stack, tmp_path):
    model, x, y = made(stack)
    model.train_on_batch(x, y)
    path = tmp_path / f"a{ending}"
    model.save_weights(path)
    other, *_ = made(stack)
    other.load_weights(path)
    equal(model.get_weights(), other.get_weights())
    assert other.optimizer.iterations == 1
    uncompiled = mgconv.Sequential([mgconv.Input(x.shape[1:]), *STACKS[stack][1]()])
    uncompiled.load_weights(path)
    equal(model.get_weights(), uncompiled.get_weights())


@whole
def test_weights_of_a_whole_model(ending, tmp_path):
    model, *_ = made("series")
    model.save(tmp_path / f"a{ending}")
    other, *_ = made("series")
    other.load_weights(tmp_path / f"a{ending}")
    equal(model.get_weights(), other.get_weights())


@whole
def test_a_model_that_is_not_compiled(ending, tmp_path):
    model = mgconv.Sequential([mgconv.Input((None, 2)), layers.Conv1D(3, 3)], name="open")
    model.save(tmp_path / f"a{ending}")
    again = mgconv.load_model(tmp_path / f"a{ending}")
    assert (again.name, again.optimizer, again.input_shape) == ("open", None, (None, None, 2))
    compiled, *_ = made("series")
    compiled.save(tmp_path / f"b{ending}")
    assert mgconv.load_model(tmp_path / f"b{ending}", compile=False).optimizer is None


@whole
def test_frozen_layers_stay_frozen(ending, tmp_path):
    model, x, y = made("series")
    model.layers[0].trainable = False
    model.train_on_batch(x, y)
    model.save(tmp_path / f"a{ending}")
    again = mgconv.load_model(tmp_path / f"a{ending}")
    assert [layer.trainable for layer in again.layers] == [layer.trainable for layer in model.layers]
    mgconv.set_random_seed(0)
    loss = model.train_on_batch(x, y)
    mgconv.set_random_seed(0)
    assert again.train_on_batch(x, y) == loss


class Doubled(layers.Layer):
    def forward(self, x, training):
        return 2 * x

    def backward(self, dy):
        return 2 * dy


class Cubed(losses.Loss):
    def terms(self, y_true, y_pred, grad):
        error = y_pred - y_true
        if grad is not None:
            grad[...] = 3 * error * abs(error)
        return abs(error) ** 3


@whole
def test_classes_of_ones_own(ending, tmp_path):
    model = mgconv.Sequential([mgconv.Input((4,)), layers.Dense(2), Doubled()])
    model.compile("sgd", Cubed())
    model.save(tmp_path / f"a{ending}")
    with pytest.raises(ValueError, match=r"there is no Doubled here: .*custom_objects=\{'Doubled'"):
        mgconv.load_model(tmp_path / f"a{ending}")
    again = mgconv.load_model(tmp_path / f"a{ending}", custom_objects={"Doubled": Doubled, "Cubed": Cubed})
    assert isinstance(again.layers[1], Doubled)
    assert isinstance(again.loss, Cubed)


def distance(y_true, y_pred):
    return abs(y_pred - y_true).sum(axis=-1)


def slope(y_true, y_pred):
    return np.sign(y_pred - y_true)


def test_plain_functions_are_known_by_their_names(tmp_path):
    model, x, y = made("series", loss=losses.FunctionLoss(distance, slope))
    model.compile("adam", model.loss, metrics=[distance])
    with pytest.warns(UserWarning, match="FunctionLoss"):
        model.save(tmp_path / "a.npz")
    with pytest.raises(ValueError, match="there is no function 'distance' here: give it by custom_objects"):
        mgconv.load_model(tmp_path / "a.npz")
    again = mgconv.load_model(tmp_path / "a.npz", custom_objects={"distance": distance, "slope": slope})
    assert again.evaluate(x, y, verbose=0) == model.evaluate(x, y, verbose=0)


def test_loading_draws_no_random_numbers(tmp_path):
    model, *_ = made("series")
    model.save(tmp_path / "a.npz")
    mgconv.set_random_seed(5)
    want = mgconv.config.random_generator().random()
    mgconv.set_random_seed(5)
    mgconv.load_model(tmp_path / "a.npz")
    assert mgconv.config.random_generator().random() == want


def test_what_keras_refuses_is_said(tmp_path):
    model = mgconv.Sequential([mgconv.Input((20, 1)), layers.Conv1D(1, 3, strides=2, dilation_rate=2)])
    with pytest.warns(UserWarning, match="Conv1D with strides and dilation both above 1"):
        model.save(tmp_path / "a.npz")


def test_paths(tmp_path):
    model, *_ = made("series")
    for wish, name in ((model.save, "a.h5"), (model.save, "a"), (model.save_weights, "a.h5"),
                       (model.save_weights, "a.keras")):
        with pytest.raises(ValueError, match="`filepath` must end in"):
            wish(tmp_path / name)
    model.save(tmp_path / "a.npz")
    with pytest.raises(FileExistsError, match="overwrite=False"):
        model.save(tmp_path / "a.npz", overwrite=False)
    with pytest.raises(FileNotFoundError):
        mgconv.load_model(tmp_path / "b.npz")
    with pytest.raises(ValueError, match="built"):
        mgconv.Sequential([layers.Dense(2)]).save(tmp_path / "c.npz")
    with pytest.raises(ValueError, match="safe_mode"):
        mgconv.load_model(tmp_path / "a.npz", safe_mode=False)
    assert sorted(os.listdir(tmp_path)) == ["a.npz"]


@pytest.mark.skipif(HAS_H5PY, reason="h5py is installed")
def test_without_h5py_the_error_says_what_to_do(tmp_path):
    model, *_ = made("series")
    with pytest.raises(ImportError, match=r"mgconv\[keras\].*\.npz"):
        model.save(tmp_path / "a.keras")
    assert os.listdir(tmp_path) == []


def test_what_cannot_be_described_is_refused(tmp_path):
    model, *_ = made("series")
    model.compile("adam", losses.FunctionLoss(lambda y, p: y - p, np.subtract))
    with pytest.raises(ValueError, match="only functions with a name"):
        model.save(tmp_path / "a.npz")
    assert os.listdir(tmp_path) == []


# What Keras 3.15 writes and older releases refuse, and what only mgconv's constructors know.
NOT_FOR_OLD_KERAS = {"input_axes", "output_axes", "quantization_config", "renorm", "renorm_clipping", "renorm_momentum"}


@needs_h5py
@pytest.mark.parametrize("stack", ["series", "images", "nested"])
def test_the_file_is_made_of_what_keras_3_0_knows(stack, tmp_path):
    model, *_ = made(stack)
    model.save(tmp_path / "a.keras")
    archive = zipfile.ZipFile(tmp_path / "a.keras")
    assert archive.namelist() == ["metadata.json", "config.json", "model.weights.h5"]
    assert {info.compress_type for info in archive.infolist()} == {zipfile.ZIP_STORED}
    text = archive.read("config.json").decode()
    assert not any(f'"{key}"' in text for key in NOT_FOR_OLD_KERAS)
    assert "mgconv" not in text
    described = json.loads(text)
    assert described["module"] == "keras"
    assert described["compile_config"]["jit_compile"] is False


def test_names_of_groups():
    from mgconv.saving import layout
    model = mgconv.Sequential([mgconv.Input((8, 1)), layers.Conv1D(2, 1, name="a"), layers.Conv1D(2, 1, name="b"),
                               mgconv.Sequential([layers.Conv1D(2, 1)]), layers.Dense(1, name="c")])
    assert [group.path for group in layout.groups(model) if group.weights] == [
        "layers/conv1d/vars", "layers/conv1d_1/vars", "layers/sequential/layers/conv1d/vars", "layers/dense/vars"]


def test_every_name_of_ours_alone_is_one_of_a_class():
    known = {name for room in ("layers", "losses", "metrics", "optimizers") for name in dir(getattr(mgconv, room))}
    assert config.OURS - {"LBFGS", "LevenbergMarquardt"} <= known
