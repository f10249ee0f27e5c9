"""Layers that no longer change, in prediction: a batch normalization becomes part of the convolution before it, and so
does the activation behind."""
from __future__ import annotations

from typing import Any

from mgconv import activations
from mgconv.layers.batch_normalization import BatchNormalization
from mgconv.layers.composite import Composite
from mgconv.layers.engine import EngineLayer


def folded(layers: list[Any]) -> list[Any]:
    """`layers`, one on top of the other, as fewer with the same outputs to rounding. Their weights are changed: give
    copies."""
    kept: list[Any] = []
    for layer in layers:
        below = kept[-1] if kept and isinstance(kept[-1], EngineLayer) else None
        if below is None or below.activation is not activations.linear or not _fold(below, layer):
            kept.append(layer)
        if isinstance(layer, Composite):
            layer.change_paths(folded)
    return kept


def _fold(below, layer):
    """Make `layer` part of `below`. Returns whether that could be done."""
    if isinstance(layer, BatchNormalization):
        rank = len(layer.input_shape)
        channels = rank - 1 if below.data_format == "channels_last" else 1
        return layer.axes(rank) == [channels] and below.absorb(*layer.factor_and_offset())
    function = layer.sole_activation()
    if function is None or not function.fused:
        return False
    below.activation = function
    return True
