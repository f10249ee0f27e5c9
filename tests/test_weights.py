"""Weights as records: what is trained, what stands still, and where the numbers lie."""
import copy
import pickle

import numpy as np
import pytest

import mgconv
from mgconv import constraints, layers, optimizers, regularizers

RNG = np.random.default_rng(0)
X = RNG.standard_normal((64, 6))
Y = X.sum(axis=1)


class Counted(layers.Layer):
    """Adds an offset, and keeps the mean of what it has seen, as normalization layers do."""

    def build(self, input_shape, dtype=None):
        super().build(input_shape, dtype)
        self.add_weight("seen", input_shape[1:], "zeros", trainable=False)
        self.add_weight("offset", input_shape[1:], "ones")

    def forward(self, x, training):
        if training and self.trainable:
            self.seen[...] = 0.5 * self.seen + 0.5 * x.mean(axis=0)
        return x + self.offset

    def backward(self, dy):
        if self.trainable:
            self.gradients["offset"][...] = dy.sum(axis=0)
        return dy


def model(*middle, **how):
    return mgconv.Sequential([mgconv.Input((6,), **how), layers.Dense(5), *middle, layers.Dense(1)])


def test_the_vector_holds_what_is_trained_first_and_statistics_apart():
    m = model(Counted())
    assert [w.path for w in m.weights] == ["dense/kernel", "dense/bias", "counted/seen", "counted/offset",
                                           "dense_1/kernel", "dense_1/bias"]
    assert [w.path for w in m.non_trainable_weights] == ["counted/seen"]
    assert m.parameters.size == m.gradient.size == m.count_params() - 5
    assert not np.shares_memory(m.layers[1].seen, m.parameters)
    for weight in m.trainable_weights:
        assert np.shares_memory(weight.value, m.parameters)
        assert np.shares_memory(weight.gradient, m.gradient)
        assert getattr(weight.layer, weight.name) is weight.value


def test_decay_leaves_statistics_alone():
    """Expected by the recursion itself; AdamW would shrink it were it part of the vector."""
    m = model(Counted(), dtype="float64")
    m.compile(optimizers.AdamW(0.0, weight_decay=10.0), "mse")       # a rate of 0: only the statistics move
    m.fit(X, Y, batch_size=64, epochs=8, shuffle=False, verbose=0)
    mean = (X @ m.layers[0].kernel + m.layers[0].bias).mean(axis=0)
    np.testing.assert_allclose(m.layers[1].seen, mean * (1 - 0.5 ** 8), rtol=1e-12)


@pytest.mark.parametrize("freeze", ["before compile", "after compile", "after a fit", "in the constructor"])
def test_a_frozen_layer_stands_still(freeze):
    m = model(Counted(trainable=freeze != "in the constructor"))
    if freeze == "before compile":
        m.layers[1].trainable = False
    m.compile(optimizers.AdamW(0.1), "mse")
    if freeze == "after a fit":
        m.fit(X, Y, verbose=0)
    if freeze.startswith("after"):
        m.layers[1].trainable = False
    before = m.get_weights()
    m.fit(X, Y, epochs=3, verbose=0)
    moved = [not np.array_equal(a, b) for a, b in zip(before, m.get_weights(), strict=True)]
    assert moved == [True, True, False, False, True, True]
    lines = []
    m.summary(print_fn=lines.append)
    assert any("counted (Counted), not trainable" in line for line in lines)
    assert "Trainable parameters: 41 " in "\n".join(lines)
    assert "Non-trainable parameters: 10 " in "\n".join(lines)
    m.layers[1].trainable = True
    m.fit(X, Y, epochs=1, verbose=0)
    assert not np.array_equal(before[2], m.layers[1].seen)
    assert not np.array_equal(before[3], m.layers[1].offset)


def test_a_frozen_bottom_costs_no_gradient():
    """With all below frozen nothing asks for the gradient to their output, and the others learn as before."""
    mgconv.set_random_seed(0)
    m = model(dtype="float64")
    twin = copy.deepcopy(m)
    m.layers[0].trainable = False
    for each in (m, twin):
        each.compile("sgd", "mse")
        each.train_on_batch(X, Y)
    assert m.gradient.size == 6
    np.testing.assert_array_equal(m.gradient, twin.gradient[-6:])


def test_a_frozen_model_trains_nothing_and_thaws():
    m = model(Counted())
    m.compile(optimizers.SGD(0.1), "mse")
    m.trainable = False
    assert m.trainable_weights == []
    before = m.get_weights()
    m.fit(X, Y, verbose=0)
    for old, new in zip(before, m.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    m.trainable = True
    m.fit(X, Y, verbose=0)
    assert not np.array_equal(before[0], m.get_weights()[0])


def test_regularizers_add_to_loss_and_gradient():
    kernel = regularizers.L2(0.25)
    plain, with_penalty = (mgconv.Sequential([mgconv.Input((6,), dtype="float64"),
                                              layers.Dense(1, kernel_regularizer=r)]) for r in (None, kernel))
    with_penalty.set_weights(plain.get_weights())
    w = plain.layers[0].kernel.copy()
    for m in (plain, with_penalty):
        m.compile(optimizers.SGD(0.5), "mse")
        assert m.evaluate(X, Y, verbose=0) == pytest.approx(m.fit(X, Y, batch_size=64, verbose=0).history["loss"][0])
    difference = plain.layers[0].kernel - with_penalty.layers[0].kernel
    np.testing.assert_allclose(difference, 0.5 * 2 * 0.25 * w, rtol=1e-10)
    plain.set_weights(with_penalty.get_weights())
    penalty = 0.25 * (with_penalty.layers[0].kernel ** 2).sum()
    assert with_penalty.evaluate(X, Y, verbose=0) == pytest.approx(plain.evaluate(X, Y, verbose=0) + penalty, rel=1e-12)


def test_activity_is_penalised_by_sample():
    m, plain = (mgconv.Sequential([mgconv.Input((6,), dtype="float64"), layers.Dense(3, activity_regularizer=r),
                                   layers.Dense(1)]) for r in (regularizers.L2(0.5), None))
    plain.set_weights(m.get_weights())
    for each in (m, plain):
        each.compile(optimizers.SGD(0.0), "mse")
        each.train_on_batch(X, Y)
    hidden = plain.layers[0](X)
    want = plain.evaluate(X, Y, verbose=0) + 0.5 * (hidden ** 2).sum() / 64
    assert m.evaluate(X, Y, batch_size=64, verbose=0) == pytest.approx(want, rel=1e-12)
    slope = X.T @ (2 * 0.5 * hidden / 64)
    np.testing.assert_allclose(m.gradient[:18].reshape(6, 3), plain.gradient[:18].reshape(6, 3) + slope, rtol=1e-9)


def test_constraints_hold_after_each_step():
    m = mgconv.Sequential([mgconv.Input((6,)), layers.Dense(4, kernel_constraint=constraints.UnitNorm()),
                           layers.Dense(1, kernel_constraint="non_neg", bias_constraint="non_neg")])
    m.compile(optimizers.SGD(0.5), "mse")
    m.fit(X, -Y, epochs=2, verbose=0)
    np.testing.assert_allclose(np.linalg.norm(m.layers[0].kernel, axis=0), 1, rtol=1e-5)
    assert m.layers[1].kernel.min() >= 0
    assert m.layers[1].bias.min() >= 0


def test_a_weight_set_as_an_attribute_is_copied_into_place():
    m = model()
    m.predict(X, verbose=0)
    m.layers[0].kernel = np.ones((6, 5))
    assert np.shares_memory(m.layers[0].kernel, m.parameters)
    np.testing.assert_allclose(m.predict(X, verbose=0)[:7], m.predict(X[:7], verbose=0), rtol=1e-5)
    with pytest.raises(ValueError, match=r"the weight dense/kernel must have shape \(6, 5\). Received: \(5, 6\)."):
        m.layers[0].kernel = np.ones((5, 6))


@pytest.mark.parametrize(("set_it", "message"), [
    (lambda m: setattr(m.layers[0], "trainble", False), "Dense has no attribute `trainble` to set. .* `trainable`."),
    (lambda m: setattr(m.layers[0], "units", 7), "`units` of Dense is settled when it is made: make another."),
    (lambda m: setattr(m, "stop_trainning", True), "Sequential has no attribute `stop_trainning` .*`stop_training`."),
    (lambda m: setattr(m.optimizer, "lr", 0.1), "no attribute `lr` to set"),
])
def test_attributes_that_nobody_would_look_at_are_refused(set_it, message):
    m = model()
    m.compile("sgd", "mse")
    with pytest.raises(AttributeError, match=message):
        set_it(m)


@pytest.mark.parametrize(("make", "message"), [
    (lambda: layers.Conv1D(4, 3, not_there=1), "Conv1D: got an unexpected keyword argument 'not_there'."),
    (lambda: layers.Conv1D(4, 3, kernel_regulariser="l2"), "Conv1D: .* The nearest name is `kernel_regularizer`."),
    (lambda: layers.Conv1D(4, 3, input_shape=(10, 1)), "Conv1D: .* there is an `Input` as the model's first entry."),
    (lambda: layers.Conv2D(4), "Conv2D: missing a required argument: 'kernel_size'."),
    (lambda: optimizers.Adam(lr=0.1), "Adam: .* In place of `lr` there is `learning_rate`."),
])
def test_arguments_are_refused_in_the_name_of_the_class_that_was_called(make, message):
    with pytest.raises(TypeError, match=message):
        make()


def nested():
    mgconv.set_random_seed(1)
    inner = mgconv.Sequential([layers.Dense(5, activation="tanh"), Counted()], name="inner")
    return mgconv.Sequential([mgconv.Input((6,)), inner, layers.Dense(1)])


def test_nested_models_are_layers():
    m = nested()
    mgconv.set_random_seed(1)
    flat = mgconv.Sequential([mgconv.Input((6,)), layers.Dense(5, activation="tanh"), Counted(), layers.Dense(1)])
    for each in (m, flat):
        each.compile("adam", "mse")
        mgconv.set_random_seed(2)
        each.fit(X, Y, epochs=3, verbose=0)
    for a, b in zip(m.get_weights(), flat.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(m.predict(X, verbose=0), flat.predict(X, verbose=0))
    np.testing.assert_array_equal(m.predictor(2)(X[:2]), flat.predict(X[:2], verbose=0))
    m.layers[0].trainable = False
    assert [w.path for w in m.trainable_weights] == ["dense/kernel", "dense/bias"]
    with pytest.raises(ValueError, match="`compile` is for the outermost model: inner is a layer of another"):
        m.layers[0].compile("sgd", "mse")


def test_a_trained_model_becomes_a_layer_of_another_with_its_weights():
    base = mgconv.Sequential([mgconv.Input((6,)), layers.Dense(5)])
    base.compile("sgd", "mse")
    base.fit(X, X[:, :5], verbose=0)
    want = base.predict(X, verbose=0)
    m = mgconv.Sequential([base, layers.Dense(1)])
    np.testing.assert_array_equal(base.predict(X, verbose=0), want)
    base.trainable = False
    m.compile("adam", "mse")
    m.fit(X, Y, verbose=0)
    np.testing.assert_array_equal(base.predict(X, verbose=0), want)


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_copies_of_nested_models_are_whole(copied):
    m = nested()
    m.layers[0].layers[0].trainable = False
    m.compile("adam", "mse")
    m.fit(X, Y, verbose=0)
    twin = copied(m)
    np.testing.assert_array_equal(twin.predict(X, verbose=0), m.predict(X, verbose=0))
    assert [w.path for w in twin.trainable_weights] == [w.path for w in m.trainable_weights]
    assert twin.layers[0].owner is twin
    assert twin.layers[0].layers[0].owner is twin.layers[0]
    assert not any(np.shares_memory(a.value, b.value) for a in twin.weights for b in m.weights)
    before = m.get_weights()
    twin.fit(X, Y, verbose=0)
    for a, b in zip(before, m.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_errors_name_the_layer():
    with pytest.raises(ValueError, match=r"layer 1, the_pool \(MaxPooling2D\), given an input of shape "
                                         r"\(None, 3, 3, 2\): A window must not be larger"):
        mgconv.Sequential([mgconv.Input((3, 3, 1)), layers.Conv2D(2, 1), layers.MaxPooling2D(4, name="the_pool")])
    with pytest.raises(ValueError, match=r"layer 0, conv1d \(Conv1D\), given .* longer than the padded input"):
        mgconv.Sequential([mgconv.Input((9, 1)), mgconv.Sequential([layers.Conv1D(2, 10)])])


def test_a_layer_that_cannot_be_built_leaves_the_model_as_it_was():
    class Bad(mgconv.initializers.Initializer):
        def draw(self, shape):
            raise RuntimeError("no")
    m = model()
    want = m.predict(X, verbose=0)
    layer = layers.Dense(3, kernel_initializer=Bad())
    with pytest.raises(RuntimeError, match="no"):
        m.add(layer)
    np.testing.assert_array_equal(m.predict(X, verbose=0), want)
    assert len(m.layers) == 2
    assert layer.owner is None
    assert not layer.built
    with pytest.raises(TypeError, match="a model is made of"):
        mgconv.Sequential([mgconv.Input((6,)), layer, "oops"])
    assert layer.owner is None


def test_buffers_are_those_of_the_largest_batch_and_can_be_let_go():
    import tracemalloc
    m = mgconv.Sequential([mgconv.Input((32, 32, 3)), layers.Conv2D(16, 3), layers.Conv2D(16, 3)])
    x = np.zeros((64, 32, 32, 3), "f4")
    tracemalloc.start()
    try:
        m.predict(x, batch_size=64, verbose=0)
        one, _ = tracemalloc.get_traced_memory()
        for size in range(1, 60, 6):
            m.predict(x[:size], batch_size=size, verbose=0)
        ten, _ = tracemalloc.get_traced_memory()
        m.release_memory()
        none, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    buffers = 64 * (30 * 30 + 28 * 28) * 16 * 4
    assert one > buffers
    assert ten < one + 0.1 * buffers
    assert none < one - 0.9 * buffers


def test_sequences_of_any_length():
    m = mgconv.Sequential([mgconv.Input((None, 2), dtype="float64"), layers.Conv1D(4, 3, padding="causal"),
                           layers.Dense(1)])
    assert m.output_shape == (None, None, 1)
    m.compile("adam", "mse")
    for length in (5, 40, 9):
        x = RNG.standard_normal((8, length, 2))
        assert m.predict(x, verbose=0).shape == (8, length, 1)
        np.testing.assert_allclose(m.predict(x, verbose=0)[:, :4], m.predict(x[:, :4], verbose=0), rtol=1e-12)
        m.fit(x, x[..., :1], verbose=0)
    with pytest.raises(ValueError, match=r"`x` must have shape \('batch', None, 2\). Received: \(8, 5, 3\)."):
        m.predict(np.zeros((8, 5, 3)), verbose=0)
