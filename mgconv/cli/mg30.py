"""`mgconv mg30`, the main job: integrate Mackey-Glass 30, learn it, predict it, report."""
import csv
import io
import sys
import time
from functools import partial
from typing import Any

import numpy as np

import mgconv
from mgconv import dde, forecast
from mgconv.callbacks import Callback
from mgconv.cli.common import (
    Refused,
    add_equation_options,
    add_output_options,
    check_folder,
    chosen_system,
    complain,
    count,
    integrate,
    save_figure,
    say,
    seed,
    write,
)

INTERVALS = (1.0, 6.0)            # the lecture does not print its sampling interval; both readings are reported
WAYS = {"one_step": "one step", "recursive": "recursion", "direct": "at once"}
PREDICTORS = {"conv": "conv net", "solved": "solved conv net", "autoregression": "autoregression",
              "persistence": "persistence"}
NETS = "conv", "solved"
LAGS = 32
ROUNDING = 1e-13                  # errors below this share of the series' scale are no merit of a predictor


def add_parser(commands):
    """Add the command to what `ArgumentParser.add_subparsers` returned."""
    p = commands.add_parser(
        "mg30", allow_abbrev=False,
        help="integrate Mackey-Glass 30, train conv predictors on it, predict what follows",
        description="Integrate dx/dt = a x(t - tau) / (1 + x(t - tau)^c) - b x(t), train conv predictors on the first "
                    "samples, predict the next ones in three ways, and write the series (.mat), the predictions (.csv) "
                    "and two figures (.png).")
    equation = add_equation_options(p, "1, and then 6 into the folder interval_6")
    equation.add_argument("--train", type=count, default=800, metavar="N",
                          help="samples to learn from (default: %(default)s)")
    equation.add_argument("--test", type=count, default=14, metavar="N",
                          help="samples to predict (default: %(default)s)")
    net = p.add_argument_group("the conv predictors")
    net.add_argument("--lags", type=count, default=LAGS, metavar="L",
                     help="samples that a predictor looks back (default: %(default)s; the solved net: as many as help)")
    net.add_argument("--epochs", type=count, default=100, metavar="N",
                     help="passes over the training windows (default: %(default)s)")
    net.add_argument("--seed", type=seed, default=0, metavar="N",
                     help="of initial weights and batches (default: %(default)s)")
    add_output_options(p)
    p.set_defaults(run=run)


# ---------------------------------------------------------------------------------------------------------- the job

def run(options):
    """Do what `mgconv mg30` was asked for."""
    if options.lags + options.test > options.train:
        raise Refused(f"--lags and --test must together be at most --train, or there is no window to learn from. "
                      f"Received: --lags {options.lags} --test {options.test} --train {options.train}.")
    options.system = chosen_system(dde.MackeyGlass, options)
    if options.interval is not None:
        folders = {options.interval: options.out}
    else:
        folders = {INTERVALS[0]: options.out, INTERVALS[1]: options.out / "interval_6"}
    for folder in folders.values():
        check_folder(folder)
    figures = True
    for interval, folder in folders.items():
        figures = _one_interval(options, interval, folder, figures)


def _one_interval(options, interval, folder, figures):
    """The job at one sampling interval; returns whether figures can be drawn."""
    tell = (lambda *_: None) if options.quiet else say
    series = _series(options, interval)
    train, test = series[:options.train], series[options.train:]
    tell(_heading(options, interval, train))
    written = [_write_series(folder, options, train, test)]
    predictions, fitted = _predictions(options, train, test)
    tell(_sample_table(options, test, predictions["conv"]))
    tell(_score_table(train, test, predictions))
    written.append(_write_predictions(folder, options, interval, test, predictions))
    if figures:
        try:
            written += _draw(folder, options, interval, series, predictions["conv"], fitted)
        except ImportError:
            complain("No figures: they need matplotlib, which is not installed. `pip install matplotlib` gets it.")
            figures = False
    tell("\nWritten: " + "\n         ".join(map(str, written)) + "\n")
    return figures


def _series(options, interval):
    """The series; refuses one from which nothing can be learned."""
    series = integrate(options.system, options.train + options.test, interval, options)
    train = series[:options.train]
    if not train.std() > 1e-9 * abs(train).max():
        raise Refused("the series is constant with these parameters, and there is nothing to learn.")
    return series


def _predictions(options, train, test):
    """What each predictor answers in each of the three ways, predictions[predictor][way], and what the conv net makes
    of the training samples, one step at a time."""
    mgconv.set_random_seed(options.seed)
    kinds: dict[str, Any] = {
        "conv": partial(forecast.ConvPredictor, epochs=options.epochs),
        "autoregression": forecast.LinearAutoregression,
        "persistence": forecast.Persistence,
    }
    answers, fitted = {}, np.full(len(train), np.nan)
    solved = _solved(options, train, test)
    for name, kind in kinds.items():
        single, multiple = kind(options.lags), kind(options.lags, len(test))
        for predictor in (single, multiple):
            if name == "conv" and not options.quiet:
                predictor.fit(train, callbacks=[_Progress(f"conv net, {_outputs(predictor)}")])
            else:
                predictor.fit(train)
        answers[name] = forecast.three_ways(single, multiple, train, test)
        if name == "conv":
            fitted[options.lags:] = forecast.one_step(single, train, options.lags)
            answers["solved"] = solved
    return answers, fitted


def _solved(options, train, test):
    """The same by `ConvForecaster`, which has no weights of its own for each step, and so no way to answer at once."""
    start = time.perf_counter()
    net = forecast.ConvForecaster(lags=None if options.lags == LAGS else options.lags).fit(train)
    if not options.quiet:
        say(f"solved conv net ({net.family_}, {_several(net.lags_, 'lag')}): {time.perf_counter() - start:.2f} s")
    both = np.concatenate([train, test])
    pasts = np.stack([both[i - net.lags_:i] for i in range(len(train), len(both))])
    return {"one_step": net.predict(1, pasts)[:, 0], "recursive": net.predict(len(test))}


def _outputs(predictor):
    return _several(predictor.horizon, "output")


def _several(n, thing):
    return f"1 {thing}" if n == 1 else f"{n} {thing}s"


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
            say(f"\r{self.title}: epoch {self.done} of {self.params['epochs']}", end="")

    def on_train_end(self, logs=None):
        again = "\r" if sys.stdout.isatty() else ""
        say(f"{again}{self.title}: {self.done} epochs in {time.perf_counter() - self.start:.2f} s")


# ------------------------------------------------------------------------------------------------------------- text

def _heading(options, interval, train):
    n, m, system = options.train, options.test, options.system
    discard = f" from t = {options.discard:g} on" if options.discard else ""
    history = f", x(t <= 0) = {options.history:g}" if options.history != 1.2 else ""
    return (f"Mackey-Glass: tau = {system.tau:g}, a = {system.a:g}, b = {system.b:g}, c = {system.c:g}{history}; "
            f"a sample every {_time_units(interval)}{discard}\n"
            f"Training on samples 1-{n} (mean {train.mean():.4f}, standard deviation {train.std():.4f}), "
            f"testing on {_from_to(n + 1, n + m)}; L = {options.lags}, seed {options.seed}")


def _from_to(first, last):
    return f"{first}" if first == last else f"{first}-{last}"


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
    exact = ROUNDING * scale
    lines = ["", "RMSE (NRMSE)    " + "".join(f"{title:>22}" for title in titles)]
    for name, title in PREDICTORS.items():
        if name not in scores:
            continue
        cells = (f"{error:.3g} ({error / scale:.3g})" for error in scores[name].values())
        lines.append(f"{title:<16}" + "".join(f"{cell:>22}" for cell in cells))
    lines.append("NRMSE: over the training samples' standard deviation.")
    for way, title in zip(WAYS, titles, strict=True):
        of_all = {name: errors[way] for name, errors in scores.items() if way in errors}
        best = min(of_all, key=of_all.__getitem__)
        error = of_all[best]
        if error < exact:
            lines.append(f"{title}: {_the(best)} is exact to rounding.")
        elif best in NETS:
            other = min(error for name, error in of_all.items() if name not in NETS)
            lines.append(f"{title}: {_the(best)} is {other / error:.3g} times as exact as the better baseline.")
        else:
            other = min(error for name, error in of_all.items() if name in NETS)
            lines.append(f"{title}: {_the(best)} is {other / error:.3g} times as exact as the conv nets.")
    return "\n".join(lines)


def _the(predictor):
    return f"the {PREDICTORS[predictor]}" if predictor in NETS else PREDICTORS[predictor]


# ------------------------------------------------------------------------------------------------------------ files

def _write_series(folder, options, train, test):
    from scipy.io import savemat
    columns = {"x_training": train[:, None], "x_testing": test[:, None]}
    return write(folder, f"MG{options.system.tau:g}_time_series.mat", lambda file: savemat(file, columns))


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
    return write(folder, "predictions.csv", lambda file: file.write(text.getvalue().encode()))


def _draw(folder, options, interval, series, ways, fitted):
    from mgconv import plot
    n, m = options.train, options.test
    steps, what = _several(m, "step"), f"sample{'s' if m > 1 else ''} {_from_to(n + 1, n + m)} predicted"
    title = f"Mackey-Glass {options.system.tau:g}: {what}"
    both = {f"{steps} by recursion": ways["recursive"], f"{steps} at once": ways["direct"]}
    figures = {
        "fourteen_steps.png" if m == 14 else f"{steps.replace(' ', '_')}.png":
            plot.forecast(series, both, n, interval=interval, title=f"{title} {steps} at a time", overview=True),
        "one_step.png":
            plot.forecast(series, {"one-step prediction": ways["one_step"]}, n, interval=interval,
                          title=f"{title} one step at a time", fitted=fitted),
    }
    return [write(folder, name, save_figure(figure, name)) for name, figure in figures.items()]
