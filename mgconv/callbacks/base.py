"""What all callbacks share."""
from __future__ import annotations

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
