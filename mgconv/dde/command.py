"""The command `mgconv series`: a delay equation's series as a .mat, .npz or .csv file, and as a picture."""
import argparse
import dataclasses
from functools import partial
from pathlib import Path

import numpy as np

from mgconv.dde import engine, systems
from mgconv.files import whole_file

SYSTEMS = {"mackey-glass": systems.MackeyGlass, "ikeda": systems.Ikeda, "blowflies": systems.Blowflies,
           "lasota-wazewska": systems.LasotaWazewska, "hutchinson": systems.Hutchinson}
FORMATS = (".mat", ".npz", ".csv")


def add_series_parser(subparsers):
    """Add the subcommand `series` to what `ArgumentParser.add_subparsers` returned.

    Its default `run` is a function of the parsed options; what they make impossible ends in the parser's `error`.
    """
    parser = subparsers.add_parser(
        "series", help="write the series of a delay equation to a file",
        description="Integrate a delay equation to machine precision and write its samples to FILE as the variables "
                    "t and x.")
    parser.add_argument("file", metavar="FILE", type=_output, help="where to write: .mat, .npz or .csv")
    parser.add_argument("--system", choices=SYSTEMS, default="mackey-glass", help="the equation (default: %(default)s)")
    parser.add_argument("--set", metavar="NAME=VALUE", type=_setting, action="append", default=[],
                        help="a parameter of the equation, such as tau=17; may be repeated")
    parser.add_argument("-n", type=int, default=1000, help="number of samples (default: %(default)s)")
    parser.add_argument("--dt", type=float, default=1.0, help="time between two samples (default: %(default)s)")
    parser.add_argument("--history", type=float, default=1.2, help="the solution until t = 0 (default: %(default)s)")
    parser.add_argument("--discard", type=float, default=0.0, help="time of the first sample (default: %(default)s)")
    parser.add_argument("--plot", metavar="PNG", type=Path, help="draw the series too")
    parser.set_defaults(run=partial(_run, parser))


def _run(parser, options):
    try:
        write_series(options)
    except (ValueError, OverflowError, OSError, ImportError) as error:
        parser.error(str(error))


def write_series(options):
    """Do what `mgconv series` was asked for."""
    names = [field.name for field in dataclasses.fields(SYSTEMS[options.system])]
    for name, _ in options.set:
        if name not in names:
            raise ValueError(f"`--set` must name one of {', '.join(names)} for {options.system}. Received: {name}.")
    system = SYSTEMS[options.system](**dict(options.set))
    x = engine.series(system, options.n, dt=options.dt, history=options.history, discard=options.discard)
    t = options.discard + options.dt * np.arange(options.n)
    save_series(options.file, t, x)
    print(f"wrote {options.n} samples of {system} to {options.file}")
    if options.plot:
        plot_series(options.plot, t, x, str(system))
        print(f"wrote {options.plot}")


def save_series(path, t, x):
    """Write columns t and x to a .mat, .npz or .csv file, whole or not at all."""
    path = _output(path)
    with whole_file(path) as file:
        if path.suffix == ".mat":
            from scipy.io import savemat

            savemat(file, {"t": t, "x": x}, oned_as="column")
        elif path.suffix == ".npz":
            np.savez(file, t=t, x=x)
        else:
            np.savetxt(file, np.column_stack([t, x]), fmt="%.17g", delimiter=",", header="t,x", comments="")


def plot_series(path, t, x, title):
    """Draw the series over time as a picture."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError("a picture needs matplotlib: `pip install matplotlib`.") from error
    figure = Figure(figsize=(9, 3.2), layout="constrained")
    axes = figure.add_subplot()
    axes.plot(t, x, linewidth=1.2, color="#1f4e79")
    axes.set(xlabel="t", ylabel="x(t)", title=title)
    axes.margins(x=0.01)
    axes.spines[["top", "right"]].set_visible(False)
    with whole_file(path) as file:
        figure.savefig(file, dpi=150, format=Path(path).suffix.lstrip(".") or "png")


def _output(text):
    path = Path(text)
    if path.suffix not in FORMATS:
        raise argparse.ArgumentTypeError(f"the file's name must end in {', '.join(FORMATS)}. Received: {str(path)!r}.")
    return path


def _setting(text):
    name, _, value = text.partition("=")
    try:
        return name, float(value)
    except ValueError:
        raise argparse.ArgumentTypeError(f"a setting must be NAME=NUMBER. Received: {text!r}.") from None
