"""The picture of a forecast."""
import numpy as np

from mgconv.plot.figure import PREDICTION, QUIET, SERIES, new_figure


def forecast(series, predictions, start, *, context=40, title=None, interval=1.0):
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

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    ValueError
        If a prediction has not ``n - start`` samples, or there are none or more than two predictions.

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
    figure = new_figure(figsize=(8, 5), dpi=120)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    first = max(0, start - context)
    known, unknown = np.arange(first + 1, start + 1), np.arange(start + 1, len(series) + 1)

    above.plot(np.append(known, unknown), series[first:], color=SERIES, linewidth=1.6, label="true series", zorder=2)
    for ax in (above, below):
        ax.axvspan(start + 0.5, len(series) + 1, color=PREDICTION, alpha=0.06, linewidth=0, zorder=0)
        ax.grid(color="0.92", linewidth=0.7)
        ax.set_axisbelow(True)
        ax.spines[["top", "right"]].set_visible(False)
    below.axhline(0, color=SERIES, linewidth=1.0, zorder=1)
    points: dict = {"color": PREDICTION, "linestyle": "none", "marker": "o", "markersize": 4.5, "zorder": 4}
    rings = points | {"markersize": 8.5, "zorder": 3, "markerfacecolor": "none", "markeredgewidth": 1.2}
    for (name, values), style in zip(predictions.items(), (points, rings)):
        above.plot(unknown, values, label=name, **style)
        below.plot(unknown, np.asarray(values) - series[start:], **style)

    above.margins(y=0.12)
    below.margins(y=0.25)
    above.set_xlim(first + 0.5, len(series) + 1)
    above.set_ylabel("$x$")
    below.set_ylabel("error in $x$")
    below.ticklabel_format(axis="y", scilimits=(-2, 3), useMathText=True)
    below.set_xlabel(f"sample number (one every {'time unit' if interval == 1 else f'{interval:g} time units'})")
    above.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=1 + len(predictions), frameon=False)
    above.annotate("training", (start, 0.02), (-6, 0), xycoords=("data", "axes fraction"), textcoords="offset points",
                   ha="right", color=QUIET, fontsize=9)
    above.annotate("testing", (start + 1, 0.02), (0, 0), xycoords=("data", "axes fraction"),
                   textcoords="offset points", ha="left", color=QUIET, fontsize=9)
    if title:
        figure.suptitle(title)
    return figure
