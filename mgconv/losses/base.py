"""What all losses share: targets made ready, weights, reductions."""
import operator
from typing import Any

import numpy as np

from mgconv._support.arrays import (
    append_axes,
    as_class_numbers,
    as_sample_weight,
    as_targets,
    check_class_range,
    check_length,
    real_array,
    real_predictions,
)
from mgconv._support.checks import check_choice
from mgconv._support.registry import Configurable, Registry, snake_case

REDUCTIONS = ("sum_over_batch_size", "mean", "sum", "mean_with_sample_weight", "none")


class Loss(Configurable):
    """Base of all losses; a subclass defines `terms`.

    Parameters
    ----------
    reduction : {"sum_over_batch_size", "mean", "sum", "mean_with_sample_weight", "none"} or None
        What becomes of the samples' losses: their mean (the first two say the same), their sum, their sum over that of
        their weights, or nothing (the last two): the losses as an array, which cannot be trained with. A sample's own
        loss is the mean over its last axis.
    name : str, optional
        By default the class's name in snake case.
    dtype : {"float32", "float64"}, optional
        What a call computes in; by default the predictions' dtype. In training it is the model's.

    Attributes
    ----------
    rowwise : bool
        Whether `terms` gives a value for each row along the last axis, or for each entry.
    sparse : bool
        Whether targets are integers from 0 to the number of classes - 1, in place of rows.
    axis : int
        The axis of predictions along which rows run. `terms` finds it last.
    """

    rowwise = False
    sparse = False
    axis: Any = -1

    def __init__(self, reduction: str | None = "sum_over_batch_size", name: str | None = None,
                 dtype: str | None = None) -> None:
        self.reduction = reduction if reduction is None else check_choice("reduction", reduction, REDUCTIONS)
        self.name = name or snake_case(type(self).__name__)
        self.dtype = dtype if dtype is None else check_choice("dtype", np.dtype(dtype).name, ("float32", "float64"))

    def __call__(self, y_true, y_pred, sample_weight=None):
        """The reduced loss as a Python float; without a reduction, an array of the samples' losses.

        Parameters
        ----------
        y_true : array_like
            The targets, of `y_pred`'s shape. A last axis of length 1 may be missing. Sparse losses take class numbers,
            of `y_pred`'s shape without the axis of the classes.
        y_pred : array_like
            The predictions, (batch, ...).
        sample_weight : array_like, optional
            A factor for each sample (batch,), or for each of its rows.

        Raises
        ------
        ValueError
            If the shapes do not match or a class number is out of range.
        TypeError
            If something is no array of real numbers.
        """
        y_pred = real_predictions(y_pred)
        if self.dtype is not None:
            y_pred = y_pred.astype(self.dtype)
        y_true = self.prepare(y_true, y_pred.shape, y_pred.dtype)
        if sample_weight is not None:
            sample_weight = as_sample_weight(sample_weight, self.rows_last(y_pred.shape), y_pred.dtype)
            check_length("sample_weight", sample_weight, y_pred)
        check_length("y_true", y_true, y_pred)
        return self.value(y_true, y_pred, sample_weight)

    def rows_last(self, shape):
        """`shape` of predictions with the axis of the rows moved to the end: its leading axes are the weights'."""
        axes = self._axes(len(shape))
        return (*(size for axis, size in enumerate(shape) if axis not in axes), shape[axes[-1]])

    def _axes(self, ndim):
        """The axes of the rows, numbered from 0."""
        axes = range(ndim) if self.axis is None else [self.axis] if hasattr(self.axis, "__index__") else self.axis
        if not all(-ndim <= axis < ndim for axis in axes):
            raise ValueError(f"`axis` must be of the prediction's {ndim} axes. Received: axis={self.axis}.")
        return sorted(axis % ndim for axis in axes)

    def prepare(self, y_true, shape, dtype):
        """`y_true` as the array that `value` takes, for predictions of `shape`; its own length may be another."""
        rows = self.rows_last(shape)
        if self.sparse:
            return check_class_range(as_class_numbers(y_true, rows), rows[-1])
        return as_targets(y_true, shape, dtype)

    def value(self, y_true, y_pred, sample_weight=None):
        """The reduced loss alone. Takes prepared arrays and checks nothing."""
        if self.reduction not in (None, "none"):
            return self.value_and_grad(y_true, y_pred, None, sample_weight)
        values = self.values(y_true, y_pred)
        if not self.rowwise:
            values = values.mean(axis=-1)
        return values if sample_weight is None else values * append_axes(sample_weight, values.ndim)

    def values(self, y_true, y_pred):
        """The loss of each entry (or row), as `terms` gives it. Takes prepared arrays."""
        return self.terms(*self._turned(y_true, y_pred, None))

    def value_and_grad(self, y_true, y_pred, grad, sample_weight=None):
        """The reduced loss; its gradient to `y_pred` goes to `grad` (None: is not computed). Takes prepared arrays."""
        if self.axis != -1:
            y_true, y_pred, grad = self._turned(y_true, y_pred, grad)
        values = self.terms(y_true, y_pred, grad)
        if sample_weight is not None:
            values = values * append_axes(sample_weight, values.ndim)
            if grad is not None:
                np.multiply(grad, append_axes(sample_weight, grad.ndim), out=grad)
        divisor = self._divisor(values, y_true, y_pred, sample_weight)
        if grad is not None and divisor != 1:
            np.multiply(grad, 1 / divisor, out=grad)
        return float(np.add.reduce(values, axis=None)) / divisor

    def _turned(self, y_true, y_pred, grad):
        """The three with rows along the last axis; class numbers have no such axis."""
        if self.axis == -1:
            return y_true, y_pred, grad
        axes = self._axes(y_pred.ndim)
        last = range(-len(axes), 0)
        return (y_true if self.sparse else np.moveaxis(y_true, axes, last), np.moveaxis(y_pred, axes, last),
                None if grad is None else np.moveaxis(grad, axes, last))

    def _divisor(self, values, y_true, y_pred, sample_weight):
        if self.reduction == "sum":
            return 1 if self.rowwise else y_pred.shape[-1]
        if self.reduction in (None, "none"):
            raise ValueError(f"a loss that is trained needs a `reduction`. Received: reduction={self.reduction!r} "
                             f"of {self.name}.")
        counted = self.counted(y_true)
        if self.reduction == "mean_with_sample_weight" and sample_weight is not None:
            weights = np.broadcast_to(append_axes(sample_weight, values.ndim), values.shape)
            return float(np.sum(weights, where=True if counted is None else counted)) or 1
        return max(1, values.size if counted is None else np.count_nonzero(counted))

    def counted(self, y_true):
        """Which of the values count, as a mask; None: all do. Where none counts, values and gradient are 0."""
        return None

    def from_activation(self, activation):
        """This loss as a function of what `activation` is applied to, if both together are more exact so; else None.

        A model that ends in softmax and cross-entropy may hand on the logits: where a probability rounds to 0, the
        gradient to it is lost, but not that to the logit.
        """
        return None

    def terms(self, y_true, y_pred, grad):
        """The loss of each entry (or row); the derivative of their plain sum to `y_pred` is written to `grad`.

        `grad` is None where nobody asks for the derivative. Rows run along the last axis.
        """
        raise NotImplementedError(f"{type(self).__name__} must define terms(y_true, y_pred, grad).")


class FunctionLoss(Loss):
    """A plain function as a loss, with its gradient.

    Parameters
    ----------
    function : callable
        `function(y_true, y_pred)` gives a number for each sample (batch,) or for each of its rows or entries. Targets
        come as they are, in the predictions' dtype; only (batch,) becomes (batch, 1) where predictions are that.
    gradient : callable
        `gradient(y_true, y_pred)` gives the derivative of the sum of those numbers to `y_pred`, of its shape.
    reduction, name, dtype
        See `Loss`; the name is by default the function's.

    Raises
    ------
    ValueError
        When it is called and the shapes are not these.

    Examples
    --------
    The pinball loss of the quantile 0.9:

    >>> import numpy as np
    >>> def pinball(y_true, y_pred):
    ...     return np.maximum(0.9 * (y_true - y_pred), 0.1 * (y_pred - y_true))
    >>> def slope(y_true, y_pred):
    ...     return np.where(y_pred < y_true, -0.9, 0.1)
    >>> FunctionLoss(pinball, slope)([[1.0], [2.0]], [[0.0], [4.0]])
    0.55
    """

    rowwise = True

    def __init__(self, function, gradient, reduction: str | None = "sum_over_batch_size", name: str | None = None,
                 dtype: str | None = None) -> None:
        for argument, value in (("function", function), ("gradient", gradient)):
            if not callable(value):
                raise TypeError(f"`{argument}` must be a function of y_true and y_pred. "
                                f"Received: {argument}={value!r}.")
        super().__init__(reduction, name or getattr(function, "__name__", None), dtype)
        self.function, self.gradient = function, gradient

    def prepare(self, y_true, shape, dtype):
        y_true = real_array("y_true", y_true)
        if y_true.ndim == len(shape) - 1 and shape[-1] == 1:
            y_true = y_true[..., None]
        return np.ascontiguousarray(y_true, dtype)

    def terms(self, y_true, y_pred, grad):
        values = np.asarray(self.function(y_true, y_pred))
        if values.shape[:1] != y_pred.shape[:1]:
            raise ValueError(f"{self.name} must give a number for each of {len(y_pred)} samples. "
                             f"Received: an array of shape {values.shape}.")
        if grad is not None:
            slope = np.asarray(self.gradient(y_true, y_pred))
            if slope.shape != grad.shape:
                raise ValueError(f"the gradient of {self.name} must have the shape of the prediction, {grad.shape}. "
                                 f"Received: {slope.shape}.")
            grad[...] = slope
        return values


def check_axis(axis):
    """`axis`, an integer."""
    try:
        return operator.index(axis)
    except TypeError:
        raise TypeError(f"`axis` must be an integer. Received: axis={axis!r}.") from None


registry = Registry("loss", Loss)


def get(identifier):
    """The loss that a name, a class, a configuration or a `Loss` means.

    Raises
    ------
    ValueError
        For an unknown name; the message lists the known ones.
    TypeError
        For anything else: a plain function has no gradient, `FunctionLoss(function, gradient)` takes both.
    """
    if callable(identifier) and not isinstance(identifier, (type, Loss)):
        raise TypeError("the loss must be a name or a mgconv.losses.Loss: a plain function lacks its gradient, "
                        f"FunctionLoss(function, gradient) takes both. Received: {identifier!r}.")
    return registry.get(identifier)
