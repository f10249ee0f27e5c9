"""The half of a model that learns and answers: compile, fit, evaluate, predict."""
import copy
import math
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mgconv import callbacks as callback_module
from mgconv import config, losses, optimizers
from mgconv._support.arrays import as_samples
from mgconv._support.checks import check_count, check_verbose
from mgconv.binding import Chain, Pool, Scored
from mgconv.data import as_training_data, split
from mgconv.layers.base import one_function
from mgconv.metrics import get as _find_metric


class Trainer:
    """What `Sequential` does with data; these are its own."""

    layers: list[Any]
    dtype: np.dtype
    parameters: Any
    gradient: Any
    input_shape: Any
    output_shape: Any
    optimizer: Any
    loss: Any
    built: bool
    _stepping: Any
    _wanted_metrics: list[Any]
    _fixed_batch_size: int | None
    _build_for: Any
    _known_shape: Any

    def compile(self, optimizer: Any = "rmsprop", loss: Any = None, *, metrics: Any = None) -> None:
        """Choose how to learn.

        Parameters
        ----------
        optimizer : str or mgconv.optimizers.Optimizer
            How weights follow the gradient.
        loss : str or mgconv.losses.Loss, optional
            What is made small. Prediction needs none.
        metrics : list of str or mgconv.metrics.Metric, optional
            What else `fit` and `evaluate` report.

        Raises
        ------
        ValueError
            For an unknown name; the message lists the known ones.
        TypeError
            For anything that is no name and no such object.
        """
        optimizer, loss = optimizers.get(optimizer), None if loss is None else losses.get(loss)
        metrics = list(metrics) if isinstance(metrics, (list, tuple)) else [metrics] if metrics else []
        for metric in metrics:
            _find_metric(metric, loss, self.output_shape)              # raises before anything is changed
        self.optimizer, self.loss, self._wanted_metrics = optimizer, loss, metrics
        self._forget()

    def fit(self, x: ArrayLike | None = None, y: ArrayLike | None = None, batch_size: int | None = None,
            epochs: int = 1, verbose: str | int = "auto", callbacks: Any = None,
            validation_split: float = 0.0, validation_data: tuple[Any, ...] | None = None, shuffle: bool = True,
            class_weight: dict[int, float] | None = None, sample_weight: ArrayLike | None = None,
            initial_epoch: int = 0, *, validation_batch_size: int | None = None,
            validation_freq: Any = 1) -> callback_module.History:
        """Train on samples held in memory.

        Parameters
        ----------
        x, y : array_like
            Inputs (samples, ...) and targets, cast to the model's dtype. A last axis of length 1 may be missing.
        batch_size : int, optional
            Samples a step, 32 by default. The last batch of an epoch may be smaller.
        epochs : int
            Train up to this epoch, counted from 1.
        verbose : {"auto", 0, 1, 2}
            0 says nothing, 2 prints a line an epoch, 1 and "auto" draw a bar on a terminal or in a notebook if tqdm is
            installed, and print a line an epoch elsewhere (into a log file).
        callbacks : mgconv.callbacks.Callback or list of them, optional
            Told what happens, in this order.
        validation_split : float
            The share of the samples, the last ones as they are given, kept back for validation.
        validation_data : tuple, optional
            (x, y) or (x, y, sample_weight) to be scored after epochs instead.
        shuffle : bool
            Whether each epoch takes the samples in another order; see `mgconv.set_random_seed`.
        class_weight : dict of int to float, optional
            The weight in training of the samples of each class, 1 for classes that are not named.
        sample_weight : array_like, optional
            The weight of every sample (samples,), or of the rows in it.
        initial_epoch : int
            The epoch to begin with, counted from 0.
        validation_batch_size : int, optional
            By default `batch_size`.
        validation_freq : int
            Validate after every so many epochs.

        Returns
        -------
        mgconv.callbacks.History

        Raises
        ------
        ValueError, TypeError
            If the model is not compiled with a loss, or the data do not fit it or each other.

        Warns
        -----
        RuntimeWarning
            When the loss of an epoch is not finite.
        """
        self._check_compiled("fit")
        self._build_for(x)
        data = as_training_data(self, x, y, sample_weight, class_weight)
        if validation_data is not None:
            if not isinstance(validation_data, (tuple, list)) or len(validation_data) not in (2, 3):
                raise TypeError("`validation_data` must be a tuple (x, y) or (x, y, sample_weight). "
                                f"Received: {type(validation_data).__name__}.")
            validation = as_training_data(self, *validation_data)
        else:
            data, validation = split(data, validation_split) if validation_split else (data, None)
            if validation is not None and class_weight is not None:        # of the training alone, as in Keras
                validation = (*validation[:2], None)
        count = len(data[0])
        size = min(self._batch_size_for(batch_size, count), count)
        score_size = size if validation_batch_size is None else check_count("validation_batch_size",
                                                                            validation_batch_size, 1)
        epochs, initial_epoch = check_count("epochs", epochs, 0), check_count("initial_epoch", initial_epoch, 0)
        validation_freq, verbose = check_count("validation_freq", validation_freq, 1), check_verbose(verbose)

        history = callback_module.History()
        progress = [callback_module.Progress(bar=verbose == 1)] if verbose else []
        if callbacks is not None and not isinstance(callbacks, (list, tuple)):
            callbacks = [callbacks]
        listeners = callback_module.CallbackList([*(callbacks or []), history, *progress], self, {
            "epochs": epochs, "steps": math.ceil(count / size), "verbose": verbose})
        self._prepare_optimizer()
        self.stop_training = False
        order = np.arange(count)
        listeners.call("on_train_begin", {})
        try:
            for epoch in range(initial_epoch, epochs):
                listeners.call("on_epoch_begin", epoch, {})
                if shuffle:
                    config.random_generator().shuffle(order)
                logs = self._epoch(data, order, size, listeners)
                if validation is not None and (epoch + 1) % validation_freq == 0:
                    logs |= {f"val_{name}": value for name, value in self._score(validation, score_size).items()}
                if not math.isfinite(logs["loss"]) and all(map(math.isfinite, history.history.get("loss", []))):
                    warnings.warn(f"the loss of epoch {epoch + 1} is {logs['loss']}: look for NaN in the data, or "
                                  "lower the learning rate.", RuntimeWarning, stacklevel=2)
                listeners.call("on_epoch_end", epoch, logs)
                if self.stop_training:
                    break
        finally:
            listeners.call("on_train_end", {})
        return history

    def _epoch(self, data, order, size, listeners):
        """One pass over the samples in this order; what is to be reported of it."""
        train = self._lend(self._for_training, data, size)
        last: Any = None
        if rest := len(order) % size:
            last = self._lend(self._for_training, data, rest)
        total, optimizer = 0.0, self.optimizer
        for metric in self.metrics:
            metric.reset_state()
        for batch, start in enumerate(range(0, len(order), size)):
            for begin in listeners.batch_begin:
                begin(batch, {})
            rows = order[start:start + size]
            chain = train if len(rows) == size else last
            chain.take(data, rows)
            total += chain.train(optimizer) * chain.size
            for metric in self.metrics:
                metric.update_state(chain.target, chain.y)
            if listeners.batch_end:
                logs = self._logs(total / (start + chain.size))
                for end in listeners.batch_end:
                    end(batch, logs)
                if self.stop_training:
                    break
        self._return(self._for_training, train, last)
        return self._logs(total / (start + chain.size))

    def _logs(self, loss):
        return {"loss": loss} | {metric.name: metric.result() for metric in self.metrics}

    def _score(self, data, size):
        """Loss and metrics over `data`, by batches of `size`."""
        count = len(data[0])
        size = min(size, count)
        full = self._lend(self._for_scores, data, size)
        last: Any = None
        if rest := count % size:
            last = self._lend(self._for_scores, data, rest)
        for metric in self.metrics:
            metric.reset_state()
        total, order = 0.0, np.arange(count)
        for start in range(0, count, size):
            rows = order[start:start + size]
            chain = full if len(rows) == size else last
            chain.take(data, rows)
            total += chain.score() * chain.size
            for metric in self.metrics:
                metric.update_state(chain.target, chain.y)
        self._return(self._for_scores, full, last)
        return self._logs(total / count)

    def _lend(self, pool, data, size):
        _, target, weight = data
        key = (size, target.shape[1:], None if weight is None else weight.shape[1:])
        chain = pool.take(key, lambda: Scored(self.layers, (size, *self.input_shape[1:]), self.dtype, self.loss, target,
                                              weight, training=pool is self._for_training))
        chain.key = key
        return chain

    def _return(self, pool, *chains):
        for chain in chains:
            if chain is not None:
                pool.give_back(chain.key, chain)

    def evaluate(self, x: ArrayLike | None = None, y: ArrayLike | None = None, batch_size: int | None = None,
                 verbose: str | int = "auto", sample_weight: ArrayLike | None = None, *,
                 return_dict: bool = False) -> Any:
        """Loss and metrics on data, as in the training but without it.

        Parameters
        ----------
        x, y, sample_weight : array_like
            As in `fit`.
        batch_size : int, optional
            32 by default; the result depends on it by rounding only.
        verbose : {"auto", 0, 1, 2}
            0 says nothing, the others print a line.
        return_dict : bool
            Whether to return figures by name.

        Returns
        -------
        float, list of float or dict
            The loss; with metrics, a list of the loss and the metrics.
        """
        self._check_compiled("evaluate")
        self._build_for(x)
        verbose = check_verbose(verbose)
        data = as_training_data(self, x, y, sample_weight)
        start = time.perf_counter()
        logs = self._score(data, self._batch_size_for(batch_size, len(data[0])))
        if verbose:
            print(f"{len(data[0])} samples - {time.perf_counter() - start:.2f}s - {callback_module.format_logs(logs)}",
                  flush=True)
        return logs if return_dict else _plain(logs)

    def predict(self, x: Any, batch_size: int | None = None, verbose: str | int = "auto") -> NDArray[Any]:
        """The model's output for the samples `x`.

        Parameters
        ----------
        x : array_like
            (samples, ...), cast to the model's dtype. A last axis of length 1 may be missing.
        batch_size : int, optional
            Samples computed at a time, 32 by default.
        verbose : {"auto", 0, 1, 2}
            1 and "auto" draw a bar, where one can be drawn, if it takes more than a second.

        Returns
        -------
        ndarray
            A fresh array (samples, ...) of the model's dtype.
        """
        if not self.built:
            self._build_for(x)
        bar = check_verbose(verbose) == 1
        x = as_samples("x", x, self.input_shape, self.dtype)
        count = len(x)
        size = min(self._batch_size_for(batch_size, count), count)
        out = np.empty((count, *self.output_shape[1:]), self.dtype)
        if count == size:
            if count:
                self._predict_into(x, out)
            return out
        bar = callback_module.progress_bar(count, "sample", delay=1.0) if bar else None
        for start in range(0, count, size):
            self._predict_into(x[start:start + size], out[start:start + size])
            if bar is not None:
                bar.update(min(size, count - start))
        if bar is not None:
            bar.close()
        return out

    def _predict_into(self, x, out):
        pool, size = self._for_prediction, len(x)
        chain = pool.take(size, lambda: Chain(self.layers, x.shape, self.dtype))
        np.copyto(out, chain.run(x))
        pool.give_back(size, chain)

    def predictor(self, batch_size: int = 1) -> Callable[[ArrayLike], NDArray[Any]]:
        """A function that answers as fast as this package can, for batches of one size.

        It keeps a copy of the weights as they are now, and its own buffers: **the array that it returns is overwritten
        by its next call**, so copy what you keep, and make one for each thread. Its convolutions prepare their kernels
        once, which may favour another algorithm than `predict`'s: the last digits may differ.

        Parameters
        ----------
        batch_size : int
            Samples a call.

        Returns
        -------
        callable
            From an array (batch_size, ...) to an array of the model's dtype.

        Examples
        --------
        >>> import mgconv, numpy as np
        >>> model = mgconv.Sequential([mgconv.Input((4,)), mgconv.layers.Dense(2)])
        >>> answer = model.predictor()
        >>> answer(np.ones((1, 4), "float32")).shape
        (1, 2)
        """
        shape = (check_count("batch_size", batch_size, 1), *self._known_shape("predictor")[1:])
        chain = Chain([_snapshot(layer) for layer in self.layers], shape, self.dtype)

        def fill(x):
            x = as_samples("x", x, shape, self.dtype)
            if x.shape != shape:
                raise ValueError(f"`x` must have shape {shape}. Received: {x.shape}.")
            chain.x[...] = x
        return one_function(chain.x, chain.y, chain.forward, fill)

    def train_on_batch(self, x: ArrayLike, y: ArrayLike | None = None, sample_weight: ArrayLike | None = None,
                       class_weight: dict[int, float] | None = None, return_dict: bool = False) -> Any:
        """One training step on all of `x`. Returns its loss, before the step; with metrics, a list or dict of all."""
        self._check_compiled("train_on_batch")
        self._build_for(x)
        data = as_training_data(self, x, y, sample_weight, class_weight)
        self._prepare_optimizer()
        logs = self._epoch(data, np.arange(len(data[0])), len(data[0]), callback_module.CallbackList([], self, {}))
        return logs if return_dict else _plain(logs)

    def test_on_batch(self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: Any = False) -> Any:
        """Loss (and metrics) of all of `x` as one batch, in the manner of `evaluate`."""
        return self.evaluate(x, y, len(x) or 1, 0, sample_weight, return_dict=return_dict)

    def predict_on_batch(self, x: Any) -> NDArray[Any]:
        """The output for all of `x` as one batch, in the manner of `predict`."""
        return self.predict(x, len(x) or 1, 0)

    # ------------------------------------------------------------------------------------------------- checks

    def _check_compiled(self, wish):
        if self.loss is None:
            raise ValueError(f"`{wish}` needs a model that was compiled with a loss: call `compile(optimizer, loss)`.")

    def _batch_size_for(self, batch_size, count):
        """The batch size to use: what is asked for, that of the `Input`, or 32."""
        fixed = self._fixed_batch_size
        if batch_size is None:
            batch_size = fixed or 32
        elif type(batch_size) is not int or batch_size < 1:
            batch_size = check_count("batch_size", batch_size, 1)
        if fixed is not None and (batch_size != fixed or count % fixed):
            raise ValueError(f"the model's `Input` sets batch_size={fixed}: every batch must have that many samples. "
                             f"Received: {count} samples, batch_size={batch_size}.")
        return batch_size

    def _prepare_optimizer(self):
        """Let the optimizer start on the present parameters, unless it already works on them (another model may have
        taken it meanwhile)."""
        if self._stepping is not self.parameters or not self.optimizer.moves(self.parameters):
            self.optimizer.build(self.parameters, self.gradient,
                                 [layer.gradients[name] for layer in self.layers for name in layer.weight_names])
            self._stepping = self.parameters

    def _forget(self):
        """Drop what was prepared for other layers, another loss or another optimizer."""
        self._for_training, self._for_scores, self._for_prediction = Pool(4), Pool(4), Pool(8)
        self._stepping = None
        self.metrics = [_find_metric(metric, self.loss, self.output_shape) for metric in self._wanted_metrics]


def _plain(logs):
    values = list(logs.values())
    return values[0] if len(values) == 1 else values


def _snapshot(layer):
    """A copy of the layer with weights of its own."""
    twin = copy.copy(layer)
    twin.gradients, twin.frozen = dict(layer.gradients), True
    twin.place(np.empty(layer.count_params(), layer.dtype), np.zeros(layer.count_params(), layer.dtype))
    return twin
