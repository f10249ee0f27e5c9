"""Writes tests/golden/normalization.json: what Keras's layers of normalization and activation compute, in prediction
and in training, with their gradients, statistics, weights and configurations.

    KERAS_BACKEND=jax python tools/golden/normalization.py

Gradients are JAX's, so the backend must be jax. Inputs and weights are short decimal numbers and stand in the file too.
"""
import inspect
import json
import os
from pathlib import Path

os.environ["KERAS_BACKEND"] = "jax"

import jax
import keras
import numpy as np

OUT = Path(__file__).parents[2] / "tests" / "golden" / "normalization.json"
RNG = np.random.default_rng(20)
SERIES, IMAGE = (2, 4, 3), (2, 3, 2, 4)

CASES = [
    ("BatchNormalization", {}, SERIES), ("BatchNormalization", {"axis": 1, "momentum": 0.5}, IMAGE),
    ("BatchNormalization", {"scale": False, "epsilon": 0.1}, (5, 3)), ("BatchNormalization", {"center": False}, IMAGE),
    ("BatchNormalization", {"trainable": False}, SERIES),
    ("LayerNormalization", {}, SERIES), ("LayerNormalization", {"axis": [1, 2], "center": False}, SERIES),
    ("LayerNormalization", {"axis": [1, 3], "epsilon": 0.1}, IMAGE),
    ("LayerNormalization", {"scale": False}, (5, 3)), ("LayerNormalization", {"rms_scaling": True}, SERIES),
    ("GroupNormalization", {"groups": 2}, IMAGE), ("GroupNormalization", {"groups": -1, "epsilon": 0.1}, SERIES),
    ("GroupNormalization", {"groups": 2, "axis": 1, "scale": False}, (2, 4, 3)),
    ("GroupNormalization", {"groups": 3, "center": False}, (4, 6)),
    ("UnitNormalization", {}, SERIES), ("UnitNormalization", {"axis": [1, 2]}, SERIES),
    ("Normalization", {}, SERIES), ("Normalization", {"axis": None}, SERIES),
    ("Normalization", {"axis": [1, 2]}, IMAGE),
    ("Normalization", {"mean": [0.5, 0.25, -1.0], "variance": [1.0, 2.0, 0.5]}, SERIES),
    ("Normalization", {"mean": 0.5, "variance": 4.0, "invert": True}, SERIES),
    ("Rescaling", {"scale": 0.25, "offset": -1.0}, SERIES), ("Rescaling", {"scale": 2.0}, (5, 3)),
    ("ReLU", {}, SERIES), ("ReLU", {"max_value": 1.0, "negative_slope": 0.25, "threshold": 0.5}, SERIES),
    ("LeakyReLU", {}, SERIES), ("LeakyReLU", {"negative_slope": 0.1}, SERIES), ("ELU", {}, SERIES),
    ("ELU", {"alpha": 0.5}, SERIES), ("PReLU", {}, SERIES), ("PReLU", {"shared_axes": [1, 2]}, IMAGE),
    ("Softmax", {}, SERIES), ("Softmax", {"axis": 1}, SERIES), ("Softmax", {"axis": [1, 2]}, IMAGE),
    ("Activation", {"activation": "tanh"}, SERIES),
    ("Dropout", {"rate": 0.5}, SERIES), ("SpatialDropout1D", {"rate": 0.5}, SERIES),
    ("SpatialDropout2D", {"rate": 0.5, "data_format": "channels_first"}, IMAGE),
    ("GaussianNoise", {"stddev": 0.5}, SERIES), ("GaussianDropout", {"rate": 0.5}, SERIES),
    ("AlphaDropout", {"rate": 0.5, "noise_shape": [None, 1, None]}, SERIES),
    ("ActivityRegularization", {"l1": 0.1, "l2": 0.2}, SERIES),
    ("BatchNormalization", {"renorm": True, "momentum": 0.5, "renorm_momentum": 0.75}, SERIES),
    ("BatchNormalization", {"renorm": True, "renorm_clipping": {"rmin": 0.5, "rmax": 1.5, "dmax": 0.25}, "axis": 1},
     IMAGE), ("BatchNormalization", {"renorm": True, "scale": False}, (5, 3)),
]
RANDOM = ("Dropout", "Spatial", "Noise")


def short(shape, positive=False):
    return np.round(RNG.uniform(0.5, 2, shape) if positive else RNG.normal(size=shape) * 2, 3).astype("float32")


def numbers(array):
    """As JSON, to the rounding of float32."""
    array = np.asarray(array)
    return float(f"{array:.7g}") if array.ndim == 0 else [numbers(row) for row in array]


def written(name, settings, shape):
    layer = getattr(keras.layers, name)(**settings)
    x, dy = short(shape), short(shape)
    if name == "Normalization" and "mean" not in settings:
        layer.adapt(x)
    layer(x)
    for weight in layer.weights:
        if name != "Normalization":
            weight.assign(short(weight.shape, "variance" in weight.name))
    start = [numbers(weight.value) for weight in layer.weights]
    moved = [weight.value for weight in layer.trainable_variables]
    still = [weight.value for weight in layer.non_trainable_variables]
    case = {"class": name, "settings": settings, "x": numbers(x), "dy": numbers(dy), "weights": start,
            "names": [weight.name for weight in layer.weights],
            "trainable": [weight.name for weight in layer.trainable_weights],
            "output_shape": layer.compute_output_shape((None, *shape[1:])), "prediction": numbers(layer(x)),
            "config": {key: value.get("class_name", value) if isinstance(value, dict) else value
                       for key, value in layer.get_config().items() if key not in ("name", "dtype")}}
    if any(word in name for word in RANDOM):
        return case

    how = {"training": True} if "training" in inspect.signature(layer.call).parameters else {}

    def value(moved, x):
        y, after = layer.stateless_call(moved, still, x, **how)
        return (y * dy).sum(), (y, after)
    gradients, (y, after) = jax.grad(value, argnums=(0, 1), has_aux=True)(moved, x)
    return case | {"training": numbers(y), "after": [numbers(weight) for weight in after],
                   "gradients": [numbers(g) for g in gradients[0]], "dx": numbers(gradients[1])}


def main():
    cases = [written(*case) for case in CASES]
    versions = {"keras": keras.__version__, "jax": jax.__version__}
    lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases)
    OUT.write_text(f'{{"versions": {json.dumps(versions)}, "layers": [\n{lines}\n]}}\n', encoding="utf-8")


if __name__ == "__main__":
    main()
