"""Writes tests/golden/layers.json: what Keras's layers put out, and their gradients.

    python tools/golden/layers.py

The backend is JAX, in float64: where backends differ it is the one that is followed. TensorFlow has no channels_first
and no groups on a CPU, and crops transposed convolutions with `output_padding` elsewhere; PyTorch pads "same" pooling
with zeros that count. (No tanh here: Keras 3.15.1 rounds it to float32 even so.)

A layer's input, its weights and the gradient to its output hold the numbers of `sequence`, which the test makes again.
"""
import json
import os
from pathlib import Path

os.environ["KERAS_BACKEND"] = "jax"

import jax
import keras
import numpy as np

jax.config.update("jax_enable_x64", True)
keras.config.set_floatx("float64")
OUT = Path(__file__).parents[2] / "tests" / "golden" / "layers.json"
FIRST = {"data_format": "channels_first"}

CASES = [                                              # class, arguments, shape of the input
    ("Conv1D", {"filters": 2, "kernel_size": 3, "activation": "relu"}, (2, 6, 3)),
    ("Conv1D", {"filters": 2, "kernel_size": 4, "strides": 3, "padding": "same"}, (2, 7, 2)),
    ("Conv1D", {"filters": 2, "kernel_size": 3, "padding": "causal", "dilation_rate": 2, "use_bias": False}, (1, 7, 2)),
    ("Conv1D", {"filters": 4, "kernel_size": 2, "groups": 2, "activation": "sigmoid", **FIRST}, (2, 4, 5)),
    ("Conv2D", {"filters": 2, "kernel_size": (3, 2), "strides": (2, 1), "padding": "same"}, (1, 5, 4, 2)),
    ("Conv2D", {"filters": 2, "kernel_size": 2, "dilation_rate": (1, 2), **FIRST}, (1, 2, 4, 4)),
    ("DepthwiseConv1D", {"kernel_size": 3, "depth_multiplier": 2, "padding": "same"}, (2, 5, 2)),
    ("DepthwiseConv2D", {"kernel_size": (2, 3), "strides": 2, "padding": "same", "activation": "elu"}, (1, 5, 4, 2)),
    ("DepthwiseConv2D", {"kernel_size": 2, "depth_multiplier": 2, **FIRST}, (1, 2, 4, 4)),
    ("SeparableConv1D", {"filters": 3, "kernel_size": 3, "depth_multiplier": 2, "activation": "relu"}, (2, 5, 2)),
    ("SeparableConv1D", {"filters": 3, "kernel_size": 2, "padding": "same", "dilation_rate": 2}, (2, 5, 2)),
    ("SeparableConv1D", {"filters": 2, "kernel_size": 3, "strides": 2, "padding": "same", **FIRST}, (2, 2, 6)),
    ("SeparableConv2D", {"filters": 3, "kernel_size": 2, "strides": 2, "use_bias": False}, (1, 5, 4, 2)),
    ("SeparableConv2D", {"filters": 2, "kernel_size": (2, 3), "padding": "same", "dilation_rate": 2}, (1, 4, 5, 2)),
    ("Conv1DTranspose", {"filters": 2, "kernel_size": 3, "strides": 2, "activation": "sigmoid"}, (2, 4, 3)),
    ("Conv1DTranspose", {"filters": 2, "kernel_size": 2, "strides": 3, "padding": "same", "output_padding": 2},
     (2, 4, 2)),
    ("Conv1DTranspose", {"filters": 2, "kernel_size": 2, "strides": 4}, (1, 3, 2)),
    ("Conv1DTranspose", {"filters": 2, "kernel_size": 3, "dilation_rate": 2, "padding": "same", **FIRST}, (2, 2, 5)),
    ("Conv2DTranspose", {"filters": 2, "kernel_size": (2, 3), "strides": (2, 1)}, (1, 3, 3, 2)),
    ("Conv2DTranspose", {"filters": 2, "kernel_size": 3, "strides": 2, "padding": "same"}, (1, 3, 2, 2)),
    ("Conv2DTranspose", {"filters": 2, "kernel_size": 3, "strides": 2, "padding": "same", "output_padding": (1, 0),
                         "use_bias": False, **FIRST}, (1, 2, 3, 2)),
    ("Dense", {"units": 3, "activation": "sigmoid"}, (2, 4)),
    ("Dense", {"units": 2, "use_bias": False}, (2, 3, 4)),
    ("MaxPooling1D", {}, (2, 5, 2)),
    ("MaxPooling1D", {"pool_size": 3, "strides": 2, "padding": "same", **FIRST}, (2, 2, 6)),
    ("MaxPooling2D", {"pool_size": (2, 3), "strides": 1, "padding": "same"}, (1, 4, 5, 2)),
    ("AveragePooling1D", {"pool_size": 3, "strides": 1, "padding": "same"}, (2, 5, 2)),
    ("AveragePooling2D", {"pool_size": 2, **FIRST}, (1, 2, 4, 5)),
    ("AveragePooling2D", {"pool_size": (3, 2), "strides": 2, "padding": "same"}, (1, 4, 5, 2)),
    ("GlobalMaxPooling1D", {}, (2, 5, 2)),
    ("GlobalMaxPooling1D", {"keepdims": True, **FIRST}, (2, 2, 5)),
    ("GlobalMaxPooling2D", {}, (2, 3, 4, 2)),
    ("GlobalAveragePooling1D", FIRST, (2, 2, 5)),
    ("GlobalAveragePooling2D", {"keepdims": True}, (2, 3, 4, 2)),
    ("Permute", {"dims": (2, 3, 1)}, (2, 3, 2, 2)),
    ("RepeatVector", {"n": 3}, (2, 4)),
    ("Reshape", {"target_shape": (-1, 4)}, (2, 2, 6)),
    ("Flatten", {}, (2, 3, 2)),
    ("Flatten", FIRST, (2, 2, 3, 2)),
    ("ZeroPadding1D", {"padding": (2, 1)}, (2, 3, 2)),
    ("ZeroPadding2D", {"padding": ((1, 0), (2, 1))}, (1, 2, 3, 2)),
    ("ZeroPadding2D", {"padding": (1, 2), **FIRST}, (1, 2, 2, 3)),
    ("Cropping1D", {"cropping": (1, 2)}, (2, 5, 2)),
    ("Cropping2D", {"cropping": ((1, 0), (0, 2))}, (1, 4, 4, 2)),
    ("Cropping2D", {"cropping": 1, **FIRST}, (1, 2, 4, 4)),
    ("UpSampling1D", {"size": 3}, (2, 3, 2)),
    ("UpSampling2D", {"size": (2, 3)}, (1, 2, 2, 2)),
    ("UpSampling2D", {"size": (2, 3), "interpolation": "bilinear"}, (1, 3, 2, 2)),
    ("UpSampling2D", {"size": (3, 2), "interpolation": "bicubic", **FIRST}, (1, 1, 3, 4)),
    ("UpSampling2D", {"size": (2, 1), "interpolation": "lanczos3"}, (1, 5, 2, 1)),
    ("UpSampling2D", {"size": 2, "interpolation": "lanczos5"}, (1, 4, 3, 1)),
]
TIES = [("GlobalMaxPooling1D", {}, (2, 9, 2)), ("MaxPooling1D", {"pool_size": 4, "strides": 2}, (2, 9, 2))]


def sequence(shape, start):
    """Numbers from -1 to 1.002, no two of 2003 alike."""
    return (np.arange(start, start + np.prod(shape, dtype=int)) * 7919 % 2003 / 1000 - 1).reshape(shape)


def numbers(array):
    return [float(f"{v:.8g}") for v in np.ravel(array)]


def of_layer(name, settings, shape, ties=False):
    layer = getattr(keras.layers, name)(**settings)
    x = sequence(shape, 1)
    if ties:
        x = np.round(x)
    layer.build(shape)
    for index, weight in enumerate(layer.weights):
        weight.assign(sequence(weight.shape, 100 * (index + 1)))

    def run(weights, x):
        return layer.stateless_call(weights, [], x)[0]

    y, back = jax.vjp(run, [jax.numpy.asarray(weight.value) for weight in layer.trainable_weights], x)
    to_weights, dx = back(jax.numpy.asarray(sequence(y.shape, 500)))
    return {"class": name, "settings": settings, "shape": shape, "ties": ties, "weights": [
        [weight.name, weight.shape] for weight in layer.weights], "y_shape": y.shape, "y": numbers(y),
        "dx": numbers(dx), "gradients": [numbers(gradient) for gradient in to_weights]}


def main():
    cases = [of_layer(*case) for case in CASES] + [of_layer(*case, ties=True) for case in TIES]
    text = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases)
    made_by = f"tools/golden/layers.py, Keras {keras.__version__} on JAX {jax.__version__}, float64"
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(f'{{"made by": "{made_by}",\n"layers": [\n{text}]}}\n', encoding="utf-8")
    print(f"{OUT.name}: {OUT.stat().st_size} bytes")


if __name__ == "__main__":
    main()
