"""Callbacks that watch a figure: they stop, or slow down, when it improves no more. And those that set the rate."""
from __future__ import annotations

import operator
import warnings
from collections.abc import Callable
from inspect import signature
from typing import Any

from mgconv._support.checks import check_choice, check_count, check_not_negative, check_number
from mgconv._support.terminal import say
from mgconv.callbacks.base import Callback, registry


class MonitorCallback(Callback):
    """Base of the callbacks that watch a figure.

    Parameters
    ----------
    monitor : str
        The figure's name in `logs`.
    mode : {"auto", "min", "max"}
        Whether smaller or larger is better; by default what the metric of that name says, and smaller for a loss.
    min_delta : float
        What counts as an improvement.

    Attributes
    ----------
    best : float or None
        The best value so far.
    """

    _kept: tuple[str, ...] = ("best",)

    def __init__(self, monitor: str = "val_loss", mode: str = "auto", min_delta: float = 0) -> None:
        self.monitor, self.mode = monitor, check_choice("mode", mode, ("auto", "min", "max"))
        self.min_delta = abs(check_number("min_delta", min_delta))
        self.best: Any = None
        self._is_better: Any = None if mode == "auto" else operator.lt if mode == "min" else operator.gt

    def improves(self, value: float, reference: float | None) -> bool:
        """Whether `value` is better than `reference`; anything is better than None."""
        if self._is_better is None:
            self._is_better = self._direction()
        step = self.min_delta if self._is_better is operator.gt else -self.min_delta
        return reference is None or bool(self._is_better(value - step, reference))

    def _direction(self):
        name = self.monitor.removeprefix("val_")
        if name == "loss":
            return operator.lt
        for metric in getattr(self.model, "metrics", ()):
            if metric.name == name and metric.direction is not None:
                return operator.gt if metric.direction == "up" else operator.lt
        if any(word in name for word in ("acc", "auc", "precision", "recall", "r2", "score")):
            return operator.gt
        if any(word in name for word in ("loss", "error", "entropy", "mse", "mae", "mape", "msle")):
            return operator.lt
        raise ValueError(f"{type(self).__name__} needs `mode`, \"min\" or \"max\": nothing says whether "
                         f"`monitor`={self.monitor!r} should be small or large.")

    def monitored(self, logs: dict[str, Any] | None) -> Any:
        """The figure's present value; None, with a warning, if there is none."""
        value = (logs or {}).get(self.monitor)
        if value is None:
            warnings.warn(f"{type(self).__name__} cannot see `monitor`={self.monitor!r}; there are: "
                          f"{', '.join(logs or {})}.", RuntimeWarning, stacklevel=5)
        return value

    def get_state(self):
        return {name: getattr(self, name) for name in self._kept}

    def set_state(self, state):
        for name in self._kept:
            setattr(self, name, state[name])


@registry.add
class EarlyStopping(MonitorCallback):
    """Ends the training when a figure has stopped improving.

    Parameters
    ----------
    monitor, min_delta, mode
        Which figure, and what is better; see `MonitorCallback`.
    patience : int
        Epochs without improvement after which training ends.
    verbose : int
        1 to tell when it happens.
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
    wait : int
        Epochs since the latest improvement.
    stopped_epoch : int
        The epoch after which training was ended, 0 if it was not.
    """

    _kept = ("best", "best_epoch", "best_weights", "wait", "stopped_epoch")

    def __init__(self, monitor: str = "val_loss", min_delta: float = 0, patience: int = 0, verbose: str | int = 0,
                 mode: str = "auto", baseline: float | None = None, restore_best_weights: bool = False,
                 start_from_epoch: int = 0) -> None:
        super().__init__(monitor, mode, min_delta)
        self.patience, self.verbose, self.baseline = check_count("patience", patience, 0), verbose, baseline
        self.restore_best_weights = bool(restore_best_weights)
        self.start_from_epoch = check_count("start_from_epoch", start_from_epoch, 0)
        self.best_weights: Any = None
        self.wait = self.stopped_epoch = self.best_epoch = 0

    def on_train_begin(self, logs=None):
        self.wait = self.stopped_epoch = self.best_epoch = 0
        self.best = self.best_weights = None

    def on_epoch_end(self, epoch, logs=None):
        value = self.monitored(logs)
        if value is None or epoch < self.start_from_epoch:
            return
        if self.restore_best_weights and self.best_weights is None:
            self.best_weights, self.best_epoch = self.model.get_weights(), epoch
        self.wait += 1
        if self.improves(value, self.best):
            self.best, self.best_epoch = value, epoch
            if self.restore_best_weights:
                self.best_weights = self.model.get_weights()
            if self.baseline is None or self.improves(value, self.baseline):
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


@registry.known_as("reduce_lr_on_plateau")
class ReduceLROnPlateau(MonitorCallback):
    """Multiplies the learning rate by `factor` when a figure has stopped improving for `patience` epochs.

    Parameters
    ----------
    monitor, mode, min_delta
        Which figure, and what is better; see `MonitorCallback`.
    factor : float
        Below 1.
    patience : int
        Epochs without improvement.
    verbose : int
        1 to tell when it happens.
    cooldown : int
        Epochs after a reduction before the count begins again.
    min_lr : float
        The rate does not fall below.
    """

    _kept = ("best", "wait", "cooldown_counter")

    def __init__(self, monitor: str = "val_loss", factor: float = 0.1, patience: int = 10, verbose: str | int = 0,
                 mode: str = "auto", min_delta: float = 1e-4, cooldown: int = 0, min_lr: float = 0.0) -> None:
        super().__init__(monitor, mode, min_delta)
        if not 0 < check_number("factor", factor) < 1:
            raise ValueError(f"`factor` must be between 0 and 1. Received: factor={factor}.")
        self.factor, self.patience, self.verbose = factor, check_count("patience", patience, 0), verbose
        self.cooldown, self.min_lr = check_count("cooldown", cooldown, 0), check_not_negative("min_lr", min_lr)
        self.wait = self.cooldown_counter = 0

    def on_train_begin(self, logs=None):
        self.best, self.wait, self.cooldown_counter = None, 0, 0

    def on_epoch_end(self, epoch, logs=None):
        value = self.monitored(logs)
        optimizer = self.model.optimizer
        logs["learning_rate"] = optimizer.learning_rate
        if value is None:
            return
        if self.cooldown_counter:
            self.cooldown_counter, self.wait = self.cooldown_counter - 1, 0
        if self.improves(value, self.best):
            self.best, self.wait = value, 0
        elif not self.cooldown_counter:
            self.wait += 1
            if self.wait >= self.patience and optimizer.learning_rate > self.min_lr:
                optimizer.learning_rate = max(optimizer.learning_rate * self.factor, self.min_lr)
                self.cooldown_counter, self.wait = self.cooldown, 0
                if self.verbose:
                    say(f"Epoch {epoch + 1}: the learning rate falls to {optimizer.learning_rate:g}")


@registry.add
class LearningRateScheduler(Callback):
    """Sets the learning rate at the start of every epoch.

    Parameters
    ----------
    schedule : callable
        The new rate from the epoch, counted from 0, and the present rate; or from the epoch alone.
    verbose : int
        1 to tell it.
    """

    def __init__(self, schedule: Callable[[int, float], float], verbose: str | int = 0) -> None:
        if not callable(schedule):
            raise TypeError(f"`schedule` must be a function of epoch and rate. Received: schedule={schedule!r}.")
        self.schedule, self.verbose = schedule, verbose
        try:
            signature(schedule).bind(0, 0.1)
            self._takes = 2
        except TypeError:
            self._takes = 1

    def on_epoch_begin(self, epoch, logs=None):
        rate = self.schedule(*(epoch, self.model.optimizer.learning_rate)[:self._takes])
        self.model.optimizer.learning_rate = float(check_number("the rate of `schedule`", rate))
        if self.verbose:
            say(f"Epoch {epoch + 1}: the learning rate is {self.model.optimizer.learning_rate:g}")

    def on_epoch_end(self, epoch, logs=None):
        logs["learning_rate"] = self.model.optimizer.learning_rate
