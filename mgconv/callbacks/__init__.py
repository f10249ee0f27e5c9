"""What `fit`, `evaluate` and `predict` tell while they run: names and rules are Keras 3's."""
from mgconv.callbacks.base import Callback, registry
from mgconv.callbacks.history import CSVLogger, History, LambdaCallback, TerminateOnNaN
from mgconv.callbacks.listeners import CallbackList
from mgconv.callbacks.monitors import EarlyStopping, LearningRateScheduler, MonitorCallback, ReduceLROnPlateau
from mgconv.callbacks.progress import ProgbarLogger
from mgconv.callbacks.saving import BackupAndRestore, ModelCheckpoint

__all__ = ["BackupAndRestore", "CSVLogger", "Callback", "CallbackList", "EarlyStopping", "History", "LambdaCallback",
           "LearningRateScheduler", "ModelCheckpoint", "MonitorCallback", "ProgbarLogger", "ReduceLROnPlateau",
           "TerminateOnNaN", "get"]

get = registry.get
