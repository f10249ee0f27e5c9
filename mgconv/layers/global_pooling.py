"""Global pooling: one number for each sample and channel, its largest entry or its mean."""
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mgconv._support.memory import aligned_empty
from mgconv.geometry import pool_geometry
from mgconv.layers.binding import Bound
from mgconv.layers.pooling import Windows
from mgconv.layers.spatial import check_axes


class _GlobalPooling(Windows):
    """One window over all of the input."""

    def __init__(self, data_format: str | None = None, keepdims: bool = False, **layer: Any) -> None:
        super().__init__(data_format, **layer)
        self.keepdims = bool(keepdims)

    def geometry(self, shape):
        return pool_geometry(shape, shape[1:-1], None, "valid")

    def compute_output_shape(self, input_shape):
        first = check_axes(self, input_shape, self.rank, self.data_format)
        kept = (1,) * self.rank if self.keepdims else ()
        return (*input_shape[:first], *kept, *input_shape[first + self.rank:])

    def bind(self, x, dx=None, training=False):
        y, dy, *calls = super().bind(x, dx, training)
        shape = self.compute_output_shape(x.shape)
        return Bound(y.reshape(shape), None if dy is None else dy.reshape(shape), *calls)


class _GlobalMaxPooling(_GlobalPooling):
    def forward_call(self, plan, x, y):
        return plan.bind_max(x, y)

    def backward_call(self, plan, x, y, dy, dx):
        axes = tuple(range(1, x.ndim - 1))
        largest = aligned_empty(x.shape, np.bool_)
        count, share = aligned_empty(y.shape, y.dtype), aligned_empty(y.shape, y.dtype)

        def backward():
            np.equal(x, y, out=largest)
            np.sum(largest, axis=axes, keepdims=True, out=count)
            np.maximum(count, 1, out=count)               # NaN is equal to nothing
            np.divide(dy, count, out=share)
            np.multiply(largest, share, out=dx)
        return backward


class _GlobalAveragePooling(_GlobalPooling):
    def forward_call(self, plan, x, y):
        return plan.bind_average(x, y)

    def backward_call(self, plan, x, y, dy, dx):
        return plan.bind_average_grad_input(dy, dx)


class GlobalMaxPooling1D(_GlobalMaxPooling):
    """The largest entry of each channel of (batch, steps, channels).

    Entries that share the maximum share its gradient evenly, as in JAX, PyTorch and TensorFlow.

    Parameters
    ----------
    data_format : {"channels_last", "channels_first"}, optional
        The place of the channels; last by default.
    keepdims : bool
        Whether the output keeps the spatial axes, of size 1.
    name : str, optional
        The layer's name.

    Examples
    --------
    >>> from mgconv import layers
    >>> layers.GlobalMaxPooling1D()([[[1.0], [3.0], [2.0]]]).tolist()
    [[3.0]]
    """

    rank = 1


class GlobalMaxPooling2D(_GlobalMaxPooling):
    """The largest entry of each channel of (batch, rows, cols, channels).

    The parameters are those of `GlobalMaxPooling1D`.
    """

    rank = 2


class GlobalAveragePooling1D(_GlobalAveragePooling):
    """The mean of each channel of (batch, steps, channels).

    Called as layer(x, mask), with a mask of (batch, steps), it is the mean over the steps whose mask is not 0.

    Parameters
    ----------
    data_format : {"channels_last", "channels_first"}, optional
        The place of the channels; last by default.
    keepdims : bool
        Whether the output keeps the spatial axes, of size 1.
    name : str, optional
        The layer's name.

    Examples
    --------
    >>> from mgconv import layers
    >>> layers.GlobalAveragePooling1D(keepdims=True)([[[1.0], [3.0], [2.0]]]).tolist()
    [[[2.0]]]
    """

    rank = 1

    def __call__(self, x: ArrayLike, mask: ArrayLike | None = None,       # type: ignore[override]
                 training: bool = False) -> NDArray[Any]:
        if mask is None:
            return super().__call__(x, training)
        x = np.asarray(x, self.dtype)
        steps = check_axes(self, x.shape, 1, self.data_format)
        weights = np.expand_dims(np.asarray(mask, x.dtype), 3 - steps)
        return np.sum(x * weights, axis=steps, keepdims=self.keepdims) / weights.sum(axis=steps, keepdims=self.keepdims)


class GlobalAveragePooling2D(_GlobalAveragePooling):
    """The mean of each channel of (batch, rows, cols, channels).

    The parameters are those of `GlobalAveragePooling1D`.
    """

    rank = 2
