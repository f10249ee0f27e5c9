"""Layers made of layers: what nested models and blocks share."""
from __future__ import annotations

from typing import Any

from mgconv._support.registry import snake_case
from mgconv.layers.base import Layer
from mgconv.layers.binding import naming
from mgconv.layers.registered import registry


class Composite(Layer):
    """Base of a layer that holds others, in `layers`; their weights are its own.

    A subclass fills `self.layers` by `take_in`, and defines `build`, `compute_output_shape` and `bind`.
    """

    stacked = False           # whether its layers stand one on top of the other, and that is all

    def __init__(self, **layer: Any) -> None:
        self.layers: list[Layer] = []
        super().__init__(**layer)

    def take_in(self, layer: Any) -> Layer:
        """Make `layer`, or the layer that a configuration describes, the next one of this one's, under a name.

        Raises
        ------
        TypeError
            If it is no layer.
        ValueError
            If its name is taken, or it belongs to another model or layer already.
        """
        if isinstance(layer, dict):
            layer = registry.from_config(layer)
        if not isinstance(layer, Layer):
            raise TypeError(f"a model is made of mgconv.layers.Layer and one mgconv.Input. Received: {layer!r}.")
        if layer.owner is not None:
            raise ValueError(f"the layer {layer.name} belongs to a model already; its weights are part of one "
                             "vector. Make another and set its weights.")
        names = {other.name for other in self.layers}
        if layer._name is None:
            stem, number = snake_case(type(layer).__name__), 0
            while (name := f"{stem}_{number}" if number else stem) in names:
                number += 1
            layer._name = name
        elif layer.name in names:
            raise ValueError(f"the names of a model's layers must be different. Received: {layer.name!r} again.")
        if not self.trainable:
            layer.trainable = False
        layer.owner = self
        self.layers.append(layer)
        return layer

    def change_paths(self, change):
        """Put `change(layers)` in place of the layers within that stand one on top of the other."""
        self.layers[:] = change(self.layers)

    @property
    def trainable(self) -> bool:
        """Whether training moves the weights; setting it sets that of all layers within."""
        return self._trainable

    @trainable.setter
    def trainable(self, value):
        self._trainable = bool(value)
        for layer in self.layers:
            layer.trainable = value
        self.changed()

    def flattened(self):
        """All layers within, those within them too."""
        for layer in self.layers:
            yield layer
            if isinstance(layer, Composite):
                yield from layer.flattened()

    @property
    def weights(self):
        return [weight for layer in self.layers for weight in layer.weights]

    @property
    def trainable_weights(self):
        return [weight for layer in self.layers for weight in layer.trainable_weights] if self.trainable else []

    @property
    def gradients(self):
        return {weight.path: weight.gradient for weight in self.trainable_weights if weight.gradient is not None}

    def make_constant(self):
        super().make_constant()
        for layer in self.layers:
            layer.make_constant()

    def __setstate__(self, state):
        self.__dict__.update(state)
        for layer in self.layers:
            layer.owner = self


def build_all(layers, input_shape, dtype):
    """Build `layers`, one on top of the other, but for those built before, which must fit. Returns the output shape."""
    shape = tuple(input_shape)
    for index, layer in enumerate(layers):
        with naming(layer, index, shape):
            if not layer.built:
                try:
                    layer.build(shape, dtype)
                except BaseException:              # whole or not at all
                    layer.built = False
                    layer._weights.clear()
                    raise
            elif not compatible(layer.input_shape, shape) or layer.dtype != dtype:
                raise ValueError(f"it was built for inputs of shape {layer.input_shape}, {layer.dtype}. "
                                 f"Received: {shape}, {dtype}.")
            shape = layer.compute_output_shape(shape)
    return shape


def compatible(built_for, shape):
    """Whether a layer built for inputs of one shape takes those of another: its channels fit, sizes may be open."""
    return len(built_for) == len(shape) and all(
        a is None or b is None or a == b for a, b in zip(built_for[1:], shape[1:], strict=True))
