"""Layers put one on top of the other, and the one vector that their weights lie in."""
from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from mgconv._support.checks import check_count
from mgconv._support.registry import to_config
from mgconv._support.terminal import say
from mgconv.layers.base import check_dtype
from mgconv.layers.binding import bind_all
from mgconv.layers.composite import Composite, build_all, compatible
from mgconv.layers.folding import folded
from mgconv.layers.input import InputLayer
from mgconv.layers.registered import registry


class Stack(Composite):
    """What a model is before it learns: `Sequential` without training and prediction. The parameters are its."""

    stacked = True

    def __init__(self, layers: Sequence[Any] | None = None, name: str | None = None, trainable: bool = True) -> None:
        super().__init__(name=name, trainable=trainable)
        self._input: InputLayer | None = None
        self._parameters: Any = None
        self._gradient: Any = None
        self._laid_out = False
        with self._whole():
            for layer in layers or []:
                self._append(layer)
            self._build_if_known()

    @property
    def name(self):
        """The model's name; one within another has a number behind it, if it needs one."""
        return self._name or "sequential"

    @property
    def parameters(self) -> Any:
        """All trainable weights in one vector, of which the layers' weights are views, in their order. To be set or
        moved by optimizers of one's own."""
        if self.built:
            self.lay_out()
        return self._parameters

    @parameters.setter
    def parameters(self, value):
        if value is not self.parameters:
            np.copyto(self._parameters, value)

    @property
    def gradient(self) -> Any:
        """The gradient of the latest training step, as one vector."""
        if self.built:
            self.lay_out()
        return self._gradient

    # ---------------------------------------------------------------------------------------------- copies

    def get_config(self):
        input_layer = [] if self._input is None else [self._input]
        return {"name": self.name, "trainable": self.trainable, "dtype": self.dtype.name,
                "layers": to_config([*input_layer, *self.layers]), "build_input_shape": to_config(self.input_shape)}

    @classmethod
    def from_config(cls, config):
        """A model made anew from what `get_config` gave: its layers, with fresh weights; not compiled."""
        model = cls(config["layers"], config.get("name"), config.get("trainable", True))
        shape = config.get("build_input_shape")
        if shape is not None and not model.built and model.layers:
            model.build(shape)
        return model

    def __getstate__(self):
        """A copy, a pickle: settings, layers and weights, not what is prepared for work."""
        return super().__getstate__() | {"_parameters": None, "_gradient": None, "_laid_out": False}

    def __setstate__(self, state):
        super().__setstate__(state)
        if self.built:                # lays the weights in one vector again
            self.lay_out()

    def __copy__(self):
        """As `copy.deepcopy`: a layer belongs to one model."""
        return copy.deepcopy(self)

    # ---------------------------------------------------------------------------------------------- building

    def add(self, layer: Any, rebuild: bool = True) -> None:
        """Put `layer` (or, first of all, an `Input`) on top. The weights of the others are kept.

        Parameters
        ----------
        layer : mgconv.layers.Layer or dict
            A layer, or the configuration of one.
        rebuild : bool
            False leaves the building to the next `build`, `add` or `fit`: quicker for many layers.

        Raises
        ------
        TypeError
            If it is no layer.
        ValueError
            If its name is taken, it belongs to another model already, or it does not take what comes from below.
        """
        with self._whole():
            self._append(layer)
            self.built = False
            if rebuild:
                self._build_if_known()

    def pop(self, rebuild: bool = True) -> Any:
        """Take the topmost layer off and return it, with weights of its own; `rebuild` is as in `add`.

        Raises
        ------
        ValueError
            If there is none.
        """
        if not self.layers:
            raise ValueError("there is no layer to take off.")
        with self._whole():
            layer = self.layers.pop()
            layer.owner, self.built = None, False
            for weight in layer.weights:
                weight.place(np.empty(weight.size, weight.dtype), np.zeros(weight.size, weight.dtype)
                             if weight.trainable else None)
            if rebuild:
                self._build_if_known()
        return layer

    @contextmanager
    def _whole(self):
        """A block that succeeds or, whatever ends it, leaves layers and shapes as they were."""
        before = {name: getattr(self, name) for name in ("_input", "input_shape", "output_shape", "_dtype", "built")}
        layers, named = list(self.layers), len(self.layers)
        try:
            yield
        except BaseException:
            self._laid_out = False                 # weights may have moved: all are laid again
            for layer in self.layers[named:]:
                layer.owner = None
            self.layers[:] = layers
            for layer in layers:
                layer.owner = self
            self.__dict__.update(before)
            self.changed()
            raise

    def _append(self, layer):
        if isinstance(layer, dict):
            layer = registry.from_config(layer)
        if isinstance(layer, InputLayer):
            if self.layers or self._input is not None:
                raise ValueError("an `Input` must come first, and once.")
            self._input, self.input_shape = layer, (None, *layer.shape)
            self._dtype = layer._dtype or self._dtype
            return
        self.take_in(layer)
        if layer._dtype is not None and self._dtype is None:
            self._dtype = layer._dtype

    def _build_if_known(self):
        if self._input is not None and self.layers:
            self.build(self.input_shape)
        elif self.layers and isinstance(self.layers[0], Stack) and self.layers[0].input_shape is not None:
            self.build(self.layers[0].input_shape)

    def build(self, input_shape: Sequence[int | None] | None = None, dtype: DTypeLike | None = None) -> None:
        """Create the weights of all layers for inputs of `input_shape`, (None, ...), and lay them in one vector.

        Happens by itself as soon as the shape of the input is known.

        Raises
        ------
        ValueError
            If a layer does not take the shape that comes from below.
        """
        with self._whole():
            self._settle_shape(input_shape, dtype)
            self.output_shape = build_all(self.layers, self.input_shape, self.dtype)
            self.built, self._laid_out = True, False
            self.lay_out()

    def _settle_shape(self, input_shape, dtype):
        if input_shape is not None:
            given = InputLayer(input_shape[1:], dtype=self.dtype if dtype is None else dtype)
            if self._input is None:
                self._input, self.input_shape = given, (None, *given.shape)
            elif not compatible(self.input_shape, (None, *given.shape)):
                raise ValueError(f"the model takes inputs of shape {self.input_shape}. Received: "
                                 f"{tuple(input_shape)}.")
        if self._input is None or not self.layers:
            raise ValueError("a model needs an input shape and at least one layer to be built.")
        self._dtype = self.dtype if dtype is None else check_dtype(dtype)

    def lay_out(self):
        """Lay the weights in one vector, trainable ones first, unless they lie so."""
        if self._laid_out:
            return
        if self.owner is not None:                # then they lie in its vector
            self._parameters = self._gradient = None
            return
        self.forget_work()
        moved = self.trainable_weights
        still, size = self.non_trainable_weights, sum(weight.size for weight in moved)
        values = np.empty(size + sum(weight.size for weight in still), self.dtype)
        parameters, gradient = values[:size], np.zeros(size, self.dtype)
        start = 0
        for weight in (*moved, *still):
            part = slice(start, start := start + weight.size)
            weight.place(values[part], gradient[part] if part.stop <= size else None)
        self._parameters, self._gradient = parameters, gradient
        self._laid_out = True

    def forget_work(self):
        """Drop what was bound to the weights where they lay."""
        self._calls = {}

    def changed(self):
        super().changed()
        self._laid_out = False

    def build_for(self, x):
        """Build the model for the samples `x`, unless it is built."""
        if not self.built:
            self.build((None, *np.shape(x)[1:]))

    def constant_twins(self):
        """Copies of the layers whose weights never change again, with batch normalizations folded in."""
        twins = [copy.deepcopy(layer) for layer in self.layers]
        for twin in twins:
            twin.make_constant()
        return folded(twins)

    def batch_size_for(self, batch_size, count):
        """The batch size to use: what is asked for, that of the `Input`, or 32."""
        fixed = None if self._input is None else self._input.batch_size
        if batch_size is None:
            batch_size = fixed or 32
        elif type(batch_size) is not int or batch_size < 1:
            batch_size = check_count("batch_size", batch_size, 1)
        if fixed is not None and (batch_size != fixed or count % fixed):
            raise ValueError(f"the model's `Input` sets batch_size={fixed}: every batch must have that many samples. "
                             f"Received: {count} samples, batch_size={batch_size}.")
        return batch_size

    def before_activation(self):
        found = self.layers[-1].before_activation() if self.layers else None
        if found is None or self.layers[-1].activity_regularizer is not None:
            return None
        return [*self.layers[:-1], *found[0]], found[1]

    def compute_output_shape(self, input_shape):
        shape = tuple(input_shape)
        for layer in self.layers:
            shape = layer.compute_output_shape(shape)
        return shape

    def output_shape_for(self, input_shape):
        """The output's shape for inputs of a whole `input_shape`."""
        return self.output_shape if None not in self.output_shape[1:] else self.compute_output_shape(input_shape)

    def bind(self, x, dx=None, training=False):
        return bind_all(self.layers, x, dx, training)

    def count_params(self) -> int:
        """How many numbers the weights hold."""
        self._check_built("count_params")
        return super().count_params()

    def get_weights(self) -> list[NDArray[Any]]:
        """Copies of all weights, layer by layer, each with its kernel and then its bias."""
        self._check_built("get_weights")
        return super().get_weights()

    def set_weights(self, weights: Sequence[ArrayLike]) -> None:
        """Copy arrays like those of `get_weights` into the weights.

        Raises
        ------
        ValueError
            If their number or a shape is another; then no weight is changed.
        """
        self._check_built("set_weights")
        super().set_weights(weights)

    def _check_built(self, wish):
        if not self.built:
            raise ValueError(f"`{wish}` needs a model that is built: begin it with an `Input`, or call `build`.")

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

    def summary(self, line_length: int | None = None, positions: Sequence[float] | None = None,
                print_fn: Callable[[str], Any] | None = None, expand_nested: bool = False,
                show_trainable: bool = False, layer_range: Sequence[str] | None = None) -> None:
        """Print a table of the layers with the shapes of their outputs and the numbers of their parameters.

        Parameters
        ----------
        line_length : int, optional
            Of the table's lines; by default as wide as the text.
        positions : sequence of float, optional
            Where the columns end, as shares of `line_length`.
        print_fn : callable, optional
            Takes the text line by line in place of `print`.
        expand_nested : bool
            Whether to show what models and blocks within are made of.
        show_trainable : bool
            Whether to say which layers are trained.
        layer_range : pair of str, optional
            Names, or regular expressions for names, of the first and the last layer to show.

        Raises
        ------
        ValueError
            If no layer matches `layer_range`.
        """
        from mgconv.models.summary import table
        for line in table(self, line_length, positions, expand_nested, show_trainable, layer_range):
            (print_fn or say)(line)
