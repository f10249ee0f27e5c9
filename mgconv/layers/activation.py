"""Activations as layers, and the activation inside other layers."""
from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mgconv import activations, constraints, initializers, regularizers
from mgconv._support.checks import check_number, integers
from mgconv._support.memory import aligned_empty
from mgconv.layers.base import Layer
from mgconv.layers.binding import Bound
from mgconv.native.bias_gradient import BiasGrad
from mgconv.native.rowwise import Pointwise, ReluGrad


class _Activating(Layer):
    """What all layers share whose work is one activation function, `function`."""

    columnwise = True
    function: Any

    def sole_activation(self):
        return self.function if type(self).bind is _Activating.bind else None

    def before_activation(self):
        function = self.sole_activation()
        return None if function is None else ([], function)

    def bind(self, x, dx=None, training=False):
        y = aligned_empty(x.shape, x.dtype)
        forward = [activation_call(self.function, x, y)]
        if dx is None:
            return Bound(y, None, forward, [])
        # The gradient turns from y's to x's in place: both are one array.
        return Bound(y, dx, forward, activation_grad(self.function, x, y, dx))


class Activation(_Activating):
    """Applies an activation function to every entry (or, softmax, along the last axis).

    Parameters
    ----------
    activation : str or mgconv.activations.Activation
        Which one.
    **layer
        As in `Layer`.

    Examples
    --------
    >>> from mgconv import layers
    >>> layers.Activation("relu")([[-1.0, 2.0]]).tolist()
    [[0.0, 2.0]]
    """

    def __init__(self, activation: Any, **layer: Any) -> None:
        super().__init__(**layer)
        self.activation = self.function = activations.get(activation)


class ReLU(_Activating):
    """max(x, 0); in general x from `threshold` to `max_value`, max_value above, negative_slope (x - threshold) below.

    Parameters
    ----------
    max_value : float, optional
        At least 0; by default there is no upper end.
    negative_slope, threshold : float
        At least 0.
    **layer
        As in `Layer`.
    """

    def __init__(self, max_value: float | None = None, negative_slope: float = 0.0, threshold: float = 0.0,
                 **layer: Any) -> None:
        super().__init__(**layer)
        for name, value, may_be_none in (("max_value", max_value, True), ("negative_slope", negative_slope, False),
                                         ("threshold", threshold, False)):
            if (value is None and not may_be_none) or (value is not None and check_number(name, value) < 0):
                raise ValueError(f"{name} of a ReLU layer cannot be {'' if may_be_none else 'None or '}a negative "
                                 f"value. Received: {name}={value}.")
        plain = max_value is None and negative_slope == threshold == 0
        self.function = activations.relu if plain else activations.ReLU(negative_slope, max_value, threshold)
        self.max_value, self.negative_slope, self.threshold = max_value, negative_slope, threshold


class LeakyReLU(_Activating):
    """x for x > 0, else negative_slope x.

    Parameters
    ----------
    negative_slope : float
        At least 0. (That of the function `leaky_relu` is 0.2 by default, as in Keras.)
    **layer
        As in `Layer`.
    """

    def __init__(self, negative_slope: float = 0.3, **layer: Any) -> None:
        super().__init__(**layer)
        if negative_slope is None:
            raise ValueError("The negative_slope value of a Leaky ReLU layer cannot be None. "
                             "Received: negative_slope=None.")
        self.function = activations.LeakyReLU(negative_slope)
        self.negative_slope = negative_slope


class ELU(_Activating):
    """x for x > 0, else alpha (exp(x) - 1).

    Parameters
    ----------
    alpha : float
        At least 0.
    **layer
        As in `Layer`.
    """

    def __init__(self, alpha: float = 1.0, **layer: Any) -> None:
        super().__init__(**layer)
        self.function = activations.ELU(alpha)
        self.alpha = alpha


class Softmax(_Activating):
    """exp(x) over its sum along `axis`.

    Parameters
    ----------
    axis : int or sequence of int
        One or several; the batch may be among them, as in Keras.
    **layer
        As in `Layer`.
    """

    def __init__(self, axis: int | Sequence[int] = -1, **layer: Any) -> None:
        super().__init__(**layer)
        self.function = activations.Softmax(axis)
        self.axis = axis
        self.columnwise = axis == -1

    def __call__(self, x: ArrayLike, training: bool = False, mask: ArrayLike | None = None) -> NDArray[Any]:
        """As for any layer; entries where `mask`, which must be broadcastable to x, is 0 have no share in the sum."""
        if mask is None:
            return super().__call__(x, training)
        x, kept = np.asarray(x), np.asarray(mask) != 0
        if kept.ndim > x.ndim:
            raise ValueError(f"`mask` must not have more dimensions than the input, {x.ndim}. "
                             f"Received: a mask of shape {kept.shape}.")
        if any(mine not in (1, size) for mine, size in zip(kept.shape[::-1], x.shape[::-1], strict=False)):
            raise ValueError(f"`mask` must be broadcastable to the input, of shape {x.shape}. "
                             f"Received: a mask of shape {kept.shape}.")
        return super().__call__(np.where(kept, x, np.finfo(self.dtype).min), training) * kept

    def compute_output_shape(self, input_shape):
        axes: Any = self.axis if isinstance(self.axis, (list, tuple)) else [self.axis]
        if not all(-len(input_shape) <= axis < len(input_shape) for axis in axes):
            raise ValueError(f"`axis` of Softmax must be among the {len(input_shape)} axes of its input. "
                             f"Received: axis={self.axis}.")
        return tuple(input_shape)


class PReLU(Layer):
    """x for x > 0, else alpha x, with slopes `alpha` that are learned (He et al., 2015).

    Parameters
    ----------
    alpha_initializer, alpha_regularizer, alpha_constraint : optional
        What `alpha` holds at first, what it adds to the loss, and what is applied after each step.
    shared_axes : int or sequence of int, optional
        Along these axes, counted with the batch as 0, there is one slope for all places; else every entry of a sample
        has its own. [1] lets the channels of a sequence have one each.
    **layer
        As in `Layer`.

    Attributes
    ----------
    alpha : ndarray
        A sample's shape, with 1 in place of the sizes of shared axes.
    """

    alpha: NDArray[Any]

    def __init__(self, alpha_initializer: Any = "Zeros", alpha_regularizer: Any = None, alpha_constraint: Any = None,
                 shared_axes: int | Sequence[int] | None = None, **layer: Any) -> None:
        super().__init__(**layer)
        self.alpha_initializer = initializers.get(alpha_initializer)
        self.alpha_regularizer = regularizers.get(alpha_regularizer)
        self.alpha_constraint = constraints.get(alpha_constraint)
        if shared_axes is not None:
            several = isinstance(shared_axes, (list, tuple))
            shared_axes = list(integers("shared_axes", shared_axes if several else [shared_axes]))
        self.shared_axes = shared_axes

    @property
    def columnwise(self):                 # type: ignore[override]
        return self.built and self.alpha.shape[:-1].count(1) == self.alpha.ndim - 1

    def _alpha_shape(self, input_shape):
        rank, shared = len(input_shape), self.shared_axes or []
        if not all(-rank < axis < rank and axis for axis in shared):
            raise ValueError(f"`shared_axes` of PReLU must be among the {rank - 1} axes behind the batch. "
                             f"Received: shared_axes={self.shared_axes}.")
        along = {axis % rank for axis in shared}
        return tuple(1 if axis in along else input_shape[axis] for axis in range(1, rank))

    def compute_output_shape(self, input_shape):
        self._alpha_shape(input_shape)
        return tuple(input_shape)

    def build(self, input_shape, dtype=None):
        super().build(input_shape, dtype)
        shape = self._alpha_shape(input_shape)
        if None in shape:
            raise ValueError("PReLU must know the sizes of the axes that `shared_axes` does not name. "
                             f"Received: an input of shape {tuple(input_shape)}, shared_axes={self.shared_axes}.")
        self.add_weight("alpha", shape, self.alpha_initializer, regularizer=self.alpha_regularizer,
                        constraint=self.alpha_constraint)

    def bind(self, x, dx=None, training=False):
        y, alpha, dalpha = aligned_empty(x.shape, x.dtype), self.alpha, self.gradients.get("alpha")
        below = aligned_empty(x.shape, x.dtype)
        axes = (0, *(axis + 1 for axis, size in enumerate(alpha.shape) if size == 1))

        def forward():
            np.minimum(x, 0, out=below)
            np.maximum(x, 0, out=y)
            np.add(y, alpha * below, out=y)

        if not training or (dx is None and dalpha is None):
            return Bound(y, None, [forward], [])
        dy = aligned_empty(x.shape, x.dtype) if dx is None else dx

        def backward():
            if dalpha is not None:
                np.sum(dy * below, axes, keepdims=True, out=dalpha[None])
            if dx is not None:
                np.multiply(dy, np.where(x > 0, x.dtype.type(1), alpha), out=dx)
        return Bound(y, dy, [forward], [backward])


# Those with a kernel in C, by its name and parameters. Others, and classes of a user's own, compute by themselves.
_KERNELS: dict[type, Any] = {
    activations.LeakyReLU: lambda f: ("leaky_relu", f.negative_slope, 0.0),
    activations.ELU: lambda f: ("elu", f.alpha, 1.0), activations.SELU: lambda f: ("elu", f.alpha, f.scale),
    activations.Sigmoid: lambda f: ("sigmoid", 0.0, 0.0), activations.Tanh: lambda f: ("tanh", 0.0, 0.0),
    activations.SiLU: lambda f: ("silu", 0.0, 0.0)}


def _pointwise(activation, x, y, back):
    """The kernel bound to arrays, or None."""
    known = _KERNELS.get(type(activation))
    if known is None or not y.size:
        return None
    name, a, b = known(activation)
    return Pointwise(name, x.reshape(-1, x.shape[-1]), y.reshape(-1, y.shape[-1]), a, b, back)


def activation_call(activation, x, y):
    """The call that fills `y` with the activation of `x`."""
    return _pointwise(activation, x, y, False) or partial(activation.forward, x, y)


def activation_grad(activation, x, y, dy, bias_gradient=None):
    """The calls that turn `dy` into the gradient to `x` in place and, if asked, sum it into `bias_gradient`."""
    if activation is activations.relu and y.size:
        sums = np.empty(y.shape[-1], y.dtype) if bias_gradient is None else bias_gradient
        return [ReluGrad(y.reshape(-1, y.shape[-1]), dy.reshape(-1, y.shape[-1]), sums)]
    calls = []
    if activation is not activations.linear:
        source = x if activation.needs_input else y
        calls.append(_pointwise(activation, source, dy, True) or partial(activation.backward, source, dy))
    if bias_gradient is not None:
        calls.append(BiasGrad(dy, bias_gradient))
    return calls
