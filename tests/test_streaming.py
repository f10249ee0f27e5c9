"""Models fed sample by sample give what `predict` gives for the whole sequence, and what sums written plainly give."""
import copy
import re

import numpy as np
import pytest

import mgconv
from mgconv import layers
from mgconv.layers import Activation, Concatenate, Conv1D, Dense, DepthwiseConv1D, Dropout, Flatten, Residual
from mgconv.native import runtime
from mgconv.plain.export import stream_program

TOLERANCE = {"float32": 1e-5, "float64": 1e-13}


def built(stack, channels, dtype="float32", steps=None):
    model = mgconv.Sequential([mgconv.Input((steps, channels), dtype=dtype), *stack])
    rng = np.random.default_rng(1)
    model.set_weights([rng.standard_normal(w.shape) / max(1, np.prod(w.shape[:-1])) ** 0.5 for w in model.weights])
    for weight in model.weights:
        if weight.name == "moving_variance":
            weight.assign(0.5 + np.abs(weight.value))
    return model


def samples_for(model, count=40):
    return np.random.default_rng(2).standard_normal((count, model.input_shape[-1])).astype(model.dtype)


def drawn(rng, channels, depth=0):
    """A random causal stack, and the channels of its output."""
    stack: list[layers.Layer] = []
    for _ in range(rng.integers(1, 5)):
        kind = rng.integers(7 if depth < 2 else 5)
        taps, dilation, bias = int(rng.integers(1, 6)), int(rng.integers(1, 9)), bool(rng.integers(2))
        if kind == 0:
            stack.append(Activation(str(rng.choice(["tanh", "relu", "gelu"]))))
        elif kind == 1:
            stack.append([Dropout(0.5), layers.BatchNormalization(), layers.ReLU(), layers.LayerNormalization(),
                          layers.PReLU(shared_axes=[1]), layers.Rescaling(0.5)][rng.integers(6)])
        elif kind == 2:
            groups, channels = channels, channels * int(rng.integers(1, 3))
            stack.append(Conv1D(channels, taps, dilation_rate=dilation, padding="causal", groups=groups, use_bias=bias))
        elif kind == 3:
            channels = int(rng.integers(1, 40))
            stack.append(Dense(channels, activation="tanh", use_bias=bias))
        elif kind == 4:
            channels = int(rng.integers(1, 70))
            stack.append(Conv1D(channels, taps, dilation_rate=dilation, padding="causal", use_bias=bias,
                                activation=str(rng.choice(["relu", "linear", "softmax", "elu"]))))
        elif kind == 5:
            stack.append(Residual([*drawn(rng, channels, depth + 1)[0], Dense(channels)]))
        else:
            branches = [drawn(rng, channels, depth + 1) for _ in range(2)]
            channels = sum(width for _, width in branches)
            stack.append(Concatenate([branch for branch, _ in branches]))
    return stack, channels


@pytest.mark.parametrize("isa", runtime.available_isas())
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("seed", range(12))
def test_random_causal_stacks(seed, dtype, isa):
    runtime.set_isa(isa)
    rng = np.random.default_rng(seed)
    channels = int(rng.integers(1, 5))
    model = built(drawn(rng, channels)[0], channels, dtype)
    x = samples_for(model)
    expected = model.predict(x[None], verbose=0)[0]
    stream = model.stream()
    assert stream.late == 0
    np.testing.assert_allclose(stream.run(x), expected, rtol=0, atol=TOLERANCE[dtype] * abs(expected).max())


@pytest.mark.parametrize("isa", runtime.available_isas())
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("filters", [1, 7, 8, 9, 16, 17, 31, 33, 48, 63, 64, 65, 130])
def test_one_convolution_against_its_sum(filters, dtype, isa):
    runtime.set_isa(isa)
    model = built([Conv1D(filters, 3, dilation_rate=2, padding="causal")], 5, dtype)
    kernel, bias = model.get_weights()
    x = samples_for(model)
    past = np.concatenate([np.zeros((4, 5)), x])
    expected = bias + sum(past[2 * t:2 * t + len(x)] @ kernel[t] for t in range(3))
    np.testing.assert_allclose(model.stream().run(x), expected, rtol=0, atol=TOLERANCE[dtype] * abs(expected).max())


@pytest.mark.parametrize("multiplier", [1, 3])
def test_valid_convolutions_come_late(multiplier):
    model = built([DepthwiseConv1D(3, depth_multiplier=multiplier, dilation_rate=2, activation="relu"),
                   Conv1D(6, 4, groups=2), Conv1D(2, 1, padding="same")], 4 if multiplier == 1 else 2)
    x = samples_for(model)
    stream = model.stream()
    assert stream.late == 4 + 3
    assert [stream(sample) is None for sample in x[:9]] == 7 * [True] + 2 * [False]
    stream.reset()
    np.testing.assert_allclose(stream.run(x), model.predict(x[None], verbose=0)[0], rtol=0, atol=1e-5)
    stream.reset()
    assert stream.run(x[:7]).shape == (0, 2)


def test_a_flatten_before_a_dense_sees_the_last_window():
    model = built([Conv1D(8, 3, activation="relu"), Conv1D(8, 3, activation="tanh"), Flatten(), Dense(14)], 1, steps=12)
    x = samples_for(model)
    windows = np.lib.stride_tricks.sliding_window_view(x[:, 0], 12)[..., None]
    outputs = model.stream().run(x[:, 0])
    np.testing.assert_allclose(outputs, model.predict(windows, verbose=0), rtol=0, atol=1e-5)


@pytest.mark.parametrize(("zeros", "late"), [(0, 4), (3, 1), (4, 0)])
@pytest.mark.parametrize("layer", [Conv1D(6, 3, dilation_rate=2, activation="tanh"),
                                   DepthwiseConv1D(3, dilation_rate=2),
                                   layers.SeparableConv1D(5, 3, dilation_rate=2, activation="relu")])
def test_zeros_in_front_spare_waiting(layer, zeros, late):
    layer = type(layer).from_config(layer.get_config())
    model = built([layers.ZeroPadding1D((zeros, 0)), layer, layers.LayerNormalization(), Dense(2)], 3)
    x = samples_for(model)
    stream, program = model.stream(), stream_program(model)
    assert stream.late == program.late == late
    expected = model.predict(x[None], verbose=0)[0]
    np.testing.assert_allclose(stream.run(x), expected, rtol=0, atol=3e-5)
    np.testing.assert_allclose(program.run(x)[:, 0], expected, rtol=0, atol=3e-5)


def test_copy_preset_reset():
    model = built([Conv1D(8, 3, dilation_rate=3, padding="causal", activation="relu"), Conv1D(3, 4)], 2)
    x = samples_for(model)
    stream = model.stream()
    expected = stream.run(x)
    stream.preset(x[:20])
    twin = copy.copy(stream)
    np.testing.assert_array_equal(stream.run(x[20:]), expected[20 - stream.late:])
    np.testing.assert_array_equal(twin.run(x[20:]), expected[20 - stream.late:])
    stream.reset()
    np.testing.assert_array_equal(stream.run(x), expected)


def test_weights_are_those_of_the_time_it_was_made():
    model = built([Conv1D(2, 3, padding="causal")], 1)
    stream = model.stream()
    model.set_weights([np.zeros(w.shape) for w in model.weights])
    assert np.abs(stream(1.0)).max() > 0


def test_samples_of_other_types_are_converted():
    model = built([Conv1D(2, 3, padding="causal")], 1)
    a, b = model.stream(), model.stream()
    for x in 3, 2.5, [1], np.float64(7), np.arange(1):
        np.testing.assert_array_equal(a(x), b(np.array([x], np.float32).reshape(1)))


def test_bad_samples_leave_the_past_as_it_is():
    model = built([Conv1D(2, 3, padding="causal")], 2)
    x = samples_for(model, 9)
    stream = model.stream()
    stream.run(x[:5])
    with pytest.raises(ValueError, match=re.escape("one sample of 2 channels, of shape (2,). Received: (3,).")):
        stream(np.zeros(3))
    for call in stream.run, stream.preset:
        with pytest.raises(ValueError, match=re.escape("of shape (samples, 2). Received: (4,).")):
            call(np.zeros(4))
    with pytest.raises(TypeError):
        stream(["a", "b"])
    with pytest.raises(TypeError):
        stream.preset([[1j, 2]])
    np.testing.assert_array_equal(stream.run(x[5:]), model.stream().run(x)[5:])


@pytest.mark.parametrize(("layer", "reason"), [
    (layers.MaxPooling1D(2), "its output at a step needs more than the input at that step and before it"),
    (Conv1D(2, 3, padding="same"), 'padding="same" looks ahead; "causal" does not'),
    (Conv1D(2, 3, strides=2), "its strides are (2,), so that not every sample has an output"),
    (Residual([Conv1D(2, 3)], shortcut=[Conv1D(2, 3)]), 'within a block convolutions must be causal, not "valid"'),
    (Concatenate([[Dense(2)], [Dense(2)]], axis=1), "its branches must be joined along the channels"),
    (Flatten(), "a Flatten must stand before a Dense"),
    (layers.ZeroPadding1D((0, 1)), "zeros must stand in front of all samples, and before a valid convolution"),
    (mgconv.Sequential([layers.ZeroPadding1D((3, 0)), Conv1D(2, 3)]), "there must be no more zeros than the 2")])
def test_refusals_name_the_layer_and_the_reason(layer, reason):
    model = built([Dense(2), layer], 2, steps=8)
    named = layer.name if not isinstance(layer, mgconv.Sequential) else layer.layers[0].name
    with pytest.raises(ValueError, match=f"the layer {named} .* cannot be streamed.*{re.escape(reason)}"):
        model.stream()


def test_only_sequences_are_streamed():
    with pytest.raises(ValueError, match=r"\(batch, steps, channels\)"):
        mgconv.Sequential([mgconv.Input((4,)), Dense(2)]).stream()
    with pytest.raises(ValueError, match="build"):
        mgconv.Sequential([Dense(2)]).stream()
