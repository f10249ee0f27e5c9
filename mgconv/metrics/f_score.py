"""Means of precision and recall, class by class."""
from typing import Any

import numpy as np

from mgconv._support.arrays import as_targets, real_predictions
from mgconv._support.checks import check_choice, check_positive, check_share
from mgconv.metrics.base import Metric, append_axes, as_pair, checked_weight, registry

_EPSILON = 1e-7                # added to denominators, as in Keras


@registry.add
class FBetaScore(Metric):
    """(1 + beta^2) precision recall / (beta^2 precision + recall) of each class (van Rijsbergen, 1979)

    All axes but the last are samples.

    Parameters
    ----------
    average : {"micro", "macro", "weighted"} or None
        One score for all entries together, the mean over classes, that mean by how often they are true; None: an array
        with a score for each class.
    beta : float
        Positive: how many times as much recall counts as precision.
    threshold : float, optional
        Above 0 and at most 1: what is above is positive. By default, the largest entries of a row are, but for 0.
    name, dtype
        See `Metric`.
    """

    direction = "up"

    def __init__(self, average: str | None = None, beta: float = 1.0, threshold: float | None = None,
                 name: str = "fbeta_score", dtype: str | None = None) -> None:
        if average is not None:
            check_choice("average", average, ("micro", "macro", "weighted"))
        self.average, self.beta = average, check_positive("beta", beta)
        self.threshold = None if threshold is None else check_positive("threshold", check_share("threshold", threshold))
        super().__init__(name, dtype)

    def reset_state(self):
        self._found = self._wrong = self._missed = np.zeros(1)

    def update_state(self, y_true, y_pred, sample_weight=None):
        y_true, y_pred = as_pair(y_true, real_predictions(y_pred))
        if y_pred.ndim < 2:
            raise ValueError(f"{self.name} needs predictions (batch, ..., classes). Received: {y_pred.shape}.")
        y_true = as_targets(y_true, y_pred.shape, float)
        weight = np.ones(()) if sample_weight is None else checked_weight(sample_weight, y_pred.shape)
        weight = np.broadcast_to(append_axes(weight, y_pred.ndim), y_pred.shape)
        if self.threshold is None:
            positive = (y_pred >= y_pred.max(axis=-1, keepdims=True)) & (np.abs(y_pred) > 1e-9)
        else:
            positive = y_pred > self.threshold
        samples = None if self.average == "micro" else tuple(range(y_pred.ndim - 1))
        self._found = self._found + (weight * (positive * y_true)).sum(axis=samples)
        self._wrong = self._wrong + (weight * (positive * (1 - y_true))).sum(axis=samples)
        self._missed = self._missed + (weight * (~positive * y_true)).sum(axis=samples)

    def result(self) -> Any:
        """The score so far, a float, or an array if there is no average."""
        precision = self._found / (self._found + self._wrong + _EPSILON)
        recall = self._found / (self._found + self._missed + _EPSILON)
        scores = (1 + self.beta ** 2) * (precision * recall / (self.beta ** 2 * precision + recall + _EPSILON))
        if self.average is None:
            return scores
        if self.average == "weighted":
            true = self._found + self._missed
            return float((scores * true / (true.sum() + _EPSILON)).sum())
        return float(scores.mean())


@registry.add
class F1Score(FBetaScore):
    """2 precision recall / (precision + recall) of each class; see `FBetaScore`.

    Examples
    --------
    >>> score = F1Score(average="macro")([[1, 0], [0, 1], [0, 1]], [[0.6, 0.4], [0.7, 0.3], [0.2, 0.8]])
    >>> round(score, 6)
    0.666667
    """

    def __init__(self, average: str | None = None, threshold: float | None = None, name: str = "f1_score",
                 dtype: str | None = None) -> None:
        super().__init__(average, 1.0, threshold, name, dtype)
