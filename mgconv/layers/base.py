"""What all layers share: names, weights, and how a layer is bound to the arrays it works on.

Design
------
A layer owns its settings and its weights, never the arrays that pass through it. `Layer.bind(x, dx, training)` makes
those: it allocates the output for the one input array `x` and returns a `Bound`, which lists the calls that compute it
and, for training, the calls that turn the output's gradient into those of the weights and of the input. All of them
take no arguments: shapes are checked, plans made and buffers allocated when binding, and a training step does nothing
but run lists of calls. A model binds its layers once for every batch size it meets, and one layer may serve several
threads at the same time. (The obvious alternative, forward(x) and backward(dy) on the layer, keeps state in the layer
and looks up plan and buffers at every call: half of the cost of a small layer.)
"""
from typing import Any, NamedTuple

import numpy as np

from mgconv import initializers
from mgconv._support.memory import aligned_empty
from mgconv.native.frozen import FrozenChain


class Bound(NamedTuple):
    """A layer at work on one input array.

    Attributes
    ----------
    y : ndarray
        The output, which the calls of `forward` fill from the input.
    dy : ndarray or None
        The gradient to `y`: whoever reads `y` fills it. None if nothing needs it.
    forward : list of callable
        Calls without arguments, in the order in which to run them.
    backward : list of callable
        Likewise; they may overwrite `dy`.
    """

    y: np.ndarray
    dy: np.ndarray | None
    forward: list[Any]
    backward: list[Any]


def one_function(x, y, calls, fill):
    """Bound layers as a function of one array: it copies the array to `x`, runs `calls` and returns `y`.

    An array that is not of the shape and dtype of `x` goes to `fill`, which converts and copies it, or raises.
    """
    return FrozenChain(x, y, calls, fill)


class Layer:
    """Base of all layers. A subclass defines `compute_output_shape` and `bind`, and `build` if it has weights.

    Parameters
    ----------
    name : str, optional
        A model names its layers after their classes where they have no name.
    """

    frozen = False            # whether the weights never change again, so that a binding may prepare them

    def __init__(self, name=None):
        if name is not None and not isinstance(name, str):
            raise TypeError(f"`name` must be a string. Received: name={name!r}.")
        self.name: Any = name
        self.built = False
        self.input_shape: Any = None
        self.dtype = np.dtype(np.float32)
        self.gradients: dict[str, np.ndarray] = {}
        self._calls: dict[tuple, tuple] = {}           # what `__call__` bound last, by the shape of its input
        self.owner: object = None             # the model whose flat vector holds the weights

    def build(self, input_shape, dtype="float32"):
        """Create the weights for inputs of `input_shape`, (None, ...): the batch is left open.

        A model does this itself. The weights are attributes of the layer (`kernel`, `bias`); their gradients are in
        `gradients`, by the same names.
        """
        self.dtype = np.dtype(dtype).newbyteorder("=")
        self.output_shape = self.compute_output_shape(input_shape)
        self.input_shape = (None, *input_shape[1:])
        self.built = True

    def compute_output_shape(self, input_shape):
        """The shape of the output, batch first, for an input shape; the batch may be None in both.

        Raises
        ------
        ValueError
            If the layer does not take such an input.
        """
        raise NotImplementedError(f"{type(self).__name__} must define compute_output_shape(input_shape).")

    def bind(self, x, dx=None, training=False):
        """Prepare to work on the array `x`.

        Parameters
        ----------
        x : ndarray
            The input, C-contiguous, of the layer's dtype. The calls read what it holds when they run.
        dx : ndarray, optional
            Where `backward` writes the gradient to `x`; None if nobody needs it.
        training : bool
            Whether there will be a backward pass.

        Returns
        -------
        Bound
        """
        raise NotImplementedError(f"{type(self).__name__} must define bind(x, dx, training).")

    def __call__(self, x):
        """The layer's output for the array `x`, (batch, ...), as in prediction: a fresh array of the layer's dtype."""
        x = np.asarray(x)
        if not self.built:
            self.build((None, *x.shape[1:]))
        kept = self._calls.pop(x.shape, None)           # taken out: another thread makes its own meanwhile
        if kept is None:
            if x.shape[1:] != self.input_shape[1:]:
                raise ValueError(f"the layer {self.name or type(self).__name__} takes inputs of shape "
                                 f"{self.input_shape}. Received: {x.shape}.")
            buffer = aligned_empty(x.shape, self.dtype)
            kept = buffer, self.bind(buffer)
        buffer, bound = kept
        np.copyto(buffer, x)
        for call in bound.forward:
            call()
        y = bound.y.copy()
        self._calls = {x.shape: kept}
        return y

    def add_weight(self, name, shape, initializer):
        """Create the weight `name`, an attribute of the layer from now on, and its gradient."""
        setattr(self, name, initializers.get(initializer)(shape, self.dtype))
        self.gradients[name] = np.zeros(shape, self.dtype)

    @property
    def weight_names(self):
        """The names of the weights, in the order of `get_weights`."""
        return list(self.gradients)

    def place(self, weights, gradients):
        """Move the weights into the flat array `weights`, as views of it, and their gradients into `gradients`."""
        start, self._calls = 0, {}
        for name in self.weight_names:
            old = getattr(self, name)
            part = slice(start, start + old.size)
            weights[part] = old.ravel()
            setattr(self, name, weights[part].reshape(old.shape))
            self.gradients[name] = gradients[part].reshape(old.shape)
            start += old.size

    def count_params(self):
        """How many numbers the weights hold."""
        return sum(getattr(self, name).size for name in self.weight_names)

    def get_weights(self):
        """Copies of the weights, as a list of arrays."""
        return [getattr(self, name).copy() for name in self.weight_names]

    def set_weights(self, weights):
        """Copy arrays like those of `get_weights` into the weights.

        Raises
        ------
        ValueError
            If their number or a shape is another; then no weight is changed.
        """
        set_weights([(f"{self.name or type(self).__name__}/{name}", getattr(self, name)) for name in self.weight_names],
                    weights)

    def __getstate__(self):
        """A copy, a pickle: settings and weights, for a model of its own."""
        return self.__dict__ | {"_calls": {}, "owner": None}

    def __repr__(self):
        return f"<{type(self).__name__} name={self.name}, built={self.built}>"


def set_weights(named, arrays):
    """Copy `arrays` into the weights of `named`, a list of (name, array), after all of them were checked."""
    arrays = [np.asarray(array) for array in arrays]
    if len(arrays) != len(named):
        raise ValueError(f"there must be {len(named)} weight arrays. Received: {len(arrays)}.")
    for (name, weight), array in zip(named, arrays, strict=True):
        if array.shape != weight.shape:
            raise ValueError(f"the weight {name} must have shape {weight.shape}. Received: {array.shape}.")
        if not np.can_cast(array.dtype, weight.dtype, "same_kind"):
            raise TypeError(f"the weight {name} must hold real numbers. Received: an array of dtype {array.dtype}.")
    for (_, weight), array in zip(named, arrays, strict=True):
        np.copyto(weight, array)
