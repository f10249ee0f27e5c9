"""The command `mgconv`; each of its commands has a file of its own.

Exit status: 0 when all is done; 2 for options that make no sense, or where the output cannot be written, with one line
on stderr; 130 when interrupted, and 128 + n when ended by signal n. No file is left half written.
"""
import argparse
import contextlib
import signal
import sys
import threading

import mgconv
from mgconv.cli import forecast, mg30, series
from mgconv.cli.common import Parser, Refused, complain, silence_output

COMMANDS = (mg30, series, forecast)


def main(arguments: list[str] | None = None) -> int:
    """Run the command with `arguments` (default: those of the process) and return its exit status.

    Raises
    ------
    SystemExit
        For ``--help``, ``--version`` and options that cannot be read, and when a signal asks the process to end.
    """
    options = argparse.Namespace(command=None)
    try:
        _parser().parse_args(arguments, options)
        if sys.stdout is None and not options.quiet:
            raise Refused("standard output is closed; with --quiet nothing is written to it.")
        with _orderly_end():
            options.run(options)
    except Refused as reason:
        return _failed(options.command, f"error: {reason}", 2)
    except MemoryError as error:
        return _failed(options.command, f"error: not enough memory. {error}".rstrip(), 2)
    except KeyboardInterrupt:
        return _failed(options.command, "interrupted", 130)
    except BrokenPipeError:                              # the reader of our output has seen enough, as in `| head`
        silence_output()
        return 1
    return 0


def _parser():
    parser = Parser(prog="mgconv", description=str(mgconv.__doc__).splitlines()[0], allow_abbrev=False)
    parser.add_argument("--version", action="version", version=f"mgconv {mgconv.__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for command in COMMANDS:
        command.add_parser(commands)
    return parser


def _failed(command, what, status):
    complain(f"mgconv {command}: {what}" if command else f"mgconv: {what}")
    return status


@contextlib.contextmanager
def _orderly_end():
    """SIGTERM and SIGHUP unwind the command as an interrupt does, so that unfinished files are removed."""
    def end(number, frame):
        raise SystemExit(128 + number)
    signals = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    replaced = [number for number in signals if signal.getsignal(number) is signal.SIG_DFL
                and threading.current_thread() is threading.main_thread()]
    for number in replaced:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number in replaced:
            signal.signal(number, signal.SIG_DFL)
