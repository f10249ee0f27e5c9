"""The loss over a whole training set as a function of the weights: what an optimizer with `full_batch` is given."""
from __future__ import annotations

import math

import numpy as np

from mgconv._support.arrays import append_axes
from mgconv.losses import MeanSquaredError
from mgconv.models.data import Samples
from mgconv.regularizers import L1L2


class FullBatch:
    """The loss of `data`, and its gradient, at any weights.

    A call leaves the model with the weights it was given. Sums over samples are kept in float64, whatever the model's
    dtype, and added in the samples' own order, by batches of `data.size`, which bounds the memory. The model must give
    the same numbers each time: a layer that draws (Dropout) makes every call another function.

    Parameters
    ----------
    model : Sequential
        Built; its `parameters` are the weights.
    loss : mgconv.losses.Loss
        Its loss.
    data : mgconv.models.data.Samples
        The whole training set.
    chains : callable
        From `Samples` to an iterator of chains, each filled with a batch and bound for training.
    """

    def __init__(self, model, loss, data, chains):
        self.model, self.loss, self._chains = model, loss, chains
        self.data = Samples(data.x, data.target, data.weight, data.size)
        self._shares = None
        self._last = None             # weights, loss and gradient of the latest call

    def __call__(self, weights=None, gradient=True):
        """The loss at `weights`, and its gradient.

        Parameters
        ----------
        weights : array_like, optional
            A flat vector like the model's `parameters`, which take its values. By default they stay as they are.
        gradient : bool
            Whether the gradient is wanted.

        Returns
        -------
        loss : float
        gradient : ndarray of float64 or None
            A fresh vector. The model's own gradient vector holds it, too.
        """
        self._move_to(weights)
        here = self.model.parameters
        if self._last is None or not np.array_equal(self._last[0], here) or (gradient and self._last[2] is None):
            self._last = here.copy(), *self._evaluate(gradient)
        _, loss, slope = self._last
        return loss, slope.copy() if gradient else None

    def residuals(self, weights=None):
        """The numbers whose squares add up to the loss, a vector of float64: errors times the roots of their weights.

        Penalties of `regularizers.L2` are sums of squares, too: theirs come last.

        Raises
        ------
        ValueError
            If the loss is no sum of squares: it must be `mean_squared_error`, with no penalties but L2.
        """
        self._check_squares()
        self._move_to(weights)
        parts = [(np.subtract(chain.y, chain.target, dtype=float) * scale).ravel()
                 for chain, scale in self._scaled(self.data)]
        return np.concatenate([*parts, *(factor * weight.value.ravel() for weight, _, factor in self._penalized())])

    def jacobian(self, weights=None):
        """The derivatives of `residuals` to the weights, (residuals, weights), of float64, by back-propagation.

        The gradient of the loss is 2 jacobian.T @ residuals.

        Raises
        ------
        ValueError
            As `residuals`.
        """
        self._check_squares()
        self._move_to(weights)
        gradient = self.model.gradient
        penalized = self._penalized()
        rows = self.data.target.size
        jacobian = np.zeros((rows + sum(weight.size for weight, *_ in penalized), gradient.size))
        row = 0
        for chain, scale in self._scaled(Samples(self.data.x, self.data.target, self.data.weight, 1)):
            scale = np.broadcast_to(scale, chain.y.shape).ravel()
            for entry in range(chain.y.size):
                chain.dy.fill(0)                      # each pass spends it
                chain.dy.reshape(-1)[entry] = 1
                chain.back()
                np.multiply(gradient, scale[entry], out=jacobian[row])
                row += 1
        for weight, start, factor in penalized:
            where = np.arange(weight.size)
            jacobian[row + where, start + where] = factor
            row += weight.size
        return jacobian

    # --------------------------------------------------------------------------------------------- its parts

    def _move_to(self, weights):
        if weights is not None:
            np.copyto(self.model.parameters, weights, casting="same_kind")

    def _evaluate(self, gradient):
        if self._shares is None:
            counts = [_count(self.loss, self.data, rows) for rows in self.data]
            whole = 1.0 if self.loss.reduction == "sum" else sum(counts) or 1.0
            self._shares = [1.0 if self.loss.reduction == "sum" else count / whole for count in counts]
        loss, total = 0.0, np.zeros(self.model.parameters.size) if gradient else None
        for share, chain in zip(self._shares, self._chains(self.data), strict=True):
            loss += chain.score() * share
            if total is not None:
                chain.back()
                total += np.multiply(self.model.gradient, share, dtype=float)
        for weight, start in self._weights():
            if weight.regularizer is not None:
                loss += float(weight.regularizer(weight.value))
                if total is not None:
                    total[start:start + weight.size] += weight.regularizer.gradient(weight.value).ravel()
        if total is not None:
            self.model.gradient[:] = total
        return loss, total

    def _weights(self):
        """Each trainable weight, and where it begins in the flat vector."""
        start = 0
        for weight in self.model.trainable_weights:
            yield weight, start
            start += weight.size

    def _scaled(self, data):
        """Chains that have run forward over `data`, each with the roots of the weights of its squared errors."""
        shape, weight = self.data.target.shape, self.data.weight
        divisor = float(shape[-1] if self.loss.reduction == "sum" else self.data.target.size)
        if self.loss.reduction == "mean_with_sample_weight" and weight is not None:
            divisor *= float(np.mean(weight, dtype=float)) or 1.0
        for chain in self._chains(data):
            for call in chain.forward:
                call()
            factors = np.ones(1) if chain.weight is None else chain.weight.astype(float)
            yield chain, append_axes(np.sqrt(factors / divisor), len(shape))

    def _check_squares(self):
        received = [type(self.loss).__name__] if type(self.loss) is not MeanSquaredError else []
        received += [f"{type(weight.regularizer).__name__} of {weight.path}" for weight in self.model.trainable_weights
                     if weight.regularizer is not None and not _is_square(weight.regularizer)]
        received += [f"an `activity_regularizer` of {layer.name}" for layer in self.model.flattened()
                     if layer.activity_regularizer is not None]
        if received:
            raise ValueError("the optimizer makes sums of squares small: it needs the loss mean_squared_error, and no "
                             f"penalties but regularizers.L2 of weights. Received: {', '.join(received)}.")

    def _penalized(self):
        """The weights with a penalty, where they begin in the flat vector, and the root of its factor."""
        return [(weight, start, math.sqrt(weight.regularizer.l2)) for weight, start in self._weights()
                if weight.regularizer is not None]


def _is_square(regularizer):
    return isinstance(regularizer, L1L2) and not regularizer.l1


def _count(loss, data, rows):
    """What the mean over a batch divides by, up to a factor that all batches share."""
    counted = loss.counted(data.target[rows])
    weight = data.weight[rows] if data.weight is not None and loss.reduction == "mean_with_sample_weight" else None
    if counted is None:
        return float(len(rows) if weight is None else weight.sum(dtype=float))
    return float(np.sum(counted if weight is None else counted * append_axes(weight, counted.ndim)))
