"""Areas under curves over thresholds."""
from typing import Any

import numpy as np

from mgconv import activations
from mgconv._support.checks import check_choice, check_count, check_share
from mgconv.metrics.base import registry
from mgconv.metrics.confusion import Confusion, ratio


@registry.add
class AUC(Confusion):
    """The area under a curve of two ratios, of which each threshold gives a point.

    The thresholds are even, not those that the scores would need: scores that all lie between two of them are one
    point, and their area is 1/2, as in Keras.

    Parameters
    ----------
    num_thresholds : int
        At least 2: from just below 0 to just above 1.
    curve : {"ROC", "PR", "PRGAIN"}
        Positives found over negatives taken for positive; precision over recall; or both of these as gains over taking
        everything for positive (Flach and Kull, 2015).
    summation_method : {"interpolation", "minoring", "majoring"}
        By trapezoids (for "PR" by Davis and Goadrich, 2006), by lower or by upper sums.
    name, dtype
        See `Metric`.
    thresholds : list of float, optional
        From 0 to 1, in place of even ones.
    multi_label : bool
        Whether each column of (batch, labels) has a curve of its own, of whose areas the mean is given.
    num_labels : int, optional
        Taken for Keras's sake; the first batch tells.
    label_weights : list of float, optional
        Weights of the columns, in that mean, or in the one curve.
    from_logits : bool
        Whether predictions are any numbers x, to be made sigmoid(x).

    Examples
    --------
    >>> AUC()([0, 0, 1, 1], [0.1, 0.6, 0.4, 0.9])
    0.75
    """

    direction = "up"

    def __init__(self, num_thresholds: int = 200, curve: str = "ROC", summation_method: str = "interpolation",
                 name: str | None = None, dtype: str | None = None, thresholds: Any = None, multi_label: bool = False,
                 num_labels: int | None = None, label_weights: Any = None, from_logits: bool = False) -> None:
        self.num_thresholds = check_count("num_thresholds", num_thresholds, 2)
        self.curve = check_choice("curve", curve, ("roc", "pr", "prgain"), ignore_case=True).upper()
        self.summation_method = check_choice("summation_method", summation_method,
                                             ("interpolation", "minoring", "majoring"), ignore_case=True)
        self.multi_label, self.num_labels, self.from_logits = bool(multi_label), num_labels, bool(from_logits)
        self.label_weights = label_weights
        if num_labels and not multi_label:
            raise ValueError(f"`num_labels` needs `multi_label`. Received: num_labels={num_labels}.")
        super().__init__(None, None, None, name, dtype)
        self.thresholds = thresholds
        inner = (np.arange(1, num_thresholds - 1) / (num_thresholds - 1) if thresholds is None
                 else np.sort([check_share("thresholds", threshold) for threshold in thresholds]))
        self._limits = np.array([-1e-7, *inner, 1 + 1e-7])
        self.reset_state()

    def _columns(self, array):
        if self.multi_label and array.ndim != 2:
            raise ValueError(f"with `multi_label`, predictions must be (batch, labels). Received: {array.shape}.")
        return array.reshape(-1, array.shape[-1] if array.ndim > 1 else 1)

    def _count(self, label, y_pred, weight):
        y_pred = activations.sigmoid(y_pred) if self.from_logits else np.clip(y_pred, 0, 1)
        if not self.multi_label:
            if self.label_weights is not None:
                weight = weight * np.asarray(self.label_weights)
            label, y_pred, weight = (array.reshape(-1, 1) for array in (label, y_pred, weight))
        super()._count(label, y_pred, weight)

    def result(self) -> float:
        """The area so far; 0 while there are positives alone, or negatives alone."""
        areas = self._interpolated() if (self.curve, self.summation_method) == ("PR", "interpolation") else self._sums()
        weights = self.label_weights if self.multi_label else None
        return float(areas.mean() if weights is None else ratio((areas * np.asarray(weights)).sum(), np.sum(weights)))

    def _sums(self):
        x, y = self._curve()
        low, high = np.minimum(y[:-1], y[1:]), np.maximum(y[:-1], y[1:])
        heights = {"interpolation": (low + high) / 2, "minoring": low, "majoring": high}
        return ((x[:-1] - x[1:]) * heights[self.summation_method]).sum(axis=0)

    def _curve(self):
        found, wrong = self.true_positives, self.false_positives
        recall = ratio(found, self._positives)
        if self.curve == "ROC":
            return ratio(wrong, self._negatives), recall
        if self.curve == "PR":
            return recall, ratio(found, found + wrong)
        scale = ratio(self._positives, self._negatives)
        recall_gain = np.where(found == 0, 0, 1 - scale * ratio(self.false_negatives, found))
        return np.maximum(recall_gain, 0), np.where(found == 0, 1, 1 - scale * ratio(wrong, found))

    def _interpolated(self):
        """Between two thresholds both kinds of positives grow evenly, and precision is no straight line."""
        found, taken = self.true_positives, self.true_positives + self.false_positives
        step = found[:-1] - found[1:]
        slope = ratio(step, taken[:-1] - taken[1:])
        intercept = found[1:] - slope * taken[1:]
        both = (taken[:-1] > 0) & (taken[1:] > 0)
        growth = np.where(both, ratio(taken[:-1], taken[1:]), 1)
        return ratio(slope * (step + intercept * np.log(growth)), self._positives).sum(axis=0)
