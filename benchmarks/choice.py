"""How good the choice of algorithms is: each layer of a grid timed with it, with plain sums, and with all other ways.

    python benchmarks/choice.py [--isas avx2 avx512] [--dtypes float32] [--rivals] [--every 1] [--worst 5]

The grid starts at one channel and one filter. A loss is the time of the chosen way over that of the plain sums (1 where
they are chosen) or, with `--rivals`, over that of the fastest way of all. One thread; the ways of one layer run in turn,
and the fastest round of each counts. A loss above 1.2 is measured again, longer: the smaller one counts.
"""
import argparse
import itertools
import math
import random
import time

import numpy as np

import mgconv
from mgconv.geometry import conv_geometry
from mgconv.native import choice, runtime
from mgconv.native.conv import ConvPlan

DOUBTFUL = 1.2
MOST_SUMS = 3e7                       # multiply-adds of a layer


def grid():
    """1-D: taps, channels and filters, lengths; 2-D: the same with square kernels on small maps; the last few of a row
    in both with strides and dilation."""
    pairs = [(1, 1), (1, 2), (2, 1), (2, 2), (1, 4), (4, 1), (3, 5), (1, 8), (8, 1), (8, 8), (1, 16), (16, 1), (16, 16),
             (1, 32), (32, 1), (17, 33), (32, 32), (64, 64), (128, 128)]
    for (channels, filters), taps, steps in itertools.product(
            pairs, (2, 3, 4, 5, 7, 9, 12, 16, 24, 32, 64, 128, 257), (30, 300, 1000, 10_000)):
        if steps > taps:
            yield (1, steps, channels), (taps, channels, filters), {}
    for (channels, filters), taps, size in itertools.product(pairs, (2, 3, 5, 7, 11), (8, 14, 28, 56)):
        if size > taps:
            yield (4, size, size, channels), (taps, taps, channels, filters), {"padding": "same"}
    for (channels, filters), taps, stride, rate in itertools.product(pairs, (3, 5, 9, 32), (1, 2, 4), (1, 2)):
        if (stride > 1) != (rate > 1):
            yield (8, 512, channels), (taps, channels, filters), {"strides": stride, "dilation_rate": rate}
    for (channels, filters), taps, stride, rate in itertools.product(pairs, (2, 3, 5), (1, 2), (1, 2)):
        if (stride > 1) != (rate > 1):
            yield (4, 28, 28, channels), (taps, taps, channels, filters), {"strides": stride, "dilation_rate": rate}


def geometries(layers):
    """Those that are small enough to be timed soon."""
    for shape, kernel, how in layers:
        geometry = conv_geometry(shape, kernel, **how)
        if math.prod(geometry.output_shape[:-1]) * math.prod(kernel) <= MOST_SUMS:
            yield geometry


def calls_of(geometry, dtype, ways, rng):
    """For each operation, by way (None: plain sums), a call of it; `ways` has a set of ways for each."""
    x, kernel, dy, y, dx, dk = (rng.standard_normal(shape).astype(dtype) for shape in (
        geometry.input_shape, geometry.kernel_shape, geometry.output_shape) * 2)
    arguments = {"forward": (x, kernel, None, dy * 0), "grad_input": (dy, kernel, x * 0), "grad_kernel": (x, dy, kernel * 0)}
    calls = {}
    for operation, wanted in zip(choice.OPERATIONS, ways):
        calls[operation] = {}
        for way in wanted:
            plan = ConvPlan(geometry, dtype, (way,) * 3 if operation != "grad_input" else (None, way, None))
            calls[operation][way] = (getattr(plan, operation), arguments[operation])
    return calls


def times_of(calls, rounds=5, seconds=1e-4):
    """Seconds of each call, the fastest of some rounds in turn."""
    def timed(function, arguments, repeats):
        start = time.perf_counter()
        for _ in range(repeats):
            function(*arguments)
        return (time.perf_counter() - start) / repeats

    best = {way: min(timed(*call, 1) for _ in range(2)) for way, call in calls.items()}
    repeats = {way: max(1, int(seconds / value)) for way, value in best.items()}
    for _ in range(rounds):
        for way, call in calls.items():
            best[way] = min(best[way], timed(*call, repeats[way]))
    return best


def measure(geometry, dtype, rivals, rng):
    """(operation, chosen way, seconds by way) for each operation where there is a choice to judge."""
    wide = np.dtype(dtype).itemsize == 8
    machine = choice.machine(wide)
    chosen = [choice.best_way(geometry, operation, machine) for operation in choice.OPERATIONS]
    every = [way for way in choice.ways(geometry, machine.size) if rivals]
    ways = [{None, way, *(rival for rival in every if choice.serves(rival, operation)
                          and choice.way_cost(rival, operation, machine) < math.inf)}
            for operation, way in zip(choice.OPERATIONS, chosen)]
    calls = calls_of(geometry, dtype, [wanted if len(wanted) > 1 else set() for wanted in ways], rng)
    for operation, way in zip(choice.OPERATIONS, chosen):
        if calls[operation]:
            times = times_of(calls[operation])
            if times[way] > DOUBTFUL * min(times.values()):
                again = times_of(calls[operation], 15, 1e-3)
                times = min(times, again, key=lambda found: found[way] / min(found.values()))
            yield operation, way, times


def words(way):
    return "sums" if way is None else f"{way[0].__name__}{way[2:]}"


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--isas", nargs="+", default=runtime.available_isas(), help="instruction sets")
    parser.add_argument("--dtypes", nargs="+", default=["float32", "float64"])
    parser.add_argument("--rivals", action="store_true", help="hold the choice against the best way, too")
    parser.add_argument("--every", type=int, default=1, help="take one of so many layers, by chance")
    parser.add_argument("--worst", type=int, default=3, help="how many of the worst to name")
    options = parser.parse_args(arguments)
    runtime.set_num_threads(1)
    layers = [geometry for geometry in geometries(grid()) if geometry.groups == 1]
    layers = random.Random(0).sample(layers, len(layers) // options.every)
    rng = np.random.default_rng(0)
    print(f"mgconv {mgconv.__version__}, {runtime.processor() or 'unknown processor'}, {len(layers)} layers, one thread")
    for isa, dtype in itertools.product(options.isas, options.dtypes):
        runtime.set_isa(isa)
        found = [(geometry, operation, way, times) for geometry in layers
                 for operation, way, times in measure(geometry, dtype, options.rivals, rng)]
        report(f"{isa} {dtype}", found, 3 * len(layers), options)


def report(title, found, count, options):
    losses = {"plain sums": [(times[way] / times[None], entry) for entry in found for way, times in [entry[2:]]]}
    if options.rivals:
        losses["the best"] = [(entry[3][entry[2]] / min(entry[3].values()), entry) for entry in found]
    for name, pairs in losses.items():
        values = np.array([loss for loss, _ in pairs] + [1.0] * (count - len(pairs)))
        print(f"{title}, against {name}: worst {values.max():.2f}, mean {np.exp(np.log(values).mean()):.3f}, above 1.3: "
              f"{(values > 1.3).sum()} of {count}", flush=True)
        for loss, (geometry, operation, way, times) in sorted(pairs, key=lambda pair: -pair[0])[:options.worst]:
            best = min(times, key=times.get)
            print(f"    {loss:5.2f}  {operation} of {geometry.input_shape} with {geometry.kernel_shape}, strides "
                  f"{geometry.strides}, rate {geometry.dilation_rate}: {words(way)} {1e6 * times[way]:.1f} us, "
                  f"{words(best)} {1e6 * times[best]:.1f} us")


if __name__ == "__main__":
    main()
