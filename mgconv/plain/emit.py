"""One C99 file from plain programs: kernels, weights, and the calls. It needs libc alone and no memory from a heap."""
from __future__ import annotations

import re
from functools import cache
from importlib import resources
from typing import Any, NamedTuple

import numpy as np

from mgconv.plain.program import INPUT, OUTPUT, Program, Value

INT_GUARD = """\
#if INT_MAX < 2147483647
#error "this file needs an int of 32 bits"
#endif
#if defined(__GNUC__) && !defined(__clang__)
#define KERNEL static __attribute__((noinline, noclone)) /* GCC 12 makes vfmaddsub of sums whose constants it sees */
#else
#define KERNEL static
#endif
"""
FLOAT_GUARDS = """\
#if defined(__FAST_MATH__)
#error "-ffast-math changes sums: results would differ"
#endif
#if defined(__clang__) || defined(__STDC_VERSION__) && !defined(__GNUC__)
#pragma STDC FP_CONTRACT OFF
#elif defined(__GNUC__)
#pragma GCC optimize("fp-contract=off")
#endif
#if defined(FLT_EVAL_METHOD) && FLT_EVAL_METHOD != 0
#error "sums must be of their own type: on x86 use -msse2 -mfpmath=sse"
#endif
"""


class Kind(NamedTuple):
    """A type of numbers: what C calls it, the file that defines it, and those with its kernels."""

    real: str
    prelude: str
    kernels: tuple[str, ...]
    guards: str


KINDS = {"int8": Kind("signed char", "int8.h", ("kernels_int8.h", "windows.h"), INT_GUARD),
         "float32": Kind("float", "float.h", ("windows.h", "kernels.h"), INT_GUARD + FLOAT_GUARDS),
         "float64": Kind("double", "double.h", ("windows.h", "kernels.h"), INT_GUARD + FLOAT_GUARDS)}


@cache
def text_of(name: str) -> str:
    """A file of this folder."""
    return resources.files("mgconv.plain").joinpath(name).read_text(encoding="utf-8")


@cache
def blocks(kind: Kind) -> dict[str, str]:
    """The text of each function for that kind of numbers, by its name, in the files' order."""
    found = {}
    for block in "\n\n".join(map(text_of, kind.kernels)).split("\n\n"):
        name = re.search(r"^static inline (?:\w+ )+(\w+)\(", block, re.MULTILINE)
        if name:
            found[name[1]] = block.strip()
    return found


def needed(kernels: set[str], kind: Kind) -> list[str]:
    """The text of `kernels`, which the compiler is not to know the weights of, and of the functions that they call."""
    texts, wanted, waiting = blocks(kind), set(), list(kernels)
    macros = dict(re.findall(r"#define (\w+)\(.*?\) (.*)", text_of(kind.prelude)))
    while waiting:
        name = waiting.pop()
        if name not in wanted:
            wanted.add(name)
            code = re.sub(r"/\*.*?\*/", "", texts.get(name, "") + macros.get(name, ""), flags=re.DOTALL)
            waiting += set(re.findall(r"\w+", code)) & {*texts, *macros}
    return [text.replace("static inline void", "KERNEL void") for name, text in texts.items() if name in wanted]


class Weights:
    """The constants of one file, each written once."""

    def __init__(self) -> None:
        self.names: dict[tuple[str, bytes], str] = {}
        self.lines: list[str] = []
        self.bytes = 0

    def name(self, values: Any) -> str:
        """What the array is called in C."""
        kind = "int" if values.dtype == np.int32 else "real"
        key = kind, values.tobytes()
        if key not in self.names:
            self.names[key] = f"w{len(self.names)}"
            self.bytes += values.nbytes
            self.lines.append(array(f"static const {kind} {self.names[key]}[{max(1, values.size)}]", values))
        return self.names[key]


def array(declaration: str, values: Any) -> str:
    """A C array with its values: floats in hexadecimal, which rounds nothing."""
    texts = [number(value) for value in np.asarray(values).reshape(-1).tolist()] or ["0"]
    lines, line = [], "   "
    for text in texts:
        if len(line) + len(text) > 116:
            lines.append(line)
            line = "   "
        line += f" {text},"
    return "\n".join([f"{declaration} = {{", *lines, line, "};"])


def number(value: Any) -> str:
    """A number as C has it."""
    if isinstance(value, int):
        return str(value)
    if value != value:
        return "NAN"
    return ("-" if value < 0 else "") + "INFINITY" if abs(value) == np.inf else value.hex()


def function(declaration: str, program: Program, weights: Weights, memory: str, kept: int = 0,
             before: str = "", after: str = "") -> str:
    """The C function that does `before`, `program`, `after`; its first `kept` numbers of memory are called `past`."""
    place, _ = program.places()

    def at(value):
        if value is None:
            return "0"
        if not isinstance(value, Value):
            return weights.name(value)
        where = place[value.array]
        if where < 0:
            return {INPUT: "x", OUTPUT: "y"}[where]
        return f"past + {where}" if where < kept else f"{memory} + {where - kept}"
    lines = []
    for step in program.steps:
        if step.kernel == "wait":
            lines += [f"    if (pushed < {step.sizes[0]}) {{", "        pushed++;", "        return 0;", "    }"]
            continue
        sizes = weights.name(np.array(step.sizes, np.int32))
        lines.append(f"    {step.kernel}({sizes}, {at(step.x)}, {at(step.a)}, {at(step.b)}, {at(step.y)});")
    return "\n".join([f"{declaration} {{", *filter(None, [before, *lines, after]), "}"])
