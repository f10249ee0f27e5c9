"""Pictures of how a model learned."""
from __future__ import annotations

from typing import Any

import numpy as np

from mgconv.plot.figure import PREDICTION, SERIES, new_figure


def history(history: Any, *, log: bool | None = None, title: str | None = None):
    """The figures of a training over its epochs: loss, metrics and learning rate one below the other.

    Parameters
    ----------
    history : mgconv.callbacks.History or dict of str to list of float
        What `fit` returned, or its `history`. Figures of the training are lines, those of the validation red ones.
    log : bool, optional
        Whether the axes of losses and errors are logarithmic; by default where all is positive and spans more than a
        factor of 10.
    title : str, optional

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    ValueError
        If there is no epoch.

    Examples
    --------
    >>> from mgconv import plot
    >>> figure = plot.history({"loss": [1.0, 0.5, 0.2], "val_loss": [1.1, 0.7, 0.5]})
    """
    figures = getattr(history, "history", history)
    epochs = getattr(history, "epoch", None)
    names = [name for name in figures if not name.startswith("val_") or name.removeprefix("val_") not in figures]
    if not names or not len(figures[names[0]]):
        raise ValueError("`history` must hold at least one epoch. Received: none.")
    figure = new_figure(figsize=(7, 0.6 + 2.2 * len(names)), dpi=150)
    for axes, name in zip(figure.subplots(len(names), sharex=True, squeeze=False)[:, 0], names, strict=True):
        drawn = []
        for key, color, label in ((name, SERIES, "training"), (f"val_{name}", PREDICTION, "validation")):
            if key in figures:
                values = np.asarray(figures[key], float)
                x = np.arange(1, len(values) + 1) if epochs is None or len(epochs) != len(values) else (
                    np.asarray(epochs) + 1)
                axes.plot(x, values, color=color, label=label, marker="." if len(values) < 30 else None)
                drawn.append(values[np.isfinite(values)])
        values = np.concatenate(drawn)
        if log if log is not None else values.size and values.min() > 0 and values.max() > 10 * values.min():
            axes.set_yscale("log")
        axes.set_ylabel(name)
        axes.spines[["top", "right"]].set_visible(False)
        if len(drawn) > 1:
            axes.legend(frameon=False)
    axes.set_xlabel("epoch")
    if title is not None:
        figure.suptitle(title)
    return figure
