"""The place of the channels: layers compute on channels last, and honour "channels_first" at their edges."""
from functools import partial

import numpy as np

from mgconv._support.memory import aligned_empty
from mgconv.layers.base import Bound


def check_data_format(data_format):
    """`data_format`, "channels_last" if it is None; ValueError if it is anything but that or "channels_first"."""
    if data_format not in (None, "channels_last", "channels_first"):
        raise ValueError('`data_format` must be "channels_last" or "channels_first". '
                         f"Received: data_format={data_format!r}.")
    return data_format or "channels_last"


def check_spatial(layer, input_shape, rank, data_format):
    """Raise ValueError unless `input_shape` has a batch, `rank` spatial axes and channels, all known but the batch."""
    spatial = ("steps",) if rank == 1 else ("rows", "cols")
    axes = (*spatial, "channels") if data_format == "channels_last" else ("channels", *spatial)
    if len(input_shape) != rank + 2 or any(size is None for size in input_shape[1:]):
        raise ValueError(f"the input of {type(layer).__name__} must have shape (batch, {', '.join(axes)}), with all "
                         f"sizes known but the batch. Received: {tuple(input_shape)}.")


def channels_last_shape(shape, data_format, back=False):
    """`shape` in `data_format` with the channels moved last; or `back`, from there to `data_format`."""
    if data_format == "channels_last":
        return tuple(shape)
    return (shape[0], shape[-1], *shape[1:-1]) if back else (shape[0], *shape[2:], shape[1])


def channels_last_edge(bind, x, dx, training):
    """Bind by `bind`, which works on channels last, to channels-first arrays: a copy at each edge."""
    inner_x = aligned_empty(np.moveaxis(x, 1, -1).shape, x.dtype)
    inner_dx = None if dx is None else aligned_empty(inner_x.shape, x.dtype)
    inner = bind(inner_x, inner_dx, training)
    y = aligned_empty(np.moveaxis(inner.y, -1, 1).shape, x.dtype)
    forward = [partial(np.copyto, inner_x, np.moveaxis(x, 1, -1)), *inner.forward,
               partial(np.copyto, y, np.moveaxis(inner.y, -1, 1))]
    if inner.dy is None:
        return Bound(y, None, forward, [])
    dy = aligned_empty(y.shape, x.dtype)
    backward = [partial(np.copyto, inner.dy, np.moveaxis(dy, 1, -1)), *inner.backward]
    if dx is not None and inner_dx is not None:
        backward.append(partial(np.copyto, dx, np.moveaxis(inner_dx, -1, 1)))
    return Bound(y, dy, forward, backward)
