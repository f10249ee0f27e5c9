"""`Sequential.export_c`: the files, their heads, and a test that they give the bits computed here."""
from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import numpy as np

from mgconv import __version__
from mgconv._support.arrays import as_samples
from mgconv._support.files import whole_file
from mgconv.plain import program_of
from mgconv.plain.columns import lower_columns
from mgconv.plain.emit import GUARDS, Weights, array, function, needed, text_of
from mgconv.plain.program import Program

EXAMPLES = 4                # samples in the test, and how many rounds of `late` a stream is fed


def stream_program(model: Any) -> Program:
    """The plain program of one sample in, one out.

    Raises
    ------
    ValueError
        If a layer cannot be streamed; the message says which, and why.
    """
    program = Program((1, model.input_shape[-1]), model.dtype)
    program.finish(lower_columns(program, model.constant_twins(), program.input))
    return program


def export_c(model: Any, path: Any, stream: bool | None = None, examples: Any = None) -> tuple[int, int]:
    """Write the files of `Sequential.export_c`, which says what the arguments are; bytes of weights and of memory."""
    path = Path(os.fspath(path))
    name = path.stem
    if path.suffix != ".c" or not re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII):
        raise ValueError("`path` must end in a name for C and .c, such as \"model.c\". "
                         f"Received: {str(path)!r}.")
    whole = None if None in model.input_shape[1:] else program_of(model)
    column = None
    if stream or (stream is None and len(model.input_shape) == 3):
        try:
            column = stream_program(model)
        except ValueError:
            if stream or whole is None:
                raise
    if whole is None and column is None:
        raise ValueError("a C file needs an input of known sizes, or a model that can be streamed. "
                         f"Received: {model.input_shape}.")
    if examples is None:
        examples = np.random.default_rng(0).standard_normal((EXAMPLES, *(size or 32 for size in model.input_shape[1:])))
    examples = np.ascontiguousarray(as_samples("examples", examples, (None, *model.input_shape[1:]), model.dtype))
    weights = Weights()
    code, memory = _code(name, whole, column, weights)
    head = _head(model, name, weights, memory)
    texts = {path: head + code, path.with_suffix(".h"): _header(name, whole, column, model.dtype),
             path.with_name(f"{name}_test.c"): _test(name, whole, column, model.dtype, examples)}
    for place, text in texts.items():
        with whole_file(place) as file:
            file.write(text.encode())
    return weights.bytes, memory


def _head(model, name, weights, memory):
    layers = "\n".join(f"     {layer.name}: {type(layer).__name__} {layer.output_shape[1:]}" for layer in model.layers)
    return (f"/* {name}: {model.input_shape[1:]} to {model.output_shape[1:]}, made by mgconv {__version__}.\n\n"
            f"{layers}\n\n"
            f"   Weights and tables: {weights.bytes:,} bytes (flash). Memory: {memory:,} bytes (RAM) and some\n"
            f"   hundred of stack. Not reentrant. By any C99 compiler, without -ffast-math or -ffp-contract=fast, it\n"
            f"   gives the very bits of `predictor(precision=\"plain\")`. */\n")


def _code(name, whole, column, weights):
    item = (whole or column).dtype.itemsize
    functions, memory = [], []
    if whole is not None:
        _, size = whole.places()
        memory.append(size)
        functions.append(function(f"void {name}_predict(const real *x, real *y)", whole, weights, "memory"))
    if column is not None:
        _, size = column.places()
        memory.append(size)
        functions += _stream(name, column, weights)
    kept = 0 if column is None else _kept(column)
    shared = max([1, *(size - (kept if program is column else 0)
                       for size, program in zip(memory, [p for p in (whole, column) if p is not None], strict=True))])
    kernels = {step.kernel for program in (whole, column) if program is not None for step in program.steps} - {"wait"}
    parts = [f'#include "{name}.h"\n\n#include <limits.h>', text_of("float.h" if item == 4 else "double.h").strip(),
             GUARDS.strip(), *needed(kernels), *weights.lines,
             f"static real memory[{shared}];", *([f"static real past[{max(1, kept)}];\nstatic int pushed;"]
                                                if column is not None else []), *functions]
    return "\n\n".join(parts) + "\n", (shared + kept) * item


def _kept(program):
    """How many numbers the arrays that outlive a run take, at the beginning of the memory."""
    place, _ = program.places()
    line = 64 // program.dtype.itemsize
    return max((place[array] + -(-program.sizes[array] // line) * line for array in program.kept), default=0)


def _stream(name, program, weights):
    kept = _kept(program)
    push = function(f"int {name}_push(const real *x, real *y)", program, weights, "memory", kept=kept,
                    after="    return 1;")
    reset = (f"void {name}_reset(void) {{\n    for (int i = 0; i < {max(1, kept)}; i++) past[i] = 0;\n"
             "    pushed = 0;\n}")
    return [push, reset]


def _header(name, whole, column, dtype):
    real, guard = ("float" if dtype.itemsize == 4 else "double"), f"{name.upper()}_H"
    lines = [f"#ifndef {guard}", f"#define {guard}", "", "#ifdef __cplusplus", 'extern "C" {', "#endif", ""]
    if whole is not None:
        sizes = f"{name.upper()}_INPUTS = {whole.input.size}, {name.upper()}_OUTPUTS = {whole.output.size}"
        lines += [f"enum {{ {sizes} }};", "", f"/* y, {whole.output.shape}, for x, {whole.input.shape}, rows first */",
                  f"void {name}_predict(const {real} *x, {real} *y);", ""]
    if column is not None:
        lines += [f"enum {{ {name.upper()}_CHANNELS = {column.input.size}, {name.upper()}_STREAM_OUTPUTS = "
                  f"{column.output.size}, {name.upper()}_LATE = {column.late} }};", "",
                  "/* Takes one sample in, x; whether there is an output, y: not for the first LATE samples. */",
                  f"int {name}_push(const {real} *x, {real} *y);", "", "/* Forgets all samples. */",
                  f"void {name}_reset(void);", ""]
    return "\n".join([*lines, "#ifdef __cplusplus", "}", "#endif", "", "#endif", ""])


def _test(name, whole, column, dtype, examples):
    """A main that compares with what was computed here, to the bit."""
    real = "float" if dtype.itemsize == 4 else "double"
    parts = [f'/* Whether {name}.c gives the bits that mgconv computed. */\n#include "{name}.h"\n\n'
             "#include <math.h>\n#include <stdio.h>\n#include <string.h>"]
    body = ["    int wrong = 0;"]
    if whole is not None:
        parts += [array(f"static const {real} inputs[{examples.size}]", examples),
                  array(f"static const {real} outputs[{len(examples) * whole.output.size}]", whole.run(examples))]
        body += [f"    for (int i = 0; i < {len(examples)}; i++) {{", f"        {real} y[{whole.output.size}];",
                 f"        {name}_predict(inputs + i * {whole.input.size}, y);",
                 f"        wrong += memcmp(y, outputs + i * {whole.output.size}, sizeof y) != 0;", "    }"]
    if column is not None:
        samples = examples.reshape(-1, column.input.size)[:column.late + 64]
        pushed = column.run(samples)
        parts += [array(f"static const {real} samples[{samples.size}]", samples),
                  array(f"static const {real} pushed[{pushed.size}]", pushed)]
        body += [f"    for (int i = 0; i < {len(samples)}; i++) {{", f"        {real} y[{column.output.size}];",
                 f"        const int came = {name}_push(samples + i * {column.input.size}, y);",
                 f"        wrong += came != (i >= {column.late});",
                 f"        wrong += came && memcmp(y, pushed + (i - {column.late}) * {column.output.size}, sizeof y)"
                 " != 0;", "    }"]
    body += ['    printf("%s\\n", wrong ? "differs" : "the same bits");', "    return wrong != 0;"]
    return "\n\n".join([*parts, "\n".join(["int main(void) {", *body, "}"])]) + "\n"
