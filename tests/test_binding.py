"""Every layer, bound to arrays as binding.py has it: whatever the arrays hold when a run begins, the same numbers come
out; they are right by central differences; and one layer serves batches and lengths of several sizes."""
import zlib

import numpy as np
import pytest

import mgconv
from mgconv import layers
from mgconv._support.memory import Buffers, aligned_empty
from mgconv.layers.composite import Composite
from mgconv.layers.registered import registry

SERIES, IMAGE, VECTOR = (11, 4), (7, 6, 3), (12,)
FIRST = {"data_format": "channels_first"}



# Class, arguments, shape of a sample. Layers that take series of any length have (None, channels).
CASES = [
    ("InputLayer", {"shape": (11, 4)}, SERIES),
    ("Conv1D", {"filters": 3, "kernel_size": 3, "activation": "relu"}, SERIES),
    ("Conv1D", {"filters": 4, "kernel_size": 3, "strides": 2, "padding": "same", "groups": 2}, SERIES),
    ("Conv1D", {"filters": 3, "kernel_size": 2, "dilation_rate": 2, "padding": "causal", "activation": "gelu"}, SERIES),
    ("Conv2D", {"filters": 3, "kernel_size": (3, 2), "activation": "softmax", **FIRST}, IMAGE),
    ("DepthwiseConv1D", {"kernel_size": 3, "depth_multiplier": 2, "activation": "elu"}, SERIES),
    ("DepthwiseConv2D", {"kernel_size": 2, "padding": "same", "strides": 2}, IMAGE),
    ("SeparableConv1D", {"filters": 3, "kernel_size": 3, "depth_multiplier": 2, "activation": "relu"}, SERIES),
    ("SeparableConv1D", {"filters": 3, "kernel_size": 3, "padding": "causal", "use_bias": False}, SERIES),
    ("SeparableConv2D", {"filters": 2, "kernel_size": (2, 3), "strides": 2, "padding": "same"}, IMAGE),
    ("SeparableConv2D", {"filters": 2, "kernel_size": 2, "activation": "gelu", **FIRST}, IMAGE),
    ("Conv1DTranspose", {"filters": 3, "kernel_size": 3, "strides": 2, "activation": "relu"}, SERIES),
    ("Conv1DTranspose", {"filters": 3, "kernel_size": 3, "dilation_rate": 2, "padding": "same"}, SERIES),
    ("Conv1DTranspose", {"filters": 3, "kernel_size": 2, "strides": 3, "padding": "same", "output_padding": 1}, SERIES),
    ("Conv2DTranspose", {"filters": 2, "kernel_size": (3, 2), "strides": (2, 1), "padding": "same"}, IMAGE),
    ("Conv2DTranspose", {"filters": 2, "kernel_size": 2, "strides": 2, "output_padding": (0, 1), **FIRST}, IMAGE),
    ("Dense", {"units": 3, "activation": "sigmoid"}, VECTOR),
    ("Dense", {"units": 3, "activation": "swish"}, IMAGE),
    ("MaxPooling1D", {"pool_size": 3, "strides": 2, "padding": "same"}, SERIES),
    ("MaxPooling2D", {"pool_size": (2, 3), **FIRST}, IMAGE),
    ("AveragePooling1D", {"pool_size": 3, "strides": 1}, SERIES),
    ("AveragePooling2D", {"pool_size": 2, "padding": "same"}, IMAGE),
    ("GlobalMaxPooling1D", {}, SERIES),
    ("GlobalMaxPooling2D", {"keepdims": True, **FIRST}, IMAGE),
    ("GlobalAveragePooling1D", {"keepdims": True}, SERIES),
    ("GlobalAveragePooling2D", FIRST, IMAGE),
    ("Flatten", {}, IMAGE),
    ("Flatten", FIRST, IMAGE),
    ("Reshape", {"target_shape": (4, -1)}, VECTOR),
    ("Permute", {"dims": (3, 1, 2)}, IMAGE),
    ("RepeatVector", {"n": 3}, VECTOR),
    ("ZeroPadding1D", {"padding": (2, 1)}, SERIES),
    ("ZeroPadding1D", {"padding": 1, **FIRST}, SERIES),
    ("ZeroPadding2D", {"padding": ((1, 0), (2, 3))}, IMAGE),
    ("ZeroPadding2D", {"padding": (1, 2), **FIRST}, IMAGE),
    ("Cropping1D", {"cropping": (2, 1)}, SERIES),
    ("Cropping2D", {"cropping": ((1, 0), (2, 1))}, IMAGE),
    ("Cropping2D", {"cropping": 1, **FIRST}, (3, 7, 6)),
    ("UpSampling1D", {"size": 3}, SERIES),
    ("UpSampling2D", {"size": (2, 3)}, IMAGE),
    ("UpSampling2D", {"size": (3, 2), **FIRST}, IMAGE),
    ("UpSampling2D", {"size": (2, 3), "interpolation": "bilinear"}, IMAGE),
    ("UpSampling2D", {"size": 2, "interpolation": "bicubic", **FIRST}, IMAGE),
    ("UpSampling2D", {"size": 2, "interpolation": "lanczos3"}, IMAGE),
    ("Activation", {"activation": "tanh"}, SERIES),
    ("Activation", {"activation": "softmax"}, IMAGE),
    ("ReLU", {"max_value": 1.0, "negative_slope": 0.1}, SERIES),
    ("LeakyReLU", {}, SERIES),
    ("ELU", {"alpha": 0.5}, SERIES),
    ("PReLU", {}, SERIES),
    ("PReLU", {"shared_axes": [1, 2]}, IMAGE),
    ("Softmax", {}, SERIES),
    ("Softmax", {"axis": 1}, IMAGE),
    ("BatchNormalization", {}, SERIES),
    ("BatchNormalization", {"axis": 1, "scale": False}, IMAGE),
    ("LayerNormalization", {}, SERIES),
    ("LayerNormalization", {"axis": [1, 2], "center": False}, IMAGE),
    ("GroupNormalization", {"groups": 2}, SERIES),
    ("GroupNormalization", {"groups": -1}, IMAGE),
    ("UnitNormalization", {}, SERIES),
    ("Normalization", {"mean": 1.0, "variance": 4.0}, SERIES),
    ("Rescaling", {"scale": 0.5, "offset": 1.0}, IMAGE),
    ("Dropout", {"rate": 0.3}, SERIES),
    ("SpatialDropout1D", {"rate": 0.3}, SERIES),
    ("SpatialDropout2D", {"rate": 0.3, **FIRST}, IMAGE),
    ("GaussianNoise", {"stddev": 0.5}, SERIES),
    ("GaussianDropout", {"rate": 0.3}, SERIES),
    ("AlphaDropout", {"rate": 0.3}, SERIES),
    ("ActivityRegularization", {"l2": 0.1}, SERIES),
    ("Lambda", {"function": np.square, "gradient": lambda x, dy: 2 * x * dy}, SERIES),
    ("Residual", {"layers": [{"class_name": "Conv1D", "config": {"filters": 4, "kernel_size": 3, "padding": "same"}},
                             {"class_name": "Activation", "config": {"activation": "tanh"}}]}, SERIES),
    ("Concatenate", {"branches": [[{"class_name": "Conv1D", "config": {"filters": 2, "kernel_size": 1}}], []]}, SERIES),
]
# Not of any length: they have weights or a shape for each step.
FIXED = {"Dense", "Flatten", "Reshape", "RepeatVector", "PReLU", "LayerNormalization", "InputLayer"}


def label(case):
    return " ".join([case[0], *(f"{name}={getattr(value, '__name__', value)}" for name, value in case[1].items())])


def made(case, dtype="float64"):
    """The layer of a case, built, its weights all different from their first values."""
    name, arguments, shape = case
    layer = getattr(layers, name)(**arguments)
    mgconv.set_random_seed(1)
    layer.build((None, *shape), dtype)
    rng = np.random.default_rng(zlib.crc32(label(case).encode()))
    for weight in layer.trainable_weights:
        weight.assign(weight.numpy() + 0.3 * rng.standard_normal(weight.shape))
    return layer, rng


def run(calls):
    """Run bound calls; random layers choose the same at every run."""
    mgconv.set_random_seed(7)
    for call in calls:
        call()


def bound_to(layer, x, training=True):
    """Bound on poisoned memory: (x, dx, bound, poison), where `poison()` fills all memory but x and weights."""
    buffers = Buffers()
    with buffers:
        held, dx = aligned_empty(x.shape, x.dtype), aligned_empty(x.shape, x.dtype)
        bound = layer.bind(held, dx if training else None, training)

    def poison(byte):
        for block in buffers._blocks:
            block[...] = byte
        held[...] = x
    return held, dx, bound, poison


def test_every_layer_has_a_case():
    known = {entry.__name__ for entry in registry.named.values()}
    assert known - {"Sequential"} <= {name for name, _, _ in CASES}


@pytest.mark.parametrize("case", CASES, ids=label)
def test_arrays_may_hold_anything_when_a_run_begins(case):
    layer, rng = made(case)
    x = rng.standard_normal((3, *case[2]))
    held, dx, bound, poison = bound_to(layer, x)
    weights, results = layer.get_weights(), []
    assert bound.y.flags.c_contiguous
    dy = rng.standard_normal(bound.y.shape)
    for byte in (0x00, 0xFF):                              # eight bytes of FF are NaN
        poison(byte)
        layer.set_weights(weights)
        for gradient in layer.gradients.values():
            gradient.fill(np.nan)
        run(bound.forward)
        assert (held == x).all()
        results.append([bound.y.copy()])
        bound.dy[...] = dy
        run(bound.backward)
        results[-1] += [dx.copy(), *(gradient.copy() for gradient in layer.gradients.values())]
        if not np.shares_memory(held, bound.y):
            assert (held == x).all()
    for first, second in zip(*results, strict=True):
        assert np.isfinite(second).all()
        assert (first == second).all()


@pytest.mark.parametrize("case", CASES, ids=label)
def test_gradients_are_those_of_central_differences(case):
    layer, rng = made(case)
    x = rng.standard_normal((3, *case[2]))
    held, dx, bound, poison = bound_to(layer, x)
    poison(0xFF)
    run(bound.forward)
    share = rng.standard_normal(bound.y.shape)
    bound.dy[...] = share
    run(bound.backward)

    def check(array, gradient, h=1e-6):
        gradient, flat = gradient.copy(), array.reshape(-1)
        for i in rng.permutation(flat.size)[:25]:
            old = flat[i]
            around = []
            for moved in (old - h, old + h):
                flat[i] = moved
                run(bound.forward)
                around.append((bound.y * share).sum())
            flat[i] = old
            slope = (around[1] - around[0]) / (2 * h)
            assert abs(slope - gradient.flat[i]) <= 1e-7 * max(1, np.abs(gradient).max()), (label(case), i)

    gradients = {name: gradient.copy() for name, gradient in layer.gradients.items()}
    check(held, dx)
    for weight, gradient in zip(layer.trainable_weights, gradients.values(), strict=True):
        check(weight.value, gradient)


@pytest.mark.parametrize("case", CASES, ids=label)
def test_what_nobody_needs_is_left_out_and_the_rest_stays(case):
    layer, rng = made(case)
    x = rng.standard_normal((2, *case[2]))
    _, dx, bound, poison = bound_to(layer, x)
    poison(0)
    run(bound.forward)
    dy = rng.standard_normal(bound.y.shape)
    bound.dy[...] = dy
    run(bound.backward)
    whole = [gradient.copy() for gradient in layer.gradients.values()]
    wanted = dx.copy()

    alone = layer.bind(x, None, True)                      # nobody below learns
    run(alone.forward)
    if whole:
        alone.dy[...] = dy
    run(alone.backward)
    for gradient, before in zip(layer.gradients.values(), whole, strict=True):
        np.testing.assert_allclose(gradient, before, rtol=1e-12, atol=1e-14)

    if case[0] == "BatchNormalization":                    # frozen, it is another function
        return
    layer.trainable = False
    assert layer.gradients == {}
    _, dx, frozen, poison = bound_to(layer, x)
    poison(0xFF)
    run(frozen.forward)
    frozen.dy[...] = dy
    run(frozen.backward)
    np.testing.assert_allclose(dx, wanted, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("case", [case for case in CASES if case[0] != "InputLayer"], ids=label)
def test_one_set_of_memory_serves_two_batch_sizes(case):
    layer, rng = made(case, "float32")
    large, small = (rng.standard_normal((n, *case[2])).astype("f4") for n in (5, 2))
    model = mgconv.Sequential([mgconv.Input(case[2]), layer])
    alone = model.predict_on_batch(small).copy()
    both = model.predict_on_batch(large).copy()
    np.testing.assert_array_equal(model.predict(np.concatenate([large, small]), batch_size=5), [*both, *alone])
    np.testing.assert_allclose(alone, model.predict(small, batch_size=1), rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("case", [case for case in CASES if case[0] != "InputLayer"], ids=label)
def test_a_predictor_gives_the_same(case):
    layer, rng = made(case, "float32")
    model = mgconv.Sequential([mgconv.Input(case[2]), layer])
    for n in (1, 3):
        x = rng.standard_normal((n, *case[2])).astype("f4")
        np.testing.assert_allclose(model.predictor(n)(x), model.predict(x), rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("case", CASES, ids=label)
def test_both_dtypes_compute_the_same(case):
    layer, rng = made(case)
    x = rng.standard_normal((2, *case[2]))
    single = getattr(layers, case[0])(**case[1], dtype="float32")
    single.build((None, *case[2]))
    single.set_weights(layer.get_weights())
    y = single(x)
    assert y.dtype == np.float32
    np.testing.assert_allclose(y, layer(x), rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("case", CASES, ids=label)
def test_the_output_has_the_shape_that_was_said(case):
    layer, rng = made(case)
    for batch in (0, 1, 4):
        x = rng.standard_normal((batch, *case[2]))
        assert layer.compute_output_shape(x.shape) == layer(x).shape
    assert layer.compute_output_shape((None, *case[2])) == layer.output_shape == (None, *layer(x).shape[1:])


@pytest.mark.parametrize("case", [case for case in CASES if case[2] == SERIES and case[0] not in FIXED
                                  and "data_format" not in case[1]], ids=label)
def test_series_of_any_length(case):
    model = mgconv.Sequential([mgconv.Input((None, 4), dtype="float64"), getattr(layers, case[0])(**case[1])])
    if case[0].startswith("Global"):
        assert None not in model.output_shape[1:]
    else:
        assert model.output_shape[1] is None
    rng = np.random.default_rng(0)
    for length in (9, 14):
        x = rng.standard_normal((2, length, 4))
        fixed = mgconv.Sequential([mgconv.Input((length, 4), dtype="float64"), getattr(layers, case[0])(**case[1])])
        fixed.set_weights(model.get_weights())
        np.testing.assert_array_equal(model.predict(x), fixed.predict(x))


@pytest.mark.parametrize("case", CASES, ids=label)
def test_configurations_come_back(case):
    import json
    layer, _ = made(case)
    if case[0] == "Lambda":
        pytest.skip("a function is no JSON")
    config = json.loads(json.dumps(layer.get_config()))
    again = layers.get({"class_name": case[0], "config": config})
    assert type(again) is type(layer)
    assert json.loads(json.dumps(again.get_config())) == config
    assert isinstance(layer, Composite) or again.compute_output_shape((None, *case[2])) == layer.output_shape
