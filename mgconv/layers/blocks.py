"""Blocks inside a Sequential: paths that meet again."""
from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from mgconv._support.memory import aligned_empty
from mgconv.layers.binding import Bound, bind_all
from mgconv.layers.composite import Composite, build_all


class Residual(Composite):
    """y = layers(x) + shortcut(x): a residual block (He et al., 2016, "Deep residual learning for image recognition").

    Parameters
    ----------
    layers : sequence of Layer
        The main path, one on top of the other.
    shortcut : Layer or sequence of Layer, optional
        What `x` goes through beside them, such as a 1x1 convolution where shapes differ; by default nothing.
    **layer
        As in `Layer`.

    Raises
    ------
    ValueError
        When it is built, if both paths put out different shapes.

    Examples
    --------
    >>> from mgconv import layers
    >>> block = layers.Residual([layers.Conv1D(8, 3, padding="causal"), layers.ReLU()], shortcut=layers.Conv1D(8, 1))
    >>> block.compute_output_shape((None, 20, 3))
    (None, 20, 8)
    """

    def __init__(self, layers: Sequence[Any], shortcut: Any = None, **layer: Any) -> None:
        super().__init__(**layer)
        self._main = [self.take_in(each) for each in layers]
        beside = [] if shortcut is None else list(shortcut) if isinstance(shortcut, (list, tuple)) else [shortcut]
        self._beside = [self.take_in(each) for each in beside]

    @property
    def shortcut(self):
        """The layers of the shortcut."""
        return self._beside

    def get_config(self):
        config = super().get_config()
        return config | {"layers": config["layers"][:len(self._main)]}

    def change_paths(self, change):
        self._main, self._beside = change(self._main), change(self._beside)
        self.layers[:] = [*self._main, *self._beside]

    def build(self, input_shape, dtype=None):
        dtype = self.dtype if dtype is None else np.dtype(dtype)
        build_all(self._main, input_shape, dtype)
        build_all(self._beside, input_shape, dtype)
        super().build(input_shape, dtype)

    def compute_output_shape(self, input_shape):
        main = side = tuple(input_shape)
        for layer in self._main:
            main = layer.compute_output_shape(main)
        for layer in self._beside:
            side = layer.compute_output_shape(side)
        if main != side:
            raise ValueError("the layers and the shortcut of a residual block must put out one shape. "
                             f"Received: {main} and {side}.")
        return main

    def bind(self, x, dx=None, training=False):
        return meet(x, dx, training, [self._main, self._beside], _add)


class Concatenate(Composite):
    """The outputs of several branches side by side: y = [branch(x) for each branch], along one axis.

    Parameters
    ----------
    branches : sequence of Layer, or of sequences of Layer
        Each sees the same input; an empty sequence hands it on.
    axis : int
        Along which the outputs are joined; -1, the channels, by default. Not the batch.
    **layer
        As in `Layer`.

    Raises
    ------
    ValueError
        When it is built, if the outputs differ along another axis.

    Examples
    --------
    >>> from mgconv import layers
    >>> block = layers.Concatenate([layers.Conv1D(8, 3, padding="same"), layers.Conv1D(4, 1), []])
    >>> block.compute_output_shape((None, 20, 3))
    (None, 20, 15)
    """

    def __init__(self, branches: Sequence[Any], axis: int = -1, **layer: Any) -> None:
        super().__init__(**layer)
        if not len(branches):
            raise ValueError("`branches` must hold at least one branch. Received: none.")
        self.axis = axis
        self._paths = [[self.take_in(each) for each in (branch if isinstance(branch, (list, tuple)) else [branch])]
                       for branch in branches]

    @property
    def branches(self):
        """The layers of each branch."""
        return self._paths

    def change_paths(self, change):
        self._paths = [change(path) for path in self._paths]
        self.layers[:] = [layer for path in self._paths for layer in path]

    def build(self, input_shape, dtype=None):
        dtype = self.dtype if dtype is None else np.dtype(dtype)
        for path in self._paths:
            build_all(path, input_shape, dtype)
        super().build(input_shape, dtype)

    def compute_output_shape(self, input_shape):
        shapes = []
        for path in self._paths:
            shape = tuple(input_shape)
            for layer in path:
                shape = layer.compute_output_shape(shape)
            shapes.append(shape)
        rank = len(shapes[0])
        axis = self.axis % rank if -rank <= self.axis < rank else 0
        if axis == 0:
            raise ValueError(f"`axis` must be one of the {rank - 1} behind the batch. Received: axis={self.axis}.")
        if any(shape[:axis] + shape[axis + 1:] != shapes[0][:axis] + shapes[0][axis + 1:] for shape in shapes):
            raise ValueError(f"the branches must put out one shape but for axis {self.axis}. Received: {shapes}.")
        sizes = [shape[axis] for shape in shapes]
        return (*shapes[0][:axis], None if None in sizes else sum(sizes), *shapes[0][axis + 1:])

    def bind(self, x, dx=None, training=False):
        return meet(x, dx, training, self._paths, partial(_join, self.axis))


def meet(x, dx, training, paths, join):
    """Bind `paths`, lists of layers that read one `x`. `join(outputs)` gives the array that they make together, the
    calls that fill it, and a function from the arrays of their gradients to its own's and the calls that spread it."""
    # The first path writes its gradient to x where all of them are wanted, the others add theirs.
    part_dx: list[Any] = [dx if dx is None or path is paths[0] else aligned_empty(x.shape, x.dtype) for path in paths]
    bounds = [bind_all(path, x, part, training) for path, part in zip(paths, part_dx, strict=True)]
    y, fill, spread = join([bound.y for bound in bounds])
    forward = [call for bound in bounds for call in bound.forward] + fill
    penalties = [call for bound in bounds for call in bound.penalties]
    if all(bound.dy is None for bound in bounds):
        return Bound(y, None, forward, [], penalties)
    dy, backward = spread([bound.dy for bound in bounds])
    for bound in bounds:
        backward += bound.backward
    if dx is not None:
        backward += [partial(np.add, dx, part, out=dx) for part in part_dx[1:]]
    return Bound(y, dy, forward, backward, penalties)


def _add(outputs):
    first, *others = outputs
    y = aligned_empty(first.shape, first.dtype)
    fill = [partial(np.add, first, others[0], out=y), *(partial(np.add, y, other, out=y) for other in others[1:])]

    def spread(parts):
        dy, *copies = [part for part in parts if part is not None]
        return dy, [partial(np.copyto, part, dy) for part in copies]
    return y, fill, spread


def _join(axis, outputs):
    y = aligned_empty(np.concatenate(outputs, axis).shape, outputs[0].dtype)
    ends = np.cumsum([output.shape[axis] for output in outputs])
    pieces = [slice(end - output.shape[axis], end) for end, output in zip(ends, outputs, strict=True)]
    places = [(..., piece, *(slice(None),) * (y.ndim - 1 - axis % y.ndim)) for piece in pieces]
    fill = [partial(np.copyto, y[place], output) for place, output in zip(places, outputs, strict=True)]

    def spread(parts):
        dy = aligned_empty(y.shape, y.dtype)
        return dy, [partial(np.copyto, part, dy[place]) for part, place in zip(parts, places, strict=True)
                    if part is not None]
    return y, fill, spread
