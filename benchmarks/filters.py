"""mgconv.signal beside SciPy, NumPy and, where it is installed, OpenCV, in microseconds a call.

    python benchmarks/filters.py [--dtypes float32 float64] [--threads 2] [--rounds 5]

The libraries take turns, so that a machine whose speed drifts slows them all; the fastest round counts. A ratio above 1
means that mgconv is that many times faster than the fastest other one.
"""
import argparse
import os
import statistics

import numpy as np
import scipy.ndimage
import scipy.signal
from timing import in_turn, installed

import mgconv

# (length, taps), (rows and columns, kernel's rows and columns)
SIGNALS = [(100, 3), (1_000, 9), (100_000, 21), (100_000, 501), (2_000_000, 63), (2_000_000, 10_001)]
IMAGES = [(8, 3), (100, 3), (640, 5), (1080, 9), (2048, 3), (2048, 41), (2048, 127)]


def peers(x, h, cv2):
    """The calls that answer the same question, by name."""
    calls = {"oaconvolve": lambda: scipy.signal.oaconvolve(x, h, "valid")}
    if x.ndim == 1:
        if x.size * h.size < 1e9:
            calls["np.convolve"] = lambda: np.convolve(x, h, "valid")
        return calls
    calls["fftconvolve"] = lambda: scipy.signal.fftconvolve(x, h, "valid")
    if h.size < 100:
        calls["convolve2d"] = lambda: scipy.signal.convolve2d(x, h, "valid")
        calls["ndimage"] = lambda: scipy.ndimage.convolve(x, h, mode="constant")
    if cv2:
        calls["filter2D"] = lambda: cv2.filter2D(x, -1, h, borderType=cv2.BORDER_CONSTANT)
    return calls


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dtypes", nargs="+", default=["float32", "float64"])
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    mgconv.set_num_threads(options.threads)
    cv2 = installed("cv2")
    if cv2:
        cv2.setNumThreads(options.threads)
    rng, ratios = np.random.default_rng(0), []
    for dtype in options.dtypes:
        for rank, sizes in ((1, SIGNALS), (2, IMAGES)):
            for n, k in sizes:
                x, h = (rng.standard_normal((size,) * rank).astype(dtype) for size in (n, k))
                ours = mgconv.signal.convolve if rank == 1 else mgconv.signal.conv2
                times = in_turn({"mgconv": lambda: ours(x, h, "valid")} | peers(x, h, cv2), options.rounds)  # noqa: B023
                mine = times.pop("mgconv")
                ratios.append(min(times.values()) / mine)
                others = ", ".join(f"{name} {1e6 * times[name]:.1f}" for name in sorted(times, key=times.get))
                print(f"{rank}-D {n:>8} by {k:<6} {dtype}  mgconv {1e6 * mine:10.1f}  x{ratios[-1]:<6.2f} {others}",
                      flush=True)
    print(f"geometric mean x{statistics.geometric_mean(ratios):.2f}, worst x{min(ratios):.2f}")


if __name__ == "__main__":
    main()
