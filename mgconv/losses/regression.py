"""Losses of numbers: how far a prediction is from its target, entry by entry; and of directions, row by row."""
import numpy as np

from mgconv._support.checks import check_positive
from mgconv.losses.base import Loss, check_axis, registry

EPSILON = 1e-7                # what Keras keeps denominators, logarithms and probabilities away from 0 by


@registry.known_as("mse")
class MeanSquaredError(Loss):
    """(y_pred - y_true)^2"""

    def terms(self, y_true, y_pred, grad):
        error = np.subtract(y_pred, y_true, out=grad)
        values = np.multiply(error, error)
        if grad is not None:
            np.add(grad, grad, out=grad)
        return values


@registry.known_as("mae")
class MeanAbsoluteError(Loss):
    """abs(y_pred - y_true)"""

    def terms(self, y_true, y_pred, grad):
        error = np.subtract(y_pred, y_true, out=grad)
        values = np.abs(error)
        if grad is not None:
            np.sign(grad, out=grad)
        return values


@registry.known_as("mape")
class MeanAbsolutePercentageError(Loss):
    """100 abs(y_pred - y_true) / abs(y_true), the denominator at least 1e-7"""

    def terms(self, y_true, y_pred, grad):
        error = np.subtract(y_pred, y_true, out=grad)
        scale = np.maximum(np.abs(y_true), EPSILON)
        values = 100 * (np.abs(error) / scale)
        if grad is not None:
            np.divide(100 * np.sign(error), scale, out=grad)
        return values


@registry.known_as("msle")
class MeanSquaredLogarithmicError(Loss):
    """(log(1 + y_pred) - log(1 + y_true))^2, where what is below 1e-7 counts as that and moves nothing"""

    def terms(self, y_true, y_pred, grad):
        near = np.maximum(y_pred, EPSILON)
        error = np.log1p(near) - np.log1p(np.maximum(y_true, EPSILON))
        if grad is not None:
            np.multiply(2 * error / (near + 1), y_pred > EPSILON, out=grad)
        return error * error


@registry.known_as("huber_loss")
class Huber(Loss):
    """e^2 / 2 where e = abs(y_pred - y_true) is at most `delta`, delta e - delta^2 / 2 beyond (Huber, 1964)"""

    def __init__(self, delta: float = 1.0, reduction: str | None = "sum_over_batch_size", name: str = "huber_loss",
                 dtype: str | None = None) -> None:
        super().__init__(reduction, name, dtype)
        self.delta = check_positive("delta", delta)

    def terms(self, y_true, y_pred, grad):
        signed = np.subtract(y_pred, y_true, out=grad)
        error = np.abs(signed)
        near = np.minimum(error, self.delta)
        if grad is not None:
            np.clip(grad, -self.delta, self.delta, out=grad)
        return near * (error - 0.5 * near)


@registry.known_as("logcosh")
class LogCosh(Loss):
    """log(cosh(y_pred - y_true)): e^2 / 2 for small errors e, abs(e) - log(2) for large ones"""

    def terms(self, y_true, y_pred, grad):
        error = np.subtract(y_pred, y_true, out=grad)
        size = np.abs(error)
        values = size + np.log1p(0.5 * np.expm1(-2 * size))       # no overflow, and little is lost near 0
        if grad is not None:
            np.tanh(grad, out=grad)
        return values


@registry.add
class Poisson(Loss):
    """y_pred - y_true log(y_pred + 1e-7), for counts y_true and expected counts y_pred; NaN for negative ones"""

    def terms(self, y_true, y_pred, grad):
        rate = y_pred + EPSILON
        with np.errstate(invalid="ignore", divide="ignore"):
            values = y_pred - y_true * np.log(rate)
            if grad is not None:
                np.subtract(1, y_true / rate, out=grad)
        return values


@registry.add
class CosineSimilarity(Loss):
    """Minus the cosine of the angle between y_true and y_pred along `axis`: -1 says the same direction.

    A row of y_pred shorter than 1e-7 has no direction: it counts as if its length were that, and moves nothing.
    """

    rowwise = True

    def __init__(self, axis: int = -1, reduction: str | None = "sum_over_batch_size", name: str | None = None,
                 dtype: str | None = None) -> None:
        super().__init__(reduction, name, dtype)
        self.axis = check_axis(axis)

    def terms(self, y_true, y_pred, grad):
        length = _length(y_pred)
        wanted, given = y_true / np.maximum(_length(y_true), EPSILON), y_pred / np.maximum(length, EPSILON)
        cosine = (wanted * given).sum(axis=-1, keepdims=True)
        if grad is not None:
            np.copyto(grad, 0)
            np.divide(given * cosine - wanted, length, out=grad, where=length > EPSILON)
        return -cosine[..., 0]


def _length(rows):
    return np.sqrt((rows * rows).sum(axis=-1, keepdims=True))
