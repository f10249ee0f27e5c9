"""A model as a table: its layers, the shapes of their outputs, and how many numbers their weights hold."""
from __future__ import annotations

import re

from mgconv.layers.composite import Composite

RIGHT = {"Param #"}            # columns that are flush right


def table(model, line_length=None, positions=None, expand_nested=False, show_trainable=False, layer_range=None):
    """The lines of `Stack.summary`."""
    header = ["Layer (type)", "Output Shape", "Param #", *(["Trainable"] if show_trainable else [])]
    rows = list(_rows(_within(model.layers, layer_range), expand_nested, show_trainable))
    widths = [max(len(row[i]) for row in (header, *rows)) + 2 for i in range(len(header))]
    if line_length is not None or positions is not None:
        widths = _widths(line_length or 88, positions or (0.45, 0.8, 1.0), show_trainable)
    top, middle, bottom = ("".join((left, cross.join("─" * width for width in widths), right))
                           for left, cross, right in ("┌┬┐", "├┼┤", "└┴┘"))
    yield f'Model: "{model.name}"'
    yield top
    yield _line(header, header, widths)
    for row in rows:
        yield middle
        yield _line(row, header, widths)
    yield bottom
    for kind, weights in (("Total", model.weights), ("Trainable", model.trainable_weights),
                          ("Non-trainable", model.non_trainable_weights)):
        yield f" {kind} params: {_amount(weights) if model.built else '?'}"
    optimizer = getattr(model, "optimizer", None)
    if optimizer is not None and optimizer.state:
        yield f" Optimizer params: {_amount(optimizer.state.values())}"


def _within(layers, bounds):
    if bounds is None:
        return layers
    if not isinstance(bounds, (list, tuple)) or len(bounds) != 2:
        raise ValueError(f"`layer_range` must be two names of layers. Received: layer_range={bounds!r}.")
    first, last = ([i for i, layer in enumerate(layers) if re.fullmatch(name, layer.name)] for name in bounds)
    if not first or not last:
        raise ValueError(f"`layer_range` must name layers: {', '.join(layer.name for layer in layers)}. "
                         f"Received: layer_range={bounds!r}.")
    low, high = sorted((first[0], last[-1]))
    return layers[low:high + 1]


def _rows(layers, expand, show_trainable, depth=0):
    for layer in layers:
        name = f"{'   ' * depth + '└ ' if depth else ''}{layer.name} ({type(layer).__name__})"
        row = [name, str(layer.output_shape), f"{layer.count_params():,}"] if layer.built else [name, "?", "?"]
        if not (show_trainable or layer.trainable):
            row[0] += ", not trainable"
        if show_trainable:
            row.append(("Y" if layer.trainable else "N") if layer.weights else "-")
        yield row
        if expand and isinstance(layer, Composite):
            yield from _rows(layer.layers, expand, show_trainable, depth + 1)


def _widths(line_length, positions, show_trainable):
    if show_trainable and len(positions) == 3:
        positions = [0.9 * position for position in positions] + [1.0]
    ends = [int(position * line_length if position <= 1 else position) for position in positions]
    widths = [end - start - 1 for start, end in zip([1, *ends], ends)]
    if min(widths) < 4:
        raise ValueError("`line_length` and `positions` must leave each column four characters. "
                         f"Received: line_length={line_length}, positions={positions}.")
    return widths


def _line(cells, header, widths):
    parts = []
    for cell, title, width in zip(cells, header, widths, strict=True):
        cell = cell if len(cell) <= width - 2 else cell[:max(0, width - 3)] + "…"
        parts.append(f" {cell:>{width - 2}} " if title in RIGHT else f" {cell:<{width - 2}} ")
    return f"│{'│'.join(parts)}│"


def _amount(arrays):
    """How many numbers, and the memory they take."""
    arrays = list(arrays)
    size = sum(array.size for array in arrays)
    memory = float(sum(array.size * array.dtype.itemsize for array in arrays))
    for unit in ("B", "KB", "MB"):
        if memory < 1024:
            return f"{size:,} ({memory:.2f} {unit})"
        memory /= 1024
    return f"{size:,} ({memory:.2f} GB)"
