"""Random calls held against independent sums, until the time is over or one is wrong:

    python tools/fuzz.py [ops] [signal] [--seconds 20] [--seed 0]

Each case follows from its number and a largest size. A wrong one is looked for again among smaller sizes, and the
smallest that is still wrong is printed as the line that repeats it; the exit status is 1 then.
"""
import argparse
import itertools
import sys
import time

import numpy as np
import scipy.signal

from mgconv import ops, signal

ROUNDING = {"f4": 2e-5, "f8": 1e-12}              # of the sum of all products' absolute values
SIZES = (2, 3, 5, 9, 17, 40)


def ops_case(rng, size):
    """A convolution and its gradients, by both precisions, against sums tap by tap in float64."""
    rank = int(rng.integers(1, 3))
    groups, dtype = int(rng.choice([1, 1, 2, size])), str(rng.choice(["f4", "f8"]))
    channels, filters = (groups * int(n) for n in rng.integers(1, max(size // groups, 1) + 1, 2))
    taps = rng.integers(1, min(size, 9) + 1, rank)
    strides, rates = rng.integers(1, 4, rank), rng.integers(1, 3, rank)
    pads = rng.integers(0, 4, (rank, 2))
    spatial = [int(max((k - 1) * rate + 1 - pad.sum(), 1) + rng.integers(0, size + 1))
               for k, rate, pad in zip(taps, rates, pads, strict=True)]
    x = rng.standard_normal((int(rng.integers(1, 4)), *spatial, channels)).astype(dtype)
    kernel = rng.standard_normal((*taps, channels // groups, filters)).astype(dtype)
    how = {"strides": tuple(strides.tolist()), "padding": pads.tolist(), "dilation_rate": tuple(rates.tolist())}

    padded = np.pad(x.astype(float), ((0, 0), *pads.tolist(), (0, 0)))
    outputs = [(n - (k - 1) * rate - 1) // stride + 1
               for n, k, rate, stride in zip(padded.shape[1:-1], taps, rates, strides, strict=True)]
    dy = rng.standard_normal((len(x), *outputs, filters)).astype(dtype)
    y, sizes = np.zeros(dy.shape), np.zeros(dy.shape)
    dx, dkernel = np.zeros(padded.shape), np.zeros(kernel.shape)
    into, out_of = channels // groups, filters // groups
    for tap in itertools.product(*map(range, taps)):
        seen = (slice(None), *(slice(t * rate, t * rate + (n - 1) * stride + 1, stride)
                               for t, rate, n, stride in zip(tap, rates, outputs, strides, strict=True)))
        for group in range(groups):
            a, b = slice(group * into, (group + 1) * into), slice(group * out_of, (group + 1) * out_of)
            part, weights = padded[(*seen, a)], kernel[tap][:, b].astype(float)
            y[..., b] += part @ weights
            sizes[..., b] += abs(part) @ abs(weights)
            dx[(*seen, a)] += dy[..., b].astype(float) @ weights.T
            dkernel[tap][:, b] = np.tensordot(part, dy[..., b].astype(float), [range(rank + 1)] * 2)
    dx = dx[(slice(None), *(slice(before, before + n) for (before, _), n in zip(pads, spatial, strict=True)))]
    largest = max(sizes.max(), abs(dx).max(), abs(dkernel).max(), 1) * ROUNDING[dtype]
    for precision in ("fast", "plain"):
        told = how | {"precision": precision}
        for name, got, want in (("conv", ops.conv(x, kernel, **told), y),
                                ("conv_grad_input", ops.conv_grad_input(dy, kernel, x.shape, **told), dx),
                                ("conv_grad_kernel", ops.conv_grad_kernel(x, dy, kernel.shape, **told), dkernel)):
            if got.shape != want.shape or not abs(got - want).max() <= largest:
                return f"ops.{name}, {dtype}: x {x.shape}, kernel {kernel.shape}, {told}"
    return None


def signal_case(rng, size):
    """A filter against SciPy's plain sums."""
    rank = int(rng.integers(1, 3))
    x, h = (rng.standard_normal(rng.integers(1, 4 * size, rank)) for _ in range(2))
    if rng.integers(2):
        x = x * 1j + rng.standard_normal(x.shape)
    name, mode = str(rng.choice(["convolve", "correlate"])), str(rng.choice(["full", "same"]))
    method = str(rng.choice(["auto", "direct", "fft"]))
    want = getattr(scipy.signal, name)(x, h, mode, "direct")
    got = getattr(signal, name)(x, h, mode, method)
    largest = np.linalg.norm(x) * np.linalg.norm(h) * 1e-13
    if got.shape != want.shape or got.dtype != want.dtype or not abs(got - want).max() <= largest:
        return f"signal.{name}, {mode}, {method}: {x.dtype}, shapes {x.shape} and {h.shape}"
    return None


CASES = {"ops": ops_case, "signal": signal_case}


def wrong(part, number, size):
    """What is wrong with one case; None if nothing is."""
    try:
        return CASES[part](np.random.default_rng([number, size]), size)
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def main():
    parser = argparse.ArgumentParser(description="Random calls held against independent sums.")
    parser.add_argument("parts", nargs="*", metavar="part", help=f"of {', '.join(CASES)}; all by default")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--seed", type=int, default=0, help="the number of the first case")
    parser.add_argument("--size", type=int, choices=SIZES, help="this size alone, and one case")
    options = parser.parse_args()
    parts = options.parts or list(CASES)
    if not set(parts) <= set(CASES):
        parser.error(f"parts are {', '.join(CASES)}. Received: {' '.join(parts)}.")
    end, count = time.monotonic() + options.seconds, 0
    for number in itertools.count(options.seed):
        for part in parts:
            sizes = (options.size or SIZES[number % len(SIZES)],)
            count += 1
            if wrong(part, number, *sizes) is None:
                continue
            tries = ((again, size) for size in SIZES[:SIZES.index(sizes[0])] for again in range(number, number + 300))
            again, size = next((one for one in tries if wrong(part, *one)), (number, *sizes))
            print(f"{wrong(part, again, size)}\n    python tools/fuzz.py {part} --seed {again} --size {size}")
            return 1
        if options.size or time.monotonic() > end:
            break
    print(f"{count} cases of {', '.join(parts)}: none wrong")
    return 0


if __name__ == "__main__":
    sys.exit(main())
