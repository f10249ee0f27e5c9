"""Weights as records: what a layer learns or keeps, and how."""
from __future__ import annotations

import math
from contextlib import contextmanager
from contextvars import ContextVar

import numpy as np

from mgconv._support.arrays import real_array

_allowance: ContextVar[list[int] | None] = ContextVar("allowance", default=None)


@contextmanager
def waiting_for_values(most):
    """Weights made within the block are zeros, without their initializers, as values will come from a file.

    They may hold `most` numbers in all: ValueError before memory for more is asked for, whatever the file claims.
    """
    token = _allowance.set([most])
    try:
        yield
    finally:
        _allowance.reset(token)


def first_value(initializer, shape, dtype):
    """What a weight begins with."""
    left = _allowance.get()
    if left is None:
        return initializer(shape, dtype)
    left[0] -= math.prod(shape)
    if left[0] < 0:
        raise ValueError(f"there are fewer numbers in the file than the weights need. Received: a weight of shape "
                         f"{shape}, {-left[0]} too many.")
    return np.zeros(shape, dtype)


class WeightArray(np.ndarray):
    """The array of a weight, a layer's attribute: it also has what its Weight has, such as Keras's `assign`.

    Arrays that are computed from it are plain.
    """

    def __getattr__(self, name):
        if name == "weight" or name.startswith("__"):
            raise AttributeError(f"{type(self).__name__} has no attribute {name!r}.")
        return getattr(self.weight, name)

    def __array_wrap__(self, array, context=None, return_scalar=False):
        return array[()] if return_scalar else np.asarray(array)


class Weight:
    """One array of a layer.

    Attributes
    ----------
    name : str
        The attribute of the layer that holds the array.
    value : ndarray
        The numbers. In a model, a view of its flat vector.
    trainable : bool
        Whether it is made to be trained; whether it is depends on its layer's `trainable`, too.
    gradient : ndarray or None
        Where the backward pass puts the gradient; None if the weight is not trained.
    regularizer : mgconv.regularizers.Regularizer or None
        Its penalty is added to the loss in training.
    constraint : mgconv.constraints.Constraint or None
        Applied after each step.
    layer : Layer
        Whose it is.
    """

    def __init__(self, layer, name, value, trainable, regularizer=None, constraint=None):
        self.layer, self.name, self.trainable = layer, name, trainable
        self.regularizer, self.constraint = regularizer, constraint
        self._hold(value)
        self.gradient = np.zeros(value.shape, value.dtype) if trainable else None

    def _hold(self, array):
        self.value = array.view(WeightArray)
        self.value.weight = self

    @property
    def path(self):
        """Layer and name, as messages and files have it."""
        return f"{self.layer.name or type(self.layer).__name__}/{self.name}"

    @property
    def shape(self):
        """The array's shape."""
        return self.value.shape

    @property
    def dtype(self):
        """The array's dtype."""
        return self.value.dtype

    @property
    def size(self):
        """How many numbers it holds."""
        return self.value.size

    def numpy(self):
        """A copy of the array."""
        return np.array(self.value)

    def assign(self, array):
        """Copy `array`, of the same shape, into the weight.

        Raises
        ------
        ValueError
            If the shape is another.
        TypeError
            If it does not hold real numbers.
        """
        np.copyto(self.value, self.check(array))

    def check(self, array):
        """`array` as one that `assign` takes."""
        array = np.asarray(array)
        if array.shape != self.shape:
            raise ValueError(f"the weight {self.path} must have shape {self.shape}. Received: {array.shape}.")
        if not np.can_cast(array.dtype, self.dtype, "same_kind"):
            raise TypeError(f"the weight {self.path} must hold real numbers. Received: an array of dtype "
                            f"{array.dtype}.")
        return real_array(self.path, array)

    def place(self, value, gradient):
        """Move the numbers into `value`, a flat array, as a view of it; gradients go to `gradient`, or nowhere."""
        value[...] = self.value.ravel()
        self._hold(value.reshape(self.shape))
        self.gradient = None if gradient is None else gradient.reshape(self.shape)
        self.layer.adopt(self)

    def __array__(self, dtype=None, copy=None):
        return np.array(self.value, dtype) if copy else np.asarray(self.value, dtype)

    def __getstate__(self):
        """A copy, a pickle: gradients begin anew."""
        return self.__dict__ | {"gradient": None}

    def __setstate__(self, state):
        self.__dict__.update(state)
        self.value.weight = self
        self.gradient = np.zeros(self.shape, self.dtype) if self.trainable else None

    def __repr__(self):
        return f"<Weight {self.path}, shape={self.shape}, {self.dtype}{'' if self.trainable else ', not trainable'}>"


def assign_all(weights, arrays):
    """Copy `arrays` into `weights` after all of them were checked: if one does not fit, none is changed."""
    arrays = list(arrays)
    if len(arrays) != len(weights):
        raise ValueError(f"there must be {len(weights)} weight arrays. Received: {len(arrays)}.")
    checked = [weight.check(array) for weight, array in zip(weights, arrays, strict=True)]
    for weight, array in zip(weights, checked, strict=True):
        np.copyto(weight.value, array)
