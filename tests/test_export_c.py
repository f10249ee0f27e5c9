"""Models as C files: whatever compiles them, they give the bits that are computed here; and these are right."""
import ctypes
import re
import shutil
import subprocess

import numpy as np
import pytest
from c_targets import QUICK
from random_nets import ACTIVATIONS, causal_net, conv_net, draw_weights, export_random, mixed_net

import mgconv
from mgconv import layers
from mgconv.plain import program_of
from mgconv.plain.emit import KINDS, blocks
from mgconv.plain.export import export_c, stream_program


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("seed", range(20))
def test_plain_sums_are_right(seed, dtype):
    rng = np.random.default_rng(seed)
    model = conv_net(rng, dtype)
    x = rng.standard_normal((5, *model.input_shape[1:]))
    expected = model.predict(x, verbose=0)
    np.testing.assert_allclose(program_of(model).run(x), expected, rtol=0,
                               atol=(2e-5 if dtype == "float32" else 1e-13) * max(1, abs(expected).max()))


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_plain_activations_are_right(name):
    """Against the same functions in double precision by NumPy and SciPy, from end to end."""
    ends = [] if name in ("softmax", "log_softmax", "exponential") else [-np.inf, -1e30, -200, 200]
    x = np.concatenate([np.linspace(-20, 20, 4001), ends])
    for dtype, rounding in (("float32", 2.5e-7), ("float64", 1e-15)):
        model = mgconv.Sequential([mgconv.Input((len(x),), dtype=dtype), layers.Activation(name)])
        y = program_of(model).run(x[None].astype(dtype))[0]
        expected = mgconv.activations.get(name)(x.astype(dtype).astype(float))
        cancels = 20 if name == "gelu" else 1                        # the error of 1 + erf(x) is multiplied by x
        np.testing.assert_allclose(y, expected, rtol=8 * rounding, atol=cancels * rounding)


@pytest.mark.parametrize("target", QUICK)
@pytest.mark.parametrize("dtype", ["float32", "float64", "int8"])
@pytest.mark.parametrize("net", [conv_net, mixed_net, causal_net])
def test_the_c_file_gives_the_same_bits(net, dtype, target, tmp_path):
    missing = QUICK[target].missing()
    if missing:
        pytest.skip(f"{missing} is not here")
    export_random(net, list(QUICK).index(target), dtype, tmp_path)
    assert QUICK[target].run(tmp_path) == (0, "the same bits")


def test_gcc_makes_no_multiply_add_of_weights_that_it_sees(tmp_path):
    """GCC 12 did, of products with offsets of both signs, although told not to."""
    if QUICK["gcc -O3"].missing():
        pytest.skip("gcc is not here")
    export_random(mixed_net, 1005, "float32", tmp_path)
    assert QUICK["gcc -O3"].run(tmp_path) == (0, "the same bits")


def compiler_here():
    if shutil.which("cc") is None:
        pytest.skip("no C compiler is here")
    return "cc"


def test_the_test_can_fail(tmp_path):
    compiler = compiler_here()
    export_c(mgconv.Sequential([mgconv.Input((4,)), layers.Dense(2)]), tmp_path / "net.c")
    text = (tmp_path / "net.c").read_text()
    (tmp_path / "net.c").write_text(re.sub(r"(static const real w\d+\[8\] = \{\n    )[^,]+,", r"\g<1>0.5f,", text))
    subprocess.run([compiler, tmp_path / "net.c", tmp_path / "net_test.c", "-o", tmp_path / "net", "-lm"], check=True)
    done = subprocess.run([tmp_path / "net"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "differs\n")


def test_streamed_sums_are_those_of_whole_sequences():
    rng = np.random.default_rng(0)
    model = causal_net(rng, "float32")
    program = stream_program(model)
    x = rng.standard_normal((50, model.input_shape[-1])).astype(np.float32)
    whole = model.predict(x[None], verbose=0)[0]
    np.testing.assert_allclose(program.run(x)[:, 0], whole, rtol=0, atol=1e-5)


def test_memory_is_shared_by_what_is_not_alive_together():
    """A stack of one size needs two maps at most, whatever its depth; input and output are the caller's."""
    stack = [layers.Conv1D(4, 3, padding="same", activation="relu") for _ in range(10)]
    model = mgconv.Sequential([mgconv.Input((64, 4)), *stack])
    assert program_of(model).places()[1] <= 2 * 64 * 4


@pytest.mark.parametrize("dtype", KINDS)
def test_the_table_of_kernels_is_that_of_the_file(dtype):
    from mgconv.native.plain import PlainProgram
    item, nothing = np.dtype(dtype).itemsize, np.zeros(0, dtype)
    for name, text in blocks(KINDS[dtype]).items():
        if re.search(r"\(const int \*s, const real \*x", text):
            PlainProgram([(name, np.zeros(15, np.int32), -1, None, None, -2)], nothing, 8, 8, item)
    with pytest.raises(ValueError, match="no plain kernel is called 'nothing'"):
        PlainProgram([("nothing", np.zeros(15, np.int32), -1, None, None, -2)], nothing, 8, 8, item)


def test_errors_write_nothing(tmp_path):
    model = mgconv.Sequential([mgconv.Input((4,)), layers.Dense(2)])
    for name in "net.txt", "2net.c", "ne-t.c":
        with pytest.raises(ValueError, match="`path` must end in a name for C and .c"):
            export_c(model, tmp_path / name)
    with pytest.raises(ValueError, match="must be streamed|cannot be streamed|needs an input of known sizes"):
        export_c(mgconv.Sequential([mgconv.Input((None, 4)), layers.Conv1D(2, 3, padding="same")]), tmp_path / "net.c")
    with pytest.raises(ValueError, match="the activation sparsemax has no form in plain sums"):
        export_c(mgconv.Sequential([mgconv.Input((4,)), layers.Dense(2, activation="sparsemax")]), tmp_path / "net.c")
    assert list(tmp_path.iterdir()) == []


def test_a_shared_library_can_be_made_of_it(tmp_path):
    compiler = compiler_here()
    rng = np.random.default_rng(0)
    model = draw_weights(mgconv.Sequential([mgconv.Input((12, 2)), layers.Conv1D(3, 3), layers.Flatten(),
                                            layers.Dense(2)]), rng)
    export_c(model, tmp_path / "net.c")
    subprocess.run([compiler, "-shared", "-fPIC", tmp_path / "net.c", "-o", tmp_path / "net.so", "-lm"], check=True)
    x, y = rng.standard_normal((1, 12, 2)).astype(np.float32), np.zeros((1, 2), np.float32)
    pointer = np.ctypeslib.ndpointer(np.float32, flags="C")
    predict = ctypes.CDLL(str(tmp_path / "net.so")).net_predict
    predict.argtypes = [pointer, pointer]
    predict(x, y)
    np.testing.assert_array_equal(y, program_of(model).run(x))


LAYERS = [
    ((6, 4), layers.Conv1DTranspose(3, 4, strides=3)),
    ((6, 4), layers.Conv1DTranspose(3, 2, strides=3, padding="same")),
    ((6, 4), layers.Conv1DTranspose(5, 3, dilation_rate=2, padding="same", activation="tanh")),
    ((5, 6, 4), layers.Conv2DTranspose(3, (2, 3), strides=(1, 2), padding="same")),
    ((9, 4), layers.SeparableConv1D(5, 3, padding="causal", depth_multiplier=2, activation="relu")),
    ((7, 6, 3), layers.SeparableConv2D(5, 3, strides=2, padding="same")), ((7, 6, 3), layers.GlobalMaxPooling2D()),
    ((7, 3), layers.GlobalAveragePooling1D(keepdims=True)),
    ((3, 7), layers.GlobalMaxPooling1D(data_format="channels_first")),
    ((7, 3), layers.ZeroPadding1D((2, 1))), ((7, 6, 3), layers.ZeroPadding2D(((1, 2), (0, 3)))),
    ((3, 7, 6), layers.ZeroPadding2D(1, data_format="channels_first")), ((7, 3), layers.Cropping1D((2, 1))),
    ((7, 6, 3), layers.Cropping2D(((1, 2), (0, 3)))), ((7, 3), layers.UpSampling1D(3)),
    ((7, 6, 3), layers.UpSampling2D((2, 3))), ((7, 6, 3), layers.Permute((3, 1, 2))), ((7, 6), layers.Permute((2, 1))),
    ((6,), layers.RepeatVector(4)), ((6, 4), layers.Reshape((3, -1))), ((7, 3), layers.BatchNormalization()),
    ((3, 7, 6), layers.BatchNormalization(axis=1)), ((7, 3), layers.LayerNormalization()),
    ((7, 3), layers.LayerNormalization(axis=[1, 2], center=False)), ((7, 3), layers.Rescaling(0.5, offset=[1.0, 2, 3])),
    ((7, 3), layers.PReLU(shared_axes=[1])), ((7, 3), layers.LeakyReLU(0.1)), ((7, 3), layers.ReLU(6, 0.2, 0.5)),
    ((7, 3), layers.ELU(0.5)), ((7, 3), layers.Softmax()), ((7, 3), layers.GaussianNoise(0.1)),
    ((7, 3), layers.SpatialDropout1D(0.1)), ((3, 8, 7), layers.Conv2D(4, 3, data_format="channels_first")),
    ((7, 6, 3), mgconv.Sequential([layers.Conv2D(4, 3), layers.BatchNormalization(), layers.ReLU()]))]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("shape", "layer"), LAYERS, ids=lambda value: getattr(type(value), "__name__", ""))
def test_every_layer_in_plain_sums(shape, layer, dtype):
    layer = type(layer).from_config(layer.get_config() | {"dtype": dtype})
    rng = np.random.default_rng(0)
    model = mgconv.Sequential([mgconv.Input(shape, dtype=dtype), layer])
    model.set_weights([np.abs(rng.standard_normal(w.shape)) + 0.1 for w in model.weights])
    x = rng.standard_normal((3, *shape))
    expected = model.predict(x, verbose=0)
    predictor = model.predictor(3, precision="plain")
    np.testing.assert_allclose(predictor(x), expected, rtol=0, atol=(1e-5 if dtype == "float32" else 1e-13) * max(
        1, abs(expected).max()))
