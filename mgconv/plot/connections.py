"""Pictures of what a convolution connects: which outputs an input reaches, and the kernel moving over a map."""
import numpy as np

from mgconv import geometry
from mgconv.plot.figure import PREDICTION, QUIET, SERIES, new_figure

PADDING = "#eceff3"
REACHED = "#fbd5d5"
SHARED = "#cfe0f1"


def contributions(position, input_shape, kernel_shape, strides=1, padding="valid", dilation_rate=1):
    """Draw which outputs one input position contributes to, as the lecture does.

    On the left the input map with the position marked, in the middle the kernel with its entries numbered from 1, on
    the right the output map: every position that is reached carries the number of the kernel entry through which.

    Parameters
    ----------
    position : int or tuple of int
        Over the spatial axes, counted from 0.
    input_shape, kernel_shape, strides, padding, dilation_rate
        As in `mgconv.geometry.contributions`. A 1-D map is drawn as one row.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    ValueError, TypeError
        As `mgconv.geometry.contributions`.

    Examples
    --------
    >>> from mgconv import plot
    >>> figure = plot.contributions((4, 5), (10, 10), (3, 3))
    >>> figure.savefig("contributions.png")    # doctest: +SKIP
    """
    reached = geometry.contributions(position, input_shape, kernel_shape, strides, padding, dilation_rate)
    g = geometry.spatial_geometry(input_shape, kernel_shape, strides, padding, dilation_rate)
    inputs, outputs = _two_axes(g.input_shape[1:-1]), _two_axes(g.output_shape[1:-1])
    taps, pads = _two_axes(g.kernel_shape[:-2]), ((0, 0), *g.pads)[-2:]
    at = _two_axes(position, 0)
    numbers = np.arange(1, taps[0] * taps[1] + 1).reshape(taps)
    labels = {_two_axes(r.position, 0): numbers[_two_axes(r.kernel, 0)] for r in reached}

    maps = [_padded(inputs, pads), taps, outputs]
    figure, (left, middle, right), scale = _panels(maps, cell=0.42, title=1.3, dpi=120)
    _grid(left, inputs, pads)
    _cell(left, at, REACHED)
    _write(left, at, "x", PREDICTION, scale, weight="bold")
    _grid(middle, taps)
    for entry in np.ndindex(taps):
        used = numbers[entry] in labels.values()
        _cell(middle, entry, REACHED if used else "white")
        _write(middle, entry, numbers[entry], PREDICTION if used else QUIET, scale)
    _grid(right, outputs)
    for cell, number in labels.items():
        _cell(right, cell, REACHED)
        _write(right, cell, number, PREDICTION, scale)
    spot = ", ".join(map(str, at if g.rank == 2 else at[1:]))
    for ax, title in ((left, f"input {_times(g.input_shape[1:-1])}\nx at ({spot})"),
                      (middle, f"kernel {_times(g.kernel_shape[:-2])}\nnumbered from 1"),
                      (right, f"output {_times(g.output_shape[1:-1])}\nreached through ...")):
        ax.set_title(title, fontsize=10, color="0.2")
    return figure


def sliding(x, kernel, path, *, strides=1, padding="valid", dilation_rate=1, frames_per_second=3):
    """Write an animation of a kernel moving over a map, with what two neighbouring windows share.

    Parameters
    ----------
    x : array_like, shape (rows, cols) or (n,)
        The input map; small enough to read.
    kernel : array_like, of the same rank
        It is not turned, as in the layers.
    path : str or path
        Where to write the GIF.
    strides, padding, dilation_rate
        As in `mgconv.ops.conv`.
    frames_per_second : int

    Returns
    -------
    pathlib.Path
        Of the file written.

    Raises
    ------
    ImportError
        If matplotlib or Pillow is not installed.
    ValueError
        If the ranks differ, the geometry is impossible, or there would be more than 400 frames.
    TypeError
        If a number is complex.

    Examples
    --------
    >>> import numpy as np
    >>> from mgconv import plot
    >>> plot.sliding(np.eye(5), np.ones((3, 3)), "sliding.gif")    # doctest: +SKIP
    """
    from pathlib import Path
    if np.iscomplexobj(x) or np.iscomplexobj(kernel):
        raise TypeError("`x` and `kernel` must be real.")
    x, kernel = np.asarray(x, np.float64), np.asarray(kernel, np.float64)
    if x.ndim != kernel.ndim or x.ndim not in (1, 2):
        raise ValueError("`x` and `kernel` must have the same rank, 1 or 2. "
                         f"Received: {x.ndim} and {kernel.ndim} axes.")
    if not frames_per_second > 0:
        raise ValueError(f"`frames_per_second` must be positive. Received: frames_per_second={frames_per_second}.")
    g = geometry.spatial_geometry(x.shape, kernel.shape, strides, padding, dilation_rate)
    inputs, outputs = _two_axes(x.shape), _two_axes(g.output_shape[1:-1])
    if outputs[0] * outputs[1] > 400:
        raise ValueError(f"There must be at most 400 outputs to draw. Received: {outputs[0] * outputs[1]}.")
    from mgconv.plot.gif import GifWriter
    pads, image = ((0, 0), *g.pads)[-2:], x.reshape(inputs)
    figure, (left, right), scale = _panels([_padded(inputs, pads), outputs], cell=0.5, title=1.7, dpi=90)
    before, result = set(), np.zeros(outputs)
    with GifWriter(path, figure, frames_per_second) as writer:
        for o in np.ndindex(outputs):
            seen = geometry.receptive_field(o[-g.rank:], x.shape, kernel.shape, strides, padding, dilation_rate)
            window = {_two_axes(s.position, 0): kernel[s.kernel] for s in seen}
            result[o] = sum(weight * image[at] for at, weight in window.items())
            left.clear()
            right.clear()
            _grid(left, inputs, pads)
            for at in np.ndindex(inputs):
                shade = REACHED if at in window else SHARED if at in before else "white"
                _cell(left, at, SHARED if at in window and at in before else shade,
                      PREDICTION if at in window else None)
                _write(left, at, f"{image[at]:.2g}", "0.25", scale * 0.8)
            _grid(right, outputs)
            for at in np.ndindex(outputs):
                if at <= o:
                    _cell(right, at, REACHED if at == o else "white")
                    _write(right, at, f"{result[at]:.3g}", PREDICTION if at == o else SERIES, scale * 0.8)
            left.set_title("input: the window (red),\nthe one before (blue)", fontsize=9, color="0.2")
            right.set_title("output", fontsize=9, color="0.2")
            writer.add_frame()
            before = set(window)
    return Path(path)


def _two_axes(values, first=1):
    """Sizes (or, with first=0, positions) over two axes: a 1-D map is one row."""
    values = tuple(np.atleast_1d(values).tolist())
    return (first, *values) if len(values) == 1 else values


def _padded(sizes, pads):
    return tuple(size + sum(pad) for size, pad in zip(sizes, pads, strict=True))


def _panels(maps, cell, title, dpi):
    """A figure with axes for maps of these (rows, cols) side by side, and the inches of a cell: at most `cell`.

    Placed by hand, since matplotlib's layouts let titles of axes with a fixed aspect overlap and leave the figure. A
    title needs `title` inches and two lines.
    """
    height, gap, above = max(rows for rows, _ in maps), 0.25, 0.55
    scale = min(cell, 11 / sum(cols for _, cols in maps), 6 / height)
    sizes = [((cols + 0.2) * scale, (rows + 0.2) * scale) for rows, cols in maps]
    widths = [max(width, title) + gap for width, _ in sizes]
    whole = sum(widths), (height + 0.2) * scale + above + gap / 2
    figure = new_figure(layout=None, figsize=whole, dpi=dpi)
    axes = []
    for i, (width, tall) in enumerate(sizes):
        left = sum(widths[:i]) + (widths[i] - width) / 2
        bottom = (whole[1] - above + gap / 2 - tall) / 2
        axes.append(figure.add_axes((left / whole[0], bottom / whole[1], width / whole[0], tall / whole[1])))
    return figure, axes, scale


def _times(sizes):
    return " x ".join(map(str, sizes))


def _grid(ax, sizes, pads=((0, 0), (0, 0))):
    """An empty map: its cells, with the padding around them in grey."""
    from matplotlib.patches import Rectangle
    (above, below), (before, after) = pads
    rows, cols = sizes
    ax.add_patch(Rectangle((-before - 0.5, -above - 0.5), cols + before + after, rows + above + below,
                           facecolor=PADDING, edgecolor="0.75", linestyle=":"))
    ax.add_patch(Rectangle((-0.5, -0.5), cols, rows, facecolor="white", linewidth=0, zorder=1))
    ax.add_patch(Rectangle((-0.5, -0.5), cols, rows, facecolor="none", edgecolor="0.3", linewidth=1.4, zorder=3.5))
    ax.vlines(np.arange(1, cols) - 0.5, -0.5, rows - 0.5, color="0.8", linewidth=0.7, zorder=2)
    ax.hlines(np.arange(1, rows) - 0.5, -0.5, cols - 0.5, color="0.8", linewidth=0.7, zorder=2)
    ax.set(xlim=(-before - 0.6, cols + after - 0.4), ylim=(rows + below - 0.4, -above - 0.6), aspect="equal")
    ax.axis("off")


def _cell(ax, at, color, edge=None):
    from matplotlib.patches import Rectangle
    ax.add_patch(Rectangle((at[1] - 0.5, at[0] - 0.5), 1, 1, facecolor=color, edgecolor=edge or "0.8",
                           linewidth=1.3 if edge else 0.7, zorder=4 if edge else 3))


def _write(ax, at, text, color, scale, **options):
    size = min(28, 110 / len(str(text))) * scale             # long numbers stay in their cells
    ax.text(at[1], at[0], str(text), color=color, ha="center", va="center", fontsize=max(size, 2), zorder=5, **options)
