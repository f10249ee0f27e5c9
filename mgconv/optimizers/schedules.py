"""Learning rates that follow the number of steps done; `mgconv.optimizers.schedules`. Formulas are Keras 3's."""
from __future__ import annotations

import math
from collections.abc import Sequence

from mgconv._support.checks import check_positive
from mgconv._support.registry import Configurable, Registry


class LearningRateSchedule(Configurable):
    """Base of all schedules; any function of the step number will do in their place."""

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

    Examples
    --------
    >>> from mgconv.optimizers import schedules
    >>> schedules.ExponentialDecay(0.1, 100, 0.5)(200)
    0.025
    """

    def __init__(self, initial_learning_rate: float, decay_steps: int, decay_rate: float,
                 staircase: bool = False) -> None:
        self.initial_learning_rate, self.decay_rate = initial_learning_rate, decay_rate
        self.decay_steps, self.staircase = check_positive("decay_steps", decay_steps), staircase

    def __call__(self, step):
        exponent = step // self.decay_steps if self.staircase else step / self.decay_steps
        return self.initial_learning_rate * self.decay_rate ** exponent


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

    Examples
    --------
    >>> from mgconv.optimizers import schedules
    >>> rate = schedules.CosineDecay(0.1, 100)
    >>> rate(0), round(rate(50), 12), rate(100)
    (0.1, 0.05, 0.0)
    """

    def __init__(self, initial_learning_rate: float, decay_steps: int, alpha: float = 0.0, *,
                 warmup_target: float | None = None, warmup_steps: int = 0) -> None:
        self.initial_learning_rate, self.alpha = initial_learning_rate, alpha
        self.decay_steps = check_positive("decay_steps", decay_steps)
        self.warmup_target, self.warmup_steps = warmup_target, warmup_steps

    def __call__(self, step):
        start = self.initial_learning_rate
        if self.warmup_target is not None:
            if step < self.warmup_steps:
                return start + (self.warmup_target - start) * step / self.warmup_steps
            start, step = self.warmup_target, step - self.warmup_steps
        share = 0.5 * (1 + math.cos(math.pi * min(step, self.decay_steps) / self.decay_steps))
        return start * ((1 - self.alpha) * share + self.alpha)


class PiecewiseConstantDecay(LearningRateSchedule):
    """values[i] up to and including step boundaries[i], and the last value after.

    Parameters
    ----------
    boundaries : sequence of int
        Increasing.
    values : sequence of float
        One more than `boundaries`.
    """

    def __init__(self, boundaries: Sequence[int], values: Sequence[float]) -> None:
        if len(boundaries) != len(values) - 1:
            raise ValueError("`values` must have one entry more than `boundaries`. "
                             f"Received: {len(values)} and {len(boundaries)}.")
        self.boundaries, self.values = list(boundaries), list(values)

    def __call__(self, step):
        return self.values[sum(step > boundary for boundary in self.boundaries)]


registry = Registry("schedule", LearningRateSchedule)
for _class in (ExponentialDecay, CosineDecay, PiecewiseConstantDecay):
    registry.add(_class)
get = registry.get
