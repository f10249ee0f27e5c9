"""Optimizers: each step is one pass over the flat vector that holds all parameters of a model.

Names, defaults and formulas are Keras 3's (Adam adds `epsilon` to the root and folds its bias corrections into the
rate); src_c/optimizer.h writes them out.
"""
import math
from typing import Any

import numpy as np

from mgconv import schedules
from mgconv._support.registry import Configurable, Registry
from mgconv.native.optimizer import FlatStep

__all__ = ["SGD", "Adam", "AdamW", "Optimizer", "RMSprop", "get", "schedules"]


class Optimizer(Configurable):
    """Base of all optimizers.

    Parameters
    ----------
    learning_rate : float or callable
        The rate, or a function of the number of steps done so far, such as `schedules.CosineDecay`.
    weight_decay : float, optional
        Before each step, parameters shrink by this share of the learning rate (decoupled decay).
    clipnorm : float, optional
        The gradient of each weight array is scaled down to this norm where its norm is larger.
    clipvalue : float, optional
        Each number of the gradient is cut at plus and minus this.
    global_clipnorm : float, optional
        The whole gradient is scaled down to this norm where its norm is larger.

    Attributes
    ----------
    iterations : int
        Steps done so far.
    learning_rate : float
        The present rate. It can be set, unless it follows a schedule.
    """

    def __init__(self, learning_rate: Any, weight_decay: float | None = None, clipnorm: float | None = None,
                 clipvalue: float | None = None, global_clipnorm: float | None = None) -> None:
        self._rate = _check_rate(learning_rate)
        for name, value in (("weight_decay", weight_decay), ("clipnorm", clipnorm), ("clipvalue", clipvalue),
                            ("global_clipnorm", global_clipnorm)):
            if value is not None:
                _not_negative(name, value)
        if sum(value is not None for value in (clipnorm, clipvalue, global_clipnorm)) > 1:
            raise ValueError("only one of `clipnorm`, `clipvalue`, `global_clipnorm` may be set. Received: "
                             f"clipnorm={clipnorm}, clipvalue={clipvalue}, global_clipnorm={global_clipnorm}.")
        self.weight_decay = weight_decay
        self.clipnorm, self.clipvalue, self.global_clipnorm = clipnorm, clipvalue, global_clipnorm
        self.iterations = 0
        self._flat: Any = None
        self._parameters: Any = None

    def __getstate__(self):
        """A copy, a pickle: the settings; it begins anew."""
        return self.__dict__ | {"iterations": 0, "_flat": None, "_parameters": None, "_gradient": None, "_parts": []}

    @property
    def learning_rate(self):
        return float(self._rate(self.iterations)) if callable(self._rate) else self._rate

    @learning_rate.setter
    def learning_rate(self, value):
        if callable(self._rate) and not callable(value):
            raise TypeError("`learning_rate` cannot be set to a number: it follows the schedule that the optimizer was "
                            f"made with. Received: learning_rate={value}.")
        self._rate = _check_rate(value)

    def build(self, parameters, gradient, parts=()):
        """Start anew on the flat vector `parameters`, whose gradient will be in `gradient`.

        `parts` are views of `gradient`, one for each weight array, for `clipnorm`.
        """
        self.iterations = 0
        self._parameters = parameters
        self._gradient, self._parts = gradient, list(parts)
        states = [np.zeros_like(parameters) if used else None for used in self.states()]
        self._flat = FlatStep(parameters, gradient, *states)

    def moves(self, parameters):
        """Whether it works on this vector: the one that it was last built for."""
        return self._parameters is parameters

    def states(self):
        """Which of the three state vectors of src_c/optimizer.h the settings need."""
        raise NotImplementedError(f"{type(self).__name__} must define states().")

    def apply(self, flat, rate, keep):
        """One step of `flat` at the learning rate `rate`; `keep` is the share of a parameter that decay leaves."""
        raise NotImplementedError(f"{type(self).__name__} must define apply(flat, rate, keep).")

    def step(self):
        """Move the parameters by the gradient, which may be overwritten."""
        if self.clipnorm is not None or self.clipvalue is not None or self.global_clipnorm is not None:
            self._clip()
        rate = self._rate
        if callable(rate):
            rate = float(rate(self.iterations))
        self.iterations += 1
        self.apply(self._flat, rate, 1 - self.weight_decay * rate if self.weight_decay else 1.0)

    def _clip(self):
        if self.clipvalue is not None:
            np.clip(self._gradient, -self.clipvalue, self.clipvalue, out=self._gradient)
        elif self.clipnorm is not None:
            for part in self._parts:
                _shorten(part, self.clipnorm)
        else:
            _shorten(self._gradient, self.global_clipnorm)


class SGD(Optimizer):
    """Gradient descent, p -= learning_rate g, or with a velocity that keeps the share `momentum` of itself.

    Parameters
    ----------
    momentum : float
        From 0 to 1.
    nesterov : bool
        Whether the step looks one velocity ahead.

    The others are those of `Optimizer`.
    """

    def __init__(self, learning_rate: Any = 0.01, momentum: float = 0.0, nesterov: bool = False,
                 weight_decay: float | None = None, clipnorm: float | None = None, clipvalue: float | None = None,
                 global_clipnorm: float | None = None) -> None:
        super().__init__(learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm)
        self.momentum, self.nesterov = _unit("momentum", momentum), bool(nesterov)

    def states(self):
        return [self.momentum > 0]

    def apply(self, flat, rate, keep):
        flat.sgd(rate, self.momentum, self.nesterov, keep)


class RMSprop(Optimizer):
    """The gradient over the root of its mean square (Hinton, 2012).

    Parameters
    ----------
    rho : float
        The share of itself that the mean square keeps, from 0 to 1.
    momentum : float
        From 0 to 1.
    epsilon : float
        Added under the root.
    centered : bool
        Whether the variance takes the place of the mean square.

    The others are those of `Optimizer`.
    """

    def __init__(self, learning_rate: Any = 0.001, rho: float = 0.9, momentum: float = 0.0, epsilon: float = 1e-7,
                 centered: bool = False, weight_decay: float | None = None, clipnorm: float | None = None,
                 clipvalue: float | None = None, global_clipnorm: float | None = None) -> None:
        super().__init__(learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm)
        self.rho, self.momentum = _unit("rho", rho), _unit("momentum", momentum)
        self.epsilon, self.centered = _not_negative("epsilon", epsilon), bool(centered)

    def states(self):
        return [True, self.momentum > 0, self.centered]

    def apply(self, flat, rate, keep):
        flat.rmsprop(rate, self.rho, self.momentum, self.epsilon, keep)


class Adam(Optimizer):
    """The mean gradient over the root of its mean square (Kingma and Ba, 2015; amsgrad: Reddi et al., 2018).

    Parameters
    ----------
    beta_1, beta_2 : float
        The shares of themselves that mean and mean square keep, from 0 to below 1.
    epsilon : float
        Added to the root.
    amsgrad : bool
        Whether the largest mean square so far takes the place of the present one.

    The others are those of `Optimizer`.
    """

    def __init__(self, learning_rate: Any = 0.001, beta_1: float = 0.9, beta_2: float = 0.999, epsilon: float = 1e-7,
                 amsgrad: bool = False, weight_decay: float | None = None, clipnorm: float | None = None,
                 clipvalue: float | None = None, global_clipnorm: float | None = None) -> None:
        super().__init__(learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm)
        self.beta_1, self.beta_2 = _unit("beta_1", beta_1, below=True), _unit("beta_2", beta_2, below=True)
        self.epsilon, self.amsgrad = _not_negative("epsilon", epsilon), bool(amsgrad)

    def states(self):
        return [True, True, self.amsgrad]

    def apply(self, flat, rate, keep):
        correction = math.sqrt(1 - self.beta_2 ** self.iterations) / (1 - self.beta_1 ** self.iterations)
        flat.adam(rate * correction, self.beta_1, self.beta_2, self.epsilon, keep)


class AdamW(Adam):
    """Adam with weight decay by default (Loshchilov and Hutter, 2019). The parameters are those of `Adam`."""

    def __init__(self, learning_rate: Any = 0.001, weight_decay: float | None = 0.004, beta_1: float = 0.9,
                 beta_2: float = 0.999, epsilon: float = 1e-7, amsgrad: bool = False, clipnorm: float | None = None,
                 clipvalue: float | None = None, global_clipnorm: float | None = None) -> None:
        super().__init__(learning_rate, beta_1, beta_2, epsilon, amsgrad, weight_decay, clipnorm, clipvalue,
                         global_clipnorm)


def _check_rate(rate):
    return rate if callable(rate) else float(_not_negative("learning_rate", rate))


def _not_negative(name, value):
    if not value >= 0:
        raise ValueError(f"`{name}` must not be negative. Received: {name}={value}.")
    return value


def _unit(name, value, below=False):
    if not 0 <= value <= 1 or (below and value == 1):
        raise ValueError(f"`{name}` must be from 0 to {'below ' * below}1. Received: {name}={value}.")
    return value


def _shorten(vector, norm):
    length = math.sqrt(np.add.reduce(np.square(vector, dtype=float), axis=None))
    if length > norm:
        np.multiply(vector, norm / length, out=vector)


registry = Registry("optimizer", Optimizer)
for _class in (SGD, RMSprop, Adam, AdamW):
    registry.add(_class)
get = registry.get
