"""What `compile` makes: a model, an optimizer, a loss and metrics, and the loops that bring them together."""
from __future__ import annotations

import math
import time
import warnings
from functools import partial
from typing import Any

import numpy as np

from mgconv import callbacks as callback_module
from mgconv import config, losses, metrics, optimizers
from mgconv._support.checks import check_count, check_verbose
from mgconv.models.chains import Pool, Scored, filled
from mgconv.models.data import as_training_data


class Training:
    """A model in training.

    Parameters
    ----------
    model : Sequential
        Its layers are trained; its `parameters` are what the optimizer moves.
    optimizer, loss, metrics
        As in `Sequential.compile`.

    Attributes
    ----------
    optimizer : mgconv.optimizers.Optimizer
    loss : mgconv.losses.Loss or None
    metrics : list of mgconv.metrics.Metric
        Made anew when the model is built.
    """

    def __init__(self, model, optimizer, loss, wanted):
        self.model = model
        self.optimizer = optimizers.get(optimizer)
        self.loss = None if loss is None else losses.get(loss)
        self.wanted = list(wanted) if isinstance(wanted, (list, tuple)) else [wanted] if wanted else []
        self.metrics = self._find_metrics()
        self.forget()

    def _find_metrics(self):
        return [metrics.get(metric, self.loss, self.model.output_shape) for metric in self.wanted]

    def forget(self):
        """Drop what was prepared for other layers or another layout of the weights."""
        self.release_buffers()
        self._stepping: Any = None

    def release_buffers(self):
        """Let go of the chains; the optimizer goes on where it is."""
        self._for_steps, self._for_scores = Pool(), Pool()

    def rebuild(self):
        """The model was built anew."""
        self.forget()
        self.metrics = self._find_metrics()

    def __getstate__(self):
        return {name: value for name, value in self.__dict__.items() if not name.startswith("_")}

    def __setstate__(self, state):
        self.__dict__.update(state)
        self.forget()

    # ----------------------------------------------------------------------------------------------- loops

    def fit(self, x, y, batch_size, epochs, verbose, callbacks, validation_split, validation_data, shuffle,
            class_weight, sample_weight, initial_epoch, validation_batch_size, validation_freq):
        """`Sequential.fit`."""
        data = self._prepare("fit", x, y, sample_weight, class_weight)
        validation = None
        if validation_data is not None:
            if not isinstance(validation_data, (tuple, list)) or len(validation_data) not in (2, 3):
                raise TypeError("`validation_data` must be a tuple (x, y) or (x, y, sample_weight). "
                                f"Received: {type(validation_data).__name__}.")
            validation = as_training_data(self.model, self.loss, *validation_data)
        elif validation_split:
            data, validation = data.split(validation_split)
            if class_weight is not None:                                   # of the training alone, as in Keras
                validation.weight = None
        data.size = min(self.model.batch_size_for(batch_size, len(data)), len(data))
        if validation is not None:
            validation.size = data.size if validation_batch_size is None else check_count(
                "validation_batch_size", validation_batch_size, 1)
        epochs, initial_epoch = check_count("epochs", epochs, 0), check_count("initial_epoch", initial_epoch, 0)
        validation_freq, verbose = check_count("validation_freq", validation_freq, 1), check_verbose(verbose)

        model, history = self.model, callback_module.History()
        progress = [callback_module.Progress(bar=verbose == 1)] if verbose else []
        if callbacks is not None and not isinstance(callbacks, (list, tuple)):
            callbacks = [callbacks]
        listeners = callback_module.CallbackList([*(callbacks or []), history, *progress], model, {
            "epochs": epochs, "steps": math.ceil(len(data) / data.size), "verbose": verbose})
        self._prepare_optimizer()
        model.stop_training = False
        listeners.call("on_train_begin", {})
        try:
            for epoch in range(initial_epoch, epochs):
                listeners.call("on_epoch_begin", epoch, {})
                if shuffle:
                    config.random_generator().shuffle(data.order)
                logs = self._epoch(data, listeners)
                if validation is not None and (epoch + 1) % validation_freq == 0:
                    logs |= {f"val_{name}": value for name, value in self._score(validation).items()}
                if not math.isfinite(logs["loss"]) and all(map(math.isfinite, history.history.get("loss", []))):
                    warnings.warn(f"the loss of epoch {epoch + 1} is {logs['loss']}: look for NaN in the data, or "
                                  "lower the learning rate.", RuntimeWarning, stacklevel=3)
                listeners.call("on_epoch_end", epoch, logs)
                if model.stop_training:
                    break
        finally:
            listeners.call("on_train_end", {})
        return history

    def _epoch(self, data, listeners=None):
        """One pass over the samples in their order; what is to be reported of it."""
        total, seen = 0.0, 0
        begin_hooks, end_hooks = (listeners.batch_begin, listeners.batch_end) if listeners else ((), ())
        for metric in self.metrics:
            metric.reset_state()
        for batch, chain in enumerate(filled(self._for_steps, partial(self._bind, data, True), data)):
            for begin in begin_hooks:
                begin(batch, {})
            total += self._step(chain) * chain.size
            seen += chain.size
            for metric in self.metrics:
                metric.update_state(chain.target, chain.y)
            if end_hooks:
                logs = self._logs(total / seen)
                for end in end_hooks:
                    end(batch, logs)
                if self.model.stop_training:
                    break
        return self._logs(total / seen)

    def _step(self, chain):
        """One training step. Returns the loss before it."""
        loss = chain.score()
        chain.back()
        for weight in self._regularized:
            loss += float(weight.regularizer(weight.value))
            np.add(weight.gradient, weight.regularizer.gradient(weight.value), out=weight.gradient)
        self.optimizer.step()
        for weight in self._constrained:
            np.copyto(weight.value, weight.constraint(weight.value))
        return loss

    def _score(self, data):
        """Loss and metrics over `data`."""
        total = 0.0
        for metric in self.metrics:
            metric.reset_state()
        for chain in filled(self._for_scores, partial(self._bind, data, False), data):
            total += chain.score() * chain.size
            for metric in self.metrics:
                metric.update_state(chain.target, chain.y)
        penalty = sum(float(weight.regularizer(weight.value)) for weight in self.model.trainable_weights
                      if weight.regularizer is not None)
        return self._logs(total / len(data) + penalty)

    def _logs(self, loss):
        return {"loss": loss} | {metric.name: metric.result() for metric in self.metrics}

    def evaluate(self, x, y, batch_size, verbose, sample_weight, return_dict):
        """`Sequential.evaluate`."""
        data = self._prepare("evaluate", x, y, sample_weight)
        verbose = check_verbose(verbose)
        data.size = min(self.model.batch_size_for(batch_size, len(data)), len(data))
        start = time.perf_counter()
        logs = self._score(data)
        if verbose:
            callback_module.say(f"{len(data)} samples - {time.perf_counter() - start:.2f}s - "
                                f"{callback_module.format_logs(logs)}")
        return logs if return_dict else _plain(logs)

    def train_on_batch(self, x, y, sample_weight, class_weight, return_dict):
        """`Sequential.train_on_batch`."""
        data = self._prepare("train_on_batch", x, y, sample_weight, class_weight)
        self._prepare_optimizer()
        data.size = len(data)
        logs = self._epoch(data)
        return logs if return_dict else _plain(logs)

    # --------------------------------------------------------------------------------------- preparations

    def _prepare(self, wish, x, y, sample_weight, class_weight=None):
        if self.loss is None:
            raise ValueError(f"`{wish}` needs a model that was compiled with a loss: call `compile(optimizer, loss)`.")
        self.model.build_for(x)
        return as_training_data(self.model, self.loss, x, y, sample_weight, class_weight)

    def _bind(self, data, training, key):
        size, (sample_shape, *_) = key
        return Scored(self.model.layers, (size, *sample_shape), self.model.dtype, self.loss, data.target, data.weight,
                      training)

    def _prepare_optimizer(self):
        """Lay trainable weights first, and let the optimizer start on them, unless it already works on them (another
        model may have taken it meanwhile)."""
        model = self.model
        model.lay_out()
        if self._stepping is not model.parameters or not self.optimizer.moves(model.parameters):
            moved = model.trainable_weights
            self.optimizer.build(model.parameters, model.gradient, [weight.gradient for weight in moved])
            self._regularized = [weight for weight in moved if weight.regularizer is not None]
            self._constrained = [weight for weight in moved if weight.constraint is not None]
            self._stepping = model.parameters


def _plain(logs):
    values = list(logs.values())
    return values[0] if len(values) == 1 else values
