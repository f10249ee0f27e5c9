"""Layers that share a pass over memory, and layers folded into others, compute what each of them says by itself."""
import numpy as np
import pytest
from finite_differences import check_gradient, model_of

import mgconv
from mgconv import layers, regularizers

RNG = np.random.default_rng(0)
SERIES, IMAGE = (12, 3), (7, 6, 3)
FOLDED = {
    "conv1d": (SERIES, lambda: layers.Conv1D(5, 3, padding="causal"), -1),
    "conv1d no bias": (SERIES, lambda: layers.Conv1D(5, 3, use_bias=False), -1),
    "conv1d groups": (SERIES, lambda: layers.Conv1D(6, 3, groups=3), -1),
    "conv1d first": (SERIES[::-1], lambda: layers.Conv1D(5, 3, data_format="channels_first"), 1),
    "conv2d": (IMAGE, lambda: layers.Conv2D(5, 3, padding="same", strides=2), -1),
    "depthwise1d": (SERIES, lambda: layers.DepthwiseConv1D(3, depth_multiplier=2), -1),
    "depthwise2d": (IMAGE, lambda: layers.DepthwiseConv2D(3, depth_multiplier=3, use_bias=False), -1),
    "dense": (SERIES, lambda: layers.Dense(4), -1),
    "separable1d": (SERIES, lambda: layers.SeparableConv1D(5, 3, depth_multiplier=2), -1),
    "separable2d": (IMAGE, lambda: layers.SeparableConv2D(4, 3, use_bias=False), -1),
    "transposed1d": (SERIES, lambda: layers.Conv1DTranspose(5, 3, 2), -1),
    "transposed first": (IMAGE, lambda: layers.Conv2DTranspose(2, 3, 2, data_format="channels_first"), 1),
}


def trained_somewhat(model):
    """With statistics, scales and offsets that are none of the neutral ones."""
    for weight in model.weights:
        if weight.name == "moving_variance":
            weight.assign(RNG.uniform(0.5, 2, weight.shape))
        elif weight.name in ("gamma", "beta", "moving_mean", "bias"):
            weight.assign(RNG.standard_normal(weight.shape))
    return model


def model_for(stack, shape, dtype="float64"):
    model = mgconv.Sequential([mgconv.Input(shape, dtype=dtype), *stack])
    return trained_somewhat(model)


@pytest.mark.parametrize("name", FOLDED)
@pytest.mark.parametrize("settings", [{}, {"scale": False}, {"center": False}])
def test_predictor_folds_a_batch_normalization_into_what_stands_before(name, settings):
    shape, make, axis = FOLDED[name]
    model = model_for([make(), layers.BatchNormalization(axis=axis, **settings), layers.ReLU()], shape)
    before, x = model.get_weights(), RNG.standard_normal((4, *shape))
    np.testing.assert_allclose(model.predictor(4)(x), model.predict(x, verbose=0), rtol=1e-11, atol=1e-12)
    for was, now in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(now, was)
    alone = mgconv.Sequential([mgconv.Input(shape, dtype="float64"), make()])
    twins = model.constant_twins()
    assert len(twins) == 1
    assert twins[0].compute_output_shape((4, *shape)) == alone.compute_output_shape((4, *shape))


@pytest.mark.parametrize(("stack", "kept"), [
    (lambda: [layers.Conv1D(4, 3, activation="tanh"), layers.BatchNormalization()], 2),
    (lambda: [layers.Conv1D(4, 3), layers.BatchNormalization(axis=1)], 2),
    (lambda: [layers.BatchNormalization(), layers.Conv1D(4, 3)], 2),
    (lambda: [layers.Conv1D(4, 3), layers.BatchNormalization(), layers.BatchNormalization(), layers.ReLU()], 1),
    (lambda: [layers.Conv1D(4, 3), layers.ReLU(), layers.BatchNormalization()], 2),
    (lambda: [layers.Conv1D(4, 3), layers.LeakyReLU()], 2),
])
def test_what_is_folded_and_what_is_not(stack, kept):
    model, x = model_for(stack(), SERIES), RNG.standard_normal((4, *SERIES))
    np.testing.assert_allclose(model.predictor(4)(x), model.predict(x, verbose=0), rtol=1e-11, atol=1e-12)
    assert len(model.constant_twins()) == kept


def test_folding_within_blocks_and_models():
    def path():
        return [layers.Conv1D(3, 3, padding="causal"), layers.BatchNormalization(), layers.ReLU(), layers.Dropout(0.5)]
    inner = mgconv.Sequential([layers.Dense(3), layers.BatchNormalization()])
    model = model_for([layers.Residual(path() + path()), layers.Residual(path(), shortcut=[
        layers.Conv1D(3, 1), layers.BatchNormalization()]), layers.Concatenate([path(), path(), []]), inner], SERIES)
    x = RNG.standard_normal((4, *SERIES))
    wanted = model.predict(x, verbose=0)
    np.testing.assert_allclose(model.predictor(4)(x), wanted, rtol=1e-10, atol=1e-12)
    assert not any(isinstance(layer, layers.BatchNormalization) for twin in model.constant_twins()
                   for layer in (twin.flattened() if hasattr(twin, "flattened") else [twin]))
    causal = model_for([layers.Residual(path() + path())], SERIES)
    np.testing.assert_allclose(causal.stream().run(x[0]), causal.predict(x[:1], verbose=0)[0], rtol=1e-10, atol=1e-12)


class Apart(layers.ReLU):
    """A ReLU that nobody takes into another layer's pass."""

    def sole_activation(self):
        return None


@pytest.mark.parametrize("below", [
    lambda: layers.BatchNormalization(), lambda: layers.BatchNormalization(axis=1), lambda: layers.Conv1D(4, 3),
    lambda: layers.Conv1D(4, 3, data_format="channels_first"), lambda: layers.DepthwiseConv1D(3),
    lambda: layers.Dense(5), lambda: layers.Dense(5, activation="tanh")])
def test_a_relu_in_the_same_pass_changes_nothing(below):
    x, y = RNG.standard_normal((6, *SERIES)), RNG.standard_normal((6, 2))
    found = []
    for relu in (layers.ReLU(), layers.Activation("relu"), Apart()):
        model = model_of([layers.Dense(3), below(), relu, layers.Flatten(), layers.Dense(2)], SERIES)
        loss = model.train_on_batch(x, y)
        found.append((loss, model.gradient.copy(), model.predict(x, verbose=0)))
    for other in found[:2]:
        for a, b in zip(other, found[2], strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("where", [0, 1])
def test_penalties_of_layers_that_share_a_pass(where):
    """Below, the output is needed for its own sake: then there is no shared pass. Above, the penalty is of the sum."""
    penalty = [None, None]
    penalty[where] = regularizers.L2(0.1)
    stack = [layers.Conv1D(4, 3, activity_regularizer=penalty[0]), layers.ReLU(activity_regularizer=penalty[1]),
             layers.Flatten(), layers.Dense(2)]
    model = model_of(stack, SERIES)
    x, y = RNG.standard_normal((3, *SERIES)), RNG.standard_normal((3, 2))
    loss = model.train_on_batch(x, y)
    z = model.layers[0](x)
    seen = np.maximum(z, 0) if where else z
    assert loss == pytest.approx(np.square(model.predict(x, verbose=0) - y).mean() + 0.1 * np.square(seen).sum() / 3)


def test_gradients_of_residual_blocks():
    def path():
        return [layers.Conv1D(3, 3, padding="causal"), layers.BatchNormalization(), layers.ReLU()]
    for stack in ([layers.Dense(3), layers.Residual(path() + path()), layers.Residual([layers.ReLU()])],
                  [layers.Residual(path(), shortcut=[layers.Dense(3)]), layers.Residual([], shortcut=path())],
                  [layers.Dense(3), layers.Residual([], shortcut=[layers.ReLU()])],
                  [layers.Dense(3), layers.Concatenate([[], path(), [layers.ReLU()]])]):
        model = model_of([*stack, layers.Flatten(), layers.Dense(2)], SERIES)
        check_gradient(model, RNG.standard_normal((3, *SERIES)), RNG.standard_normal((3, 2)), in_training=True)
