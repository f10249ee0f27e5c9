"""The place of the channels: layers compute on channels last, and honour "channels_first" at their edges."""
from functools import partial

import numpy as np

from mgconv._support.memory import aligned_empty
from mgconv.layers.binding import Bound

SOME_SIZE = {1: 1 << 20, 2: 1 << 14}      # in place of a spatial size that is not known: no window is larger


def check_data_format(data_format):
    """`data_format`, "channels_last" if it is None; ValueError if it is anything but that or "channels_first"."""
    if data_format not in (None, "channels_last", "channels_first"):
        raise ValueError('`data_format` must be "channels_last" or "channels_first". '
                         f"Received: data_format={data_format!r}.")
    return data_format or "channels_last"


def check_axes(layer, input_shape, rank, data_format):
    """The first spatial axis of an input that has a batch, `rank` spatial axes and channels.

    Raises
    ------
    ValueError
        If the axes are others.
    """
    if len(input_shape) != rank + 2:
        raise ValueError(f"the input of {type(layer).__name__} must have shape {_axes(rank, data_format)}. "
                         f"Received: {tuple(input_shape)}.")
    return 1 if data_format == "channels_last" else 2


def spatial_output_shape(layer, input_shape, rank, data_format, output_shape):
    """The output's shape for an input that has a batch, `rank` spatial axes and channels; `output_shape` gives it for
    sizes, channels last. Spatial sizes that are None stay so.

    Raises
    ------
    ValueError
        If the axes are others, or the number of channels is not known.
    """
    check_axes(layer, input_shape, rank, data_format)
    batch, *sizes, channels = channels_last_shape(input_shape, data_format)
    if channels is None:
        raise ValueError(f"the input of {type(layer).__name__} must have shape {_axes(rank, data_format)}, with a "
                         f"known number of channels. Received: {tuple(input_shape)}.")
    output = output_shape((1, *(SOME_SIZE[rank] if size is None else size for size in sizes), channels))
    after = [None if size is None else new for size, new in zip(sizes, output[1:-1], strict=True)]
    return channels_last_shape((batch, *after, output[-1]), data_format, back=True)


def _axes(rank, data_format):
    spatial = ("steps",) if rank == 1 else ("rows", "cols")
    axes = (*spatial, "channels") if data_format == "channels_last" else ("channels", *spatial)
    return f"(batch, {', '.join(axes)})"


def channels_last_shape(shape, data_format, back=False):
    """`shape` in `data_format` with the channels moved last; or `back`, from there to `data_format`."""
    if data_format == "channels_last" or len(shape) < 3:
        return tuple(shape)
    return (shape[0], shape[-1], *shape[1:-1]) if back else (shape[0], *shape[2:], shape[1])


def channels_last_edge(bind, x, dx, training):
    """Bind by `bind`, which works on channels last, to channels-first arrays: a copy at each edge."""
    return transposed_edge(bind, x, dx, training, (0, *range(2, x.ndim), 1))


def transposed_edge(bind, x, dx, training, axes):
    """Bind by `bind`, which works on arrays whose axes are in the order `axes` of those of `x`: a copy at each edge.

    The output must have the axes of the input.
    """
    back = np.argsort(axes)
    inner_x = aligned_empty(x.transpose(axes).shape, x.dtype)
    inner_dx = None if dx is None else aligned_empty(inner_x.shape, x.dtype)
    inner = bind(inner_x, inner_dx, training)           # in its own order
    y = aligned_empty(inner.y.transpose(back).shape, x.dtype)
    forward = [partial(np.copyto, inner_x, x.transpose(axes)), *inner.forward,
               partial(np.copyto, y, inner.y.transpose(back))]
    if inner.dy is None:
        return Bound(y, None, forward, [])
    dy = aligned_empty(y.shape, x.dtype)
    backward = [partial(np.copyto, inner.dy, dy.transpose(axes)), *inner.backward]
    if dx is not None and inner_dx is not None:
        backward.append(partial(np.copyto, dx, inner_dx.transpose(back)))
    return Bound(y, dy, forward, backward)
