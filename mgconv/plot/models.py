"""Pictures of a model from within: the maps that a layer puts out, and its kernels."""
import math

import numpy as np

from mgconv.plot.figure import SERIES, new_figure


def feature_maps(model, x, layer=None, *, columns=8):
    """Draw the stack of output maps of a layer, for one input.

    Parameters
    ----------
    model : mgconv.Sequential
        Built.
    x : array_like, (steps, channels) or (rows, cols, channels), with or without a batch axis in front
        The input; of a batch the first is drawn.
    layer : str or int, optional
        Name or index of the layer; by default the first whose output has maps.
    columns : int
        Maps in a row of the picture.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    ValueError
        If the input does not fit the model, or the layer puts out no maps.

    Examples
    --------
    >>> import mgconv, numpy as np
    >>> from mgconv import layers, plot
    >>> model = mgconv.Sequential([mgconv.Input((28, 28, 1)), layers.Conv2D(8, 5)])
    >>> figure = plot.feature_maps(model, np.zeros((28, 28, 1)))
    """
    if not model.built:
        raise ValueError("`feature_maps` needs a model that is built: begin it with an `Input`, or call `build`.")
    if columns < 1:
        raise ValueError(f"`columns` must be at least 1. Received: columns={columns}.")
    x = np.asarray(x)
    if x.ndim < len(model.input_shape):
        x = x[None]
    if not len(x):
        raise ValueError("`x` must hold at least one input. Received: 0.")
    wanted = None
    if layer is not None:
        wanted = model.get_layer(**{"name" if isinstance(layer, str) else "index": layer})
    y, channels = x[:1], -1
    for each in model.layers:
        y = each(y)
        if hasattr(each, "data_format"):              # the others, an Activation say, leave the channels where they are
            channels = 1 if each.data_format == "channels_first" else -1
        if each is wanted or (wanted is None and y.ndim in (3, 4) and each.weight_names):
            wanted = each
            break
    if wanted is None or y.ndim not in (3, 4):
        raise ValueError("`layer` must put out maps, (batch, steps, channels) or (batch, rows, cols, channels). "
                         f"Received: layer={layer!r}, output shape {y.shape}.")
    maps = np.moveaxis(y, channels, 1)[0]
    columns = min(columns, len(maps))
    rows = math.ceil(len(maps) / columns)
    title = f"{wanted.name}: {len(maps)} maps of {' x '.join(map(str, maps.shape[1:]))}"
    figure = _titled(title, 1.3 * columns + 0.8, (1.5 if y.ndim == 4 else 1.1) * rows + 0.5)
    axes = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True).ravel()
    _draw_all(figure, axes, maps, [str(i + 1) for i in range(len(maps))])
    return figure


def kernels(layer, *, most=64):
    """Draw the kernels of a convolution layer: a row for each output map, a column for each input map it adds up.

    Parameters
    ----------
    layer : mgconv.layers.Layer
        A convolution with its weights.
    most : int
        Rows and columns beyond this many are left out.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    ValueError
        If the layer has no kernel over one or two axes.

    Examples
    --------
    >>> import mgconv
    >>> from mgconv import layers, plot
    >>> model = mgconv.Sequential([mgconv.Input((28, 28, 1)), layers.Conv2D(8, 5)])
    >>> figure = plot.kernels(model.layers[0])
    """
    kernel = getattr(layer, "kernel", None)
    if kernel is None or np.ndim(kernel) not in (3, 4):
        raise ValueError("`layer` must be a built convolution, with a kernel (*spatial, inputs, filters). "
                         f"Received: {layer!r}.")
    if most < 1:
        raise ValueError(f"`most` must be at least 1. Received: most={most}.")
    channels, last = np.shape(kernel)[-2:]
    kernel = np.asarray(kernel)[..., :most, :most]
    inputs, filters = kernel.shape[-2:]
    turned = inputs == 1 and filters > 4          # one input map: its kernels in rows of eight
    columns = min(8, filters) if turned else inputs
    rows = math.ceil(filters / columns) if turned else filters
    title = f"{layer.name or type(layer).__name__}: kernel (input map, output map)"
    figure = _titled(title, 1.0 * columns + 1.2, 1.05 * rows + 0.6)
    axes = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True).ravel()
    images = np.moveaxis(kernel, (-1, -2), (0, 1)).reshape(filters * inputs, *kernel.shape[:-2])
    if hasattr(layer, "depth_multiplier"):        # the filters of one input map
        pairs = [(i, i * last + o) for o in range(filters) for i in range(inputs)]
    else:                                         # an output map sees the input maps of its group
        groups = getattr(layer, "groups", 1)
        pairs = [(o * groups // last * channels + i, o) for o in range(filters) for i in range(inputs)]
    titles = [f"({i + 1},{o + 1})" for i, o in pairs]
    _draw_all(figure, axes, images, titles, symmetric=True)
    return figure


def _titled(title, width, height):
    """A figure of these inches, or as wide as its title."""
    figure = new_figure(figsize=(max(width, 0.08 * len(title)), height), dpi=120)
    figure.suptitle(title, fontsize=10)
    return figure


def _draw_all(figure, axes, maps, titles, symmetric=False):
    """One panel for each map on one scale: lines in 1-D, images in 2-D."""
    finite = maps[np.isfinite(maps)]
    high = float(np.abs(finite).max(initial=0)) or 1.0
    low = -high if symmetric or finite.min(initial=0) < 0 else 0.0
    image = None
    for ax, values, title in zip(axes, maps, titles, strict=False):
        if values.ndim == 1:
            ax.axhline(0, color="0.8", linewidth=0.7)
            ax.plot(values, color=SERIES, linewidth=1.0, marker="." if len(values) < 16 else None, markersize=4)
            ax.set_ylim(1.1 * low if low else -0.05 * high, 1.1 * high)
            ax.spines[["top", "right"]].set_visible(False)
            ax.tick_params(labelsize=6)
        else:
            image = ax.imshow(values, cmap="RdBu_r" if low else "viridis", vmin=low, vmax=high, interpolation="nearest")
            ax.set_xticks([])
            ax.set_yticks([])
        ax.set_title(title, fontsize=7, color="0.35", pad=2)
    for ax in axes[len(maps):]:
        ax.axis("off")
    if image is not None:
        figure.colorbar(image, ax=axes.tolist(), shrink=0.6, aspect=25).ax.tick_params(labelsize=7)
