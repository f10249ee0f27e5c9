"""Writes tests/golden/losses_metrics.json: what Keras says of losses, metrics, activations, initializers,
regularizers and constraints.

    KERAS_BACKEND=jax python tools/golden/losses_metrics.py

Gradients are JAX's, so the backend must be jax. Inputs are short decimal numbers and stand in the file too: the tests
need nothing but NumPy and that file. Points where a function has a kink, or a backend says NaN, are not among them;
nor is sparsemax, whose rows do not sum to 1 in Keras (3.15.1: it adds up the sums of the largest entries, not these).
"""
import json
import os
from pathlib import Path

os.environ["KERAS_BACKEND"] = "jax"

import jax
import keras
import numpy as np

OUT = Path(__file__).parents[2] / "tests" / "golden" / "losses_metrics.json"
RNG = np.random.default_rng(20)


def short(array):
    return np.round(np.asarray(array, float), 3).astype("float32")


def one_hot(classes, count):
    return np.eye(count, dtype="float32")[classes]


def numbers(array):
    """As JSON: nine digits hold a float32."""
    array = np.asarray(array)
    if array.dtype.kind in "iub":
        return array.astype(int).tolist()
    return [float(f"{v:.9g}") for v in array.ravel()] if array.ndim == 1 else (
        float(f"{array:.9g}") if array.ndim == 0 else [numbers(row) for row in array])


def shares(shape):
    return short(RNG.dirichlet(np.ones(shape[-1]), shape[:-1]) * 0.9 + 0.1 / shape[-1])


CLASSES, FIELDS = RNG.integers(0, 4, 6), RNG.integers(0, 3, (2, 5))
DATA = {                                          # name: y_true, y_pred, a weight a sample
    "reals": (short(RNG.normal(size=(5, 3))), short(RNG.normal(size=(5, 3)) * 2)),
    "column": (short(RNG.normal(size=(7, 1))), short(RNG.normal(size=(7, 1)))),
    "series": (short(RNG.normal(size=(3, 4, 2))), short(RNG.normal(size=(3, 4, 2)))),
    "offset": (short(RNG.normal(size=(6, 2)) + 3), short(RNG.normal(size=(6, 2)) + 3)),
    "positive": (short(RNG.gamma(2, size=(5, 3))), short(RNG.gamma(2, size=(5, 3)) + 0.05)),
    "chances": (np.round(RNG.random((6, 3))).astype("float32"), short(RNG.random((6, 3)) * 0.9 + 0.05)),
    "scores": (np.round(RNG.random((12, 1))).astype("float32"), short(RNG.random((12, 1)))),
    "logits": (np.round(RNG.random((6, 3))).astype("float32"), short(RNG.normal(size=(6, 3)) * 3)),
    "signs": (np.sign(RNG.normal(size=(5, 3))).astype("float32"), short(RNG.normal(size=(5, 3)))),
    "shares": (one_hot(CLASSES, 4), shares((6, 4))),
    "two shares": (shares((5, 4)), shares((5, 4))),
    "row logits": (one_hot(CLASSES, 4), short(RNG.normal(size=(6, 4)) * 2)),
    "classes": (CLASSES, shares((6, 4))),
    "class logits": (CLASSES, short(RNG.normal(size=(6, 4)) * 2)),
    "field": (FIELDS, shares((2, 5, 3))),
    "field shares": (one_hot(FIELDS, 3), shares((2, 5, 3))),
    "middle logits": (np.moveaxis(one_hot(FIELDS, 3), -1, 1), short(RNG.normal(size=(2, 3, 5)))),
    "maps": (np.round(RNG.random((3, 4, 2, 1))).astype("float32"), short(RNG.random((3, 4, 2, 1)))),
    "numbers": (RNG.integers(0, 3, 10), RNG.integers(0, 3, 10)),
}
DATA = {name: (y, p, short(RNG.random(len(p)) + 0.1)) for name, (y, p) in DATA.items()}

LOSSES = [
    ("MeanSquaredError", {}, "reals"), ("MeanSquaredError", {}, "column"), ("MeanSquaredError", {}, "series"),
    ("MeanAbsoluteError", {}, "reals"), ("MeanAbsolutePercentageError", {}, "reals"),
    ("MeanSquaredLogarithmicError", {}, "positive"), ("MeanSquaredLogarithmicError", {}, "reals"),
    ("Huber", {}, "reals"), ("Huber", {"delta": 0.4}, "series"), ("LogCosh", {}, "reals"), ("Poisson", {}, "positive"),
    ("CosineSimilarity", {}, "reals"), ("CosineSimilarity", {"axis": 1}, "series"),
    ("BinaryCrossentropy", {}, "chances"), ("BinaryCrossentropy", {"from_logits": True}, "logits"),
    ("BinaryCrossentropy", {"label_smoothing": 0.2}, "chances"),
    ("BinaryFocalCrossentropy", {}, "chances"), ("BinaryFocalCrossentropy", {"from_logits": True}, "logits"),
    ("BinaryFocalCrossentropy", {"apply_class_balancing": True, "alpha": 0.3, "gamma": 1.5, "label_smoothing": 0.1},
     "chances"),
    ("CategoricalCrossentropy", {}, "shares"), ("CategoricalCrossentropy", {"from_logits": True}, "row logits"),
    ("CategoricalCrossentropy", {"label_smoothing": 0.3}, "shares"), ("CategoricalCrossentropy", {}, "two shares"),
    ("CategoricalCrossentropy", {"from_logits": True, "axis": 1}, "middle logits"),
    ("CategoricalFocalCrossentropy", {}, "shares"),
    ("CategoricalFocalCrossentropy", {"from_logits": True, "gamma": 1.0, "alpha": 0.6}, "row logits"),
    ("CategoricalFocalCrossentropy", {"gamma": 0.5, "label_smoothing": 0.1}, "field shares"),
    ("SparseCategoricalCrossentropy", {}, "classes"),
    ("SparseCategoricalCrossentropy", {"from_logits": True}, "class logits"),
    ("SparseCategoricalCrossentropy", {}, "field"),
    ("SparseCategoricalCrossentropy", {"ignore_class": 1}, "field"),
    ("SparseCategoricalCrossentropy", {"ignore_class": 2, "from_logits": True}, "class logits"),
    ("KLDivergence", {}, "two shares"), ("KLDivergence", {}, "shares"),
    ("Hinge", {}, "signs"), ("Hinge", {}, "logits"), ("SquaredHinge", {}, "signs"), ("SquaredHinge", {}, "logits"),
    ("CategoricalHinge", {}, "row logits"),
    ("Dice", {}, "chances"), ("Dice", {"axis": [1, 2, 3]}, "maps"), ("Tversky", {"alpha": 0.3, "beta": 0.8}, "chances"),
    ("Tversky", {"axis": [1, 2, 3], "alpha": 0.7}, "maps"),
]
REDUCTIONS = ("sum_over_batch_size", "sum", "mean_with_sample_weight", "none")

METRICS = [
    ("Accuracy", {}, "numbers"), ("BinaryAccuracy", {}, "scores"), ("BinaryAccuracy", {"threshold": 0.3}, "chances"),
    ("CategoricalAccuracy", {}, "shares"), ("SparseCategoricalAccuracy", {}, "classes"),
    ("SparseCategoricalAccuracy", {}, "field"), ("TopKCategoricalAccuracy", {"k": 2}, "shares"),
    ("SparseTopKCategoricalAccuracy", {"k": 3}, "classes"), ("SparseTopKCategoricalAccuracy", {"k": 2}, "field"),
    ("MeanSquaredError", {}, "reals"), ("RootMeanSquaredError", {}, "reals"), ("MeanAbsoluteError", {}, "series"),
    ("MeanAbsolutePercentageError", {}, "reals"), ("MeanSquaredLogarithmicError", {}, "positive"),
    ("CosineSimilarity", {}, "reals"), ("LogCoshError", {}, "reals"), ("R2Score", {}, "reals"),
    ("R2Score", {}, "offset"),
    ("R2Score", {"class_aggregation": "variance_weighted_average"}, "reals"),
    ("R2Score", {"class_aggregation": None}, "reals"), ("R2Score", {"num_regressors": 2}, "column"),
    ("BinaryCrossentropy", {}, "chances"), ("BinaryCrossentropy", {"from_logits": True}, "logits"),
    ("CategoricalCrossentropy", {"label_smoothing": 0.1}, "shares"),
    ("SparseCategoricalCrossentropy", {}, "classes"), ("KLDivergence", {}, "two shares"), ("Poisson", {}, "positive"),
    ("Hinge", {}, "signs"), ("SquaredHinge", {}, "signs"), ("CategoricalHinge", {}, "row logits"),
    ("TruePositives", {}, "chances"), ("FalsePositives", {"thresholds": [0.2, 0.7]}, "chances"),
    ("TrueNegatives", {}, "scores"), ("FalseNegatives", {"thresholds": [0.7, 0.1]}, "scores"),
    ("Precision", {}, "chances"), ("Precision", {"thresholds": [0.25, 0.5, 0.75]}, "chances"),
    ("Precision", {"top_k": 2}, "chances"), ("Precision", {"class_id": 1}, "chances"), ("Recall", {}, "chances"),
    ("Recall", {"thresholds": 0.3, "class_id": 2}, "chances"), ("Recall", {"top_k": 1, "thresholds": 0.4}, "chances"),
    ("AUC", {}, "scores"), ("AUC", {"num_thresholds": 11}, "chances"), ("AUC", {"curve": "PR"}, "scores"),
    ("AUC", {"curve": "PRGAIN", "num_thresholds": 20}, "scores"),
    ("AUC", {"summation_method": "minoring", "num_thresholds": 9}, "chances"),
    ("AUC", {"summation_method": "majoring", "curve": "PR", "num_thresholds": 9}, "chances"),
    ("AUC", {"thresholds": [0.2, 0.45, 0.6]}, "chances"), ("AUC", {"from_logits": True}, "logits"),
    ("AUC", {"multi_label": True, "num_labels": 3}, "chances"),
    ("AUC", {"multi_label": True, "num_labels": 3, "label_weights": [0.2, 0.3, 0.5]}, "chances"),
    ("AUC", {"multi_label": True, "num_labels": 3, "curve": "PR", "label_weights": [0.2, 0.3, 0.5]}, "chances"),
    ("SensitivityAtSpecificity", {"specificity": 0.6}, "scores"),
    ("SpecificityAtSensitivity", {"sensitivity": 0.4, "num_thresholds": 1}, "chances"),
    ("PrecisionAtRecall", {"recall": 0.5}, "chances"), ("RecallAtPrecision", {"precision": 0.5}, "chances"),
    ("F1Score", {}, "chances"), ("F1Score", {"average": "macro", "threshold": 0.4}, "chances"),
    ("F1Score", {"average": "micro"}, "chances"), ("FBetaScore", {"average": "weighted", "beta": 2.0}, "chances"),
    ("IoU", {"num_classes": 3, "target_class_ids": [0, 2]}, "numbers"), ("BinaryIoU", {"threshold": 0.4}, "chances"),
    ("MeanIoU", {"num_classes": 3, "ignore_class": 0}, "numbers"),
    ("OneHotIoU", {"num_classes": 4, "target_class_ids": [1, 2]}, "shares"),
    ("OneHotMeanIoU", {"num_classes": 4}, "shares"),
]

ACTIVATIONS = [
    *((name, {}) for name in (
        "linear", "relu", "relu6", "leaky_relu", "elu", "celu", "selu", "sigmoid", "log_sigmoid", "hard_sigmoid",
        "sparse_sigmoid", "tanh", "hard_tanh", "tanh_shrink", "hard_shrink", "soft_shrink", "softsign", "softplus",
        "squareplus", "sparse_plus", "exponential", "silu", "hard_silu", "mish", "gelu", "softmax", "log_softmax")),
    ("relu", {"negative_slope": 0.3}), ("relu", {"max_value": 1.5}), ("relu", {"threshold": 0.6}),
    ("relu", {"negative_slope": 0.3, "max_value": 2.0, "threshold": 0.6}), ("leaky_relu", {"negative_slope": 0.05}),
    ("elu", {"alpha": 0.5}), ("celu", {"alpha": 2.0}), ("gelu", {"approximate": True}), ("squareplus", {"b": 1.0}),
    ("hard_shrink", {"threshold": 1.1}), ("soft_shrink", {"threshold": 1.1}),
    ("threshold", {"threshold": 0.4, "default_value": -1.5}), ("softmax", {"axis": 0}), ("log_softmax", {"axis": 0}),
]
WEIGHTS = {"matrix": short(RNG.normal(size=(4, 3))), "kernel": short(RNG.normal(size=(3, 2, 4)))}
REGULARIZERS = [("L1", {"l1": 0.3}, "kernel"), ("L2", {"l2": 0.2}, "kernel"),
                ("L1L2", {"l1": 0.1, "l2": 0.3}, "matrix"),
                ("OrthogonalRegularizer", {"factor": 0.5}, "matrix"),
                ("OrthogonalRegularizer", {"factor": 0.5, "mode": "columns"}, "matrix")]
CONSTRAINTS = [("MaxNorm", {}, "matrix"), ("MaxNorm", {"max_value": 0.7, "axis": [0, 1]}, "kernel"),
               ("NonNeg", {}, "matrix"),
               ("UnitNorm", {"axis": [0, 1]}, "kernel"),
               ("MinMaxNorm", {"min_value": 1.5, "max_value": 1.8, "rate": 0.7}, "matrix")]


INITIALIZERS = [("RandomUniform", {"minval": -0.3, "maxval": 0.1}), ("RandomNormal", {"mean": 0.2, "stddev": 0.1}),
                ("TruncatedNormal", {"mean": 0.2, "stddev": 0.1}),
                ("VarianceScaling", {"scale": 3.0, "mode": "fan_out"}),
                ("VarianceScaling", {"mode": "fan_avg", "distribution": "untruncated_normal"}),
                ("VarianceScaling", {"distribution": "uniform", "input_axes": [0], "output_axes": [2]}),
                *((name, {}) for name in ("GlorotUniform", "GlorotNormal", "HeUniform", "HeNormal", "LecunUniform",
                                          "LecunNormal", "Orthogonal", "Zeros", "Ones")), ("Constant", {"value": 0.7})]
DRAWN = (5, 80, 120)


def of_initializer(name, settings):
    seed = {} if name in ("Zeros", "Ones", "Constant") else {"seed": 1}
    values = np.asarray(getattr(keras.initializers, name)(**settings, **seed)(DRAWN), float)
    return {"class": name, "settings": settings, **{figure: numbers(getattr(values, figure)().astype("f4"))
                                                    for figure in ("mean", "std", "min", "max")}}


def of_loss(name, settings, data):
    y, p, w = DATA[data]
    wide = w.reshape(-1, *[1] * (p.ndim - 2)) if p.ndim > 2 and settings.get("axis") != [1, 2, 3] else w
    results = {}
    for reduction in REDUCTIONS:
        loss = getattr(keras.losses, name)(**settings, reduction=reduction)
        # For weights that are broadcast, Keras divides by their sum before that: see the tests.
        for key, weight in (("plain", None), ("weighted", wide)):
            if reduction == "mean_with_sample_weight" and (weight is None or wide.ndim > 1):
                continue
            entry = {"value": numbers(loss(y, p, weight))}
            if reduction == "sum_over_batch_size" or (reduction == "sum" and weight is not None):
                entry["gradient"] = numbers(jax.grad(lambda p, loss=loss, weight=weight: loss(y, p, weight))(p))
            results[f"{reduction} {key}"] = entry
    return {"class": name, "settings": settings, "data": data, "results": results}


def of_metric(name, settings, data):
    y, p, w = DATA[data]
    results = {}
    weighted = not (name.endswith("IoU") or p.ndim > 2 or (name == "F1Score" and settings.get("average") == "micro"))
    for key in ("plain", "weighted") if weighted else ("plain",):
        metric = getattr(keras.metrics, name)(**settings)
        for part in (slice(0, 3), slice(3, None)):
            metric.update_state(y[part], p[part], w[part] if key == "weighted" else None)
        results[key] = numbers(metric.result())
    return {"class": name, "settings": settings, "data": data, "results": results}


def of_activation(name, settings, x, dy):
    function = getattr(keras.activations, name)
    y, back = jax.vjp(lambda x: keras.ops.convert_to_tensor(function(x, **settings)), x)
    return {"name": name, "settings": settings, "y": numbers(y), "dx": numbers(back(dy)[0])}


def of_regularizer(name, settings, weights):
    regularizer, w = getattr(keras.regularizers, name)(**settings), jax.numpy.asarray(WEIGHTS[weights])
    return {"class": name, "settings": settings, "weights": weights, "value": numbers(regularizer(w)),
            "gradient": numbers(jax.grad(regularizer)(w))}


def main():
    x, dy = short(RNG.normal(size=(5, 4)) * 2), short(RNG.normal(size=(5, 4)))
    golden = {
        "made by": f"tools/golden/losses_metrics.py, Keras {keras.__version__} on JAX {jax.__version__}",
        "data": {name: [numbers(array) for array in arrays] for name, arrays in DATA.items()},
        "losses": [of_loss(*case) for case in LOSSES],
        "metrics": [of_metric(*case) for case in METRICS],
        "x": numbers(x), "dy": numbers(dy),
        "activations": [of_activation(*case, x, dy) for case in ACTIVATIONS],
        "drawn": DRAWN, "initializers": [of_initializer(*case) for case in INITIALIZERS],
        "weights": {name: numbers(array) for name, array in WEIGHTS.items()},
        "regularizers": [of_regularizer(*case) for case in REGULARIZERS],
        "constraints": [{"class": name, "settings": settings, "weights": w,
                         "value": numbers(getattr(keras.constraints, name)(**settings)(WEIGHTS[w]))}
                        for name, settings, w in CONSTRAINTS],
    }
    lines = []
    for key, value in golden.items():
        if isinstance(value, list) and isinstance(value[0], dict):
            lines.append(f'"{key}": [\n' + ",\n".join(json.dumps(entry) for entry in value) + "]")
        else:
            lines.append(f'"{key}": {json.dumps(value)}')
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text("{" + ",\n".join(lines) + "}\n", encoding="utf-8")
    print(f"{OUT.name}: {OUT.stat().st_size} bytes")


if __name__ == "__main__":
    main()
