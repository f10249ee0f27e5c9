"""Activations of whole rows along one axis: shares that sum to 1, and their logarithms."""
import operator

import numpy as np

from mgconv.activations.base import Activation, registry


class _Along(Activation):
    """A function of rows along `axis`."""

    def __init__(self, axis: int = -1) -> None:
        try:
            self.axis = operator.index(axis)
        except TypeError:
            raise TypeError(f"`axis` must be an integer. Received: axis={axis!r}.") from None


class Softmax(_Along):
    """exp(x) over its sum along `axis`"""

    def forward(self, x, y):
        np.subtract(x, x.max(axis=self.axis, keepdims=True), out=y)
        np.exp(y, out=y)
        np.divide(y, y.sum(axis=self.axis, keepdims=True), out=y)

    def backward(self, source, dy):
        np.subtract(dy, (dy * source).sum(axis=self.axis, keepdims=True), out=dy)
        np.multiply(dy, source, out=dy)


class LogSoftmax(_Along):
    """x minus the logarithm of the sum of exp(x) along `axis`"""

    def forward(self, x, y):
        np.subtract(x, x.max(axis=self.axis, keepdims=True), out=y)
        np.subtract(y, np.log(np.exp(y).sum(axis=self.axis, keepdims=True)), out=y)

    def backward(self, source, dy):
        np.subtract(dy, np.exp(source) * dy.sum(axis=self.axis, keepdims=True), out=dy)


class Sparsemax(_Along):
    """The shares nearest to x along `axis`: max(x - tau, 0) where they sum to 1 (Martins and Astudillo, 2016)"""

    def forward(self, x, y):
        rows = np.moveaxis(x, self.axis, -1)
        falling = np.sort(rows, axis=-1)[..., ::-1]
        excess = falling.cumsum(axis=-1) - 1
        numbers = np.arange(1, rows.shape[-1] + 1)
        kept = (falling * numbers > excess).sum(axis=-1, keepdims=True)
        tau = np.take_along_axis(excess, np.maximum(kept - 1, 0), -1) / np.maximum(kept, 1).astype(x.dtype)
        np.maximum(x - np.moveaxis(tau, -1, self.axis), 0, out=y)

    def backward(self, source, dy):
        kept = source > 0
        np.multiply(dy, kept, out=dy)
        mean = dy.sum(axis=self.axis, keepdims=True) / kept.sum(axis=self.axis, keepdims=True)
        np.subtract(dy, mean, out=dy, where=kept)


softmax = registry.add(Softmax(), name="softmax")
log_softmax = registry.add(LogSoftmax(), name="log_softmax")
sparsemax = registry.add(Sparsemax(), name="sparsemax")
