"""Metrics: means over everything seen since the reset."""
import numpy as np
import pytest

from mgconv import losses, metrics

RNG = np.random.default_rng(0)


def over_batches(metric, y, p, weight=None):
    metric.reset_state()
    for part in (slice(0, 3), slice(3, 10)):
        metric.update_state(y[part], p[part], None if weight is None else weight[part])
    return metric.result()


def test_regression():
    y, p = RNG.standard_normal((2, 10, 4))
    assert over_batches(metrics.MeanSquaredError(), y, p) == pytest.approx(((p - y) ** 2).mean())
    assert over_batches(metrics.MeanAbsoluteError(), y, p) == pytest.approx(abs(p - y).mean())
    assert over_batches(metrics.RootMeanSquaredError(), y, p) == pytest.approx(np.sqrt(((p - y) ** 2).mean()))
    w = RNG.random(10)
    assert over_batches(metrics.MeanAbsoluteError(), y, p, w) == pytest.approx(
        np.average(abs(p - y).mean(axis=1), weights=w))
    assert over_batches(metrics.MeanLoss("huber"), y, p) == pytest.approx(losses.Huber()(y, p))


def test_accuracies():
    p = RNG.random((10, 3))
    classes = RNG.integers(0, 3, 10)
    want = (p.argmax(axis=1) == classes).mean()
    assert over_batches(metrics.SparseCategoricalAccuracy(), classes, p) == pytest.approx(want)
    assert over_batches(metrics.SparseCategoricalAccuracy(), classes[:, None], p) == pytest.approx(want)
    assert over_batches(metrics.CategoricalAccuracy(), np.eye(3)[classes], p) == pytest.approx(want)
    bits = (RNG.random((10, 1)) > 0.5).astype(float)
    assert over_batches(metrics.BinaryAccuracy(), bits, p[:, :1]) == pytest.approx(((p[:, :1] > 0.5) == bits).mean())
    assert over_batches(metrics.BinaryAccuracy(threshold=0.2), bits, p[:, :1]) == pytest.approx(
        ((p[:, :1] > 0.2) == bits).mean())


def test_accuracy_goes_with_the_loss():
    def kind(loss, shape):
        return type(metrics.get("accuracy", losses.get(loss), shape))
    assert kind("sparse_categorical_crossentropy", (None, 3)) is metrics.SparseCategoricalAccuracy
    assert kind("categorical_crossentropy", (None, 3)) is metrics.CategoricalAccuracy
    assert kind("binary_crossentropy", (None, 1)) is metrics.BinaryAccuracy


@pytest.mark.parametrize("name", ["mse", "categorical_accuracy", "binary_accuracy", "sparse_categorical_accuracy"])
def test_one_target_does_not_count_for_all(name):
    with pytest.raises(ValueError, match="same number of samples. Received: 1 and 3."):
        metrics.get(name).update_state(np.ones((1, 2)), np.ones((3, 2)))
    with pytest.raises(ValueError, match="same number of samples. Received: 1 and 3."):
        metrics.get(name).update_state(np.ones((3, 1 if name.startswith("sparse") else 2)), np.ones((3, 2)), [1.0])


def test_names():
    assert metrics.get("mae").name == "mae"
    assert metrics.get("acc").name == "acc"
    assert metrics.MeanAbsoluteError().name == "mean_absolute_error"
    assert metrics.get("binary_crossentropy").name == "binary_crossentropy"
    assert metrics.get(losses.Huber()).name == "huber_loss"
    with pytest.raises(ValueError, match="accuracy, .*rmse.* Received: 'r2'"):
        metrics.get("r2")
    with pytest.raises(TypeError, match="metric must be a name"):
        metrics.get(3)


def test_nothing_seen():
    assert metrics.MeanSquaredError().result() == 0.0


@pytest.mark.parametrize("count", [1, 2 ** 20 + 1])
def test_numbers_of_thresholds(count):
    with pytest.raises(ValueError, match="`num_thresholds` must be at"):
        metrics.AUC(num_thresholds=count)
