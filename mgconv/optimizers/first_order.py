"""The optimizers of one gradient a step. Each `update` is the formula in NumPy, as Keras 3 has it; the compiled step of
the same name in src_c/optimizer.h does it in one pass."""
from __future__ import annotations

import math
from typing import Any

import numpy as np

from mgconv._support.checks import check_not_negative, check_share
from mgconv.optimizers.base import Optimizer


class SGD(Optimizer):
    """Gradient descent, p -= learning_rate g, or with a velocity that keeps the share `momentum` of itself.

    Parameters
    ----------
    momentum : float
        From 0 to 1.
    nesterov : bool
        Whether the step looks one velocity ahead (Sutskever et al., 2013).

    The others are those of `Optimizer`.
    """

    kernel, slots = "sgd", ("momentum",)

    def __init__(self, learning_rate: Any = 0.01, momentum: float = 0.0, nesterov: bool = False,
                 **settings: Any) -> None:
        super().__init__(learning_rate, **settings)
        self.momentum, self.nesterov = check_share("momentum", momentum), bool(nesterov)

    def wants(self, slot):
        return self.momentum > 0

    def coefficients(self, rate, t):
        return rate, self.momentum, self.nesterov

    def update(self, p, g, state, rate):
        step = -rate * g
        if self.momentum:
            velocity = state["momentum"] = self.momentum * state["momentum"] + step
            step = self.momentum * velocity + step if self.nesterov else velocity
        p += step


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
        Whether the variance takes the place of the mean square (Graves, 2013).

    The others are those of `Optimizer`.
    """

    kernel, slots = "rmsprop", ("velocity", "momentum", "average_gradient")

    def __init__(self, learning_rate: Any = 0.001, rho: float = 0.9, momentum: float = 0.0, epsilon: float = 1e-7,
                 centered: bool = False, **settings: Any) -> None:
        super().__init__(learning_rate, **settings)
        self.rho, self.momentum = check_share("rho", rho), check_share("momentum", momentum)
        self.epsilon, self.centered = check_not_negative("epsilon", epsilon), bool(centered)

    def wants(self, slot):
        return {"momentum": self.momentum > 0, "average_gradient": self.centered}.get(slot, True)

    def coefficients(self, rate, t):
        return rate, self.rho, self.momentum, self.epsilon

    def update(self, p, g, state, rate):
        square = state["velocity"] = self.rho * state["velocity"] + (1 - self.rho) * g * g
        if self.centered:
            mean = state["average_gradient"] = self.rho * state["average_gradient"] + (1 - self.rho) * g
            square = square - mean * mean
        step = rate * g / np.sqrt(square + self.epsilon)
        if self.momentum:
            step = state["momentum"] = self.momentum * state["momentum"] + step
        p -= step


class Adam(Optimizer):
    """The mean gradient over the root of its mean square (Kingma and Ba, 2015; amsgrad: Reddi et al., 2018).

    Parameters
    ----------
    beta_1, beta_2 : float
        The shares of themselves that mean and mean square keep, from 0 to below 1.
    epsilon : float
        Added to the root, before the bias correction.
    amsgrad : bool
        Whether the largest mean square so far takes the place of the present one.

    The others are those of `Optimizer`.
    """

    kernel, slots, _alternating = "adam", ("momentum", "velocity", "velocity_hat"), 2

    def __init__(self, learning_rate: Any = 0.001, beta_1: float = 0.9, beta_2: float = 0.999, epsilon: float = 1e-7,
                 amsgrad: bool = False, **settings: Any) -> None:
        super().__init__(learning_rate, **settings)
        self.beta_1 = check_share("beta_1", beta_1, below_one=True)
        self.beta_2 = check_share("beta_2", beta_2, below_one=True)
        self.epsilon, self.amsgrad = check_not_negative("epsilon", epsilon), bool(amsgrad)

    def wants(self, slot):
        return slot != "velocity_hat" or self.amsgrad

    def coefficients(self, rate, t):
        rate *= math.sqrt(1 - self.beta_2 ** t) / (1 - self.beta_1 ** t)
        return rate, self.beta_1, self.beta_2, self.epsilon

    def update(self, p, g, state, rate):
        rate = self.coefficients(rate, self.iterations + 1)[0]
        state["momentum"] += (1 - self.beta_1) * (g - state["momentum"])
        state["velocity"] += (1 - self.beta_2) * (g * g - state["velocity"])
        square = state["velocity"]
        if self.amsgrad:
            square = state["velocity_hat"] = np.maximum(state["velocity_hat"], square)
        p -= rate * state["momentum"] / (np.sqrt(square) + self.epsilon)


class AdamW(Adam):
    """Adam with weight decay by default (Loshchilov and Hutter, 2019). The parameters are those of `Adam`."""

    def __init__(self, learning_rate: Any = 0.001, weight_decay: float = 0.004, beta_1: float = 0.9,
                 beta_2: float = 0.999, epsilon: float = 1e-7, amsgrad: bool = False, **settings: Any) -> None:
        super().__init__(learning_rate, beta_1, beta_2, epsilon, amsgrad,
                         weight_decay=check_not_negative("weight_decay", weight_decay), **settings)
