"""The list by which `fit`, `evaluate` and `predict` call callbacks."""
from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from mgconv.callbacks.base import HOOKS, Callback
from mgconv.callbacks.history import History
from mgconv.callbacks.progress import ProgbarLogger


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
