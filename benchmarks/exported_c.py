"""C files of `export_c` in float32 and int8: size and speed, beside onnxruntime and emlearn.

    python benchmarks/exported_c.py [--nets mg30 digits] [--cflags -O3]

For each net and type of numbers: the bytes of flash and RAM that the compiled file takes on a Cortex-M4, and the
instructions that one answer takes there (in QEMU, which counts them: a Cortex-M4 takes one to two cycles for each); the
microseconds of processor time an answer takes here, compiled by `cc`; and those of onnxruntime, called from Python on
one thread. emlearn does dense nets alone, in float32. On Debian: `apt-get install gcc-arm-none-eabi
libnewlib-arm-none-eabi qemu-system-arm`; what is missing is left out.

dense: Dense(32) with ReLU and Dense(10) with softmax on 64 numbers. digits: the net of examples/digits.py, 8x8 points.
mg30: Conv1D(32, 3), Conv1D(16, 3), both with ReLU, and Dense(1) on 30 steps of a series. separable: 16x16 points,
Conv2D(8, 3) and three SeparableConv2D(16, 3) with ReLU, the mean of each map and Dense(10). tcn: one new sample for
four causal Conv1D(16, 3) with ReLU and dilations 1, 2, 4, 8 and Dense(1).
"""
import argparse
import contextlib
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from timing import in_turn, installed

import mgconv
from mgconv import layers

sys.path.append(str(Path(__file__).parent.parent / "tests"))
from c_targets import cortex_m

CORTEX = cortex_m(["-O2", "-mcpu=cortex-m4", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16"], "mps2-an386", 0x20400000)
COUNTED = ["-icount", "shift=0"]                     # one instruction a nanosecond; SysTick has 25 MHz
CALLS = {"here": 2000, "there": 20}


def separable(strides):
    return layers.SeparableConv2D(16, 3, strides=strides, padding="same", activation="relu")


NETS = {
    "dense": lambda: [mgconv.Input((64,)), layers.Dense(32, activation="relu"), layers.Dense(10, activation="softmax")],
    "digits": lambda: [mgconv.Input((8, 8, 1)), layers.Conv2D(32, 3, padding="same", activation="relu"),
                       layers.Conv2D(32, 3, padding="same", activation="relu"), layers.MaxPooling2D(2),
                       layers.Flatten(), layers.Dense(64, activation="relu"), layers.Dense(10, activation="softmax")],
    "mg30": lambda: [mgconv.Input((30, 1)), layers.Conv1D(32, 3, activation="relu"),
                     layers.Conv1D(16, 3, activation="relu"), layers.Flatten(), layers.Dense(1)],
    "separable": lambda: [mgconv.Input((16, 16, 1)), layers.Conv2D(8, 3, strides=2, padding="same", activation="relu"),
                          separable(1), separable(2), separable(1), layers.GlobalAveragePooling2D(), layers.Dense(10)],
    "tcn": lambda: [mgconv.Input((None, 1)), *[layers.Conv1D(16, 3, padding="causal", dilation_rate=d,
                                                             activation="relu") for d in (1, 2, 4, 8)],
                    layers.Dense(1)],
}

MAIN = """
#include <stdio.h>
#include <time.h>
int main(void) {{
{setup}
    for (int i = 0; i < {inputs}; i++) x[i] = (REAL)(i % 5);
#ifdef STACK
    volatile unsigned *const systick = (volatile unsigned *)0xE000E010u;
    systick[1] = 0xFFFFFF, systick[2] = 0, systick[0] = 5;
    const unsigned before = systick[2];
    for (int i = 0; i < {there}; i++) {call};
    printf("%g\\n", (double)((before - systick[2]) & 0xFFFFFF) * 40 / {there});
#else
    double least = 1;
    for (int round = 0; round < 9; round++) {{
        const clock_t before = clock();
        for (int i = 0; i < {here}; i++) {call};
        const double seconds = (double)(clock() - before) / CLOCKS_PER_SEC / {here};
        least = seconds < least ? seconds : least;
    }}
    printf("%g\\n", least * 1e6);
#endif
    return y[0] == 77;
}}
"""


def answer_main(net, dtype):
    """A program that times the exported net.c."""
    real = "signed char" if dtype == "int8" else "float"
    call, inputs, outputs = ("net_push(x, y)", "NET_CHANNELS", "NET_STREAM_OUTPUTS") if net == "tcn" else (
        "net_predict(x, y)", "NET_INPUTS", "NET_OUTPUTS")
    return f'#include "net.h"\ntypedef {real} REAL;\nstatic REAL x[{inputs}], y[{outputs}];\n' + MAIN.format(
        setup="", inputs=inputs, call=call, **CALLS)


def measured(folder, files, cflags):
    """(flash, RAM, instructions) on a Cortex-M4, None where there is none; microseconds here."""
    here = folder / "here"
    subprocess.run(["cc", *cflags, *files, "-o", here, "-lm"], check=True, cwd=folder)
    there = None, None, None
    if CORTEX.missing() is None:
        subprocess.run([*CORTEX.compiler, *cflags[1:], *files, "-o", "there", "-lm"], check=True, cwd=folder)
        subprocess.run([CORTEX.compiler[0], *CORTEX.compiler[1:5], *cflags[1:], "-c", files[-1], "-o", "size.o"],
                       check=True, cwd=folder)
        sizes = subprocess.run(["arm-none-eabi-size", "size.o"], check=True, capture_output=True, text=True, cwd=folder)
        text, data, bss = map(int, sizes.stdout.splitlines()[1].split()[:3])
        run = [CORTEX.runner[0], *COUNTED, *CORTEX.runner[1:], "there"]
        counted = subprocess.run(run, capture_output=True, text=True, cwd=folder, stdin=subprocess.DEVNULL)
        there = text + data, data + bss, float(counted.stdout)
    return there, float(subprocess.run([here], check=False, capture_output=True, text=True).stdout)


def onnx_time(model, path, shape):
    """Microseconds of onnxruntime for one sample, or None."""
    runtime = installed("onnxruntime")
    if runtime is None or None in shape:
        return None
    mgconv.onnx.export(model, path)
    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    x = {"input": np.zeros((1, *shape), np.float32)}
    return in_turn({"onnxruntime": lambda: session.run(None, x)})["onnxruntime"] * 1e6


def emlearn_files(emlearn, model, folder):
    """The same dense net as emlearn writes it, and the program that times it."""
    kinds = [type(layer.activation).__name__.lower() for layer in model.layers]
    with contextlib.chdir(folder):                # it leaves files in the current one
        net = emlearn.net.Wrapper(kinds, [layer.kernel.value for layer in model.layers],
                                  [layer.bias.value for layer in model.layers], classifier="loadable")
    header = net.save(name="other", inference=["loadable"])
    model_name = re.search(r"static EmlNet (\w+)", header)[1]
    (folder / "eml.c").write_text(
        f"{header}\nvoid answer(const float *x, float *y) {{\n"
        f"    eml_net_predict_proba(&{model_name}, x, {model.input_shape[-1]}, y, {model.output_shape[-1]});\n}}\n")
    (folder / "eml_main.c").write_text(
        f"typedef float REAL;\nvoid answer(const float *x, float *y);\nstatic REAL x[{model.input_shape[-1]}], "
        f"y[{model.output_shape[-1]}];\n" + MAIN.format(setup="", inputs=model.input_shape[-1], call="answer(x, y)",
                                                        **CALLS))
    return ["eml_main.c", "eml.c"], ["-I", emlearn.includedir]


def row(net, kind, there, here):
    flash, memory, count = ["" if value is None else f"{value:,.0f}" for value in there]
    print(f"| {net} | {kind} | {flash} | {memory} | {count} | {'' if here is None else f'{here:.1f}'} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nets", nargs="+", choices=NETS, default=list(NETS))
    parser.add_argument("--cflags", default="-O3", help="of the compiler here, in one word with commas")
    options = parser.parse_args()
    if shutil.which("cc") is None:
        sys.exit("This needs a C compiler.")
    cflags, emlearn = options.cflags.split(","), installed("emlearn")
    print("| net | by | flash, bytes | RAM, bytes | instructions, Cortex-M4 | microseconds here |\n"
          "|---|---|---|---|---|---|")
    for net in options.nets:
        mgconv.set_random_seed(0)
        model = mgconv.Sequential(NETS[net]())
        shape = model.input_shape[1:]
        samples = np.random.default_rng(0).standard_normal((100, *(size or 64 for size in shape)))
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            for dtype in "float32", "int8":
                model.export_c(folder / "net.c", stream=net == "tcn", dtype=dtype,
                               calibration=samples if dtype == "int8" else None)
                (folder / "main.c").write_text(answer_main(net, dtype))
                row(net, dtype, *measured(folder, ["main.c", "net.c"], ["-std=c99", *cflags]))
            row(net, "onnxruntime", (None, None, None), onnx_time(model, folder / "net.onnx", shape))
            if emlearn is not None and net == "dense":
                files, include = emlearn_files(emlearn, model, folder)
                row(net, "emlearn", *measured(folder, files, ["-std=gnu99", *cflags, *include]))


if __name__ == "__main__":
    main()
