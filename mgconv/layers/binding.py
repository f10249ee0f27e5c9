"""How layers are bound to the arrays they work on, and put one on top of the other.

`Layer.bind(x, dx, training)` allocates the output for the one input array `x` and returns a `Bound`: the calls that
compute it and, for training, those that turn the output's gradient into those of the weights and of the input. A chain
of layers hands arrays on like this::

          x ------> [ layer A ] ---- y_A = x_B ----> [ layer B ] ---- y_B ---->     forward: A, then B
          dx <----- [ layer A ] <-- dy_A = dx_B ---- [ layer B ] <--- dy_B ----     backward: B, then A

Who may do what with an array:

- `x` is written by the layer below, or by whoever fills the first one. Nobody else writes it: layers below may need
  their `y` for their gradient.
- `y` is written by the calls of `forward`, all of it at each run. It may be a view of `x` (Reshape; Dropout outside
  training), but nobody overwrites `x` through it.
- `dy` is written by whoever reads `y`, all of it. `backward` may overwrite it: it is spent afterwards. If several read
  `y`, each needs an array of its own, and they are added up (Residual). It is None if nothing needs it.
- `dx` is written by the calls of `backward`, all of it. It may be `dy` itself, or a view of it (Activation turns the
  gradient in place). It is None if nobody below learns; then nothing is computed for it.

All arrays but the weights may hold anything when a run begins (see mgconv/_support/memory.py). tests/test_binding.py
poisons them to hold every layer to this.
"""
from __future__ import annotations

from collections.abc import Iterable
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from mgconv.native.frozen import FrozenChain
from mgconv.native.streaming import StreamConv, StreamProgram

__all__ = ["Bound", "StreamConv", "StreamProgram", "bind_all", "naming", "one_function"]


class Bound(NamedTuple):
    """A layer at work on one input array.

    Attributes
    ----------
    y : ndarray
        The output, which the calls of `forward` fill from the input.
    dy : ndarray or None
        The gradient to `y`: whoever reads `y` fills it. None if nothing needs it.
    forward : list of callable
        Calls without arguments, in the order in which to run them.
    backward : list of callable
        Likewise; they may overwrite `dy`.
    penalties : list of callable
        Calls that return what the layer adds to the loss, by the forward pass that ran last. Their gradients are part
        of `backward`.
    """

    y: np.ndarray
    dy: np.ndarray | None
    forward: list[Any]
    backward: list[Any]
    penalties: list[Any] = []         # noqa: RUF012  (shared, never changed)


def bind_all(layers: Iterable[Any], x: np.ndarray, dx: np.ndarray | None = None, training: bool = False) -> Bound:
    """Bind `layers`, one on top of the other, as one; without layers, what comes in goes out.

    Parameters
    ----------
    layers : iterable of mgconv.layers.Layer
        Built.
    x, dx, training
        As in `Layer.bind`.

    Returns
    -------
    Bound
    """
    forward: list[Any] = []
    backward: list[Any] = []
    penalties: list[Any] = []
    y, dy = x, dx
    for index, layer in enumerate(layers):
        with naming(layer, index, y.shape):
            bound = layer.bind(y, dy, training)
        steps = bound.backward
        if layer.activity_regularizer is not None:
            penalties.append(partial(_activity, layer.activity_regularizer, bound.y))
            if bound.dy is not None:
                steps = [partial(_add_activity_gradient, layer.activity_regularizer, bound.y, bound.dy), *steps]
        forward += bound.forward
        backward = steps + backward
        penalties += bound.penalties
        y, dy = bound.y, bound.dy
    return Bound(y, dy, forward, backward, penalties)


def one_function(x, y, calls, fill):
    """Bound layers as a function of one array: it copies the array to `x`, runs `calls` and returns `y`.

    An array that is not of the shape and dtype of `x` goes to `fill`, which converts and copies it, or raises.
    """
    return FrozenChain(x, y, calls, fill)


def _activity(regularizer, y):
    return regularizer(y) / max(1, len(y))


def _add_activity_gradient(regularizer, y, dy):
    np.add(dy, regularizer.gradient(y) / y.dtype.type(max(1, len(y))), out=dy)


@contextmanager
def naming(layer, index, shape):
    """Errors from within the block say which layer of a model they come from, and what it was given."""
    try:
        yield
    except (ValueError, TypeError) as error:
        if getattr(error, "names_a_layer", False):
            raise
        named: Any = type(error)(f"layer {index}, {layer.name} ({type(layer).__name__}), given an input of shape "
                            f"{tuple(shape)}: {error}")
        named.names_a_layer = True
        raise named from error
