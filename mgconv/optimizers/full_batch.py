"""Optimizers that want the whole training set at every step, which is an epoch of `fit`. For small data and smooth
losses they need far fewer passes over it than those that follow one gradient a step."""
from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from mgconv._support.checks import check_count, check_not_negative, check_positive
from mgconv.optimizers.state import BaseOptimizer

MOST_TRIES = 30                # of a damping; the last one is 2^465 times the first


class LBFGS(BaseOptimizer):
    """L-BFGS over the whole training set, with SciPy's search for the length of each step (strong Wolfe conditions).

    Source: Nocedal and Wright, Numerical Optimization, 2006, algorithms 7.4 and 7.5. What it knows of the curvature
    stays from step to step: two slots of `state`, "position_change" and "gradient_change", of shape
    (history_size, parameters), the newest last.

    Parameters
    ----------
    max_iter : int
        Iterations a step. Each asks for loss and gradient once, as a rule.
    history_size : int
        Pairs of changes that stand for the curvature.
    tolerance_grad : float
        A step ends where no entry of the gradient is larger than this.
    tolerance_change : float
        A step ends after an iteration that lowers the loss by less than this share of it.
    name : str, optional
        By default the class's name in snake case.

    The loss should be smooth, and the same at each call: layers that draw (Dropout) mislead it. The other attributes
    are those of `BaseOptimizer`.
    """

    full_batch, slots = True, ("position_change", "gradient_change")

    def __init__(self, max_iter: int = 20, history_size: int = 10, tolerance_grad: float = 1e-8,
                 tolerance_change: float = 1e-12, name: str | None = None) -> None:
        super().__init__(name)
        self.max_iter = check_count("max_iter", max_iter, 1)
        self.history_size = check_count("history_size", history_size, 1)
        self.tolerance_grad = check_not_negative("tolerance_grad", tolerance_grad)
        self.tolerance_change = check_not_negative("tolerance_change", tolerance_change)

    def new_slot(self, slot, parameters):
        return np.zeros((self.history_size, parameters.size))

    def _views(self):
        return [*self._state.values()]

    def step(self, evaluate=None):
        at = _Latest(_given(self, evaluate))
        x = self._parameters.astype(float)
        for _ in range(self.max_iter):
            loss, slope = at(x)
            if not np.abs(slope).max() > self.tolerance_grad:
                break
            direction = self._direction(slope)
            length = _search(at, x, direction)
            if length is None and self._state["gradient_change"].any():       # what it knows misleads it: forget that
                for changes in self._state.values():
                    changes[:] = 0
                continue
            if length is None:
                break
            x = x + length * direction
            lower, new_slope = at(x)
            self._remember(length * direction, new_slope - slope)
            if loss - lower <= self.tolerance_change * abs(loss):
                break
        self._parameters[:] = x
        self._calls += 1

    def _direction(self, slope):
        """Minus the slope times the inverse Hessian that the pairs of changes stand for."""
        pairs = [(moved, bent, moved @ bent) for moved, bent in zip(*map(self._state.get, self.slots)) if bent.any()]
        direction, shares = -slope, []
        if not pairs:
            return direction / max(1.0, np.linalg.norm(slope))
        for moved, bent, product in reversed(pairs):
            shares.append(moved @ direction / product)
            direction = direction - shares[-1] * bent
        _, bent, product = pairs[-1]
        direction *= product / (bent @ bent)
        for (moved, bent, product), share in zip(pairs, reversed(shares)):
            direction += (share - bent @ direction / product) * moved
        return direction

    def _remember(self, moved, bent):
        if moved @ bent > 1e-12 * (bent @ bent):
            for slot, newest in zip(self.slots, (moved, bent)):
                changes = self._state[slot]
                changes[:-1] = changes[1:]
                changes[-1] = newest


class _Latest:
    """A function of the weights that knows its result at the latest point: searches ask for loss and gradient apart."""

    def __init__(self, evaluate):
        self.evaluate = evaluate
        self.x: Any = None
        self.result: Any = None

    def __call__(self, x):
        if self.x is None or not np.array_equal(x, self.x):
            self.x, self.result = x.copy(), self.evaluate(x)
        return self.result


def _search(at, x, direction):
    """How far to go, or None."""
    from scipy.optimize import line_search

    def value(x):
        return at(x)[0]

    def gradient(x):
        return at(x)[1]
    loss, slope = at(x)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")                # it says so where it finds nothing
        return line_search(value, gradient, x, direction, slope, loss, maxiter=20)[0]


class LevenbergMarquardt(BaseOptimizer):
    """Levenberg-Marquardt: least squares by linear models of the residuals over the whole training set.

    A step solves (J'J + damping I) h = -J'r for the residuals r and their Jacobian J, which costs a backward pass for
    each sample and output, and memory for residuals times weights numbers: for small networks. Damping grows until the
    step h lowers the sum of squares, and falls the more, the closer the gain is to what the linear model says (Nielsen,
    1999; Madsen, Nielsen and Tingleff, Methods for non-linear least squares problems, 2004, algorithm 3.16). Where
    nothing lowers it, the parameters and the damping stay.

    Parameters
    ----------
    damping : float
        What damping begins with, as a share of the largest entry of the diagonal of J'J.
    name : str, optional
        By default the class's name in snake case.

    The loss must be `mean_squared_error`. The slot "damping" of `state` holds one number, 0 before the first step. The
    other attributes are those of `BaseOptimizer`.
    """

    full_batch, needs, slots = True, "residuals", ("damping",)

    def __init__(self, damping: float = 1e-3, name: str | None = None) -> None:
        super().__init__(name)
        self.damping = check_positive("damping", damping)

    def new_slot(self, slot, parameters):
        return np.zeros(1)

    def _views(self):
        return [*self._state.values()]

    def step(self, evaluate=None):
        residuals, jacobian = _given(self, evaluate).residuals(), evaluate.jacobian()
        squares, slope, curvature = residuals @ residuals, jacobian.T @ residuals, jacobian.T @ jacobian
        if slope.any() and np.isfinite(squares):
            damping = float(self._state["damping"][0]) or self.damping * curvature.diagonal().max()
            self._state["damping"] = [self._descend(evaluate, squares, slope, curvature, damping)]
        self._calls += 1

    def _descend(self, evaluate, squares, slope, curvature, damping):
        """Move to where the sum of squares is smaller. Returns the damping to go on with."""
        start, tried, growth = self._parameters.copy(), damping, 2.0
        for _ in range(MOST_TRIES):
            step = np.linalg.solve(curvature + tried * np.eye(len(slope)), -slope)
            self._parameters[:] = start + step
            residuals = evaluate.residuals()
            gain = (squares - residuals @ residuals) / (step @ (tried * step - slope))
            if gain > 0:
                return tried * max(1 / 3, 1 - (2 * gain - 1) ** 3)
            tried, growth = tried * growth, 2 * growth
        self._parameters[:] = start
        return damping


def _given(optimizer, evaluate):
    if evaluate is None:
        raise ValueError(f"{type(optimizer).__name__} works on the whole training set: use `fit`, or give `step` a "
                         "function of the weights.")
    return evaluate
