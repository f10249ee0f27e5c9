"""What is taken for positive, rightly and wrongly, where predictions exceed thresholds: counts, and ratios of them."""
from typing import Any

import numpy as np

from mgconv._support.arrays import as_targets, real_predictions
from mgconv._support.checks import check_count, check_share
from mgconv.metrics.base import Metric, append_axes, as_pair, checked_weight, registry


class Confusion(Metric):
    """Base: the weights of the four kinds at each threshold.

    Targets are positive where they are not 0, predictions where they are above the threshold. Figures are scalars for
    one threshold, arrays for several.

    Parameters
    ----------
    thresholds : float or list of float, optional
        From 0 to 1; 0.5 by default.
    top_k : int, optional
        Only the k largest predictions of a row can be positive; without `thresholds`, all of them are.
    class_id : int, optional
        Only this column of the last axis counts.
    name, dtype
        See `Metric`.
    """

    def __init__(self, thresholds: Any = None, top_k: int | None = None, class_id: int | None = None,
                 name: str | None = None, dtype: str | None = None) -> None:
        given = [] if thresholds is None else np.atleast_1d(thresholds).tolist()
        for threshold in given:
            check_share("thresholds", threshold)
        self.thresholds = thresholds
        self.top_k = None if top_k is None else check_count("top_k", top_k, 1)
        self.class_id = None if class_id is None else check_count("class_id", class_id, 0)
        self._limits = np.array(given or [0.5 if top_k is None else -np.inf])
        super().__init__(name, dtype)

    def reset_state(self):
        self.true_positives = self.false_positives = np.zeros((len(self._limits), 1))
        self._positives = self._negatives = np.zeros(1)

    @property
    def false_negatives(self):
        return np.maximum(self._positives - self.true_positives, 0)

    @property
    def true_negatives(self):
        return np.maximum(self._negatives - self.false_positives, 0)

    def update_state(self, y_true, y_pred, sample_weight=None):
        y_true, y_pred = as_pair(y_true, real_predictions(y_pred))
        y_true = as_targets(y_true, y_pred.shape, y_pred.dtype)
        weight = np.ones(()) if sample_weight is None else checked_weight(sample_weight, y_pred.shape)
        weight = np.broadcast_to(append_axes(weight, y_pred.ndim), y_pred.shape)
        if self.top_k is not None:
            y_pred = _largest(y_pred, self.top_k)
        if self.class_id is not None:
            if y_pred.ndim < 2 or self.class_id >= y_pred.shape[-1]:
                raise ValueError(f"`class_id` must be a column of the prediction. Received: class_id={self.class_id} "
                                 f"for shape {y_pred.shape}.")
            y_true, y_pred, weight = (array[..., self.class_id] for array in (y_true, y_pred, weight))
        self._count(*(self._columns(array) for array in (y_true != 0, y_pred, weight)))

    def _columns(self, array):
        """(n, columns), of which each has counts of its own."""
        return array.reshape(-1, 1)

    def _count(self, label, y_pred, weight):
        right, wrong = weight * label, weight * ~label
        self.true_positives = self.true_positives + above(self._limits, y_pred, right)
        self.false_positives = self.false_positives + above(self._limits, y_pred, wrong)
        self._positives = self._positives + right.sum(axis=0)
        self._negatives = self._negatives + wrong.sum(axis=0)

    def result(self) -> Any:
        """The figure so far: a float, or an array of one for each threshold."""
        figures = self._figures()[:, 0]
        return float(figures[0]) if len(figures) == 1 else figures

    def _figures(self):
        raise NotImplementedError


def above(limits, y_pred, weight):
    """(limits, columns): the sums of `weight` where `y_pred`, both (n, columns), is above each limit."""
    order = np.argsort(limits, kind="stable")
    below = np.searchsorted(limits[order].astype(y_pred.dtype), y_pred)      # how many limits are
    below[np.isnan(y_pred)] = 0
    bins, columns = len(limits) + 1, y_pred.shape[1]
    histogram = np.bincount((below + bins * np.arange(columns)).ravel(), weight.ravel(), bins * columns)
    sums = np.empty((len(limits), columns))
    sums[order] = histogram.reshape(columns, bins)[:, :0:-1].cumsum(axis=1)[:, ::-1].T
    return sums


def ratio(a, b):
    """a / b, 0 where b is 0."""
    return np.divide(a, b, out=np.zeros(np.broadcast_shapes(np.shape(a), np.shape(b))), where=b != 0)


def _largest(y_pred, k):
    """`y_pred` with -inf in place of all but the k largest of each row; of equal ones, the first stay."""
    first = np.argsort(-y_pred, axis=-1, kind="stable")[..., :k]
    kept = np.full_like(y_pred, -np.inf)
    np.put_along_axis(kept, first, np.take_along_axis(y_pred, first, -1), -1)
    return kept


class _Count(Confusion):
    """The weight of one kind."""

    def __init__(self, thresholds: Any = None, name: str | None = None, dtype: str | None = None) -> None:
        super().__init__(thresholds, None, None, name, dtype)


@registry.add
class TruePositives(_Count):
    """How many positive entries are taken for positive."""

    def _figures(self):
        return self.true_positives


@registry.add
class FalsePositives(_Count):
    """How many negative entries are taken for positive."""

    def _figures(self):
        return self.false_positives


@registry.add
class TrueNegatives(_Count):
    """How many negative entries are taken for negative."""

    def _figures(self):
        return self.true_negatives


@registry.add
class FalseNegatives(_Count):
    """How many positive entries are taken for negative."""

    def _figures(self):
        return self.false_negatives


@registry.add
class Precision(Confusion):
    """The share of what is taken for positive that is; 0 if nothing is taken so.

    Examples
    --------
    >>> Precision()([0, 1, 1, 1], [0.9, 0.2, 0.7, 0.8])
    0.6666666666666666
    """

    direction = "up"

    def _figures(self):
        return ratio(self.true_positives, self.true_positives + self.false_positives)


@registry.add
class Recall(Confusion):
    """The share of what is positive that is taken so; 0 if nothing is positive."""

    direction = "up"

    def _figures(self):
        return ratio(self.true_positives, self._positives)


class _Best(Confusion):
    """The largest of one ratio over even thresholds where another is at least as wanted; 0 if it is nowhere."""

    direction = "up"

    def __init__(self, wanted, num_thresholds, class_id, name, dtype):
        self.num_thresholds = check_count("num_thresholds", num_thresholds, 1)
        super().__init__(None, None, class_id, name, dtype)
        self._wanted = wanted
        if num_thresholds > 1:
            self._limits = np.arange(num_thresholds) / (num_thresholds - 1)
            self.reset_state()

    def result(self) -> float:
        """The figure so far."""
        held, best = self._ratios()
        return float(np.max(best[held >= self._wanted], initial=0))

    def _ratios(self):
        """What is held to, and what is made large, at each threshold."""
        raise NotImplementedError

    def _sensitivity(self):
        return ratio(self.true_positives, self._positives)

    def _specificity(self):
        return ratio(self.true_negatives, self._negatives)

    def _precision(self):
        return ratio(self.true_positives, self.true_positives + self.false_positives)


@registry.add
class SensitivityAtSpecificity(_Best):
    """The largest share of positives found where at least the share `specificity` of negatives is left alone."""

    def __init__(self, specificity: float, num_thresholds: int = 200, class_id: int | None = None,
                 name: str | None = None, dtype: str | None = None) -> None:
        self.specificity = check_share("specificity", specificity)
        super().__init__(specificity, num_thresholds, class_id, name, dtype)

    def _ratios(self):
        return self._specificity(), self._sensitivity()


@registry.add
class SpecificityAtSensitivity(_Best):
    """The largest share of negatives left alone where at least the share `sensitivity` of positives is found."""

    def __init__(self, sensitivity: float, num_thresholds: int = 200, class_id: int | None = None,
                 name: str | None = None, dtype: str | None = None) -> None:
        self.sensitivity = check_share("sensitivity", sensitivity)
        super().__init__(sensitivity, num_thresholds, class_id, name, dtype)

    def _ratios(self):
        return self._sensitivity(), self._specificity()


@registry.add
class PrecisionAtRecall(_Best):
    """The largest precision where at least the share `recall` of positives is found."""

    def __init__(self, recall: float, num_thresholds: int = 200, class_id: int | None = None,
                 name: str | None = None, dtype: str | None = None) -> None:
        self.recall = check_share("recall", recall)
        super().__init__(recall, num_thresholds, class_id, name, dtype)

    def _ratios(self):
        return self._sensitivity(), self._precision()


@registry.add
class RecallAtPrecision(_Best):
    """The largest share of positives found with at least this `precision`."""

    def __init__(self, precision: float, num_thresholds: int = 200, class_id: int | None = None,
                 name: str | None = None, dtype: str | None = None) -> None:
        self.precision = check_share("precision", precision)
        super().__init__(precision, num_thresholds, class_id, name, dtype)

    def _ratios(self):
        return self._precision(), self._sensitivity()
