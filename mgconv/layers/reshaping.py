"""Layers that give the numbers of a sample another shape or order."""
import math
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from mgconv._support.checks import check_repeats, integers
from mgconv._support.memory import aligned_empty
from mgconv.layers.base import Layer
from mgconv.layers.binding import Bound
from mgconv.layers.spatial import check_data_format


class Reshape(Layer):
    """Gives each sample the shape `target_shape`, as a view.

    Parameters
    ----------
    target_shape : tuple of int
        Without the batch; one entry may be -1, which stands for what is left.
    name : str, optional
        The layer's name.

    Raises
    ------
    ValueError
        If `target_shape` holds another negative number, or does not hold the numbers of a sample.

    Examples
    --------
    >>> from mgconv import layers
    >>> layers.Reshape((4, -1)).compute_output_shape((None, 12))
    (None, 4, 3)
    """

    def __init__(self, target_shape: Sequence[int], **layer: Any) -> None:
        super().__init__(**layer)
        self.target_shape = integers("target_shape", target_shape)
        if any(size < 1 and size != -1 for size in self.target_shape):
            raise ValueError("Each dimension in `target_shape` must be a non-negative integer above 0, or `-1` for "
                             f"what is left. Received: target_shape={self.target_shape}.")
        if self.target_shape.count(-1) > 1:
            raise ValueError("There must be at most one unknown dimension (-1) in `target_shape`. Received: "
                             f"target_shape={self.target_shape}.")

    def compute_output_shape(self, input_shape):
        if any(size is None for size in input_shape[1:]):
            return (input_shape[0], *(None if size == -1 else size for size in self.target_shape))
        size, known = math.prod(input_shape[1:]), math.prod(abs(n) for n in self.target_shape)
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
        sizes = input_shape[1:]
        return input_shape[0], None if any(size is None for size in sizes) else math.prod(sizes)

    def bind(self, x, dx=None, training=False):
        shape = self.compute_output_shape(x.shape)
        if self.data_format == "channels_first" and x.ndim > 2:
            x, dx, forward, backward = reordered(x, dx, (0, *range(2, x.ndim), 1))
        else:
            forward = backward = []
        return Bound(x.reshape(shape), None if dx is None else dx.reshape(shape), forward, backward)


class Permute(Layer):
    """Puts the axes of a sample in another order.

    Parameters
    ----------
    dims : tuple of int
        Which axis of the input stands at each place of the output, counted from 1: the batch stays first.
    name : str, optional
        The layer's name.

    Raises
    ------
    ValueError
        If `dims` does not hold each of 1 ... n once; when the layer is built, if a sample has not n axes.

    Examples
    --------
    >>> from mgconv import layers
    >>> layers.Permute((2, 1)).compute_output_shape((None, 10, 64))
    (None, 64, 10)
    """

    def __init__(self, dims: Sequence[int], **layer: Any) -> None:
        super().__init__(**layer)
        self.dims = integers("dims", dims)
        if sorted(self.dims) != list(range(1, len(self.dims) + 1)):
            raise ValueError(f"Invalid permutation by `dims`. It must hold each of 1 to {len(self.dims)} once, and not "
                             f"the batch, 0. Received: dims={self.dims}.")

    def compute_output_shape(self, input_shape):
        if len(input_shape) != len(self.dims) + 1:
            raise ValueError(f"the input of Permute must have {len(self.dims)} axes beside the batch. "
                             f"Received: {tuple(input_shape)}.")
        return (input_shape[0], *(input_shape[axis] for axis in self.dims))

    def bind(self, x, dx=None, training=False):
        return Bound(*reordered(x, dx, (0, *self.dims)))


class RepeatVector(Layer):
    """Repeats a vector along a new axis: (batch, features) becomes (batch, n, features).

    Parameters
    ----------
    n : int
        How often.
    name : str, optional
        The layer's name.

    Examples
    --------
    >>> from mgconv import layers
    >>> layers.RepeatVector(2)([[1.0, 5.0]]).tolist()
    [[[1.0, 5.0], [1.0, 5.0]]]
    """

    def __init__(self, n: int, **layer: Any) -> None:
        super().__init__(**layer)
        self.n = check_repeats("n", n)

    def compute_output_shape(self, input_shape):
        if len(input_shape) != 2:
            raise ValueError("the input of RepeatVector must have shape (batch, features). "
                             f"Received: {tuple(input_shape)}.")
        return input_shape[0], self.n, input_shape[1]

    def bind(self, x, dx=None, training=False):
        y = aligned_empty(self.compute_output_shape(x.shape), x.dtype)
        forward = [partial(np.copyto, y, x[:, None])]
        if dx is None:
            return Bound(y, None, forward, [])
        dy = aligned_empty(y.shape, x.dtype)
        return Bound(y, dy, forward, [partial(np.sum, dy, axis=1, out=dx)])


def reordered(x, dx, axes):
    """(y, dy, forward, backward) of a copy of `x` with its axes in the order `axes`."""
    source = x.transpose(axes)
    y = aligned_empty(source.shape, x.dtype)
    forward = [partial(np.copyto, y, source)]
    if dx is None:
        return y, None, forward, []
    dy = aligned_empty(y.shape, x.dtype)
    return y, dy, forward, [partial(np.copyto, dx.transpose(axes), dy)]
