"""The command `mgconv series`: a delay equation's series as a .mat, .npz or .csv file, and as a picture."""
import argparse
import dataclasses
from pathlib import Path

import numpy as np

from mgconv.dde import engine, systems
from mgconv.files import whole_file

SYSTEMS = {"mackey-glass": systems.MackeyGlass, "ikeda": systems.Ikeda, "blowflies": systems.Blowflies,
           "lasota-wazewska": systems.LasotaWazewska, "hutchinson": systems.Hutchinson}
FORMATS = (".mat", ".npz", ".csv")


def add_series_parser(subparsers):
    """Add the subcommand `series` to what `ArgumentParser.add_subparsers` returned; its `run` default does the work."""
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
    parser.set_defaults(run=run_series)
    return parser


def run_series(arguments):
    """Do what `mgconv series` was asked for; returns the exit status."""
    names = [field.name for field in dataclasses.fields(SYSTEMS[arguments.system])]
    for name, _ in arguments.set:
        if name not in names:
            raise ValueError(f"`--set` must name one of {', '.join(names)} for {arguments.system}. Received: {name}.")
    system = SYSTEMS[arguments.system](**dict(arguments.set))
    x = engine.series(system, arguments.n, dt=arguments.dt, history=arguments.history, discard=arguments.discard)
    t = arguments.discard + arguments.dt * np.arange(arguments.n)
    save_series(arguments.file, t, x)
    print(f"wrote {arguments.n} samples of {system} to {arguments.file}")
    if arguments.plot is not None:
        plot_series(arguments.plot, t, x, str(system))
        print(f"wrote {arguments.plot}")
    return 0


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
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.2), layout="constrained")
    axes = figure.add_subplot()
    axes.plot(t, x, linewidth=1.2, color="#1f4e79")
    axes.set(xlabel="t", ylabel="x(t)", title=title)
    axes.margins(x=0.01)
    axes.spines[["top", "right"]].set_visible(False)
    FigureCanvasAgg(figure)
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
