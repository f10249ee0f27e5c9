"""What all layers share: names, weights, and how a layer is bound to the arrays it works on.

Design
------
A layer owns its settings and its weights, never the arrays that pass through it. `Layer.bind(x, dx, training)` makes
those: it allocates the output for the one input array `x` and returns a `Bound` (binding.py), which lists the calls
that compute it and, for training, the calls that turn the output's gradient into those of the weights and of the input.
All of them take no arguments: shapes are checked, plans made and buffers allocated when binding, and a training step
does nothing but run lists of calls. A model binds its layers once for every batch size it meets, and one layer may
serve several threads at the same time. (The obvious alternative, forward(x) and backward(dy) on the layer, keeps state
in the layer and looks up plan and buffers at every call: half of the cost of a small layer. A layer of one's own may be
written that way; see `Layer`.)
"""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from mgconv import constraints, initializers, regularizers
from mgconv._support.memory import aligned_empty
from mgconv._support.registry import Configurable
from mgconv.layers.binding import Bound
from mgconv.layers.weights import Weight, assign_all


def check_dtype(dtype: Any) -> np.dtype[Any]:
    """float32 or float64 as a NumPy dtype, from what NumPy or Keras (a policy's name or configuration) calls so."""
    if isinstance(dtype, dict):
        dtype = dtype.get("config", {}).get("name")
    try:
        found = np.dtype(dtype)
    except TypeError:
        found = None
    if found not in (np.float32, np.float64):
        raise ValueError(f"`dtype` must be float32 or float64. Received: dtype={dtype!r}.")
    return found.newbyteorder("=")


class Layer(Configurable):
    """Base of all layers.

    A subclass defines `compute_output_shape` and `bind`, and `build` if it has weights. Or, simpler and slower, plain
    `forward(x, training)`, which returns a new array, and `backward(dy)`, which returns the gradient to `x` and writes
    those of the weights to `gradients`; both may keep what they need in attributes.

    Parameters
    ----------
    name : str, optional
        A model names its layers after their classes where they have no name.
    trainable : bool
        Whether training moves the layer's weights.
    dtype : {"float32", "float64"}, optional
        Of weights and results; a model's layers share one. float32 by default.
    activity_regularizer : str or mgconv.regularizers.Regularizer, optional
        Its penalty of the output, over the number of samples, is added to the loss.

    Attributes
    ----------
    weights, trainable_weights, non_trainable_weights : list of Weight
        All; those that training moves; the others. A layer that is not `trainable` has none of the second kind.
    gradients : dict of str to ndarray
        The gradients of the trainable weights by name, as the latest backward pass wrote them.

    Examples
    --------
    >>> import numpy as np
    >>> from mgconv import layers
    >>> class Squares(layers.Layer):
    ...     def forward(self, x, training):
    ...         self.x = x
    ...         return x * x
    ...     def backward(self, dy):
    ...         return 2 * self.x * dy
    >>> Squares()([[1.0, -3.0]]).tolist()
    [[1.0, 9.0]]
    """

    _settled = True
    columnwise = False        # whether each step of the output depends on the same step of the input alone
    constant = False          # whether the weights never change again, so that a binding may prepare them

    def __init__(self, *, name: str | None = None, trainable: bool = True, dtype: DTypeLike | None = None,
                 activity_regularizer: Any = None) -> None:
        if name is not None and not isinstance(name, str):
            raise TypeError(f"`name` must be a string. Received: name={name!r}.")
        self._name = name
        self._trainable = bool(trainable)
        self._dtype = None if dtype is None else check_dtype(dtype)
        self.activity_regularizer = regularizers.get(activity_regularizer)
        self.built = False
        self.input_shape: Any = None
        self.output_shape: Any = None
        self._weights: dict[str, Weight] = {}
        self._calls: dict[tuple, tuple] = {}           # what `__call__` bound last, by the shape of its input
        self.owner: Any = None             # the model whose flat vector holds the weights

    # ------------------------------------------------------------------------------------------- settings

    @property
    def name(self) -> Any:
        """The layer's name; None until a model gives it one."""
        return self._name

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of weights and results."""
        return np.dtype(np.float32) if self._dtype is None else self._dtype

    @property
    def trainable(self) -> bool:
        """Whether training moves the layer's weights. May be set; statistics of a frozen layer stand still, too."""
        return self._trainable

    @trainable.setter
    def trainable(self, value):
        self._trainable = bool(value)
        self.changed()

    def changed(self) -> None:
        """Forget what was bound, here and in whatever holds this layer: it, or what of it is trained, changed."""
        self._calls = {}
        if self.owner is not None:
            self.owner.changed()

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"dtype": self.dtype.name}

    def __setattr__(self, name, value):
        weight = self.__dict__.get("_weights", {}).get(name)
        if weight is None:
            super().__setattr__(name, value)
        elif value is not weight.value:
            weight.assign(value)

    # -------------------------------------------------------------------------------------------- shapes

    def build(self, input_shape: Sequence[int | None], dtype: DTypeLike | None = None) -> None:
        """Create the weights for inputs of `input_shape`, (None, ...): the batch is left open.

        A model does this itself. The weights are attributes of the layer (`kernel`, `bias`); their gradients are in
        `gradients`, by the same names.
        """
        self._dtype = self.dtype if dtype is None else check_dtype(dtype)
        self.output_shape = self.compute_output_shape(input_shape)
        self.input_shape = (None, *input_shape[1:])
        self.built = True

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> tuple[int | None, ...]:
        """The shape of the output, batch first, for an input shape; what may be of any size is None in both.

        That of the input, unless a subclass says otherwise.

        Raises
        ------
        ValueError
            If the layer does not take such an input.
        """
        return tuple(input_shape)

    # ---------------------------------------------------------------------------------------------- work

    def bind(self, x: NDArray[Any], dx: NDArray[Any] | None = None, training: bool = False) -> Bound:
        """Prepare to work on the array `x`; binding.py draws who may write which array.

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
        shape = self.compute_output_shape(x.shape)
        y = aligned_empty(shape, x.dtype)
        dy: Any = aligned_empty(shape, x.dtype) if training and (dx is not None or self.trainable_weights) else None

        def forward():
            np.copyto(y, self.forward(x, training))

        def backward():
            to_x = self.backward(dy)
            if dx is not None:
                np.copyto(dx, to_x)
        return Bound(y, dy, [forward], [] if dy is None else [backward])

    def forward(self, x: NDArray[Any], training: bool) -> NDArray[Any]:
        """The output for `x`, (batch, ...), as a new array; `x` must be left as it is."""
        raise NotImplementedError(f"{type(self).__name__} must define bind(x, dx, training), or forward(x, training).")

    def backward(self, dy: NDArray[Any]) -> NDArray[Any]:
        """The gradient to the `x` that `forward` was last given, from that to its result."""
        raise NotImplementedError(f"{type(self).__name__} must define backward(dy) to be trained.")

    def __call__(self, x: ArrayLike, training: bool = False) -> NDArray[Any]:
        """The layer's output for the array `x`, (batch, ...), as a fresh array of the layer's dtype."""
        x = np.asarray(x)
        if not self.built:
            self.build((None, *x.shape[1:]))
        key = (x.shape, bool(training))
        kept = self._calls.pop(key, None)               # taken out: another thread makes its own meanwhile
        if kept is None:
            self._check_input(x.shape)
            buffer = aligned_empty(x.shape, self.dtype)
            kept = buffer, self.bind(buffer, None, bool(training))
        buffer, bound = kept
        np.copyto(buffer, x)
        for call in bound.forward:
            call()
        y = bound.y.copy()
        self._calls = {key: kept}
        return y

    def _check_input(self, shape):
        if len(shape) != len(self.input_shape) or any(
                want not in (None, size) for size, want in zip(shape[1:], self.input_shape[1:], strict=True)):
            raise ValueError(f"the layer {self.name or type(self).__name__} takes inputs of shape "
                             f"{self.input_shape}. Received: {shape}.")

    # ------------------------------------------------------------------------------------------- weights

    def add_weight(self, name: str, shape: Sequence[int], initializer: Any = "glorot_uniform", *,
                   trainable: bool = True, regularizer: Any = None, constraint: Any = None) -> NDArray[Any]:
        """Create the weight `name`, an attribute of the layer from now on.

        Parameters
        ----------
        name : str
            Of the attribute.
        shape : tuple of int
            Of the array.
        initializer : str or mgconv.initializers.Initializer
            What it holds at first.
        trainable : bool
            Whether it has a gradient and is trained; statistics are not.
        regularizer : str or mgconv.regularizers.Regularizer, optional
            Its penalty is added to the loss.
        constraint : str or mgconv.constraints.Constraint, optional
            Applied after each step.

        Returns
        -------
        ndarray
            The array itself.
        """
        value = initializers.get(initializer)(tuple(shape), self.dtype)
        weight = Weight(self, name, value, trainable, regularizers.get(regularizer), constraints.get(constraint))
        self._weights[name] = weight
        self.adopt(weight)
        return value

    def adopt(self, weight):
        """Take the array of `weight` as the attribute of its name."""
        self.__dict__[weight.name] = weight.value
        self._calls = {}

    @property
    def weights(self) -> list[Weight]:
        """All weights, in the order in which they were made."""
        return list(self._weights.values())

    @property
    def trainable_weights(self) -> list[Weight]:
        """Those that training moves."""
        return [weight for weight in self.weights if weight.trainable] if self.trainable else []

    @property
    def non_trainable_weights(self) -> list[Weight]:
        """Those that training leaves alone."""
        moved = {id(weight) for weight in self.trainable_weights}
        return [weight for weight in self.weights if id(weight) not in moved]

    @property
    def weight_names(self) -> list[str]:
        """The names of the weights, in the order of `get_weights`."""
        return [weight.name for weight in self.weights]

    @property
    def gradients(self) -> dict[str, NDArray[Any]]:
        """The gradients of the weights that are trained, by name."""
        return {weight.name: weight.gradient for weight in self.trainable_weights if weight.gradient is not None}

    def count_params(self) -> int:
        """How many numbers the weights hold."""
        return sum(weight.size for weight in self.weights)

    def get_weights(self) -> list[NDArray[Any]]:
        """Copies of the weights, as a list of arrays."""
        return [weight.numpy() for weight in self.weights]

    def set_weights(self, weights: Sequence[ArrayLike]) -> None:
        """Copy arrays like those of `get_weights` into the weights.

        Raises
        ------
        ValueError
            If their number or a shape is another; then no weight is changed.
        TypeError
            If one does not hold real numbers; likewise.
        """
        assign_all(self.weights, weights)

    def make_constant(self) -> None:
        """Let bindings take the weights as they are now for good."""
        self.constant = True

    def __getstate__(self):
        """A copy, a pickle: settings and weights, for a model of its own."""
        return self.__dict__ | {"_calls": {}, "owner": None}

    def __repr__(self):
        shape = f", {self.input_shape} -> {self.output_shape}" if self.built else ""
        frozen = "" if self.trainable else ", not trainable"
        return f"<{type(self).__name__} {self.name or '(no name yet)'}{shape}{frozen}>"
