"""Losses of probabilities. Those that take logits (any numbers) too are exact for them, however large.

Probabilities are kept 1e-7 away from 0 and 1, as in Keras; one that had to be moved has no gradient.
"""
from typing import Any

import numpy as np

from mgconv import activations
from mgconv._support.arrays import as_class_numbers, check_class_range
from mgconv._support.checks import check_not_negative, check_number, check_share
from mgconv.losses.base import Loss, check_axis, registry
from mgconv.losses.regression import EPSILON


class _OfProbabilities(Loss):
    """What takes probabilities, or what `_activation` makes them of."""

    _activation: Any = activations.Softmax

    def __init__(self, from_logits, axis, reduction, name, dtype):
        super().__init__(reduction, name, dtype)
        self.from_logits, self.axis = bool(from_logits), check_axis(axis)

    def from_activation(self, activation):
        activation = activations.get(activation)
        if (self.from_logits or not isinstance(activation, self._activation)
                or getattr(activation, "axis", self.axis) != self.axis):
            return None
        return type(self).from_config(self.get_config() | {"from_logits": True})


@registry.known_as("bce")
class BinaryCrossentropy(_OfProbabilities):
    """-(t log(p) + (1 - t) log(1 - p)), t moved by `label_smoothing` towards 1/2

    Parameters
    ----------
    from_logits : bool
        Whether predictions are any numbers x, p = sigmoid(x), rather than probabilities p.
    label_smoothing : float
        From 0 to 1.
    axis : int
        The axis along which the mean is a sample's own loss.
    reduction, name, dtype
        See `Loss`.
    """

    _activation = activations.Sigmoid

    def __init__(self, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1,
                 reduction: str | None = "sum_over_batch_size", name: str | None = None,
                 dtype: str | None = None) -> None:
        super().__init__(from_logits, axis, reduction, name, dtype)
        self.label_smoothing = check_share("label_smoothing", label_smoothing)

    def terms(self, y_true, y_pred, grad):
        t = _smooth(y_true, self.label_smoothing, 2)
        if self.from_logits:
            if grad is not None:
                np.subtract(activations.sigmoid(y_pred), t, out=grad)
            return _softplus(y_pred) - t * y_pred
        p = np.clip(y_pred, EPSILON, 1 - EPSILON)
        if grad is not None:
            np.multiply((p - t) / (p * (1 - p)), p == y_pred, out=grad)
        return -(t * np.log(p) + (1 - t) * np.log(1 - p))


@registry.add
class BinaryFocalCrossentropy(_OfProbabilities):
    """(1 - q)^gamma times binary cross-entropy, where q is the probability given to what is true (Lin et al., 2017)

    From logits it is exact beyond where Keras cuts the probabilities.

    Parameters
    ----------
    apply_class_balancing : bool
        Whether ones weigh `alpha` and zeros 1 - `alpha`.
    alpha : float
        From 0 to 1.
    gamma : float
        At least 0; the larger, the less what is easy counts.
    from_logits, label_smoothing, axis
        See `BinaryCrossentropy`.
    reduction, name, dtype
        See `Loss`.
    """

    _activation = activations.Sigmoid

    def __init__(self, apply_class_balancing: bool = False, alpha: float = 0.25, gamma: float = 2.0,
                 from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1,
                 reduction: str | None = "sum_over_batch_size", name: str | None = None,
                 dtype: str | None = None) -> None:
        super().__init__(from_logits, axis, reduction, name, dtype)
        self.apply_class_balancing = bool(apply_class_balancing)
        self.alpha, self.gamma = check_number("alpha", alpha), check_not_negative("gamma", gamma)
        self.label_smoothing = check_share("label_smoothing", label_smoothing)

    def terms(self, y_true, y_pred, grad):
        t = _smooth(y_true, self.label_smoothing, 2)
        p = activations.sigmoid(y_pred) if self.from_logits else y_pred
        q = activations.sigmoid(-y_pred) if self.from_logits else 1 - y_pred
        if self.from_logits:
            entropy = _softplus(y_pred) - t * y_pred
        else:
            inside = np.clip(p, EPSILON, 1 - EPSILON)
            entropy = -(t * np.log(inside) + (1 - t) * np.log(1 - inside))
        doubt = t * q + (1 - t) * p
        focus = doubt ** self.gamma
        weight = t * self.alpha + (1 - t) * (1 - self.alpha) if self.apply_class_balancing else 1
        if grad is not None:
            if self.from_logits:
                turn, slope = (1 - 2 * t) * p * q, p - t
            else:
                turn, slope = 1 - 2 * t, (inside - t) / (inside * (1 - inside)) * (inside == p)
            np.multiply(weight, _power_slope(doubt, self.gamma) * turn * entropy + focus * slope, out=grad)
        return weight * (focus * entropy)


@registry.add
class CategoricalCrossentropy(_OfProbabilities):
    """-sum of t log(p) along `axis`, t moved by `label_smoothing` towards equal shares

    Parameters
    ----------
    from_logits : bool
        Whether predictions are any numbers x, p = softmax(x), rather than shares p of their sum.
    label_smoothing : float
        From 0 to 1.
    axis : int
        The axis of the classes.
    reduction, name, dtype
        See `Loss`.
    """

    rowwise = True

    def __init__(self, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1,
                 reduction: str | None = "sum_over_batch_size", name: str | None = None,
                 dtype: str | None = None) -> None:
        super().__init__(from_logits, axis, reduction, name, dtype)
        self.label_smoothing = check_share("label_smoothing", label_smoothing)

    def terms(self, y_true, y_pred, grad):
        t = _smooth(y_true, self.label_smoothing, y_pred.shape[-1])
        if self.from_logits:
            log_p = activations.log_softmax(y_pred)
            if grad is not None:
                np.subtract(np.exp(log_p) * t.sum(axis=-1, keepdims=True), t, out=grad)
            return -(t * log_p).sum(axis=-1)
        total = y_pred.sum(axis=-1, keepdims=True)
        share = y_pred / total
        p = np.clip(share, EPSILON, 1 - EPSILON)
        if grad is not None:
            felt = t * (p == share)                      # a clipped share moves nothing
            np.divide(felt.sum(axis=-1, keepdims=True) - felt / p, total, out=grad)
        return -(t * np.log(p)).sum(axis=-1)


@registry.add
class CategoricalFocalCrossentropy(_OfProbabilities):
    """-sum of alpha (1 - p)^gamma t log(p) along `axis` (Lin et al., 2017)

    From logits it is exact beyond where Keras cuts the probabilities.

    Parameters
    ----------
    alpha : float or array_like
        A factor, or one for each class.
    gamma : float
        At least 0; the larger, the less what is easy counts.
    from_logits, label_smoothing, axis
        See `CategoricalCrossentropy`.
    reduction, name, dtype
        See `Loss`.
    """

    rowwise = True

    def __init__(self, alpha: Any = 0.25, gamma: float = 2.0, from_logits: bool = False, label_smoothing: float = 0.0,
                 axis: int = -1, reduction: str | None = "sum_over_batch_size", name: str | None = None,
                 dtype: str | None = None) -> None:
        super().__init__(from_logits, axis, reduction, name, dtype)
        self.alpha, self.gamma = alpha, check_not_negative("gamma", gamma)
        self.label_smoothing = check_share("label_smoothing", label_smoothing)

    def terms(self, y_true, y_pred, grad):
        t = _smooth(y_true, self.label_smoothing, y_pred.shape[-1]) * np.asarray(self.alpha, y_pred.dtype)
        if self.from_logits:
            log_p = activations.log_softmax(y_pred)
            p, doubt, felt = np.exp(log_p), -np.expm1(log_p), 1
        else:
            total = y_pred.sum(axis=-1, keepdims=True)
            share = y_pred / total
            p = np.clip(share, EPSILON, 1 - EPSILON)
            log_p, doubt, felt = np.log(p), 1 - p, p == share
        focus = doubt ** self.gamma
        if grad is not None:
            pull = felt * t * (_power_slope(doubt, self.gamma) * p * log_p - focus)        # p times the slope to p
            if self.from_logits:
                np.subtract(pull, p * pull.sum(axis=-1, keepdims=True), out=grad)
            else:
                np.divide(pull / p - pull.sum(axis=-1, keepdims=True), total, out=grad)
        return -(t * focus * log_p).sum(axis=-1)


@registry.add
class SparseCategoricalCrossentropy(_OfProbabilities):
    """-log(p[t]) along `axis`, for the class number t

    Parameters
    ----------
    from_logits : bool
        Whether predictions are any numbers x, p = softmax(x), rather than shares p of their sum.
    ignore_class : int, optional
        The class number, which may be out of range, of what does not count: its loss is 0, and the mean is over the
        others.
    reduction : str or None
        See `Loss`.
    axis : int
        The axis of the classes.
    name, dtype
        See `Loss`.
    """

    rowwise = True
    sparse = True

    def __init__(self, from_logits: bool = False, ignore_class: int | None = None,
                 reduction: str | None = "sum_over_batch_size", axis: int = -1, name: str | None = None,
                 dtype: str | None = None) -> None:
        super().__init__(from_logits, axis, reduction, name, dtype)
        self.ignore_class = ignore_class

    def prepare(self, y_true, shape, dtype):
        rows = self.rows_last(shape)
        classes = as_class_numbers(y_true, rows)
        check_class_range(classes if self.ignore_class is None else classes[self.counted(classes)], rows[-1])
        return classes

    def counted(self, y_true):
        return None if self.ignore_class is None else y_true != self.ignore_class

    def terms(self, y_true, y_pred, grad):
        counted = self.counted(y_true)
        if counted is None:
            return self._terms(y_true, y_pred, grad)
        values = self._terms(np.where(counted, y_true, 0), y_pred, grad)
        values[~counted] = 0
        if grad is not None:
            grad[~counted] = 0
        return values

    def _terms(self, y_true, y_pred, grad):
        chosen = y_true[..., None]
        if self.from_logits:
            log_p = activations.log_softmax(y_pred)
            if grad is not None:
                np.exp(log_p, out=grad)
                np.put_along_axis(grad, chosen, np.take_along_axis(grad, chosen, -1) - 1, -1)
            return -np.take_along_axis(log_p, chosen, -1)[..., 0]
        total = y_pred.sum(axis=-1, keepdims=True)
        share = np.take_along_axis(y_pred, chosen, -1) / total
        p = np.clip(share, EPSILON, 1 - EPSILON)
        if grad is not None:
            felt = (p == share).astype(y_pred.dtype)     # a clipped share moves nothing
            np.copyto(grad, felt / total)
            np.put_along_axis(grad, chosen, (felt - felt / p) / total, -1)
        return -np.log(p)[..., 0]


@registry.known_as("kld", "kullback_leibler_divergence")
class KLDivergence(Loss):
    """Sum of t log(t / p) along the last axis (Kullback and Leibler, 1951), both cut to 1e-7 and 1"""

    rowwise = True

    def terms(self, y_true, y_pred, grad):
        t, p = np.clip(y_true, EPSILON, 1), np.clip(y_pred, EPSILON, 1)
        if grad is not None:
            np.multiply(-t / p, p == y_pred, out=grad)
        return (t * np.log(t / p)).sum(axis=-1)


def _softplus(x):
    with np.errstate(invalid="ignore"):                  # NaN passes in silence
        return np.logaddexp(x, 0)


def _smooth(t, smoothing, classes):
    return t * (1 - smoothing) + smoothing / classes if smoothing else t


def _power_slope(base, exponent):
    """The derivative of base^exponent; 0 where base is, since what it is multiplied by is 0 there."""
    slope = np.zeros_like(base)
    if exponent:
        np.power(base, exponent - 1, out=slope, where=base > 0)
        np.multiply(slope, exponent, out=slope)
    return slope
