"""Sequential: a stack of layers, trained and used as in Keras."""
import copy
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mgconv._support.checks import check_count
from mgconv._support.registry import snake_case
from mgconv.layers.base import Layer, set_weights
from mgconv.layers.input import Input, InputSpec
from mgconv.training import Trainer

__all__ = ["Input", "Sequential"]


class Sequential(Trainer):
    """A stack of layers, with one flat vector for all of their weights.

    Parameters
    ----------
    layers : list, optional
        Layers, the first of which may be an `Input`. Without an input the shape is that of the first data.
    name : str, optional
        The model's name.

    Attributes
    ----------
    layers : list of mgconv.layers.Layer
        Without the input.
    parameters, gradient : ndarray
        All weights in one vector, and the gradient of the latest training step. The weights of the layers are views of
        it, in the order of `get_weights`. For optimizers of one's own.
    optimizer, loss, metrics
        Set by `compile`.
    stop_training : bool
        Set it in a callback to end `fit` after the epoch.

    Examples
    --------
    >>> import mgconv, numpy as np
    >>> from mgconv import layers
    >>> mgconv.set_random_seed(0)
    >>> model = mgconv.Sequential([mgconv.Input((8, 1)), layers.Conv1D(4, 3, activation="relu"), layers.Flatten(),
    ...                            layers.Dense(1)])
    >>> model.compile("adam", "mse")
    >>> x = np.linspace(-1, 1, 64 * 8).reshape(64, 8, 1)
    >>> history = model.fit(x, x.sum(axis=1), epochs=50, verbose=0)
    >>> history.history["loss"][-1] < history.history["loss"][0]
    True
    >>> model.predict(x[:2], verbose=0).shape
    (2, 1)
    """

    def __init__(self, layers: Sequence[Any] | None = None, name: str | None = None) -> None:
        self.name = name or "sequential"
        self.layers: list[Layer] = []
        self.built = False
        self.stop_training = False
        self.dtype = np.dtype(np.float32)
        self.optimizer = self.loss = None
        self.parameters: Any = None
        self.gradient: Any = None
        self.output_shape: tuple | None = None
        self._wanted_metrics = []
        self._input: tuple | None = None
        self._fixed_batch_size: int | None = None
        self._forget()
        for layer in layers or []:
            self._append(layer)
        self._build_if_known()

    # ---------------------------------------------------------------------------------------------- copies

    def __getstate__(self):
        """A copy, a pickle: settings, layers and weights, not what is prepared for work; the optimizer begins anew."""
        state = self.__dict__.copy()
        for name in ("parameters", "gradient", "_stepping", "_for_training", "_for_scores", "_for_prediction"):
            del state[name]
        return state

    def __setstate__(self, state):
        self.__dict__.update(state)
        for layer in self.layers:
            layer.owner = self
        self.parameters = self.gradient = None
        self._forget()
        if self.built:                # lays the weights in one vector again
            self.build()

    def __copy__(self):
        """As `copy.deepcopy`: a layer belongs to one model."""
        return copy.deepcopy(self)

    # ---------------------------------------------------------------------------------------------- building

    def add(self, layer: Any) -> None:
        """Put `layer` (or, first of all, an `Input`) on top. The weights of the others are kept.

        Raises
        ------
        TypeError
            If it is no layer.
        ValueError
            If its name is taken, it belongs to another model already, or it does not take what comes from below.
        """
        self._append(layer)
        self.built = False
        try:
            self._build_if_known()
        except ValueError:
            self.pop()
            raise

    def pop(self):
        """Take the topmost layer off and return it."""
        if not self.layers:
            raise ValueError("there is no layer to take off.")
        layer = self.layers.pop()
        layer.owner = None
        if layer.built:
            layer.place(np.empty(layer.count_params(), layer.dtype), np.zeros(layer.count_params(), layer.dtype))
        self.built = False
        self._build_if_known()
        return layer

    def _append(self, layer):
        if isinstance(layer, InputSpec):
            if self.layers or self._input is not None:
                raise ValueError("an `Input` must come first, and once.")
            self._input = (None, *layer.shape)
            self._fixed_batch_size = layer.batch_size
            self.dtype = layer.dtype or self.dtype
            return
        if not isinstance(layer, Layer):
            raise TypeError(f"a model is made of mgconv.layers.Layer and one mgconv.Input. Received: {layer!r}.")
        if layer.owner is not None:
            raise ValueError(f"the layer {layer.name} belongs to a model already; its weights are part of one "
                             "vector. Make another and set its weights.")
        names = {other.name for other in self.layers}
        if layer.name is None:
            stem, number = snake_case(type(layer).__name__), 0
            while (name := f"{stem}_{number}" if number else stem) in names:
                number += 1
            layer.name = name
        elif layer.name in names:
            raise ValueError(f"the names of a model's layers must be different. Received: {layer.name!r} again.")
        layer.owner = self
        self.layers.append(layer)

    def _build_if_known(self):
        if self._input is not None and self.layers:
            self.build(self._input)

    def build(self, input_shape: Sequence[int | None] | None = None):
        """Create the weights of all layers for inputs of `input_shape`, (None, ...), and lay them in one vector.

        Happens by itself as soon as the shape of the input is known.

        Raises
        ------
        ValueError
            If a layer does not take the shape that comes from below.
        """
        if input_shape is not None:
            shape = (None, *(check_count("input_shape", size, 1) for size in input_shape[1:]))
            if self._input is not None and shape != self._input:
                raise ValueError(f"the model takes inputs of shape {self._input}. Received: {tuple(input_shape)}.")
            self._input = shape
        if self._input is None or not self.layers:
            raise ValueError("a model needs an input shape and at least one layer to be built.")
        shape = self._input
        for layer in self.layers:
            if not layer.built:
                layer.build(shape, self.dtype)
            elif layer.input_shape != shape or layer.dtype != self.dtype:
                raise ValueError(f"the layer {layer.name} was built for inputs of shape {layer.input_shape}, "
                                 f"{layer.dtype}. Received: {shape}, {self.dtype}.")
            shape = layer.compute_output_shape(shape)
        self.output_shape = shape
        sizes = [layer.count_params() for layer in self.layers]
        self.parameters = np.empty(sum(sizes), self.dtype)
        self.gradient = np.zeros(sum(sizes), self.dtype)
        ends = np.cumsum(sizes)
        for layer, size, end in zip(self.layers, sizes, ends, strict=True):
            layer.place(self.parameters[end - size:end], self.gradient[end - size:end])
        self.built = True
        self._forget()

    def _build_for(self, x):
        if not self.built:
            self.build(np.shape(x))

    @property
    def input_shape(self):
        """(None, ...), or None before it is known."""
        return self._input

    def count_params(self) -> int:
        """How many numbers the weights hold."""
        return sum(layer.count_params() for layer in self._built_layers("count_params"))

    def get_weights(self) -> list[NDArray[Any]]:
        """Copies of all weights, layer by layer, each with its kernel and then its bias."""
        return [weight for layer in self._built_layers("get_weights") for weight in layer.get_weights()]

    def set_weights(self, weights: Sequence[ArrayLike]) -> None:
        """Copy arrays like those of `get_weights` into the weights.

        Raises
        ------
        ValueError
            If their number or a shape is another; then no weight is changed.
        """
        set_weights([(f"{layer.name}/{name}", getattr(layer, name)) for layer in self._built_layers("set_weights")
                     for name in layer.weight_names], weights)

    def _built_layers(self, wish):
        self._known_shape(wish)
        return self.layers

    def _known_shape(self, wish):
        if not self.built:
            raise ValueError(f"`{wish}` needs a model that is built: begin it with an `Input`, or call `build`.")
        return self._input

    def get_layer(self, name: str | None = None, index: int | None = None):
        """The layer with this name, or at this index."""
        if (name is None) == (index is None):
            raise ValueError(f"one of `name` and `index` must be given. Received: name={name}, index={index}.")
        if index is not None:
            if not -len(self.layers) <= index < len(self.layers):
                raise ValueError(f"`index` must be below {len(self.layers)}. Received: index={index}.")
            return self.layers[index]
        for layer in self.layers:
            if layer.name == name:
                return layer
        raise ValueError(f"the layers are {', '.join(layer.name for layer in self.layers)}. Received: name={name!r}.")

    def summary(self, print_fn: Callable[[str], Any] | None = None) -> None:
        """Print the layers with their output shapes and numbers of parameters, line by line through `print_fn`."""
        rows = [("Layer (type)", "Output shape", "Parameters")]
        for layer in self.layers:
            shape, count = (str(layer.output_shape), f"{layer.count_params():,}") if layer.built else ("?", "?")
            rows.append((f"{layer.name} ({type(layer).__name__})", shape, count))
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [f"{a:<{widths[0]}}  {b:<{widths[1]}}  {c:>{widths[2]}}" for a, b, c in rows]
        lines.insert(1, "-" * len(lines[0]))
        total = "?"
        if self.built:
            total = f"{self.count_params():,} ({self.parameters.nbytes / 1024:.1f} KB)"
        for line in (f'Model "{self.name}", {self.dtype}, input {self._input}', *lines, f"Total parameters: {total}"):
            (print_fn or print)(line)
