"""Where each array of a model stands in a file, by Keras 3's rules.

A layer is known by its class and its place among those of its class, not by its name: two `Conv2D` and a `Dense` are
`layers/conv2d`, `layers/conv2d_1`, `layers/dense`. Its arrays are `vars/0`, `vars/1`, ...: those that are made to be
trained first. Layers within a layer stand in its own `layers`. An optimizer has `optimizer/vars`, in an order of its
own (see `variables` of mgconv.optimizers.BaseOptimizer).
"""
from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from mgconv._support.registry import snake_case
from mgconv.layers.composite import Composite
from mgconv.layers.weights import Weight


class Stored(NamedTuple):
    """An array in a file, not read yet."""

    shape: tuple[int, ...]
    dtype: Any
    read: Callable[[], np.ndarray]


class Group(NamedTuple):
    """The arrays of one layer, and where they stand. `layer` is None for the model itself."""

    path: str
    layer: Any
    weights: list[Weight]


def groups(model: Any, path: str = "") -> Iterator[Group]:
    """Those of `model` and of all layers within it."""
    yield Group(f"{path}vars", model, sorted(model._weights.values(), key=lambda weight: not weight.trainable))
    if isinstance(model, Composite):
        seen: dict[str, int] = {}
        for layer in model.layers:
            name = snake_case(type(layer).__name__)
            number = seen[name] = seen.get(name, -1) + 1
            yield from groups(layer, f"{path}layers/{name}_{number}/" if number else f"{path}layers/{name}/")


def contents(model: Any, optimizer: bool = True) -> dict[str, tuple[str, list[np.ndarray]]]:
    """All that is to be written: group to the name beside it and the arrays in it."""
    found = {path: (layer.name, [weight.value for weight in weights]) for path, layer, weights in groups(model)}
    for path, layer, _ in list(groups(model)):
        if hasattr(layer, "seed"):        # Keras keeps the state of a generator there, and asks for it
            state = np.array([layer.seed or 0, 0], "uint32")
            found[f"{path.removesuffix('vars')}seed_generator/vars"] = "seed_generator", [state]
    if optimizer and model.optimizer is not None and hasattr(model.optimizer, "variables"):
        found["optimizer/vars"] = model.optimizer.name, model.optimizer.variables
    return found


def total(stored: Mapping[str, Stored]) -> int:
    """How many numbers a file holds."""
    return sum(math.prod(entry.shape) for entry in stored.values())


def arrays_in(stored: Mapping[str, Stored], path: str) -> list[Stored]:
    """Those of one group, in their order; ValueError if one is missing between others."""
    found: dict[int, Stored] = {}
    for key, entry in stored.items():
        group, _, number = key.rpartition("/")
        if group == path and number.isdecimal():
            found[int(number)] = entry
    if sorted(found) != list(range(len(found))):
        raise ValueError(f"{path} must hold arrays numbered from 0. Received: {sorted(found)[:20]}.")
    return [found[number] for number in range(len(found))]


def restore(model: Any, stored: Mapping[str, Stored], skip_mismatch: bool = False) -> None:
    """Copy the arrays of a file into the weights of `model`, after all of them were checked.

    Raises
    ------
    ValueError
        If an array is missing, has another shape or holds no real numbers, or there are layers in the file that the
        model does not have.
    """
    pairs: list[tuple[Weight, Stored]] = []
    left = {path.rpartition("/")[0] for path in stored if path.startswith("layers/") and "/seed_generator/" not in path}
    problems: list[str] = []
    for path, layer, weights in groups(model):
        left.discard(path)
        entries = arrays_in(stored, path)
        wanted, given = [weight.shape for weight in weights], [entry.shape for entry in entries]
        if wanted != given:
            problems.append(f"the layer {layer.name} takes arrays of shapes {wanted}, and {path} of the file has "
                            f"{given}")
            continue
        for weight, entry in zip(weights, entries, strict=True):
            if entry.dtype.kind not in "fiub":
                problems.append(f"{path} must hold real numbers. Received: {entry.dtype}")
            pairs.append((weight, entry))
    problems += [f"the file has {path}, and the model no such layer" for path in sorted(left)]
    if problems and not skip_mismatch:
        raise ValueError(f"the weights do not fit the model: {'; '.join(problems[:5])}.")
    for problem in problems:
        warnings.warn(f"skipped: {problem}.", UserWarning, stacklevel=4)
    values = [(weight, entry.read()) for weight, entry in pairs if entry.dtype.kind in "fiub"]
    for weight, value in values:
        np.copyto(weight.value, value, casting="unsafe")


def restore_optimizer(model: Any, stored: Mapping[str, Stored]) -> None:
    """Let the optimizer go on where that of the file was, if the file has its state."""
    entries = arrays_in(stored, "optimizer/vars")
    rate = 0 if getattr(model.optimizer, "full_batch", False) else 1
    if len(entries) <= 1 + rate or not hasattr(model.optimizer, "set_weights"):
        return                            # it has not done a step yet
    model._training.prepare_optimizer()
    optimizer = model.optimizer
    wanted = [array.shape for array in optimizer.variables]
    for order in _orders(entries):
        if [entry.shape for entry in order] == wanted and all(entry.dtype.kind in "fiu" for entry in order):
            arrays = [entry.read() for entry in order]
            if not 0 <= arrays[0] < 2 ** 53:
                break
            optimizer.set_weights(arrays)
            return
    warnings.warn(f"the state of the optimizer {optimizer.name} begins anew: it takes arrays of shapes {wanted}, and "
                  f"the file has {[entry.shape for entry in entries]}.", UserWarning, stacklevel=4)


def _orders(entries):
    """As they stand; and with the third array last: Keras's Nadam wrote its product there before 3.10."""
    yield entries
    yield [*entries[:2], *entries[3:], entries[2]]
