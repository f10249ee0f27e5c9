"""Callbacks that keep or write down what happened, and those made of functions."""
from __future__ import annotations

import csv
import math
import os
from collections.abc import Callable
from typing import Any

from mgconv._support.terminal import say
from mgconv.callbacks.base import HOOKS, Callback, registry


@registry.add
class History(Callback):
    """What `fit` returns.

    Attributes
    ----------
    history : dict of str to list of float
        A figure an epoch for the loss, each metric, and both for validation data ("val_loss").
    epoch : list of int
        The numbers of the epochs, from 0.
    """

    def __init__(self) -> None:
        self.history: dict[str, list[float]] = {}
        self.epoch: list[int] = []

    def on_train_begin(self, logs=None):
        self.history, self.epoch = {}, []

    def on_epoch_end(self, epoch, logs=None):
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)

    def get_state(self):
        return {"history": self.history, "epoch": self.epoch}

    def set_state(self, state):
        self.history, self.epoch = state["history"], state["epoch"]

    def __repr__(self):
        last = ", ".join(f"{name} {values[-1]:.4g}" for name, values in self.history.items()
                         if isinstance(values[-1], float))
        return f"<History of {len(self.epoch)} epochs{': ' + last if last else ''}>"


@registry.add
class LambdaCallback(Callback):
    """A callback made of functions, each with the arguments of the method whose place it takes."""

    def __init__(self, on_epoch_begin: Callable[..., Any] | None = None,
                 on_epoch_end: Callable[..., Any] | None = None, on_train_begin: Callable[..., Any] | None = None,
                 on_train_end: Callable[..., Any] | None = None,
                 on_train_batch_begin: Callable[..., Any] | None = None,
                 on_train_batch_end: Callable[..., Any] | None = None,
                 on_batch_begin: Callable[..., Any] | None = None, on_batch_end: Callable[..., Any] | None = None,
                 on_test_begin: Callable[..., Any] | None = None, on_test_end: Callable[..., Any] | None = None,
                 on_test_batch_begin: Callable[..., Any] | None = None,
                 on_test_batch_end: Callable[..., Any] | None = None,
                 on_predict_begin: Callable[..., Any] | None = None,
                 on_predict_end: Callable[..., Any] | None = None,
                 on_predict_batch_begin: Callable[..., Any] | None = None,
                 on_predict_batch_end: Callable[..., Any] | None = None) -> None:
        given = locals()
        for name in (*HOOKS, "on_batch_begin", "on_batch_end"):
            if given[name] is not None:
                if not callable(given[name]):
                    raise TypeError(f"`{name}` must be a function. Received: {name}={given[name]!r}.")
                setattr(self, name, given[name])


@registry.known_as("csv_logger")
class CSVLogger(Callback):
    """Writes a line an epoch to a file of comma-separated values: the epoch, from 0, and its figures by name.

    Parameters
    ----------
    filename : str or os.PathLike
        Where.
    separator : str
        What stands between two values.
    append : bool
        Whether to go on behind what the file holds already; else it begins anew.

    A figure that an epoch does not have is "NA".
    """

    def __init__(self, filename: str | os.PathLike[str], separator: str = ",", append: bool = False) -> None:
        self.filename, self.separator, self.append = os.fspath(filename), separator, append
        self._file: Any = None
        self._names: list[str] = []
        self._begun = False

    def on_train_begin(self, logs=None):
        self._begun = self.append and os.path.exists(self.filename) and os.path.getsize(self.filename) > 0
        self._names = []
        if self._begun:
            with open(self.filename, newline="", encoding="utf-8") as f:
                self._names = next(csv.reader(f, delimiter=self.separator))[1:]
        self._file = open(self.filename, "a" if self.append else "w", newline="", encoding="utf-8")  # noqa: SIM115

    def on_epoch_end(self, epoch, logs=None):
        logs = logs or {}
        rows = csv.writer(self._file, delimiter=self.separator)
        if not self._names:
            names = sorted(logs)
            self._names = names if any(name.startswith("val_") for name in names) else [
                *names, *(f"val_{name}" for name in names)]
        if not self._begun:
            rows.writerow(["epoch", *self._names])
            self._begun = True
        rows.writerow([epoch, *(_text(logs.get(name, "NA")) for name in self._names)])
        self._file.flush()

    def on_train_end(self, logs=None):
        if self._file is not None:
            self._file.close()

    def __getstate__(self):
        return self.__dict__ | {"_file": None}


def _text(value):
    return value if isinstance(value, (str, float, int)) else f"[{', '.join(map(str, value))}]"


@registry.known_as("terminate_on_nan")
class TerminateOnNaN(Callback):
    """Ends the training as soon as the loss is not finite.

    Parameters
    ----------
    raise_error : bool
        Whether to end it by a RuntimeError.
    """

    def __init__(self, raise_error: bool = False) -> None:
        self.raise_error = bool(raise_error)

    def on_train_batch_end(self, batch, logs=None):
        loss = (logs or {}).get("loss")
        if loss is None or math.isfinite(loss):
            return
        if self.raise_error:
            raise RuntimeError(f"batch {batch}: the loss is {loss}.")
        say(f"Batch {batch}: the loss is {loss}, training ends")
        self.model.stop_training = True
