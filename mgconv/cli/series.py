"""`mgconv series`: a delay equation's series as a .mat, .npz or .csv file, and as a picture."""
import numpy as np

from mgconv import dde
from mgconv.cli.common import (
    PICTURES,
    Refused,
    add_equation_options,
    add_output_options,
    check_folder,
    chosen_system,
    count,
    file_of,
    integrate,
    save_figure,
    say,
    write,
)

SYSTEMS = {"mackey-glass": dde.MackeyGlass, "ikeda": dde.Ikeda, "blowflies": dde.Blowflies,
           "lasota-wazewska": dde.LasotaWazewska, "hutchinson": dde.Hutchinson}


def add_parser(commands):
    """Add the command to what `ArgumentParser.add_subparsers` returned."""
    p = commands.add_parser(
        "series", allow_abbrev=False, help="write the series of a delay equation to a file",
        description="Integrate a delay equation to machine precision and write its samples to FILE as the variables "
                    "t and x.")
    p.add_argument("file", metavar="FILE", type=file_of(".mat", ".npz", ".csv"),
                   help="where to write: .mat, .npz or .csv")
    equation = add_equation_options(p, "1")
    equation.add_argument("--system", choices=SYSTEMS, default="mackey-glass", help="the equation (default: "
                          "%(default)s, to which the other defaults belong)")
    equation.add_argument("-n", "--samples", type=count, default=1000, metavar="N", dest="samples",
                          help="number of samples (default: %(default)s)")
    output = add_output_options(p)
    output.add_argument("--plot", metavar="PICTURE", type=file_of(*PICTURES), help="draw the series too")
    p.set_defaults(run=run, interval=1.0)


def run(options):
    """Do what `mgconv series` was asked for."""
    for name in filter(None, (options.file, options.plot)):
        folder = (options.out / name).parent
        if folder != options.out and not folder.is_dir():
            raise Refused(f"the folder of a file must exist (--out makes one). Received: {name}.")
        check_folder(folder, "--out" if folder == options.out else "the place of a file")
    system = chosen_system(SYSTEMS[options.system], options)
    x = integrate(system, options.samples, options.interval, options)
    t = options.discard + options.interval * np.arange(options.samples)
    figure = _draw(t, x, str(system)) if options.plot else None
    written = [write(options.out, options.file, lambda file: _save(file, options.file.suffix, t, x))]
    if figure is not None:
        written.append(write(options.out, options.plot, save_figure(figure, options.plot)))
    if not options.quiet:
        say(f"{options.samples} samples of {system}")
        say("Written: " + "\n         ".join(map(str, written)))


def _save(file, suffix, t, x):
    """Columns t and x."""
    if suffix == ".mat":
        from scipy.io import savemat
        savemat(file, {"t": t, "x": x}, oned_as="column")
    elif suffix == ".npz":
        np.savez(file, t=t, x=x)
    else:
        np.savetxt(file, np.column_stack([t, x]), fmt="%.17g", delimiter=",", header="t,x", comments="")


def _draw(t, x, title):
    from mgconv import plot
    try:
        return plot.time_series(t, x, title=title)
    except ImportError as error:
        raise Refused(str(error)) from error
