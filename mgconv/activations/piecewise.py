"""Activations of straight pieces, and parabolas: no function of the C library is called.

At a kink the derivative is that of the flatter side.
"""
import numpy as np

from mgconv._support.checks import check_not_negative, check_number
from mgconv.activations.base import Activation, registry


class Linear(Activation):
    """x"""

    def forward(self, x, y):
        if y is not x:
            np.copyto(y, x)

    def backward(self, source, dy):
        pass


class ReLU(Activation):
    """max(x, 0); in general x from `threshold` to `max_value`, max_value above, negative_slope (x - threshold) below

    Parameters
    ----------
    negative_slope, threshold : float
        At least 0.
    max_value : float, optional
        At least 0; by default there is no upper end.
    """

    def __init__(self, negative_slope: float = 0.0, max_value: float | None = None, threshold: float = 0.0) -> None:
        self.negative_slope = check_not_negative("negative_slope", negative_slope)
        self.max_value = None if max_value is None else check_not_negative("max_value", max_value)
        self.threshold = check_not_negative("threshold", threshold)
        plain = max_value is None and negative_slope == threshold == 0
        self.needs_input, self.fused = not plain, "relu" if plain else None

    def forward(self, x, y):
        if not self.needs_input:
            np.maximum(x, 0, out=y)
            return
        below = np.minimum(x - x.dtype.type(self.threshold), 0) if self.negative_slope else None
        above = np.where(x <= self.threshold, 0, x)                   # NaN stays
        np.minimum(above, np.inf if self.max_value is None else self.max_value, out=y)
        if below is not None:
            np.add(y, self.negative_slope * below, out=y)

    def backward(self, source, dy):
        if not self.needs_input:
            np.multiply(dy, source > 0, out=dy)
            return
        inside = source > self.threshold
        if self.max_value is not None:
            inside &= source < self.max_value
        if self.negative_slope:
            inside = np.where(source <= self.threshold, dy.dtype.type(self.negative_slope), inside)
        np.multiply(dy, inside, out=dy)


class ReLU6(Activation):
    """min(max(x, 0), 6)"""

    def forward(self, x, y):
        np.clip(x, 0, 6, out=y)

    def backward(self, source, dy):
        np.multiply(dy, (source > 0) & (source < 6), out=dy)


class LeakyReLU(Activation):
    """x for x > 0, else negative_slope x"""

    def __init__(self, negative_slope: float = 0.2) -> None:
        self.negative_slope = check_not_negative("negative_slope", negative_slope)

    def forward(self, x, y):
        np.multiply(x, np.where(x > 0, x.dtype.type(1), x.dtype.type(self.negative_slope)), out=y)

    def backward(self, source, dy):
        np.multiply(dy, self.negative_slope, out=dy, where=source <= 0)


class Threshold(Activation):
    """x above `threshold`, else `default_value`"""

    needs_input = True

    def __init__(self, threshold: float = 0.0, default_value: float = 0.0) -> None:
        self.threshold = check_number("threshold", threshold)
        self.default_value = check_number("default_value", default_value)

    def forward(self, x, y):
        np.copyto(y, np.where(x <= self.threshold, x.dtype.type(self.default_value), x))

    def backward(self, source, dy):
        np.multiply(dy, source > self.threshold, out=dy)


class HardSigmoid(Activation):
    """min(max(x / 6 + 1/2, 0), 1)"""

    def forward(self, x, y):
        np.multiply(x, 1 / 6, out=y)
        np.add(y, 0.5, out=y)
        np.clip(y, 0, 1, out=y)

    def backward(self, source, dy):
        np.multiply(dy, ((source > 0) & (source < 1)) * dy.dtype.type(1 / 6), out=dy)


class HardSiLU(Activation):
    """x min(max(x / 6 + 1/2, 0), 1), also called hard swish (Howard et al., 2019)"""

    needs_input = True

    def forward(self, x, y):
        np.multiply(np.maximum(x, -3), hard_sigmoid(x), out=y)        # -inf gives 0

    def backward(self, source, dy):
        np.multiply(dy, np.where(source <= -3, 0, np.where(source >= 3, 1, source / 3 + 0.5)), out=dy)


class HardTanh(Activation):
    """min(max(x, -1), 1)"""

    def forward(self, x, y):
        np.clip(x, -1, 1, out=y)

    def backward(self, source, dy):
        np.multiply(dy, np.abs(source) < 1, out=dy)


class HardShrink(Activation):
    """x where abs(x) > threshold, else 0"""

    def __init__(self, threshold: float = 0.5) -> None:
        self.threshold = check_not_negative("threshold", threshold)

    def forward(self, x, y):
        np.copyto(y, np.where(np.abs(x) <= self.threshold, 0, x))

    def backward(self, source, dy):
        np.multiply(dy, source != 0, out=dy)


class SoftShrink(HardShrink):
    """x moved by `threshold` towards 0, and no further"""

    def forward(self, x, y):
        np.subtract(x, np.clip(x, -self.threshold, self.threshold), out=y)


class SparsePlus(Activation):
    """0 for x <= -1, (x + 1)^2 / 4 between, x for x >= 1"""

    def forward(self, x, y):
        np.copyto(y, np.where(x < 1, np.square(np.clip(x, -1, 1) + 1) / 4, x))

    def backward(self, source, dy):
        np.multiply(dy, np.minimum(np.sqrt(source), 1), out=dy)


class SparseSigmoid(Activation):
    """min(max((x + 1) / 2, 0), 1), the derivative of `SparsePlus`"""

    def forward(self, x, y):
        np.clip(x, -1, 1, out=y)
        np.add(y, 1, out=y)
        np.multiply(y, 0.5, out=y)

    def backward(self, source, dy):
        np.multiply(dy, ((source > 0) & (source < 1)) * dy.dtype.type(0.5), out=dy)


linear = registry.add(Linear(), name="linear")
relu = registry.add(ReLU(), name="relu")
relu6 = registry.add(ReLU6(), name="relu6")
leaky_relu = registry.add(LeakyReLU(), name="leaky_relu")
threshold = registry.add(Threshold(), name="threshold")
hard_sigmoid = registry.add(HardSigmoid(), name="hard_sigmoid")
hard_silu = registry.add(HardSiLU(), "hard_swish", name="hard_silu")
hard_tanh = registry.add(HardTanh(), name="hard_tanh")
hard_shrink = registry.add(HardShrink(), name="hard_shrink")
soft_shrink = registry.add(SoftShrink(), name="soft_shrink")
sparse_plus = registry.add(SparsePlus(), name="sparse_plus")
sparse_sigmoid = registry.add(SparseSigmoid(), name="sparse_sigmoid")
