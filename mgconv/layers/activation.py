"""The Activation layer, and the activation inside other layers."""
from functools import partial
from typing import Any

import numpy as np

from mgconv import activations
from mgconv._support.memory import aligned_empty
from mgconv.layers.base import Layer
from mgconv.layers.binding import Bound
from mgconv.native.activation import ReluGrad
from mgconv.native.conv import bias_grad


class Activation(Layer):
    """Applies an activation function to every entry (or, softmax, along the last axis).

    Parameters
    ----------
    activation : str or mgconv.activations.Activation
        Which one.
    name : str, optional
        The layer's name.

    Examples
    --------
    >>> from mgconv import layers
    >>> layers.Activation("relu")([[-1.0, 2.0]]).tolist()
    [[0.0, 2.0]]
    """

    columnwise = True

    def __init__(self, activation: Any, **layer: Any) -> None:
        super().__init__(**layer)
        self.activation = activations.get(activation)

    def bind(self, x, dx=None, training=False):
        y = aligned_empty(x.shape, x.dtype)
        forward = [partial(self.activation.forward, x, y)]
        if dx is None:
            return Bound(y, None, forward, [])
        # The gradient turns from y's to x's in place: both are one array.
        return Bound(y, dx, forward, activation_grad(self.activation, x, y, dx))


def activation_grad(activation, x, y, dy, bias_gradient=None):
    """The calls that turn `dy` into the gradient to `x` in place and, if asked, sum it into `bias_gradient`."""
    if activation is activations.relu and y.size:
        sums = np.empty(y.shape[-1], y.dtype) if bias_gradient is None else bias_gradient
        return [ReluGrad(y.reshape(-1, y.shape[-1]), dy.reshape(-1, y.shape[-1]), sums)]
    calls = []
    if activation is not activations.linear:
        calls.append(partial(activation.backward, x if activation.needs_input else y, dy))
    if bias_gradient is not None:
        calls.append(partial(bias_grad, dy, bias_gradient))
    return calls
