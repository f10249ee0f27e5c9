"""Plain programs of floats as programs of whole numbers of 8 bits, by what numbers samples give in them.

Each array has a step and a zero, from its smallest and largest number over the samples; each filter's weights have a
step of their own. Sums have 32 bits; a factor and a shift bring them to the output's step. What layers do to each
number alone is a table of 256.
"""
from __future__ import annotations

import math
from collections import defaultdict
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mgconv.plain.program import ENTRY_BY_ENTRY, Program, Step, Value

SUMS = {"conv", "depthwise", "conv_transposed", "scale"}
MOVES = {"max_pool", "place", "repeat", "permute", "advance"}                 # they leave numbers as they are
OTHERS = {"wait", "join", "add", "average_pool", "prelu", "softmax", "standardize"}
TABLES = ENTRY_BY_ENTRY - OTHERS - {"scale", "log_softmax"}
LIMIT = 2 ** 29                        # of a bias, and of all that is added to it
LONGEST_ROW = 4096                     # of `standardize`, whose squares must fit
WATCHED = 2 ** 22                      # numbers of a program watched at a time
LARGEST = float(np.finfo(np.float32).max) / 2
ALL = np.arange(-128, 128)


class Scale(NamedTuple):
    """The whole number q of 8 bits stands for (q - zero) step; `step` is a float32."""

    step: float
    zero: int

    @classmethod
    def over(cls, low: float, high: float, with_zero: bool = True) -> Scale:
        """The finest for numbers from `low` to `high`, and for 0 exactly."""
        if with_zero:
            low, high = min(low, 0.0), max(high, 0.0)
        finest = max(abs(low), abs(high)) / 2 ** 20, 2.0 ** -120
        step = float(np.float32(max((high - low) / 255, *finest)))
        return cls(step, round(-128 - low / step))

    def coarser(self, step: float) -> Scale:
        """The same from its lowest number on, in steps that are no finer than that."""
        step = max(self.step, float(np.float32(step)))
        return Scale(step, round(-128 + (128 + self.zero) * self.step / step))

    def coded(self, values: NDArray[Any]) -> NDArray[np.int8]:
        """The nearest whole numbers, as the function NAME_quantize of a C file has them."""
        with np.errstate(over="ignore"):
            steps = np.asarray(values, np.float32) / np.float32(self.step)
        steps = np.where(steps > -1000, np.minimum(steps, np.float32(1000)), np.float32(-1000))
        return np.clip((steps + np.float32(1024.5)).astype(np.int64) - 1024 + self.zero, -128, 127).astype(np.int8)

    def decoded(self, codes: NDArray[Any]) -> NDArray[np.float32]:
        """What they stand for."""
        return (codes.astype(np.int32) - np.int32(self.zero)).astype(np.float32) * np.float32(self.step)


class Quantized(NamedTuple):
    """A program of whole numbers, what those of its input and output stand for, and the dtype that these had."""

    program: Program
    input: Scale
    output: Scale
    dtype: np.dtype[Any]

    def run(self, x: NDArray[Any]) -> NDArray[Any]:
        """`Program.run`, from floats to floats."""
        return self.output.decoded(self.program.run(self.input.coded(x))).astype(self.dtype)

    def bind(self, samples: int) -> tuple[NDArray[Any], NDArray[Any], list[Any]]:
        """`Program.bind`, with arrays of floats."""
        codes, answers, calls = self.program.bind(samples)
        x, y = np.zeros(codes.shape, self.dtype), np.zeros(answers.shape, self.dtype)

        def take():
            codes[...] = self.input.coded(x)

        def give():
            y[...] = self.output.decoded(answers)
        return x, y, [take, *calls, give]


def quantized(program: Program, runs: list[NDArray[Any]]) -> Quantized:
    """`program` in whole numbers, for data like `runs`, each of which is a batch of samples that begins anew.

    Raises
    ------
    ValueError
        If a step has no form in whole numbers, or numbers are not finite.
    """
    work = _Quantizer(program, ranges(program, runs))
    for step in program.steps:
        work.append(step)
    work.new.finish(work.value(program.output))
    return Quantized(work.new, work.scales[program.input.array], work.scales[program.output.array], program.dtype)


def ranges(program: Program, runs: list[NDArray[Any]]) -> dict[int, tuple[float, float]]:
    """The smallest and largest number of each array of `program` over the runs: of a program that puts out all."""
    ends = np.cumsum(program.sizes).tolist()
    total = ends[-1]
    watched = Program(program.input.shape, program.dtype)
    watched.sizes, watched.kept = list(program.sizes), program.kept
    seen = watched.array((total,))

    def watch(value):
        watched.do("join", (1, value.size, total, ends[value.array] - value.size), value, seen.shape, y=seen)
    watch(program.input)
    for step in program.steps:
        watched.steps.append(step)
        if step.kernel != "wait":
            watch(step.y)
    watched.finish(seen)
    call, low, high = watched.compile(), np.full(total, np.inf), np.full(total, -np.inf)
    for run in runs:
        block = len(run) if program.kept else max(1, WATCHED // total)
        for start in range(0, len(run), block):
            x = np.ascontiguousarray(run[start:start + block], program.dtype)
            y = np.full((len(x), total), np.nan, program.dtype)           # as it stays before a wait is over
            call(x, y)
            low, high = np.fmin(low, np.fmin.reduce(y)), np.fmax(high, np.fmax.reduce(y))
    found = {array: (float(low[end - size:end].min()), float(high[end - size:end].max()))
             for array, (end, size) in enumerate(zip(ends, program.sizes, strict=True))}
    written = {program.input.array} | {step.y.array for step in program.steps}
    if not all(-LARGEST < low <= high < LARGEST for low, high in map(found.__getitem__, written)):
        raise ValueError("`calibration` must give finite numbers, as float32 has them, in every layer, and be longer "
                         "than the model is late.")
    return found


def fixed(factor: float) -> tuple[int, int]:
    """Whole numbers m < 2^31 and n from 0 to 61, where m / 2^n is next to `factor`, if that is below 2^31."""
    part, exponent = math.frexp(factor)
    if exponent <= -30:
        return 0, 61
    return min(round(part * 2 ** 31), 2 ** 31 - 1), max(0, 31 - exponent)


def fixed_together(factors: Any) -> tuple[list[int], int]:
    """Whole numbers up to 2^29, and one n from 33 to 61: m 2^16 / 2^n is next to each factor, if that is below 2^12."""
    shift = min(max(17, fixed(4 * max(map(abs, factors)))[1]), 45)
    return [max(-LIMIT, min(round(factor * 2 ** shift), LIMIT)) for factor in factors], shift + 16


def function_of(step: Step, numbers: Any) -> NDArray[Any]:
    """What a step that is to be a table makes of each number."""
    program = Program((len(numbers),), np.dtype(float))
    program.finish(program.do(step.kernel, (len(numbers),), program.input, program.input.shape, step.a))
    return program.run(numbers[None])[0]


class _Quantizer:
    """Appends to `new` what stands for the steps of `old`."""

    def __init__(self, old, found):
        self.old, self.ranges = old, found
        self.new = Program(old.input.shape, np.dtype(np.int8))
        self.arrays = {old.input.array: self.new.input.array}
        self.scales = {old.input.array: Scale.over(*found[old.input.array])}
        self.users = defaultdict(list)
        for step in old.steps:
            for value in (step.x, step.a):
                if isinstance(value, Value) and step.kernel != "wait":
                    self.users[value.array].append(step)

    def value(self, old):
        """What stands for that array."""
        return Value(self.arrays[old.array], old.shape)

    def is_now(self, old, array, scale):
        """Let an array of the new program stand for one of the old."""
        self.arrays[old.array], self.scales[old.array] = array, scale

    def do(self, step, scale, sizes, kernel=None, a=None, b=None):
        """Append a step like `step`, whose numbers come out in `scale`."""
        y = self.new.do(kernel or step.kernel, sizes, self.value(step.x), step.y.shape, a, b)
        self.is_now(step.y, y.array, scale)

    def rounded(self, y):
        """The scale for an array whose numbers are rounded: so that a ReLU behind it has nothing left to do, and with
        no whole numbers where another table behind it is flat."""
        users, (low, high) = self.users[y.array], self.ranges[y.array]
        if len(users) != 1 or users[0].kernel not in TABLES or y.array == self.old.output.array:
            return Scale.over(low, high)
        after = Scale.over(*self.ranges[users[0].y.array])
        if users[0].kernel == "relu" and users[0].a[0] == users[0].a[2] == 0:
            return after
        numbers = np.linspace(low, high, 1025)
        values = function_of(users[0], numbers)
        varied, = np.nonzero((abs(values - values[0]) > after.step / 2) & (abs(values - values[-1]) > after.step / 2))
        if len(varied):
            low, high = numbers[varied[0] - 1], numbers[varied[-1] + 1]
        return Scale.over(low, high, with_zero=False)

    # ------------------------------------------------------------------------------------------ kernel by kernel

    def append(self, step):
        if step.kernel in SUMS:
            self.sums(step)
        elif step.kernel in MOVES:
            self.move(step)
        elif step.kernel in TABLES:
            self.table(step)
        elif step.kernel in OTHERS:
            getattr(self, step.kernel)(step)
        else:
            raise ValueError(f"{step.kernel} has no form in int8.")

    def sums(self, step):
        kernel, sizes = step.kernel, step.sizes
        if kernel == "scale":                                  # a depthwise convolution with one tap
            rows, size = sizes
            kernel, sizes = "depthwise", (1, rows, size, 1, rows, size, 1, 1, 1, 1, 1, 1, 0, 0, 1)
        filters, behind = sizes[5], sizes[2] if kernel == "conv_transposed" else 1
        weights = np.asarray(step.a, float).reshape(-1, filters, behind)
        bias = np.zeros(filters) if step.b is None else np.asarray(step.b, float)
        x = self.scales[step.x.array]
        steps = np.maximum.reduce([abs(weights).max((0, 2)) / 127, abs(weights).sum((0, 2)) * 255 / LIMIT,
                                   abs(bias) / x.step / LIMIT, np.full(filters, 2.0 ** -120)])
        y = self.rounded(step.y).coarser(5 * x.step * steps.max())             # so that shifts are 33 or more
        factors, shifts = zip(*map(fixed, steps * x.step / y.step), strict=True)
        self.do(step, y, (*sizes, x.zero, y.zero), kernel, np.rint(weights / steps[:, None]),
                np.concatenate([np.rint(bias / x.step / steps), factors, shifts]))

    def move(self, step):
        scale = self.scales[step.x.array]
        self.do(step, scale, (*step.sizes, scale.zero))
        if step.y.array in self.old.kept:
            self.new.kept[self.arrays[step.y.array]] = scale.zero

    def table(self, step):
        before, after = self.scales[step.x.array], Scale.over(*self.ranges[step.y.array])
        codes = after.coded(function_of(step, before.decoded(ALL)))
        if (codes == ALL).all():
            self.is_now(step.y, self.arrays[step.x.array], after)
        else:
            self.do(step, after, step.sizes, "lookup", codes)

    def wait(self, step):
        self.new.wait(step.sizes[0] - self.new.late)

    def join(self, step):
        before, after = self.scales[step.x.array], Scale.over(*self.ranges[step.y.array])
        x = self.value(step.x)
        if before != after:
            x = self.new.do("lookup", (x.size,), x, x.shape, after.coded(before.decoded(ALL)))
        y = self.value(step.y) if step.y.array in self.arrays else None
        self.is_now(step.y, self.new.do("join", step.sizes, x, step.y.shape, y=y).array, after)

    def add(self, step):
        x, a, y = self.scales[step.x.array], self.scales[step.a.array], self.rounded(step.y)
        factors, shift = fixed_together([x.step / y.step, a.step / y.step])
        self.do(step, y, (*step.sizes, x.zero, a.zero, y.zero, *factors, shift), a=self.value(step.a))

    def average_pool(self, step):
        x, y = self.scales[step.x.array], self.rounded(step.y)
        self.do(step, y, (*step.sizes, x.zero, y.zero, *fixed(x.step / y.step)))

    def prelu(self, step):
        x, y = self.scales[step.x.array], self.rounded(step.y)
        (factor, *slopes), shift = fixed_together([f * x.step / y.step for f in (1.0, *step.a.reshape(-1).tolist())])
        self.do(step, y, (*step.sizes, x.zero, y.zero, factor, shift), b=slopes)

    def softmax(self, step):
        x, size = self.scales[step.x.array], step.sizes[1]
        bits = min(22, 30 - math.ceil(math.log2(size)))        # so that a row's sum fits
        self.do(step, Scale(1 / 256, -128), step.sizes, b=np.rint(np.exp(-x.step * np.arange(256)) * 2 ** bits))

    def standardize(self, step):
        size = step.sizes[1]
        if size > LONGEST_ROW:
            raise ValueError(f"LayerNormalization has no form in int8 over more than {LONGEST_ROW} numbers. "
                             f"Received: {size}.")
        x, y = self.scales[step.x.array], self.rounded(step.y)
        epsilon = min(max(1, round(float(step.a[0]) * (size / x.step) ** 2)), 2 ** 60)
        self.do(step, y, (*step.sizes, y.zero, min(round(1024 / y.step), 2 ** 24)), b=divmod(epsilon, 2 ** 30))


class Loss(NamedTuple):
    """How far whole numbers are from floats: the largest error, the root of the mean square, and the distance from the
    smallest to the largest of the floats, and how many there are; how many answers of how many are the same, where the
    last layer is a Softmax (its largest) or a Sigmoid (above 1/2 or not)."""

    largest: float
    rms: float
    width: float
    outputs: int
    same: int
    answers: int


def loss(program: Program, twin: Quantized, runs: list[NDArray[Any]]) -> Loss:
    """What `twin` loses of `program` on the runs."""
    exact = np.concatenate([program.run(run) for run in runs]).astype(float)
    error = np.concatenate([twin.run(run) for run in runs]) - exact
    same = np.zeros(0)
    if program.steps[-1].kernel == "softmax":
        same = exact.argmax(axis=-1) == (exact + error).argmax(axis=-1)
    elif program.steps[-1].kernel == "sigmoid":
        same = (exact > 0.5) == (exact + error > 0.5)
    rms = float(np.sqrt(np.mean(error ** 2)))
    return Loss(float(abs(error).max()), rms, float(np.ptp(exact)), exact.size, int(same.sum()), same.size)
