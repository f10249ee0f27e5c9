"""Callbacks that save the model, or all that a training needs to go on after an interruption."""
from __future__ import annotations

import os
import shutil
from typing import Any

from mgconv._support.checks import check_count, check_number
from mgconv._support.terminal import say
from mgconv.callbacks.base import Callback, registry
from mgconv.callbacks.monitors import MonitorCallback


class _Counted:
    """Every so many batches, across epochs."""

    def __init__(self, save_freq):
        if save_freq != "epoch" and save_freq is not False:
            check_count("save_freq", save_freq, 1)
        self.each, self.seen = save_freq, 0

    def due(self):
        """Count a batch. Whether it is time to save."""
        self.seen += 1
        return self.seen % self.each == 0


@registry.add
class ModelCheckpoint(MonitorCallback):
    """Saves the model, or its weights, after epochs.

    Parameters
    ----------
    filepath : str or os.PathLike
        Where, with figures to be filled in: "{epoch:02d}-{val_loss:.3f}.keras". `epoch` and `batch` count from 1.
    monitor, mode
        Which figure says what is best; see `MonitorCallback`.
    verbose : int
        1 to tell of each file.
    save_best_only : bool
        Whether to save only where the figure is better than ever before.
    save_weights_only : bool
        Whether `model.save_weights` is called in place of `model.save`.
    save_freq : "epoch" or int
        When: after epochs, or after so many batches.
    initial_value_threshold : float, optional
        What the figure must be better than to begin with.

    Raises
    ------
    KeyError
        While training: if the path names a figure that there is not.
    """

    def __init__(self, filepath: str | os.PathLike[str], monitor: str = "val_loss", verbose: int = 0,
                 save_best_only: bool = False, save_weights_only: bool = False, mode: str = "auto",
                 save_freq: str | int = "epoch", initial_value_threshold: float | None = None) -> None:
        super().__init__(monitor, mode)
        self.filepath, self.verbose = os.fspath(filepath), verbose
        self.save_best_only, self.save_weights_only = bool(save_best_only), bool(save_weights_only)
        self.save_freq, self.initial_value_threshold = save_freq, initial_value_threshold
        self.best = initial_value_threshold if initial_value_threshold is None else check_number(
            "initial_value_threshold", initial_value_threshold)
        self._counted = _Counted(save_freq)
        self._epoch = 0
        if save_freq == "epoch":
            self._unheard = ("train_batch_end",)

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        if self._counted.due():
            self._save({"batch": batch + 1, **(logs or {})})

    def on_epoch_end(self, epoch, logs=None):
        if self.save_freq == "epoch":
            self._save(logs or {})

    def _save(self, logs):
        if self.save_best_only:
            value = self.monitored(logs)
            if value is not None:
                if not self.improves(value, self.best):
                    return
                self.best = value
        try:
            path = self.filepath.format(**{"epoch": self._epoch + 1, **logs})
        except KeyError as error:
            raise KeyError(f"`filepath` may name epoch, {', '.join(logs)}. Received: {self.filepath!r}.") from error
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        if self.save_weights_only:
            self.model.save_weights(path, overwrite=True)
        else:
            self.model.save(path, overwrite=True)
        if self.verbose:
            say(f"Epoch {self._epoch + 1}: saved to {path}")


@registry.add
class BackupAndRestore(Callback):
    """Lets an interrupted `fit` go on where it was, by the same program run again: with the same bits.

    It keeps weights, the optimizer's state, the order of the samples, random generators, and what the other callbacks
    ask for (`Callback.get_state`) in one file, which is replaced as a whole. `fit` takes it up when it begins. The
    model, `compile`, the data and the callbacks that matter must be the same. From a generator, epochs that were done
    are not asked for again.

    Parameters
    ----------
    backup_dir : str or os.PathLike
        A folder for this alone.
    save_freq : "epoch", int or False
        When: after every epoch, after every so many batches as well, or never.
    double_checkpoint : bool
        Whether to keep the file before the last, too, for the case that the last cannot be read.
    delete_checkpoint : bool
        Whether to delete the folder when the training is complete.

    Raises
    ------
    ValueError
        When training begins: if the file is of another model or optimizer.
    """

    runs_last = True

    def __init__(self, backup_dir: str | os.PathLike[str], save_freq: Any = "epoch", double_checkpoint: bool = False,
                 delete_checkpoint: bool = True) -> None:
        self.backup_dir = os.fspath(backup_dir)
        if not self.backup_dir:
            raise ValueError("`backup_dir` must name a folder. Received: backup_dir=''.")
        self.save_freq, self.double_checkpoint = save_freq, bool(double_checkpoint)
        self.delete_checkpoint = bool(delete_checkpoint)
        self._counted = _Counted(save_freq)
        if save_freq in ("epoch", False):
            self._unheard = ("train_batch_end",)

    @property
    def _path(self):
        return os.path.join(self.backup_dir, "training.npz")

    def on_train_begin(self, logs=None):
        from mgconv.models import resuming
        before = f"{self._path}.bkp"
        try:
            if os.path.exists(self._path):
                resuming.restore(self.model, self._path)
        except OSError:
            if not os.path.exists(before):
                raise
            resuming.restore(self.model, before)

    def on_train_batch_end(self, batch, logs=None):
        if self._counted.due():
            self._save()

    def on_epoch_end(self, epoch, logs=None):
        if self.save_freq:
            self._save()

    def _save(self):
        from mgconv.models import resuming
        os.makedirs(self.backup_dir, exist_ok=True)
        if self.double_checkpoint and os.path.exists(self._path):
            shutil.copyfile(self._path, f"{self._path}.bkp")
        resuming.save(self.model, self._path)

    def on_train_end(self, logs=None):
        from mgconv.models import resuming
        if self.delete_checkpoint and resuming.is_complete(self.model) and os.path.isdir(self.backup_dir):
            shutil.rmtree(self.backup_dir)
