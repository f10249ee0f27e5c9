"""Losses of margins: what is on the right side by 1 or more costs nothing."""
import numpy as np

from mgconv.losses.base import Loss, registry


@registry.add
class Hinge(Loss):
    """max(1 - y_true y_pred, 0), for targets -1 and 1; a batch of zeros and ones alone is taken for these"""

    def terms(self, y_true, y_pred, grad):
        sign = _signs(y_true)
        values = np.maximum(1 - sign * y_pred, 0)
        if grad is not None:
            np.multiply(-sign, values > 0, out=grad)
        return values


@registry.add
class SquaredHinge(Loss):
    """max(1 - y_true y_pred, 0)^2, for targets -1 and 1; a batch of zeros and ones alone is taken for these"""

    def terms(self, y_true, y_pred, grad):
        sign = _signs(y_true)
        values = np.maximum(1 - sign * y_pred, 0)
        if grad is not None:
            np.multiply(-2 * sign, values, out=grad)
        return values * values


@registry.add
class CategoricalHinge(Loss):
    """max(wrong - right + 1, 0), right the sum of t p, wrong the largest (1 - t) p along the last axis

    Of Crammer and Singer (2001), for rows t of zeros and a one. Of several largest, the first moves.
    """

    rowwise = True

    def terms(self, y_true, y_pred, grad):
        others = (1 - y_true) * y_pred
        worst = others.argmax(axis=-1)[..., None]
        right = (y_true * y_pred).sum(axis=-1)
        values = np.maximum(np.take_along_axis(others, worst, -1)[..., 0] - right + 1, 0)
        if grad is not None:
            np.negative(y_true, out=grad)
            np.put_along_axis(grad, worst, np.take_along_axis(1 - 2 * y_true, worst, -1), -1)
            np.multiply(grad, (values > 0)[..., None], out=grad)
        return values


def _signs(y_true):
    return 2 * y_true - 1 if ((y_true == 0) | (y_true == 1)).all() else y_true
