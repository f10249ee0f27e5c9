"""Batch normalization: every channel to mean 0 and variance 1 over the batch.

Computed on arrays (rows, channels); other axes come there by transposition.
"""
from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mgconv import initializers
from mgconv._support.checks import check_share, integers
from mgconv._support.memory import aligned_empty
from mgconv.layers.binding import Bound
from mgconv.layers.normalization import _Normalization
from mgconv.layers.spatial import transposed_edge
from mgconv.native.rowwise import ColumnNorm

LIMITS = ["rmax", "rmin", "dmax"]          # keys of renorm_clipping


class BatchNormalization(_Normalization):
    """y = gamma (x - mean) / sqrt(variance + epsilon) + beta, channel by channel (Ioffe and Szegedy, 2015).

    In training, mean and variance are those of the batch, over all axes but `axis`; and moving averages follow them:
    moving = momentum moving + (1 - momentum) batch. In prediction, and in training if the layer is not `trainable`,
    the moving averages take their place. The variance is the mean of squared deviations, as in Keras (PyTorch's moving
    average takes another, larger by n / (n - 1)).

    With `renorm` (Ioffe, 2017, "Batch Renormalization"), training gives gamma (r x' + d) + beta, where x' is what the
    batch's statistics make of x; r = sqrt(variance + epsilon) / s and d = (mean - m) / s, with averages m and s of
    past batches' means and deviations, are taken as constants by the gradient.

    Parameters
    ----------
    axis : int
        That of the channels; not the batch.
    momentum : float
        From 0 to 1.
    epsilon : float
        Positive.
    center, scale : bool
        Whether there is a `beta`; a `gamma`.
    beta_initializer, gamma_initializer, moving_mean_initializer, moving_variance_initializer : optional
        What the weights hold at first.
    beta_regularizer, gamma_regularizer, beta_constraint, gamma_constraint : optional
        What they add to the loss, and what is applied after each step.
    renorm : bool
        Whether training comes near to what prediction will do, for small batches.
    renorm_clipping : dict, optional
        Any of "rmin" and "rmax", between which r is held, and "dmax", the bound of d's size.
    renorm_momentum : float
        From 0 to 1, of m and s.
    synchronized : bool
        As in Keras. One process sees the whole batch, so it makes no difference here.
    **layer
        As in `Layer`.

    Attributes
    ----------
    gamma, beta : ndarray or None
        (channels,)
    moving_mean, moving_variance : ndarray
        (channels,), not trained.
    moving_stddev, renorm_mean, renorm_stddev : ndarray
        (channels,), not trained, with `renorm`: the deviation that prediction's variance is the square of, m and s.

    Raises
    ------
    ValueError, TypeError
        If a parameter is out of range or of another type; when the layer is built, if the input has no such axis.

    Examples
    --------
    >>> from mgconv import layers
    >>> layer = layers.BatchNormalization(momentum=0.5)
    >>> layer([[1.0], [3.0]], training=True).round(3).ravel().tolist()
    [-1.0, 1.0]
    >>> layer.moving_mean.tolist(), layer.moving_variance.tolist()
    ([1.0], [1.0])
    """

    moving_mean: NDArray[Any]
    moving_variance: NDArray[Any]
    moving_stddev: NDArray[Any]
    renorm_mean: NDArray[Any]
    renorm_stddev: NDArray[Any]

    def __init__(self, axis: int = -1, momentum: float = 0.99, epsilon: float = 1e-3, center: bool = True,
                 scale: bool = True, beta_initializer: Any = "zeros", gamma_initializer: Any = "ones",
                 moving_mean_initializer: Any = "zeros", moving_variance_initializer: Any = "ones",
                 beta_regularizer: Any = None, gamma_regularizer: Any = None, beta_constraint: Any = None,
                 gamma_constraint: Any = None, renorm: bool = False,
                 renorm_clipping: Mapping[str, float] | None = None, renorm_momentum: float = 0.99,
                 synchronized: bool = False, **layer: Any) -> None:
        super().__init__(integers("axis", [axis])[0], epsilon, center, scale, beta_initializer, gamma_initializer,
                         beta_regularizer, gamma_regularizer, beta_constraint, gamma_constraint, **layer)
        self.momentum = check_share("momentum", momentum)
        self.moving_mean_initializer = initializers.get(moving_mean_initializer)
        self.moving_variance_initializer = initializers.get(moving_variance_initializer)
        self.renorm, self.synchronized = bool(renorm), bool(synchronized)
        self.renorm_clipping: Any = _checked(dict(renorm_clipping or {})) if renorm else renorm_clipping
        self.renorm_momentum = check_share("renorm_momentum", renorm_momentum)

    def build(self, input_shape, dtype=None):
        super().build(input_shape, dtype)
        axes = self.axes(len(input_shape))
        self.add_scale_and_offset(input_shape, axes, self.scale, self.center)
        shape = (input_shape[axes[0]],)
        self.add_weight("moving_mean", shape, self.moving_mean_initializer, trainable=False)
        self.add_weight("moving_variance", shape, self.moving_variance_initializer, trainable=False)
        if self.renorm:
            self.add_weight("moving_stddev", shape, trainable=False)[:] = np.sqrt(self.moving_variance)
            self.add_weight("renorm_mean", shape, self.moving_mean_initializer, trainable=False)
            self.add_weight("renorm_stddev", shape, trainable=False)[:] = self.moving_stddev

    def __call__(self, x: ArrayLike, training: bool = False, mask: ArrayLike | None = None) -> NDArray[Any]:
        """As for any layer; a batch's statistics are those of the places, all axes but the last, where `mask` is not
        0."""
        if mask is None:
            return super().__call__(x, training)
        x = np.asarray(x, self.dtype)
        if np.ndim(mask) != x.ndim - 1:
            raise ValueError("The mask provided should be one dimension less than the inputs. Received: "
                             f"mask.shape={np.shape(mask)}, inputs.shape={x.shape}.")
        if not self.built:
            self.build((None, *x.shape[1:]))
        if not (training and self.trainable):
            return super().__call__(x, training)
        self._check_input(x.shape)
        axis, = self.axes(x.ndim)
        x = np.moveaxis(x, axis, -1)
        seen = x[np.broadcast_to(np.asarray(mask, bool), x.shape[:-1])].astype(np.float64)
        count = len(seen) + 1e-7
        mean = seen.sum(0) / count
        variance = np.square(seen - mean).sum(0) / count
        factor, offset = self._follow(mean, variance)
        y = (x - mean) / np.sqrt(variance + self.epsilon) * factor + offset
        return np.moveaxis(y, -1, axis).astype(self.dtype)

    def _follow(self, mean, variance):
        """Move the averages towards those of a batch. What its normalized entries are multiplied by, and what is
        added: (channels,) each."""
        gamma, beta = (neutral if each is None else each for each, neutral in ((self.gamma, 1), (self.beta, 0)))
        if not self.renorm:
            _move(self.moving_mean, mean, self.momentum)
            _move(self.moving_variance, variance, self.momentum)
            return gamma, beta
        r, d = self._corrections(mean, variance)
        deviation = np.sqrt(variance + self.epsilon)
        _move(self.renorm_mean, mean, self.renorm_momentum)
        _move(self.renorm_stddev, deviation, self.renorm_momentum)
        _move(self.moving_mean, mean, self.momentum)
        _move(self.moving_stddev, deviation, self.momentum)
        self.moving_variance[:] = np.maximum(np.square(self.moving_stddev) - self.epsilon, 0)
        return gamma * r, gamma * d + beta

    def _corrections(self, mean, variance):
        """r and d of batch renormalization, (channels,) each."""
        past = np.maximum(self.renorm_stddev, np.sqrt(self.epsilon))
        limits = self.renorm_clipping
        r = np.minimum(np.maximum(np.sqrt(variance + self.epsilon) / past, limits.get("rmin", -np.inf)),
                       limits.get("rmax", np.inf))
        far = limits.get("dmax", np.inf)
        return r, np.clip((mean - self.renorm_mean) / past, -far, far)

    def factor_and_offset(self):
        """What prediction multiplies by and adds, in double precision: (channels,) each."""
        factor = (self.moving_variance + np.float64(self.epsilon)) ** -0.5 * (1 if self.gamma is None else self.gamma)
        return factor, (0 if self.beta is None else self.beta) - self.moving_mean * factor

    def bind(self, x, dx=None, training=False):
        return self._bind_any(x, dx, training, False)

    def bind_activated(self, function, x, dx=None, training=False):
        return self._bind_any(x, dx, training, True) if function.fused == "relu" else None

    def _bind_any(self, x, dx, training, relu):
        axis, = self.axes(x.ndim)
        if axis != x.ndim - 1:
            order = [*(i for i in range(x.ndim) if i != axis), axis]
            return transposed_edge(partial(self._bind, relu=relu), x, dx, training, order)
        return self._bind(x, dx, training, relu)

    def _bind(self, x, dx, training, relu):
        y, gradients = aligned_empty(x.shape, x.dtype), self.gradients
        learns = training and (dx is not None or gradients)
        # The gradient turns from y's to x's in place.
        dy = None if not learns else aligned_empty(x.shape, x.dtype) if dx is None else dx
        rows: list[Any] = [None if array is None else array.reshape(-1, x.shape[-1]) for array in (x, y, dy)]
        if self.renorm and training and self.trainable:
            return self._bind_renorm(rows, y, dy, relu, dx is not None)
        work = ColumnNorm(rows[0], rows[1], rows[2], self.gamma, self.beta, self.moving_mean, self.moving_variance,
                          gradients.get("gamma"), gradients.get("beta"), self.epsilon, self.momentum,
                          training and self.trainable, relu, dx is not None)
        return Bound(y, dy, [work.forward], [work.backward] if learns else [])

    def _bind_renorm(self, rows, y, dy, relu, to_x):
        """The batch's moments first, then all again with the scale and offset that follow from them."""
        gradients = self.gradients
        mean, variance, scale, offset, r, d, by_scale, by_offset = np.zeros((8, y.shape[-1]), y.dtype)
        work = ColumnNorm(rows[0], rows[1], rows[2], scale, offset, mean, variance, by_scale, by_offset, self.epsilon,
                          0.0, True, relu, to_x)

        def settle():
            r[:], d[:] = self._corrections(mean, variance)
            scale[:], offset[:] = self._follow(mean, variance)

        def backward():
            work.backward()
            if "beta" in gradients:
                gradients["beta"][:] = by_offset
            if "gamma" in gradients:
                gradients["gamma"][:] = r * by_scale + d * by_offset
        return Bound(y, dy, [work.forward, settle, work.forward], [] if dy is None else [backward])


def _move(average, now, momentum):
    average[:] = average * momentum + now * (1 - momentum)


def _checked(limits):
    """renorm_clipping's numbers, floats."""
    if set(limits) - set(LIMITS):
        raise ValueError(f"Received invalid keys for `renorm_clipping` argument: {limits}. Supported values: {LIMITS}.")
    limits = {key: float(value) for key, value in limits.items() if value is not None}
    if limits.get("rmin", -np.inf) > limits.get("rmax", np.inf):
        raise ValueError("rmax should be greater than rmin in the `renorm_clipping` argument. "
                         f"Received: rmax={limits['rmax']}, rmin={limits['rmin']}.")
    if limits.get("dmax", 0.0) < 0:
        raise ValueError("dmax should be non-negative in the `renorm_clipping` argument. "
                         f"Received: dmax={limits['dmax']}.")
    return limits
