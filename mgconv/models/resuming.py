"""All that a training needs to go on with the same bits, in one file."""
from __future__ import annotations

import json
import zipfile
from typing import Any

import numpy as np

from mgconv import config
from mgconv._support.files import whole_file

FORMAT = 1


def save(model, path):
    """Write the state of the `fit` under way to `path`, a file of NumPy's npz format that holds no pickles."""
    training = model._training
    arrays: dict[str, Any] = {}
    optimizer, feed = training.optimizer, training.feed
    rate = getattr(optimizer, "_rate", None)
    state = {
        "format": FORMAT, "weights": model.get_weights(), "epoch": training.epoch, "batch": training.batch,
        "total": training.total, "seen": training.seen, "stop_training": model.stop_training,
        "optimizer": {"class": type(optimizer).__name__, "iterations": optimizer._calls,
                      "state": dict(optimizer.state), "learning_rate": None if callable(rate) else rate},
        "order": feed.source.order, "taken": feed.position(training.batch),
        "generators": [generator.bit_generator.state for generator in _generators(model)],
        "metrics": [_numbers(metric) for metric in (*training.metrics, *training.weighted)],
        "callbacks": [[type(callback).__name__, callback.get_state()] for callback in training.listeners.callbacks]}
    text = json.dumps(_taken_apart(state, arrays))
    with whole_file(path) as f:
        np.savez(f, state=np.array(text), **arrays)


def restore(model, path):
    """Go on from what `save` wrote: `fit` has begun, and no epoch yet.

    Raises
    ------
    OSError
        If the file cannot be read, or is no such file.
    ValueError
        If it is of another model or optimizer, or of other data.
    """
    try:
        with np.load(path) as file:
            state = _put_together(json.loads(str(file["state"])), file)
    except (KeyError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise OSError(f"{path} is no backup of a training: {error}") from error
    training = model._training
    optimizer, kept, feed = training.optimizer, state["optimizer"], training.feed
    metrics = (*training.metrics, *training.weighted)
    order = feed.source.order
    for what, mine, theirs in (
            ("the optimizer", type(optimizer).__name__, kept["class"]),
            ("the number of random generators", len(list(_generators(model))), len(state["generators"])),
            ("the number of metrics", len(metrics), len(state["metrics"])),
            ("the number of samples", None if order is None else len(order),
             None if state["order"] is None else len(state["order"]))):
        if mine != theirs:
            raise ValueError(f"{what} must be that of the backup {path}, {theirs}. Received: {mine}.")
    model.set_weights(state["weights"])
    optimizer.restore(0, kept["state"])
    optimizer._calls = kept["iterations"]
    if kept["learning_rate"] is not None:
        optimizer.learning_rate = kept["learning_rate"]
    for generator, values in zip(_generators(model), state["generators"], strict=True):
        generator.bit_generator.state = values
    for metric, values in zip(metrics, state["metrics"], strict=True):
        vars(metric).update(values)
    for callback in training.listeners.callbacks:         # the first of its class; others may have come or gone
        for number, (name, values) in enumerate(state["callbacks"]):
            if name == type(callback).__name__:
                if values:
                    callback.set_state(values)
                del state["callbacks"][number]
                break
    training.epoch, training.batch = state["epoch"], state["batch"]
    training.total, training.seen = state["total"], state["seen"]
    model.stop_training = state["stop_training"]
    feed.go_on(state["order"], state["taken"], state["batch"])


def is_complete(model):
    """Whether the latest `fit` came to its end."""
    return model._training.complete


def _generators(model):
    """The package's, and those of layers that have one of their own."""
    yield config.random_generator()
    for layer in model.flattened():
        for value in vars(layer).values():
            if isinstance(value, np.random.Generator):
                yield value


def _numbers(metric):
    """What the metric has counted."""
    return {name: value for name, value in vars(metric).items()
            if isinstance(value, (int, float, np.ndarray, np.number)) and not name.startswith("_sealed")}


def _taken_apart(value, arrays):
    """`value` as JSON has it, its arrays by the names under which they go to `arrays`."""
    if isinstance(value, dict):
        return {key: _taken_apart(entry, arrays) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_taken_apart(entry, arrays) for entry in value]
    if isinstance(value, np.ndarray):
        name = f"array{len(arrays)}"
        arrays[name] = value
        return {"__array__": name}
    return value.item() if isinstance(value, np.generic) else value


def _put_together(value, arrays):
    if isinstance(value, dict):
        if "__array__" in value:
            return arrays[value["__array__"]]
        return {key: _put_together(entry, arrays) for key, entry in value.items()}
    return [_put_together(entry, arrays) for entry in value] if isinstance(value, list) else value
