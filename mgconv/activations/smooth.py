"""Smooth activations, entry by entry: of exponentials, and of roots.

None of them warns: what overflows is cut first, or becomes what the function tends to.
"""
import math

import numpy as np

from mgconv._support.checks import check_not_negative, check_positive
from mgconv.activations.base import Activation, registry


class ELU(Activation):
    """x for x > 0, else alpha (exp(x) - 1)"""

    def __init__(self, alpha: float = 1.0) -> None:
        self.alpha = check_not_negative("alpha", alpha)

    def forward(self, x, y):
        below = self.alpha * np.expm1(np.minimum(x, 0))
        np.maximum(x, 0, out=y)
        np.add(y, below, out=y)

    def backward(self, source, dy):
        np.multiply(dy, np.where(source > 0, 1, source + self.alpha), out=dy)


class CELU(Activation):
    """x for x > 0, else alpha (exp(x / alpha) - 1): smooth at 0 for every alpha (Barron, 2017)"""

    def __init__(self, alpha: float = 1.0) -> None:
        self.alpha = check_positive("alpha", alpha)

    def forward(self, x, y):
        below = self.alpha * np.expm1(np.minimum(x, 0) / self.alpha)
        np.maximum(x, 0, out=y)
        np.add(y, below, out=y)

    def backward(self, source, dy):
        np.multiply(dy, np.minimum(source, 0) / self.alpha + 1, out=dy)


class SELU(Activation):
    """scale (x for x > 0, else alpha (exp(x) - 1)), with the fixed point of Klambauer et al. (2017)"""

    alpha, scale = 1.6732632423543772, 1.0507009873554805

    def forward(self, x, y):
        below = self.alpha * np.expm1(np.minimum(x, 0))
        np.maximum(x, 0, out=y)
        np.add(y, below, out=y)
        np.multiply(y, self.scale, out=y)

    def backward(self, source, dy):
        np.multiply(dy, np.where(source > 0, self.scale, source + self.scale * self.alpha), out=dy)


class Sigmoid(Activation):
    """1 / (1 + exp(-x))"""

    def forward(self, x, y):
        np.negative(x, out=y)
        with np.errstate(over="ignore"):                              # 1 / (1 + inf) is right
            np.exp(y, out=y)
        np.add(y, 1, out=y)
        np.reciprocal(y, out=y)

    def backward(self, source, dy):
        np.multiply(dy, source * (1 - source), out=dy)


class LogSigmoid(Activation):
    """log(1 / (1 + exp(-x)))"""

    def forward(self, x, y):
        np.negative(x, out=y)
        softplus.forward(y, y)
        np.negative(y, out=y)

    def backward(self, source, dy):
        np.multiply(dy, -np.expm1(source), out=dy)


class Tanh(Activation):
    """tanh(x)"""

    def forward(self, x, y):
        np.tanh(x, out=y)

    def backward(self, source, dy):
        np.multiply(dy, 1 - source * source, out=dy)


class TanhShrink(Activation):
    """x - tanh(x)"""

    needs_input = True

    def forward(self, x, y):
        np.subtract(x, np.tanh(x), out=y)

    def backward(self, source, dy):
        np.multiply(dy, np.square(np.tanh(source)), out=dy)


class Softsign(Activation):
    """x / (1 + abs(x))"""

    def forward(self, x, y):
        x = _finite(x)
        np.divide(x, 1 + np.abs(x), out=y)

    def backward(self, source, dy):
        np.multiply(dy, np.square(1 - np.abs(source)), out=dy)


class Softplus(Activation):
    """log(1 + exp(x))"""

    def forward(self, x, y):
        with np.errstate(invalid="ignore"):                           # NaN is none of NumPy's business
            np.logaddexp(x, 0, out=y)

    def backward(self, source, dy):
        np.multiply(dy, -np.expm1(-source), out=dy)


class Squareplus(Activation):
    """(x + sqrt(x^2 + b)) / 2, like softplus but of a root alone (Barron, 2021)"""

    def __init__(self, b: float = 4) -> None:
        self.b = check_positive("b", b)

    def forward(self, x, y):
        far = np.abs(x) / 2 + np.hypot(x, x.dtype.type(math.sqrt(self.b))) / 2
        np.copyto(y, np.where(x < 0, self.b / 4 / far, far))          # the sum would cancel for x < 0

    def backward(self, source, dy):
        near = float(np.finfo(source.dtype).tiny) ** 0.25             # squares beyond would leave the dtype
        np.divide(dy, 1 + self.b / 4 / np.square(np.clip(source, near, 1 / near)), out=dy)


class Exponential(Activation):
    """exp(x)"""

    def forward(self, x, y):
        with np.errstate(over="ignore"):
            np.exp(x, out=y)

    def backward(self, source, dy):
        np.multiply(dy, source, out=dy)


class SiLU(Activation):
    """x sigmoid(x), also called swish"""

    needs_input = True

    def forward(self, x, y):
        np.multiply(np.maximum(x, np.finfo(x.dtype).min), sigmoid(x), out=y)         # -inf gives 0

    def backward(self, source, dy):
        s = sigmoid(source)
        np.multiply(dy, s * (1 + _finite(source) * (1 - s)), out=dy)


class Mish(Activation):
    """x tanh(log(1 + exp(x))) (Misra, 2019)"""

    needs_input = True

    def forward(self, x, y):
        np.multiply(np.maximum(x, np.finfo(x.dtype).min), np.tanh(softplus(x)), out=y)

    def backward(self, source, dy):
        t = np.tanh(softplus(source))
        np.multiply(dy, t + _finite(source) * ((1 - t * t) * sigmoid(source)), out=dy)


class GELU(Activation):
    """x Phi(x), with the normal distribution function Phi; approximate: by tanh, Hendrycks and Gimpel (2016)"""

    needs_input = True

    def __init__(self, approximate: bool = False) -> None:
        self.approximate = bool(approximate)

    def forward(self, x, y):
        np.multiply(np.maximum(x, -_FAR), self._share(x)[0], out=y)

    def backward(self, source, dy):
        share, slope = self._share(source)
        np.multiply(dy, share + np.clip(source, -_FAR, _FAR) * slope, out=dy)

    def _share(self, x):
        """Phi(x), or what stands for it, and its derivative."""
        x = np.clip(x, -_FAR, _FAR)
        if not self.approximate:
            from scipy.special import erf
            return (0.5 * (1 + erf(x * math.sqrt(0.5)))).astype(x.dtype), np.exp(-0.5 * x * x) / math.sqrt(2 * math.pi)
        c = math.sqrt(2 / math.pi)
        t = np.tanh(c * (x + 0.044715 * x * x * x))
        return 0.5 * (1 + t), 0.5 * (1 - t * t) * c * (1 + 3 * 0.044715 * x * x)


_FAR = 50.0                # from here on Phi is 0 or 1 in double precision, and its derivative 0


def _finite(x):
    """`x` with the largest numbers in place of infinities, so that their product with 0 is 0."""
    largest = np.finfo(x.dtype).max
    return np.clip(x, -largest, largest)


elu = registry.add(ELU(), name="elu")
celu = registry.add(CELU(), name="celu")
selu = registry.add(SELU(), name="selu")
sigmoid = registry.add(Sigmoid(), name="sigmoid")
log_sigmoid = registry.add(LogSigmoid(), name="log_sigmoid")
tanh = registry.add(Tanh(), name="tanh")
tanh_shrink = registry.add(TanhShrink(), name="tanh_shrink")
softsign = registry.add(Softsign(), name="softsign")
softplus = registry.add(Softplus(), name="softplus")
squareplus = registry.add(Squareplus(), name="squareplus")
exponential = registry.add(Exponential(), name="exponential")
silu = registry.add(SiLU(), "swish", name="silu")
mish = registry.add(Mish(), name="mish")
gelu = registry.add(GELU(), name="gelu")
