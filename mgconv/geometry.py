"""Convolution geometry: where an output position takes its input from, in 1-D and 2-D. No array library is needed here.

With stride s, dilation rate d and p zeros before the input, output position o meets kernel entry k at input position

    i = o * s - p + k * d        (outside 0 <= i < n the input counts as zero)

and a kernel of size m spans (m - 1) * d + 1 positions.
"""
import itertools
import math
import operator
from dataclasses import dataclass
from typing import NamedTuple

from mgconv._support.checks import integers, per_axis

# Sizes are multiplied to bytes in C; whatever stays below this cannot overflow there.
LARGEST_SIZE = 2**48


@dataclass(frozen=True, slots=True)
class ConvGeometry:
    """All sizes of one convolution; made by `conv_geometry`, which validates them.

    Attributes
    ----------
    rank : int
        Number of spatial axes, 1 or 2.
    input_shape, output_shape : tuple of int
        (batch, \\*spatial, channels).
    kernel_shape : tuple of int
        (\\*spatial, input channels of one group, filters).
    strides, dilation_rate : tuple of int
        One for each spatial axis.
    pads : tuple of (int, int)
        Zeros before and after each spatial axis.
    groups : int
        Input channels and filters are cut into this many independent groups.
    """

    rank: int
    input_shape: tuple[int, ...]
    kernel_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    strides: tuple[int, ...]
    dilation_rate: tuple[int, ...]
    pads: tuple[tuple[int, int], ...]
    groups: int


def conv_geometry(input_shape, kernel_shape, strides=1, padding="valid", dilation_rate=1):
    """Check the shapes of a convolution and work out the rest.

    Parameters
    ----------
    input_shape : sequence of int
        (batch, steps, channels) or (batch, rows, cols, channels); the batch may be 0.
    kernel_shape : sequence of int
        (\\*spatial, channels / groups, filters).
    strides, dilation_rate : int or sequence of int
        For all spatial axes, or for each.
    padding : str or sequence
        "valid" (none), "same" (output size = ceil(input size / stride), the odd zero behind, as in Keras), "causal"
        (1-D: all zeros before), "full" (every overlap), or explicit zeros: a (before, after) pair for each spatial
        axis; a single pair serves 1-D.

    Returns
    -------
    ConvGeometry

    Raises
    ------
    ValueError
        If a size is not positive, the shapes do not fit, or no output would be left.
    TypeError
        If a size is no integer.

    Examples
    --------
    >>> from mgconv.geometry import conv_geometry
    >>> conv_geometry((32, 64, 1), (5, 1, 16), strides=2, padding="same").output_shape
    (32, 32, 16)
    >>> conv_geometry((8, 28, 28, 3), (3, 3, 3, 16), padding="full").pads
    ((2, 2), (2, 2))
    """
    input_shape = integers("input_shape", input_shape)
    kernel_shape = integers("kernel_shape", kernel_shape)
    if len(input_shape) not in (3, 4):
        raise ValueError("The input must have rank 3 (batch, steps, channels) or 4 (batch, rows, cols, channels). "
                         f"Received: input_shape={input_shape}.")
    rank = len(input_shape) - 2
    if len(kernel_shape) != rank + 2:
        raise ValueError(f"`kernel` must have rank {rank + 2} beside an input of rank {rank + 2}. "
                         f"Received: kernel_shape={kernel_shape}.")
    if input_shape[0] < 0 or min(input_shape[1:]) < 1:
        raise ValueError("Every size of the input must be positive (the batch may be 0). "
                         f"Received: input_shape={input_shape}.")
    if min(kernel_shape) < 1:
        raise ValueError(f"Every size of `kernel` must be positive. Received: kernel_shape={kernel_shape}.")
    channels, (group_channels, filters) = input_shape[-1], kernel_shape[-2:]
    if channels % group_channels:
        raise ValueError("The input's channels must be a multiple of the kernel's (kernel_shape[-2]). "
                         f"Received: input_shape={input_shape}, kernel_shape={kernel_shape}.")
    groups = channels // group_channels
    if filters % groups:
        raise ValueError(f"The filters must be a multiple of the groups, channels / kernel_shape[-2] = {groups}. "
                         f"Received: input_shape={input_shape}, kernel_shape={kernel_shape}.")
    strides = per_axis("strides", strides, rank)
    dilation_rate = per_axis("dilation_rate", dilation_rate, rank)
    spans = [(size - 1) * rate + 1 for size, rate in zip(kernel_shape, dilation_rate)]
    pads = _pads(padding, input_shape[1:-1], spans, strides)
    spatial = tuple((size + before + after - span) // stride + 1 if size + before + after >= span else 0
                    for size, (before, after), span, stride in zip(input_shape[1:], pads, spans, strides))
    if min(spatial) < 1:
        raise ValueError("Computed output size would be zero or negative. The dilated kernel must not be longer "
                         "than the padded input. "
                         f"Received: input_shape={input_shape}, kernel_shape={kernel_shape}, strides={strides}, "
                         f"padding={padding!r}, dilation_rate={dilation_rate}.")
    output_shape = (input_shape[0], *spatial, filters)
    padded = [size + before + after for size, (before, after) in zip(input_shape[1:], pads)]
    for sizes in (input_shape, kernel_shape, output_shape, (*padded, channels), spans, strides):
        if math.prod(max(size, 1) for size in sizes) > LARGEST_SIZE:
            raise ValueError("The sizes of a convolution must stay below 2**48 in all. "
                             f"Received: input_shape={input_shape}, kernel_shape={kernel_shape}, strides={strides}, "
                             f"padding={padding!r}, dilation_rate={dilation_rate}.")
    return ConvGeometry(rank, input_shape, kernel_shape, output_shape, strides, dilation_rate, pads, groups)


def pool_geometry(input_shape, pool_size, strides, padding):
    """The geometry of windows for each channel by itself: that of a convolution with as many groups as channels.

    `strides` are those of the windows, or None for `pool_size`; `padding` is "valid" or "same".
    """
    rank = len(input_shape) - 2
    if rank not in (1, 2):
        raise ValueError("The input must have rank 3 (batch, steps, channels) or 4 (batch, rows, cols, channels). "
                         f"Received: input_shape={input_shape}.")
    if not isinstance(padding, str) or padding not in ("valid", "same"):
        raise ValueError(f'`padding` must be "valid" or "same". Received: padding={padding!r}.')
    pool_size = per_axis("pool_size", pool_size, rank)
    if padding == "valid" and any(window > size > 0 for window, size in zip(pool_size, input_shape[1:])):
        raise ValueError('A window must not be larger than the input unless `padding="same"`. '
                         f"Received: pool_size={pool_size}, input_shape={input_shape}.")
    return conv_geometry(input_shape, (*pool_size, 1, input_shape[-1]), pool_size if strides is None else strides,
                         padding)


def transposed_geometry(input_shape, kernel_shape, strides, padding, output_padding, dilation_rate):
    """The geometry of the convolution that a transposed one turns round: its input is the transposed one's result.

    `input_shape` and `kernel_shape`, (\\*spatial, filters, channels), are those of the transposed convolution; see
    mgconv/ops/transposed.py.
    """
    if len(kernel_shape) != len(input_shape) or kernel_shape[-1] != input_shape[-1]:
        raise ValueError("`kernel` must have the shape (*spatial, filters, channels). "
                         f"Received: kernel_shape={kernel_shape} beside an input of shape {input_shape}.")
    # The full convolution's geometry checks the settings and gives them for each axis.
    full = conv_geometry(input_shape, (*kernel_shape[:-2], kernel_shape[-1], kernel_shape[-2]), strides, "full",
                         dilation_rate)
    extras = _extras(output_padding, full.strides)
    crops = [padding] * full.rank if isinstance(padding, str) else \
        conv_geometry(input_shape, (*(1,) * full.rank, input_shape[-1], 1), 1, padding).pads
    sizes, pads = [], []
    for size, taps, stride, rate, crop, extra in zip(input_shape[1:-1], kernel_shape, full.strides,
                                                     full.dilation_rate, crops, extras):
        span = (taps - 1) * rate + 1
        before, length = _crop(size, span, stride, crop, extra)
        if length < 1:
            raise ValueError("Computed output size would be zero or negative. `padding` cuts off all of it. "
                                 f"Received: padding={padding!r}.")
        sizes.append(length)
        pads.append((before, max((size - 1) * stride + span - before - length, 0)))
    return conv_geometry((input_shape[0], *sizes, kernel_shape[-2]), kernel_shape, strides, pads, dilation_rate)


def _crop(size, span, stride, padding, extra):
    """Outputs cut off before, and outputs left."""
    if padding == "valid":
        return 0, (size - 1) * stride + (max(span, stride) if extra is None else span + extra)
    if padding == "same":
        if extra is None:
            return max(span - stride, 0) // 2, size * stride
        return max((span - span % 2 - extra) // 2, 0), (size - 1) * stride + span % 2 + extra
    if isinstance(padding, str):
        raise ValueError('`padding` must be "valid", "same" or a (before, after) pair for each axis. '
                         f"Received: padding={padding!r}.")
    return padding[0], (size - 1) * stride + span - sum(padding) + (extra or 0)


def _extras(output_padding, strides):
    """`output_padding` for each axis."""
    if output_padding is None:
        return (None,) * len(strides)
    try:
        extras = (operator.index(output_padding),) * len(strides)
    except TypeError:
        extras = integers("output_padding", output_padding)
    if len(extras) != len(strides) or any(extra < 0 or extra >= stride for extra, stride in zip(extras, strides)):
        raise ValueError("`output_padding` must be strictly less than `strides` for all dimensions, and not negative. "
                         f"Received: output_padding={output_padding!r}, strides={strides}.")
    return extras


class Reached(NamedTuple):
    """One meeting of an input with an output position, both counted from 0, and the kernel entry through which."""

    position: tuple[int, ...]
    kernel: tuple[int, ...]


def contributions(position, input_shape, kernel_shape, strides=1, padding="valid", dilation_rate=1):
    """Which outputs one input position contributes to, and through which kernel entries.

    Parameters
    ----------
    position : int or tuple of int
        Over the spatial axes, counted from 0.
    input_shape, kernel_shape : int or sequence of int
        The spatial sizes, as (10, 10) and (3, 3), or whole shapes as `conv_geometry` takes them.
    strides, padding, dilation_rate
        As in `conv_geometry`.

    Returns
    -------
    list of Reached
        ``(position, kernel)`` for each output position that the input reaches, in their order. Without strides an inner
        position reaches as many outputs as the kernel has entries, through the kernel turned by 180 degrees.

    Raises
    ------
    ValueError
        If the position lies outside the input, or the geometry is impossible.
    TypeError
        If a number is no integer.

    Examples
    --------
    >>> from mgconv.geometry import contributions
    >>> [(reached.position, reached.kernel) for reached in contributions((0, 0), (10, 10), (3, 3))]
    [((0, 0), (0, 0))]
    >>> [reached.kernel for reached in contributions((4, 1), (10, 10), (3, 3))]
    [(2, 1), (2, 0), (1, 1), (1, 0), (0, 1), (0, 0)]
    """
    g = spatial_geometry(input_shape, kernel_shape, strides, padding, dilation_rate)
    position = _position("position", position, g.input_shape[1:-1])
    axes = []
    for i, outputs, taps, stride, rate, (before, _) in zip(position, g.output_shape[1:-1], g.kernel_shape, g.strides,
                                                           g.dilation_rate, g.pads):
        starts = [(i + before - k * rate, k) for k in reversed(range(taps))]        # o * s = i + p - k * d
        axes.append([(start // stride, k) for start, k in starts
                     if start % stride == 0 and 0 <= start // stride < outputs])
    return _product(axes)


def receptive_field(output_position, input_shape, kernel_shape, strides=1, padding="valid", dilation_rate=1):
    """Which inputs one output position sees, and through which kernel entries: the reverse of `contributions`.

    Parameters
    ----------
    output_position : int or tuple of int
        Over the spatial axes, counted from 0.
    input_shape, kernel_shape, strides, padding, dilation_rate
        As in `contributions`.

    Returns
    -------
    list of Reached
        ``(position, kernel)`` for each input position, padding left out, in their order.

    Raises
    ------
    ValueError
        If the position lies outside the output, or the geometry is impossible.
    TypeError
        If a number is no integer.

    Examples
    --------
    >>> from mgconv.geometry import receptive_field
    >>> [(seen.position, seen.kernel) for seen in receptive_field(0, 10, 3, padding="same", dilation_rate=2)]
    [((0,), (1,)), ((2,), (2,))]
    """
    g = spatial_geometry(input_shape, kernel_shape, strides, padding, dilation_rate)
    position = _position("output_position", output_position, g.output_shape[1:-1])
    axes = []
    for o, inputs, taps, stride, rate, (before, _) in zip(position, g.input_shape[1:-1], g.kernel_shape, g.strides,
                                                          g.dilation_rate, g.pads):
        seen = [(o * stride - before + k * rate, k) for k in range(taps)]
        axes.append([(i, k) for i, k in seen if 0 <= i < inputs])
    return _product(axes)


def _product(axes):
    return [Reached(*zip(*pairs)) for pairs in itertools.product(*axes)]


def spatial_geometry(input_shape, kernel_shape, strides, padding, dilation_rate):
    """`conv_geometry` of whole shapes, or of spatial sizes as those of one map and one filter."""
    input_shape, kernel_shape = _one_or_more("input_shape", input_shape), _one_or_more("kernel_shape", kernel_shape)
    if len(input_shape) <= 2:
        input_shape, kernel_shape = (1, *input_shape, 1), (*kernel_shape, 1, 1)
    return conv_geometry(input_shape, kernel_shape, strides, padding, dilation_rate)


def _position(name, value, sizes):
    position = _one_or_more(name, value)
    if len(position) != len(sizes) or not all(0 <= at < size for at, size in zip(position, sizes)):
        raise ValueError(f"`{name}` must lie within the {len(sizes)} spatial axes {tuple(sizes)}, counted from 0. "
                         f"Received: {name}={value!r}.")
    return position


def _one_or_more(name, value):
    try:
        return (operator.index(value),)
    except TypeError:                 # also of an array of one axis
        return integers(name, value)


def _pads(padding, sizes, spans, strides):
    if not isinstance(padding, str):
        return _explicit_pads(padding, len(sizes))
    if padding == "valid":
        return ((0, 0),) * len(sizes)
    if padding == "full":
        return tuple((span - 1, span - 1) for span in spans)
    if padding == "causal":
        if len(sizes) != 1:
            raise ValueError('`padding="causal"` is defined for 1-D convolution only. '
                             f"Received: {len(sizes)} spatial axes.")
        return ((spans[0] - 1, 0),)
    if padding == "same":
        totals = [max((-(-size // stride) - 1) * stride + span - size, 0)
                  for size, span, stride in zip(sizes, spans, strides)]
        return tuple((total // 2, total - total // 2) for total in totals)
    raise ValueError('`padding` must be "valid", "same", "causal", "full" or a (before, after) pair for each axis. '
                     f"Received: padding={padding!r}.")


def _explicit_pads(padding, rank):
    try:
        pairs = [padding] if rank == 1 and not hasattr(padding[0], "__len__") else padding
        pairs = tuple(integers("padding", pair) for pair in pairs)
    except (TypeError, IndexError, KeyError):
        raise TypeError("Explicit `padding` must be a (before, after) pair of integers for each spatial axis. "
                        f"Received: padding={padding!r}.") from None
    if len(pairs) != rank or any(len(pair) != 2 or min(pair) < 0 for pair in pairs):
        raise ValueError(f"Explicit `padding` must be {rank} (before, after) pair(s), none negative. "
                         f"Received: padding={padding!r}.")
    return pairs
