"""How far the work is: a bar that is drawn over and over on a terminal or in a notebook, a line an epoch elsewhere."""
from __future__ import annotations

import shutil
import time
from typing import Any

from mgconv._support.terminal import drawable, say
from mgconv.callbacks.base import Callback, registry

SECONDS = 0.1                  # between two pictures of a bar
WIDTH = 20                     # of a bar, in characters


class Progbar:
    """A bar: steps done, time, and figures.

    Parameters
    ----------
    target : int or None
        Steps in all; None if nobody knows.
    delay : float
        Seconds before the first picture: what is done earlier shows nothing.

    Attributes
    ----------
    drawn : int
        How long the line on the screen is, 0 before the first picture.
    """

    def __init__(self, target: int | None, delay: float = 0.0) -> None:
        self.target, self.done, self.drawn = target, 0, 0
        self.start = time.perf_counter()
        self._next = self.start + delay

    def due(self, done: int) -> bool:
        """Take note that `done` steps are done. Whether it is time for another picture."""
        self.done = done
        return time.perf_counter() >= self._next

    def draw(self, logs: dict[str, Any] | None = None) -> None:
        """A picture of the present state."""
        now, done, total = time.perf_counter(), self.done, self.target
        self._next = now + SECONDS
        each = (now - self.start) / max(1, done)
        if total:
            rest = duration(each * (total - done)) if 0 < done < total else duration(now - self.start)
            line = f"{done:{len(str(total))}d}/{total} {_bar(done / total)} {rest} {pace(each)}"
        else:
            line = f"{done:7d}/Unknown {duration(now - self.start)} {pace(each)}"
        line += "".join(f" - {figure}" for figure in figures(logs))
        columns = shutil.get_terminal_size().columns - 1
        line = line if len(line) <= columns else line[:max(0, columns - 1)] + "…"
        say("\r" + line.ljust(self.drawn), end="")
        self.drawn = len(line)

    def finish(self, logs: dict[str, Any] | None = None) -> None:
        """The last picture."""
        self.target = self.done
        self.draw(logs)
        say("")


def _bar(share):
    done = round(WIDTH * min(1.0, share))
    return "━" * done + "─" * (WIDTH - done)


def duration(seconds):
    """Seconds, minutes or hours."""
    if seconds < 60:
        return f"{seconds:.0f}s"
    minutes, seconds = divmod(int(seconds), 60)
    return f"{minutes}:{seconds:02d}" if minutes < 60 else f"{minutes // 60}:{minutes % 60:02d}:{seconds:02d}"


def pace(seconds):
    """Time for a step."""
    for unit, factor in (("s", 1), ("ms", 1e3)):
        if seconds * factor >= 1:
            return f"{seconds * factor:.0f}{unit}/step"
    return f"{seconds * 1e6:.0f}us/step"


def figures(logs):
    """Each figure with its name."""
    for name, value in (logs or {}).items():
        if hasattr(value, "__float__") and not getattr(value, "ndim", 0):
            value = float(value)
            yield f"{name}: {value:.4f}" if 1e-3 < abs(value) < 1e5 or value == 0 else f"{name}: {value:.4e}"
        else:
            yield f"{name}: {value}"


@registry.add
class ProgbarLogger(Callback):
    """What `verbose` asks for: 1 draws a bar for each epoch where one can be drawn, 2 (and 1 elsewhere) prints a line.

    In a log file there is a line for an evaluation, and none for a prediction.
    """

    needs_logs = False
    runs_last = True

    def __init__(self) -> None:
        self._bar: Any = None
        self._draws = self._in_fit = False
        self._start = 0.0

    def set_params(self, params):
        super().set_params(params)
        self._draws = params.get("verbose") == 1 and drawable()
        self._unheard = () if self._draws else ("train_batch_end", "test_batch_end", "predict_batch_end")

    def _begin(self, delay=0.0):
        self._start = time.perf_counter()
        self._bar = Progbar(self.params.get("steps"), delay) if self._draws else None

    def _end(self, logs, title=""):
        if self._bar is not None:
            self._bar.finish(logs)
            self._bar = None
        elif self.params.get("verbose"):
            took, steps = time.perf_counter() - self._start, self.params.get("steps")
            say(" - ".join([title or f"{steps} steps", f"{took:.2f}s", *([pace(took / steps)] if steps else []),
                            *figures(logs)]))

    def _step(self, batch):
        if self._bar.due(batch + 1):
            self._bar.draw(self.model.get_metrics_result())

    def on_train_begin(self, logs=None):
        self._in_fit = True

    def on_train_end(self, logs=None):
        if self._bar is not None:             # an epoch was broken off
            say("")
        self._in_fit, self._bar = False, None

    def on_epoch_begin(self, epoch, logs=None):
        self._begin()
        if self._draws and self.params["epochs"] > 1:
            say(f"Epoch {epoch + 1}/{self.params['epochs']}")

    def on_train_batch_end(self, batch, logs=None):
        self._step(batch)

    def on_epoch_end(self, epoch, logs=None):
        self._end(logs, f"Epoch {epoch + 1}/{self.params['epochs']}")

    def on_test_begin(self, logs=None):
        if not self._in_fit:
            self._begin()

    def on_test_batch_end(self, batch, logs=None):
        if not self._in_fit:
            self._step(batch)

    def on_test_end(self, logs=None):
        if not self._in_fit:
            self._end(logs)

    def on_predict_begin(self, logs=None):
        self._begin(delay=1.0)

    def on_predict_batch_end(self, batch, logs=None):
        if self._bar.due(batch + 1):
            self._bar.draw()

    def on_predict_end(self, logs=None):
        if self._bar.drawn if self._bar is not None else self.params.get("verbose") == 2:
            self._end(None)
        self._bar = None
