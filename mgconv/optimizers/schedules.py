"""Learning rates that follow the number of steps done; `mgconv.optimizers.schedules`. Formulas are Keras 3's."""
from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from mgconv._support.checks import check_count, check_not_negative, check_number, check_positive
from mgconv._support.registry import Configurable, Registry


class LearningRateSchedule(Configurable):
    """Base of all schedules; any function of the step number will do in their place.

    Parameters
    ----------
    name : str, optional
        By default Keras's: in most cases the class's name.
    """

    _called: str | None = None

    def __init__(self, name: str | None = None) -> None:
        self.name = name or self._called or type(self).__name__

    def __call__(self, step):
        """The learning rate of the step that comes after `step` steps."""
        raise NotImplementedError(f"{type(self).__name__} must define __call__(step).")


class ExponentialDecay(LearningRateSchedule):
    """initial_learning_rate decay_rate^(step / decay_steps)

    Parameters
    ----------
    initial_learning_rate, decay_steps, decay_rate : float
        As in the formula.
    staircase : bool
        Whether the exponent is rounded down, so that the rate falls every `decay_steps` steps.
    name : str, optional
        See `LearningRateSchedule`.

    Examples
    --------
    >>> from mgconv.optimizers import schedules
    >>> schedules.ExponentialDecay(0.1, 100, 0.5)(200)
    0.025
    """

    def __init__(self, initial_learning_rate: float, decay_steps: int, decay_rate: float, staircase: bool = False,
                 **settings: Any) -> None:
        super().__init__(**settings)
        self.initial_learning_rate = check_not_negative("initial_learning_rate", initial_learning_rate)
        self.decay_steps = check_positive("decay_steps", decay_steps)
        self.decay_rate, self.staircase = check_not_negative("decay_rate", decay_rate), bool(staircase)

    def __call__(self, step):
        periods = step // self.decay_steps if self.staircase else step / self.decay_steps
        return self.initial_learning_rate * self.decay_rate ** periods


class InverseTimeDecay(LearningRateSchedule):
    """initial_learning_rate / (1 + decay_rate step / decay_steps)

    Parameters
    ----------
    initial_learning_rate, decay_steps, decay_rate : float
        As in the formula.
    staircase : bool
        Whether step / decay_steps is rounded down.
    name : str, optional
        See `LearningRateSchedule`.
    """

    def __init__(self, initial_learning_rate: float, decay_steps: int, decay_rate: float, staircase: bool = False,
                 **settings: Any) -> None:
        super().__init__(**settings)
        self.initial_learning_rate = check_not_negative("initial_learning_rate", initial_learning_rate)
        self.decay_steps = check_positive("decay_steps", decay_steps)
        self.decay_rate, self.staircase = check_not_negative("decay_rate", decay_rate), bool(staircase)

    def __call__(self, step):
        periods = step // self.decay_steps if self.staircase else step / self.decay_steps
        return self.initial_learning_rate / (1 + self.decay_rate * periods)


class PolynomialDecay(LearningRateSchedule):
    """end_learning_rate + (initial_learning_rate - end_learning_rate) (1 - step / decay_steps)^power

    Parameters
    ----------
    initial_learning_rate, end_learning_rate, power : float
        As in the formula.
    decay_steps : int
        Steps until the rate stays at the end.
    cycle : bool
        Whether, in place of staying there, `decay_steps` counts as its first multiple that is not passed yet.
    name : str, optional
        See `LearningRateSchedule`.
    """

    def __init__(self, initial_learning_rate: float, decay_steps: int, end_learning_rate: float = 0.0001,
                 power: float = 1.0, cycle: bool = False, **settings: Any) -> None:
        super().__init__(**settings)
        self.initial_learning_rate = check_not_negative("initial_learning_rate", initial_learning_rate)
        self.end_learning_rate = check_not_negative("end_learning_rate", end_learning_rate)
        self.decay_steps = check_positive("decay_steps", decay_steps)
        self.power, self.cycle = check_not_negative("power", power), bool(cycle)

    def __call__(self, step):
        periods = max(1, math.ceil(step / self.decay_steps)) if self.cycle else 1
        share = 1 - min(step / (periods * self.decay_steps), 1)
        return self.end_learning_rate + (self.initial_learning_rate - self.end_learning_rate) * share ** self.power


class CosineDecay(LearningRateSchedule):
    """Half a cosine from the initial rate down to the share `alpha` of it (Loshchilov and Hutter, 2017).

    Parameters
    ----------
    initial_learning_rate : float
        The rate at the start.
    decay_steps : int
        Steps until the rate stays at the end.
    alpha : float
        The last rate, as a share of the first.
    warmup_target : float, optional
        If set, the rate first rises linearly to this, and falls from there.
    warmup_steps : int
        Steps of that rise, before `decay_steps` begin.
    name : str, optional
        See `LearningRateSchedule`.

    Examples
    --------
    >>> from mgconv.optimizers import schedules
    >>> rate = schedules.CosineDecay(0.1, 100)
    >>> rate(0), round(rate(50), 12), rate(100)
    (0.1, 0.05, 0.0)
    """

    def __init__(self, initial_learning_rate: float, decay_steps: int, alpha: float = 0.0, *,
                 warmup_target: float | None = None, warmup_steps: int = 0, **settings: Any) -> None:
        super().__init__(**settings)
        self.initial_learning_rate = check_not_negative("initial_learning_rate", initial_learning_rate)
        self.decay_steps, self.alpha = check_positive("decay_steps", decay_steps), check_not_negative("alpha", alpha)
        self.warmup_target = None if warmup_target is None else check_not_negative("warmup_target", warmup_target)
        self.warmup_steps = check_count("warmup_steps", warmup_steps, 0)

    def __call__(self, step):
        start = self.initial_learning_rate
        if self.warmup_target is not None:
            if step < self.warmup_steps:
                return start + (self.warmup_target - start) * step / self.warmup_steps
            start, step = self.warmup_target, step - self.warmup_steps
        return start * ((1 - self.alpha) * _cosine(min(step, self.decay_steps), self.decay_steps) + self.alpha)


class CosineDecayRestarts(LearningRateSchedule):
    """Half a cosine again and again (Loshchilov and Hutter, 2017).

    Parameters
    ----------
    initial_learning_rate : float
        The rate at the start.
    first_decay_steps : int
        Steps of the first descent.
    t_mul : float
        Each descent takes so many times the steps of the one before; at least 1.
    m_mul : float
        Each descent is so many times as high as the one before.
    alpha : float
        The last rate of every descent, as a share of `initial_learning_rate`.
    name : str, optional
        See `LearningRateSchedule`.
    """

    _called = "SGDRDecay"

    def __init__(self, initial_learning_rate: float, first_decay_steps: int, t_mul: float = 2.0, m_mul: float = 1.0,
                 alpha: float = 0.0, **settings: Any) -> None:
        super().__init__(**settings)
        self.initial_learning_rate = check_not_negative("initial_learning_rate", initial_learning_rate)
        self.first_decay_steps = check_positive("first_decay_steps", first_decay_steps)
        if check_number("t_mul", t_mul) < 1:
            raise ValueError(f"`t_mul` must be at least 1. Received: t_mul={t_mul}.")
        self.t_mul, self.m_mul = t_mul, check_not_negative("m_mul", m_mul)
        self.alpha = check_not_negative("alpha", alpha)

    def __call__(self, step):
        height, steps = 1.0, self.first_decay_steps
        if self.t_mul == 1:
            height, step = self.m_mul ** (step // steps), step % steps
        while step >= steps:
            step -= steps
            height, steps = height * self.m_mul, steps * self.t_mul
        return self.initial_learning_rate * ((1 - self.alpha) * height * _cosine(step, steps) + self.alpha)


class PiecewiseConstantDecay(LearningRateSchedule):
    """values[i] up to and including step boundaries[i], and the last value after.

    Parameters
    ----------
    boundaries : sequence of int
        Increasing.
    values : sequence of float
        One more than `boundaries`.
    name : str, optional
        See `LearningRateSchedule`.
    """

    _called = "PiecewiseConstant"

    def __init__(self, boundaries: Sequence[int], values: Sequence[float], **settings: Any) -> None:
        super().__init__(**settings)
        if len(boundaries) != len(values) - 1:
            raise ValueError("`values` must have one entry more than `boundaries`. "
                             f"Received: {len(values)} and {len(boundaries)}.")
        self.boundaries, self.values = list(boundaries), list(values)

    def __call__(self, step):
        return self.values[sum(step > boundary for boundary in self.boundaries)]


def _cosine(step, steps):
    """Half a cosine from 1 at step 0 to 0 at `steps`."""
    return 0.5 * (1 + math.cos(math.pi * step / steps))


registry = Registry("schedule", LearningRateSchedule)
for _class in (ExponentialDecay, InverseTimeDecay, PolynomialDecay, CosineDecay, CosineDecayRestarts,
               PiecewiseConstantDecay):
    registry.add(_class)
get = registry.get
