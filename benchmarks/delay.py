"""The delay integrator beside JiTCDDE, reservoirpy and ddeint: work and precision on Mackey-Glass, tau = 30.

    python benchmarks/delay.py [--plot docs/delay_work_precision.png]

Every method runs to t = 1000 from x(t <= 0) = 1.2 and gives a sample a unit of time. The error is the largest one at
the certified points t = 60, 100 and 300 of tests/reference/delay.json. A library that is not installed is left out.
JiTCDDE needs sympy and a C compiler; its compilation is not counted.
"""
import argparse
import json
import os
import time
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

ROWS = json.loads((Path(__file__).parent.parent / "tests" / "reference" / "delay.json").read_text())["rows"]
POINTS = {row["t"]: float(row["x"]) for row in ROWS if row["tau"] == 30 and row["t"] in (60, 100, 300)}
END = 1000


def measure(run, rounds):
    """The shortest time of a run, and its samples."""
    best = float("inf")
    for _ in range(rounds):
        start = time.perf_counter()
        x = run()
        best = min(best, time.perf_counter() - start)
    return best, x


def mgconv_runs():
    from mgconv import dde

    for step in (1.0, 0.75, 0.5, 0.375, 0.25, 0.2, 0.125):
        yield f"step {step:g}", measure(lambda step=step: dde.mackey_glass(END + 1, step=step), 200)


def general_runs():
    from mgconv import dde

    def f(t, y, Z):
        return 0.2 * Z[:, 0] / (1 + Z[:, 0] ** 10) - 0.1 * y
    dde.solve(f, (0, 1), 1.2, 30.0)                        # imports SciPy
    for tolerance in (1e-4, 1e-6, 1e-8, 1e-10):
        yield f"rtol {tolerance:g}", measure(lambda tolerance=tolerance: dde.solve(
            f, (0, END), 1.2, 30.0, rtol=tolerance, atol=tolerance, t_eval=np.arange(END + 1.0)).y[0], 2)


def reservoirpy_runs():
    from reservoirpy.datasets import mackey_glass

    for per_unit in (1, 2, 4, 8):
        history = np.full(30 * per_unit, 1.2)
        yield f"h {1 / per_unit:g}", measure(lambda per_unit=per_unit, history=history: mackey_glass(
            END * per_unit + 1, tau=30, x0=1.2, h=1 / per_unit, seed=0, history=history).ravel()[::per_unit], 3)


def ddeint_runs():
    from ddeint import ddeint

    def f(y, t):
        return 0.2 * y(t - 30) / (1 + y(t - 30) ** 10) - 0.1 * y(t)
    yield "dt 1", measure(lambda: np.ravel(ddeint(f, lambda t: 1.2, np.arange(END + 1.0))), 1)


def jitcdde_runs():
    from jitcdde import jitcdde, t, y

    delayed = y(0, t - 30)
    compiled = jitcdde([0.2 * delayed / (1 + delayed**10) - 0.1 * y(0)], max_delay=30, verbose=False)
    compiled.compile_C(verbose=False)

    def run(tolerance):
        compiled.purge_past()
        compiled.constant_past([1.2])
        compiled.set_integration_parameters(rtol=tolerance, atol=tolerance, first_step=0.1, max_step=10)
        start = time.perf_counter()
        compiled.step_on_discontinuities()
        x = np.full(END + 1, np.nan)
        for i in range(int(np.ceil(compiled.t)), END + 1):
            x[i] = compiled.integrate(i)[0]
        return time.perf_counter() - start, x
    for tolerance in (1e-4, 1e-6, 1e-8, 1e-10):
        yield f"rtol {tolerance:g}", min((run(tolerance) for _ in range(5)), key=lambda result: result[0])


LIBRARIES = {"mgconv": mgconv_runs, "mgconv.dde.solve": general_runs, "JiTCDDE": jitcdde_runs,
             "reservoirpy": reservoirpy_runs, "ddeint": ddeint_runs}


def plot(results, path):
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.6), layout="constrained")
    axes = figure.add_subplot()
    colors = {"mgconv": "#d62728", "mgconv.dde.solve": "#e8a0a0", "JiTCDDE": "#1f4e79", "reservoirpy": "#6b7280",
              "ddeint": "#b0b7c3"}
    for name, runs in results.items():
        times, errors = np.array([run[1:] for run in runs]).T
        axes.loglog(times * 1e3, errors, "o-", color=colors[name], label=name, markersize=5)
        at = int(np.argmin(errors))
        axes.annotate(name, (times[at] * 1e3, errors[at]), textcoords="offset points", xytext=(0, -17), ha="center",
                      color=colors[name])
    axes.set(xlabel="time for 1000 units, milliseconds", ylabel="largest error at t = 60, 100, 300",
             title="Mackey-Glass, tau = 30: work and precision")
    axes.grid(alpha=0.3)
    axes.margins(0.16, 0.12)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=150)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--plot", metavar="PNG", help="draw the result")
    parser.add_argument("--only", nargs="*", choices=LIBRARIES, default=list(LIBRARIES))
    options = parser.parse_args()
    results = {}
    print(f"{'':32s}{'ms':>10s}  " + "  ".join(f"error({t})" for t in POINTS))
    for name in options.only:
        try:
            for setting, (seconds, x) in LIBRARIES[name]():
                errors = [abs(x[t] - value) for t, value in POINTS.items()]
                results.setdefault(name, []).append((setting, seconds, max(errors)))
                print(f"{name + ', ' + setting:32s}{seconds * 1e3:10.3f}  " + "  ".join(f"{e:9.1e}" for e in errors),
                      flush=True)
        except ImportError as error:
            print(f"{name}: not installed ({error})")
    if options.plot:
        plot(results, options.plot)


if __name__ == "__main__":
    main()
