"""Lambda: a layer made of a function, and of its gradient if there is to be training."""
from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from mgconv._support.memory import aligned_empty
from mgconv.layers.base import Layer
from mgconv.layers.binding import Bound


class Lambda(Layer):
    """Applies a function of arrays, sample by sample.

    Parameters
    ----------
    function : callable
        From an array (batch, ...) to another, of the same batch. If it has a parameter `training`, it is told.
    output_shape : tuple of int, or callable, optional
        A sample's shape behind it, or a function from the input's shape, batch first, to the output's. By default the
        function is tried on zeros.
    mask : optional
        Must be None: there are no masks here.
    arguments : dict, optional
        Further arguments of the function, by name.
    gradient : callable, optional
        `gradient(x, dy)` gives the gradient to `x` from that to the output, `dy`, as an array of the shape of `x`; it
        takes `arguments`, too. Without it nothing below the layer can be trained. (Keras has no such argument: it
        differentiates the function itself.)
    **layer
        As in `Layer`.

    Raises
    ------
    ValueError
        When a model is bound for training, if something below learns and there is no `gradient`.

    Examples
    --------
    >>> from mgconv import layers
    >>> square = layers.Lambda(lambda x: x * x, gradient=lambda x, dy: 2 * x * dy)
    >>> square([[1.0, -3.0]]).tolist()
    [[1.0, 9.0]]
    """

    def __init__(self, function: Callable[..., Any], output_shape: Sequence[int] | Callable[..., Any] | None = None,
                 mask: None = None, arguments: dict[str, Any] | None = None, *,
                 gradient: Callable[..., Any] | None = None, **layer: Any) -> None:
        super().__init__(**layer)
        for name, given in ("function", function), ("gradient", gradient):
            if not callable(given) and (given is not None or name == "function"):
                raise TypeError(f"`{name}` of Lambda must be callable. Received: {name}={given!r}.")
        if mask is not None:
            raise ValueError("`mask` must be None: there are no masks here. Received: a mask.")
        self.function, self.mask, self.gradient = function, mask, gradient
        self.arguments = dict(arguments or {})
        self._output_shape = output_shape
        try:
            self._told = "training" in inspect.signature(function).parameters
        except ValueError:                        # a function of NumPy's that does not say
            self._told = False

    @property
    def output_shape(self) -> Any:
        """As of every layer; what the constructor was given is asked by `compute_output_shape`."""
        return self._whole_output_shape

    @output_shape.setter
    def output_shape(self, shape):
        self._whole_output_shape = shape

    def get_config(self):
        raise ValueError("a Lambda layer holds functions, which no configuration can: make a class of your own, "
                         "derived from mgconv.layers.Layer.")

    def compute_output_shape(self, input_shape):
        if callable(self._output_shape):
            return tuple(self._output_shape(tuple(input_shape)))
        if self._output_shape is not None:
            return (input_shape[0], *self._output_shape)
        if None in input_shape[1:]:
            # Sizes that differ between two trials follow from what is not known.
            tried = [self._try(tuple(size or other for size in input_shape)) for other in (16, 17)]
            shape = tuple(a if a == b else None for a, b in zip(*tried, strict=True))
        else:
            shape = self._try((input_shape[0] or 1, *input_shape[1:]))
        return (input_shape[0], *shape[1:])

    def _try(self, shape):
        return np.shape(self._value(np.zeros(shape, self.dtype), False))

    def _value(self, x, training):
        told = {"training": training} if self._told else {}
        return self.function(x, **self.arguments, **told)

    def bind(self, x, dx=None, training=False):
        if dx is not None and self.gradient is None:
            raise ValueError("a Lambda layer above layers that learn needs its `gradient`: a function of x and dy, "
                             "which gives the gradient to x. Received: gradient=None.")
        y = aligned_empty(self.compute_output_shape(x.shape), x.dtype)

        def forward():
            value = np.asarray(self._value(x, training))
            if value.shape != y.shape:
                raise ValueError(f"the function of Lambda must give an array of shape {y.shape}. "
                                 f"Received: {value.shape}.")
            np.copyto(y, value)
        if dx is None:
            return Bound(y, None, [forward], [])
        dy = aligned_empty(y.shape, y.dtype)
        return Bound(y, dy, [forward], [partial(self._back, x, dy, dx)])

    def _back(self, x, dy, dx):
        gradient = np.asarray(self.gradient(x, dy, **self.arguments))      # type: ignore[misc]
        if gradient.shape != dx.shape:
            raise ValueError(f"the gradient of Lambda must give an array of shape {dx.shape}. "
                             f"Received: {gradient.shape}.")
        np.copyto(dx, gradient, casting="same_kind")
