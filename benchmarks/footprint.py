"""What an installation costs: sizes, import time and memory, beside whichever peers this Python has.

    python benchmarks/footprint.py [--wheels DIR]

Installed size counts the package's own files and those of the parts that exist only for it (jax: jaxlib), not NumPy or
SciPy, which have a row of their own. Import time is the processor time of the fastest of several fresh processes, with
files in the cache; memory is what the process holds after the import (the first row: without one). --wheels gives the
sizes of the wheels in a folder (`pip download --no-deps`, `python -m build`).
"""
import argparse
import importlib.metadata
import importlib.util
import subprocess
import sys
from pathlib import Path

# Name, modules to import, distributions to weigh.
SUBJECTS = [
    ("(Python alone)", [], []),
    ("NumPy and SciPy", ["numpy", "scipy"], ["numpy", "scipy"]),
    ("**mgconv**", ["mgconv"], ["mgconv"]),
    ("**mgconv**, all of it", ["mgconv", "mgconv.models", "mgconv.layers", "mgconv.dde", "mgconv.forecast",
                               "mgconv.signal"], ["mgconv"]),
    ("PyTorch", ["torch"], ["torch"]),
    ("JAX", ["jax", "jax.numpy"], ["jax", "jaxlib"]),
    ("Keras on JAX", ["keras"], ["keras", "jax", "jaxlib"]),
]
MEASURE = """
import os, time
os.environ["KERAS_BACKEND"] = "jax"
start = time.process_time()
{imports}
seconds = time.process_time() - start
with open("/proc/self/statm") as file:
    print(seconds, int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE"))
"""


def installed_bytes(distribution):
    """The size of a distribution's files, without bytecode; an editable one is weighed by its package folder."""
    files = [Path(file.locate()) for file in importlib.metadata.files(distribution) or []]
    if not any(file.suffix == ".py" and distribution in file.parts for file in files):
        package = Path(importlib.util.find_spec(distribution).origin).parent
        files = [path for path in package.rglob("*") if path.suffix in (".py", ".pyi", ".so", ".pyd")]
    return sum(file.stat().st_size for file in files if file.exists() and file.suffix != ".pyc")


def measure_imports(modules, repeats):
    """Processor seconds of the fastest process, and the bytes that one holds in the end."""
    code = MEASURE.format(imports="\n".join(f"import {module}" for module in modules))
    best, memory = float("inf"), 0.0
    for _ in range(repeats):
        done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
        seconds, memory = map(float, done.stdout.split()[-2:])
        best = min(best, seconds)
    return best, memory


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wheels", type=Path)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    wheels = {path.name.split("-")[0].lower(): path.stat().st_size for path in options.wheels.glob("*.whl")} \
        if options.wheels else {}
    print("| | wheel, MB | installed, MB | import, ms | memory after it, MB |\n|---|---|---|---|---|")
    for name, modules, distributions in SUBJECTS:
        try:
            installed = sum(installed_bytes(distribution) for distribution in distributions)
        except importlib.metadata.PackageNotFoundError:
            continue
        seconds, memory = measure_imports(modules, options.repeats)
        download = [wheels.get(distribution) for distribution in distributions]
        shown = "" if None in download or not download else f"{sum(download) / 1e6:.1f}"
        print(f"| {name} | {shown} | {f'{installed / 1e6:.1f}' if distributions else ''} | "
              f"{f'{1e3 * seconds:.0f}' if modules else ''} | {memory / 1e6:.0f} |")


if __name__ == "__main__":
    main()
