"""Layers that give the same numbers another shape; they are views and cost nothing."""
import math
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from mgconv._support.checks import integers
from mgconv._support.memory import aligned_empty
from mgconv.layers.base import Layer
from mgconv.layers.binding import Bound
from mgconv.layers.spatial import check_data_format


class Reshape(Layer):
    """Gives each sample the shape `target_shape`.

    Parameters
    ----------
    target_shape : tuple of int
        Without the batch; one entry may be -1, which stands for what is left.
    name : str, optional
        The layer's name.

    Examples
    --------
    >>> from mgconv import layers
    >>> layers.Reshape((4, -1)).compute_output_shape((None, 12))
    (None, 4, 3)
    """

    def __init__(self, target_shape: Sequence[int], **layer: Any) -> None:
        super().__init__(**layer)
        self.target_shape = integers("target_shape", target_shape)
        if min(self.target_shape, default=1) < -1 or self.target_shape.count(-1) > 1 or 0 in self.target_shape:
            raise ValueError("`target_shape` must hold positive integers, at most one of them -1. "
                             f"Received: target_shape={target_shape}.")

    def compute_output_shape(self, input_shape):
        if any(size is None for size in input_shape[1:]):
            return (input_shape[0], *(None if size == -1 else size for size in self.target_shape))
        size, known = math.prod(input_shape[1:]), -math.prod(self.target_shape)
        if -1 not in self.target_shape:
            known = -known
        if size % known or (-1 not in self.target_shape and size != known):
            raise ValueError(f"`target_shape` must hold the {size} numbers of a sample. "
                             f"Received: target_shape={self.target_shape}, input shape {tuple(input_shape)}.")
        return (input_shape[0], *(size // known if n == -1 else n for n in self.target_shape))

    def bind(self, x, dx=None, training=False):
        shape = self.compute_output_shape(x.shape)
        return Bound(x.reshape(shape), None if dx is None else dx.reshape(shape), [], [])


class Flatten(Layer):
    """Makes each sample a vector.

    Parameters
    ----------
    data_format : {"channels_last", "channels_first"}, optional
        With "channels_first" the channels are moved last before, so that the weights of a Dense after it are the same
        for both formats.
    name : str, optional
        The layer's name.
    """

    def __init__(self, data_format: str | None = None, **layer: Any) -> None:
        super().__init__(**layer)
        self.data_format = check_data_format(data_format)

    def compute_output_shape(self, input_shape):
        if any(size is None for size in input_shape[1:]):
            raise ValueError(f"the input of Flatten must have known sizes but for the batch. Received: {input_shape}.")
        return input_shape[0], math.prod(input_shape[1:])

    def bind(self, x, dx=None, training=False):
        shape = self.compute_output_shape(x.shape)
        if self.data_format == "channels_last" or x.ndim < 3:
            return Bound(x.reshape(shape), None if dx is None else dx.reshape(shape), [], [])
        last = np.moveaxis(x, 1, -1)
        y = aligned_empty(last.shape, x.dtype)
        forward = [partial(np.copyto, y, last)]
        if dx is None:
            return Bound(y.reshape(shape), None, forward, [])
        dy = aligned_empty(last.shape, x.dtype)
        return Bound(y.reshape(shape), dy.reshape(shape), forward, [partial(np.copyto, np.moveaxis(dx, 1, -1), dy)])
