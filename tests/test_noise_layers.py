"""Layers that act in training only, those that take a function or data, and what all of them refuse."""
import numpy as np
import pytest

import mgconv
from mgconv import layers

ONES = np.ones((20, 50, 8), "f4")
NOISE = {
    "dropout": lambda **how: layers.Dropout(0.3, **how),
    "spatial dropout": lambda **how: layers.SpatialDropout1D(0.3, **how),
    "gaussian noise": lambda **how: layers.GaussianNoise(0.3, **how),
    "gaussian dropout": lambda **how: layers.GaussianDropout(0.3, **how),
    "alpha dropout": lambda **how: layers.AlphaDropout(0.3, **how)}


def trained(layer, x, dy=1.0):
    """Output and gradient to the input of a training step."""
    layer.build((None, *x.shape[1:]), x.dtype)
    dx = np.empty_like(x)
    bound = layer.bind(x, dx, training=True)
    for call in bound.forward:
        call()
    bound.dy[...] = dy
    for call in bound.backward:
        call()
    return bound.y.copy(), dx


@pytest.mark.parametrize("name", NOISE)
def test_prediction_hands_the_input_on(name):
    np.testing.assert_array_equal(NOISE[name]()(ONES), ONES)


@pytest.mark.parametrize("name", NOISE)
def test_a_seed_settles_all(name):
    first, second = (NOISE[name](seed=3)(ONES, training=True) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    mgconv.set_random_seed(5)
    third = NOISE[name]()(ONES, training=True)
    mgconv.set_random_seed(5)
    np.testing.assert_array_equal(third, NOISE[name]()(ONES, training=True))
    assert (third != first).any()


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_dropout_follows_the_generator(dtype):
    x = np.random.default_rng(1).standard_normal((7, 5, 33)).astype(dtype)
    mgconv.set_random_seed(4)
    y, dx = trained(layers.Dropout(0.25), x, dy=x)
    kept = np.random.default_rng(4).random(x.shape, np.float32) >= 0.25
    np.testing.assert_array_equal(y, np.where(kept, x * x.dtype.type(1 / 0.75), 0))
    np.testing.assert_array_equal(dx, y)


def test_noise_shape_shares_what_is_dropped():
    for layer in (layers.Dropout(0.5, noise_shape=(None, 1, None)), layers.AlphaDropout(0.5, noise_shape=(20, 1, 8)),
                  layers.SpatialDropout1D(0.5)):
        y = layer(ONES, training=True)
        assert (y == y[:, :1]).all()
        assert len(np.unique(y)) == 2
    first = layers.SpatialDropout2D(0.5, data_format="channels_first")(ONES.reshape(20, 8, 10, 5), training=True)
    last = layers.SpatialDropout2D(0.5)(ONES.reshape(20, 10, 5, 8), training=True)
    assert (first == first[:, :, :1, :1]).all()
    assert (last == last[:, :1, :1]).all()


def test_moments_of_noise():
    x = np.random.default_rng(0).standard_normal((300, 300)).astype("f4")
    noise = layers.GaussianNoise(0.5, seed=0)(x, training=True) - x
    assert noise.std() == pytest.approx(0.5, rel=0.02)
    assert noise.mean() == pytest.approx(0, abs=0.01)
    factors = layers.GaussianDropout(0.2, seed=0)(np.ones_like(x), training=True)
    assert factors.mean() == pytest.approx(1, abs=0.01)
    assert factors.var() == pytest.approx(0.25, rel=0.03)
    y = layers.AlphaDropout(0.3, seed=0)(x, training=True)
    assert y.mean() == pytest.approx(0, abs=0.02)
    assert y.var() == pytest.approx(1, abs=0.03)


@pytest.mark.parametrize("name", NOISE)
def test_gradients_are_the_factors(name):
    """All of them are a x + b with random a and b: differences give a, with the same numbers drawn."""
    x = np.random.default_rng(0).standard_normal((5, 4, 3))
    below, dx = trained(NOISE[name](seed=1), x)
    above, _ = trained(NOISE[name](seed=1), x + 1)
    np.testing.assert_allclose(above - below, dx, rtol=1e-12, atol=1e-12)


def test_activity_regularization():
    x = np.array([[1.0, -2.0], [3.0, 0.5]])
    model = mgconv.Sequential([mgconv.Input((2,), dtype="float64"), layers.ActivityRegularization(0.1, 0.2)])
    model.compile("sgd", "mse")
    penalty = 0.1 * np.abs(x).sum() + 0.2 * np.square(x).sum()
    assert model.train_on_batch(x, x) == pytest.approx(penalty / 2)


def test_adapt_takes_the_statistics_of_all_batches():
    rng = np.random.default_rng(0)
    data = rng.normal(3, 2, (40, 6, 3)) * [1, 10, 100]
    whole, parts, pairs = layers.Normalization(), layers.Normalization(), layers.Normalization()
    whole.adapt(data)
    parts.adapt([data[:7], data[7:30], data[30:]])
    pairs.adapt((batch, None) for batch in (data[:20], data[20:]))
    for layer in (whole, parts, pairs):
        np.testing.assert_allclose(layer.mean, data.mean((0, 1)), rtol=1e-6)
        np.testing.assert_allclose(layer.variance, data.var((0, 1)), rtol=1e-6)
    y = whole(data)
    np.testing.assert_allclose(y.std((0, 1)), 1, rtol=1e-5)
    back = layers.Normalization(mean=whole.mean, variance=whole.variance, invert=True)
    np.testing.assert_allclose(back(y), data, rtol=1e-4, atol=1e-3)
    with pytest.raises(ValueError, match="shape"):
        whole.adapt(data[..., :2])
    with pytest.raises(ValueError, match="at least one sample"):
        layers.Normalization().adapt([])


def test_adapted_statistics_are_weights_and_stay():
    layer = layers.Normalization()
    layer.adapt(np.array([[1.0, 10.0], [3.0, 30.0]]))
    model = mgconv.Sequential([layer, layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(np.ones((4, 2)), np.ones(4), verbose=0)
    assert layer.mean.tolist() == [2, 20]
    assert layer.variance.tolist() == [1, 100]
    assert [w.name for w in model.non_trainable_weights] == ["mean", "variance", "count"]


def test_lambda_trains_by_its_gradient():
    def cube(x, times, training=False):
        return times * x ** 3 + training
    layer = layers.Lambda(cube, arguments={"times": 2}, gradient=lambda x, dy, times: 3 * times * x * x * dy)
    x = np.array([[1.0, -2.0]])
    y, dx = trained(layer, x, dy=[[1.0, 0.5]])
    np.testing.assert_allclose(y, 2 * x ** 3 + 1)
    np.testing.assert_allclose(dx, [[6, 12]])
    np.testing.assert_allclose(layer(x), 2 * x ** 3)
    assert layers.Lambda(lambda x: x.mean(axis=1)).compute_output_shape((None, None, 3)) == (None, 3)
    assert layers.Lambda(lambda x: x[:, ::2]).compute_output_shape((None, 10, 3)) == (None, 5, 3)
    assert layers.Lambda(lambda x: x, output_shape=(4,)).compute_output_shape((None, 3)) == (None, 4)
    model = mgconv.Sequential([mgconv.Input((2,)), layers.Dense(2), layers.Lambda(np.sin)])
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match=r"Lambda.*`gradient`"):
        model.fit(x, x, verbose=0)


@pytest.mark.parametrize(("make", "error", "message"), [
    (lambda: layers.Dropout(1.0), ValueError, "rate=1.0"),
    (lambda: layers.SpatialDropout1D(-0.1), ValueError, "rate=-0.1"),
    (lambda: layers.SpatialDropout2D(0.5, "last"), ValueError, "data_format='last'"),
    (lambda: layers.GaussianNoise(1.5), ValueError, "stddev=1.5"),
    (lambda: layers.Dropout(0.5, noise_shape=3), ValueError, "noise_shape=3"),
    (lambda: layers.Dropout(0.5, noise_shape=(1, 2))(ONES, training=True), ValueError, "noise_shape"),
    (lambda: layers.SpatialDropout1D(0.5)(ONES[0]), ValueError, "3 axes"),
    (lambda: layers.LeakyReLU(-1), ValueError, "negative_slope=-1"),
    (lambda: layers.ReLU(max_value=-1), ValueError, "max_value=-1"),
    (lambda: layers.ReLU(threshold=None), ValueError, "threshold=None"),
    (lambda: layers.PReLU(shared_axes=[5])(ONES), ValueError, "shared_axes"),
    (lambda: layers.PReLU().build((None, None, 3)), ValueError, "sizes"),
    (lambda: layers.Softmax()(ONES, mask=np.ones((9, *ONES.shape))), ValueError, "more dimensions"),
    (lambda: layers.Softmax()(ONES, mask=np.ones((2, *ONES.shape[1:]))), ValueError, "broadcastable"),
    (lambda: layers.Softmax(axis=4)(ONES), ValueError, "axis=4"),
    (lambda: layers.BatchNormalization(momentum=1.5), ValueError, "momentum=1.5"),
    (lambda: layers.BatchNormalization(epsilon=-1), ValueError, "epsilon=-1"),
    (lambda: layers.BatchNormalization(axis=3)(ONES), ValueError, "axis=3"),
    (lambda: layers.BatchNormalization(axis=1.5), TypeError, "axis"),
    (lambda: layers.BatchNormalization().build((None, 4, None)), ValueError, "known size"),
    (lambda: layers.LayerNormalization(axis="last"), TypeError, "axis"),
    (lambda: layers.GroupNormalization(3)(ONES), ValueError, "channels=8, groups=3"),
    (lambda: layers.GroupNormalization(0), ValueError, "groups=0"),
    (lambda: layers.Normalization(mean=1.0), ValueError, "both `mean` and `variance`"),
    (lambda: layers.Normalization(mean=[1.0, 2.0], variance=[1.0]), ValueError, "same shape"),
    (lambda: layers.Normalization(axis=5)(ONES), ValueError, "axis"),
    (lambda: layers.Rescaling([1.0, 2.0])(ONES), ValueError, "`scale` of Rescaling"),
    (lambda: layers.Rescaling("big"), TypeError, "scale"),
    (lambda: layers.Lambda(3), TypeError, "callable"),
    (lambda: layers.Lambda(np.sin).get_config(), ValueError, "holds functions"),
    (lambda: layers.Lambda(np.sin, mask=np.sin), ValueError, "`mask` must be None"),
])
def test_refusals(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_softmax_leaves_masked_entries_out():
    """Against the sum over the others, written plainly; where all are left out, nothing is put out."""
    x, mask = np.array([[1.0, 2, 3, 4], [5, 6, 7, 8]]), np.array([[1, 1, 0, 1], [0, 0, 0, 0]])
    shares = np.exp(x) * mask
    expected = shares / np.maximum(shares.sum(-1, keepdims=True), 1e-30)
    np.testing.assert_allclose(layers.Softmax()(x, mask=mask), expected, rtol=1e-6)
    np.testing.assert_allclose(layers.Softmax()(x, mask=mask[0]), np.exp(x) * mask[0] / (np.exp(x) * mask[0]).sum(
        -1, keepdims=True), rtol=1e-6)
