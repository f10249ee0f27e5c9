"""Losses of areas: how little the area predicted and the true one overlap, for segmentation."""
from functools import partial
from typing import Any

import numpy as np

from mgconv._support.checks import check_not_negative, integers
from mgconv.losses.base import Loss, registry
from mgconv.losses.regression import EPSILON


class _Overlap(Loss):
    """1 - r of sums along `axis`; `_ratio` gives r, and its slope, from entries t and p with those axes last."""

    rowwise = True

    def __init__(self, reduction, name, axis, dtype):
        super().__init__(reduction, name, dtype)
        self.axis = axis if axis is None or hasattr(axis, "__index__") else list(integers("axis", axis))

    def rows_last(self, shape):
        return (shape[0], 1) if self._joins_samples(len(shape)) else super().rows_last(shape)

    def value_and_grad(self, y_true, y_pred, grad, sample_weight=None):
        if sample_weight is None or not self._joins_samples(y_pred.ndim):
            return super().value_and_grad(y_true, y_pred, grad, sample_weight)
        # One loss for several samples: weights can but scale it, as in Keras.
        factor = (1.0 if self.reduction == "mean_with_sample_weight" else float(sample_weight.sum())
                  / (1 if self.reduction == "sum" else len(sample_weight)))
        value = super().value_and_grad(y_true, y_pred, grad)
        if grad is not None:
            np.multiply(grad, factor, out=grad)
        return factor * value

    def terms(self, y_true, y_pred, grad):
        along = tuple(range(-len(self._axes(y_pred.ndim)), 0))
        return 1 - self._ratio(y_true, y_pred, grad, partial(np.sum, axis=along, keepdims=True)).squeeze(along)

    def _ratio(self, t, p, grad, total):
        """r, with axes of length 1 in place of those that `total` sums; minus its slope to p is written to `grad`."""
        raise NotImplementedError

    def _joins_samples(self, ndim):
        return 0 in self._axes(ndim)


@registry.add
class Dice(_Overlap):
    """1 - 2 sum(t p) / (sum(t) + sum(p) + 1e-7), along `axis` (Dice, 1945; as a loss: Milletari et al., 2016)

    Parameters
    ----------
    reduction, name, dtype
        See `Loss`.
    axis : int or sequence of int, optional
        The axes of an area: (1, 2, 3) gives each image of (batch, height, width, 1) its own loss. By default all,
        also that of the samples: then the loss is one for the batch, which the mean of the samples' weights scales.
    """

    def __init__(self, reduction: str | None = "sum_over_batch_size", name: str | None = None, axis: Any = None,
                 dtype: str | None = None) -> None:
        super().__init__(reduction, name, axis, dtype)

    def _ratio(self, t, p, grad, total):
        both, areas = 2 * total(t * p), total(t) + total(p) + EPSILON
        if grad is not None:
            np.divide(both / areas - 2 * t, areas, out=grad)
        return both / areas


@registry.add
class Tversky(_Overlap):
    """1 - i / (i + alpha sum(t (1 - p)) + beta sum((1 - t) p) + 1e-7), i = sum(t p), along `axis` (Salehi et al., 2017)

    Parameters
    ----------
    alpha, beta : float
        At least 0: what a missed part of the area and a wrong one cost. Both 1/2 are `Dice`.
    reduction, name, dtype
        See `Loss`.
    axis : int or sequence of int, optional
        See `Dice`.
    """

    def __init__(self, alpha: float = 0.5, beta: float = 0.5, reduction: str | None = "sum_over_batch_size",
                 name: str | None = None, axis: Any = None, dtype: str | None = None) -> None:
        super().__init__(reduction, name, axis, dtype)
        self.alpha, self.beta = check_not_negative("alpha", alpha), check_not_negative("beta", beta)

    def _ratio(self, t, p, grad, total):
        both = total(t * p)
        area = both + self.alpha * total(t * (1 - p)) + self.beta * total((1 - t) * p) + EPSILON
        if grad is not None:
            np.divide(both / area * (t - self.alpha * t + self.beta * (1 - t)) - t, area, out=grad)
        return both / area
