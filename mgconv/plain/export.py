"""`Sequential.export_c`: the files, their heads, and a test that they give the numbers computed here."""
from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import numpy as np

from mgconv import __version__
from mgconv._support.arrays import as_samples
from mgconv._support.files import whole_file
from mgconv.plain import calibration_of, program_of
from mgconv.plain.columns import lower_columns
from mgconv.plain.emit import KINDS, Weights, array, function, needed, text_of
from mgconv.plain.program import LINE, Program
from mgconv.plain.quantize import Loss, Quantized, loss, quantized

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


def export_c(model: Any, path: Any, stream: bool | None = None, examples: Any = None, dtype: str | None = None,
             calibration: Any = None) -> tuple[int, int]:
    """Write the files of `Sequential.export_c`, which says what the arguments are; bytes of weights and of memory."""
    path = Path(os.fspath(path))
    name = path.stem
    if path.suffix != ".c" or not re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII):
        raise ValueError("`path` must end in a name for C and .c, such as \"model.c\". "
                         f"Received: {str(path)!r}.")
    if dtype not in (None, "int8", model.dtype.name):
        raise ValueError(f'`dtype` must be "int8", or the model\'s own, "{model.dtype.name}". Received: {dtype!r}.')
    samples = calibration_of(model, calibration, dtype == "int8")
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
    if examples is None and samples is not None:
        examples = samples[:EXAMPLES]
    elif examples is None:
        examples = np.random.default_rng(0).standard_normal((EXAMPLES, *(size or 32 for size in model.input_shape[1:])))
    examples = np.ascontiguousarray(as_samples("examples", examples, (None, *model.input_shape[1:]), model.dtype))
    twins: list[Quantized] = []
    lost = None
    if samples is not None:
        if column is not None:
            runs = [sequence[:, None] for sequence in samples]
            twins.append(quantized(column, runs))
            column, lost = twins[-1].program, loss(column, twins[-1], runs)
        if whole is not None:
            twins.append(quantized(whole, [samples]))
            whole, lost = twins[-1].program, loss(whole, twins[-1], [samples])
        examples = twins[-1].input.coded(examples)
    weights = Weights()
    code, memory = _code(name, whole, column, weights)
    texts = {path: _head(model, name, weights, memory, lost) + code,
             path.with_suffix(".h"): _header(name, whole, column, twins),
             path.with_name(f"{name}_test.c"): _test(name, whole, column, examples)}
    for place, text in texts.items():
        with whole_file(place) as file:
            file.write(text.encode())
    return weights.bytes, memory


def _head(model, name, weights, memory, lost):
    layers = "\n".join(f"     {layer.name}: {type(layer).__name__} {layer.output_shape[1:]}" for layer in model.layers)
    promise = "By any C99 compiler, without -ffast-math or -ffp-contract=fast, it\n   gives the very bits of"
    precision = '`predictor(precision="plain")`.'
    if lost is not None:
        promise = "By any C99 compiler it gives the very numbers of"
        precision = f'`predictor(precision="int8")`.\n\n{_loss(lost)}'
    return (f"/* {name}: {model.input_shape[1:]} to {model.output_shape[1:]}, made by mgconv {__version__}.\n\n"
            f"{layers}\n\n"
            f"   Weights and tables: {weights.bytes:,} bytes (flash). Memory: {memory:,} bytes (RAM) and some\n"
            f"   hundred of stack. Not reentrant. {promise}\n   {precision} */\n")


def _loss(lost: Loss) -> str:
    """What whole numbers cost, for the head."""
    width = lost.width or 1.0
    text = (f"   Loss, over {lost.outputs:,} outputs for the calibration samples, which span {lost.width:.4g}: at most "
            f"{lost.largest:.3g}\n   ({lost.largest / width:.2%}), root mean square {lost.rms:.3g} "
            f"({lost.rms / width:.2%}).")
    if lost.answers:
        text += f" Of {lost.answers:,} answers {lost.same:,} are the same ({lost.same / lost.answers:.2%})."
    return text


def _code(name, whole, column, weights):
    programs = [program for program in (whole, column) if program is not None]
    dtype = programs[0].dtype
    kept, functions, state = 0, [], []
    if whole is not None:
        functions.append(function(f"void {name}_predict(const real *x, real *y)", whole, weights, "memory"))
    if column is not None:
        kept = max(1, _kept(column))
        functions += _stream(name, column, weights, kept)
        state = [f"static real past[{kept}];\nstatic int pushed = -1;"]
    shared = max([1, *(program.places()[1] - (kept if program is column else 0) for program in programs)])
    kernels = {step.kernel for program in programs for step in program.steps} - {"wait"}
    kind = KINDS[dtype.name]
    parts = [f'#include "{name}.h"\n\n#include <limits.h>', text_of(kind.prelude).strip(), kind.guards.strip(),
             *needed(kernels, kind), *weights.lines, f"static real memory[{shared}];", *state, *functions]
    return "\n\n".join(parts) + "\n", (shared + kept) * dtype.itemsize


def _kept(program):
    """How many numbers the arrays that outlive a run take, at the beginning of the memory."""
    place, _ = program.places()
    line = LINE // program.dtype.itemsize
    return max((place[array] + -(-program.sizes[array] // line) * line for array in program.kept), default=0)


def _stream(name, program, weights, kept):
    place, _ = program.places()
    fills = [f"    for (int i = 0; i < {program.sizes[array]}; i++) past[{place[array]} + i] = {number};"
             for array, number in program.kept.items()]
    reset = "\n".join([f"void {name}_reset(void) {{", *fills, "    pushed = 0;", "}"])
    push = function(f"int {name}_push(const real *x, real *y)", program, weights, "memory", kept,
                    f"    if (pushed < 0) {name}_reset();", "    return 1;")
    return [reset, push]


SCALES = """\
/* The whole number q of 8 bits stands for (q - ZERO) STEP. */
#define {NAME}_INPUT_STEP {input.step:.9e}f
#define {NAME}_INPUT_ZERO ({input.zero})
#define {NAME}_OUTPUT_STEP {output.step:.9e}f
#define {NAME}_OUTPUT_ZERO ({output.zero})

/* The whole number next to x, for an input. */
static inline signed char {name}_quantize(float x) {{
    const float steps = x / {NAME}_INPUT_STEP;
    const int q = (int)((steps > -1000 ? steps < 1000 ? steps : 1000 : -1000) + 1024.5f) - 1024 + {NAME}_INPUT_ZERO;
    return (signed char)(q < -128 ? -128 : q > 127 ? 127 : q);
}}

/* What an output stands for. */
static inline float {name}_dequantize(signed char q) {{ return (float)(q - {NAME}_OUTPUT_ZERO) * {NAME}_OUTPUT_STEP; }}
"""


def _header(name, whole, column, twins):
    real, guard = KINDS[(whole or column).dtype.name].real, f"{name.upper()}_H"
    lines = [f"#ifndef {guard}", f"#define {guard}", "", "#ifdef __cplusplus", 'extern "C" {', "#endif", ""]
    if twins:
        lines.append(SCALES.format(name=name, NAME=name.upper(), input=twins[-1].input, output=twins[-1].output))
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


def _test(name, whole, column, examples):
    """A main that compares with what was computed here, to the bit."""
    real = KINDS[examples.dtype.name].real
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
                  array(f"static const {real} pushed[{max(1, pushed.size)}]", pushed)]
        body += [f"    const {real} *expected = pushed;",
                 f"    for (int i = 0; i < {len(samples)}; i++) {{", f"        {real} y[{column.output.size}];",
                 f"        const int came = {name}_push(samples + i * {column.input.size}, y);",
                 f"        wrong += came != (i >= {column.late});", "        if (!came) continue;",
                 "        wrong += memcmp(y, expected, sizeof y) != 0;",
                 f"        expected += {column.output.size};", "    }"]
    body += ['    printf("%s\\n", wrong ? "differs" : "the same bits");', "    return wrong != 0;"]
    return "\n\n".join([*parts, "\n".join(["int main(void) {", *body, "}"])]) + "\n"
