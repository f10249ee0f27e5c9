"""A model's layers bound to batches of one size: the lists of calls that a step of training or prediction runs."""
from typing import Any

import numpy as np

from mgconv._support.memory import aligned_empty


class Chain:
    """Layers at work, one after the other.

    Attributes
    ----------
    x, y : ndarray
        Input and output, (batch, ...): fill `x`, run `forward`, read `y`.
    dy : ndarray or None
        In training: fill it with the gradient to `y`, and run `backward`.
    forward, backward : list of callable
        Calls without arguments.
    """

    def __init__(self, layers, input_shape, dtype, training=False):
        self.x = aligned_empty(input_shape, dtype)
        self.forward: list[Any] = []
        self.backward: list[Any] = []
        y, dy = self.x, None
        for layer in layers:
            bound = layer.bind(y, dy, training)
            self.forward += bound.forward
            self.backward = bound.backward + self.backward
            y, dy = bound.y, bound.dy
        self.y, self.dy = y, dy

    def run(self, x):
        """Fill the input with `x` and compute the output."""
        np.copyto(self.x, x)
        for call in self.forward:
            call()
        return self.y


class Scored(Chain):
    """A chain with targets, and weights if `weighted`, behind it: what `fit` and `evaluate` run on each batch."""

    def __init__(self, layers, input_shape, dtype, loss, target, weight, training=False):
        super().__init__(layers, input_shape, dtype, training)
        size = input_shape[0]
        self.loss = loss
        self.target = np.empty((size, *target.shape[1:]), target.dtype)
        self.weight = None if weight is None else np.empty((size, *weight.shape[1:]), weight.dtype)
        self.size = size
        self.key: Any = None
        if self.dy is None:
            self.dy = np.empty_like(self.y)

    def take(self, data, rows):
        """Copy the samples number `rows` of `data`: inputs, targets and weights (or None)."""
        x, target, weight = data
        # "clip" spares NumPy a buffer; the rows are in range.
        x.take(rows, 0, self.x, "clip")
        target.take(rows, 0, self.target, "clip")
        if weight is not None:
            weight.take(rows, 0, self.weight, "clip")

    def score(self):
        """The loss of the batch; on the way, the gradient to `y`."""
        for call in self.forward:
            call()
        return self.loss.value_and_grad(self.target, self.y, self.dy, self.weight)

    def train(self, optimizer):
        """One training step. Returns the loss before it."""
        loss = self.score()
        for call in self.backward:
            call()
        optimizer.step()
        return loss


class Pool:
    """Chains kept for their next use, each lent to one user at a time, so that threads do not share buffers."""

    def __init__(self, limit=8):
        self._kept = {}
        self._limit = limit

    def take(self, key, make):
        """The chain kept under `key`, which is no longer kept; else a new one from `make()`."""
        kept = self._kept.pop(key, None)
        return make() if kept is None else kept

    def give_back(self, key, chain):
        """Keep `chain`; the one kept longest goes if there are too many."""
        self._kept[key] = chain
        if len(self._kept) > self._limit:
            self._kept.pop(next(iter(self._kept)), None)
