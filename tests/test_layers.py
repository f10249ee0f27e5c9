"""Layers as functions: outputs against SciPy and NumPy, shapes, weights, and what they refuse."""
import pickle

import numpy as np
import pytest
from scipy import signal

import mgconv
from mgconv import layers

RNG = np.random.default_rng(0)


def built(layer, shape, dtype="float64"):
    layer.build((None, *shape), dtype)
    for name in layer.weight_names:
        weight = getattr(layer, name)
        weight[...] = RNG.standard_normal(weight.shape)
    return layer


def test_conv1d_is_a_correlation():
    layer = built(layers.Conv1D(3, 4), (20, 2))
    x = RNG.standard_normal((5, 20, 2))
    want = [[sum(signal.correlate(x[n, :, c], layer.kernel[:, c, f], "valid") for c in range(2)) + layer.bias[f]
             for f in range(3)] for n in range(5)]
    np.testing.assert_allclose(layer(x), np.moveaxis(want, 1, 2), rtol=1e-12)


def test_conv2d_is_a_correlation():
    layer = built(layers.Conv2D(3, (2, 3), padding="same"), (6, 7, 2))
    x = RNG.standard_normal((2, 6, 7, 2))
    padded = np.pad(x, ((0, 0), (0, 1), (1, 1), (0, 0)))
    want = [[sum(signal.correlate2d(padded[n, ..., c], layer.kernel[..., c, f], "valid") for c in range(2))
             + layer.bias[f] for f in range(3)] for n in range(2)]
    np.testing.assert_allclose(layer(x), np.moveaxis(want, 1, 3), rtol=1e-12)


def test_causal_outputs_do_not_see_what_comes_later():
    layer = built(layers.Conv1D(2, 3, padding="causal", dilation_rate=2), (16, 1))
    x = RNG.standard_normal((1, 16, 1))
    later = x.copy()
    later[:, 9:] += 1
    np.testing.assert_array_equal(layer(x)[:, :9], layer(later)[:, :9])
    assert (layer(x)[:, 9:] != layer(later)[:, 9:]).any()


def test_depthwise_channels_are_independent():
    layer = built(layers.DepthwiseConv1D(3, depth_multiplier=2), (10, 4))
    x = RNG.standard_normal((3, 10, 4))
    y = layer(x)
    for c in range(4):
        for m in range(2):
            want = [signal.correlate(x[n, :, c], layer.kernel[:, c, m], "valid") for n in range(3)]
            np.testing.assert_allclose(y[:, :, 2 * c + m], np.array(want) + layer.bias[2 * c + m], rtol=1e-12)


@pytest.mark.parametrize("shape", [(4,), (5, 4), (2, 3, 4)])
def test_dense_is_a_product_along_the_last_axis(shape):
    layer = built(layers.Dense(3), shape)
    x = RNG.standard_normal((6, *shape))
    np.testing.assert_allclose(layer(x), x @ layer.kernel + layer.bias, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("make", [
    lambda f: layers.Conv1D(3, 2, data_format=f, activation="relu"), lambda f: layers.DepthwiseConv1D(2, data_format=f),
    lambda f: layers.MaxPooling1D(2, data_format=f), lambda f: layers.AveragePooling1D(2, data_format=f)])
def test_channels_first_is_channels_last_with_axes_moved(make):
    last, first = built(make("channels_last"), (9, 4)), built(make("channels_first"), (4, 9))
    first.set_weights(last.get_weights())
    x = RNG.standard_normal((2, 9, 4))
    assert first.compute_output_shape((None, 4, 9)) == (None, *first(np.moveaxis(x, 2, 1)).shape[1:])
    np.testing.assert_array_equal(np.moveaxis(first(np.moveaxis(x, 2, 1)), 1, 2), last(x))


def test_flatten_gives_the_same_vector_for_both_formats():
    x = RNG.standard_normal((2, 5, 6, 3))
    np.testing.assert_array_equal(layers.Flatten()(x), x.astype("f4").reshape(2, -1))
    np.testing.assert_array_equal(layers.Flatten("channels_first")(np.moveaxis(x, 3, 1)), layers.Flatten()(x))


def test_pooling_with_overlap_and_padding():
    x = RNG.standard_normal((2, 7, 3))
    np.testing.assert_array_equal(layers.MaxPooling1D(3, strides=1)(x),
                                  np.max([x[:, i:i + 5].astype("f4") for i in range(3)], axis=0))
    same = layers.AveragePooling1D(3, strides=2, padding="same")(x)
    want = [x[:, 0:2].mean(axis=1), x[:, 1:4].mean(axis=1), x[:, 3:6].mean(axis=1), x[:, 5:7].mean(axis=1)]
    np.testing.assert_allclose(same, np.stack(want, axis=1), rtol=1e-5)
    assert layers.MaxPooling1D(3, strides=2, padding="same")(-1 - x ** 2).max() < 0       # the padding does not count


def test_max_pooling_sends_the_gradient_to_the_first_of_equals():
    layer = layers.MaxPooling1D(2)
    layer.build((None, 4, 1))
    x, dx = np.array([[[1.0], [1.0], [0.0], [2.0]]], "f4"), np.empty((1, 4, 1), "f4")
    bound = layer.bind(x, dx, training=True)
    for call in bound.forward:
        call()
    bound.dy[...] = 3
    for call in bound.backward:
        call()
    assert dx.ravel().tolist() == [3, 0, 0, 3]


def test_dropout():
    mgconv.set_random_seed(0)
    layer = layers.Dropout(0.25)
    layer.build((None, 1000))
    x, dx = np.ones((4, 1000), "f4"), np.ones((4, 1000), "f4")
    bound = layer.bind(x, dx, training=True)
    for call in bound.forward:
        call()
    assert set(np.unique(bound.y)) == {0, np.float32(1 / 0.75)}
    assert (bound.y == 0).mean() == pytest.approx(0.25, abs=0.03)
    bound.dy.fill(1)
    bound.backward[0]()
    np.testing.assert_array_equal(dx, bound.y)
    np.testing.assert_array_equal(layer(x), x)
    with pytest.raises(ValueError, match="rate=1"):
        layers.Dropout(1)


@pytest.mark.parametrize(("layer", "shape", "output", "weights"), [
    (layers.Conv1D(16, 5), (32, 4), (28, 16), [(5, 4, 16), (16,)]),
    (layers.Conv1D(16, 5, groups=4, use_bias=False), (32, 8), (28, 16), [(5, 2, 16)]),
    (layers.Conv1D(16, 5, strides=3, padding="causal"), (32, 4), (11, 16), [(5, 4, 16), (16,)]),
    (layers.Conv2D(8, (3, 2), strides=(2, 1)), (9, 9, 3), (4, 8, 8), [(3, 2, 3, 8), (8,)]),
    (layers.DepthwiseConv1D(3, depth_multiplier=2), (9, 5), (7, 10), [(3, 5, 2), (10,)]),
    (layers.DepthwiseConv2D(3, padding="same"), (9, 9, 5), (9, 9, 5), [(3, 3, 5, 1), (5,)]),
    (layers.Dense(7), (3, 4), (3, 7), [(4, 7), (7,)]),
    (layers.MaxPooling2D(), (9, 8, 3), (4, 4, 3), []),
    (layers.AveragePooling2D((3, 2), 1, "same"), (9, 8, 3), (9, 8, 3), []),
    (layers.Reshape((3, -1)), (6, 4), (3, 8), []),
    (layers.Flatten(), (6, 4), (24,), []),
])
def test_shapes_are_keras_shapes(layer, shape, output, weights):
    layer.build((None, *shape))
    assert layer.output_shape == (None, *output)
    assert [w.shape for w in layer.get_weights()] == weights
    assert layer.count_params() == sum(int(np.prod(w)) for w in weights)
    assert layer(np.zeros((2, *shape))).shape == (2, *output)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_results_have_the_dtype_of_the_layer_and_are_fresh(dtype):
    layer = built(layers.Flatten(), (3, 2), dtype)
    x = np.ones((2, 3, 2), dtype)
    y = layer(x)
    y[...] = 7
    assert y.dtype == dtype
    assert (x == 1).all()


@pytest.mark.parametrize(("make", "message"), [
    (lambda: layers.Conv1D(0, 3), "argument `filters`. Expected a strictly positive value. Received filters=0."),
    (lambda: layers.Conv1D(4, 0), "tuple of 1 integers. Received kernel_size=0, including values \\{0\\} that"),
    (lambda: layers.Conv2D(4, (3, 3, 3)), r"`kernel_size` .* Received kernel_size=\(3, 3, 3\)."),
    (lambda: layers.Conv1D(4, 3, strides=0), "`strides`"),
    (lambda: layers.Conv1D(4, 3, dilation_rate=-1), "`dilation_rate`"),
    (lambda: layers.Conv1D(4, 3, padding="full"), "valid, same, causal. Received: padding='full'."),
    (lambda: layers.Conv2D(4, 3, padding="causal"), "`padding` must be one of valid, same."),
    (lambda: layers.Conv1D(4, 3, groups=3), "evenly divisible by the number of groups. Received: groups=3, filters=4."),
    (lambda: layers.Conv1D(4, 3, data_format="NCL"), "`data_format`"),
    (lambda: layers.DepthwiseConv1D(3, depth_multiplier=0), "`depth_multiplier`"),
    (lambda: layers.Dense(0), "`units` must be a positive integer. Received: units=0."),
    (lambda: layers.Dense("3"), "`units` must be a positive integer. Received: units='3'."),
    (lambda: layers.MaxPooling1D(0), "`pool_size`"),
    (lambda: layers.MaxPooling1D(2, padding="causal"), "`padding`"),
    (lambda: layers.MaxPooling1D(9)(np.zeros((2, 8, 1))), "A window must not be larger than the input"),
    (lambda: layers.Reshape((-1, -1)), "`target_shape`"),
    (lambda: layers.Conv1D(4, 3)(np.zeros((8, 4))), r"\(batch, steps, channels\)"),
    (lambda: layers.Conv2D(4, 3, data_format="channels_first")(np.zeros((8, 4))), r"\(batch, channels, rows, cols\)"),
    (lambda: layers.Conv1D(4, 9)(np.zeros((2, 8, 1))), "longer than the padded input"),
    (lambda: layers.Conv1D(4, 3, groups=2)(np.zeros((2, 8, 3))), "channels must be a multiple of `groups`"),
    (lambda: layers.Reshape((5,))(np.zeros((2, 8))), r"8 numbers of a sample. Received: target_shape=\(5,\)"),
    (lambda: layers.Dense(3)(np.zeros(8)), "must have shape"),
])
def test_bad_values_state_the_rule_and_what_came(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize("make", [lambda: layers.Conv1D(2.5, 3), lambda: layers.Conv1D(2, "3"),
                                  lambda: layers.Dense(1, name=3),
                                  lambda: layers.Reshape((2.5,)), lambda: layers.Reshape(5), lambda: layers.Input(5)])
def test_bad_types(make):
    with pytest.raises(TypeError, match="Received"):
        make()


def test_calls_see_new_weights_and_leave_old_results_alone():
    layer = built(layers.Dense(2), (4,))
    x = RNG.standard_normal((3, 4))
    first = layer(x)
    kept = first.copy()
    layer.kernel += 1
    np.testing.assert_allclose(layer(x), kept + x.sum(axis=1, keepdims=True), rtol=1e-12)
    np.testing.assert_array_equal(first, kept)
    assert layer(x[:2]).shape == (2, 2)
    model = mgconv.Sequential([mgconv.Input((4,), dtype="float64"), layer])
    model.parameters[:] = 0
    assert (layer(x) == 0).all()


def test_a_built_layer_takes_what_its_weights_are_made_for():
    layer = built(layers.Dense(2), (4,))
    with pytest.raises(ValueError, match=r"takes the shape \(None, 4\)"):
        layer(np.zeros((2, 5)))
    layer = built(layers.Conv1D(2, 3, data_format="channels_first"), (4, 9))
    assert layer(np.zeros((2, 4, 6))).shape == (2, 2, 4)
    with pytest.raises(ValueError, match="incompatible with the layer"):
        layer(np.zeros((2, 3, 9)))
    layer = built(layers.Reshape((-1, 2)), (6,))
    assert layer(np.zeros((3, 8))).shape == (3, 4, 2)


def test_weights_have_the_names_of_keras():
    layer = built(layers.Dense(2, kernel_regularizer="l2", kernel_constraint="non_neg"), (4,))
    layer.kernel.assign(np.ones((4, 2)))
    assert type(layer.kernel.numpy()) is type(layer.kernel * 1) is np.ndarray
    assert (layer.kernel.numpy() == 1).all()
    assert layer.kernel.path == "Dense/kernel"
    assert layer.kernel.constraint.get_config() == {}
    np.testing.assert_allclose(layer.losses, [0.01 * 8])
    assert layer.variables == layer.trainable_variables == layer.weights
    layer.kernel -= 1
    layer.bias.assign([0, 0])
    assert (layer(np.ones((1, 4))) == 0).all()
    copy = pickle.loads(pickle.dumps(layer))
    copy.kernel.assign(np.ones((4, 2)))
    assert (copy(np.ones((1, 4))) == 4).all()
    assert (layer.kernel == 0).all()


def test_the_activation_may_be_set():
    layer = built(layers.Dense(2, activation="relu"), (4,))
    x = RNG.standard_normal((9, 4))
    assert layer(x).min() == 0
    layer.activation = None
    np.testing.assert_allclose(layer(x), x @ layer.kernel + layer.bias)


def test_a_mask_says_which_steps_count():
    x, mask = RNG.standard_normal((2, 3, 4)), np.array([[1, 1, 0], [0, 1, 0]])
    wanted = [x[0, :2].mean(axis=0), x[1, 1]]
    layer = layers.GlobalAveragePooling1D(dtype="float64")
    np.testing.assert_allclose(layer(x, mask), wanted)
    first = layers.GlobalAveragePooling1D("channels_first", keepdims=True, dtype="float64")
    np.testing.assert_allclose(first(x.transpose(0, 2, 1), mask)[..., 0], wanted)


def test_weights_of_a_wrong_shape_or_dtype_change_nothing():
    layer = built(layers.Dense(2), (4,))
    before = layer.get_weights()
    with pytest.raises(ValueError, match=r"must have shape \(2,\). Received: \(3,\)."):
        layer.set_weights([np.zeros((4, 2)), np.zeros(3)])
    with pytest.raises(ValueError, match="2 weight arrays. Received: 1."):
        layer.set_weights([np.zeros((4, 2))])
    with pytest.raises(TypeError, match="bias must hold real numbers. Received: an array of dtype complex128."):
        layer.set_weights([np.zeros((4, 2)), np.zeros(2, complex)])
    for old, new in zip(before, layer.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_a_layer_of_ones_own():
    class Shift(layers.Layer):
        def build(self, input_shape, dtype="float32"):
            super().build(input_shape, dtype)
            self.add_weight("offset", input_shape[1:], "zeros")

        def compute_output_shape(self, input_shape):
            return tuple(input_shape)

        def bind(self, x, dx=None, training=False):
            y, dy = np.empty_like(x), np.empty_like(x) if training else None

            def forward():
                np.add(x, self.offset, out=y)

            def backward():
                self.gradients["offset"][...] = dy.sum(axis=0)
                if dx is not None:
                    np.copyto(dx, dy)
            return layers.Bound(y, dy, [forward], [backward])

    model = mgconv.Sequential([mgconv.Input((3,)), Shift(), Shift()])
    model.compile(mgconv.optimizers.SGD(0.5), "mse")
    model.fit(np.zeros((8, 3)), np.full((8, 3), 2.0), epochs=100, verbose=0)
    np.testing.assert_allclose(model.predict(np.zeros((1, 3)), verbose=0), 2, atol=1e-5)
