"""Writes an archive to tests/golden/keras/: small files as Keras itself writes them, and what their models answer and
learn.

    KERAS_BACKEND=jax python tools/golden/keras_files.py

Run it with several releases of Keras and several backends: each leaves an archive named so. In it are the files (with
`legacy` behind the command a whole model in HDF5, too) and facts.json: inputs, targets, predictions, and the weights
after one more step of training.
"""
import json
import sys
import tempfile
import warnings
import zipfile
from pathlib import Path

import keras
import numpy as np

warnings.simplefilter("ignore")

OUT = Path(__file__).parents[2] / "tests" / "golden" / "keras"
RNG = np.random.default_rng(21)
L = keras.layers


def series():
    model = keras.Sequential([
        keras.Input((12, 2)), L.Conv1D(3, 3, activation="relu", kernel_regularizer=keras.regularizers.L2(0.01)),
        L.Conv1D(4, 2, padding="causal", dilation_rate=2, activation="tanh"), L.MaxPooling1D(2), L.Dropout(0.0),
        L.Flatten(), L.Dense(3, activation="softmax", kernel_constraint=keras.constraints.MaxNorm(1.5))])
    model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model, RNG.integers(0, 3, 6)


def images():
    model = keras.Sequential([
        keras.Input((6, 5, 2)), L.Conv2D(3, (3, 2), padding="same", name="first"),
        keras.Sequential([L.DepthwiseConv2D(2, depth_multiplier=2, activation="elu"), L.AveragePooling2D(2)]),
        L.Conv2D(2, 2, use_bias=False), L.Flatten(), L.Dense(1)], name="of_images")
    model.compile(keras.optimizers.Nadam(0.02), keras.losses.Huber(),
                  metrics=[keras.metrics.MeanAbsoluteError()])
    return model, RNG.normal(size=(6, 1))


def functional():
    x = keras.Input((8, 2), name="start")
    y = L.Conv1D(3, 3, activation="silu")(x)
    y = L.Reshape((18,))(y)
    model = keras.Model(x, L.Dense(2)(y), name="chain")
    model.compile(keras.optimizers.RMSprop(0.01, momentum=0.9, centered=True), "mse")
    return model, RNG.normal(size=(6, 2))


def normalized():
    model = keras.Sequential([
        keras.Input((9, 3)), L.SeparableConv1D(4, 3), L.BatchNormalization(), L.ReLU(), L.LayerNormalization(),
        L.SpatialDropout1D(0.0), L.GlobalAveragePooling1D(), L.Dense(2), L.LeakyReLU(0.2)])
    model.compile(keras.optimizers.SGD(0.05, momentum=0.9, nesterov=True), keras.losses.MeanAbsoluteError(),
                  weighted_metrics=["mse"])
    return model, RNG.normal(size=(6, 2))


def numbers(array):
    return [float(f"{value:.8g}") for value in np.asarray(array, float).ravel()]


def write(folder):
    facts = {}
    for build in (series, images, functional, normalized):
        keras.utils.set_random_seed(7)
        model, y = build()
        x = np.round(RNG.normal(size=(6, *model.input_shape[1:])), 2).astype("f4")
        for _ in range(2):
            model.train_on_batch(x, y)
        model.save(folder / f"{build.__name__}.keras")
        if "legacy" in sys.argv and build is series:
            model.save(folder / "series.h5")
        fact = {"x": numbers(x), "y": numbers(y), "shape": list(x.shape),
                "predictions": numbers(model.predict(x, verbose=0)), "layers": [layer.name for layer in model.layers]}
        model.train_on_batch(x, y)
        model.save_weights(folder / f"{build.__name__}.weights.h5")
        facts[build.__name__] = fact | {"weights": [numbers(weight) for weight in model.get_weights()]}
    (folder / "facts.json").write_text(json.dumps(facts) + "\n", encoding="utf-8")


def main():
    OUT.mkdir(exist_ok=True)
    path = OUT / f"keras-{keras.__version__}-{keras.backend.backend()}.zip"
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder))
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
            for file in sorted(Path(folder).iterdir()):
                archive.writestr(zipfile.ZipInfo(file.name), file.read_bytes(), zipfile.ZIP_DEFLATED, 9)
    print(path.name, path.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
