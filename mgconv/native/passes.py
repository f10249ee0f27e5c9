"""What follows from a geometry alone: the correlations that a convolution and its gradients are made of.

An axis is (size, taps, dilation, stride, start, outputs), sometimes with the step of the result behind it; a pass is
what mgconv.native.correlation.Correlation takes, without the dtype. All steps are in elements.

The gradient to the input is itself a correlation, of dy with the kernel turned by 180 degrees and its channels and
filters exchanged. With stride s it falls into one such correlation for each residue of the input position mod s:
input i meets tap k where i + p - k*d = s*o, so with g = gcd(s, d) the taps of one residue are every (s/g)-th, their
outputs lie d/g apart, and the positions of a residue are s apart in dx.
"""
import math


def forward_pass(geometry):
    """The convolution itself. Its first six values are also what KernelGradient takes."""
    (rows, first_row), (columns, first_column) = axes(geometry)
    channels, filters = geometry.kernel_shape[-2:]
    steps = kernel_steps(geometry)
    y_row = columns[5] * filters
    return (geometry.input_shape[0], (*rows, y_row), (*columns, filters), geometry.groups, channels,
            filters // geometry.groups, rows[5] * y_row, 0, steps, first_row * steps[0] + first_column * steps[1])


def input_passes(geometry):
    """The correlations that make up the gradient to the input: each writes positions of its own."""
    (rows, first_row), (columns, first_column) = axes(geometry)
    channels, filters = geometry.kernel_shape[-2:]
    groups, steps = geometry.groups, kernel_steps(geometry)
    position, row = groups * channels, columns[0] * groups * channels
    first = first_row * steps[0] + first_column * steps[1]
    return [(geometry.input_shape[0], phase_rows, phase_columns, groups, filters // groups, channels, rows[0] * row,
             row_offset + column_offset, (row_tap * steps[0], column_tap * steps[1], 1, filters, filters // groups),
             first + row_from * steps[0] + column_from * steps[1])
            for phase_rows, row_offset, row_tap, row_from in phases(rows, row)
            for phase_columns, column_offset, column_tap, column_from in phases(columns, position)]


def leaves_gaps(geometry):
    """Whether no tap reaches some inputs."""
    (rows, _), (columns, _) = axes(geometry)
    reached = len(phases(rows, 1)) * len(phases(columns, 1))
    return reached < min(rows[3], rows[0]) * min(columns[3], columns[0])


def used_taps(geometry):
    """The slices of the kernel that hold the taps that meet an input."""
    return tuple([slice(first, first + axis[1]) for axis, first in axes(geometry)[2 - geometry.rank:]])


def kernel_steps(geometry):
    """Steps of the kernel for rows, columns, channels, filters and groups."""
    channels, filters = geometry.kernel_shape[-2:]
    return (geometry.kernel_shape[-3] * channels * filters, channels * filters, filters, 1,
            filters // geometry.groups)


def axes(geometry):
    """Rows and columns as axes of the taps that meet an input, and how many taps come before these; a 1-D geometry has
    one row."""
    found = [reaching(size, taps, rate, stride, -before, out) for size, taps, rate, stride, (before, _), out in zip(
        geometry.input_shape[1:1 + geometry.rank], geometry.kernel_shape, geometry.dilation_rate, geometry.strides,
        geometry.pads, geometry.output_shape[1:])]
    return found if geometry.rank == 2 else [((1, 1, 1, 1, 0, 1), 0), *found]


def reaching(size, taps, dilation, stride, start, out):
    """An axis without the taps at its ends that meet padding at every output (one tap stays), and how many came before
    the others. Far dilated taps would cost as much scratch memory as the padding that they meet."""
    first = min(max(-((start + (out - 1) * stride) // dilation), 0), taps - 1)
    end = max(min(-((start - size) // dilation), taps), first + 1)
    return (size, end - first, dilation, stride, start + first * dilation, out), first


def phases(axis, step):
    """The input gradient's correlations along one axis: for each residue that a tap reaches its axis (with the step in
    dx), its offset in dx, the step between its taps (backwards) and its first tap; `step` is that of the whole dx."""
    size, taps, dilation, stride, start, out = axis
    common = math.gcd(stride, dilation)
    every = stride // common
    found = []
    for first in range(min(taps, every)):
        # The tap k meets position i at output (i - start - k*dilation) / stride.
        residue = (start + first * dilation) % stride         # positions residue, residue + stride, ...
        if residue >= size:
            continue
        count = -(-(size - residue) // stride)
        last = first + (taps - 1 - first) // every * every
        found.append(((out, (last - first) // every + 1, dilation // common, 1,
                       (residue - start - last * dilation) // stride, count, stride * step),
                      residue * step, -every, last))
    return found


def merge_positions(batch, rows, columns, y_image):
    """One long row of positions where every output position is an input position, as in Dense and 1x1 convolution."""
    def plain(axis):
        size, taps, _, stride, start, out, _ = axis
        return taps == 1 and stride == 1 and start == 0 and size == out

    if plain(columns):
        if plain(rows) and rows[6] == columns[6] * columns[5]:
            n = rows[0] * columns[0]
            rows, columns = (1, 1, 1, 1, 0, 1, 0), (n, 1, 1, 1, 0, n, columns[6])
        if rows[0] == rows[5] == 1 and plain(rows) and (y_image == columns[6] * columns[5] or batch == 1):
            n = batch * columns[0]
            columns, batch = (n, 1, 1, 1, 0, n, columns[6]), 1
    return rows, columns, batch
