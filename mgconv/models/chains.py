"""A model's layers bound to batches of one shape: the lists of calls that a step of training or prediction runs.

What a step needs of memory depends on the largest batch alone: the chains of a `Bench`, one for each shape of batch
that it has met, lie in the same buffers. A `Pool` lends benches, each to one user at a time, so that threads do not
share buffers.
"""
from __future__ import annotations

from typing import Any

import numpy as np

from mgconv._support.memory import Buffers, aligned_empty
from mgconv.layers.binding import bind_all

MOST_CHAINS = 16               # bound at the same time on one bench
MOST_BENCHES = 8               # kept for their next use


class Chain:
    """Layers at work, one after the other.

    Attributes
    ----------
    x, y : ndarray
        Input and output, (batch, ...): fill `x`, run `forward`, read `y`.
    dy : ndarray or None
        In training: fill it with the gradient to `y`, and run `backward`.
    forward, backward, penalties : list of callable
        Calls without arguments.
    """

    def __init__(self, layers, input_shape, dtype, training=False):
        self.x = aligned_empty(input_shape, dtype)
        bound = bind_all(layers, self.x, None, training)
        self.y, self.dy, self.forward, self.backward, self.penalties = bound

    def run(self, x):
        """Fill the input with `x` and compute the output."""
        np.copyto(self.x, x)
        for call in self.forward:
            call()
        return self.y


class Scored(Chain):
    """A chain with targets, and weights if there are any, behind it: what `fit` and `evaluate` run on each batch.

    Where the loss is more exact as a function of the last activation's input (softmax and cross-entropy: the gradient
    to a probability that rounds to 0 is lost), that is what it takes.
    """

    def __init__(self, layers, input_shape, dtype, loss, target, weight, training=False):
        linear, self._activation, self.loss = without_last_activation(layers, loss)
        self._y: Any = None
        self._active = True               # whether `_y` is that of the latest `score`
        super().__init__(linear, input_shape, dtype, training)
        self._scored = self._y
        if self._activation is not None:
            self._y = np.empty_like(self._scored)
        size = input_shape[0]
        self.target = np.empty((size, *target.shape[1:]), target.dtype)
        self.weight = None if weight is None else np.empty((size, *weight.shape[1:]), weight.dtype)
        self.size = size
        if self.dy is None:
            self.dy = np.empty_like(self.y)

    @property
    def y(self):
        """The output. The last activation runs when it is asked for, if the loss did not need it."""
        if not self._active:
            self._activation.forward(self._scored, self._y)
            self._active = True
        return self._y

    @y.setter
    def y(self, value):
        self._y = value

    def score(self):
        """The loss of the batch; on the way, the gradient to what it takes."""
        self._active = self._activation is None
        for call in self.forward:
            call()
        value = self.loss.value_and_grad(self.target, self._scored, self.dy, self.weight)
        for penalty in self.penalties:
            value += float(penalty())
        return value

    def back(self):
        """The gradients of all weights, from the `dy` that `score` left."""
        for call in self.backward:
            call()


def without_last_activation(layers, loss):
    """The layers without the last one's activation, that activation, and the loss as a function of what it is applied
    to; or the layers, None and the loss as they are, where the loss gains nothing from that."""
    *below, last = layers
    found = None if last.activity_regularizer is not None else last.before_activation()
    if found is None:
        return layers, None, loss
    linear, activation = found
    of_logits = loss.from_activation(activation)
    return (layers, None, loss) if of_logits is None else ([*below, *linear], activation, of_logits)


class Bench:
    """Chains over one set of buffers: run one at a time."""

    def __init__(self):
        self._buffers = Buffers()
        self._chains: dict[Any, Any] = {}

    def chain(self, key, make):
        """The chain bound under `key`; else a new one from `make(key)`."""
        chain = self._chains.get(key)
        if chain is None:
            with self._buffers:
                chain = make(key)
            if self._buffers.grown or len(self._chains) >= MOST_CHAINS:
                self._chains.clear()
            self._chains[key] = chain
        return chain


class Pool:
    """Benches kept for their next use."""

    def __init__(self):
        self._benches: list[Bench] = []

    def lend(self):
        """A bench that nobody else uses until it is given back."""
        try:
            return self._benches.pop()
        except IndexError:
            return Bench()

    def give_back(self, bench):
        """Keep `bench`, unless there are many."""
        if len(self._benches) < MOST_BENCHES:
            self._benches.append(bench)


def filled(pool, make, source):
    """A chain for each batch of `source`, filled with it, on a bench that goes back to `pool` whatever happens: a
    loop that is left, by an error too, closes its generator.

    `make(key)` binds a chain for what `source.key(batch)` says of a batch; `source.fill(chain, batch)` fills it.
    """
    bench = pool.lend()
    try:
        for batch in source:
            chain = bench.chain(source.key(batch), make)
            source.fill(chain, batch)
            yield chain
    finally:
        pool.give_back(bench)
