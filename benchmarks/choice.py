"""How good the choice of algorithms is: the layers of a grid as chosen, by plain sums, and in every other way.

    python benchmarks/choice.py [--isas avx2 avx512] [--dtypes float32] [--rivals] [--every 4] [--worst 5]

The grid starts at one channel and one filter. A loss is the time of the chosen way over that of the plain sums (1 where
they are chosen) or, with `--rivals`, over that of the fastest way of all. One thread; the ways of a layer run in turn,
and the fastest round of each counts. What looks bad is measured again, for longer, and the smaller loss counts.
"""
import argparse
import itertools
import math
import random
import time

import numpy as np

from mgconv.geometry import conv_geometry
from mgconv.native import choice, runtime
from mgconv.native.conv import ConvPlan

DOUBTFUL = 1.15
MOST_WORK = 3e7                       # multiply-adds of a layer
PAIRS = ((1, 1), (1, 2), (2, 1), (2, 2), (1, 4), (4, 1), (3, 5), (1, 8), (8, 1), (8, 8), (1, 16), (16, 1), (16, 16),
         (1, 32), (32, 1), (17, 33), (32, 32), (64, 64), (128, 128))      # channels, filters


def grid():
    """1-D, 2-D, and both with strides or dilation."""
    def layers(taps, sizes, batch, settings):
        for pair, count, size, how in itertools.product(PAIRS, taps, sizes, settings):
            if all(n > (k - 1) * how.get("dilation_rate", 1) for n, k in zip(size, count)):
                geometry = conv_geometry((batch, *size, pair[0]), (*count, *pair), **how)
                if work(geometry) <= MOST_WORK:
                    yield geometry

    both = [{"strides": 2}, {"strides": 4}, {"dilation_rate": 2}]
    return [*layers([(n,) for n in (2, 3, 4, 5, 7, 9, 12, 16, 24, 32, 64, 128, 257)],
                    [(30,), (300,), (1000,), (10_000,)], 1, [{}]),
            *layers([(n, n) for n in (2, 3, 5, 7, 11)], [(n, n) for n in (8, 14, 28, 56)], 4, [{"padding": "same"}]),
            *layers([(3,), (5,), (9,), (32,)], [(512,)], 8, both),
            *layers([(2, 2), (3, 3), (5, 5), (1, 3)], [(28, 28)], 4, both)]


def work(geometry):
    """Its multiply-adds."""
    return math.prod(geometry.output_shape[:-1]) * math.prod(geometry.kernel_shape)


def every_way(geometry, operation, machine):
    """All that could be chosen, and None for the plain sums."""
    return [None, *(way for way in choice.ways(geometry, machine.size) if choice.serves(way, operation)
                    and choice.cost_of(way, operation, machine) < math.inf)]


def seconds_of(geometry, dtype, ways, longer=False):
    """By operation and way, the seconds of a call; `ways` by operation."""
    rng = np.random.default_rng(0)
    x, kernel, dy = (rng.standard_normal(shape).astype(dtype) for shape in (
        geometry.input_shape, geometry.kernel_shape, geometry.output_shape))
    arguments = {"forward": (x, kernel, None, dy * 0), "grad_input": (dy, kernel, x * 0),
                 "grad_kernel": (x, dy, kernel * 0)}
    found = {}
    for operation, wanted in ways.items():
        at = choice.OPERATIONS.index(operation)
        plans = {way: ConvPlan(geometry, dtype, (None,) * at + (way,) + (None,) * (2 - at)) for way in wanted}
        calls = {way: getattr(plan, operation) for way, plan in plans.items()}
        found[operation] = in_turn(calls, arguments[operation], *(15, 1e-3) if longer else (6, 1e-4))
    return found


def in_turn(calls, arguments, rounds, seconds):
    """Like timing.in_turn, but for thousands of calls on one thread: nobody else's threads need to fall asleep."""
    def timed(call, repeats):
        start = time.perf_counter()
        for _ in range(repeats):
            call(*arguments)
        return (time.perf_counter() - start) / repeats

    best = {way: min(timed(call, 1) for _ in range(2)) for way, call in calls.items()}
    repeats = {way: max(1, int(seconds / value)) for way, value in best.items()}
    for _ in range(rounds):
        for way, call in calls.items():
            best[way] = min(best[way], timed(call, repeats[way]))
    return best


def judge(geometry, dtype, machine, rivals):
    """(geometry, operation, chosen way, seconds by way) where there is something to judge."""
    chosen = {operation: choice.best_way(geometry, operation, machine) for operation in choice.OPERATIONS}
    ways = {operation: set(every_way(geometry, operation, machine)) if rivals else {None, way}
            for operation, way in chosen.items() if rivals or way is not None}
    for operation, seconds in seconds_of(geometry, dtype, ways).items():
        way = chosen[operation]
        if seconds[way] > DOUBTFUL * min(seconds.values()):
            again = seconds_of(geometry, dtype, {operation: {None, way, min(seconds, key=seconds.get)}}, longer=True)
            seconds = min(seconds, again[operation], key=lambda found: found[way] / min(found.values()))
        yield geometry, operation, way, seconds


def report(title, found, count, rivals, worst):
    """Print the losses of `found` (see judge); of `count` choices, the others are plain sums."""
    for name, against in [("plain sums", lambda seconds: seconds[None]),
                          ("the best", lambda seconds: min(seconds.values()))][:1 + rivals]:
        losses = sorted([(seconds[way] / against(seconds), i) for i, (_, _, way, seconds) in enumerate(found)],
                        reverse=True)
        values = np.array([loss for loss, _ in losses] + [1] * (count - len(losses)))
        print(f"{title} against {name}: worst {values.max():.2f}, mean {np.exp(np.log(values).mean()):.3f}; above 1.3: "
              f"{(values > 1.3).sum()} of {count}", flush=True)
        for loss, i in losses[:worst]:
            geometry, operation, way, seconds = found[i]
            best = min(seconds, key=seconds.get)
            print(f"    {loss:.2f} {operation}, {geometry.input_shape} by {geometry.kernel_shape}, strides "
                  f"{geometry.strides}, dilation {geometry.dilation_rate}: {words(way)} {1e6 * seconds[way]:.1f} us, "
                  f"{words(best)} {1e6 * seconds[best]:.1f} us")


def words(way):
    return "sums" if way is None else f"{way[0].__name__}{way[2:] or ''}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--isas", nargs="+", default=runtime.available_isas(), help="instruction sets")
    parser.add_argument("--dtypes", nargs="+", default=["float32", "float64"])
    parser.add_argument("--rivals", action="store_true", help="hold the choice against the best way, too")
    parser.add_argument("--every", type=int, default=1, help="take one of so many layers, by chance")
    parser.add_argument("--worst", type=int, default=3, help="how many of the worst to name")
    options = parser.parse_args()
    runtime.set_num_threads(1)
    layers = grid()
    layers = random.Random(0).sample(layers, len(layers) // options.every)
    print(f"{runtime.processor() or 'a processor without a name'}, {len(layers)} layers, one thread")
    for isa, dtype in itertools.product(options.isas, options.dtypes):
        runtime.set_isa(isa)
        machine = choice.machine(dtype == "float64")
        found = [entry for geometry in layers for entry in judge(geometry, dtype, machine, options.rivals)]
        report(f"{isa} {dtype}", found, 3 * len(layers), options.rivals, options.worst)


if __name__ == "__main__":
    main()
