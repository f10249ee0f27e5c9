"""Pictures of a series, and of a forecast of its end."""
from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from mgconv.plot.figure import PREDICTION, QUIET, SERIES, new_figure


def time_series(t: ArrayLike, x: ArrayLike, *, title: str | None = None):
    """A series over time, as a line.

    Parameters
    ----------
    t, x : array_like, shape (n,)
        Times and values.
    title : str, optional

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    ValueError
        If there are not as many times as values.

    Examples
    --------
    >>> import numpy as np
    >>> from mgconv import dde, plot
    >>> figure = plot.time_series(np.arange(500), dde.mackey_glass(500))
    """
    t, x = np.asarray(t), np.asarray(x)
    if t.ndim != 1 or t.shape != x.shape:
        raise ValueError(f"`t` and `x` must be vectors of one length. Received: shapes {t.shape} and {x.shape}.")
    figure = new_figure(figsize=(9, 3.2), dpi=150)
    ax = figure.subplots()
    ax.plot(t, x, linewidth=1.2, color=SERIES)
    ax.set(xlabel="$t$", ylabel="$x(t)$", title=title)
    ax.margins(x=0.01)
    ax.spines[["top", "right"]].set_visible(False)
    return figure


def future(series: ArrayLike, forecast: ArrayLike, radius: ArrayLike | None = None, *, context: int | None = None,
           title: str | None = None):
    """A series as a line, what is forecast to follow it as red points, and a band of +- `radius` around them.

    Parameters
    ----------
    series : array_like, shape (n,)
        ``series[0]`` is sample number 1.
    forecast : array_like, shape (steps,)
    radius : array_like, shape (steps,), optional
        Such as `Calibrated.radius` gives it.
    context : int, optional
        Samples of the series to draw; by default five times as many as are forecast, 60 at least.
    title : str, optional

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    ValueError
        If `forecast` and `radius` are no vectors of one length.

    Examples
    --------
    >>> import numpy as np
    >>> from mgconv import plot
    >>> wave = np.sin(0.3 * np.arange(110))
    >>> figure = plot.future(wave[:100], wave[100:], np.full(10, 0.1))
    """
    series, answer = np.asarray(series, np.float64), np.asarray(forecast, np.float64)
    band = None if radius is None else np.asarray(radius, np.float64)
    if answer.ndim != 1 or (band is not None and band.shape != answer.shape):
        raise ValueError("`forecast` and `radius` must be vectors of one length. Received: shapes "
                         f"{answer.shape} and {None if band is None else band.shape}.")
    figure = new_figure(figsize=(9, 3.6), dpi=120)
    ax = figure.subplots()
    known, unknown = np.arange(1, len(series) + 1), np.arange(len(series) + 1, len(series) + 1 + len(answer))
    shown = slice(max(0, len(series) - (max(60, 5 * len(answer)) if context is None else context)), None)
    ax.plot(known[shown], series[shown], color=SERIES, linewidth=1.4, label="series")
    if band is not None:
        ax.fill_between(unknown, answer - band, answer + band, color=PREDICTION, alpha=0.15, linewidth=0,
                        label="interval")
    size = 4.5 if len(answer) <= 60 else 2
    ax.plot(unknown, answer, color=PREDICTION, marker="o", markersize=size, linewidth=0.8, label="forecast")
    ax.set(xlabel="sample number", title=title)
    ax.grid(color="0.92", linewidth=0.7)
    ax.set_axisbelow(True)
    ax.margins(x=0.01)
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(loc="upper left", frameon=False, ncols=3)
    ax.set_ylim(top=ax.get_ylim()[1] + 0.15 * np.ptp(ax.get_ylim()))
    return figure


def forecast(series: ArrayLike, predictions: dict[str, ArrayLike], start: int, *, context: int = 40,
             title: str | None = None, interval: float = 1.0, overview: bool = False,
             fitted: ArrayLike | None = None):
    """The true series as a line, predictions of its end as red points, and below the error of each point.

    Parameters
    ----------
    series : array_like, shape (n,)
        Known and predicted samples alike; ``series[0]`` is sample number 1.
    predictions : dict of str to array_like, shape (n - start,)
        What ``series[start:]`` was predicted to be, by the name to show in the legend; at most two. The first is drawn
        as filled points, the second as rings around them.
    start : int
        Index of the first predicted sample.
    context : int
        Samples to draw before it.
    title : str, optional
    interval : float
        Time between two samples, in the unit of the equation; for the label only.
    overview : bool
        Whether to draw the whole series too, above all else.
    fitted : array_like, shape (start,), optional
        What the samples that were learned from are predicted to be, NaN where that is not known. Below the whole
        series, which it asks for, stand its errors and those of the first prediction.

    Returns
    -------
    matplotlib.figure.Figure
        Its axes, from top to bottom: if asked for, the whole series and the errors over it; forecast and errors.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    ValueError
        If a prediction has not ``n - start`` samples or `fitted` not `start`, or there are none or more than two
        predictions.

    Examples
    --------
    >>> import numpy as np
    >>> from mgconv import plot
    >>> wave = np.sin(0.3 * np.arange(100))
    >>> figure = plot.forecast(wave, {"guess": wave[90:] + 0.01}, start=90)
    >>> figure.savefig("wave.png")    # doctest: +SKIP
    """
    series = np.asarray(series, np.float64)
    future = len(series) - start
    if not 1 <= len(predictions) <= 2:
        raise ValueError(f"`predictions` must hold one or two. Received: {len(predictions)}.")
    for name, values in predictions.items():
        if np.shape(values) != (future,):
            raise ValueError(f"`predictions` must have a value for each of the {future} samples from `start` on. "
                             f"Received: {name!r} of shape {np.shape(values)}.")
    if fitted is not None and np.shape(fitted) != (start,):
        raise ValueError(f"`fitted` must have a value for each of the {start} samples before `start`. "
                         f"Received: shape {np.shape(fitted)}.")
    overview = overview or fitted is not None
    heights = [*[2] * overview, *[1] * (fitted is not None), 3, 1]
    figure = new_figure(figsize=(8, 1 + sum(heights)), dpi=120)
    *whole, above, below = figure.subplots(len(heights), 1, height_ratios=heights)
    for ax in (*whole, above, below):
        ax.axvspan(start + 0.5, len(series) + 1, color=PREDICTION, alpha=0.06, linewidth=0, zorder=0)
        ax.grid(color="0.92", linewidth=0.7)
        ax.set_axisbelow(True)
        ax.spines[["top", "right"]].set_visible(False)
    if overview:
        _draw_overview(whole, series, start, fitted, next(iter(predictions.values())))
    first = max(0, start - context)
    _draw_end(above, below, series, predictions, start, first)
    below.set_xlabel(f"sample number (one every {'time unit' if interval == 1 else f'{interval:g} time units'})")
    _name_parts(above, start, future / (len(series) + 0.5 - first))
    if title:
        figure.suptitle(title)
    return figure


def _draw_end(above, below, series, predictions, start, first):
    """The samples from index `first` on: above their predictions, below the errors of these."""
    unknown = np.arange(start + 1, len(series) + 1)
    above.plot(np.arange(first + 1, len(series) + 1), series[first:], color=SERIES, linewidth=1.6, label="true series",
               zorder=2)
    below.axhline(0, color=SERIES, linewidth=1.0, zorder=1)
    points: dict = {"color": PREDICTION, "linestyle": "none", "marker": "o", "markersize": 4.5, "zorder": 4}
    rings = points | {"markersize": 8.5, "zorder": 3, "markerfacecolor": "none", "markeredgewidth": 1.2}
    for (name, values), style in zip(predictions.items(), (points, rings)):
        above.plot(unknown, values, label=name, **style)
        below.plot(unknown, np.asarray(values) - series[start:], **style)
    above.margins(y=0.12)
    below.margins(y=0.25)
    above.set(xlim=(first + 0.5, len(series) + 1), ylabel="$x$")
    above.tick_params(labelbottom=False)
    below.sharex(above)
    below.set_ylabel("error in $x$")
    below.ticklabel_format(axis="y", scilimits=(-2, 3), useMathText=True)
    above.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=1 + len(predictions), frameon=False)


def _draw_overview(axes, series, start, fitted, predicted):
    """The whole series, and below it, where `fitted` is there, how far it and `predicted` are off."""
    known, unknown = np.arange(1, start + 1), np.arange(start + 1, len(series) + 1)
    axes[0].plot(np.arange(1, len(series) + 1), series, color=SERIES, linewidth=0.8)
    axes[0].set(xlim=(0.5, len(series) + 1), ylabel="$x$")
    _name_parts(axes[0], start, (len(series) - start) / len(series))
    if fitted is not None:
        axes[0].tick_params(labelbottom=False)
        axes[1].sharex(axes[0])
        axes[1].plot(known, np.asarray(fitted) - series[:start], color=SERIES, linewidth=0.6)
        axes[1].plot(unknown, np.asarray(predicted) - series[start:], color=PREDICTION, linewidth=0.6)
        axes[1].set_ylabel("error in $x$")
        axes[1].ticklabel_format(axis="y", scilimits=(-2, 3), useMathText=True)


def _name_parts(ax, start, share):
    """The words "training" and "testing" on either side of `start`; turned where the latter's share is too narrow."""
    style = {"textcoords": "offset points", "color": QUIET, "fontsize": 9}
    narrow = share < 0.12
    ax.annotate("training", (start, 0.02), (-18 if narrow else -6, 0), xycoords=("data", "axes fraction"), ha="right",
                **style)
    if narrow:
        ax.annotate("testing", (1, 0.02), (0, 0), xycoords="axes fraction", ha="right", rotation=90, **style)
    else:
        ax.annotate("testing", (start + 1, 0.02), (0, 0), xycoords=("data", "axes fraction"), ha="left", **style)
