"""Sequential: a stack of layers, trained and used as in Keras."""
from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from numpy.typing import ArrayLike, NDArray

from mgconv._support.checks import check_choice, check_count
from mgconv._support.registry import names_former
from mgconv.callbacks import History
from mgconv.layers.input import Input
from mgconv.layers.registered import registry
from mgconv.models.prediction import Prediction
from mgconv.models.stack import Stack
from mgconv.models.training import Training

if TYPE_CHECKING:
    from mgconv.models.streaming import Stream

__all__ = ["Input", "Sequential"]

FORMER_METHODS = {"fit_generator": "`fit`, which takes what gives batches", "evaluate_generator": "`evaluate`",
                  "predict_generator": "`predict`", "predict_proba": "`predict`",
                  "predict_classes": "`predict(x).argmax(axis=-1)`, or `predict(x) > 0.5`"}


@registry.known_as()
class Sequential(Stack):
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
        self.stop_training = False
        self.history: History | None = None
        self._training: Training | None = None
        self._prediction = Prediction(self)
        super().__init__(layers, name, trainable)

    def __getstate__(self):
        """A copy, a pickle: settings, layers, weights and the state of the optimizer, not what is prepared for work."""
        return super().__getstate__() | {"_prediction": None, "history": None}

    def __setstate__(self, state):
        self._prediction = Prediction(self)
        super().__setstate__(state | {"_prediction": self._prediction})

    def __getattr__(self, name):
        there = f"in place of it there is {FORMER_METHODS[name]}." if name in FORMER_METHODS else ""
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}{': ' + there if there else '.'}")

    def build(self, input_shape=None, dtype=None):
        super().build(input_shape, dtype)
        if self._training is not None:
            self._training.rebuild()

    build.__doc__ = Stack.build.__doc__

    def forget_work(self):
        super().forget_work()
        self._prediction.forget()
        if self._training is not None:
            self._training.forget()

    def release_memory(self) -> None:
        """Let go of all buffers that were made for training and prediction; the next call makes them anew."""
        self._calls = {}
        self._prediction.forget()
        for layer in self.flattened():
            layer._calls = {}
        if self._training is not None:
            self._training.release_buffers()

    def __repr__(self):
        inside = " -> ".join(type(layer).__name__ for layer in self.layers) or "no layers"
        size = f", {self.count_params():,} parameters, {self.input_shape} -> {self.output_shape}" if self.built else ""
        how = f", compiled with {type(self.optimizer).__name__} and {type(self.loss).__name__}"
        return f"<Sequential {self.name!r}: {inside}{size}{how if self._training else ''}>"

    # ------------------------------------------------------------------------------------------------ files

    def save(self, filepath: str | os.PathLike[str], overwrite: bool = True) -> None:
        """Write the model to a ".keras" or ".npz" file: `mgconv.saving.save_model`; `mgconv.load_model` reads it."""
        from mgconv.saving import save_model
        save_model(self, filepath, overwrite)

    def save_weights(self, filepath: str | os.PathLike[str], overwrite: bool = True) -> None:
        """Write weights and the optimizer's state to a ".weights.h5" or ".npz" file: `mgconv.saving.save_weights`."""
        from mgconv.saving import save_weights
        save_weights(self, filepath, overwrite)

    def load_weights(self, filepath: str | os.PathLike[str], skip_mismatch: bool = False) -> None:
        """Take weights and the optimizer's state from such a file: `mgconv.saving.load_weights`."""
        from mgconv.saving import load_weights
        load_weights(self, filepath, skip_mismatch)

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

    @property
    def metrics_names(self) -> list[str]:
        """What `evaluate` returns, in its order."""
        return [] if self._training is None else list(self._training.results())

    @names_former
    def compile(self, optimizer: Any = "rmsprop", loss: Any = None, loss_weights: Any = None, metrics: Any = None,
                weighted_metrics: Any = None, run_eagerly: bool = False, steps_per_execution: int = 1,
                jit_compile: bool | str = "auto", auto_scale_loss: bool = True) -> None:
        """Choose how to learn.

        Parameters
        ----------
        optimizer : str or mgconv.optimizers.BaseOptimizer
            How weights follow the gradient.
        loss : str or mgconv.losses.Loss, optional
            What is made small. Prediction needs none.
        loss_weights : float, or list or dict of one, optional
            A factor of the loss.
        metrics, weighted_metrics : list of str or mgconv.metrics.Metric, optional
            What else `fit` and `evaluate` report; the second kind with the samples' weights.
        run_eagerly, steps_per_execution, jit_compile, auto_scale_loss
            Taken for Keras's sake, without effect: there is nothing to trace or compile, and no float16.

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
        check_count("steps_per_execution", steps_per_execution, 1)
        if self.built:
            self.lay_out()
        self._training = Training(self, optimizer, loss, metrics, weighted_metrics, loss_weights)

    @names_former
    def fit(self, x: Any = None, y: ArrayLike | None = None, batch_size: int | None = None, epochs: int = 1,
            verbose: str | int = "auto", callbacks: Any = None, validation_split: float = 0.0,
            validation_data: Any = None, shuffle: bool = True, class_weight: dict[int, float] | None = None,
            sample_weight: ArrayLike | None = None, initial_epoch: int = 0, steps_per_epoch: int | None = None,
            validation_steps: int | None = None, validation_batch_size: int | None = None,
            validation_freq: Any = 1) -> History:
        """Train. An optimizer that is `full_batch` makes one step an epoch, on all samples; figures are those after it.

        Parameters
        ----------
        x, y : array_like
            Inputs (samples, ...) and targets, cast to the model's dtype; frames and columns of pandas and Polars, too.
            A last axis of length 1 may be missing. Or `x` alone gives batches (x, y) or (x, y, sample_weight): a
            generator, a list, or what has a length and is called by number.
        batch_size : int, optional
            Samples a step, 32 by default. The last batch of an epoch may be smaller.
        epochs : int
            Train up to this epoch, counted from 1.
        verbose : {"auto", 0, 1, 2}
            0 says nothing, 2 prints a line an epoch, 1 and "auto" draw a bar on a terminal or in a notebook, and print
            a line an epoch elsewhere (into a log file).
        callbacks : mgconv.callbacks.Callback or list of them, optional
            Told what happens, in this order.
        validation_split : float
            The share of the samples, the last ones as they are given, kept back for validation.
        validation_data : tuple or batches, optional
            (x, y) or (x, y, sample_weight), or what gives batches, to be scored after epochs instead.
        shuffle : bool
            Whether each epoch takes the samples in another order; see `mgconv.set_random_seed`.
        class_weight : dict of int to float, optional
            The weight in training of the samples of each class, 1 for classes that are not named.
        sample_weight : array_like, optional
            The weight of every sample (samples,), or of the rows in it.
        initial_epoch : int
            The epoch to begin with, counted from 0.
        steps_per_epoch, validation_steps : int, optional
            Batches an epoch, and a validation. The next epoch goes on with the next batch.
        validation_batch_size : int, optional
            By default `batch_size`.
        validation_freq : int or list of int
            Validate after every so many epochs, or after these, counted from 1.

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
            Once, when the loss of an epoch is not finite; or if the data run out.
        """
        return self._trained("fit").fit(x, y, batch_size, epochs, verbose, callbacks, validation_split,
                                        validation_data, shuffle, class_weight, sample_weight, initial_epoch,
                                        steps_per_epoch, validation_steps, validation_batch_size, validation_freq)

    @names_former
    def evaluate(self, x: Any = None, y: ArrayLike | None = None, batch_size: int | None = None,
                 verbose: str | int = "auto", sample_weight: ArrayLike | None = None, steps: int | None = None,
                 callbacks: Any = None, return_dict: bool = False) -> Any:
        """Loss and metrics on data, as in the training but without it.

        Parameters
        ----------
        x, y, sample_weight, callbacks
            As in `fit`.
        batch_size : int, optional
            32 by default; the result depends on it by rounding only.
        verbose : {"auto", 0, 1, 2}
            0 says nothing, the others print a line, or draw a bar.
        steps : int, optional
            Batches to take; by default all.
        return_dict : bool
            Whether to return figures by name.

        Returns
        -------
        float, list of float or dict
            The loss; with metrics, a list of the loss and the metrics.
        """
        return self._trained("evaluate").evaluate(x, y, batch_size, verbose, sample_weight, steps, callbacks,
                                                  return_dict)

    def train_on_batch(self, x: ArrayLike, y: ArrayLike | None = None, sample_weight: ArrayLike | None = None,
                       class_weight: dict[int, float] | None = None, return_dict: bool = False) -> Any:
        """One training step on all of `x`. Returns its loss, before the step; with metrics, a list or dict of all.

        The figures are those of this batch alone. (Keras 3 averages them over all calls since `reset_metrics`.)
        """
        return self._trained("train_on_batch").train_on_batch(x, y, sample_weight, class_weight, return_dict)

    def test_on_batch(self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: Any = False) -> Any:
        """Loss (and metrics) of all of `x` as one batch, in the manner of `evaluate`."""
        return self.evaluate(x, y, len(x) or 1, 0, sample_weight, return_dict=return_dict)

    def get_metrics_result(self) -> dict[str, Any]:
        """Loss and metrics by name, over what they saw since they were last reset."""
        return self._trained("get_metrics_result").results()

    def reset_metrics(self) -> None:
        """Let loss and metrics forget what they saw; `fit` and `evaluate` do it by themselves."""
        if self._training is not None:
            self._training.reset()

    def compute_loss(self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None,
                     training: bool = True) -> float:
        """The loss of the predictions `y_pred`, with the penalties of the weights. `x` and `training` are ignored."""
        trained = self._trained("compute_loss")
        return trained.factor * trained.loss(y, y_pred, sample_weight) + trained.penalty()

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> dict[str, Any]:
        """Show `y` and `y_pred` to the metrics, and return `get_metrics_result`. `x` is ignored."""
        self._trained("compute_metrics").update_metrics(y, y_pred, sample_weight)
        return self.get_metrics_result()

    def _trained(self, wish):
        if self._training is None or self._training.loss is None:
            raise ValueError(f"`{wish}` needs a model that was compiled with a loss: call `compile(optimizer, loss)`.")
        return self._training

    # -------------------------------------------------------------------------------------------- prediction

    def predict(self, x: Any, batch_size: int | None = None, verbose: str | int = "auto", steps: int | None = None,
                callbacks: Any = None) -> NDArray[Any]:
        """The model's output for the samples `x`.

        Parameters
        ----------
        x : array_like
            (samples, ...), cast to the model's dtype. A last axis of length 1 may be missing. Or what gives batches, as
            in `fit`; targets in them are left alone.
        batch_size : int, optional
            Samples computed at a time, 32 by default.
        verbose : {"auto", 0, 1, 2}
            1 and "auto" draw a bar, where one can be drawn, if it takes more than a second.
        steps : int, optional
            Batches to take; by default all.
        callbacks : mgconv.callbacks.Callback or list of them, optional
            Told what happens.

        Returns
        -------
        ndarray
            A fresh array (samples, ...) of the model's dtype.
        """
        return self._prediction(x, batch_size, verbose, steps, callbacks)

    def predict_on_batch(self, x: Any) -> NDArray[Any]:
        """The output for all of `x` as one batch, in the manner of `predict`."""
        return self._prediction(x, len(x) or 1, 0)

    def predictor(self, batch_size: int = 1, precision: str = "fast", calibration: ArrayLike | None = None,
                  ) -> Callable[[ArrayLike], NDArray[Any]]:
        """A function that answers as fast as this package can, for batches of one size.

        It keeps a copy of the weights as they are now, and its own buffers: **the array that it returns is overwritten
        by its next call**, so copy what you keep, and make one for each thread. Its convolutions choose anew, and take
        in a BatchNormalization and a ReLU behind them: the last digits may differ from `predict`'s.

        Parameters
        ----------
        batch_size : int
            Samples a call.
        precision : {"fast", "plain", "int8"}
            By any algorithm; by sums in one order, without fused multiply-add, which are slower and have the same bits
            on every processor, those of `export_c`; or in whole numbers of 8 bits, as its "int8".
        calibration : array_like, optional
            With "int8", which needs it; see `export_c`.

        Returns
        -------
        callable
            From an array (batch_size, ...) to an array of the model's dtype.

        Raises
        ------
        ValueError
            If the model is not built, or a layer has no such form; with "int8", as `export_c`.

        Examples
        --------
        >>> import mgconv, numpy as np
        >>> model = mgconv.Sequential([mgconv.Input((4,)), mgconv.layers.Dense(2)])
        >>> model.predictor()(np.ones((1, 4), "float32")).shape
        (1, 2)
        """
        self._check_built("predictor")
        check_choice("precision", precision, ("fast", "plain", "int8"))
        return self._prediction.frozen(check_count("batch_size", batch_size, 1), precision, calibration)

    def export_c(self, path: str | os.PathLike[str], stream: bool | None = None, examples: ArrayLike | None = None,
                 dtype: str | None = None, calibration: ArrayLike | None = None) -> tuple[int, int]:
        """Write the model, with its weights as they are now, as one C99 file that needs libc alone.

        Besides `path`, NAME.c, there will be NAME.h, which says how to call it, and NAME_test.c, a program that tells
        whether the compiled file gives the bits computed here, those of ``predictor(precision="plain")`` or "int8". It
        takes no memory from a heap; its head says how much flash and RAM it takes, and what "int8" lost.

        Parameters
        ----------
        path : str or os.PathLike
            Ends in a name for C and ".c".
        stream : bool, optional
            Whether to write ``NAME_push``, which does what `stream` does. By default where the model can be streamed.
        examples : array_like, optional
            Samples (..., *input shape) for the test; by default of the calibration, or random ones.
        dtype : str, optional
            The model's, by default; or "int8", whole numbers alone: activations and weights of 8 bits, sums of 32.
        calibration : array_like, optional
            With "int8", which needs it: samples (..., *input shape) like those to come, whose ranges set all scales.

        Returns
        -------
        (int, int)
            Bytes of weights and tables, and of memory.

        Raises
        ------
        ValueError
            If the model is not built, a layer has no plain (or int8) form or, with `stream`, cannot be streamed, or an
            argument is none of the above; then nothing is written.
        """
        from mgconv.plain.export import export_c
        self._check_built("export_c")
        return export_c(self, path, stream, examples, dtype, calibration)

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
        from mgconv.models.streaming import stream_of
        self._check_built("stream")
        return stream_of(self)
