"""Models in whole numbers of 8 bits: near to floats, and the same numbers in NumPy, here, in a stream and in C."""
import ctypes
import re
import subprocess

import int8_twin
import numpy as np
import pytest
from random_nets import causal_net, conv_net, draw_weights, mixed_net, random_samples
from test_export_c import LAYERS, compiler_here

import mgconv
from mgconv import layers
from mgconv.plain import program_of
from mgconv.plain.export import export_c, stream_program
from mgconv.plain.quantize import Scale, fixed, loss, quantized

NO_FORM = ("log_softmax",)


def calibrated(net, seed, dtype="float32"):
    """A random model, its float program, the twin, and the runs by which it was calibrated."""
    rng = np.random.default_rng(seed)
    model = net(rng, dtype, NO_FORM)
    samples = random_samples(model, rng, 30).astype(dtype)
    if net is causal_net:
        program, runs = stream_program(model), [sequence[:, None] for sequence in samples]
    else:
        program, runs = program_of(model), [samples]
    return model, program, quantized(program, runs), runs


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("net", [conv_net, mixed_net, causal_net])
def test_the_loss_is_small(net, seed):
    _, program, twin, runs = calibrated(net, seed)
    lost = loss(program, twin, runs)
    assert lost.rms < 0.015 * lost.width
    assert lost.largest < 0.08 * lost.width


@pytest.mark.parametrize("far", [1, 30], ids=["like the calibration", "far beyond it"])
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("net", [conv_net, mixed_net, causal_net])
def test_the_whole_numbers_are_those_of_numpy(net, seed, far):
    _, _, twin, runs = calibrated(net, seed)
    codes = twin.input.coded(runs[0][:20] * far)
    assert twin.program.dtype == np.int8
    np.testing.assert_array_equal(twin.program.run(codes), int8_twin.run(twin.program, codes))


def test_streamed_whole_numbers_are_those_of_whole_sequences():
    rng = np.random.default_rng(3)
    model = causal_net(rng, "float32", NO_FORM, steps=40)
    samples = random_samples(model, rng, 20).astype(np.float32)
    whole = quantized(program_of(model), [samples])
    stream = quantized(stream_program(model), [sequence[:, None] for sequence in samples])
    assert (stream.input, stream.output) == (whole.input, whole.output)
    codes = whole.input.coded(samples)
    for sequence, expected in zip(codes, whole.program.run(codes), strict=True):
        np.testing.assert_array_equal(stream.program.run(sequence[:, None])[:, 0], expected)


@pytest.mark.parametrize(("shape", "layer"), LAYERS, ids=lambda value: getattr(type(value), "__name__", ""))
def test_every_layer_in_whole_numbers(shape, layer):
    """One layer rounds its input by half a step, and its output; what it does to the first depends on its weights."""
    rng = np.random.default_rng(0)
    model = draw_weights(mgconv.Sequential([mgconv.Input(shape), type(layer).from_config(layer.get_config())]), rng)
    x = rng.uniform(-1, 1, (200, *shape)).astype(np.float32)
    expected = model.predict(x, verbose=0)
    answer = model.predictor(200, precision="int8", calibration=x)(x)
    assert (answer.dtype, answer.shape) == (np.float32, expected.shape)
    assert np.sqrt(np.mean((answer - expected) ** 2)) < 0.015 * np.ptp(expected)


def test_a_relu_costs_no_step_and_no_digit():
    rng = np.random.default_rng(0)
    model = draw_weights(mgconv.Sequential([mgconv.Input((9, 3)), layers.Conv1D(4, 3, activation="relu")]), rng)
    x = rng.standard_normal((50, 9, 3)).astype(np.float32)
    twin = quantized(program_of(model), [x])
    assert [step.kernel for step in twin.program.steps] == ["conv"]
    assert twin.output.zero == -128


def test_what_a_table_flattens_takes_no_digits():
    """sigmoid(x) for x up to 100: the whole numbers are spent where it varies."""
    model = mgconv.Sequential([mgconv.Input((1,)), layers.Dense(1, activation="sigmoid")])
    model.set_weights([[[100.0]], [0.0]])
    x = np.linspace(-1, 1, 2001, dtype=np.float32)[:, None]
    twin = quantized(program_of(model), [x])
    table = twin.program.steps[-1].a
    assert np.diff(table.astype(int)).max() <= 4                    # in steps of 1/255


@pytest.mark.parametrize("factor", [1.0, 0.3, 1e-9, 2.0 ** -25, 0.9999999999, 12345.6, 2.0 ** 29])
def test_fixed_numbers(factor):
    whole, shift = fixed(factor)
    assert 0 <= whole < 2 ** 31
    assert 0 <= shift <= 61
    assert whole / 2 ** shift == pytest.approx(factor, rel=2e-9, abs=1e-19)


def test_scales_hold_zero_and_the_ends():
    for low, high in (-1.0, 1.0), (0.0, 5.0), (-3.0, -1.0), (2.0, 2.5), (0.0, 0.0), (-1e-30, 1e30):
        scale = Scale.over(low, high)
        ends = np.array([low, 0.0, high])
        np.testing.assert_allclose(scale.decoded(scale.coded(ends)), ends, rtol=0, atol=0.51 * scale.step)
        assert scale.decoded(scale.coded(np.zeros(1)))[0] == 0
    codes = Scale(1.0, 3).coded(np.array([np.nan, -np.inf, np.inf, 0.4, 0.6, -0.6]))
    assert codes.tolist() == [-128, -128, 127, 3, 4, 2]


def test_nothing_but_zeros_can_be_calibrated():
    model = mgconv.Sequential([mgconv.Input((4, 1)), layers.Conv1D(2, 2, activation="tanh"), layers.Flatten(),
                               layers.Dense(3, activation="softmax")])
    model.set_weights([np.zeros(weight.shape) for weight in model.weights])
    answer = model.predictor(2, precision="int8", calibration=np.zeros((5, 4, 1)))
    np.testing.assert_allclose(answer(np.ones((2, 4, 1))), 1 / 3, atol=1 / 256)


def test_the_head_tells_the_loss_and_the_header_converts(tmp_path):
    compiler = compiler_here()
    rng = np.random.default_rng(0)
    model = draw_weights(mgconv.Sequential([mgconv.Input((12, 2)), layers.Conv1D(8, 3, activation="relu"),
                                            layers.Flatten(), layers.Dense(3, activation="softmax")]), rng)
    x = rng.standard_normal((100, 12, 2)).astype(np.float32)
    flash, memory = export_c(model, tmp_path / "net.c", dtype="int8", calibration=x)
    answer = model.predictor(100, precision="int8", calibration=x)(x)
    exact = model.predict(x, verbose=0)
    text = (tmp_path / "net.c").read_text()
    head = text.split("*/")[0]
    assert f"Of 100 answers {(answer.argmax(1) == exact.argmax(1)).sum()} are the same" in head
    assert f"at most {abs(answer - exact).max():.3g}" in head
    assert f"{flash:,} bytes (flash). Memory: {memory:,} bytes" in head
    assert memory < export_c(model, tmp_path / "wide.c")[1] / 3
    assert not re.search(r"\b(float|double|math|pow|exp)\b", re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL))
    (tmp_path / "both.c").write_text(
        '#include "net.h"\nvoid answers(const float *x, float *y) {\n'
        "    signed char in[NET_INPUTS], out[NET_OUTPUTS];\n"
        "    for (int i = 0; i < NET_INPUTS; i++) in[i] = net_quantize(x[i]);\n    net_predict(in, out);\n"
        "    for (int i = 0; i < NET_OUTPUTS; i++) y[i] = net_dequantize(out[i]);\n}\n")
    subprocess.run([compiler, "-std=c99", "-shared", "-fPIC", tmp_path / "net.c", tmp_path / "both.c", "-o",
                    tmp_path / "net.so"], check=True)
    call = ctypes.CDLL(str(tmp_path / "net.so")).answers
    call.argtypes = [np.ctypeslib.ndpointer(np.float32)] * 2
    y = np.zeros(3, np.float32)
    for sample, expected in zip(x, answer, strict=True):
        call(sample, y)
        np.testing.assert_array_equal(y, expected)


@pytest.mark.parametrize("net", [conv_net, mixed_net, causal_net])
def test_nothing_in_c_is_undefined(net, tmp_path):
    """By GCC's sanitizers, on samples within the calibration and far beyond it."""
    compiler = compiler_here()
    for seed in range(3):
        model, _, _, runs = calibrated(net, seed)
        samples = np.array(runs).reshape(-1, *[size or 40 for size in model.input_shape[1:]])
        export_c(model, tmp_path / "net.c", dtype="int8", calibration=samples,
                 examples=np.concatenate([samples[:2], 100 * samples[:2]]))
        done = subprocess.run([compiler, "-std=c99", "-O1", "-fsanitize=undefined,address", "-fno-sanitize-recover=all",
                               tmp_path / "net.c", tmp_path / "net_test.c", "-o", tmp_path / "net", "-lm"],
                              capture_output=True, text=True)
        if done.returncode:
            pytest.skip("this compiler has no sanitizers")
        done = subprocess.run([tmp_path / "net"], capture_output=True, text=True)
        assert (done.returncode, done.stdout, done.stderr) == (0, "the same bits\n", "")


def test_errors_write_nothing(tmp_path):
    model = mgconv.Sequential([mgconv.Input((4,)), layers.Dense(2)])
    good = np.ones((3, 4))
    for arguments, message in [
            ({"dtype": "int8"}, '`calibration` goes with "int8", which needs it'),
            ({"calibration": good}, '`calibration` goes with "int8", which needs it'),
            ({"dtype": "int4", "calibration": good}, '`dtype` must be "int8", or the model\'s own, "float32"'),
            ({"dtype": "int8", "calibration": good * np.nan}, "`calibration` must hold finite numbers"),
            ({"dtype": "int8", "calibration": good[:0]}, "`calibration` must hold finite numbers"),
            ({"dtype": "int8", "calibration": good[:, :3]}, r"`calibration` must have shape \('batch', 4\)")]:
        with pytest.raises(ValueError, match=message):
            export_c(model, tmp_path / "net.c", **arguments)
    with pytest.raises(ValueError, match="log_softmax has no form in int8"):
        export_c(mgconv.Sequential([mgconv.Input((4,)), layers.Activation("log_softmax")]), tmp_path / "net.c",
                 dtype="int8", calibration=good)
    with pytest.raises(ValueError, match='`calibration` goes with "int8"'):
        model.predictor(calibration=good)
    late = mgconv.Sequential([mgconv.Input((None, 1)), layers.Conv1D(2, 5)])
    with pytest.raises(ValueError, match="and be longer than the model is late"):
        export_c(late, tmp_path / "net.c", dtype="int8", calibration=np.ones((2, 4, 1)))
    assert list(tmp_path.iterdir()) == []
