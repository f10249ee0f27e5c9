"""How much of the targets' variance predictions explain."""
import warnings
from typing import Any

import numpy as np

from mgconv._support.arrays import as_targets, real_predictions
from mgconv._support.checks import check_choice, check_count
from mgconv.metrics.base import Metric, append_axes, as_pair, checked_weight, registry


@registry.add
class R2Score(Metric):
    """1 - residual / total, the sums of squares of y_true - y_pred and of y_true - mean, for each column.

    The means and the sums around them are brought up to date batch by batch (Chan, Golub and LeVeque, 1979), so that an
    offset costs nothing; Keras sums squares in float32, whose difference is noise where the mean is large. A column
    that never changes scores 0 (nan if predicted exactly), as there. All axes but the last are samples.

    Parameters
    ----------
    class_aggregation : {"uniform_average", "variance_weighted_average"} or None
        What becomes of the columns' scores: their mean, their mean by total sums, or an array of them.
    num_regressors : int
        How many inputs explain the targets, for the adjusted score; 0 for the plain one. As in Keras, every entry of
        y_true counts as a sample there.
    name, dtype
        See `Metric`.

    Examples
    --------
    >>> R2Score()([[1.0], [2.0], [3.0]], [[1.0], [2.0], [4.0]])
    0.5
    """

    direction = "up"

    def __init__(self, class_aggregation: str | None = "uniform_average", num_regressors: int = 0,
                 name: str = "r2_score", dtype: str | None = None) -> None:
        if class_aggregation is not None:
            check_choice("class_aggregation", class_aggregation, ("uniform_average", "variance_weighted_average"))
        self.class_aggregation = class_aggregation
        self.num_regressors = check_count("num_regressors", num_regressors, 0)
        super().__init__(name, dtype)

    def reset_state(self):
        self.num_samples = 0
        self.weight = self.mean = self.around_mean = self.residual = np.zeros(1)

    def update_state(self, y_true, y_pred, sample_weight=None):
        y_true, y_pred = as_pair(y_true, real_predictions(y_pred))
        y_true = as_targets(y_true, y_pred.shape, float)
        weight = np.ones(()) if sample_weight is None else checked_weight(sample_weight, y_pred.shape)
        weight = np.broadcast_to(append_axes(weight, y_pred.ndim), y_pred.shape)
        columns = y_pred.shape[-1] if y_pred.ndim > 1 else 1
        y_true, y_pred, weight = (array.reshape(-1, columns) for array in (y_true, y_pred.astype(float), weight))
        self.num_samples += y_true.size
        self.residual = self.residual + (weight * np.square(y_true - y_pred)).sum(axis=0)
        added = weight.sum(axis=0)
        mean = (weight * y_true).sum(axis=0) / np.where(added, added, 1)
        total = self.weight + added
        share, step = added / np.where(total, total, 1), mean - self.mean
        self.around_mean = (self.around_mean + (weight * np.square(y_true - mean)).sum(axis=0)
                            + self.weight * share * np.square(step))
        self.mean, self.weight = self.mean + share * step, total

    def result(self) -> Any:
        """The score so far, a float, or an array if nothing is aggregated; 0 before anything was seen."""
        if not self.num_samples:
            return 0.0
        with np.errstate(divide="ignore", invalid="ignore"):
            scores: Any = 1 - self.residual / self.around_mean
            scores = np.where(np.isinf(scores), 0, scores)
            if self.class_aggregation == "uniform_average":
                scores = float(scores.mean())
            elif self.class_aggregation is not None:
                scores = float((self.around_mean * scores).sum() / self.around_mean.sum())
        return self._adjusted(scores) if self.num_regressors else scores

    def _adjusted(self, score):
        free = self.num_samples - self.num_regressors - 1
        if free > 0:
            return 1 - (1 - score) * (self.num_samples - 1) / free
        warnings.warn("too few samples for an adjusted R2: the plain one is given.", UserWarning, stacklevel=3)
        return score
