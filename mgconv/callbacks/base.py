"""What all callbacks share, and the list that `fit`, `evaluate` and `predict` call them by."""
from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from mgconv._support.registry import Configurable, Registry

HOOKS = tuple(f"on_{what}_{when}" for what in ("train", "test", "predict", "epoch", "train_batch", "test_batch",
                                               "predict_batch") for when in ("begin", "end"))


class Callback(Configurable):
    """Base of all callbacks: training, evaluation and prediction call the methods that a subclass defines.

    `epoch` and `batch` count from 0. `logs` is a dict of figures by name: after a training batch those of the epoch so
    far, after an epoch also those of the validation; what a callback writes there, later ones and the history see.

    Attributes
    ----------
    model : mgconv.Sequential
        The model at work; ``model.stop_training = True`` ends the training after the batch.
    params : dict
        "epochs", "steps" (of an epoch; None if nobody knows) and "verbose".
    needs_logs : bool
        False says that the methods for batches leave `logs` alone (they may be None): computing them takes time.
    runs_last : bool
        True says that it is to be called after all others, such as to save what they did.
    """

    model: Any = None
    params: dict[str, Any] = {}         # noqa: RUF012  (replaced, never changed)
    needs_logs = True
    runs_last = False
    _unheard: tuple[str, ...] = ()      # moments of which it need not be told, though it defines the method

    def set_model(self, model):
        """Called before all else."""
        self.model = model

    def set_params(self, params):
        """Called before all else."""
        self.params = params

    def get_state(self) -> dict[str, Any]:
        """What `BackupAndRestore` is to keep of this callback: numbers, texts, arrays, and lists and dicts of them."""
        return {}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from what `get_state` gave, after `on_train_begin`."""

    def on_train_begin(self, logs=None):
        """Called once, before the first epoch."""

    def on_train_end(self, logs=None):
        """Called once, after the last epoch, even if an error or an interrupt ended the training."""

    def on_epoch_begin(self, epoch, logs=None):
        """Called before every epoch."""

    def on_epoch_end(self, epoch, logs=None):
        """Called after every epoch, validation included."""

    def on_train_batch_begin(self, batch, logs=None):
        """Called before every training step."""
        self.on_batch_begin(batch, logs)

    def on_train_batch_end(self, batch, logs=None):
        """Called after every training step."""
        self.on_batch_end(batch, logs)

    def on_batch_begin(self, batch, logs=None):
        """An older name of `on_train_batch_begin`."""

    def on_batch_end(self, batch, logs=None):
        """An older name of `on_train_batch_end`."""

    def on_test_begin(self, logs=None):
        """Called before an evaluation, and before each validation in `fit`."""

    def on_test_end(self, logs=None):
        """Called after it."""

    def on_test_batch_begin(self, batch, logs=None):
        """Called before every batch of an evaluation."""

    def on_test_batch_end(self, batch, logs=None):
        """Called after every batch of an evaluation."""

    def on_predict_begin(self, logs=None):
        """Called before a prediction."""

    def on_predict_end(self, logs=None):
        """Called after it."""

    def on_predict_batch_begin(self, batch, logs=None):
        """Called before every batch of a prediction."""

    def on_predict_batch_end(self, batch, logs=None):
        """Called after every batch of a prediction; `logs` has its "outputs"."""


registry = Registry("callback", Callback)


class CallbackList:
    """The callbacks of one `fit`, `evaluate` or `predict`. Only methods that a callback defines are called.

    Parameters
    ----------
    callbacks : Callback, or list of them, lists included
        In the order in which to call them; those that `runs_last` come last.
    add_history : bool
        Whether to add a `History`, if there is none.
    add_progbar : bool
        Whether to add a `ProgbarLogger`, if there is none.
    model : mgconv.Sequential, optional
        Told to each.
    params
        Told to each; see `Callback`.

    Attributes
    ----------
    callbacks : list of Callback
    history : History or None
    train_batch_begin, train_batch_end, ... : list of callable
        The methods for a moment, by its name without "on_".

    Raises
    ------
    TypeError
        If something is no callback.
    """

    def __init__(self, callbacks: Any = None, add_history: bool = False, add_progbar: bool = False, model: Any = None,
                 **params: Any) -> None:
        from mgconv.callbacks.history import History
        from mgconv.callbacks.progress import ProgbarLogger
        self.callbacks = list(_flattened(callbacks))
        for kind, wanted in ((History, add_history), (ProgbarLogger, add_progbar)):
            if wanted and not any(isinstance(callback, kind) for callback in self.callbacks):
                self.callbacks.append(kind())
        self.callbacks.sort(key=lambda callback: callback.runs_last)
        self.history: Any = next((callback for callback in self.callbacks if isinstance(callback, History)), None)
        for callback in self.callbacks:
            callback.set_params(params)
            callback.set_model(model)

    def __getattr__(self, moment):
        name = f"on_{moment}"
        if name not in HOOKS:
            raise AttributeError(f"CallbackList has no attribute {moment!r}.")
        methods = self.__dict__[moment] = [method for _, method in self._listening(name)]      # looked up once
        return methods

    def needs_logs(self, moment: str) -> bool:
        """Whether one of the methods for a moment reads `logs`."""
        return any(callback.needs_logs for callback, _ in self._listening(f"on_{moment}"))

    def _listening(self, name) -> Iterable[tuple[Callback, Callable[..., Any]]]:
        for callback in self.callbacks:
            if name.removeprefix("on_") in callback._unheard:
                continue
            method = getattr(callback, name)
            if _is_default(method, name) and "train_batch" in name:
                name_before = name.replace("train_", "")
                method = getattr(callback, name_before)
                if _is_default(method, name_before):
                    continue
            if not _is_default(method, name):
                yield callback, method

    def call(self, moment: str, *arguments: Any) -> None:
        """Call the methods for a moment, such as "epoch_end", of all callbacks."""
        for method in getattr(self, moment):
            method(*arguments)


def _is_default(method, name):
    return getattr(method, "__func__", None) is getattr(Callback, name)


def _flattened(callbacks):
    if callbacks is None:
        return
    if isinstance(callbacks, (list, tuple)):
        for callback in callbacks:
            yield from _flattened(callback)
    elif isinstance(callbacks, Callback):
        yield callbacks
    else:
        raise TypeError(f"`callbacks` must be a list of mgconv.callbacks.Callback. Received: {callbacks!r}.")
