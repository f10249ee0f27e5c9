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


class Adagrad(Optimizer):
    """The gradient over the root of the sum of its squares (Duchi, Hazan and Singer, 2011).

    Parameters
    ----------
    initial_accumulator_value : float
        What the sums begin with.
    epsilon : float
        Added under the root.

    The others are those of `Optimizer`.
    """

    kernel, slots = "adagrad", ("accumulator",)

    def __init__(self, learning_rate: Any = 0.001, initial_accumulator_value: float = 0.1, epsilon: float = 1e-7,
                 **settings: Any) -> None:
        super().__init__(learning_rate, **settings)
        self.initial_accumulator_value = check_not_negative("initial_accumulator_value", initial_accumulator_value)
        self.epsilon = check_not_negative("epsilon", epsilon)

    def new_slot(self, slot, parameters):
        return np.full_like(parameters, self.initial_accumulator_value if slot == "accumulator" else 0)

    def coefficients(self, rate, t):
        return rate, self.epsilon

    def update(self, p, g, state, rate):
        state["accumulator"] += g * g
        p -= rate * g / np.sqrt(state["accumulator"] + self.epsilon)


class Adadelta(Optimizer):
    """The gradient by the ratio of two roots of mean squares, of the steps and of itself (Zeiler, 2012).

    Parameters
    ----------
    rho : float
        The share of themselves that the mean squares keep, from 0 to 1.
    epsilon : float
        Added under both roots.

    The others are those of `Optimizer`.
    """

    kernel, slots, _alternating = "adadelta", ("accumulated_grad", "accumulated_delta_var"), 2

    def __init__(self, learning_rate: Any = 0.001, rho: float = 0.95, epsilon: float = 1e-7, **settings: Any) -> None:
        super().__init__(learning_rate, **settings)
        self.rho, self.epsilon = check_share("rho", rho), check_not_negative("epsilon", epsilon)

    def coefficients(self, rate, t):
        return rate, self.rho, self.epsilon

    def update(self, p, g, state, rate):
        steps, new = state["accumulated_delta_var"], 1 - self.rho
        square = state["accumulated_grad"] = self.rho * state["accumulated_grad"] + new * g * g
        step = np.sqrt(steps + self.epsilon) * g / np.sqrt(square + self.epsilon)
        state["accumulated_delta_var"] = self.rho * steps + new * step * step
        p -= rate * step


class Adamax(Optimizer):
    """The mean gradient over its largest size, which fades (Kingma and Ba, 2015, section 7.1).

    Parameters
    ----------
    beta_1, beta_2 : float
        The shares of themselves that mean and size keep, from 0 to below 1.
    epsilon : float
        Added to the size.

    The others are those of `Optimizer`.
    """

    kernel, slots, _alternating = "adamax", ("momentum", "norm"), 2

    def __init__(self, learning_rate: Any = 0.001, beta_1: float = 0.9, beta_2: float = 0.999, epsilon: float = 1e-7,
                 **settings: Any) -> None:
        super().__init__(learning_rate, **settings)
        self.beta_1 = check_share("beta_1", beta_1, below_one=True)
        self.beta_2 = check_share("beta_2", beta_2, below_one=True)
        self.epsilon = check_not_negative("epsilon", epsilon)

    def coefficients(self, rate, t):
        return rate / (1 - self.beta_1 ** t), self.beta_1, self.beta_2, self.epsilon

    def update(self, p, g, state, rate):
        rate = self.coefficients(rate, self.iterations + 1)[0]
        state["momentum"] += (1 - self.beta_1) * (g - state["momentum"])
        state["norm"] = np.maximum(self.beta_2 * state["norm"], np.abs(g))
        p -= rate * state["momentum"] / (state["norm"] + self.epsilon)


class Nadam(Optimizer):
    """Adam that looks one step of its mean ahead (Dozat, 2016), with a share beta_1 that grows from step to step.

    Parameters
    ----------
    beta_1, beta_2 : float
        The shares of themselves that mean and mean square keep, from 0 to below 1; at step t the first one is
        beta_1 (1 - 0.96^t / 2).
    epsilon : float
        Added to the root.

    The others are those of `Optimizer`.
    """

    kernel, slots, _alternating = "nadam", ("momentum", "velocity"), 2

    def __init__(self, learning_rate: Any = 0.001, beta_1: float = 0.9, beta_2: float = 0.999, epsilon: float = 1e-7,
                 **settings: Any) -> None:
        super().__init__(learning_rate, **settings)
        self.beta_1 = check_share("beta_1", beta_1, below_one=True)
        self.beta_2 = check_share("beta_2", beta_2, below_one=True)
        self.epsilon = check_not_negative("epsilon", epsilon)
        self._product = 0, 1.0             # of the shares of so many steps

    def _share(self, t):
        return self.beta_1 * (1 - 0.5 * 0.96 ** t)

    def _product_of_shares(self, t):
        done, product = self._product if self._product[0] <= t else (0, 1.0)
        for step in range(done + 1, t + 1):
            product *= self._share(step)
        self._product = t, product
        return product

    def coefficients(self, rate, t):
        product, following = self._product_of_shares(t), self._share(t + 1)
        return (rate * following / (1 - product * following), self.beta_1, self.beta_2, self.epsilon,
                rate * (1 - self._share(t)) / (1 - product), 1 / (1 - self.beta_2 ** t))

    def update(self, p, g, state, rate):
        rate, _, _, _, now, scale = self.coefficients(rate, self.iterations + 1)
        state["momentum"] += (1 - self.beta_1) * (g - state["momentum"])
        state["velocity"] += (1 - self.beta_2) * (g * g - state["velocity"])
        p -= (rate * state["momentum"] + now * g) / (np.sqrt(scale * state["velocity"]) + self.epsilon)

    def _numbers(self):
        return [self._product_of_shares(self.iterations)]


class Lion(Optimizer):
    """Steps of one size, by the sign of a mean gradient (Chen et al., 2023).

    Parameters
    ----------
    beta_1 : float
        The share of the mean gradient in the sum whose sign counts, from 0 to 1.
    beta_2 : float
        The share of itself that the mean gradient keeps, from 0 to 1.

    The others are those of `Optimizer`.
    """

    kernel, slots = "lion", ("momentum",)

    def __init__(self, learning_rate: Any = 0.001, beta_1: float = 0.9, beta_2: float = 0.99, **settings: Any) -> None:
        super().__init__(learning_rate, **settings)
        self.beta_1, self.beta_2 = check_share("beta_1", beta_1), check_share("beta_2", beta_2)

    def coefficients(self, rate, t):
        return rate, self.beta_1, self.beta_2

    def update(self, p, g, state, rate):
        p -= rate * np.sign(self.beta_1 * state["momentum"] + (1 - self.beta_1) * g)
        state["momentum"] = self.beta_2 * state["momentum"] + (1 - self.beta_2) * g


class Ftrl(Optimizer):
    """Follow the regularized leader (McMahan et al., 2013): sparse parameters by an L1 penalty. In NumPy alone.

    Parameters
    ----------
    learning_rate_power : float
        Minus the power of the sum of squares that the rate is divided by; not positive.
    initial_accumulator_value : float
        What the sums of squares begin with.
    l1_regularization_strength, l2_regularization_strength : float
        Weights of the penalties.
    l2_shrinkage_regularization_strength : float
        Adds twice so much of the parameters to their gradient.
    beta : float
        As in the paper.

    The others are those of `Optimizer`.
    """

    slots, _alternating = ("accumulator", "linear"), 2

    def __init__(self, learning_rate: Any = 0.001, learning_rate_power: float = -0.5,
                 initial_accumulator_value: float = 0.1, l1_regularization_strength: float = 0.0,
                 l2_regularization_strength: float = 0.0, l2_shrinkage_regularization_strength: float = 0.0,
                 beta: float = 0.0, **settings: Any) -> None:
        super().__init__(learning_rate, **settings)
        if not learning_rate_power <= 0:
            raise ValueError("`learning_rate_power` must not be positive. "
                             f"Received: learning_rate_power={learning_rate_power}.")
        self.learning_rate_power = learning_rate_power
        self.initial_accumulator_value = check_not_negative("initial_accumulator_value", initial_accumulator_value)
        self.l1_regularization_strength = check_not_negative("l1_regularization_strength", l1_regularization_strength)
        self.l2_regularization_strength = check_not_negative("l2_regularization_strength", l2_regularization_strength)
        self.l2_shrinkage_regularization_strength = check_not_negative(
            "l2_shrinkage_regularization_strength", l2_shrinkage_regularization_strength)
        self.beta = beta

    def new_slot(self, slot, parameters):
        return np.full_like(parameters, self.initial_accumulator_value if slot == "accumulator" else 0)

    def update(self, p, g, state, rate):
        power, l1 = -self.learning_rate_power, self.l1_regularization_strength
        squares = state["accumulator"] + g * g
        root, former = squares ** power, state["accumulator"] ** power
        linear = state["linear"]
        linear += g + 2 * self.l2_shrinkage_regularization_strength * p - (root - former) / rate * p
        curvature = root / rate + 2 * (self.l2_regularization_strength + self.beta / (2 * rate))
        p[:] = (np.clip(linear, -l1, l1) - linear) / curvature
        state["accumulator"] = squares
