"""Fit the costs by which algorithms are chosen (mgconv/native/costs.py) to this machine, and print them.

    python tools/fit_costs.py [--isas avx2 avx512] [--layers 900] > costs.txt

Random layers are timed with every algorithm, on one thread, some minutes for each instruction set and dtype. The costs
are fitted to the logarithms of the times, so that short and long calls count alike, without what is far from the best.
Standard error says how well they fit to three quarters of the layers, and how far the choice that follows is from plain
sums and from the best way over the last quarter. Standard output is the table's entry, then fitted to all. Other work
on the machine does little harm, for the fastest of several rounds counts, unless the processor slows down in between.
"""
import argparse
import contextlib
import itertools
import random
import sys
from pathlib import Path

import numpy as np
from scipy.optimize import least_squares, nnls

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "benchmarks"))
from choice import MOST_WORK, every_way, report, seconds_of, work

from mgconv.geometry import conv_geometry
from mgconv.native import choice, runtime

FEWEST = 200                          # layers: fewer leave some costs without a time
LEAST_WORK = 300
LARGE = 10                            # one of so many layers does more work than MOST_WORK, up to
LARGE_WORK = 2e8
FAR = 2.5                             # times the fastest way: slower ones need not be known well
WIDTHS = (1, 1, 1, 2, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128)
TAPS = (2, 3, 4, 5, 6, 8, 10, 14, 20, 28, 40, 60, 90, 150, 300)
SQUARES = ((1, 3), (3, 1), (2, 2), (3, 3), (3, 3), (4, 4), (5, 5), (3, 5), (7, 7), (9, 9))
SETTINGS = ({}, {}, {}, {"strides": 2}, {"strides": 3}, {"strides": 4}, {"dilation_rate": 2}, {"dilation_rate": 2})


def sample(count, seed=0):
    """So many random layers."""
    rng, layers = random.Random(seed), []
    while len(layers) < count:
        taps, decades = ((rng.choice(TAPS),), (1, 4.3)) if rng.random() < 0.6 else (rng.choice(SQUARES), (0.5, 1.8))
        sizes = [n + int(10 ** rng.uniform(*decades)) for n in taps]
        batch, channels, filters = rng.choice((1, 1, 2, 4, 8, 32, 64)), rng.choice(WIDTHS), rng.choice(WIDTHS)
        with contextlib.suppress(ValueError):                 # dilated taps that reach too far
            geometry = conv_geometry((batch, *sizes, channels), (*taps, channels, filters),
                                     padding=rng.choice(("valid", "same")), **rng.choice(SETTINGS))
            if len(layers) % LARGE == 0:
                wanted = MOST_WORK < work(geometry) <= LARGE_WORK
            else:
                wanted = LEAST_WORK < work(geometry) <= MOST_WORK
            if wanted:
                layers.append(geometry)
    return layers


def measure(layers, dtype, machine):
    """(geometry, operation, seconds by way)."""
    return [(geometry, operation, seconds) for geometry in layers for operation, seconds in seconds_of(
        geometry, dtype, {name: every_way(geometry, name, machine) for name in choice.OPERATIONS}).items()]


def fit(measured, machine, title=None):
    """Costs by name and term, in nanoseconds; with a title, says how well they fit."""
    found = {}
    for geometry, operation, seconds in measured:
        for way, value in seconds.items():
            algorithm, *details = (None, geometry) if way is None else way
            if way is None or value < FAR * min(seconds.values()):
                terms = choice.ESTIMATES[algorithm](operation, machine.lanes, machine.size, *details)
                found.setdefault(choice.table_of(algorithm, operation), []).append((terms, 1e9 * value))
    costs = {}
    for name, pairs in sorted(found.items()):
        terms = list(dict.fromkeys(itertools.chain(*[counts for counts, _ in pairs])))
        counts = np.array([[counts.get(term, 0) for term in terms] for counts, _ in pairs], float)
        times = np.array([time for _, time in pairs])
        values = fit_logarithms(counts, times)
        costs[name] = {term: float(f"{value:.3g}") for term, value in zip(terms, values) if value > 1e-4}
        if title:
            off = np.quantile(times / (counts @ values), [0.05, 0.25, 0.75, 0.95])
            print(f"{title} {name}: {len(times)} times over estimates, quantiles 5, 25, 75, 95 %: {off.round(2)}",
                  file=sys.stderr)
    return costs


def fit_logarithms(counts, times):
    """The positive costs whose estimates have the same logarithms as the times, but for some that are far off."""
    size = np.maximum(counts.max(0), 1e-9)
    scaled = counts / size
    start, _ = nnls(scaled / times[:, None], np.ones(len(times)))
    found = least_squares(lambda logs: np.log(scaled @ np.exp(logs)) - np.log(times),
                          np.log(np.maximum(start, 1e-9 * times.max())), loss="soft_l1", f_scale=0.15, max_nfev=200)
    return np.exp(found.x) / size


def entry(isa, tables):
    """The text of one entry of the table."""
    lines = [f'    ("{isa}", "{runtime.processor()}"): (']
    for costs in tables:
        lines.append("        {")
        for name, values in costs.items():
            words = [f'"{name}": {{'] + [f'"{term}": {value:g},' for term, value in values.items()]
            words[-1] = words[-1][:-1] + "},"
            lines += wrap(words, 9)
        lines.append("        },")
    return "\n".join([*lines, "    ),"])


def wrap(words, indent, width=118):
    lines = [" " * indent + words[0]]
    for previous, word in itertools.pairwise(words):
        space = "" if previous.endswith("{") else " "
        if len(lines[-1]) + len(space) + len(word) > width:
            lines.append(" " * (indent + 3) + word)
        else:
            lines[-1] += space + word
    return lines


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--isas", nargs="+", default=runtime.available_isas(), help="instruction sets")
    parser.add_argument("--layers", type=int, default=900, help="how many to time")
    options = parser.parse_args()
    if options.layers < FEWEST:
        parser.error(f"the `--layers` must be at least {FEWEST}. Received: {options.layers}.")
    runtime.set_num_threads(1)
    layers = sample(options.layers)
    for isa in options.isas:
        runtime.set_isa(isa)
        tables = []
        for dtype in ("float32", "float64"):
            machine = choice.machine(dtype == "float64")
            measured = measure(layers, dtype, machine)
            last = len(measured) * 3 // 4
            costs = fit(measured[:last], machine, f"{isa} {dtype}")
            machine = machine._replace(costs=costs, margin=choice.MARGIN)
            with contextlib.redirect_stdout(sys.stderr):
                report(f"{isa} {dtype}", [(geometry, operation, choice.best_way(geometry, operation, machine), seconds)
                                          for geometry, operation, seconds in measured[last:]],
                       len(measured) - last, rivals=True, worst=3)
            tables.append(fit(measured, machine))
        print(entry(isa, tables), flush=True)


if __name__ == "__main__":
    main()
