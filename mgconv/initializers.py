"""The distributions of initial weights, by Keras's names and formulas.

`VarianceScaling` draws with variance scale / n, where n is the number of inputs of a unit ("fan_in"), of units an input
reaches ("fan_out"), or the mean of both. A convolution's taps count on both sides. The named schemes are its cases:

========  =====  ========  ==============================================================
Glorot    1      fan_avg   Glorot and Bengio (2010), "... training deep feedforward neural networks"
He        2      fan_in    He et al. (2015), "Delving deep into rectifiers"
LeCun     1      fan_in    LeCun et al. (1998), "Efficient backprop"
========  =====  ========  ==============================================================
"""
import math
from typing import Any

import numpy as np

from mgconv import config
from mgconv._support.checks import check_choice, check_positive, integers
from mgconv._support.registry import Configurable, Registry

# The standard deviation of a standard normal cut at two: sqrt(1 - 4 phi(2) / erf(sqrt(2))), with its density phi.
_CUT_NORMAL_DEVIATION = math.sqrt(1 - 4 * math.exp(-2) / math.sqrt(2 * math.pi) / math.erf(math.sqrt(2)))


def fans(shape):
    """Inputs of one unit and units reached by one input, for a kernel (*taps, inputs, units).

    Examples
    --------
    >>> fans((5, 8, 16))
    (40, 80)
    """
    if len(shape) < 2:
        size = math.prod(shape)
        return size, size
    taps = math.prod(shape[:-2])
    return taps * shape[-2], taps * shape[-1]


class Initializer(Configurable):
    """Base of all: an object that is called with a shape, and gives an array."""

    def __call__(self, shape, dtype="float32"):
        """A fresh array of `shape` and `dtype`."""
        return np.asarray(self.draw(tuple(shape)), dtype)

    def draw(self, shape):
        """The values in double precision (or whatever casts to the dtype that is asked for)."""
        raise NotImplementedError(f"{type(self).__name__} must define draw(shape).")


class Constant(Initializer):
    """Every entry is `value`, a number or an array of the weight's shape."""

    def __init__(self, value=0.0) -> None:
        self.value = value

    def draw(self, shape):
        value = np.asarray(self.value, float)
        if value.shape not in ((), shape):
            raise ValueError(f"`value` must be a number or have the weight's shape {shape}. Received: {value.shape}.")
        return np.full(shape, value)


class Zeros(Constant):
    """Every entry is 0."""

    def __init__(self) -> None:
        super().__init__(0.0)


class Ones(Constant):
    """Every entry is 1."""

    def __init__(self) -> None:
        super().__init__(1.0)


class Identity(Initializer):
    """A matrix with `gain` on its diagonal and 0 elsewhere; it need not be square."""

    def __init__(self, gain: float = 1.0) -> None:
        self.gain = gain

    def draw(self, shape):
        if len(shape) != 2:
            raise ValueError(f"Identity is for matrices. Received: the shape {shape}.")
        return self.gain * np.eye(*shape)


class _Random(Initializer):
    """An initializer with a generator: its own from `seed`, so that each call gives the same; or the package's."""

    def __init__(self, seed):
        self.seed = seed

    def draw(self, shape):
        return self.sample(config.random_generator(self.seed), shape)

    def sample(self, rng, shape):
        raise NotImplementedError


class RandomUniform(_Random):
    """Uniform on [minval, maxval)."""

    def __init__(self, minval: float = -0.05, maxval: float = 0.05, seed: int | None = None) -> None:
        super().__init__(seed)
        self.minval, self.maxval = minval, maxval

    def sample(self, rng, shape):
        return rng.uniform(self.minval, self.maxval, shape)


class RandomNormal(_Random):
    """Normal, with mean `mean` and standard deviation `stddev`."""

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: int | None = None) -> None:
        super().__init__(seed)
        self.mean, self.stddev = mean, stddev

    def sample(self, rng, shape):
        return rng.normal(self.mean, self.stddev, shape)


class TruncatedNormal(RandomNormal):
    """Normal, where a value more than two `stddev` from the mean is drawn again."""

    def sample(self, rng, shape):
        values = rng.standard_normal(shape)
        while (far := np.abs(values) > 2).any():
            values[far] = rng.standard_normal(np.count_nonzero(far))
        return self.mean + self.stddev * values


class Orthogonal(_Random):
    """`gain` times a random matrix whose columns (rows, if these are fewer) are orthogonal and of length 1.

    A kernel (..., channels, filters) is one matrix, with a column a filter (Saxe et al., 2014). All such matrices are
    equally likely (Mezzadri, 2007, "How to generate random matrices from the classical compact groups").
    """

    def __init__(self, gain: float = 1.0, seed: int | None = None) -> None:
        super().__init__(seed)
        self.gain = gain

    def sample(self, rng, shape):
        if len(shape) < 2:
            raise ValueError(f"Orthogonal is for arrays of at least two axes. Received: the shape {shape}.")
        rows, columns = math.prod(shape[:-1]), shape[-1]
        q, r = np.linalg.qr(rng.standard_normal((max(rows, columns), min(rows, columns))))
        q *= np.sign(np.diag(r))
        return self.gain * (q.T if rows < columns else q).reshape(shape)


class VarianceScaling(_Random):
    """Variance `scale` / n around 0, where n follows from the kernel's shape; see the head of this module.

    Parameters
    ----------
    scale : float
        Positive.
    mode : {"fan_in", "fan_out", "fan_avg"}
        What n counts.
    distribution : {"truncated_normal", "untruncated_normal", "uniform"}
        The first, also "normal", is cut at two standard deviations and widened so that the variance is as said.
    seed : int, optional
        Makes this initializer's draws a function of the seed alone.
    input_axes, output_axes : sequence of int, optional
        If both are given, the axes whose sizes multiply to the number of inputs, and to that of the units reached.
    """

    def __init__(self, scale: float = 1.0, mode: str = "fan_in", distribution: str = "truncated_normal",
                 seed: int | None = None, input_axes: Any = None, output_axes: Any = None) -> None:
        super().__init__(seed)
        self.input_axes = None if input_axes is None else integers("input_axes", input_axes)
        self.output_axes = None if output_axes is None else integers("output_axes", output_axes)
        self.scale = check_positive("scale", scale)
        self.mode = check_choice("mode", mode, ("fan_in", "fan_out", "fan_avg"))
        distribution = "truncated_normal" if distribution == "normal" else distribution
        self.distribution = check_choice("distribution", distribution,
                                         ("truncated_normal", "untruncated_normal", "uniform"))

    def sample(self, rng, shape):
        fan_in, fan_out = fans(shape)
        if self.input_axes is not None and self.output_axes is not None:
            fan_in, fan_out = (math.prod(shape[axis] for axis in axes) for axes in (self.input_axes, self.output_axes))
        n = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[self.mode]
        deviation = math.sqrt(self.scale / max(1.0, n))
        if self.distribution == "uniform":
            limit = math.sqrt(3) * deviation
            return rng.uniform(-limit, limit, shape)
        if self.distribution == "untruncated_normal":
            return rng.normal(0.0, deviation, shape)
        return TruncatedNormal(0.0, deviation / _CUT_NORMAL_DEVIATION).sample(rng, shape)


class GlorotUniform(VarianceScaling):
    """Uniform on [-limit, limit], limit = sqrt(6 / (fan_in + fan_out)): the default of every kernel."""

    def __init__(self, seed: int | None = None, input_axes: Any = None, output_axes: Any = None) -> None:
        super().__init__(1.0, "fan_avg", "uniform", seed, input_axes, output_axes)


class GlorotNormal(VarianceScaling):
    """Truncated normal with variance 2 / (fan_in + fan_out)."""

    def __init__(self, seed: int | None = None, input_axes: Any = None, output_axes: Any = None) -> None:
        super().__init__(1.0, "fan_avg", "truncated_normal", seed, input_axes, output_axes)


class HeUniform(VarianceScaling):
    """Uniform with variance 2 / fan_in, for layers followed by a ReLU."""

    def __init__(self, seed: int | None = None, input_axes: Any = None, output_axes: Any = None) -> None:
        super().__init__(2.0, "fan_in", "uniform", seed, input_axes, output_axes)


class HeNormal(VarianceScaling):
    """Truncated normal with variance 2 / fan_in, for layers followed by a ReLU."""

    def __init__(self, seed: int | None = None, input_axes: Any = None, output_axes: Any = None) -> None:
        super().__init__(2.0, "fan_in", "truncated_normal", seed, input_axes, output_axes)


class LecunUniform(VarianceScaling):
    """Uniform with variance 1 / fan_in."""

    def __init__(self, seed: int | None = None, input_axes: Any = None, output_axes: Any = None) -> None:
        super().__init__(1.0, "fan_in", "uniform", seed, input_axes, output_axes)


class LecunNormal(VarianceScaling):
    """Truncated normal with variance 1 / fan_in."""

    def __init__(self, seed: int | None = None, input_axes: Any = None, output_axes: Any = None) -> None:
        super().__init__(1.0, "fan_in", "truncated_normal", seed, input_axes, output_axes)


registry = Registry("initializer", Initializer)
for _class, *_aliases in ((Zeros, "zero"), (Ones, "one"), (Constant,), (RandomUniform, "uniform"),
                          (RandomNormal, "normal"), (TruncatedNormal,), (Identity, "identity_initializer"),
                          (Orthogonal, "orthogonal_initializer"), (VarianceScaling,), (GlorotUniform,),
                          (GlorotNormal,), (HeUniform,), (HeNormal,), (LecunUniform,), (LecunNormal,)):
    registry.add(_class, *_aliases)
IdentityInitializer, OrthogonalInitializer = Identity, Orthogonal
get = registry.get
