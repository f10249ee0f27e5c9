"""Data that come batch by batch: from generators, lists of batches, data sets that are called by number; and epochs of
them that have a number of steps of their own."""
from __future__ import annotations

import warnings
from itertools import chain as joined
from itertools import islice
from typing import Any

import numpy as np

from mgconv import config
from mgconv._support.arrays import as_samples
from mgconv.models.data import as_training_data, shapes_of


def comes_in_batches(x):
    """Whether `x` is no array, nor anything that could be one, but gives batches when it is iterated."""
    if isinstance(x, (list, tuple)):
        return len(x) > 0 and isinstance(x[0], tuple) and len(x[0]) <= 3 and hasattr(x[0][0], "shape")
    if x is None or isinstance(x, (str, bytes, dict)) or hasattr(x, "shape") or hasattr(x, "__array__"):
        return False
    try:
        memoryview(x)
    except TypeError:
        return hasattr(x, "__iter__") or (hasattr(x, "__getitem__") and hasattr(x, "__len__"))
    return False


def refuse_beside_batches(**arguments):
    """ValueError if one of these is given although `x` gives batches."""
    for name, value in arguments.items():
        if value is not None:
            raise ValueError(f"`{name}` must be left out where `x` gives batches: each is (x, y) or (x, y, "
                             f"sample_weight). Received: {name} of type {type(value).__name__}.")


class _Source:
    """Batches from an iterable; what has a length and is called by number is asked in any order."""

    def __init__(self, model, source):
        self.model, self._source = model, source
        self._numbered = hasattr(source, "__getitem__") and hasattr(source, "__len__")
        self.order: Any = np.arange(len(source)) if self._numbered else None
        self._ahead = None                    # the first batch, and an iterator of the others

    @property
    def steps(self):
        """How many batches there are; None if nobody knows."""
        try:
            return len(self._source)
        except TypeError:
            return None

    def shuffle(self):
        """Take the batches in another order, if they are called by number."""
        if self._numbered:
            config.random_generator().shuffle(self.order)

    def build_model(self):
        """Build the model, unless it is built, for the first batch."""
        if self.model.built:
            return
        batches = self._raw()
        first = next(batches, None)
        if first is None:
            raise ValueError("`x` must give at least one batch. Received: none.")
        self._ahead = first, batches
        self.model.build_for(_parts(first)[0])

    def _raw(self):
        if self._ahead is not None:
            (first, rest), self._ahead = self._ahead, None
            return joined([first], rest)
        return self._by_number() if self._numbered else iter(self._source)

    def _by_number(self):
        for number in self.order:
            yield self._source[int(number)]
        if hasattr(self._source, "on_epoch_end"):             # as Keras's PyDataset has it
            self._source.on_epoch_end()


def _parts(batch):
    """Inputs, targets and weights of a batch, None for what there is not."""
    if not isinstance(batch, (tuple, list)):
        return batch, None, None
    if not 1 <= len(batch) <= 3:
        raise ValueError("a batch must be (x, y) or (x, y, sample_weight). "
                         f"Received: {len(batch)} entries.")
    return (*batch, *(None,) * (3 - len(batch)))


class Batches(_Source):
    """Batches with targets, as `Samples` each."""

    def __init__(self, model, loss, source, class_weight=None):
        super().__init__(model, source)
        self._loss, self._class_weight = loss, class_weight

    def __iter__(self):
        for batch in self._raw():
            x, y, weight = _parts(batch)
            if y is None:
                raise ValueError("a batch must be (x, y) or (x, y, sample_weight). Received: no targets.")
            yield as_training_data(self.model, self._loss, x, y, weight, self._class_weight)

    def key(self, batch):
        """What a chain is bound for, as for `Samples`."""
        return len(batch), shapes_of(batch.x, batch.target, batch.weight)

    def fill(self, chain, batch):
        """Copy the batch into the chain."""
        chain.x[...], chain.target[...] = batch.x, batch.target
        if batch.weight is not None:
            chain.weight[...] = batch.weight


class InputBatches(_Source):
    """Batches of inputs; targets and weights behind them are left alone."""

    def __iter__(self):
        for batch in self._raw():
            yield as_samples("x", _parts(batch)[0], self.model.input_shape, self.model.dtype)

    def key(self, x):
        """What a chain is bound for: the shape of its input."""
        return x.shape

    def fill(self, chain, x):
        """Copy the batch into the chain's input."""
        chain.x[...] = x


class Feed:
    """Batches of a source, an epoch each time that it is iterated.

    Parameters
    ----------
    source : Samples or Batches
    steps : int, optional
        Batches an epoch. The next epoch goes on where the last ended, and a source that runs out begins again after
        the epoch, with a warning if it was broken off. By default an epoch is all of the source.
    shuffle : bool
        Whether the source takes another order each time it begins.
    """

    def __init__(self, source, steps=None, shuffle=False):
        self.source, self._steps, self._shuffle = source, steps, shuffle
        self.key, self.fill = source.key, source.fill
        self._running = None          # batches that the last epoch left over
        self._done = 0                # and how many it took before them
        self._skip = None

    @property
    def steps(self):
        """Batches an epoch; None if nobody knows."""
        return self.source.steps if self._steps is None else self._steps

    def __iter__(self):
        if self._steps is None and self._skip is None:
            return self._begun()
        return self._counted(self._steps)

    def _begun(self):
        if self._shuffle:
            self.source.shuffle()
        self._done = 0
        return iter(self.source)

    def _counted(self, steps):
        skip, self._skip = self._skip, None
        if skip is not None:                                  # in the middle of an epoch, in the order that there is
            self._done, first = skip
            self._running = islice(iter(self.source), self._done, None)
            steps = None if steps is None else steps - first
        elif self._running is None:
            self._running = self._begun()
        for batch in self._running if steps is None else islice(self._running, steps):
            self._done += 1
            steps = steps and steps - 1
            yield batch
        if steps:
            warnings.warn("the data ran out before the epoch had `steps_per_epoch` batches.", RuntimeWarning,
                          stacklevel=2)
        if steps is None or steps or self._done == self.source.steps:
            self._running = None

    # ------------------------------------------------------------------------------------------- going on

    def position(self, batch):
        """How many batches of the source's present order were taken, where the epoch under way has seen `batch`."""
        return batch if self._running is None else self._done

    def go_on(self, order, done, batch):
        """Go on where `position` said."""
        if order is not None:
            self.source.order[:] = order
        if done:
            self._skip = done, batch
