"""Layers that bring a sample, or groups of its channels, to mean 0 and variance 1.

They compute on arrays (rows, columns), and take the statistics of every row. Other axes come there by transposition.
"""
from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mgconv import constraints, initializers, regularizers
from mgconv._support.checks import check_positive, integers
from mgconv._support.memory import aligned_empty
from mgconv.layers.base import Layer
from mgconv.layers.binding import Bound
from mgconv.layers.spatial import transposed_edge
from mgconv.native.rowwise import RowNorm


class _Normalization(Layer):
    """What the layers with a learned scale, `gamma`, and offset, `beta`, share."""

    gamma: NDArray[Any] | None
    beta: NDArray[Any] | None

    def __init__(self, axis: Any, epsilon: float, center: bool, scale: bool, beta_initializer: Any,
                 gamma_initializer: Any, beta_regularizer: Any, gamma_regularizer: Any, beta_constraint: Any,
                 gamma_constraint: Any, **layer: Any) -> None:
        super().__init__(**layer)
        self.axis = axis
        self.epsilon = check_positive("epsilon", epsilon)
        self.center, self.scale = bool(center), bool(scale)
        self.beta_initializer = initializers.get(beta_initializer)
        self.gamma_initializer = initializers.get(gamma_initializer)
        self.beta_regularizer = regularizers.get(beta_regularizer)
        self.gamma_regularizer = regularizers.get(gamma_regularizer)
        self.beta_constraint = constraints.get(beta_constraint)
        self.gamma_constraint = constraints.get(gamma_constraint)
        self.gamma = self.beta = None

    def axes(self, rank):
        """The axes of `axis`, counted from 0, in their order."""
        return normal_axes(self, self.axis, rank)

    @property
    def columnwise(self):                 # type: ignore[override]
        return self.built and self.axes(len(self.input_shape)) == [len(self.input_shape) - 1]

    def compute_output_shape(self, input_shape):
        self.axes(len(input_shape))
        return tuple(input_shape)

    def add_scale_and_offset(self, input_shape, axes, scale, center):
        """Create `gamma` and `beta`, those of them that are wanted, with the sizes of `axes`."""
        shape = tuple(input_shape[axis] for axis in axes)
        if None in shape:
            raise ValueError(f"the input of {type(self).__name__} must have a known size along axis {self.axis}. "
                             f"Received: {tuple(input_shape)}.")
        if scale:
            self.add_weight("gamma", shape, self.gamma_initializer, regularizer=self.gamma_regularizer,
                            constraint=self.gamma_constraint)
        if center:
            self.add_weight("beta", shape, self.beta_initializer, regularizer=self.beta_regularizer,
                            constraint=self.beta_constraint)


class LayerNormalization(_Normalization):
    """y = gamma (x - mean) / sqrt(variance + epsilon) + beta with the mean and variance of each sample's entries along
    `axis` (Ba, Kiros and Hinton, 2016).

    Parameters
    ----------
    axis : int or sequence of int
        Along which the statistics are taken, at every place along the others; the channels by default.
    epsilon : float
        Positive.
    center, scale : bool
        Whether there is a `beta`; a `gamma`.
    beta_initializer, gamma_initializer : optional
        What the weights hold at first.
    beta_regularizer, gamma_regularizer, beta_constraint, gamma_constraint : optional
        What they add to the loss, and what is applied after each step.
    rms_scaling : bool
        As Keras has it: y = gamma x / sqrt(variance + epsilon), whatever `center` and `scale` say.
    **layer
        As in `Layer`.

    Attributes
    ----------
    gamma, beta : ndarray or None
        The sizes of the input along `axis`.

    Examples
    --------
    >>> from mgconv import layers
    >>> layers.LayerNormalization()([[1.0, 3.0], [10.0, 30.0]]).round(2).tolist()
    [[-1.0, 1.0], [-1.0, 1.0]]
    """

    def __init__(self, axis: int | Sequence[int] = -1, epsilon: float = 1e-3, center: bool = True, scale: bool = True,
                 beta_initializer: Any = "zeros", gamma_initializer: Any = "ones", beta_regularizer: Any = None,
                 gamma_regularizer: Any = None, beta_constraint: Any = None, gamma_constraint: Any = None, *,
                 rms_scaling: bool = False, **layer: Any) -> None:
        super().__init__(int_or_list(axis), epsilon, center, scale, beta_initializer, gamma_initializer,
                         beta_regularizer, gamma_regularizer, beta_constraint, gamma_constraint, **layer)
        self.rms_scaling = bool(rms_scaling)

    def build(self, input_shape, dtype=None):
        super().build(input_shape, dtype)
        rms = self.rms_scaling
        self.add_scale_and_offset(input_shape, self.axes(len(input_shape)), self.scale or rms, self.center and not rms)

    def bind(self, x, dx=None, training=False):
        axes = self.axes(x.ndim)
        order = [axis for axis in range(x.ndim) if axis not in axes] + axes
        if order != list(range(x.ndim)):
            return transposed_edge(self._bind, x, dx, training, order)
        return self._bind(x, dx, training)

    def _bind(self, x, dx, training):
        y, gradients = aligned_empty(x.shape, x.dtype), self.gradients
        learns = training and (dx is not None or gradients)
        dy = None if not learns else aligned_empty(x.shape, x.dtype) if dx is None else dx
        columns = math.prod(x.shape[x.ndim - len(self.axes(x.ndim)):])
        work = _row_norm(x, y, dy, columns, self.gamma, self.beta, gradients, self.epsilon, self.rms_scaling,
                         dx is not None)
        return Bound(y, dy, [work.forward], [work.backward] if learns else [])


class GroupNormalization(_Normalization):
    """y = gamma (x - mean) / sqrt(variance + epsilon) + beta with the mean and variance of each sample's groups of
    channels, over all places (Wu and He, 2018).

    Parameters
    ----------
    groups : int
        Of neighbouring channels; -1 makes every channel its own (instance normalization).
    axis : int
        That of the channels.
    epsilon, center, scale, beta_initializer, gamma_initializer, beta_regularizer, gamma_regularizer, beta_constraint, \
gamma_constraint, **layer
        As in `LayerNormalization`.

    Attributes
    ----------
    gamma, beta : ndarray or None
        (channels,)

    Raises
    ------
    ValueError
        When the layer is built, if the channels are no multiple of `groups`.

    Examples
    --------
    >>> from mgconv import layers
    >>> layers.GroupNormalization(2)([[1.0, 3.0, 10.0, 30.0]]).round(2).tolist()
    [[-1.0, 1.0, -1.0, 1.0]]
    """

    columnwise = False

    def __init__(self, groups: int = 32, axis: int = -1, epsilon: float = 1e-3, center: bool = True, scale: bool = True,
                 beta_initializer: Any = "zeros", gamma_initializer: Any = "ones", beta_regularizer: Any = None,
                 gamma_regularizer: Any = None, beta_constraint: Any = None, gamma_constraint: Any = None,
                 **layer: Any) -> None:
        super().__init__(integers("axis", [axis])[0], epsilon, center, scale, beta_initializer, gamma_initializer,
                         beta_regularizer, gamma_regularizer, beta_constraint, gamma_constraint, **layer)
        if type(groups) is not int or (groups < 1 and groups != -1):
            raise ValueError("the argument `groups` must be a positive integer, or -1 for a group of each channel. "
                             f"Received: groups={groups!r}.")
        self.groups = groups

    def build(self, input_shape, dtype=None):
        super().build(input_shape, dtype)
        axes = self.axes(len(input_shape))
        channels = input_shape[axes[0]]
        if channels is not None and channels % self.groups:
            rule = ("cannot be more than the number of channels" if self.groups > channels else
                    "must be a multiple of the number of channels")     # Keras's words, and the other way round
            raise ValueError(f"`groups` {rule}. Received: channels={channels}, groups={self.groups}.")
        self.add_scale_and_offset(input_shape, axes, self.scale, self.center)

    def bind(self, x, dx=None, training=False):
        axis, = self.axes(x.ndim)
        # Channels behind the batch: every group is then a run of memory.
        order = [0, axis, *(i for i in range(1, x.ndim) if i != axis)]
        if order != list(range(x.ndim)):
            return transposed_edge(self._bind, x, dx, training, order)
        return self._bind(x, dx, training)

    def _bind(self, x, dx, training):
        channels = x.shape[1]
        groups, gradients = channels if self.groups == -1 else self.groups, self.gradients
        columns = math.prod(x.shape[1:]) // groups
        y, normal = aligned_empty(x.shape, x.dtype), aligned_empty(x.shape, x.dtype)
        dy = None if not training else aligned_empty(x.shape, x.dtype) if dx is None else dx
        work = _row_norm(x, normal, dy, columns, None, None, {}, self.epsilon, False, True)
        gamma, beta = (each if each is None else each.reshape(-1, *(1,) * (x.ndim - 2))
                       for each in (self.gamma, self.beta))
        forward = [work.forward, partial(np.multiply, normal, 1 if gamma is None else gamma, out=y)]
        if beta is not None:
            forward.append(partial(np.add, y, beta, out=y))
        if not training or (dx is None and not gradients):
            return Bound(y, None, forward, [])
        others = (0, *range(2, x.ndim))
        backward: list[Any] = []
        if "beta" in gradients:
            backward.append(partial(np.sum, dy, others, out=gradients["beta"]))
        if "gamma" in gradients:
            backward.append(lambda: np.sum(dy * normal, others, out=gradients["gamma"]))
        if dx is not None:
            if gamma is not None:
                backward.append(partial(np.multiply, dy, gamma, out=dy))
            backward.append(work.backward)
        return Bound(y, dy, forward, backward)


class UnitNormalization(Layer):
    """Divides by the square root of the sum of squares along `axis`, so that it becomes 1.

    Parameters
    ----------
    axis : int or sequence of int
        Along which to sum; the channels by default.
    **layer
        As in `Layer`.

    Examples
    --------
    >>> from mgconv import layers
    >>> layers.UnitNormalization()([[0.0, -2.0]]).tolist()
    [[0.0, -1.0]]
    """

    def __init__(self, axis: int | Sequence[int] = -1, **layer: Any) -> None:
        super().__init__(**layer)
        self.axis = int_or_list(axis)

    @property
    def columnwise(self):                 # type: ignore[override]
        rank = len(self.input_shape or ())
        return self.built and normal_axes(self, self.axis, rank) == [rank - 1]

    def compute_output_shape(self, input_shape):
        normal_axes(self, self.axis, len(input_shape))
        return tuple(input_shape)

    def bind(self, x, dx=None, training=False):
        axes, y = tuple(normal_axes(self, self.axis, x.ndim)), aligned_empty(x.shape, x.dtype)
        inverse = np.empty([1 if axis in axes else size for axis, size in enumerate(x.shape)], x.dtype)

        def forward():
            np.sum(np.square(x), axes, keepdims=True, out=inverse)
            np.divide(1, np.maximum(np.sqrt(inverse), 1e-12), out=inverse)
            np.multiply(x, inverse, out=y)

        def backward():
            np.subtract(dx, y * np.sum(dx * y, axes, keepdims=True), out=dx)
            np.multiply(dx, inverse, out=dx)
        return Bound(y, dx, [forward], [] if dx is None else [backward])


def _row_norm(x, y, dy, columns, gamma, beta, gradients, epsilon, rms, to_x):
    """A RowNorm of the arrays as rows of `columns` numbers; gamma is 1 and beta 0 where they are None."""
    rows: list[Any] = [None if array is None else array.reshape(-1, columns) for array in (x, y, dy)]
    gamma, beta = (np.full(columns, neutral, x.dtype) if array is None else array.reshape(-1)
                   for array, neutral in ((gamma, 1), (beta, 0)))
    slopes = [None if name not in gradients else gradients[name].reshape(-1) for name in ("gamma", "beta")]
    return RowNorm(rows[0], rows[1], rows[2], gamma, beta, slopes[0], slopes[1], epsilon, rms, to_x)


def int_or_list(axis):
    """`axis` as an int or a list of int."""
    if not all(hasattr(each, "__index__") for each in (axis if isinstance(axis, (list, tuple)) else [axis])):
        raise TypeError("Expected an int or a list/tuple of ints for the argument 'axis'. "
                        f"Received: axis={axis!r}.")
    return list(integers("axis", axis)) if isinstance(axis, (list, tuple)) else integers("axis", [axis])[0]


def normal_axes(layer, axis, rank):
    """`axis` of a layer, an int or several, as a sorted list of axes of an array of `rank`, none of them the batch."""
    given = axis if isinstance(axis, list) else [axis]
    axes = sorted(each % rank for each in given if -rank <= each < rank)
    if len(axes) < len(given) or len(set(axes)) < len(axes) or (rank > 1 and 0 in axes):
        raise ValueError(f"`axis` of {type(layer).__name__} must be one or several of the {rank - 1} axes behind the "
                         f"batch. Received: axis={axis}.")
    return axes
