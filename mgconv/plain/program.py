"""A model as a list of plain kernels (windows.h) over one block of memory: what runs here and what a C file holds.

A `Program` knows arrays by number, each of one shape for one sample, and steps that read and write them. Arrays that
are never alive together share memory; those that keep something from call to call (the pasts of a stream) share none.
"""
from __future__ import annotations

import math
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mgconv.native.plain import PlainProgram

ENTRY_BY_ENTRY = {"add", "scale", "standardize", "softmax", "log_softmax", "relu", "prelu", "elu", "ramp", "hard_silu",
                  "sigmoid", "log_sigmoid", "tanh_of", "exp_of", "softplus", "softsign", "silu", "mish", "gelu",
                  "gelu_tanh", "lookup"}         # these may write over what they read
INPUT, OUTPUT = -1, -2                 # places of what the caller holds
LINE = 16                              # bytes: arrays begin at multiples


class Value(NamedTuple):
    """An array of a program, or a view of it in another shape."""

    array: int
    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    def reshape(self, *shape: int) -> Value:
        """The same numbers in another shape."""
        return Value(self.array, tuple(shape))


class Step(NamedTuple):
    """y = kernel(x, a, b) with `sizes`; `a` is a constant or a second input."""

    kernel: str
    sizes: tuple[int, ...]
    x: Value
    a: Value | NDArray[Any] | None
    b: NDArray[Any] | None
    y: Value


class Program:
    """Steps, from the input to the output; `run` does them.

    Attributes
    ----------
    steps : list of Step
    input, output : Value
    kept : dict of int to int
        The arrays whose contents outlive a run, and the number of which they are full at first.
    late : int
        Of a stream: the outputs of the first so many runs do not count.
    """

    def __init__(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        self.dtype = np.dtype(dtype)
        self.steps: list[Step] = []
        self.sizes: list[int] = []
        self.kept: dict[int, int] = {}
        self.late = 0
        self.input = self.output = self.array(shape)

    def array(self, shape: tuple[int, ...]) -> Value:
        """A new array."""
        self.sizes.append(math.prod(shape))
        return Value(len(self.sizes) - 1, tuple(shape))

    def do(self, kernel: str, sizes: Any, x: Value, shape: tuple[int, ...], a: Any = None, b: Any = None,
           y: Value | None = None) -> Value:
        """Append a step; the array it writes, a new one unless `y` is given."""
        y = self.array(shape) if y is None else y
        self.steps.append(Step(kernel, tuple(map(int, sizes)), x,
                               a if isinstance(a, Value) else self._constant(a, self.dtype),
                               self._constant(b, np.dtype(np.int32) if self.dtype.kind == "i" else self.dtype), y))
        return y

    def wait(self, samples: int) -> None:
        """Let what follows be done from that many samples later on."""
        self.late += samples
        self.steps.append(Step("wait", (self.late,), self.input, None, None, self.input))

    def _constant(self, values, dtype):
        return None if values is None else np.ascontiguousarray(values, dtype)

    def finish(self, output: Value) -> None:
        """Let `output` be what the program puts out."""
        if output.array == self.input.array:
            output = self.do("join", (1, output.size, output.size, 0), output, output.shape)
        self.output = output

    def places(self) -> tuple[list[int], int]:
        """Where each array begins, in numbers, and how many numbers all take: kept ones first, then by first fit.

        The input is where the caller has it (INPUT), the output where he wants it (OUTPUT).
        """
        line = LINE // self.dtype.itemsize
        rounded = [-(-size // line) * line for size in self.sizes]
        first, last = self._lives()
        place = [0] * len(self.sizes)
        place[self.input.array], place[self.output.array] = INPUT, OUTPUT
        floor = 0
        for array in sorted(self.kept):
            place[array], floor = floor, floor + rounded[array]
        end = floor
        alive: list[tuple[int, int]] = []                      # (place, array)
        ours = set(first) - {self.input.array, self.output.array} - set(self.kept)
        for array in sorted(ours, key=first.__getitem__):
            twin = self._written_over(array, first, last)
            alive = [(at, other) for at, other in alive if last[other] >= first[array] and other != twin]
            at = floor
            if twin in ours:
                at = place[twin]
            else:
                for begin, other in sorted(alive):
                    if at + rounded[array] <= begin:
                        break
                    at = max(at, begin + rounded[other])
            place[array], end = at, max(end, at + rounded[array])
            alive.append((at, array))
        return place, end

    def _lives(self):
        """The steps that first write and last touch each array."""
        first: dict[int, int] = {}
        last: dict[int, int] = {}
        for index, step in enumerate(self.steps):
            for value in (step.x, step.a, step.y):
                if isinstance(value, Value) and step.kernel != "wait":
                    first.setdefault(value.array, index)
                    last[value.array] = index
        return first, last

    def _written_over(self, array, first, last):
        """The array whose place this one takes over while it is made from it, entry by entry; or None."""
        step = self.steps[first[array]]
        over = step.x.array
        fits = step.kernel in ENTRY_BY_ENTRY and last[over] == first[array] and self.sizes[over] == self.sizes[array]
        return over if fits else None

    def compile(self) -> PlainProgram:
        """The program as one call, for batches."""
        place, size = self.places()
        item = self.dtype.itemsize

        def at(value):
            return place[value.array] if place[value.array] < 0 else place[value.array] * item
        steps = [(step.kernel, np.array(step.sizes, np.int32), at(step.x),
                  at(step.a) if isinstance(step.a, Value) else step.a, step.b, at(step.y)) for step in self.steps]
        start = np.zeros(size, self.dtype)
        for array, number in self.kept.items():
            start[place[array]:place[array] + self.sizes[array]] = number
        return PlainProgram(steps, start, self.input.size * item, self.output.size * item, item)

    def bind(self, samples: int) -> tuple[NDArray[Any], NDArray[Any], list[Any]]:
        """Arrays for that many samples and their outputs, and the calls that fill the second from the first."""
        x, y = (np.zeros((samples, *value.shape), self.dtype) for value in (self.input, self.output))
        return x, y, [partial(self.compile(), x, y)]

    def run(self, x: NDArray[Any]) -> NDArray[Any]:
        """The outputs for the batch `x`, (batch, ...), of the program's dtype. What is kept goes on from one sample
        to the next; the first `late` samples have no output."""
        x = np.ascontiguousarray(x, self.dtype)
        y = np.empty((len(x), *self.output.shape), self.dtype)
        self.compile()(x, y)
        return y[self.late:]
