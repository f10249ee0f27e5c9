"""The command `mgconv`. `mgconv mg30` is the main job: integrate Mackey-Glass 30, learn it, predict it, report.

Exit status: 0 when all is done; 2 for options that make no sense or a folder that cannot be written to, with one line
on stderr and no file; 130 when interrupted.
"""
import argparse
import csv
import io
import math
import os
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import mgconv
from mgconv import forecast
from mgconv.callbacks import Callback
from mgconv.dde.command import add_series_parser
from mgconv.files import whole_file

INTERVALS = (1.0, 6.0)            # the lecture does not print its sampling interval; both readings are reported
WAYS = {"one_step": "one step", "recursive": "recursion", "direct": "at once"}
PREDICTORS = {"conv": "conv net", "autoregression": "autoregression", "persistence": "persistence"}


class Refused(Exception):
    """What the user asked for cannot be done; the message is the one line to show."""


def main(arguments=None):
    """Run the command with `arguments` (default: those of the process) and return its exit status."""
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
        sys.stdout.flush()
    except Refused as reason:
        print(f"mgconv {options.command}: error: {reason}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"mgconv {options.command}: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:                              # the reader of our output has seen enough, as in `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return 0


# ---------------------------------------------------------------------------------------------------------- options

class _Parser(argparse.ArgumentParser):
    """Refuses options in one line, without the usage in front of it."""

    def error(self, message):
        self.exit(2, f"{self.prog}: error: {message}\n")


def _count(text):
    try:
        value = int(text)
    except ValueError:
        value = 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"must be a positive integer. Received: {text}.")
    return value


def _seed(text):
    try:
        value = int(text)
    except ValueError:
        value = -1
    if not 0 <= value < 2 ** 32:
        raise argparse.ArgumentTypeError(f"must be an integer from 0 to 2**32 - 1. Received: {text}.")
    return value


def _number(text):
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"must be a finite number. Received: {text}.")
    return value


def _positive(text):
    value = _number(text)
    if value <= 0:
        raise argparse.ArgumentTypeError(f"must be positive. Received: {text}.")
    return value


def _not_negative(text):
    value = _number(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"must not be negative. Received: {text}.")
    return value


def _parser():
    parser = _Parser(prog="mgconv", description=mgconv.__doc__.splitlines()[0], allow_abbrev=False)
    parser.add_argument("--version", action="version", version=f"mgconv {mgconv.__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    p = commands.add_parser(
        "mg30", allow_abbrev=False, formatter_class=argparse.ArgumentDefaultsHelpFormatter,
        help="integrate Mackey-Glass 30, train conv predictors on it, predict what follows",
        description="Integrate dx/dt = a x(t - tau) / (1 + x(t - tau)^c) - b x(t) from x(t <= 0) = 1.2, train conv "
                    "predictors on the first samples, predict the next ones in three ways, and write the series "
                    "(.mat), the predictions (.csv) and two figures (.png).")
    equation = p.add_argument_group("the series")
    equation.add_argument("--tau", type=_positive, default=30.0, metavar="T", help="delay, in time units")
    equation.add_argument("--a", type=_number, default=0.2, help="strength of production")
    equation.add_argument("--b", type=_number, default=0.1, help="rate of decay")
    equation.add_argument("--c", type=_number, default=10.0, help="exponent")
    equation.add_argument("--interval", type=_positive, metavar="T", default=argparse.SUPPRESS,
                          help="time units between samples (default: 1, and then 6 into the folder interval_6)")
    equation.add_argument("--discard", type=_not_negative, default=0.0, metavar="T",
                          help="time units to leave out before the first sample")
    equation.add_argument("--train", type=_count, default=800, metavar="N", help="samples to learn from")
    equation.add_argument("--test", type=_count, default=14, metavar="N", help="samples to predict")
    net = p.add_argument_group("the conv predictors")
    net.add_argument("--lags", type=_count, default=32, metavar="L", help="samples that a predictor looks back")
    net.add_argument("--epochs", type=_count, default=100, metavar="N", help="passes over the training windows")
    net.add_argument("--seed", type=_seed, default=0, metavar="N", help="of initial weights and batches")
    output = p.add_argument_group("output")
    output.add_argument("--out", type=Path, default=Path(), metavar="DIR", help="folder to write to, made if missing")
    output.add_argument("--quiet", action="store_true", help="print nothing but errors")
    p.set_defaults(run=_mg30)
    add_series_parser(commands)
    return parser


# ---------------------------------------------------------------------------------------------------------- the job

def _mg30(options):
    if options.lags + options.test > options.train:
        raise Refused(f"--lags and --test must together be at most --train, or there is no window to learn from. "
                      f"Received: --lags {options.lags} --test {options.test} --train {options.train}.")
    if "interval" in options:
        folders = {options.interval: options.out}
    else:
        folders = {INTERVALS[0]: options.out, INTERVALS[1]: options.out / "interval_6"}
    for folder in folders.values():
        _make_writable(folder)
    figures = True
    for interval, folder in folders.items():
        figures = _one_interval(options, interval, folder, figures)


def _one_interval(options, interval, folder, figures):
    """The job at one sampling interval; returns whether figures can be drawn."""
    say = (lambda *_: None) if options.quiet else print
    series = _integrate(options, interval)
    train, test = series[:options.train], series[options.train:]
    say(_heading(options, interval, train))
    written = [_write_series(folder, train, test)]
    predictions = _predictions(options, train, test)
    say(_sample_table(options, test, predictions["conv"]))
    say(_score_table(train, test, predictions))
    written.append(_write_predictions(folder, options, interval, test, predictions))
    if figures:
        try:
            written += _draw(folder, options, interval, series, predictions["conv"])
        except ImportError:
            print("No figures: they need matplotlib, which is not installed. `pip install matplotlib` gets it.",
                  file=sys.stderr)
            figures = False
    say("\nWritten: " + "\n         ".join(map(str, written)) + "\n")
    return figures


def _integrate(options, interval):
    """The series; refuses one that cannot be had, or from which nothing can be learned."""
    try:
        series = mgconv.dde.mackey_glass(options.train + options.test, dt=interval, tau=options.tau, a=options.a,
                                         b=options.b, c=options.c, discard=options.discard)
    except (ValueError, ArithmeticError, MemoryError) as error:
        raise Refused(f"the series cannot be integrated: {error}") from error
    if not np.isfinite(series).all():
        raise Refused("the series grows beyond all numbers with these parameters.")
    train = series[:options.train]
    if not train.std() > 1e-9 * abs(train).max():
        raise Refused("the series is constant with these parameters, and there is nothing to learn.")
    return series


def _predictions(options, train, test):
    """What each predictor answers in each of the three ways: predictions[predictor][way]."""
    mgconv.set_random_seed(options.seed)
    kinds: dict[str, Any] = {
        "conv": partial(forecast.ConvPredictor, epochs=options.epochs),
        "autoregression": forecast.LinearAutoregression,
        "persistence": forecast.Persistence,
    }
    answers = {}
    for name, kind in kinds.items():
        single, multiple = kind(options.lags), kind(options.lags, len(test))
        for predictor in (single, multiple):
            if name == "conv" and not options.quiet:
                predictor.fit(train, callbacks=[_Progress(f"conv net, {_outputs(predictor)}")])
            else:
                predictor.fit(train)
        answers[name] = forecast.three_ways(single, multiple, train, test)
    return answers


def _outputs(predictor):
    return "1 output" if predictor.horizon == 1 else f"{predictor.horizon} outputs"


class _Progress(Callback):
    """One line a net: kept up to date in a terminal, written when all is done in a log file."""

    def __init__(self, title):
        super().__init__()
        self.title, self.done = title, 0
        self.start = self.shown = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        self.done, now = epoch + 1, time.perf_counter()
        if sys.stdout.isatty() and now - self.shown > 0.1:
            self.shown = now
            print(f"\r{self.title}: epoch {self.done} of {self.params['epochs']}", end="", flush=True)

    def on_train_end(self, logs=None):
        again = "\r" if sys.stdout.isatty() else ""
        print(f"{again}{self.title}: {self.done} epochs in {time.perf_counter() - self.start:.2f} s", flush=True)


# ------------------------------------------------------------------------------------------------------------- text

def _heading(options, interval, train):
    n, m = options.train, options.test
    discard = f" from t = {options.discard:g} on" if options.discard else ""
    return (f"Mackey-Glass: tau = {options.tau:g}, a = {options.a:g}, b = {options.b:g}, c = {options.c:g}; "
            f"a sample every {_time_units(interval)}{discard}\n"
            f"Training on samples 1-{n} (mean {train.mean():.4f}, standard deviation {train.std():.4f}), "
            f"testing on {n + 1}-{n + m}; L = {options.lags}, seed {options.seed}")


def _time_units(interval):
    return "time unit" if interval == 1 else f"{interval:g} time units"


def _sample_table(options, test, ways):
    columns = {"true": test, **{title: ways[way] for way, title in WAYS.items()}}
    lines = ["", "  sample" + "".join(f"{title:>12}" for title in columns)]
    for i in range(len(test)):
        lines.append(f"{options.train + 1 + i:8d}" + "".join(f"{values[i]:12.5f}" for values in columns.values()))
    return "\n".join(lines)


def _score_table(train, test, predictions):
    """RMSE and NRMSE of each predictor in each way, and who is ahead where."""
    scores = {name: {way: forecast.rmse(test, answer) for way, answer in ways.items()}
              for name, ways in predictions.items()}
    steps, scale = len(test), train.std()
    titles = ("one step", f"{steps} by recursion", f"{steps} at once")
    lines = ["", "RMSE (NRMSE)    " + "".join(f"{title:>22}" for title in titles)]
    for name, title in PREDICTORS.items():
        cells = (f"{error:.3g} ({error / scale:.3g})" for error in scores[name].values())
        lines.append(f"{title:<16}" + "".join(f"{cell:>22}" for cell in cells))
    lines.append("NRMSE: over the training samples' standard deviation.")
    for way, title in zip(WAYS, titles, strict=True):
        best = min(PREDICTORS, key=lambda name: scores[name][way])
        if best == "conv":
            other = min(errors[way] for name, errors in scores.items() if name != "conv")
            times = _ratio(other, scores["conv"][way])
            lines.append(f"{title}: the conv net is {times} as exact as the better baseline.")
        else:
            times = _ratio(scores["conv"][way], scores[best][way])
            lines.append(f"{title}: {PREDICTORS[best]} is {times} as exact as the conv net.")
    return "\n".join(lines)


def _ratio(larger, smaller):
    return f"{larger / smaller:.3g} times" if smaller > 0 else "infinitely many times"


# ------------------------------------------------------------------------------------------------------------ files

def _make_writable(folder):
    """Make the folder and prove that it takes a file, before any work is done for it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".mgconv.{os.getpid()}.probe"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise Refused(f"--out must be a folder that can be written to. "
                      f"Received: {folder} ({error.strerror}).") from error


def _write(path, content):
    try:
        with whole_file(path) as f:
            f.write(content)
    except OSError as error:
        raise Refused(f"{path} cannot be written: {error.strerror}.") from error
    return path


def _write_series(folder, train, test):
    from scipy.io import savemat
    content = io.BytesIO()
    savemat(content, {"x_training": train[:, None], "x_testing": test[:, None]})
    return _write(folder / "MG30_time_series.mat", content.getvalue())


def _write_predictions(folder, options, interval, test, predictions):
    """A row a test sample; numbers in as many digits as give back the same float64."""
    columns = {f"{name}_{way}": answer for name, ways in predictions.items() for way, answer in ways.items()}
    text = io.StringIO(newline="")
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(["sample", "time", "true", *columns])
    for i, true in enumerate(test):
        number = options.train + i
        rows.writerow([number + 1, options.discard + number * interval, float(true),
                       *(float(answer[i]) for answer in columns.values())])
    return _write(folder / "predictions.csv", text.getvalue().encode())


def _draw(folder, options, interval, series, ways):
    from mgconv import plot
    name = f"Mackey-Glass {options.tau:g}"
    n, m = options.train, options.test
    written = []
    for file, what, answers in (
            ("fourteen_steps.png", f"{m} steps at a time",
             {f"{m} steps by recursion": ways["recursive"], f"{m} steps at once": ways["direct"]}),
            ("one_step.png", "one step at a time", {"one-step prediction": ways["one_step"]})):
        figure = plot.forecast(series, answers, n, interval=interval,
                               title=f"{name}: samples {n + 1}-{n + m} predicted {what}")
        content = io.BytesIO()
        figure.savefig(content, format="png")
        written.append(_write(folder / file, content.getvalue()))
    return written
