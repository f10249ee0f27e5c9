"""Shares of predictions that are right."""
import numpy as np

from mgconv._support.arrays import as_class_numbers, as_targets, real_predictions
from mgconv._support.checks import check_count, check_number
from mgconv.metrics.base import Metric, registry


class _Share(Metric):
    direction = "up"


@registry.add
class Accuracy(_Share):
    """The share of entries where y_pred is exactly y_true."""

    def values(self, y_true, y_pred):
        return as_targets(y_true, y_pred.shape, np.result_type(y_true, y_pred)) == y_pred


@registry.add
class BinaryAccuracy(_Share):
    """The share of entries where y_pred > `threshold` says what y_true, 0 or 1, says."""

    def __init__(self, name: str = "binary_accuracy", dtype: str | None = None, threshold: float = 0.5) -> None:
        super().__init__(name, dtype)
        self.threshold = check_number("threshold", threshold)

    def values(self, y_true, y_pred):
        return (y_pred > self.threshold) == as_targets(y_true, y_pred.shape, np.result_type(y_true))


@registry.add
class CategoricalAccuracy(_Share):
    """The share of rows whose largest prediction is where the largest target is; of several, the first counts."""

    def values(self, y_true, y_pred):
        return as_targets(y_true, y_pred.shape, y_true.dtype).argmax(axis=-1) == y_pred.argmax(axis=-1)


@registry.add
class SparseCategoricalAccuracy(_Share):
    """The share of rows whose largest prediction is at the class number y_true; of several, the first counts."""

    def values(self, y_true, y_pred):
        return as_class_numbers(y_true, y_pred.shape) == y_pred.argmax(axis=-1)


@registry.add
class TopKCategoricalAccuracy(_Share):
    """The share of rows where fewer than `k` predictions are larger than that at the largest target.

    Ties count as right: `k` equal predictions say nothing, and yet are all among the first `k`.
    """

    def __init__(self, k: int = 5, name: str = "top_k_categorical_accuracy", dtype: str | None = None) -> None:
        super().__init__(name, dtype)
        self.k = check_count("k", k, 1)

    def values(self, y_true, y_pred):
        return _among_first(as_targets(y_true, y_pred.shape, y_true.dtype).argmax(axis=-1), y_pred, self.k)


@registry.add
class SparseTopKCategoricalAccuracy(_Share):
    """The share of rows where fewer than `k` predictions are larger than that at the class number y_true.

    Parameters
    ----------
    k : int
        Positive. Ties count as right.
    name, dtype
        See `Metric`.
    from_sorted_ids : bool
        Whether predictions are class numbers, the most likely first, of which the first `k` count.
    """

    def __init__(self, k: int = 5, name: str = "sparse_top_k_categorical_accuracy", dtype: str | None = None,
                 from_sorted_ids: bool = False) -> None:
        super().__init__(name, dtype)
        self.k, self.from_sorted_ids = check_count("k", k, 1), bool(from_sorted_ids)

    def values(self, y_true, y_pred):
        classes = as_class_numbers(y_true, y_pred.shape)
        if self.from_sorted_ids:
            return (classes[..., None] == y_pred[..., :self.k]).any(axis=-1)
        return _among_first(classes, y_pred, self.k)


def _among_first(classes, y_pred, k):
    y_pred, last = real_predictions(y_pred), y_pred.shape[-1] - 1
    score = np.take_along_axis(y_pred, np.clip(classes, 0, last)[..., None], -1)
    larger = np.count_nonzero(y_pred > score, axis=-1)
    return (larger < k) & (classes >= 0) & (classes <= last) & np.isfinite(score[..., 0])
