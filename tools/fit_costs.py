"""Fit the costs by which algorithms are chosen to this machine, and print them for mgconv/native/costs.py."""
import argparse, itertools, math, random, sys, pickle
from pathlib import Path
import numpy as np
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "benchmarks"))
import choice as bench
from mgconv.geometry import conv_geometry
from mgconv.native import choice, runtime

def sample(count, seed):
    rng = random.Random(seed)
    sizes = [1, 1, 2, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128]
    found = []
    while len(found) < count:
        channels, filters = rng.choice(sizes), rng.choice(sizes)
        if rng.random() < .6:
            taps = rng.choice([2, 3, 4, 5, 6, 8, 10, 14, 20, 28, 40, 60, 90, 150, 300])
            steps = taps + int(10 ** rng.uniform(1, 4.3))
            batch = rng.choice([1, 1, 2, 4, 8, 32])
            shape, kernel = (batch, steps, channels), (taps, channels, filters)
        else:
            rows, columns = rng.choice([(1, 3), (3, 1), (2, 2), (3, 3), (3, 3), (4, 4), (5, 5), (3, 5), (7, 7), (9, 9)])
            shape = (rng.choice([1, 1, 2, 4, 8, 32, 64]), rows + int(10 ** rng.uniform(.5, 1.8)), columns + int(10 ** rng.uniform(.5, 1.8)), channels)
            kernel = (rows, columns, channels, filters)
        how = rng.choice([{}, {}, {}, {"strides": 2}, {"strides": rng.choice([3, 4])}, {"dilation_rate": 2}])
        how = {**how, "padding": rng.choice(["valid", "same"])}
        try:
            g = conv_geometry(shape, kernel, **how)
        except ValueError:
            continue
        work = math.prod(g.output_shape[:-1]) * math.prod(kernel)
        if 300 < work < bench.MOST_SUMS:
            found.append(g)
    return found

def main():
    isa, dtype, count, out = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
    runtime.set_num_threads(1)
    runtime.set_isa(isa)
    rng = np.random.default_rng(0)
    wide = dtype == "float64"
    machine = choice.machine(wide)
    rows = []
    for g in sample(count, 1):
        every = list(choice.ways(g, machine.size))
        ws = [{None, *(w for w in every if choice.serves(w, op) and choice.way_cost(w, op, machine) < math.inf)} for op in choice.OPERATIONS]
        calls = bench.calls_of(g, dtype, ws, rng)
        for op in choice.OPERATIONS:
            t = bench.times_of(calls[op])
            rows.append((g, op, t))
    pickle.dump(rows, open(out, "wb"))
main()
