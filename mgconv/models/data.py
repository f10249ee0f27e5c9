"""What `fit`, `evaluate` and `predict` are given as arrays: checked, cast to the model's dtype, cut into batches."""
from __future__ import annotations

import numpy as np

from mgconv import config
from mgconv._support.arrays import as_sample_weight, as_samples
from mgconv._support.checks import check_number


class Inputs:
    """Samples without targets, in their order."""

    def __init__(self, x, size):
        self.x, self.size = x, size

    def __iter__(self):
        return (self.x[start:start + self.size] for start in range(0, len(self.x), self.size))

    def key(self, x):
        """What a chain is bound for: the shape of its input."""
        return x.shape

    def fill(self, chain, x):
        """Copy the batch into the chain's input."""
        chain.x[...] = x


class Samples:
    """Inputs, targets and weights (or None), of one length, as arrays that a model's loss takes.

    Iterating gives the row numbers of each batch of `size`, by `order`.
    """

    def __init__(self, x, target, weight, size=None):
        self.x, self.target, self.weight, self.size = x, target, weight, size
        self.order = np.arange(len(x))
        self._shapes = shapes_of(x, target, weight)

    def __len__(self):
        return len(self.x)

    @property
    def steps(self):
        """How many batches there are."""
        return -(-len(self) // self.size)

    def shuffle(self):
        """Take another order; see `mgconv.set_random_seed`."""
        config.random_generator().shuffle(self.order)

    def __iter__(self):
        return (self.order[start:start + self.size] for start in range(0, len(self.order), self.size))

    def key(self, rows):
        """What a chain is bound for: the number of samples, and the shapes of input, target and weight."""
        return len(rows), self._shapes

    def fill(self, chain, rows):
        """Copy the samples of these rows into the chain."""
        # "clip" spares NumPy a buffer; the rows are in range.
        self.x.take(rows, 0, chain.x, "clip")
        self.target.take(rows, 0, chain.target, "clip")
        if self.weight is not None:
            self.weight.take(rows, 0, chain.weight, "clip")

    def split(self, share):
        """All but the last part, and that part: the `share` of the samples."""
        count = len(self)
        if not 0 < share < 1:
            raise ValueError(f"`validation_split` must be from 0 to below 1. Received: validation_split={share}.")
        first = int(count * (1 - share))
        if first in (0, count):
            raise ValueError(f"`validation_split` must leave samples on both sides. Received: validation_split={share} "
                             f"for {count} samples.")
        arrays = self.x, self.target, self.weight
        return (Samples(*(None if a is None else a[:first] for a in arrays)),
                Samples(*(None if a is None else a[first:] for a in arrays)))


def shapes_of(x, target, weight):
    """What a chain must know of the arrays of a batch beside the number of samples."""
    return x.shape[1:], target.shape[1:], target.dtype, None if weight is None else weight.shape[1:]


def as_training_data(model, loss, x, y, sample_weight=None, class_weight=None):
    """`Samples` of what is given, for a model that is built, and its loss."""
    if y is None:
        raise ValueError("`y`, the targets, must be given.")
    x = as_samples("x", x, model.input_shape, model.dtype)
    output_shape = model.output_shape_for(x.shape)
    target = loss.prepare(y, output_shape, model.dtype)
    if len(x) != len(target):
        raise ValueError(f"`x` and `y` must have the same number of samples. Received: {len(x)} and {len(target)}.")
    if len(x) == 0:
        raise ValueError("`x` must hold at least one sample. Received: 0.")
    weight = None
    if class_weight is not None:
        if sample_weight is not None:
            raise ValueError("only one of `class_weight` and `sample_weight` may be given.")
        sample_weight = _weights_of_classes(target, class_weight, loss.sparse)
    if sample_weight is not None:
        weight = as_sample_weight(sample_weight, output_shape, model.dtype)
        if len(weight) != len(x):
            raise ValueError("`sample_weight` must have one entry a sample. "
                             f"Received: {len(weight)} for {len(x)} samples.")
    return Samples(x, target, weight)


def _weights_of_classes(target, class_weight, sparse):
    """A weight a sample, from {class number: weight}; 1 for classes that are not named."""
    if not isinstance(class_weight, dict):
        raise TypeError(f"`class_weight` must be a dict from class number to weight. Received: {class_weight!r}.")
    if sparse or target.shape[-1] == 1:
        classes = target.reshape(len(target), -1)
        if classes.shape[1] != 1:
            raise ValueError("`class_weight` needs one class a sample. Received: targets of shape "
                             f"{('batch', *target.shape[1:])}.")
        classes = np.rint(classes[:, 0])
    else:
        if target.ndim != 2:
            raise ValueError("`class_weight` needs one class a sample. Received: targets of shape "
                             f"{('batch', *target.shape[1:])}.")
        classes = target.argmax(axis=-1)
    weight = np.ones(len(target))
    for number, factor in class_weight.items():
        if check_number("class_weight", number) < 0 or number != int(number):
            raise ValueError(f"`class_weight` must have class numbers as keys. Received: {number!r}.")
        weight[classes == number] = check_number("class_weight", factor)
    return weight
