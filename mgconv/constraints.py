"""Where weights must stay: each constraint maps an array to the nearest allowed one, after each step of training.

Names, arguments, defaults and formulas are Keras's. Norms are taken along `axis`: 0 for the weights into each unit of a
Dense kernel (inputs, units), [0, 1] for each filter of a Conv1D kernel (taps, inputs, filters), [0, 1, 2] for Conv2D.
A norm of 0 stays 0: norms are divided by with 1e-7 added, as in Keras.
"""
from typing import Any

import numpy as np

from mgconv._support.checks import check_not_negative, check_share, integers
from mgconv._support.registry import Configurable, Registry

_EPSILON = 1e-7


class Constraint(Configurable):
    """Base of all: an object that is called with a weight array, and gives the array to take its place."""

    def __call__(self, w):
        """What `w` becomes: a fresh array of its shape and dtype."""
        raise NotImplementedError(f"{type(self).__name__} must define __call__(w).")


class NonNeg(Constraint):
    """max(w, 0)

    Examples
    --------
    >>> import numpy as np
    >>> NonNeg()(np.array([-1.0, 2.0])).tolist()
    [0.0, 2.0]
    """

    def __call__(self, w):
        return np.maximum(w, 0)


class _Norm(Constraint):
    """A constraint of norms along `axis`: `wanted` says what they become."""

    def __init__(self, axis):
        self.axis = axis if hasattr(axis, "__index__") else list(integers("axis", axis))

    def __call__(self, w):
        axis = self.axis if hasattr(self.axis, "__index__") else tuple(self.axis)
        norms = np.sqrt(np.square(w).sum(axis=axis, keepdims=True))
        return w * (self.wanted(norms) / (norms + np.asarray(_EPSILON, norms.dtype)))

    def wanted(self, norms):
        raise NotImplementedError


class MaxNorm(_Norm):
    """Shrinks weights to the norm `max_value` along `axis` where it is larger."""

    def __init__(self, max_value: float = 2, axis: Any = 0) -> None:
        super().__init__(axis)
        self.max_value = check_not_negative("max_value", max_value)

    def wanted(self, norms):
        return np.minimum(norms, self.max_value)


class UnitNorm(_Norm):
    """Scales weights to the norm 1 along `axis`."""

    def __init__(self, axis: Any = 0) -> None:
        super().__init__(axis)

    def wanted(self, norms):
        return np.ones_like(norms)


class MinMaxNorm(_Norm):
    """Moves norms along `axis` that are not from `min_value` to `max_value` the share `rate` of the way to it.

    Examples
    --------
    >>> import numpy as np
    >>> MinMaxNorm(min_value=1.0, max_value=2.0)(np.array([[3.0], [4.0]])).round(3).tolist()
    [[1.2], [1.6]]
    """

    def __init__(self, min_value: float = 0.0, max_value: float = 1.0, rate: float = 1.0, axis: Any = 0) -> None:
        super().__init__(axis)
        self.min_value, self.max_value = check_not_negative("min_value", min_value), check_not_negative("max_value",
                                                                                                        max_value)
        if min_value > max_value:
            raise ValueError("`min_value` must not be above `max_value`. Received: "
                             f"min_value={min_value}, max_value={max_value}.")
        self.rate = check_share("rate", rate)

    def wanted(self, norms):
        return self.rate * np.clip(norms, self.min_value, self.max_value) + (1 - self.rate) * norms


registry = Registry("constraint", Constraint)
for _class in (NonNeg, MaxNorm, UnitNorm, MinMaxNorm):
    registry.add(_class)


def get(identifier):
    """The constraint that a name, a class, a configuration or a `Constraint` means; None means none, and stays None.

    Raises
    ------
    ValueError
        For an unknown name; the message lists the known ones.
    TypeError
        For anything else.
    """
    return None if identifier is None else registry.get(identifier)
