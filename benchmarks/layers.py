"""Convolution layers of mgconv beside those of PyTorch and JAX: one process, the same arrays, in turn.

    python benchmarks/layers.py [--layers lenet_mid tcn] [--dtypes float32] [--markdown] [--plot docs/layers.png]

"forward" is a convolution with bias, "step" what a layer costs in a training step: forward, gradient to the input,
to the kernel and to the bias. PyTorch's 2-D layers run in both memory layouts, and the faster counts; JAX's are
compiled. Before anything is timed, the results of all libraries are held together. A ratio is the time of the fastest
peer over mgconv's: above 1, mgconv is ahead. A library that is not installed is left out.
"""
import argparse
import json
import os
import statistics
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from timing import in_turn, installed

import mgconv
from mgconv import ops
from mgconv.geometry import conv_geometry


class Layer(NamedTuple):
    input: tuple[int, ...]            # batch, *spatial, channels
    kernel: tuple[int, ...]           # *spatial, channels of a group, filters
    how: dict[str, Any] = {}          # strides, padding, dilation_rate  # noqa: RUF012

    def __str__(self):
        *taps, depth, filters = self.kernel
        words = ["x".join(map(str, self.input)), f"{'x'.join(map(str, taps))} to {filters}"]
        if self.input[-1] > depth:
            words.append(f"{self.input[-1] // depth} groups")
        words += [f"{word} {self.how[key]}" for key, word in (("strides", "stride"), ("dilation_rate", "dilation"))
                  if key in self.how]
        return ", ".join(words)


SAME = {"padding": "same"}
LAYERS = {
    "one_window": Layer((1, 30, 1), (5, 1, 16)),
    "one_window_mid": Layer((1, 30, 16), (5, 16, 16)),
    "series_first": Layer((32, 64, 1), (5, 1, 32)),
    "series_mid": Layer((32, 64, 32), (5, 32, 32)),
    "series_last": Layer((32, 64, 32), (5, 32, 1)),
    "three_sensors": Layer((32, 128, 3), (5, 3, 17)),
    "odd_1d": Layer((32, 128, 17), (5, 17, 33)),
    "pointwise_1d": Layer((32, 256, 64), (1, 64, 64)),
    "tcn": Layer((32, 256, 64), (3, 64, 64), {"padding": "causal", "dilation_rate": 4}),
    "tcn_far": Layer((8, 1024, 32), (3, 32, 32), {"padding": "causal", "dilation_rate": 64}),
    "strided_dilated": Layer((8, 1024, 32), (5, 32, 32), {"strides": 2, "dilation_rate": 3}),
    "audio": Layer((8, 16000, 1), (80, 1, 64), {"strides": 4}),
    "long_signal": Layer((1, 100_000, 4), (9, 4, 8)),
    "kernel_31": Layer((4, 8192, 8), (31, 8, 8), SAME),
    "kernel_257": Layer((4, 8192, 8), (257, 8, 8), SAME),
    "grouped_1d": Layer((8, 1024, 64), (5, 16, 64), SAME),
    "depthwise_1d": Layer((8, 1024, 256), (7, 1, 256), SAME),
    "depthwise_1d_x2": Layer((8, 1024, 64), (7, 1, 128), SAME),
    "lenet_first": Layer((64, 28, 28, 1), (3, 3, 1, 32)),
    "lenet_mid": Layer((64, 26, 26, 32), (3, 3, 32, 64)),
    "colours_in": Layer((4, 64, 64, 3), (3, 3, 3, 16), SAME),
    "colours_out": Layer((4, 64, 64, 32), (3, 3, 32, 3), SAME),
    "colours_7x7": Layer((4, 112, 112, 3), (7, 7, 3, 64), {"strides": 2, **SAME}),
    "odd_2d": Layer((4, 32, 32, 17), (3, 3, 17, 33), SAME),
    "small_maps": Layer((512, 7, 7, 16), (3, 3, 16, 32), SAME),
    "resnet_56": Layer((4, 56, 56, 64), (3, 3, 64, 64), SAME),
    "resnet_14": Layer((4, 14, 14, 256), (3, 3, 256, 256), SAME),
    "large_map": Layer((1, 512, 512, 8), (3, 3, 8, 8), SAME),
    "kernel_11x11": Layer((4, 64, 64, 8), (11, 11, 8, 8), SAME),
    "pointwise_2d": Layer((4, 56, 56, 64), (1, 1, 64, 256)),
    "pointwise_odd": Layer((4, 28, 28, 33), (1, 1, 33, 17)),
    "strided_2d": Layer((4, 56, 56, 64), (3, 3, 64, 128), {"strides": 2, **SAME}),
    "dilated_2d": Layer((4, 56, 56, 32), (3, 3, 32, 32), {"dilation_rate": 2, **SAME}),
    "grouped_2d": Layer((4, 28, 28, 64), (3, 3, 8, 64), SAME),
    "depthwise_2d": Layer((4, 56, 56, 128), (3, 3, 1, 128), SAME),
    "depthwise_7x7": Layer((8, 14, 14, 512), (7, 7, 1, 512), SAME),
    "depthwise_2d_x3": Layer((4, 56, 56, 32), (3, 3, 1, 96), SAME),
}
WHAT = ("forward", "step")


class Subject(NamedTuple):
    """One library's way to compute a layer; `plain` makes NumPy arrays in mgconv's layout of what a call returns."""
    forward: Any                      # () -> y
    step: Any                         # () -> (y, dx, dkernel, dbias)
    plain: Any


def mgconv_subjects(layer, x, kernel, bias, dy):
    def step():
        return (ops.conv(x, kernel, bias, **layer.how), ops.conv_grad_input(dy, kernel, layer.input, **layer.how),
                ops.conv_grad_kernel(x, dy, layer.kernel, **layer.how), ops.bias_grad(dy))
    yield "mgconv", Subject(lambda: ops.conv(x, kernel, bias, **layer.how), step, lambda result: result)


def torch_subjects(layer, x, kernel, bias, dy):
    import torch

    geometry = conv_geometry(layer.input, layer.kernel, **layer.how)
    function = torch.nn.functional.conv1d if geometry.rank == 1 else torch.nn.functional.conv2d
    settings = geometry.strides, tuple(before for before, _ in geometry.pads), geometry.dilation_rate, geometry.groups
    uneven = [size for pad in reversed(geometry.pads) for size in pad]
    if any(before != after for before, after in geometry.pads):
        def conv(x, kernel, bias):
            return function(torch.nn.functional.pad(x, uneven), kernel, bias, settings[0], 0, *settings[2:])
    else:
        def conv(x, kernel, bias):
            return function(x, kernel, bias, *settings)

    def plain(result):
        y, dx, dkernel, dbias = (array.detach() for array in result)
        return [a.numpy() for a in (y.movedim(1, -1), dx.movedim(1, -1), dkernel.movedim((0, 1), (-1, -2)), dbias)]

    bias = torch.from_numpy(bias).requires_grad_()
    for name, layout in (("torch", torch.contiguous_format), ("torch nhwc", torch.channels_last))[:geometry.rank]:
        x_t, dy_t = (torch.from_numpy(a).movedim(-1, 1).contiguous(memory_format=layout) for a in (x, dy))
        kernel_t = torch.from_numpy(kernel).movedim((-1, -2), (0, 1)).contiguous(memory_format=layout)
        arguments = x_t.requires_grad_(), kernel_t.requires_grad_(), bias

        def step(arguments=arguments, dy=dy_t):
            y = conv(*arguments)
            return y, *torch.autograd.grad(y, arguments, dy)
        yield name, Subject(partial(torch.inference_mode()(conv), *arguments), step, plain)


def jax_subjects(layer, x, kernel, bias, dy):
    import jax

    geometry = conv_geometry(layer.input, layer.kernel, **layer.how)
    layout = ("NHC", "HIO", "NHC") if geometry.rank == 1 else ("NHWC", "HWIO", "NHWC")

    def conv(x, kernel, bias):
        return bias + jax.lax.conv_general_dilated(
            x, kernel, geometry.strides, geometry.pads, rhs_dilation=geometry.dilation_rate, dimension_numbers=layout,
            feature_group_count=geometry.groups)

    @jax.jit
    def step(x, kernel, bias, dy):
        y, back = jax.vjp(conv, x, kernel, bias)
        return y, *back(dy)
    x, kernel, bias, dy = map(jax.numpy.asarray, (x, kernel, bias, dy))
    forward = jax.jit(conv)
    yield "jax", Subject(lambda: forward(x, kernel, bias).block_until_ready(),
                         lambda: jax.block_until_ready(step(x, kernel, bias, dy)),
                         lambda result: [np.asarray(array) for array in result])


SUBJECTS = {"mgconv": mgconv_subjects, "torch": torch_subjects, "jax": jax_subjects}


def hold_together(name, subjects, tolerance):
    """Raises unless all libraries agree, relative to the largest number of each result."""
    results = {who: subject.plain(subject.step()) for who, subject in subjects.items()}
    for who, arrays in results.items():
        for what, array, ours in zip(("y", "dx", "dkernel", "dbias"), arrays, results["mgconv"], strict=True):
            error = np.abs(array - ours).max() / np.abs(ours).max()
            if not error < tolerance:
                raise SystemExit(f"{name}: {what} of {who} differs from mgconv's by {error:.1e}")


def measure(name, dtype, libraries, rounds, seconds):
    """Seconds a call, by what is done and who does it."""
    layer, rng = LAYERS[name], np.random.default_rng(0)
    output = conv_geometry(layer.input, layer.kernel, **layer.how).output_shape
    shapes = layer.input, layer.kernel, layer.kernel[-1:], output
    arrays = [rng.standard_normal(shape).astype(dtype) for shape in shapes]
    subjects = {who: subject for library in libraries for who, subject in SUBJECTS[library](layer, *arrays)}
    hold_together(name, subjects, 1e-4 if dtype == "float32" else 1e-11)
    return {what: in_turn({who: getattr(subject, what) for who, subject in subjects.items()}, rounds, seconds)
            for what in WHAT}


def ratio(times):
    """How many times faster than the fastest peer mgconv is; None without peers."""
    peers = [seconds for who, seconds in times.items() if who != "mgconv"]
    return min(peers) / times["mgconv"] if peers else None


def shown(seconds):
    return f"{1e6 * seconds:.{max(0, 1 - int(np.log10(1e6 * seconds)))}f}"


def print_row(name, dtype, row):
    for what, times in row.items():
        found = ratio(times)
        print(f"{name:16s} {dtype} {what:7s} {'' if found is None else f'x{found:5.2f}'}  "
              + "  ".join(f"{who} {shown(seconds)}" for who, seconds in times.items()), flush=True)


def markdown(results):
    dtypes = sorted({dtype for _, dtype in results})
    columns = [(dtype, what) for dtype in dtypes for what in WHAT]
    yield "| layer | " + " | ".join(f"{dtype}, {what}" for dtype, what in columns) + " |"
    yield "|---|" + "---|" * len(columns)
    for name, layer in LAYERS.items():
        if any((name, dtype) in results for dtype in dtypes):
            cells = [results.get((name, dtype), {}).get(what) for dtype, what in columns]
            yield f"| `{name}` {layer} | " + " | ".join("" if times is None else shown(times["mgconv"]) + (
                "" if (found := ratio(times)) is None else f" (x{found:.2f})") for times in cells) + " |"


def summaries(results):
    for dtype in sorted({dtype for _, dtype in results}):
        for what in WHAT:
            found = [ratio(row[what]) for (_, other), row in results.items() if other == dtype]
            if None not in found:
                yield (f"{dtype} {what}: geometric mean x{statistics.geometric_mean(found):.2f}, "
                       f"worst x{min(found):.2f}, ahead of every peer in {sum(r >= 1 for r in found)} of {len(found)}")


def plot(results, path):
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter, NullFormatter

    names = [name for name in LAYERS if any(name == other for other, _ in results)]
    figure = Figure(figsize=(9, 1.3 + 0.235 * len(names)), layout="constrained")
    panels = figure.subplots(1, 2, sharex=True, sharey=True)
    styles = {"float32": {"color": "#d62728", "zorder": 3},
              "float64": {"color": "#1f4e79", "markerfacecolor": "white", "zorder": 2}}
    for axes, what in zip(panels, WHAT):
        for dtype, style in styles.items():
            points = [(ratio(results[name, dtype][what]), at) for at, name in enumerate(names)
                      if (name, dtype) in results]
            if points:
                axes.plot(*zip(*points), "o", markersize=5.5, label=dtype, **style)
        axes.set(title={"forward": "forward", "step": "forward and all gradients"}[what], xscale="log")
        axes.axvline(1, color="#6b7280", linewidth=1.2, zorder=1)
        axes.grid(axis="x", alpha=0.3)
        axes.hlines(range(len(names)), 0, 1, transform=axes.get_yaxis_transform(), color="#e5e7eb", linewidth=0.6,
                    zorder=0)
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.tick_params(axis="y", length=0)
    low, high = panels[0].get_xlim()
    low, high = min(low, 0.45), max(high, 2.2)
    ticks = [tick for tick in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100) if low <= tick <= high]
    panels[0].set(xlim=(low, high), ylim=(len(names) - 0.4, -0.6))
    panels[0].set_xticks(ticks)
    panels[0].set_yticks(range(len(names)), [f"{name}  ({LAYERS[name]})" for name in names], fontsize=7.5)
    for axes in panels:
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.axvspan(low, 1, color="#6b7280", alpha=0.08, zorder=0, linewidth=0)
    panels[0].legend(loc="lower right", frameon=True, framealpha=1, edgecolor="none", fontsize=8)
    figure.supxlabel("times as fast as the fastest peer (grey: the peer is ahead)", fontsize=9)
    figure.savefig(path, dpi=150)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--layers", nargs="+", choices=LAYERS, default=list(LAYERS), metavar="NAME",
                        help=f"of: {', '.join(LAYERS)}")
    parser.add_argument("--dtypes", nargs="+", choices=("float32", "float64"), default=["float32", "float64"])
    parser.add_argument("--peers", nargs="*", choices=("torch", "jax"), default=["torch", "jax"])
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=0.015, help="of a library in a round")
    parser.add_argument("--markdown", action="store_true", help="print a table in the end")
    parser.add_argument("--plot", metavar="PNG", help="draw the ratios")
    parser.add_argument("--keep", metavar="JSON", type=Path,
                        help="write all times here; what it holds already is not measured again")
    options = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):      # JAX takes all cores that the process may use
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:options.threads])
    libraries = ["mgconv", *(peer for peer in options.peers if installed(peer))]
    mgconv.set_num_threads(options.threads)
    if "torch" in libraries:
        installed("torch").set_num_threads(options.threads)
    if "jax" in libraries:
        installed("jax").config.update("jax_enable_x64", True)

    kept = json.loads(options.keep.read_text()) if options.keep and options.keep.exists() else {}
    results = {}
    for dtype in options.dtypes:
        for name in options.layers:
            key = f"{name} {dtype}"
            if key not in kept:
                kept[key] = measure(name, dtype, libraries, options.rounds, options.seconds)
                if options.keep:
                    options.keep.write_text(json.dumps(kept, indent=1))
            results[name, dtype] = kept[key]
            print_row(name, dtype, kept[key])
    print(*summaries(results), sep="\n")
    if options.markdown:
        print(*markdown(results), sep="\n")
    if options.plot:
        plot(results, options.plot)


if __name__ == "__main__":
    main()
