"""Blocks inside a Sequential: paths that meet again, and models in models, against sums written plainly."""
import json

import numpy as np
import pytest
from finite_differences import check_gradient, model_of

import mgconv
from mgconv import layers

RNG = np.random.default_rng(0)
X = RNG.standard_normal((4, 9, 3))


def conv(filters=3, **options):
    return layers.Conv1D(filters, 3, padding="same", activation="tanh", **options)


def built(layer, shape=(9, 3)):
    layer.build((None, *shape), "float64")
    for weight in layer.trainable_weights:
        weight.assign(RNG.standard_normal(weight.shape))
    return layer


def alone(layer, x):
    """What `layer`, part of a block, gives for x: as a copy of its own."""
    copy = type(layer).from_config(layer.get_config())
    copy.build((None, *x.shape[1:]), "float64")
    copy.set_weights(layer.get_weights())
    return copy(x)


def test_residual_adds_what_goes_in():
    block = built(layers.Residual([conv(), conv()]))
    first, second = block.layers
    np.testing.assert_allclose(block(X), X + alone(second, alone(first, X)), rtol=1e-13)


def test_residual_adds_its_shortcut():
    block = built(layers.Residual([conv(5), conv(5)], shortcut=layers.Conv1D(5, 1)))
    first, second, side = block.layers
    assert block.shortcut == [side]
    np.testing.assert_allclose(block(X), alone(side, X) + alone(second, alone(first, X)), rtol=1e-13)


@pytest.mark.parametrize("axis", [-1, 1, 2])
def test_concatenate_puts_branches_side_by_side(axis):
    filters = 3 if axis == 1 else 2
    block = built(layers.Concatenate([conv(filters), [conv(4), conv(filters)]] + [[]] * (axis == 1), axis))
    left, right = block.branches[:2]
    parts = [alone(left[0], X), alone(right[1], alone(right[0], X))] + [X] * (axis == 1)
    np.testing.assert_allclose(block(X), np.concatenate(parts, axis), rtol=1e-13)
    assert block.compute_output_shape(X.shape) == block(X).shape


BLOCKS = {
    "residual": lambda: [layers.Residual([conv(), conv()])],
    "residual with a shortcut": lambda: [layers.Residual([conv(5)], shortcut=[layers.Conv1D(5, 1)])],
    "residual of nothing": lambda: [layers.Residual([])],
    "residual of views": lambda: [layers.Residual([layers.Reshape((9, 3))])],
    "residual in a residual": lambda: [layers.Residual([layers.Residual([conv()]), conv()])],
    "concatenate": lambda: [layers.Concatenate([conv(2), [conv(4), conv(3)], []])],
    "concatenate of copies": lambda: [layers.Concatenate([[], [], []])],
    "concatenate along steps": lambda: [layers.Concatenate([layers.MaxPooling1D(2), []], axis=1)],
    "concatenate of residuals": lambda: [layers.Concatenate([layers.Residual([conv()]), conv(2)])],
    "nested models": lambda: [mgconv.Sequential([conv(4), mgconv.Sequential([conv(3)])]), conv(2)],
    "two nested models": lambda: [mgconv.Sequential([conv(4)]), mgconv.Sequential([conv(3)])],
    "a model in a residual": lambda: [layers.Residual([mgconv.Sequential([conv(), conv()])])],
    "penalties": lambda: [layers.Residual([conv(kernel_regularizer="l2", activity_regularizer="l2")])],
    "a penalty behind": lambda: [layers.Residual([conv()], activity_regularizer="l2")],
}


@pytest.mark.parametrize("name", BLOCKS)
def test_gradients_through_blocks(name):
    model = model_of([conv(), *BLOCKS[name](), layers.Flatten(), layers.Dense(2)], (9, 3))
    check_gradient(model, X, RNG.standard_normal((4, 2)))


@pytest.mark.parametrize("name", BLOCKS)
def test_blocks_first_and_frozen(name):
    rng = np.random.default_rng(2)
    model = model_of([*BLOCKS[name](), layers.Flatten(), layers.Dense(2)], (9, 3))
    check_gradient(model, X, rng.standard_normal((4, 2)))
    model.layers[0].trainable = False
    model.compile(mgconv.optimizers.SGD(0.1), "mse")
    before = [w.numpy() for w in model.layers[0].weights]
    model.fit(X, rng.standard_normal((4, 2)), epochs=2, verbose=0)
    for weight, old in zip(model.layers[0].weights, before, strict=True):
        assert (weight.numpy() == old).all()


@pytest.mark.parametrize("name", BLOCKS)
def test_blocks_come_back_from_their_configuration(name):
    model = mgconv.Sequential([mgconv.Input((9, 3), dtype="float64"), *BLOCKS[name]()])
    again = mgconv.Sequential.from_config(json.loads(json.dumps(model.get_config())))
    again.set_weights(model.get_weights())
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
    assert [w.path for w in again.weights] == [w.path for w in model.weights]


@pytest.mark.parametrize("name", BLOCKS)
def test_blocks_take_series_of_any_length(name):
    if "views" in name:
        pytest.skip("a Reshape to nine steps has one length")
    model = mgconv.Sequential([mgconv.Input((None, 3), dtype="float64"), *BLOCKS[name]()])
    fixed = mgconv.Sequential([mgconv.Input((9, 3), dtype="float64"), *BLOCKS[name]()])
    fixed.set_weights(model.get_weights())
    np.testing.assert_array_equal(model.predict(X), fixed.predict(X))
    assert model.predict(X[:, :6]).shape[0] == 4


def test_a_nested_model_is_one_function():
    inner = mgconv.Sequential([conv(4), conv(2)])
    outer = mgconv.Sequential([mgconv.Input((9, 3), dtype="float64"), inner, layers.Flatten(), layers.Dense(1)])
    flat = mgconv.Sequential([mgconv.Input((9, 3), dtype="float64"), conv(4), conv(2), layers.Flatten(),
                              layers.Dense(1)])
    flat.set_weights(outer.get_weights())
    np.testing.assert_array_equal(outer.predict(X), flat.predict(X))


@pytest.mark.parametrize(("make", "error", "message"), [
    (lambda: built(layers.Residual([conv(5)])), ValueError, r"must put out one shape. Received: \(None, 9, 5\) and"),
    (lambda: built(layers.Concatenate([conv(2), layers.MaxPooling1D(2)])), ValueError, "one shape but for axis -1"),
    (lambda: built(layers.Concatenate([[], []], axis=0)), ValueError, "`axis` must be one of the 2 behind the batch"),
    (lambda: built(layers.Concatenate([[], []], axis=3)), ValueError, "`axis` must be one of the 2 behind the batch"),
    (lambda: layers.Concatenate([]), ValueError, "at least one branch"),
    (lambda: layers.Residual(["conv"]), TypeError, "made of mgconv.layers.Layer"),
])
def test_what_does_not_fit_is_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_a_layer_is_part_of_one_block_only():
    layer = conv()
    layers.Residual([layer])
    with pytest.raises(ValueError, match="belongs to a model already"):
        layers.Residual([layer])
