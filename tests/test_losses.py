"""Losses against their formulas in NumPy and SciPy; gradients by central differences."""
import numpy as np
import pytest
from scipy import special

from mgconv import losses

RNG = np.random.default_rng(0)
Y = RNG.standard_normal((6, 3))
P = RNG.standard_normal((6, 3))
SHARES = special.softmax(P, axis=-1)
CHANCES = special.expit(P)
BITS = (RNG.random((6, 3)) > 0.5).astype(float)
CLASSES = np.array([0, 2, 1, 1, 0, 2])
ONE_HOT = np.eye(3)[CLASSES]


def huber(e, delta):
    return np.where(abs(e) <= delta, 0.5 * e ** 2, delta * abs(e) - 0.5 * delta ** 2)


def binary(t, p):
    return -(t * np.log(p) + (1 - t) * np.log(1 - p))


# name -> (loss, target, prediction, the samples' losses)
CASES = {
    "mse": (losses.MeanSquaredError, Y, P, ((P - Y) ** 2).mean(axis=-1)),
    "mae": (losses.MeanAbsoluteError, Y, P, abs(P - Y).mean(axis=-1)),
    "huber": (losses.Huber, Y, P, huber(P - Y, 1.0).mean(axis=-1)),
    "huber 0.3": (lambda **k: losses.Huber(0.3, **k), Y, P, huber(P - Y, 0.3).mean(axis=-1)),
    "binary": (losses.BinaryCrossentropy, BITS, CHANCES, binary(BITS, CHANCES).mean(axis=-1)),
    "binary logits": (lambda **k: losses.BinaryCrossentropy(True, **k), BITS, P, binary(BITS, CHANCES).mean(axis=-1)),
    "binary smooth": (lambda **k: losses.BinaryCrossentropy(True, 0.2, **k), BITS, P,
                      binary(0.8 * BITS + 0.1, CHANCES).mean(axis=-1)),
    "categorical": (losses.CategoricalCrossentropy, ONE_HOT, SHARES, -(ONE_HOT * np.log(SHARES)).sum(axis=-1)),
    "categorical unnormed": (losses.CategoricalCrossentropy, ONE_HOT, 3 * SHARES,
                             -(ONE_HOT * np.log(SHARES)).sum(axis=-1)),
    "categorical logits": (lambda **k: losses.CategoricalCrossentropy(True, **k), ONE_HOT, P,
                           -(ONE_HOT * np.log(SHARES)).sum(axis=-1)),
    "categorical smooth": (lambda **k: losses.CategoricalCrossentropy(False, 0.3, **k), ONE_HOT, SHARES,
                           -((0.7 * ONE_HOT + 0.1) * np.log(SHARES)).sum(axis=-1)),
    "sparse": (losses.SparseCategoricalCrossentropy, CLASSES, SHARES, -np.log(SHARES[np.arange(6), CLASSES])),
    "sparse unnormed": (losses.SparseCategoricalCrossentropy, CLASSES, 3 * SHARES,
                        -np.log(SHARES[np.arange(6), CLASSES])),
    "sparse logits": (lambda **k: losses.SparseCategoricalCrossentropy(True, **k), CLASSES, P,
                      -np.log(SHARES[np.arange(6), CLASSES])),
}


@pytest.mark.parametrize("name", CASES)
def test_value(name):
    make, y, p, want = CASES[name]
    assert make()(y, p) == pytest.approx(want.mean(), rel=1e-12)
    assert make(reduction="mean")(y, p) == pytest.approx(want.mean(), rel=1e-12)
    assert make(reduction="sum")(y, p) == pytest.approx(want.sum(), rel=1e-12)


@pytest.mark.parametrize("name", CASES)
def test_sample_weights_scale_losses_and_leave_the_count(name):
    make, y, p, want = CASES[name]
    weight = np.arange(6.0)
    assert make()(y, p, weight) == pytest.approx((weight * want).mean(), rel=1e-12)
    assert make()(y, p, weight[:, None]) == pytest.approx((weight * want).mean(), rel=1e-12)


@pytest.mark.parametrize("reduction", ["sum_over_batch_size", "sum"])
@pytest.mark.parametrize("weight", [None, np.arange(6.0)])
@pytest.mark.parametrize("name", CASES)
def test_gradient(name, weight, reduction):
    make, y, p, _ = CASES[name]
    loss, h = make(reduction=reduction), 1e-6
    grad = np.empty_like(p)
    value = loss.value_and_grad(loss.prepare(y, p.shape, p.dtype), p, grad, weight)
    assert value == pytest.approx(loss(y, p, weight), rel=1e-14)
    for index in np.ndindex(p.shape):
        step = np.zeros_like(p)
        step[index] = h
        slope = (loss(y, p + step, weight) - loss(y, p - step, weight)) / (2 * h)
        assert grad[index] == pytest.approx(slope, rel=1e-6, abs=1e-8)


def test_rows_of_maps():
    p = RNG.standard_normal((4, 5, 3))
    classes = RNG.integers(0, 3, (4, 5))
    want = -special.log_softmax(p, axis=-1)[np.arange(4)[:, None], np.arange(5), classes]
    loss = losses.SparseCategoricalCrossentropy(from_logits=True)
    assert loss(classes, p) == pytest.approx(want.mean(), rel=1e-12)
    weight = RNG.random((4, 5))
    assert loss(classes, p, weight) == pytest.approx((weight * want).mean(), rel=1e-12)
    assert losses.CategoricalCrossentropy(True)(np.eye(3)[classes], p) == pytest.approx(want.mean(), rel=1e-12)


def test_probabilities_at_the_ends_stay_finite():
    with np.errstate(all="raise"):
        assert losses.BinaryCrossentropy()([[1.0, 0.0]], [[0.0, 1.0]]) == pytest.approx(-np.log(1e-7), rel=0.01)
        assert losses.CategoricalCrossentropy()([[1.0, 0.0]], [[0.0, 1.0]]) == pytest.approx(-np.log(1e-7), rel=1e-5)
        assert losses.SparseCategoricalCrossentropy()([0], [[0.0, 1.0]]) == pytest.approx(-np.log(1e-7), rel=1e-5)


def test_large_logits_stay_finite():
    with np.errstate(over="raise", invalid="raise"):
        assert losses.BinaryCrossentropy(True)([[1.0]], [[-1e4]]) == pytest.approx(1e4)
        assert losses.SparseCategoricalCrossentropy(True)([0], [[-1e4, 1e4]]) == pytest.approx(2e4)


def test_targets_may_be_rounded():
    assert losses.BinaryCrossentropy()([[1 + 1e-6]], [[0.5]]) == pytest.approx(np.log(2), rel=1e-5)


def test_a_missing_last_axis_of_one():
    assert losses.MeanSquaredError()([1.0, 2.0], [[1.0], [4.0]]) == 2.0
    assert losses.MeanSquaredError()([[1.0], [2.0]], [1.0, 4.0]) == 2.0


@pytest.mark.parametrize(("loss", "y", "p", "message"), [
    ("mse", np.zeros((2, 3)), np.zeros((2, 4)), r"y_true` must have the shape of the prediction, \('batch', 4\)"),
    ("mse", np.zeros(3), np.zeros((3, 4)), "y_true` must have the shape"),
    ("sparse_categorical_crossentropy", [0, 3], np.ones((2, 3)), "from 0 to 2. Received: from 0 to 3."),
    ("sparse_categorical_crossentropy", [-1, 1], np.ones((2, 3)), "Received: from -1 to 1."),
    ("sparse_categorical_crossentropy", [[0, 1]], np.ones((2, 3)), "class numbers of shape"),
    ("bce", [[-1.0], [1.0]], [[0.5], [0.5]], r"targets of BinaryCrossentropy must be from 0 to 1\. Received: from -1"),
    ("binary_focal_crossentropy", [[255]], [[0.5]], "from 0 to 1. Received: from 255"),
    ("categorical_crossentropy", [[0, 2.0]], [[0.5, 0.5]], "from 0 to 1. Received: from 0.0 to 2.0"),
    ("bce", [[np.nan]], [[0.5]], "from 0 to 1. Received: from nan"),
    ("mse", 1.0, 1.0, "`y_pred` must have an entry for each sample"),
    ("mse", np.zeros((1, 4)), np.zeros((3, 4)), "same number of samples. Received: 1 and 3."),
    ("sparse_categorical_crossentropy", [0], np.ones((2, 3)), "same number of samples. Received: 1 and 2."),
    ("sparse_categorical_crossentropy", [0.0, 0.5], np.ones((2, 3)), "integers. Received: 0.5"),
    ("sparse_categorical_crossentropy", [0.0, np.nan], np.ones((2, 3)), "integers. Received: nan"),
])
def test_bad_targets_and_predictions(loss, y, p, message):
    with pytest.raises(ValueError, match=message):
        losses.get(loss)(y, p)


@pytest.mark.parametrize("bad", [[1j, 2], ["a", "b"], [None, 1.0], [[1], [1, 2]]])
def test_what_is_no_array_of_real_numbers_is_a_type_error(bad):
    with pytest.raises(TypeError, match="`y_true` must be an array of real numbers"):
        losses.MeanSquaredError()(bad, [[1.0], [2.0]])
    with pytest.raises(TypeError, match="`sample_weight` must be an array of real numbers"):
        losses.MeanSquaredError()([1.0, 2.0], [[1.0], [2.0]], bad)
    with pytest.raises(TypeError, match="`y_pred` must be an array of real numbers"):
        losses.MeanSquaredError()([1.0, 2.0], bad)


def test_bad_weights():
    with pytest.raises(ValueError, match="sample_weight"):
        losses.MeanSquaredError()(Y, P, np.ones((6, 2)))
    with pytest.raises(ValueError, match="same number of samples. Received: 1"):
        losses.MeanSquaredError()(Y, P, np.ones(1))


def test_bad_settings():
    for make, message in [(lambda: losses.Huber(0), "delta"), (lambda: losses.BinaryCrossentropy(False, 2), "smooth"),
                          (lambda: losses.MeanSquaredError("no"), "reduction"), (lambda: losses.get("rmse"), "huber")]:
        with pytest.raises(ValueError, match=message):
            make()
    with pytest.raises(TypeError, match="loss must be a name or a mgconv.losses.Loss"):
        losses.get(lambda y, p: 0)


def test_names_in_keras_spelling():
    for name in ("mse", "MSE", "mean_squared_error", "MeanSquaredError", losses.MeanSquaredError):
        assert isinstance(losses.get(name), losses.MeanSquaredError)
