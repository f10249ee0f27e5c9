"""Loss functions, each with its gradient.

A loss says how much every entry of the prediction costs (mean squared error) or every row along the last axis
(cross-entropy), and in the same pass what that changes by: `terms`. Weights, mean and sum are the base class's.
Formulas and defaults are Keras's.
"""
import numpy as np

from mgconv.activations import sigmoid
from mgconv.lookup import lookup, snake_case

_EPSILON = 1e-7               # probabilities stay this far from 0 and 1


class Loss:
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
        if reduction not in ("sum_over_batch_size", "mean", "sum"):
            raise ValueError(f"`reduction` must be one of sum_over_batch_size, mean, sum. Received: {reduction!r}.")
        self.reduction = reduction
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
            sample_weight = prepare_weight(sample_weight, y_pred.shape, y_pred.dtype)
            check_length("sample_weight", sample_weight, y_pred)
        check_length("y_true", y_true, y_pred)
        return self.value_and_grad(y_true, y_pred, np.empty_like(y_pred), sample_weight)

    def prepare(self, y_true, shape, dtype):
        """`y_true` as the array that `terms` takes, for predictions of `shape`; its own length may be another."""
        y_true = real_array("y_true", y_true)
        if self.sparse:
            return self._prepare_classes(y_true, shape)
        if y_true.ndim == len(shape) - 1 and shape[-1] == 1:
            y_true = y_true[..., None]
        if y_true.ndim == len(shape) + 1 and y_true.shape[-1] == 1:
            y_true = y_true[..., 0]
        if y_true.shape[1:] != shape[1:]:
            raise ValueError(f"`y_true` must have the shape of the prediction, {_any_batch(shape)}. "
                             f"Received: {y_true.shape}.")
        return np.ascontiguousarray(y_true, dtype)

    def _prepare_classes(self, y_true, shape):
        if y_true.ndim == len(shape) and y_true.shape[-1] == 1:
            y_true = y_true[..., 0]
        if y_true.shape[1:] != shape[1:-1]:
            raise ValueError(f"`y_true` must hold class numbers of shape {_any_batch(shape[:-1])}. "
                             f"Received: {y_true.shape}.")
        with np.errstate(invalid="ignore"):            # NaN is no number below
            classes = np.ascontiguousarray(y_true, np.int64)
        if classes.size and y_true.dtype.kind == "f" and not (classes == y_true).all():
            raise ValueError(f"class numbers must be integers. Received: {y_true[classes != y_true].ravel()[0]}.")
        if classes.size and not (classes.min() >= 0 and classes.max() < shape[-1]):
            raise ValueError(f"class numbers must be from 0 to {shape[-1] - 1}. "
                             f"Received: from {classes.min()} to {classes.max()}.")
        return classes

    def value_and_grad(self, y_true, y_pred, grad, sample_weight=None):
        """The reduced loss; its gradient to `y_pred` goes to `grad`. Takes prepared arrays and checks nothing."""
        values = self.terms(y_true, y_pred, grad)
        if sample_weight is not None:
            values = values * _append_axes(sample_weight, values.ndim)
            np.multiply(grad, _append_axes(sample_weight, grad.ndim), out=grad)
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
        if delta <= 0:
            raise ValueError(f"`delta` must be positive. Received: delta={delta}.")
        self.delta = delta

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
        self.from_logits, self.label_smoothing = from_logits, _share(label_smoothing)

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
        self.from_logits, self.label_smoothing = from_logits, _share(label_smoothing)

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


def real_array(name, value):
    """`value` as an array, TypeError if it does not hold real numbers: a cast would drop imaginary parts."""
    try:
        array = np.asarray(value)
    except ValueError as error:                        # lists of different lengths
        raise TypeError(f"`{name}` must be an array of real numbers. Received: {error}") from None
    if array.dtype.kind not in "fiub":
        raise TypeError(f"`{name}` must be an array of real numbers. Received: {type(value).__name__} of dtype "
                        f"{array.dtype}.")
    return array


def real_predictions(y_pred):
    """`y_pred` as an array of float32 or float64 with an entry for each sample."""
    y_pred = real_array("y_pred", y_pred)
    if y_pred.ndim < 1:
        raise ValueError(f"`y_pred` must have an entry for each sample. Received: {y_pred!r}.")
    return y_pred if y_pred.dtype in (np.float32, np.float64) else y_pred.astype(np.float32)


def check_length(name, array, y_pred):
    """ValueError unless there is an entry for each sample: one for all would be broadcast."""
    if len(array) != len(y_pred):
        raise ValueError(f"`{name}` and `y_pred` must have the same number of samples. "
                         f"Received: {len(array)} and {len(y_pred)}.")


def prepare_weight(weight, shape, dtype):
    """`weight` as an array (batch,) or with further axes of predictions of `shape`, but for the last."""
    weight = real_array("sample_weight", weight)
    if weight.ndim == len(shape) and weight.shape[-1] == 1 < weight.ndim:
        weight = weight[..., 0]
    if not 1 <= weight.ndim < max(2, len(shape)) or weight.shape[1:] != shape[1:weight.ndim]:
        raise ValueError(f"`sample_weight` must be a number a sample, or have the leading axes "
                         f"{_any_batch(shape[:-1])} of the prediction. Received: {weight.shape}.")
    return np.ascontiguousarray(weight, dtype)


def _append_axes(array, ndim):
    return array[(..., *(None,) * (ndim - array.ndim))]


def _any_batch(shape):
    return ("batch", *shape[1:])


def _share(value):
    if not 0 <= value <= 1:
        raise ValueError(f"`label_smoothing` must be from 0 to 1. Received: label_smoothing={value}.")
    return value


def _smooth(t, smoothing, classes):
    return t * (1 - smoothing) + smoothing / classes if smoothing else t


def _log_softmax(x):
    z = x - x.max(axis=-1, keepdims=True)
    return z - np.log(np.exp(z).sum(axis=-1, keepdims=True))


_BY_NAME = {
    "mse": MeanSquaredError, "mean_squared_error": MeanSquaredError, "mae": MeanAbsoluteError,
    "mean_absolute_error": MeanAbsoluteError, "huber": Huber, "huber_loss": Huber,
    "bce": BinaryCrossentropy, "binary_crossentropy": BinaryCrossentropy,
    "categorical_crossentropy": CategoricalCrossentropy,
    "sparse_categorical_crossentropy": SparseCategoricalCrossentropy,
}


NAMES = sorted(_BY_NAME)


def get(identifier):
    """The loss that a name or a `Loss` means.

    Raises
    ------
    ValueError
        For an unknown name; the message lists the known ones.
    TypeError
        For anything else: a plain function has no gradient to train with.
    """
    return lookup("loss", identifier, _BY_NAME, Loss)
