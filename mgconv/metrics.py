"""Figures that `fit` and `evaluate` report beside the loss: means over all samples seen since the last reset."""
import math
from typing import Any

import numpy as np

from mgconv import losses
from mgconv._support.arrays import append_axes, as_sample_weight, check_length, real_predictions
from mgconv._support.registry import Configurable, Registry, snake_case
from mgconv.losses import Loss


class Metric(Configurable):
    """Base of all metrics: the mean of what `values` gives.

    Parameters
    ----------
    name : str, optional
        The key in a history; by default the class's name in snake case.
    """

    def __init__(self, name=None):
        self.name = name or snake_case(type(self).__name__)
        self.reset_state()

    def reset_state(self):
        """Forget what was seen."""
        self.total = self.count = 0.0

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Take in a batch of targets and predictions, each sample with its weight."""
        y_true, y_pred = np.asarray(y_true), np.asarray(y_pred)
        check_length("y_true", y_true, y_pred)
        values = np.asarray(self.values(y_true, y_pred), float)
        if sample_weight is None:
            self.total += values.sum()
            self.count += values.size
            return
        weight = as_sample_weight(sample_weight, y_pred.shape, float)
        check_length("sample_weight", weight, y_pred)
        weight = np.broadcast_to(append_axes(weight, values.ndim), values.shape)
        self.total += (weight * values).sum()
        self.count += weight.sum()

    def result(self):
        """The mean so far, as a Python float; 0 before anything was seen."""
        return float(self.total / self.count) if self.count else 0.0

    def values(self, y_true, y_pred):
        """What is averaged: an array, batch first."""
        raise NotImplementedError(f"{type(self).__name__} must define values(y_true, y_pred).")


class MeanLoss(Metric):
    """The mean of a loss function, as `loss(y_true, y_pred)` gives it.

    Parameters
    ----------
    loss : str or mgconv.losses.Loss
        Which one.
    name : str, optional
        By default the loss's.
    """

    def __init__(self, loss, name=None):
        self.loss = losses.get(loss)
        super().__init__(name or self.loss.name)

    def values(self, y_true, y_pred):
        y_pred = real_predictions(y_pred)
        return self.loss.terms(self.loss.prepare(y_true, y_pred.shape, y_pred.dtype), y_pred, np.empty_like(y_pred))


class MeanSquaredError(MeanLoss):
    """The mean of (y_pred - y_true)^2."""

    def __init__(self, name="mean_squared_error"):
        super().__init__("mse", name)


class MeanAbsoluteError(MeanLoss):
    """The mean of abs(y_pred - y_true)."""

    def __init__(self, name="mean_absolute_error"):
        super().__init__("mae", name)


class RootMeanSquaredError(MeanLoss):
    """The square root of the mean of (y_pred - y_true)^2 over all samples, not a mean of roots."""

    def __init__(self, name="root_mean_squared_error"):
        super().__init__("mse", name)

    def result(self):
        return math.sqrt(super().result())


class BinaryAccuracy(Metric):
    """The share of entries where y_pred > `threshold` says what y_true, 0 or 1, says."""

    def __init__(self, name=None, threshold=0.5):
        super().__init__(name)
        self.threshold = threshold

    def values(self, y_true, y_pred):
        return (y_pred > self.threshold) == y_true.reshape(y_pred.shape)


class CategoricalAccuracy(Metric):
    """The share of rows whose largest prediction is where the largest target is."""

    def values(self, y_true, y_pred):
        return y_true.argmax(axis=-1) == y_pred.argmax(axis=-1)


class SparseCategoricalAccuracy(Metric):
    """The share of rows whose largest prediction is at the class number y_true."""

    def values(self, y_true, y_pred):
        return y_true.reshape(y_pred.shape[:-1]) == y_pred.argmax(axis=-1)


registry = Registry("metric", Metric)
for _class, *_aliases in ((MeanSquaredError, "mse"), (MeanAbsoluteError, "mae"), (RootMeanSquaredError, "rmse"),
                          (BinaryAccuracy,), (CategoricalAccuracy,), (SparseCategoricalAccuracy,)):
    registry.add(_class, *_aliases)


def get(identifier, loss=None, output_shape=None):
    """The metric that a name, a configuration, a `Metric` or a `Loss` means; a name stays the metric's name.

    "accuracy" (or "acc") is the one of the three accuracies that goes with the `loss` and the model's `output_shape`.

    Raises
    ------
    ValueError
        For an unknown name; the message lists the known ones.
    TypeError
        For anything else.
    """
    if isinstance(identifier, Loss):
        return MeanLoss(identifier)
    if not isinstance(identifier, str):
        return registry.get(identifier)
    if identifier in ("accuracy", "acc"):
        metric: Any = (SparseCategoricalAccuracy() if loss is not None and loss.sparse
                       else BinaryAccuracy() if output_shape is not None and output_shape[-1] == 1
                       else CategoricalAccuracy())
    elif identifier not in registry and identifier in losses.registry:
        metric = MeanLoss(identifier)
    else:
        metric = registry.get(identifier)
    metric.name = identifier
    return metric
