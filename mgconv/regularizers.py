"""Penalties on weights, each with its gradient; names, arguments and defaults are Keras's.

A penalty is a number that training adds to the loss, and `gradient` what it adds to the gradient. A class of one's own
defines both:

    class Roughness(mgconv.regularizers.Regularizer):
        def __call__(self, w):
            return float(np.square(np.diff(w, axis=0)).sum())

        def gradient(self, w):
            step = 2 * np.diff(w, axis=0, prepend=w[:1], append=w[-1:])
            return step[:-1] - step[1:]
"""
import math

import numpy as np

from mgconv._support.checks import check_choice, check_not_negative
from mgconv._support.registry import Configurable, Registry


class Regularizer(Configurable):
    """Base of all: called with a weight array it gives the penalty; `gradient` gives the penalty's derivative."""

    def __call__(self, w):
        """The penalty of the array `w` as a Python float."""
        raise NotImplementedError(f"{type(self).__name__} must define __call__(w).")

    def gradient(self, w):
        """The penalty's derivative to each entry of `w`: a fresh array of its shape and dtype."""
        raise NotImplementedError(f"{type(self).__name__} must define gradient(w).")


class L1L2(Regularizer):
    """l1 sum(abs(w)) + l2 sum(w^2)

    Parameters
    ----------
    l1, l2 : float
        Factors of at least 0. Where w is 0, the derivative of abs(w) counts as 0.

    Examples
    --------
    >>> import numpy as np
    >>> penalty = L1L2(l1=1.0, l2=0.5)
    >>> penalty(np.array([1.0, -2.0])), penalty.gradient(np.array([1.0, -2.0])).tolist()
    (5.5, [2.0, -3.0])
    """

    def __init__(self, l1: float = 0.0, l2: float = 0.0) -> None:
        self.l1, self.l2 = _factor("l1", l1), _factor("l2", l2)

    def __call__(self, w):
        l1 = self.l1 * float(np.abs(w).sum()) if self.l1 else 0.0
        return l1 + self.l2 * float(np.square(w).sum()) if self.l2 else l1

    def gradient(self, w):
        slope = np.multiply(w, 2 * self.l2)
        return slope + self.l1 * np.sign(w) if self.l1 else slope


class L1(L1L2):
    """l1 sum(abs(w)), which drives weights to exactly 0."""

    def __init__(self, l1: float = 0.01) -> None:
        super().__init__(l1=l1)


class L2(L1L2):
    """l2 sum(w^2)"""

    def __init__(self, l2: float = 0.01) -> None:
        super().__init__(l2=l2)


class OrthogonalRegularizer(Regularizer):
    """`factor` times the mean of abs(cos) of the angles between the rows (or columns) of a matrix.

    Parameters
    ----------
    factor : float
        At least 0.
    mode : {"rows", "columns"}
        What is driven towards right angles. A single row has no other: its penalty is 0 (Keras says NaN).

    Raises
    ------
    ValueError
        When it is called with an array that is no matrix.
    """

    def __init__(self, factor: float = 0.01, mode: str = "rows") -> None:
        self.factor = _factor("factor", factor)
        self.mode = check_choice("mode", mode, ("rows", "columns"))

    def __call__(self, w):
        _, units, cosines = self._angles(w)
        return self._share(len(units)) * float(np.abs(cosines).sum())

    def gradient(self, w):
        length, units, cosines = self._angles(w)
        # Every pair stands twice in `cosines`. What would change a row's length changes no angle.
        slope = 2 * self._share(len(units)) * (np.sign(cosines) @ units)
        slope = (slope - units * (slope * units).sum(axis=1, keepdims=True)) / length
        return np.ascontiguousarray(slope if self.mode == "rows" else slope.T, np.asarray(w).dtype)

    def _angles(self, w):
        """Lengths of the rows, rows of length 1, and the cosines between them, with 0 on the diagonal."""
        w = np.asarray(w)
        if w.ndim != 2:
            raise ValueError(f"OrthogonalRegularizer takes a matrix. Received: an array of shape {w.shape}.")
        rows = w if self.mode == "rows" else w.T
        length = np.sqrt(np.square(rows).sum(axis=1, keepdims=True))
        length[length == 0] = 1
        units = rows / length
        cosines = units @ units.T
        np.fill_diagonal(cosines, 0)
        return length, units, cosines

    def _share(self, count):
        return self.factor / max(1, count * (count - 1))


def _factor(name, value):
    if math.isinf(check_not_negative(name, value)):
        raise ValueError(f"`{name}` must be finite. Received: {name}={value}.")
    return float(value)


registry = Registry("regularizer", Regularizer)
for _class, *_aliases in ((L1,), (L2,), (L1L2, "l1_l2"), (OrthogonalRegularizer,)):
    registry.add(_class, *_aliases)


def get(identifier):
    """The regularizer that a name, a class, a configuration or a `Regularizer` means; None means none, and stays None.

    Raises
    ------
    ValueError
        For an unknown name; the message lists the known ones.
    TypeError
        For anything else: a plain function has no gradient to train with.
    """
    return None if identifier is None else registry.get(identifier)
