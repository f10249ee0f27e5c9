"""Activation functions with their derivatives.

Most derivatives are simplest in the function's own value: sigmoid' = y (1 - y). Such an activation needs no copy of its
input on the way back, and a layer computes it in place; the few that need x say so by `needs_input`.

Every activation is an object that can be called on an array: ``activations.tanh(x)``. Those with a parameter are made
by their class: ``Conv1D(8, 3, activation=activations.LeakyReLU(0.1))``.
"""
import math

import numpy as np

from mgconv._support.registry import Configurable, Registry


class Activation(Configurable):
    """Base of all: `forward` and `backward` side by side. A subclass of one's own works like any other.

    Attributes
    ----------
    needs_input : bool
        Whether `backward` is given x; otherwise y.
    fused : str or None
        The name by which the convolution engine applies the function while it stores its results.
    """

    needs_input = False
    fused: str | None = None

    def __call__(self, x):
        """The function of an array of any shape, as a fresh array; integers become float32."""
        x = np.asarray(x)
        if x.dtype not in (np.float32, np.float64):
            x = x.astype(np.float32)
        y = np.empty_like(x)
        self.forward(x, y)
        return y

    def __reduce_ex__(self, protocol):
        """Copies and pickles of this module's activations are the same objects: layers and their kernels know them."""
        return self._short_config() or super().__reduce_ex__(protocol)

    def _short_config(self):
        return next((name for name, known in registry.named.items() if known is self), None)

    def forward(self, x, y):
        """Write the function of `x` to `y`, an array of the same shape and dtype, which may be `x` itself."""
        raise NotImplementedError(f"{type(self).__name__} must define forward(x, y).")

    def backward(self, source, dy):
        """Turn `dy`, the gradient to y, into the gradient to x, in place; `source` is y (or x: see `needs_input`)."""
        raise NotImplementedError(f"{type(self).__name__} must define backward(source, dy).")


class Linear(Activation):
    """x"""

    def forward(self, x, y):
        if y is not x:
            np.copyto(y, x)

    def backward(self, source, dy):
        pass


class ReLU(Activation):
    """max(x, 0)"""

    fused = "relu"

    def forward(self, x, y):
        np.maximum(x, 0, out=y)

    def backward(self, source, dy):
        np.multiply(dy, source > 0, out=dy)


class ReLU6(Activation):
    """min(max(x, 0), 6)"""

    def forward(self, x, y):
        np.clip(x, 0, 6, out=y)

    def backward(self, source, dy):
        np.multiply(dy, (source > 0) & (source < 6), out=dy)


class LeakyReLU(Activation):
    """x for x > 0, else negative_slope x"""

    def __init__(self, negative_slope=0.2):
        if negative_slope < 0:
            raise ValueError(f"`negative_slope` must not be negative. Received: negative_slope={negative_slope}.")
        self.negative_slope = negative_slope

    def forward(self, x, y):
        np.multiply(x, np.where(x > 0, x.dtype.type(1), x.dtype.type(self.negative_slope)), out=y)

    def backward(self, source, dy):
        np.multiply(dy, self.negative_slope, out=dy, where=source <= 0)


class ELU(Activation):
    """x for x > 0, else alpha (exp(x) - 1)"""

    def __init__(self, alpha=1.0):
        if alpha < 0:
            raise ValueError(f"`alpha` must not be negative. Received: alpha={alpha}.")
        self.alpha = alpha

    def forward(self, x, y):
        below = self.alpha * np.expm1(np.minimum(x, 0))
        np.maximum(x, 0, out=y)
        np.add(y, below, out=y)

    def backward(self, source, dy):
        np.multiply(dy, np.where(source > 0, 1, source + self.alpha), out=dy)


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
        np.minimum(y, math.log(np.finfo(x.dtype).max) - 1, out=y)      # no overflow: what is lost is below 1e-38
        np.exp(y, out=y)
        np.add(y, 1, out=y)
        np.reciprocal(y, out=y)

    def backward(self, source, dy):
        np.multiply(dy, source * (1 - source), out=dy)


class HardSigmoid(Activation):
    """min(max(x / 6 + 1/2, 0), 1)"""

    def forward(self, x, y):
        np.multiply(x, 1 / 6, out=y)
        np.add(y, 0.5, out=y)
        np.clip(y, 0, 1, out=y)

    def backward(self, source, dy):
        np.multiply(dy, ((source > 0) & (source < 1)) * dy.dtype.type(1 / 6), out=dy)


class Tanh(Activation):
    """tanh(x)"""

    def forward(self, x, y):
        np.tanh(x, out=y)

    def backward(self, source, dy):
        np.multiply(dy, 1 - source * source, out=dy)


class Softsign(Activation):
    """x / (1 + abs(x))"""

    def forward(self, x, y):
        np.divide(x, 1 + np.abs(x), out=y)

    def backward(self, source, dy):
        np.multiply(dy, np.square(1 - np.abs(source)), out=dy)


class Softplus(Activation):
    """log(1 + exp(x))"""

    def forward(self, x, y):
        np.logaddexp(x, 0, out=y)

    def backward(self, source, dy):
        np.multiply(dy, -np.expm1(-source), out=dy)


class Exponential(Activation):
    """exp(x)"""

    def forward(self, x, y):
        np.exp(x, out=y)

    def backward(self, source, dy):
        np.multiply(dy, source, out=dy)


class SiLU(Activation):
    """x sigmoid(x), also called swish"""

    needs_input = True

    def forward(self, x, y):
        np.multiply(x, sigmoid(x), out=y)

    def backward(self, source, dy):
        s = sigmoid(source)
        np.multiply(dy, s * (1 + source * (1 - s)), out=dy)


class GELU(Activation):
    """x Phi(x), with the normal distribution function Phi; approximate: by tanh, Hendrycks and Gimpel (2016)"""

    needs_input = True

    def __init__(self, approximate=False):
        self.approximate = approximate

    def forward(self, x, y):
        np.multiply(x, self._share(x)[0], out=y)

    def backward(self, source, dy):
        share, slope = self._share(source)
        np.multiply(dy, share + source * slope, out=dy)

    def _share(self, x):
        """Phi(x), or what stands for it, and its derivative."""
        if not self.approximate:
            from scipy.special import erf
            return (0.5 * (1 + erf(x * math.sqrt(0.5)))).astype(x.dtype), np.exp(-0.5 * x * x) / math.sqrt(2 * math.pi)
        c = math.sqrt(2 / math.pi)
        t = np.tanh(c * (x + 0.044715 * x * x * x))
        return 0.5 * (1 + t), 0.5 * (1 - t * t) * c * (1 + 3 * 0.044715 * x * x)


class Softmax(Activation):
    """exp(x) over its sum along the last axis"""

    def forward(self, x, y):
        np.subtract(x, x.max(axis=-1, keepdims=True), out=y)
        np.exp(y, out=y)
        np.divide(y, y.sum(axis=-1, keepdims=True), out=y)

    def backward(self, source, dy):
        np.subtract(dy, (dy * source).sum(axis=-1, keepdims=True), out=dy)
        np.multiply(dy, source, out=dy)


class LogSoftmax(Activation):
    """x minus the logarithm of the sum of exp(x) along the last axis"""

    def forward(self, x, y):
        np.subtract(x, x.max(axis=-1, keepdims=True), out=y)
        np.subtract(y, np.log(np.exp(y).sum(axis=-1, keepdims=True)), out=y)

    def backward(self, source, dy):
        np.subtract(dy, np.exp(source) * dy.sum(axis=-1, keepdims=True), out=dy)


linear, relu, relu6, leaky_relu, elu, selu = Linear(), ReLU(), ReLU6(), LeakyReLU(), ELU(), SELU()
sigmoid, hard_sigmoid, tanh, softsign = Sigmoid(), HardSigmoid(), Tanh(), Softsign()
softplus, exponential, silu, gelu = Softplus(), Exponential(), SiLU(), GELU()
softmax, log_softmax = Softmax(), LogSoftmax()

registry = Registry("activation", Activation)
for _name in ("linear", "relu", "relu6", "leaky_relu", "elu", "selu", "sigmoid", "hard_sigmoid", "tanh", "softsign",
              "softplus", "exponential", "silu", "gelu", "softmax", "log_softmax"):
    registry.add(globals()[_name], name=_name)
registry.add(silu, name="swish")


def get(identifier):
    """The activation that a name, a configuration, an `Activation` or None (linear) means.

    Raises
    ------
    ValueError
        For an unknown name; the message lists the known ones.
    TypeError
        For anything else: a plain function has no derivative to train with.
    """
    return linear if identifier is None else registry.get(identifier)
