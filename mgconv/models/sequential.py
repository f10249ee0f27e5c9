"""Sequential: a stack of layers, trained and used as in Keras."""
from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from mgconv import callbacks as callback_module
from mgconv._support.arrays import as_samples
from mgconv._support.checks import check_count, check_verbose
from mgconv._support.registry import to_config
from mgconv.layers.base import check_dtype
from mgconv.layers.binding import bind_all, one_function
from mgconv.layers.composite import Composite, build_all, compatible
from mgconv.layers.input import Input, InputLayer
from mgconv.layers.registered import registry
from mgconv.models.chains import Chain, Pool, filled
from mgconv.models.data import Inputs
from mgconv.models.training import Training

if TYPE_CHECKING:
    from mgconv.models.streaming import Stream

__all__ = ["Input", "Sequential"]


class Sequential(Composite):
    """A stack of layers, with one flat vector for all of their weights.

    Parameters
    ----------
    layers : list, optional
        Layers, the first of which may be an `Input`. Without an input the shape is that of the first data. A layer may
        be a Sequential itself.
    name : str, optional
        The model's name.
    trainable : bool
        Whether training moves the weights; see `trainable`.

    Attributes
    ----------
    layers : list of mgconv.layers.Layer
        Without the input.
    parameters, gradient : ndarray
        All trainable weights in one vector, and the gradient of the latest training step. The weights of the layers are
        views of it, in the order of `trainable_weights`. For optimizers of one's own.
    optimizer, loss, metrics
        Set by `compile`.
    stop_training : bool
        Set it in a callback to end `fit` after the epoch.

    Examples
    --------
    >>> import mgconv, numpy as np
    >>> from mgconv import layers
    >>> mgconv.set_random_seed(0)
    >>> model = mgconv.Sequential([mgconv.Input((8, 1)), layers.Conv1D(4, 3, activation="relu"), layers.Flatten(),
    ...                            layers.Dense(1)])
    >>> model.compile("adam", "mse")
    >>> x = np.linspace(-1, 1, 64 * 8).reshape(64, 8, 1)
    >>> history = model.fit(x, x.sum(axis=1), epochs=50, verbose=0)
    >>> history.history["loss"][-1] < history.history["loss"][0]
    True
    >>> model.predict(x[:2], verbose=0).shape
    (2, 1)
    """

    def __init__(self, layers: Sequence[Any] | None = None, name: str | None = None, trainable: bool = True) -> None:
        super().__init__(name=name or "sequential", trainable=trainable)
        self.stop_training = False
        self.parameters: Any = None
        self.gradient: Any = None
        self._input: InputLayer | None = None
        self._training: Training | None = None
        self._laid_out = False
        self._for_prediction = Pool()
        try:
            for layer in layers or []:
                self._append(layer)
            self._build_if_known()
        except BaseException:
            for layer in self.layers:
                layer.owner = None
            raise

    # ---------------------------------------------------------------------------------------------- copies

    def get_config(self):
        input_layer = [] if self._input is None else [self._input]
        return {"name": self.name, "trainable": self.trainable, "dtype": self.dtype.name,
                "layers": to_config([*input_layer, *self.layers]), "build_input_shape": to_config(self.input_shape)}

    @classmethod
    def from_config(cls, config):
        """A model made anew from what `get_config` gave: its layers, with fresh weights; not compiled."""
        model = cls(config["layers"], config.get("name"), config.get("trainable", True))
        shape = config.get("build_input_shape")
        if shape is not None and not model.built and model.layers:
            model.build(shape)
        return model

    def __getstate__(self):
        """A copy, a pickle: settings, layers, weights and the state of the optimizer, not what is prepared for work."""
        left = dict.fromkeys(("parameters", "gradient", "_for_prediction"))
        return super().__getstate__() | left | {"_laid_out": False}

    def __setstate__(self, state):
        super().__setstate__(state)
        self._for_prediction = Pool()
        if self.built:                # lays the weights in one vector again
            self.lay_out()

    def __copy__(self):
        """As `copy.deepcopy`: a layer belongs to one model."""
        return copy.deepcopy(self)

    # ---------------------------------------------------------------------------------------------- building

    def add(self, layer: Any) -> None:
        """Put `layer` (or, first of all, an `Input`) on top. The weights of the others are kept.

        Raises
        ------
        TypeError
            If it is no layer.
        ValueError
            If its name is taken, it belongs to another model already, or it does not take what comes from below.
        """
        before, count = (self._input, self.input_shape, self._dtype), len(self.layers)
        try:
            self._append(layer)
            self._build_if_known()
        except BaseException:
            self._input, self.input_shape, self._dtype = before
            for extra in self.layers[count:]:
                extra.owner = None
            del self.layers[count:]
            raise

    def pop(self, rebuild: bool = True) -> Any:
        """Take the topmost layer off and return it, with weights of its own.

        Raises
        ------
        ValueError
            If there is none.
        """
        if not self.layers:
            raise ValueError("there is no layer to take off.")
        layer = self.layers[-1]
        for weight in layer.weights:
            weight.place(np.empty(weight.size, weight.dtype), np.zeros(weight.size, weight.dtype)
                         if weight.trainable else None)
        self.layers.pop().owner = None
        self.built = False
        self._build_if_known()
        return layer

    def _append(self, layer):
        if isinstance(layer, dict):
            layer = registry.from_config(layer)
        if isinstance(layer, InputLayer):
            if self.layers or self._input is not None:
                raise ValueError("an `Input` must come first, and once.")
            self._input, self.input_shape = layer, (None, *layer.shape)
            self._dtype = layer._dtype or self._dtype
            return
        self.take_in(layer)
        if layer._dtype is not None and self._dtype is None:
            self._dtype = layer._dtype

    def _build_if_known(self):
        if self._input is not None and self.layers:
            self.build(self.input_shape)
        elif self.layers and isinstance(self.layers[0], Sequential) and self.layers[0].input_shape is not None:
            self.build(self.layers[0].input_shape)

    def build(self, input_shape: Sequence[int | None] | None = None, dtype: DTypeLike | None = None) -> None:
        """Create the weights of all layers for inputs of `input_shape`, (None, ...), and lay them in one vector.

        Happens by itself as soon as the shape of the input is known.

        Raises
        ------
        ValueError
            If a layer does not take the shape that comes from below.
        """
        if input_shape is not None:
            given = InputLayer(input_shape[1:], dtype=self.dtype if dtype is None else dtype)
            if self._input is None:
                self._input, self.input_shape = given, (None, *given.shape)
            elif not compatible(self.input_shape, (None, *given.shape)):
                raise ValueError(f"the model takes inputs of shape {self.input_shape}. Received: "
                                 f"{tuple(input_shape)}.")
        if self._input is None or not self.layers:
            raise ValueError("a model needs an input shape and at least one layer to be built.")
        if dtype is not None:
            self._dtype = check_dtype(dtype)
        self._dtype = self.dtype
        self.output_shape = build_all(self.layers, self.input_shape, self.dtype)
        self.built = True
        self._laid_out = False
        self.lay_out()
        if self._training is not None:
            self._training.rebuild()

    def lay_out(self):
        """Lay the weights in one vector, trainable ones first, unless they lie so."""
        if self._laid_out:
            return
        if self.owner is not None:                # then they lie in its vector
            self.parameters = self.gradient = None
            return
        moved = self.trainable_weights
        still, size = self.non_trainable_weights, sum(weight.size for weight in moved)
        values = np.empty(size + sum(weight.size for weight in still), self.dtype)
        self.parameters, self.gradient = values[:size], np.zeros(size, self.dtype)
        start = 0
        for weight in (*moved, *still):
            part = slice(start, start := start + weight.size)
            weight.place(values[part], self.gradient[part] if part.stop <= size else None)
        self._for_prediction, self._calls = Pool(), {}
        if self._training is not None:
            self._training.forget()
        self._laid_out = True

    def changed(self):
        super().changed()
        self._laid_out = False

    def build_for(self, x):
        """Build the model for the samples `x`, unless it is built."""
        if not self.built:
            self.build((None, *np.shape(x)[1:]))

    def compute_output_shape(self, input_shape):
        shape = tuple(input_shape)
        for layer in self.layers:
            shape = layer.compute_output_shape(shape)
        return shape

    def output_shape_for(self, input_shape):
        """The output's shape for inputs of a whole `input_shape`."""
        return self.output_shape if None not in self.output_shape[1:] else self.compute_output_shape(input_shape)

    def bind(self, x, dx=None, training=False):
        return bind_all(self.layers, x, dx, training)

    def count_params(self) -> int:
        """How many numbers the weights hold."""
        self._check_built("count_params")
        return super().count_params()

    def get_weights(self) -> list[NDArray[Any]]:
        """Copies of all weights, layer by layer, each with its kernel and then its bias."""
        self._check_built("get_weights")
        return super().get_weights()

    def set_weights(self, weights: Sequence[ArrayLike]) -> None:
        """Copy arrays like those of `get_weights` into the weights.

        Raises
        ------
        ValueError
            If their number or a shape is another; then no weight is changed.
        """
        self._check_built("set_weights")
        super().set_weights(weights)

    def _check_built(self, wish):
        if not self.built:
            raise ValueError(f"`{wish}` needs a model that is built: begin it with an `Input`, or call `build`.")

    def get_layer(self, name: str | None = None, index: int | None = None):
        """The layer with this name, or at this index."""
        if (name is None) == (index is None):
            raise ValueError(f"one of `name` and `index` must be given. Received: name={name}, index={index}.")
        if index is not None:
            if not -len(self.layers) <= index < len(self.layers):
                raise ValueError(f"`index` must be below {len(self.layers)}. Received: index={index}.")
            return self.layers[index]
        for layer in self.layers:
            if layer.name == name:
                return layer
        raise ValueError(f"the layers are {', '.join(layer.name for layer in self.layers)}. Received: name={name!r}.")


    def summary(self, print_fn: Callable[[str], Any] | None = None) -> None:
        """Print the layers with their output shapes and numbers of parameters, line by line through `print_fn`."""
        rows = [("Layer (type)", "Output shape", "Parameters")]
        for layer in self.layers:
            shape, count = (str(layer.output_shape), f"{layer.count_params():,}") if layer.built else ("?", "?")
            frozen = "" if layer.trainable else ", not trainable"
            rows.append((f"{layer.name} ({type(layer).__name__}){frozen}", shape, count))
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [f"{a:<{widths[0]}}  {b:<{widths[1]}}  {c:>{widths[2]}}" for a, b, c in rows]
        lines.insert(1, "-" * len(lines[0]))
        counts = []
        for kind, weights in (("Trainable", self.trainable_weights), ("Non-trainable", self.non_trainable_weights),
                              ("Total", self.weights)):
            size = sum(weight.size for weight in weights)
            memory = size * self.dtype.itemsize / 1024
            counts.append(f"{kind} parameters: " + (f"{size:,} ({memory:.1f} KB)" if self.built else "?"))
        for line in (f'Model "{self.name}", {self.dtype}, input {self.input_shape}', *lines, *counts):
            (print_fn or print)(line)

    def __repr__(self):
        inside = " -> ".join(type(layer).__name__ for layer in self.layers) or "no layers"
        size = f", {self.count_params():,} parameters, {self.input_shape} -> {self.output_shape}" if self.built else ""
        compiled = "" if self._training is None else (
            f", compiled with {type(self.optimizer).__name__} and {type(self.loss).__name__}")
        return f"<Sequential {self.name!r}: {inside}{size}{compiled}>"

    # ---------------------------------------------------------------------------------------------- training

    @property
    def optimizer(self) -> Any:
        """Set by `compile`; None before."""
        return None if self._training is None else self._training.optimizer

    @property
    def loss(self) -> Any:
        """Set by `compile`; None before."""
        return None if self._training is None else self._training.loss

    @property
    def metrics(self) -> list[Any]:
        """Set by `compile`; empty before."""
        return [] if self._training is None else self._training.metrics

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
        if self.owner is not None:
            raise ValueError(f"`compile` is for the outermost model: {self.name} is a layer of another, "
                             "which holds its weights.")
        if self.built:
            self.lay_out()
        self._training = Training(self, optimizer, loss, metrics)

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
        return self._trained("fit").fit(x, y, batch_size, epochs, verbose, callbacks, validation_split,
                                        validation_data, shuffle, class_weight, sample_weight, initial_epoch,
                                        validation_batch_size, validation_freq)

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
        return self._trained("evaluate").evaluate(x, y, batch_size, verbose, sample_weight, return_dict)

    def train_on_batch(self, x: ArrayLike, y: ArrayLike | None = None, sample_weight: ArrayLike | None = None,
                       class_weight: dict[int, float] | None = None, return_dict: bool = False) -> Any:
        """One training step on all of `x`. Returns its loss, before the step; with metrics, a list or dict of all."""
        return self._trained("train_on_batch").train_on_batch(x, y, sample_weight, class_weight, return_dict)

    def test_on_batch(self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: Any = False) -> Any:
        """Loss (and metrics) of all of `x` as one batch, in the manner of `evaluate`."""
        return self.evaluate(x, y, len(x) or 1, 0, sample_weight, return_dict=return_dict)

    def _trained(self, wish):
        if self._training is None:
            raise ValueError(f"`{wish}` needs a model that was compiled with a loss: call `compile(optimizer, loss)`.")
        return self._training

    # -------------------------------------------------------------------------------------------- prediction

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
            self.build_for(x)
        bar = check_verbose(verbose) == 1
        x = as_samples("x", x, self.input_shape, self.dtype)
        count = len(x)
        size = min(self.batch_size_for(batch_size, count), count)
        out = np.empty((count, *self.output_shape_for(x.shape)[1:]), self.dtype)
        if count == 0:
            return out
        shown = callback_module.progress_bar(count, "sample", delay=1.0) if bar and count > size else None
        start = 0
        for chain in filled(self._for_prediction, self._bind_for_prediction, Inputs(x, size)):
            for call in chain.forward:
                call()
            stop = start + len(chain.y)
            out[start:stop] = chain.y
            start = stop
            if shown is not None:
                shown.update(len(chain.y))
        if shown is not None:
            shown.close()
        return out

    def _bind_for_prediction(self, shape):
        return Chain(self.layers, shape, self.dtype)

    def predict_on_batch(self, x: Any) -> NDArray[Any]:
        """The output for all of `x` as one batch, in the manner of `predict`."""
        return self.predict(x, len(x) or 1, 0)

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
        batch_size = check_count("batch_size", batch_size, 1)
        self._check_built("predictor")
        shape = (batch_size, *self.input_shape[1:])
        chain = Chain(self._constant_twins(), shape, self.dtype)

        def fill(x):
            x = as_samples("x", x, shape, self.dtype)
            if x.shape != shape:
                raise ValueError(f"`x` must have shape {shape}. Received: {x.shape}.")
            chain.x[...] = x
        return one_function(chain.x, chain.y, chain.forward, fill)

    def stream(self) -> Stream:
        """The model fed sample by sample: for each new one it computes one new step of every layer, no more.

        Over (batch, steps, channels), of layers whose output at a step needs nothing that comes later: causal or valid
        convolutions, and what works on each step by itself; a Flatten before a Dense sees the last window. The outputs
        are `predict`'s for the sequence so far, to rounding.

        Returns
        -------
        Stream
            A function of one sample (channels,), with weights of its own as they are now; `reset`, `preset`, `copy`.

        Raises
        ------
        ValueError
            If a layer cannot be streamed; the message says which, and why.

        Examples
        --------
        >>> import mgconv, numpy as np
        >>> from mgconv import layers
        >>> model = mgconv.Sequential([mgconv.Input((None, 1)), layers.Conv1D(8, 3, padding="causal"), layers.Dense(1)])
        >>> stream = model.stream()
        >>> [stream(sample).shape for sample in (0.5, 0.25)]
        [(1,), (1,)]
        """
        from mgconv.models.streaming import Stream
        self._check_built("stream")
        if len(self.input_shape) != 3:
            raise ValueError("`stream` needs a model of sequences, (batch, steps, channels). "
                             f"Received: inputs of shape {self.input_shape}.")
        return Stream(self._constant_twins(), self.input_shape[-1], self.dtype)

    def _constant_twins(self):
        twins = [copy.deepcopy(layer) for layer in self.layers]
        for twin in twins:
            twin.make_constant()
        return twins

    def release_memory(self) -> None:
        """Let go of all buffers that were made for training and prediction; the next call makes them anew."""
        self._for_prediction, self._calls = Pool(), {}
        for layer in self.flattened():
            layer._calls = {}
        if self._training is not None:
            self._training.release_buffers()

    def batch_size_for(self, batch_size, count):
        """The batch size to use: what is asked for, that of the `Input`, or 32."""
        fixed = None if self._input is None else self._input.batch_size
        if batch_size is None:
            batch_size = fixed or 32
        elif type(batch_size) is not int or batch_size < 1:
            batch_size = check_count("batch_size", batch_size, 1)
        if fixed is not None and (batch_size != fixed or count % fixed):
            raise ValueError(f"the model's `Input` sets batch_size={fixed}: every batch must have that many samples. "
                             f"Received: {count} samples, batch_size={batch_size}.")
        return batch_size
