"""What the commands share: options and their values, how to speak and to refuse, how files are written."""
import argparse
import contextlib
import dataclasses
import math
import os
import sys
from pathlib import Path

import numpy as np

from mgconv import dde
from mgconv._support.files import whole_file

PICTURES = (".png", ".pdf", ".svg")


class Refused(Exception):
    """What the user asked for cannot be done; the message is the one line to show."""


class Parser(argparse.ArgumentParser):
    """Refuses options in one line, without the usage in front of it."""

    def error(self, message):
        self.exit(2, f"{self.prog}: error: {message}\n")

    def _print_message(self, message, file=None):
        if message and file is not None and file is sys.stdout:
            say(message, end="")
        else:
            super()._print_message(message, file)


# ------------------------------------------------------------------------------------------------- values of options

def count(text):
    """A positive integer."""
    try:
        value = int(text)
    except ValueError:
        value = 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"must be a positive integer. Received: {text}.")
    return value


def seed(text):
    """What NumPy takes as a seed."""
    try:
        value = int(text)
    except ValueError:
        value = -1
    if not 0 <= value < 2 ** 32:
        raise argparse.ArgumentTypeError(f"must be an integer from 0 to 2**32 - 1. Received: {text}.")
    return value


def number(text):
    """A finite number."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"must be a finite number. Received: {text}.")
    return value


def positive(text):
    """A finite number above 0."""
    value = number(text)
    if value <= 0:
        raise argparse.ArgumentTypeError(f"must be positive. Received: {text}.")
    return value


def not_negative(text):
    """A finite number, at least 0."""
    value = number(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"must not be negative. Received: {text}.")
    return value


def share(text):
    """A number between 0 and 1."""
    value = number(text)
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(f"must be between 0 and 1. Received: {text}.")
    return value


def file_of(*suffixes):
    """A path whose name ends in one of `suffixes`."""
    def path(text):
        if Path(text).suffix not in suffixes:
            raise argparse.ArgumentTypeError(f"the name must end in {', '.join(suffixes)}. Received: {text}.")
        return Path(text)
    return path


def _setting(text):
    name, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"must be NAME=NUMBER. Received: {text}.")
    return name, number(value)


# ---------------------------------------------------------------------------------------------------- shared options

def add_equation_options(parser, interval):
    """Options of the equation and its samples; `interval` is what its help says of the default."""
    group = parser.add_argument_group("the series")
    for name, kind, what in (("tau", positive, "delay, in time units"), ("a", number, "strength of production"),
                             ("b", number, "rate of decay"), ("c", number, "exponent")):
        group.add_argument(f"--{name}", dest="set", action="append", default=[], metavar="T" if name == "tau" else "X",
                           type=lambda text, name=name, kind=kind: (name, kind(text)),
                           help=f"{what} (default: {getattr(dde.MackeyGlass, name):g}); short for --set {name}=...")
    group.add_argument("--set", action="append", default=[], type=_setting, metavar="NAME=NUMBER",
                       help="a parameter of the equation, such as tau=17; may be repeated")
    group.add_argument("--interval", type=positive, metavar="T",
                       help=f"time units between two samples (default: {interval})")
    group.add_argument("--dt", dest="interval", type=positive, metavar="T", help="the same, as the library calls it")
    group.add_argument("--history", type=number, default=1.2, metavar="X",
                       help="the solution until t = 0 (default: %(default)s)")
    group.add_argument("--discard", type=not_negative, default=0.0, metavar="T",
                       help="time units to leave out before the first sample (default: %(default)g)")
    return group


def add_output_options(parser):
    """Where to write, and whether to talk."""
    group = parser.add_argument_group("output")
    group.add_argument("--out", type=Path, default=Path(), metavar="DIR",
                       help="folder to write to, made if missing (default: the current one)")
    group.add_argument("--quiet", action="store_true", help="print nothing but errors")
    return group


def chosen_system(kind, options):
    """The equation of class `kind` with the parameters that were set."""
    names = [field.name for field in dataclasses.fields(kind)]
    for name, _ in options.set:
        if name not in names:
            raise Refused(f"--set must name one of {', '.join(names)} for {kind.__name__}. Received: {name}.")
    try:
        return kind(**dict(options.set))
    except ValueError as error:
        raise Refused(str(error)) from error


def integrate(system, n, interval, options):
    """`n` samples of it; refuses what cannot be had."""
    try:
        x = dde.series(system, n, dt=interval, history=options.history, discard=options.discard)
    except (ValueError, ArithmeticError) as error:
        given = "".join(f" --set {name}={value:g}" for name, value in options.set)
        raise Refused(f"the series cannot be integrated{given and ' with'}{given}: {error}") from error
    if not np.isfinite(x).all():
        raise Refused("the series grows beyond all numbers with these parameters.")
    return x


# ------------------------------------------------------------------------------------------------------------ talking

def say(text="", end="\n"):
    """Print at once; refuses where standard output cannot take it."""
    try:
        print(text, end=end, flush=True)
    except BrokenPipeError:
        raise
    except OSError as error:
        silence_output()
        raise Refused(f"standard output cannot be written to: {error.strerror}.") from error


def silence_output():
    """What is still to be printed goes nowhere; else the interpreter would try again, and fail, at its end."""
    with contextlib.suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def complain(line):
    """One line on stderr, where there is one."""
    if sys.stderr is not None:
        print(line, file=sys.stderr)


# ------------------------------------------------------------------------------------------------------------ writing

def check_folder(folder, what="--out"):
    """Prove that files can be made in the folder, or where it would be made, before any work is done for it."""
    try:
        place = folder
        while not place.exists() and place != place.parent:
            place = place.parent
        with open(place / f".{os.urandom(8).hex()}.probe", "xb") as probe:
            pass
        os.unlink(probe.name)
    except OSError as error:
        raise Refused(f"{what} must be a folder that can be written to. "
                      f"Received: {folder} ({error.strerror}).") from error


def write(folder, name, save):
    """Let `save(file)` write the file `name` in `folder`, which is made if missing; returns its path."""
    path = folder / name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as file:
            save(file)
    except OSError as error:
        raise Refused(f"{path} cannot be written: {error.strerror or error}.") from error
    return path


def save_figure(figure, path):
    """For `write`: a picture in the format that the path's ending names."""
    return lambda file: figure.savefig(file, format=Path(path).suffix[1:])
