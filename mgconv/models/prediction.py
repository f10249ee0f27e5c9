"""How a model answers: batch by batch, or as a function that is ready for batches of one size."""
from __future__ import annotations

from itertools import islice

import numpy as np

from mgconv._support.arrays import as_samples
from mgconv._support.checks import check_count, check_verbose
from mgconv.callbacks import CallbackList
from mgconv.layers.binding import one_function
from mgconv.models.batches import InputBatches, comes_in_batches
from mgconv.models.chains import Chain, Pool, filled
from mgconv.models.data import Inputs


class Prediction:
    """A model at work on data without targets."""

    def __init__(self, model):
        self.model = model
        self.forget()

    def forget(self):
        """Let go of the chains."""
        self._pool = Pool()

    def _bind(self, shape):
        return Chain(self.model.layers, shape, self.model.dtype)

    def __call__(self, x, batch_size=None, verbose=0, steps=None, callbacks=None):
        """`Sequential.predict`."""
        model = self.model
        if type(x) is not np.ndarray and comes_in_batches(x):
            source = InputBatches(model, x)
            source.build_model()
            return self._by_batches(source, source.steps, verbose, steps, callbacks)
        if not model.built:
            model.build_for(x)
        verbose = check_verbose(verbose)
        x = as_samples("x", x, model.input_shape, model.dtype)
        count = len(x)
        size = min(model.batch_size_for(batch_size, count), count)
        if callbacks is not None or steps is not None or (verbose and count > size):
            return self._by_batches(Inputs(x, size or 1), -(-count // (size or 1)), verbose, steps, callbacks)
        if count == size > 0:
            return self._at_once(x)
        out = np.empty((count, *model.output_shape_for(x.shape)[1:]), model.dtype)
        start = 0
        for chain in filled(self._pool, self._bind, Inputs(x, size or 1)):
            for call in chain.forward:
                call()
            stop = start + len(chain.y)
            out[start:stop] = chain.y
            start = stop
        return out

    def _at_once(self, x):
        bench = self._pool.lend()
        try:
            return bench.chain(x.shape, self._bind).run(x).copy()
        finally:
            self._pool.give_back(bench)

    def _by_batches(self, source, expected, verbose, steps, callbacks):
        verbose, outputs = check_verbose(verbose), []
        if steps is not None:
            expected = check_count("steps", steps, 1)
        listeners = callbacks if isinstance(callbacks, CallbackList) else CallbackList(
            callbacks, False, verbose != 0, self.model, epochs=1, steps=expected, verbose=verbose)
        listeners.call("predict_begin", {})
        for batch, chain in enumerate(islice(filled(self._pool, self._bind, source), steps)):
            listeners.call("predict_batch_begin", batch, {})
            for call in chain.forward:
                call()
            outputs.append(chain.y.copy())
            listeners.call("predict_batch_end", batch, {"outputs": outputs[-1]})
        listeners.call("predict_end", {})
        if not outputs:
            return np.empty((0, *self.model.output_shape[1:]), self.model.dtype)
        return np.concatenate(outputs)

    def frozen(self, batch_size, precision, calibration):
        """`Sequential.predictor`."""
        model = self.model
        shape = (batch_size, *model.input_shape[1:])
        if precision != "fast" or calibration is not None:
            from mgconv.plain import program_for
            x, y, calls = program_for(model, precision, calibration).bind(batch_size)
        else:
            chain = Chain(model.constant_twins(), shape, model.dtype)
            x, y, calls = chain.x, chain.y, chain.forward

        def fill(samples):
            samples = as_samples("x", samples, shape, model.dtype)
            if samples.shape != shape:
                raise ValueError(f"`x` must have shape {shape}. Received: {samples.shape}.")
            x[...] = samples
        return one_function(x, y, calls, fill)
