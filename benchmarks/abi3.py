"""What the limited API costs on small calls: the package built with it and without, side by side.

    python benchmarks/abi3.py [--rounds 9] [--built LIMITED FULL]

Builds both (a few minutes) unless given the folders of two installations (`pip install --target`). Each round runs
either build in a process of its own, in turn, on one thread; the table has the fastest time of each call, in
microseconds.
"""
import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

MEASURE = """
import json, time
import numpy as np
import mgconv
from mgconv import layers, ops
mgconv.set_num_threads(1)
x = np.random.default_rng(0).normal(size=(1, 30, 1)).astype(np.float32)
kernel, bias = np.ones((5, 1, 16), np.float32), np.zeros(16, np.float32)
out, dy = ops.conv(x, kernel, bias), np.ones((1, 26, 16), np.float32)
mgconv.set_random_seed(0)
model = mgconv.Sequential([mgconv.Input((30, 1)), layers.Conv1D(16, 5, activation="relu"), layers.Flatten(),
                           layers.Dense(14)])
model.compile("adam", "mse")
y = np.zeros((1, 14), np.float32)
calls = {
    "ops.conv (1, 30, 1), 5 taps to 16 filters": (lambda: ops.conv(x, kernel, bias), 5000),
    "the same, into out=": (lambda: ops.conv(x, kernel, bias, out=out), 5000),
    "ops.conv_grad_kernel": (lambda: ops.conv_grad_kernel(x, dy, kernel.shape), 5000),
    "model.predict, one sample": (lambda: model.predict(x, verbose=0), 1000),
    "model.train_on_batch, one sample": (lambda: model.train_on_batch(x, y), 1000),
}
result = {}
for name, (call, count) in calls.items():
    best = float("inf")
    for _ in range(7):
        start = time.perf_counter()
        for _ in range(count):
            call()
        best = min(best, (time.perf_counter() - start) / count)
    result[name] = 1e6 * best
print(json.dumps(result))
"""


def build(folder, full):
    """Installs the package into `folder`, from a copy of the sources."""
    copy = folder.with_name(folder.name + "-sources")
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(".git", "build", "*.so", "*.egg-info", ".*_cache"))
    for generated in copy.glob("mgconv/native/*.c"):
        generated.unlink()
    environment = {**os.environ, **({"MGCONV_FULL_API": "1"} if full else {})}
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", folder, copy],
                   check=True, env=environment)


def measure(folder):
    done = subprocess.run([sys.executable, "-c", MEASURE], check=True, capture_output=True, text=True, cwd=folder,
                          env={**os.environ, "PYTHONPATH": str(folder)})
    return json.loads(done.stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--built", nargs=2, type=Path, metavar=("LIMITED", "FULL"))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folders = options.built or [Path(temporary) / "limited", Path(temporary) / "full"]
        if not options.built:
            for folder, full in zip(folders, (False, True), strict=True):
                build(folder, full)
        rounds = [[measure(folder.resolve()) for folder in folders] for _ in range(options.rounds)]
    print("| call | limited API | full API | ratio |\n|---|---|---|---|")
    for name in rounds[0][0]:
        limited, full = (min(both[i][name] for both in rounds) for i in range(2))
        print(f"| {name} | {limited:.2f} | {full:.2f} | {limited / full:.3f} |")


if __name__ == "__main__":
    main()
