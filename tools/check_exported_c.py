"""Whether C files of `export_c` give the bits that mgconv computes, over random models: on every compiler and machine
of tests/c_targets.py that is here or emulated.

    python tools/check_exported_c.py [--models 10] [--markdown] [TARGET ...]

On Debian: `apt-get install clang qemu-user-static qemu-system-arm gcc-arm-none-eabi libnewlib-arm-none-eabi
gcc-arm-linux-gnueabi gcc-arm-linux-gnueabihf gcc-riscv64-linux-gnu`, and `pip install ziglang` for Clang's others.
"""
import argparse
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from build_tables import ROOT

sys.path[:0] = [str(ROOT / "tests"), str(ROOT)]
from c_targets import TARGETS  # noqa: E402
from random_nets import causal_net, conv_net, export_random, mixed_net  # noqa: E402

DTYPES = "float32", "float64", "int8"


def outcome(target, folder):
    """An empty text if the bits are the same, else what is wrong."""
    try:
        done = TARGETS[target].run(folder, f"{target}.elf")
    except subprocess.CalledProcessError as error:
        return f"{error}\n{error.stderr}"
    return "" if done == (0, "the same bits") else f"{done}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("targets", nargs="*", help="by default all")
    parser.add_argument("--models", type=int, default=10, help="of each kind and type of numbers")
    parser.add_argument("--markdown", action="store_true", help="a table")
    options = parser.parse_args()
    wanted = options.targets or list(TARGETS)
    here = [target for target in wanted if not TARGETS[target].missing()]
    for target in wanted:
        if target not in here:
            print(f"{target}: {TARGETS[target].missing()} is not here")
    good = {(target, dtype): 0 for target in here for dtype in DTYPES}
    tried = dict.fromkeys(DTYPES, 0)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for dtype in DTYPES:
            for net in (conv_net, mixed_net, causal_net):
                for seed in range(options.models):
                    with tempfile.TemporaryDirectory() as folder:
                        export_random(net, 1000 + seed, dtype, Path(folder))
                        tried[dtype] += 1
                        wrong = pool.map(lambda target, folder=folder: outcome(target, folder), here)
                        for target, text in zip(here, wrong, strict=True):
                            good[target, dtype] += not text
                            if text:
                                print(f"{target}, {dtype}, {net.__name__} {seed}: {text}", flush=True)
    if options.markdown:
        print("| compiler and machine |", " | ".join(DTYPES), "|\n|---|---|---|---|")
    for target in here:
        counts = [f"{good[target, dtype]} of {tried[dtype]}" for dtype in DTYPES]
        print("| " + " | ".join([target, *counts]) + " |" if options.markdown else f"{target}: {', '.join(counts)}")
    return any(good[target, dtype] < tried[dtype] for target, dtype in good)


if __name__ == "__main__":
    sys.exit(main())
