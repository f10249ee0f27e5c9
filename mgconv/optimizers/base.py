"""What the optimizers that follow one gradient a step share: the rate, decay, clipping, averages, accumulation."""
from __future__ import annotations

import math
from typing import Any

import numpy as np

from mgconv._support.checks import check_count, check_not_negative, check_positive, check_share
from mgconv._support.registry import to_config
from mgconv.native.optimizer import FlatStep
from mgconv.optimizers import schedules
from mgconv.optimizers.state import BaseOptimizer


class Optimizer(BaseOptimizer):
    """Base of the optimizers that follow one gradient a step; a subclass defines `update`, and names its `slots`.

    Parameters
    ----------
    learning_rate : float, dict or callable
        The rate; or a function of the number of steps done so far, such as `schedules.CosineDecay`, or its
        configuration.
    weight_decay : float, optional
        Before each step, parameters shrink by this share of the learning rate (decoupled decay).
    clipnorm : float, optional
        The gradient of each weight array is scaled down to this norm where its norm is larger.
    clipvalue : float, optional
        Each number of the gradient is cut at plus and minus this.
    global_clipnorm : float, optional
        The whole gradient is scaled down to this norm where its norm is larger.
    use_ema : bool
        Whether to keep a moving average of the parameters (the slot "average"; the first step copies), which takes
        their place at the end of training.
    ema_momentum : float
        The share of itself that the average keeps, from 0 to 1.
    ema_overwrite_frequency : int, optional
        The average takes the parameters' place after every so many steps, too.
    loss_scale_factor : float, optional
        Gradients are those of the loss times this, and are divided by it.
    gradient_accumulation_steps : int, optional
        Only every so many calls of `step` make a step, by the mean of their gradients, which the slot
        "gradient_accumulator" adds up. `iterations` counts steps, a schedule is asked by the number of calls.
    name : str, optional
        By default the class's name in snake case.

    Attributes
    ----------
    iterations : int
        Steps done so far.
    learning_rate : float
        The present rate. It can be set, unless it follows a schedule.
    state : dict of str to ndarray
        The slots, flat vectors by name. `state[slot] = values` copies into the vector.
    kernel : str or None
        The compiled step of src_c/optimizer.h that does what the same class's `update` does.

    Examples
    --------
    >>> from mgconv import optimizers
    >>> class SignDescent(optimizers.Optimizer):
    ...     slots = ("momentum",)
    ...     def update(self, p, g, state, rate):
    ...         state["momentum"] = 0.9 * state["momentum"] + 0.1 * g
    ...         p -= rate * np.sign(state["momentum"])
    >>> SignDescent(0.01, weight_decay=0.1).name
    'sign_descent'
    """

    kernel: str | None = None

    def __init__(self, learning_rate: Any = 0.001, weight_decay: float | None = None, clipnorm: float | None = None,
                 clipvalue: float | None = None, global_clipnorm: float | None = None, use_ema: bool = False,
                 ema_momentum: float = 0.99, ema_overwrite_frequency: int | None = None,
                 loss_scale_factor: float | None = None, gradient_accumulation_steps: int | None = None,
                 name: str | None = None) -> None:
        super().__init__(name)
        self._rate = _check_rate(learning_rate)
        for setting, value in (("weight_decay", weight_decay), ("clipnorm", clipnorm), ("clipvalue", clipvalue),
                               ("global_clipnorm", global_clipnorm)):
            if value is not None:
                check_not_negative(setting, value)
        if sum(value is not None for value in (clipnorm, clipvalue, global_clipnorm)) > 1:
            raise ValueError("only one of `clipnorm`, `clipvalue`, `global_clipnorm` may be set. Received: "
                             f"clipnorm={clipnorm}, clipvalue={clipvalue}, global_clipnorm={global_clipnorm}.")
        self.weight_decay = weight_decay
        self.clipnorm, self.clipvalue, self.global_clipnorm = clipnorm, clipvalue, global_clipnorm
        self.use_ema, self.ema_momentum = bool(use_ema), check_share("ema_momentum", ema_momentum)
        self.ema_overwrite_frequency = ema_overwrite_frequency and check_count(
            "ema_overwrite_frequency", ema_overwrite_frequency, 1)
        self.loss_scale_factor = loss_scale_factor and check_positive("loss_scale_factor", loss_scale_factor)
        self.gradient_accumulation_steps = gradient_accumulation_steps and check_count(
            "gradient_accumulation_steps", gradient_accumulation_steps, 2)
        self._flat: Any = None
        self._plain = False       # whether a step is one compiled pass and no more

    def __setattr__(self, name, value):
        super().__setattr__(name, value)
        if name[0] != "_" and self.__dict__.get("_parameters") is not None:
            if (*self.wanted_slots(),) != (*self._state,):         # the setting needs others
                self._lay(self._state)
            self._plain = self._is_plain()

    def __getstate__(self):
        return super().__getstate__() | {"_flat": None, "_plain": False}

    def get_config(self):
        return super().get_config() | {"learning_rate": to_config(self._rate)}

    # ---------------------------------------------------------------------------------------------- its rate

    @property
    def learning_rate(self):
        return float(self._rate(self._calls)) if callable(self._rate) else self._rate

    @learning_rate.setter
    def learning_rate(self, value):
        rate = _check_rate(value)
        if callable(self._rate) and not callable(rate):
            raise TypeError("`learning_rate` cannot be set to a number: it follows the schedule that the optimizer was "
                            f"made with. Received: learning_rate={value}.")
        self._rate = rate

    @property
    def iterations(self):
        return self._calls // (self.gradient_accumulation_steps or 1)

    @iterations.setter
    def iterations(self, value):
        BaseOptimizer.iterations.fset(self, check_count("iterations", value, 0)      # type: ignore[attr-defined]
                                      * (self.gradient_accumulation_steps or 1))

    # ---------------------------------------------------------------------------------------------- its vectors

    def wanted_slots(self):
        own = tuple(slot for slot in self.slots if self.wants(slot))
        return (("average",) * self.use_ema + ("gradient_accumulator",) * bool(self.gradient_accumulation_steps) + own)

    def wants(self, slot):
        """Whether the settings need this one of `slots`."""
        return True

    def _lay(self, values):
        super()._lay(values)
        self._flat = None
        if self.kernel is not None and self._compiled():
            self._flat = FlatStep(self.kernel, self._parameters, self._gradient, *map(self._state.get, self.slots))
        self._plain = self._is_plain()

    def _is_plain(self):
        return self._flat is not None and not self.use_ema and all(setting is None for setting in (
            self.clipnorm, self.clipvalue, self.global_clipnorm, self.loss_scale_factor,
            self.gradient_accumulation_steps))

    def _compiled(self):
        """Whether there is a kernel that does what `update` does: not if a subclass redefined that alone."""
        for kind in type(self).__mro__:
            if "kernel" in vars(kind):
                return vars(kind)["kernel"] is not None
            if "update" in vars(kind):
                return False
        return False

    # ---------------------------------------------------------------------------------------------- its work

    def update(self, p, g, state, rate):
        """One step in NumPy: change the parameters `p` in place by their gradient `g` at the learning rate `rate`.

        `state` has the vectors named in `slots`; `state[slot] = values` copies. `iterations` counts the steps before
        this one. Decay, clipping and the like are done. `g` may be overwritten.
        """
        raise NotImplementedError(f"{type(self).__name__} must define update(p, g, state, rate).")

    def coefficients(self, rate, t):
        """What the compiled step number `t`, counted from 1, takes: the rate, and what src_c/optimizer.h says."""
        return (rate,)

    def step(self, evaluate=None):
        """Move the parameters by the gradient, which may be overwritten."""
        if not self._plain:
            self._prepare_and_move()
        else:
            rate = self._rate
            if callable(rate):
                rate = float(rate(self._calls))
            self._flat(1 - self.weight_decay * rate if self.weight_decay else 1.0,
                       self.coefficients(rate, self._calls + 1))
        self.__dict__["_calls"] += 1

    def _prepare_and_move(self):
        if self.loss_scale_factor is not None:
            np.divide(self._gradient, self.loss_scale_factor, out=self._gradient)
        if self.gradient_accumulation_steps is None or self._accumulate():
            self._move()
        if self.use_ema:
            self._average()

    def _move(self):
        if self.clipnorm is not None or self.clipvalue is not None or self.global_clipnorm is not None:
            self._clip()
        rate = self._rate
        if callable(rate):
            rate = float(rate(self._calls))
        keep = 1 - self.weight_decay * rate if self.weight_decay else 1.0
        if self._flat is not None:
            self._flat(keep, self.coefficients(rate, self.iterations + 1))
            return
        if keep != 1:
            np.multiply(self._parameters, keep, out=self._parameters)
        self.update(self._parameters, self._gradient, self._state, rate)

    def _accumulate(self):
        """Add the gradient up. Whether there are enough now: then the gradient is their mean."""
        total, steps = self._state["gradient_accumulator"], self.gradient_accumulation_steps or 1
        np.add(total, self._gradient, out=total)
        if (self._calls + 1) % steps:
            return False
        np.divide(total, steps, out=self._gradient)
        total[:] = 0
        return True

    def _average(self):
        """The moving average of the parameters; as in Keras it moves at every call, also of those that make no step."""
        average, keep, done = self._state["average"], self.ema_momentum, self.iterations
        if done == 0:
            average[:] = self._parameters
        else:
            average *= keep
            average += (1 - keep) * self._parameters
        if self.ema_overwrite_frequency is not None and (done + 1) % self.ema_overwrite_frequency == 0:
            self._parameters[:] = average

    def finalize(self):
        """The moving average, if there is one, takes the parameters' place."""
        if self.use_ema and self._calls and self._parameters is not None:
            self._parameters[:] = self._state["average"]

    def _clip(self):
        if self.clipvalue is not None:
            np.clip(self._gradient, -self.clipvalue, self.clipvalue, out=self._gradient)
        elif self.clipnorm is not None:
            for part in self._parts:
                _shorten(part, self.clipnorm)
        else:
            _shorten(self._gradient, self.global_clipnorm)


def _check_rate(rate):
    if isinstance(rate, dict):
        rate = schedules.get(rate)
    return rate if callable(rate) else float(check_not_negative("learning_rate", rate))


def _shorten(vector, norm):
    length = math.sqrt(np.add.reduce(np.square(vector, dtype=float), axis=None))
    if length > norm:
        np.multiply(vector, norm / length, out=vector)
