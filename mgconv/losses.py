"""Loss functions, each with its gradient.

A loss says how much every entry of the prediction costs (mean squared error) or every row along the last axis
(cross-entropy), and in the same pass what that changes by: `terms`. Weights, mean and sum are the base class's.
Formulas and defaults are Keras's.
"""
import numpy as np

from mgconv._support.arrays import (
    append_axes,
    as_class_numbers,
    as_sample_weight,
    as_targets,
    check_class_range,
    check_length,
    real_predictions,
)
from mgconv._support.checks import check_choice, check_positive, check_share
from mgconv._support.registry import Configurable, Registry, snake_case
from mgconv.activations import sigmoid

_EPSILON = 1e-7               # probabilities stay this far from 0 and 1


class Loss(Configurable):
    """Base of all losses; a subclass defines `terms`.

    Parameters
    ----------
    reduction : {"sum_over_batch_size", "mean", "sum"}
        What becomes of the samples' losses: their mean (the first two say the same), or their sum. A sample's own loss
        is the mean over its last axis.
    name : str, optional
        By default the class's name in snake case.

    Attributes
    ----------
    rowwise : bool
        Whether `terms` gives a value for each row along the last axis, or for each entry.
    sparse : bool
        Whether targets are integers from 0 to the number of classes - 1, in place of rows.
    """

    rowwise = False
    sparse = False

    def __init__(self, reduction: str | None = "sum_over_batch_size", name: str | None = None) -> None:
        self.reduction = check_choice("reduction", reduction, ("sum_over_batch_size", "mean", "sum"))
        self.name = name or snake_case(type(self).__name__)

    def __call__(self, y_true, y_pred, sample_weight=None):
        """The reduced loss as a Python float.

        Parameters
        ----------
        y_true : array_like
            The targets, of `y_pred`'s shape. A last axis of length 1 may be missing. Sparse losses take class numbers,
            of `y_pred`'s shape without the last axis.
        y_pred : array_like
            The predictions, (batch, ...).
        sample_weight : array_like, optional
            A factor for each sample (batch,), or for each of its rows.

        Raises
        ------
        ValueError
            If the shapes do not match or a class number is out of range.
        """
        y_pred = real_predictions(y_pred)
        y_true = self.prepare(y_true, y_pred.shape, y_pred.dtype)
        if sample_weight is not None:
            sample_weight = as_sample_weight(sample_weight, y_pred.shape, y_pred.dtype)
            check_length("sample_weight", sample_weight, y_pred)
        check_length("y_true", y_true, y_pred)
        return self.value_and_grad(y_true, y_pred, np.empty_like(y_pred), sample_weight)

    def prepare(self, y_true, shape, dtype):
        """`y_true` as the array that `terms` takes, for predictions of `shape`; its own length may be another."""
        if self.sparse:
            return check_class_range(as_class_numbers(y_true, shape), shape[-1])
        return as_targets(y_true, shape, dtype)

    def value_and_grad(self, y_true, y_pred, grad, sample_weight=None):
        """The reduced loss; its gradient to `y_pred` goes to `grad`. Takes prepared arrays and checks nothing."""
        values = self.terms(y_true, y_pred, grad)
        if sample_weight is not None:
            values = values * append_axes(sample_weight, values.ndim)
            np.multiply(grad, append_axes(sample_weight, grad.ndim), out=grad)
        numbers = max(1, values.size)
        if self.reduction == "sum":
            numbers = 1 if self.rowwise else y_pred.shape[-1]
        if numbers != 1:
            np.multiply(grad, 1 / numbers, out=grad)
        return float(np.add.reduce(values, axis=None)) / numbers

    def terms(self, y_true, y_pred, grad):
        """The loss of each entry (or row); the derivative of their plain sum to `y_pred` is written to `grad`."""
        raise NotImplementedError(f"{type(self).__name__} must define terms(y_true, y_pred, grad).")


class MeanSquaredError(Loss):
    """(y_pred - y_true)^2"""

    def terms(self, y_true, y_pred, grad):
        np.subtract(y_pred, y_true, out=grad)
        values = np.multiply(grad, grad)
        np.add(grad, grad, out=grad)
        return values


class MeanAbsoluteError(Loss):
    """abs(y_pred - y_true)"""

    def terms(self, y_true, y_pred, grad):
        np.subtract(y_pred, y_true, out=grad)
        values = np.abs(grad)
        np.sign(grad, out=grad)
        return values


class Huber(Loss):
    """e^2 / 2 where e = abs(y_pred - y_true) is at most `delta`, delta e - delta^2 / 2 beyond (Huber, 1964)"""

    def __init__(self, delta: float = 1.0, reduction: str | None = "sum_over_batch_size",
                 name: str = "huber_loss") -> None:
        super().__init__(reduction, name)
        self.delta = check_positive("delta", delta)

    def terms(self, y_true, y_pred, grad):
        np.subtract(y_pred, y_true, out=grad)
        error = np.abs(grad)
        near = np.minimum(error, self.delta)
        np.clip(grad, -self.delta, self.delta, out=grad)
        return near * (error - 0.5 * near)


class BinaryCrossentropy(Loss):
    """-(t log(p) + (1 - t) log(1 - p)), t moved by `label_smoothing` towards 1/2

    Parameters
    ----------
    from_logits : bool
        Whether predictions are any numbers x, p = sigmoid(x), rather than probabilities p.
    label_smoothing : float
        From 0 to 1.
    """

    def __init__(self, from_logits: bool = False, label_smoothing: float = 0.0,
                 reduction: str | None = "sum_over_batch_size", name: str | None = None) -> None:
        super().__init__(reduction, name)
        self.from_logits, self.label_smoothing = from_logits, check_share("label_smoothing", label_smoothing)

    def terms(self, y_true, y_pred, grad):
        t = _smooth(y_true, self.label_smoothing, 2)
        if self.from_logits:
            np.subtract(sigmoid(y_pred), t, out=grad)
            return np.logaddexp(y_pred, 0) - t * y_pred
        p = np.clip(y_pred, _EPSILON, 1 - _EPSILON)
        np.multiply((p - t) / (p * (1 - p)), p == y_pred, out=grad)
        return -(t * np.log(p) + (1 - t) * np.log(1 - p))


class CategoricalCrossentropy(Loss):
    """-sum of t log(p) along the last axis, t moved by `label_smoothing` towards equal shares

    Parameters
    ----------
    from_logits : bool
        Whether predictions are any numbers x, p = softmax(x), rather than shares p of their sum.
    label_smoothing : float
        From 0 to 1.
    """

    rowwise = True

    def __init__(self, from_logits: bool = False, label_smoothing: float = 0.0,
                 reduction: str | None = "sum_over_batch_size", name: str | None = None) -> None:
        super().__init__(reduction, name)
        self.from_logits, self.label_smoothing = from_logits, check_share("label_smoothing", label_smoothing)

    def terms(self, y_true, y_pred, grad):
        t = _smooth(y_true, self.label_smoothing, y_pred.shape[-1])
        if self.from_logits:
            log_p = _log_softmax(y_pred)
            np.subtract(np.exp(log_p) * t.sum(axis=-1, keepdims=True), t, out=grad)
            return -(t * log_p).sum(axis=-1)
        total = y_pred.sum(axis=-1, keepdims=True)
        share = y_pred / total
        p = np.clip(share, _EPSILON, 1 - _EPSILON)
        felt = t * (p == share)                          # a clipped share moves nothing
        np.divide(felt.sum(axis=-1, keepdims=True) - felt / p, total, out=grad)
        return -(t * np.log(p)).sum(axis=-1)


class SparseCategoricalCrossentropy(Loss):
    """-log(p[t]) along the last axis, for the class number t

    Parameters
    ----------
    from_logits : bool
        Whether predictions are any numbers x, p = softmax(x), rather than shares p of their sum.
    """

    rowwise = True
    sparse = True

    def __init__(self, from_logits: bool = False, reduction: str | None = "sum_over_batch_size",
                 name: str | None = None) -> None:
        super().__init__(reduction, name)
        self.from_logits = from_logits

    def terms(self, y_true, y_pred, grad):
        chosen = y_true[..., None]
        if self.from_logits:
            log_p = _log_softmax(y_pred)
            np.exp(log_p, out=grad)
            np.put_along_axis(grad, chosen, np.take_along_axis(grad, chosen, -1) - 1, -1)
            return -np.take_along_axis(log_p, chosen, -1)[..., 0]
        total = y_pred.sum(axis=-1, keepdims=True)
        share = np.take_along_axis(y_pred, chosen, -1) / total
        p = np.clip(share, _EPSILON, 1 - _EPSILON)
        felt = (p == share).astype(y_pred.dtype)         # a clipped share moves nothing
        np.copyto(grad, felt / total)
        np.put_along_axis(grad, chosen, (felt - felt / p) / total, -1)
        return -np.log(p)[..., 0]


def _smooth(t, smoothing, classes):
    return t * (1 - smoothing) + smoothing / classes if smoothing else t


def _log_softmax(x):
    z = x - x.max(axis=-1, keepdims=True)
    return z - np.log(np.exp(z).sum(axis=-1, keepdims=True))


registry = Registry("loss", Loss)
for _class, *_aliases in ((MeanSquaredError, "mse"), (MeanAbsoluteError, "mae"), (Huber, "huber_loss"),
                          (BinaryCrossentropy, "bce"), (CategoricalCrossentropy,), (SparseCategoricalCrossentropy,)):
    registry.add(_class, *_aliases)
get = registry.get
