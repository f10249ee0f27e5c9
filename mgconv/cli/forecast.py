"""`mgconv forecast`: what comes after a series in a file, between which bounds, and what such forecasts were worth."""
import csv
import io
import zipfile
from pathlib import Path

import numpy as np

from mgconv import forecast
from mgconv.cli.common import (
    PICTURES,
    Refused,
    add_output_options,
    check_folder,
    count,
    file_of,
    save_figure,
    say,
    share,
    write,
)

FORMATS = (".csv", ".npz", ".mat", ".parquet")
HELD_OUT = 0.2                    # of the series, on which forecasts are tried


def add_parser(commands):
    """Add the command to what `ArgumentParser.add_subparsers` returned."""
    p = commands.add_parser(
        "forecast", allow_abbrev=False, help="forecast a series of your own",
        description="Learn a series from FILE, forecast what comes after it, and try the same on its last fifth: "
                    "errors by number, and an interval for each step. Writes forecast.csv and a picture.")
    p.add_argument("file", metavar="FILE", type=file_of(*FORMATS), help="the series: .csv, .npz, .mat or .parquet")
    p.add_argument("--steps", type=count, default=14, metavar="N", help="samples to forecast (default: %(default)s)")
    p.add_argument("--column", metavar="NAME", help="the column or variable (default: the last one of numbers)")
    p.add_argument("--family", choices=("auto", "persistence", *forecast.FAMILIES), default="auto",
                   help="kind of net (default: %(default)s, which takes what forecasts the series best)")
    p.add_argument("--lags", type=count, metavar="L", help="samples to look back at most (default: as many as help)")
    p.add_argument("--coverage", type=share, default=0.9, metavar="P",
                   help="of the intervals (default: %(default)s)")
    output = add_output_options(p)
    output.add_argument("--plot", metavar="PICTURE", type=file_of(*PICTURES), default=Path("forecast.png"),
                        help="name of the picture (default: %(default)s)")
    p.set_defaults(run=run)


def run(options):
    """Do what `mgconv forecast` was asked for."""
    check_folder(options.out)
    series = _series(options)
    net = forecast.ConvForecaster(options.family, options.lags)
    cut = len(series) - max(int(HELD_OUT * len(series)), options.steps)
    text, radius = [], None
    try:
        net.fit(series)
        if cut > len(series) // 3:
            tried = forecast.backtest(net, series, options.steps, training=cut)
            naive = forecast.backtest(forecast.SeasonalNaive(), series, options.steps, training=cut)
            text = [_table({"conv net": tried, "persistence": naive}, cut)]
            radius = forecast.conformal_radius(np.abs(tried.predicted - tried.true), options.coverage)
    except ValueError as error:
        if not hasattr(net, "lags_"):
            raise Refused(f"{options.file} cannot be learnt from: {error}") from error
        text.append(f"No interval: {error}")
    answer = net.predict(options.steps)
    if not options.quiet:
        say(f"{len(series)} samples of {options.file}; the net: {net.family_}, {net.lags_} lags")
        for line in text or [f"No trial, and no interval: the series is too short for {options.steps} steps."]:
            say(line)
    written = [write(options.out, "forecast.csv", lambda file: file.write(_rows(len(series), answer, radius)))]
    try:
        from mgconv import plot
        figure = plot.future(series, answer, radius, title=f"{options.file.name}: {options.steps} samples forecast")
        written.append(write(options.out, options.plot, save_figure(figure, options.plot)))
    except ImportError as error:
        say(f"No picture: {error}")
    if not options.quiet:
        say("\nWritten: " + "\n         ".join(map(str, written)))


def _rows(known, answer, radius):
    """A row a sample, numbered from 1; numbers in as many digits as give back the same float64."""
    text = io.StringIO(newline="")
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(["sample", "forecast", *(["low", "high"] if radius is not None else [])])
    for i, value in enumerate(answer):
        bounds = [] if radius is None else [float(value - radius[i]), float(value + radius[i])]
        rows.writerow([known + 1 + i, float(value), *bounds])
    return text.getvalue().encode()


def _table(results, cut):
    first = next(iter(results.values()))
    scores = {name: result.scores() for name, result in results.items()}
    lines = [f"Tried on the samples behind {cut}: {len(first.starts)} forecasts of {first.true.shape[1]} steps",
             " " * 18 + "".join(f"{name:>14}" for name in results)]
    lines += [f"{title:<18}" + "".join(f"{scores[name][title]:14.4g}" for name in results)
              for title in next(iter(scores.values()))]
    return "\n".join([*lines, "NRMSE: over the standard deviation of the samples learnt from."])


# ---------------------------------------------------------------------------------------------------------- the file

def _series(options):
    path, wanted = options.file, options.column
    try:
        columns = READERS[path.suffix](path)
    except OSError as error:
        raise Refused(f"{path} cannot be read: {error.strerror or error}.") from error
    except (ValueError, KeyError, NotImplementedError, zipfile.BadZipFile) as error:
        raise Refused(f"{path} is no {path.suffix} file that can be read: {error}") from error
    if wanted is not None and wanted not in columns:
        raise Refused(f"--column must be one of {', '.join(columns)}. Received: {wanted}.")
    names = [wanted] if wanted is not None else [*columns][::-1]
    reasons = []
    for name in names:
        try:
            return forecast.as_series(columns[name], name)
        except (TypeError, ValueError) as error:
            reasons.append(str(error))
    raise Refused(f"{path} must hold a column of finite numbers. Received: {reasons[0] if reasons else 'no column.'}")


def _csv(path):
    """The columns by name, or by number from 1 where there is no line of names."""
    with open(path, newline="", encoding="utf-8-sig") as file:
        rows = [row for row in csv.reader(file) if row]
    if not rows:
        raise ValueError("it is empty.")
    names, start = [str(i + 1) for i in range(len(rows[0]))], 0
    if not any(_is_number(cell) for cell in rows[0]):
        names, start = [cell.strip() for cell in rows[0]], 1
    columns = {}
    for i, name in enumerate(names):
        cells = [row[i] if i < len(row) else "" for row in rows[start:]]
        if cells and all(_is_number(cell) or not cell.strip() for cell in cells):
            columns[name] = np.array([float(cell) if cell.strip() else np.nan for cell in cells])
    return columns


def _is_number(cell):
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _npz(path):
    if not zipfile.is_zipfile(path):
        raise ValueError("it is no archive.")
    with np.load(path, allow_pickle=False) as content:
        return {name: content[name] for name in content.files}


def _mat(path):
    from scipy.io import loadmat
    from scipy.io.matlab import MatReadError
    try:
        content = loadmat(path)
    except MatReadError as error:
        raise ValueError(error) from error
    return {name: value for name, value in content.items() if not name.startswith("__")}


def _parquet(path):
    try:
        import pandas
        frame = pandas.read_parquet(path)
    except ImportError as error:
        raise Refused("a .parquet file needs pandas and pyarrow: `pip install pandas pyarrow`.") from error
    return {str(name): frame[name].to_numpy() for name in frame.columns}


READERS = {".csv": _csv, ".npz": _npz, ".mat": _mat, ".parquet": _parquet}
