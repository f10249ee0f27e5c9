"""What `compile` makes: a model, an optimizer, a loss and metrics, and the loops that bring them together."""
from __future__ import annotations

import math
import warnings
from functools import partial
from typing import Any

import numpy as np

from mgconv import losses, metrics, optimizers
from mgconv._support.checks import check_count, check_verbose
from mgconv.callbacks import CallbackList
from mgconv.models.batches import Batches, Feed, comes_in_batches, refuse_beside_batches
from mgconv.models.chains import Pool, Scored, filled
from mgconv.models.data import Samples, as_training_data
from mgconv.models.full_batch import FullBatch

SILENT = CallbackList()


class Training:
    """A model in training.

    Parameters
    ----------
    model : Sequential
        Its layers are trained; its `parameters` are what the optimizer moves.
    optimizer, loss, metrics, weighted_metrics, loss_weights
        As in `Sequential.compile`.

    Attributes
    ----------
    optimizer : mgconv.optimizers.Optimizer
    loss : mgconv.losses.Loss or None
    metrics, weighted : list of mgconv.metrics.Metric
        Made anew when the model is built. The second kind is given the samples' weights.
    epoch, batch : int
        Where `fit` is: epochs done, and batches of the one under way.
    complete : bool
        Whether the latest `fit` came to its end.
    feed, listeners : Feed, CallbackList
        Data and callbacks of the latest `fit`.
    """

    def __init__(self, model, optimizer, loss, wanted=None, weighted_metrics=None, loss_weights=None):
        self.model = model
        self.optimizer = optimizers.get(optimizer)
        self.loss = None if loss is None else losses.get(loss)
        self.factor = _only_number(loss_weights)
        self.wanted = list(_flattened(wanted)), list(_flattened(weighted_metrics))
        self.metrics, self.weighted = self._find_metrics()
        self.epoch = self.batch = 0
        self.complete = False
        self.total, self.seen = 0.0, 0                # the loss, summed over the samples, and how many they are
        self.forget()

    def _find_metrics(self):
        return tuple([metrics.get(metric, self.loss, self.model.output_shape) for metric in wanted]
                     for wanted in self.wanted)

    def forget(self):
        """Drop what was prepared for other layers or another layout of the weights."""
        self.release_buffers()
        self._stepping: Any = None

    def release_buffers(self):
        """Let go of the chains; the optimizer goes on where it is."""
        self._for_steps, self._for_scores = Pool(), Pool()
        self._bind_for_steps, self._bind_for_scores = partial(self._bind, True), partial(self._bind, False)
        self._feed: Any = None
        self._listeners: Any = SILENT

    def rebuild(self):
        """The model was built anew."""
        self.forget()
        self.metrics, self.weighted = self._find_metrics()

    def __getstate__(self):
        return {name: value for name, value in self.__dict__.items() if not name.startswith("_")}

    def __setstate__(self, state):
        self.__dict__.update(state)
        self.forget()

    @property
    def feed(self):
        return self._feed

    @property
    def listeners(self):
        return self._listeners

    # ----------------------------------------------------------------------------------------------- figures

    def reset(self):
        """Let loss and metrics forget what they saw."""
        self.total, self.seen = 0.0, 0
        for metric in (*self.metrics, *self.weighted):
            metric.reset_state()

    def results(self):
        """Loss and metrics so far, by name."""
        figures = {"loss": self.total / self.seen if self.seen else 0.0}
        if not (self.metrics or self.weighted):
            return figures
        for metric in (*self.metrics, *self.weighted):
            result = metric.result()
            for name, value in result.items() if isinstance(result, dict) else ((metric.name, result),):
                number, unique = 0, name
                while unique in figures:
                    unique = f"{name}_{(number := number + 1)}"
                figures[unique] = value
        return figures

    def update_metrics(self, target, y, weight=None):
        """Show a batch to all metrics."""
        for metric in self.metrics:
            metric.update_state(target, y)
        for metric in self.weighted:
            metric.update_state(target, y, weight)

    def penalty(self):
        """What the regularizers of the weights add to the loss."""
        return sum(float(weight.regularizer(weight.value)) for weight in self.model.trainable_weights
                   if weight.regularizer is not None)

    # ----------------------------------------------------------------------------------------------- training

    def fit(self, x, y, batch_size, epochs, verbose, callbacks, validation_split, validation_data, shuffle,
            class_weight, sample_weight, initial_epoch, steps_per_epoch, validation_steps, validation_batch_size,
            validation_freq):
        """`Sequential.fit`."""
        self._check_loss("fit")
        epochs, initial_epoch = check_count("epochs", epochs, 0), check_count("initial_epoch", initial_epoch, 0)
        verbose, validates = check_verbose(verbose), _validates(validation_freq)
        source, validation = self._source(x, y, sample_weight, class_weight, batch_size), None
        if validation_data is not None:
            validation = self._validation_source(validation_data, validation_batch_size or batch_size)
        elif validation_split:
            if not isinstance(source, Samples):
                raise ValueError("`validation_split` needs arrays: `x` gives batches. "
                                 f"Received: validation_split={validation_split}.")
            size = source.size
            source, validation = source.split(validation_split)
            source.size = min(size, len(source))
            if class_weight is not None:                                   # of the training alone, as in Keras
                validation.weight = None
                validation = Samples(validation.x, validation.target, None)
            validation.size = min(size if validation_batch_size is None else check_count(
                "validation_batch_size", validation_batch_size, 1), len(validation))
        feed = Feed(source, _check_steps("steps_per_epoch", steps_per_epoch), bool(shuffle))
        if validation is not None:
            validation = Feed(validation, _check_steps("validation_steps", validation_steps))

        model, whole = self.model, self._whole(source)
        listeners = callbacks if isinstance(callbacks, CallbackList) else CallbackList(
            callbacks, True, verbose != 0, model, epochs=epochs, steps=1 if whole else feed.steps, verbose=verbose)
        self.prepare_optimizer()
        self._feed, self._listeners = feed, listeners
        self.epoch, self.batch, self.complete, model.stop_training = initial_epoch, 0, False, False
        model.history, logs, finite = listeners.history, {}, True
        listeners.call("train_begin", {})
        try:
            while self.epoch < epochs and not model.stop_training:
                self._begin_epoch(listeners)
                logs = self._take_whole(whole, listeners) if whole else self._train(feed, listeners)
                if validation is not None and validates(self.epoch + 1):
                    logs |= {f"val_{name}": value for name, value in self._score(validation, listeners).items()}
                if finite and not math.isfinite(logs["loss"]):
                    finite = False
                    warnings.warn(f"the loss of epoch {self.epoch + 1} is {logs['loss']}: look for NaN in the data, or "
                                  "lower the learning rate.", RuntimeWarning, stacklevel=3)
                self.epoch, self.batch = self.epoch + 1, 0
                listeners.call("epoch_end", self.epoch - 1, logs)
            if logs:
                self.optimizer.finalize()
            self.complete = True
        finally:
            listeners.call("train_end", logs)
        return listeners.history

    def _begin_epoch(self, listeners):
        rate = self.optimizer.learning_rate if self.batch else None
        listeners.call("epoch_begin", self.epoch, {})
        if rate is not None and rate != self.optimizer.learning_rate:      # resumed: it was called for this epoch
            self.optimizer.learning_rate = rate

    def _train(self, feed, listeners=SILENT):
        """One pass over the batches. Returns what is to be reported of it."""
        if not self.batch:
            self.reset()
        total, seen, metered = self.total, self.seen, bool(self.metrics or self.weighted)
        begin_hooks, end_hooks = listeners.train_batch_begin, listeners.train_batch_end
        needs_logs = bool(end_hooks) and listeners.needs_logs("train_batch_end")
        for batch, chain in enumerate(filled(self._for_steps, self._bind_for_steps, feed), self.batch):
            for hook in begin_hooks:
                hook(batch, {})
            total += self._step(chain) * chain.size
            seen += chain.size
            if metered:
                self.update_metrics(chain.target, chain.y, chain.weight)
            if end_hooks:
                self.total, self.seen, self.batch = total, seen, batch + 1
                logs = self.results() if needs_logs else None
                for hook in end_hooks:
                    hook(batch, logs)
                if self.model.stop_training:
                    break
        self.total, self.seen = total, seen
        if not seen:
            self._out_of_data()
        return self.results()

    def _out_of_data(self):
        if not self.epoch:
            raise ValueError("`x` must give at least one batch. Received: none.")
        warnings.warn(f"the data ran out before epoch {self.epoch + 1}: give an iterable that can be iterated again, "
                      "or `steps_per_epoch`.", RuntimeWarning, stacklevel=4)
        self.model.stop_training = True

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

    def train_on_batch(self, x, y, sample_weight, class_weight, return_dict):
        """`Sequential.train_on_batch`."""
        self._check_loss("train_on_batch")
        self.model.build_for(x)
        data = as_training_data(self.model, self.loss, x, y, sample_weight, class_weight)
        self.prepare_optimizer()
        data.size, self.batch = len(data), 0
        whole = self._whole(data)
        logs = self._take_whole(whole) if whole else self._train(data)
        return logs if return_dict else _plain(logs)

    # --------------------------------------------------------------------------------- the whole set at a step

    def _whole(self, source):
        """The loss over the whole set, for an optimizer that asks for it; None for others."""
        if not self.optimizer.full_batch:
            return None
        if not isinstance(source, Samples):
            raise ValueError(f"{type(self.optimizer).__name__} wants all samples at every step: `x` and `y` must be "
                             "arrays. Received: batches.")
        return FullBatch(self.model, self.loss if self.factor == 1 else _Weighted(self.loss, self.factor), source,
                         lambda data: filled(self._for_steps, self._bind_for_steps, data))

    def _take_whole(self, whole, listeners=SILENT):
        """One step of an optimizer that wants the whole set. The figures are those after the step."""
        listeners.call("train_batch_begin", 0, {})
        self.optimizer.step(whole)
        for weight in self._constrained:
            np.copyto(weight.value, weight.constraint(weight.value))
        logs = self._score(whole.data)
        listeners.call("train_batch_end", 0, logs)
        return logs

    # --------------------------------------------------------------------------------------------- evaluation

    def _score(self, feed, listeners=SILENT):
        """Loss and metrics over the batches."""
        self.reset()
        metered = bool(self.metrics or self.weighted)
        begin_hooks, end_hooks = listeners.test_batch_begin, listeners.test_batch_end
        needs_logs = bool(end_hooks) and listeners.needs_logs("test_batch_end")
        listeners.call("test_begin", {})
        for batch, chain in enumerate(filled(self._for_scores, self._bind_for_scores, feed)):
            for hook in begin_hooks:
                hook(batch, {})
            self.total += chain.score() * chain.size
            self.seen += chain.size
            if metered:
                self.update_metrics(chain.target, chain.y, chain.weight)
            if end_hooks:
                logs = self.results() if needs_logs else None
                for hook in end_hooks:
                    hook(batch, logs)
        if not self.seen:
            raise ValueError("`x` must give at least one batch. Received: none.")
        self.total += self.penalty() * self.seen
        logs = self.results()
        listeners.call("test_end", logs)
        return logs

    def evaluate(self, x, y, batch_size, verbose, sample_weight, steps, callbacks, return_dict):
        """`Sequential.evaluate`."""
        self._check_loss("evaluate")
        verbose = check_verbose(verbose)
        feed = Feed(self._source(x, y, sample_weight, None, batch_size), _check_steps("steps", steps))
        listeners = SILENT
        if isinstance(callbacks, CallbackList):
            listeners = callbacks
        elif callbacks is not None or verbose:
            listeners = CallbackList(callbacks, False, verbose != 0, self.model, epochs=1, steps=feed.steps,
                                     verbose=verbose)
        logs = self._score(feed, listeners)
        return logs if return_dict else _plain(logs)

    # ------------------------------------------------------------------------------------------- preparations

    def _check_loss(self, wish):
        if self.loss is None:
            raise ValueError(f"`{wish}` needs a model that was compiled with a loss: call `compile(optimizer, loss)`.")

    def _source(self, x, y, sample_weight, class_weight, batch_size):
        if type(x) is not np.ndarray and comes_in_batches(x):
            refuse_beside_batches(y=y, sample_weight=sample_weight, batch_size=batch_size)
            batches = Batches(self.model, self.loss, x, class_weight)
            batches.build_model()
            return batches
        self.model.build_for(x)
        data = as_training_data(self.model, self.loss, x, y, sample_weight, class_weight)
        data.size = min(self.model.batch_size_for(batch_size, len(data)), len(data))
        return data

    def _validation_source(self, data, batch_size):
        if isinstance(data, (tuple, list)) and len(data) in (2, 3) and not comes_in_batches(data):
            x, y, weight = (*data, None)[:3]
            return self._source(x, y, weight, None, batch_size)
        if not comes_in_batches(data):
            raise TypeError("`validation_data` must be a tuple (x, y) or (x, y, sample_weight), or give batches. "
                            f"Received: {type(data).__name__}.")
        return self._source(data, None, None, None, None)

    def _bind(self, training, key):
        size, (sample_shape, target_shape, target_dtype, weight_shape) = key
        chain = Scored(self.model.layers, (size, *sample_shape), self.model.dtype, self.loss,
                       np.empty((size, *target_shape), target_dtype),
                       None if weight_shape is None else np.empty((size, *weight_shape), self.model.dtype), training)
        if self.factor != 1:
            chain.loss = _Weighted(chain.loss, self.factor)
        return chain

    def prepare_optimizer(self):
        """Lay trainable weights first, and let the optimizer start on them, unless it already works on them (another
        model may have taken it meanwhile)."""
        model = self.model
        model.lay_out()
        if self._stepping is not model.parameters or not self.optimizer.moves(model.parameters):
            moved = model.trainable_weights
            self.optimizer.build(model.parameters, model.gradient, [weight.gradient for weight in moved], moved)
            self._regularized = [weight for weight in moved if weight.regularizer is not None]
            self._constrained = [weight for weight in moved if weight.constraint is not None]
            self._stepping = model.parameters


class _Weighted:
    """A loss times a factor."""

    def __init__(self, loss, factor):
        self._loss, self._factor = loss, factor
        self.reduction, self.counted = loss.reduction, loss.counted

    def value_and_grad(self, y_true, y_pred, grad, sample_weight=None):
        """As `Loss.value_and_grad`."""
        value = self._loss.value_and_grad(y_true, y_pred, grad, sample_weight)
        if grad is not None:
            np.multiply(grad, self._factor, out=grad)
        return value * self._factor


def _plain(logs):
    values = list(logs.values())
    return values[0] if len(values) == 1 else values


def _flattened(wanted):
    """Metrics from a list, or from lists or a dict of lists, which say the same for one output."""
    if isinstance(wanted, dict) and "class_name" not in wanted:
        wanted = list(wanted.values())
    if isinstance(wanted, (list, tuple)):
        for entry in wanted:
            yield from _flattened(entry)
    elif wanted is not None:
        yield wanted


def _only_number(loss_weights):
    """The factor of the one output's loss."""
    values = (list(loss_weights.values()) if isinstance(loss_weights, dict) else list(loss_weights)
              if isinstance(loss_weights, (list, tuple)) else [1.0 if loss_weights is None else loss_weights])
    if len(values) != 1 or not hasattr(values[0], "__float__") or not math.isfinite(values[0]):
        raise ValueError("`loss_weights` must be one number, for the one output. "
                         f"Received: loss_weights={loss_weights!r}.")
    return float(values[0])


def _check_steps(name, steps):
    return None if steps is None else check_count(name, steps, 1)


def _validates(freq):
    """Whether to validate after an epoch, counted from 1: every so many, or those named."""
    if isinstance(freq, (list, tuple, set, range)):
        return lambda epoch: epoch in freq
    freq = check_count("validation_freq", freq, 1)
    return lambda epoch: epoch % freq == 0
