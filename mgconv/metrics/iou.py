"""Intersection over union of the areas where a class is predicted and where it is true, for segmentation."""
from typing import Any

import numpy as np

from mgconv._support.arrays import real_array
from mgconv._support.checks import check_count, check_number, integers
from mgconv.metrics.base import Metric, registry

_EPSILON = 1e-7                # added to denominators, as in Keras


@registry.add
class IoU(Metric):
    """The mean of intersection over union (Jaccard, 1901) of some classes, of those that occur

    Parameters
    ----------
    num_classes : int
        Class numbers run from 0 to below it; others do not count.
    target_class_ids : sequence of int
        The classes that the mean is over.
    name, dtype
        See `Metric`.
    ignore_class : int, optional
        Where the target is this class, nothing counts.
    sparse_y_true, sparse_y_pred : bool
        Whether targets and predictions are class numbers, rather than rows whose largest entry tells the class.
    axis : int
        The axis of those rows.
    """

    direction = "up"

    def __init__(self, num_classes: int, target_class_ids: Any, name: str | None = None, dtype: str | None = None,
                 ignore_class: int | None = None, sparse_y_true: bool = True, sparse_y_pred: bool = True,
                 axis: int = -1) -> None:
        self.num_classes = check_count("num_classes", num_classes, 1)
        self.target_class_ids = list(integers("target_class_ids", target_class_ids))
        if not all(0 <= number < num_classes for number in self.target_class_ids):
            raise ValueError(f"`target_class_ids` must be from 0 to {num_classes - 1}. "
                             f"Received: target_class_ids={target_class_ids}.")
        self.ignore_class, self.axis = ignore_class, axis
        self.sparse_y_true, self.sparse_y_pred = bool(sparse_y_true), bool(sparse_y_pred)
        super().__init__(name, dtype)

    def reset_state(self):
        self.total_cm = np.zeros((self.num_classes, self.num_classes))

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Take in targets and predictions of one shape (batch, ...), and a weight for each entry, or for all one."""
        y_true, y_pred = self._classes("y_true", y_true), self._classes("y_pred", y_pred)
        if y_true.size != y_pred.size:
            raise ValueError("`y_true` and `y_pred` must have the same number of entries. "
                             f"Received: {y_true.size} and {y_pred.size}.")
        weight = np.ones(()) if sample_weight is None else real_array("sample_weight", sample_weight).ravel()
        weight = np.broadcast_to(weight, y_true.shape)
        counted = (y_true >= 0) & (y_true < self.num_classes) & (y_pred >= 0) & (y_pred < self.num_classes)
        if self.ignore_class is not None:
            counted &= y_true != self.ignore_class
        cells = y_true[counted] * self.num_classes + y_pred[counted]
        self.total_cm = self.total_cm + np.bincount(cells, weight[counted], self.num_classes ** 2).reshape(
            self.total_cm.shape)

    def _classes(self, name, array):
        array = real_array(name, array)
        sparse = self.sparse_y_true if name == "y_true" else self.sparse_y_pred
        return (array if sparse else array.argmax(axis=self.axis)).ravel().astype(np.int64)

    def result(self) -> float:
        """The mean so far; 0 before anything was seen."""
        both = self.total_cm.diagonal()[self.target_class_ids]
        either = (self.total_cm.sum(axis=0) + self.total_cm.sum(axis=1))[self.target_class_ids] - both
        return float((both / (either + _EPSILON)).sum() / (np.count_nonzero(either > 1e-9) + _EPSILON))


@registry.add
class BinaryIoU(IoU):
    """`IoU` of the classes 0 and 1, where predictions of at least `threshold` are 1."""

    def __init__(self, target_class_ids: Any = (0, 1), threshold: float = 0.5, name: str | None = None,
                 dtype: str | None = None) -> None:
        self.threshold = check_number("threshold", threshold)
        super().__init__(2, target_class_ids, name, dtype)

    def update_state(self, y_true, y_pred, sample_weight=None):
        super().update_state(y_true, real_array("y_pred", y_pred) >= self.threshold, sample_weight)


@registry.add
class MeanIoU(IoU):
    """`IoU` of all classes."""

    def __init__(self, num_classes: int, name: str | None = None, dtype: str | None = None,
                 ignore_class: int | None = None, sparse_y_true: bool = True, sparse_y_pred: bool = True,
                 axis: int = -1) -> None:
        super().__init__(num_classes, range(num_classes), name, dtype, ignore_class, sparse_y_true, sparse_y_pred, axis)


@registry.add
class OneHotIoU(IoU):
    """`IoU` where targets are rows of zeros and a one."""

    def __init__(self, num_classes: int, target_class_ids: Any, name: str | None = None, dtype: str | None = None,
                 ignore_class: int | None = None, sparse_y_pred: bool = False, axis: int = -1) -> None:
        super().__init__(num_classes, target_class_ids, name, dtype, ignore_class, False, sparse_y_pred, axis)


@registry.add
class OneHotMeanIoU(MeanIoU):
    """`IoU` of all classes where targets are rows of zeros and a one."""

    def __init__(self, num_classes: int, name: str | None = None, dtype: str | None = None,
                 ignore_class: int | None = None, sparse_y_pred: bool = False, axis: int = -1) -> None:
        super().__init__(num_classes, name, dtype, ignore_class, False, sparse_y_pred, axis)
