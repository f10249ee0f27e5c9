"""What `fit` tells while it runs: history, progress, early stopping, learning rates. Names and rules are Keras 3's."""
from __future__ import annotations

import contextlib
import math
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np


class Callback:
    """Base of all callbacks: `fit` calls the methods that a subclass defines.

    `epoch` counts from 0. `logs` holds the figures of the epoch (or, after a batch, of the epoch so far) by name.

    Attributes
    ----------
    model : mgconv.Sequential
        The model in training; ``model.stop_training = True`` ends it after the epoch.
    params : dict
        "epochs", "steps" (of an epoch) and "verbose".
    """

    model: Any = None
    params: dict[str, int] = {}         # noqa: RUF012  (replaced, never changed)

    def set_model(self, model):
        """Called by `fit` before all else."""
        self.model = model

    def set_params(self, params):
        """Called by `fit` before all else."""
        self.params = params

    def on_train_begin(self, logs=None):
        """Called once, at the start."""

    def on_train_end(self, logs=None):
        """Called once, at the end, even if an error or an interrupt ends the training."""

    def on_epoch_begin(self, epoch, logs=None):
        """Called before every epoch."""

    def on_epoch_end(self, epoch, logs=None):
        """Called after every epoch, validation included."""

    def on_train_batch_begin(self, batch, logs=None):
        """Called before every training step."""

    def on_train_batch_end(self, batch, logs=None):
        """Called after every training step."""


class LambdaCallback(Callback):
    """A callback made of functions, each with the arguments of the method whose place it takes."""

    def __init__(self, on_epoch_begin: Callable[..., Any] | None = None, on_epoch_end: Callable[..., Any] | None = None,
                 on_train_begin: Callable[..., Any] | None = None, on_train_end: Callable[..., Any] | None = None,
                 on_train_batch_begin: Callable[..., Any] | None = None,
                 on_train_batch_end: Callable[..., Any] | None = None) -> None:
        for name, function in list(locals().items()):
            if name.startswith("on_") and function is not None:
                setattr(self, name, function)


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


def _better(mode, monitor):
    """Which comparison says that a value of `monitor` is better."""
    if mode not in ("auto", "min", "max"):
        raise ValueError(f"`mode` must be one of auto, min, max. Received: mode={mode!r}.")
    if mode == "max" or (mode == "auto" and any(word in monitor for word in ("acc", "r2"))):
        return np.greater
    return np.less


def _monitored(callback, logs):
    value = (logs or {}).get(callback.monitor)
    if value is None:
        warnings.warn(f"{type(callback).__name__} cannot see `monitor`={callback.monitor!r}; there are: "
                      f"{', '.join(logs or {})}.", RuntimeWarning, stacklevel=4)
    return value


class EarlyStopping(Callback):
    """Ends the training when a figure has stopped improving.

    Parameters
    ----------
    monitor : str
        The figure's name.
    min_delta : float
        What counts as an improvement.
    patience : int
        Epochs without improvement after which training ends.
    verbose : int
        1 to tell when it happens.
    mode : {"auto", "min", "max"}
        Whether smaller or larger is better; by default smaller, but for accuracies.
    baseline : float, optional
        Values that are not better than this do not count as improvements.
    restore_best_weights : bool
        Whether the weights of the best epoch are put back at the end.
    start_from_epoch : int
        Epochs before that are not looked at.

    Attributes
    ----------
    best, best_epoch : float, int
        The best value and its epoch, from 0.
    stopped_epoch : int
        The epoch after which training was ended, 0 if it was not.
    """

    def __init__(self, monitor: str = "val_loss", min_delta: float = 0, patience: int = 0, verbose: str | int = 0,
                 mode: str = "auto", baseline: float | None = None, restore_best_weights: bool = False,
                 start_from_epoch: int = 0) -> None:
        if patience < 0:
            raise ValueError(f"`patience` must not be negative. Received: patience={patience}.")
        self.monitor, self.patience, self.verbose, self.baseline = monitor, patience, verbose, baseline
        self.restore_best_weights, self.start_from_epoch = restore_best_weights, start_from_epoch
        self._is_better = _better(mode, monitor)
        self.min_delta = abs(min_delta) if self._is_better is np.greater else -abs(min_delta)

    def on_train_begin(self, logs=None):
        self.wait = self.stopped_epoch = self.best_epoch = 0
        self.best = self.best_weights = None

    def _improves(self, value, reference):
        return reference is None or self._is_better(value - self.min_delta, reference)

    def on_epoch_end(self, epoch, logs=None):
        value = _monitored(self, logs)
        if value is None or epoch < self.start_from_epoch:
            return
        if self.restore_best_weights and self.best_weights is None:
            self.best_weights, self.best_epoch = self.model.get_weights(), epoch
        self.wait += 1
        if self._improves(value, self.best):
            self.best, self.best_epoch = value, epoch
            if self.restore_best_weights:
                self.best_weights = self.model.get_weights()
            if self.baseline is None or self._improves(value, self.baseline):
                self.wait = 0
        elif self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def on_train_end(self, logs=None):
        if self.stopped_epoch and self.verbose:
            say(f"Epoch {self.stopped_epoch + 1}: early stopping")
        if self.best_weights is not None:
            if self.verbose:
                say(f"The weights of epoch {self.best_epoch + 1} are restored")
            self.model.set_weights(self.best_weights)


class LearningRateScheduler(Callback):
    """Sets the learning rate at the start of every epoch.

    Parameters
    ----------
    schedule : callable
        The new rate from the epoch, counted from 0, and the present rate.
    verbose : int
        1 to tell it.
    """

    def __init__(self, schedule: Callable[..., Any], verbose: str | int = 0) -> None:
        self.schedule, self.verbose = schedule, verbose

    def on_epoch_begin(self, epoch, logs=None):
        rate = self.schedule(epoch, self.model.optimizer.learning_rate)
        self.model.optimizer.learning_rate = float(rate)
        if self.verbose:
            say(f"Epoch {epoch + 1}: the learning rate is {self.model.optimizer.learning_rate:g}")

    def on_epoch_end(self, epoch, logs=None):
        logs["learning_rate"] = self.model.optimizer.learning_rate


class ReduceLROnPlateau(Callback):
    """Multiplies the learning rate by `factor` when a figure has stopped improving for `patience` epochs.

    Parameters
    ----------
    monitor, mode, verbose
        As in `EarlyStopping`.
    factor : float
        Below 1.
    patience : int
        Epochs without improvement.
    min_delta : float
        What counts as an improvement.
    cooldown : int
        Epochs after a reduction before the count begins again.
    min_lr : float
        The rate does not fall below.
    """

    def __init__(self, monitor: str = "val_loss", factor: float = 0.1, patience: int = 10, verbose: str | int = 0,
                 mode: str = "auto", min_delta: float = 1e-4, cooldown: int = 0, min_lr: float = 0.0) -> None:
        if not 0 < factor < 1:
            raise ValueError(f"`factor` must be between 0 and 1. Received: factor={factor}.")
        self.monitor, self.factor, self.patience, self.verbose = monitor, factor, patience, verbose
        self.cooldown, self.min_lr = cooldown, min_lr
        self._is_better = _better(mode, monitor)
        self.min_delta = abs(min_delta) if self._is_better is np.greater else -abs(min_delta)

    def on_train_begin(self, logs=None):
        self.best, self.wait, self._cooling = None, 0, 0

    def on_epoch_end(self, epoch, logs=None):
        value = _monitored(self, logs)
        optimizer = self.model.optimizer
        logs["learning_rate"] = optimizer.learning_rate
        if value is None:
            return
        if self._cooling:
            self._cooling, self.wait = self._cooling - 1, 0
        if self.best is None or self._is_better(value - self.min_delta, self.best):
            self.best, self.wait = value, 0
        elif not self._cooling:
            self.wait += 1
            if self.wait >= self.patience and optimizer.learning_rate > self.min_lr:
                optimizer.learning_rate = max(optimizer.learning_rate * self.factor, self.min_lr)
                self._cooling, self.wait = self.cooldown, 0
                if self.verbose:
                    say(f"Epoch {epoch + 1}: the learning rate falls to {optimizer.learning_rate:g}")


class TerminateOnNaN(Callback):
    """Ends the training as soon as the loss of a batch is not finite."""

    def on_train_batch_end(self, batch, logs=None):
        if not math.isfinite(logs["loss"]):
            say(f"Batch {batch}: the loss is {logs['loss']}, training ends")
            self.model.stop_training = True


class Progress(Callback):
    """Tells how far training is: a bar on a terminal or in a notebook if tqdm is installed, else a line an epoch.

    Parameters
    ----------
    bar : bool
        False for a line an epoch everywhere.
    """

    def __init__(self, bar=True) -> None:
        self._bar: Any = None
        self._wants_bar = bar

    def on_train_begin(self, logs=None):
        self._bar = progress_bar(self.params["epochs"] * self.params["steps"], "step") if self._wants_bar else None
        self._shown = 0.0

    def on_epoch_begin(self, epoch, logs=None):
        self._start = time.perf_counter()
        if self._bar is not None:
            self._bar.set_description(f"Epoch {epoch + 1}/{self.params['epochs']}", refresh=False)
            self._done = epoch * self.params["steps"]

    def on_train_batch_end(self, batch, logs=None):
        if self._bar is not None and time.perf_counter() - self._shown > 0.1:
            self._show(self._done + batch + 1, logs)

    def on_epoch_end(self, epoch, logs=None):
        if self._bar is None:
            say(f"Epoch {epoch + 1}/{self.params['epochs']} - {time.perf_counter() - self._start:.2f}s - "
                f"{format_logs(logs)}")
        elif epoch + 1 == self.params["epochs"] or self.model.stop_training or time.perf_counter() - self._shown > 0.1:
            self._show(self._done + self.params["steps"], logs)

    def on_train_end(self, logs=None):
        if self._bar is not None:
            self._bar.close()

    def _show(self, done, logs):
        self._shown = time.perf_counter()
        self._bar.set_postfix_str(format_logs(logs), refresh=False)
        self._bar.n = done
        self._bar.refresh()


def say(line):
    """Print at once, where there is somebody to read: a service may have no stdout, or a closed one."""
    with contextlib.suppress(AttributeError, OSError, ValueError):
        print(line, flush=True)


def _on_terminal():
    try:
        return sys.stdout is not None and sys.stdout.isatty()
    except (AttributeError, OSError, ValueError):                  # what stands in for it, or is closed
        return False


def format_logs(logs):
    """The figures as one line."""
    return " - ".join(f"{name}: {value:.4g}" for name, value in logs.items())


def progress_bar(total, unit, delay=0.0):
    """A tqdm bar where one can be drawn over and over (a terminal, a notebook) and tqdm is installed, else None."""
    shell = sys.modules.get("IPython")
    notebook = shell is not None and type(shell.get_ipython()).__name__ == "ZMQInteractiveShell"
    if not (notebook or _on_terminal()):
        return None
    try:
        if notebook:
            import ipywidgets  # noqa: F401
            from tqdm.notebook import tqdm
            return tqdm(total=total, unit=unit, delay=delay)
        from tqdm import tqdm
    except ImportError:
        return None
    return tqdm(total=total, unit=unit, delay=delay, file=sys.stdout, dynamic_ncols=True)


class CallbackList:
    """Runs the callbacks of one `fit`; `batch_begin` and `batch_end` are empty where no callback listens."""

    def __init__(self, callbacks: Any, model, params) -> None:
        self.callbacks = list(callbacks)
        for callback in self.callbacks:
            if not isinstance(callback, Callback):
                raise TypeError(f"`callbacks` must be a list of mgconv.callbacks.Callback. Received: {callback!r}.")
            callback.set_params(params)
            callback.set_model(model)
        self.batch_begin = self._listeners("on_train_batch_begin")
        self.batch_end = self._listeners("on_train_batch_end")

    def _listeners(self, name):
        methods = [getattr(callback, name) for callback in self.callbacks]
        return [method for method in methods if getattr(method, "__func__", None) is not getattr(Callback, name)]

    def call(self, name, *arguments):
        """Call the method `name` of all callbacks."""
        for callback in self.callbacks:
            getattr(callback, name)(*arguments)
