"""Models as ONNX files: onnxruntime answers as the model does, whatever the layer, batch size, length and opset."""
import numpy as np
import pytest

import mgconv
from mgconv import layers
from mgconv.layers import Conv1D, Conv1DTranspose, Conv2D, Conv2DTranspose

onnx = pytest.importorskip("onnx")
runtime = pytest.importorskip("onnxruntime")
from mgconv.onnx import export  # noqa: E402

PADDINGS, TRUTHS = ("valid", "same"), (False, True)
POOLS = (layers.MaxPooling1D, layers.AveragePooling1D)
CASES = [
    *(((12, 3), [Conv1D(5, 3, padding=p, strides=s, dilation_rate=d, activation="relu")])
      for p in (*PADDINGS, "causal") for s in (1, 2) for d in (1, 2)),
    *(((None, 3), [Conv1D(5, 3, padding=p, strides=s, activation="tanh")]) for p in (*PADDINGS, "causal")
      for s in (1, 2)),
    ((None, 3), [Conv1D(5, 3, padding="same", dilation_rate=2)]),
    *(((9, 8, 4), [Conv2D(6, (2, 3), padding=p, strides=s, groups=2)]) for p in PADDINGS for s in (1, 2, 3)),
    ((9, 8, 4), [layers.DepthwiseConv2D(3, padding="same", depth_multiplier=2, activation="gelu")]),
    ((None, 4), [layers.SeparableConv1D(6, 3, padding="same", activation="silu")]),
    ((4, 9, 8), [Conv2D(6, 3, data_format="channels_first", padding="same", activation="relu"),
                 layers.MaxPooling2D(2, data_format="channels_first"), layers.Flatten(data_format="channels_first"),
                 layers.Dense(3)]),
    *(((7, 3), [Conv1DTranspose(4, k, strides=s, padding=p, output_padding=o)]) for k, s in ((3, 2), (2, 3), (5, 3))
      for p in PADDINGS for o in (None, 1)),
    *(((None, 3), [Conv1DTranspose(4, k, strides=s, padding=p)]) for k, s in ((3, 2), (2, 3)) for p in PADDINGS),
    ((5, 6, 3), [Conv2DTranspose(4, (3, 2), strides=(2, 1), padding="same")]),
    ((7, 3), [Conv1DTranspose(4, 3, dilation_rate=2, padding="same")]),
    *(((11, 3), [pool(3, s, padding=p)]) for pool in POOLS for s in (1, 2, 3) for p in PADDINGS),
    *(((None, 3), [pool(3, s, padding=p)]) for pool in POOLS for s in (1, 2) for p in PADDINGS),
    *(((9, 8, 3), [pool((2, 3), padding=p)]) for pool in (layers.MaxPooling2D, layers.AveragePooling2D)
      for p in PADDINGS),
    *(((9, 3), [pool(keepdims=k)]) for pool in (layers.GlobalMaxPooling1D, layers.GlobalAveragePooling1D)
      for k in TRUTHS),
    ((None, 3), [layers.GlobalMaxPooling1D()]),
    ((3, 9, 8), [layers.GlobalAveragePooling2D(data_format="channels_first")]),
    ((6, 4), [layers.Reshape((3, -1))]), ((None, 4), [layers.Reshape((-1, 2))]), ((6, 4), [layers.Permute((2, 1))]),
    ((6,), [layers.RepeatVector(4)]), ((6, 4), [layers.Flatten()]), ((7, 3), [layers.ZeroPadding1D((2, 1))]),
    ((None, 3), [Conv1D(2, 2), layers.ZeroPadding1D((2, 1))]), ((7, 6, 3), [layers.ZeroPadding2D(((1, 2), (0, 3)))]),
    ((7, 3), [layers.Cropping1D((2, 0))]), ((7, 6, 3), [Conv2D(2, 2), layers.Cropping2D(((1, 2), (0, 3)))]),
    ((7, 3), [layers.UpSampling1D(3)]), ((None, None, 3), [layers.UpSampling2D((2, 3))]),
    ((7, 6, 3), [layers.UpSampling2D((2, 3), interpolation="bilinear")]),
    ((3, 7, 6), [layers.UpSampling2D(2, data_format="channels_first")]),
    ((7, 3), [layers.BatchNormalization(), Conv1D(4, 3), layers.BatchNormalization(), layers.ReLU()]),
    ((3, 7, 6), [layers.BatchNormalization(axis=1)]), ((7, 3), [layers.LayerNormalization()]),
    ((7, 3), [layers.LayerNormalization(axis=[1, 2], center=False)]), ((6, 4), [layers.GroupNormalization(2)]),
    ((6, 4), [layers.UnitNormalization()]), ((6, 3), [layers.Rescaling(0.5, [1.0, 2, 3])]),
    ((6, 3), [layers.Normalization(mean=[1.0, 2, 3], variance=[4.0, 5, 6])]),
    ((7, 3), [layers.PReLU(shared_axes=[1])]), ((7, 3), [layers.LeakyReLU(0.1)]), ((7, 3), [layers.ReLU(6, 0.2, 0.5)]),
    ((7, 3), [layers.ReLU(6)]), ((7, 3), [layers.ELU(0.5)]), ((7, 3), [layers.Softmax()]),
    ((7, 3), [layers.Dropout(0.1)]),
    ((7, 3), [layers.Dense(4, activation="softmax"), layers.Dense(2)]),
    ((12, 3), [layers.Residual([Conv1D(8, 3, padding="causal"), layers.BatchNormalization(), layers.ReLU()],
                               shortcut=Conv1D(8, 1)),
               layers.Concatenate([Conv1D(2, 3, padding="same"), [], layers.MaxPooling1D(2, 1, padding="same")]),
               mgconv.Sequential([Conv1D(4, 3), layers.ReLU()]), layers.GlobalAveragePooling1D(),
               layers.Dense(3, activation="softmax")]),
    ((28, 28, 1), [Conv2D(8, 3, activation="relu"), layers.MaxPooling2D(), Conv2D(8, 3, activation="relu"),
                   layers.MaxPooling2D(), layers.Flatten(), layers.Dense(10, activation="softmax")])]
WITHOUT = {"sparse_plus", "sparsemax", "squareplus"}


def compare(model, path, opset, seed=0):
    export(model, path, opset=opset)
    session = runtime.InferenceSession(path, providers=["CPUExecutionProvider"])
    rng = np.random.default_rng(seed)
    for batch, length in (1, 11), (3, 18):
        x = rng.standard_normal((batch, *(length if size is None else size for size in model.input_shape[1:])))
        expected = model.predict(x, verbose=0)
        answer, = session.run(None, {"input": x.astype(np.float32)})
        np.testing.assert_allclose(answer, expected, rtol=0, atol=2e-5 * max(1, abs(expected).max()))


@pytest.mark.parametrize("opset", [13, 17, 18, 21])
@pytest.mark.parametrize(("shape", "stack"), CASES, ids=lambda value: "-".join(
    type(each).__name__ for each in value) if isinstance(value, list) else "")
def test_onnxruntime_answers_as_the_model(shape, stack, opset, tmp_path):
    model = mgconv.Sequential([mgconv.Input(shape), *[type(layer).from_config(layer.get_config()) for layer in stack]])
    rng = np.random.default_rng(0)
    model.set_weights([np.abs(rng.standard_normal(w.shape)) * 0.5 + 0.1 for w in model.weights])
    compare(model, tmp_path / "a.onnx", opset)


@pytest.mark.parametrize("name", sorted(set(mgconv.activations.registry.named) - WITHOUT))
def test_activations(name, tmp_path):
    compare(mgconv.Sequential([mgconv.Input((7,)), layers.Activation(name)]), tmp_path / "a.onnx", 13)


def test_refusals_write_nothing(tmp_path):
    path = tmp_path / "a.onnx"
    for stack, reason in (([layers.Activation("sparsemax")], "Sparsemax has no form in ONNX"),
                          ([layers.LayerNormalization(rms_scaling=True)], "rms_scaling")):
        with pytest.raises(ValueError, match=reason):
            export(mgconv.Sequential([mgconv.Input((7,)), *stack]), path)
    model = mgconv.Sequential([mgconv.Input((7,)), layers.Dense(2)])
    for opset in (12, 999):
        with pytest.raises(ValueError, match=f"opset={opset}"):
            export(model, path, opset=opset)
    with pytest.raises(ValueError, match="is built"):
        export(mgconv.Sequential([layers.Dense(2)]), path)
    assert list(tmp_path.iterdir()) == []


def test_double_precision_becomes_single_and_says_so(tmp_path):
    model = mgconv.Sequential([mgconv.Input((7, 2), dtype="float64"), Conv1D(3, 2)])
    with pytest.warns(UserWarning, match="float64, its ONNX file float32"):
        export(model, tmp_path / "a.onnx")
    session = runtime.InferenceSession(tmp_path / "a.onnx", providers=["CPUExecutionProvider"])
    x = np.random.default_rng(0).standard_normal((2, 7, 2))
    np.testing.assert_allclose(session.run(None, {"input": x.astype("f")})[0], model.predict(x, verbose=0), atol=1e-5)
