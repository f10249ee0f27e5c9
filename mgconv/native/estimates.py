"""What each algorithm has to do for an operation, as a tuple of terms: how often it does what takes time.

mgconv.native.costs has the nanoseconds of each term on several processors, fitted by tools/fit_costs.py; an estimate is the sum
of their products. A step is one multiply-add of vectors. Every first term is 1, the cost of a call.
"""
import math

from mgconv.native.winograd import row_points

LARGEST_SPECTRUM = 40 << 20           # bytes of transformed taps that a plan may need
OWN_CACHE = 1 << 20
SHARED_CACHE = 8 << 20                # from here on transformed taps come from far away
MANY_TAPS = 8                         # of a row, that repay adding up lanes of channels; two rows at a time always do
LOW = 8                               # maps narrower than this have tiles along the images
HIGH = 12                             # rows of a tile
SHORT_RUN = 8
CHUNK_BYTES = 16 * 1024
LATENCY = 8                           # steps that a processor can begin before the first one's result is there


def roles(geometry, operation):
    """Positions, channels that are summed and filters that lie in the lanes."""
    channels, filters = geometry.kernel_shape[-2:]
    if operation == "grad_input":
        return geometry.input_shape[:geometry.rank + 1], filters, channels
    return geometry.output_shape[:geometry.rank + 1], channels, filters


def far_lines(geometry, size):
    """Of 64 bytes, of arrays that the own cache does not hold."""
    count = (math.prod(geometry.input_shape) + math.prod(geometry.output_shape)) * size
    return count / 64 if count > OWN_CACHE else 0


def met(geometry, axis):
    """How many pairs of an output and a tap along one axis meet an input."""
    size, outputs = geometry.input_shape[1 + axis], geometry.output_shape[1 + axis]
    stride, rate, before = geometry.strides[axis], geometry.dilation_rate[axis], geometry.pads[axis][0]
    starts = [tap * rate - before for tap in range(geometry.kernel_shape[axis])]
    return sum(max(min(outputs, (size - 1 - start) // stride + 1) - max(-(start // stride), 0), 0) for start in starts)


def direct(operation, lanes, size, geometry):
    """Plain sums. What does not fill the lanes with filters fills them with taps, whose sums are then added up for each
    output, with neighbouring positions of a single channel, or with all channels of a single filter.

    In 2-D, taps in the padding are left out along the rows, and along the columns where tiles do not lie along them. An
    input meets every stride-th tap. Lines shorter than the latency of a step cost as much as longer ones.
    """
    (batch, *sizes), channels, filters = roles(geometry, operation)
    entries, positions = math.prod(geometry.kernel_shape), batch * math.prod(sizes)
    stride = math.prod(geometry.strides) if operation == "grad_input" else 1
    if operation == "grad_input":
        positions *= math.prod([min(count / step, 1) for count, step in zip(geometry.kernel_shape, geometry.strides)])
    taps = [-(-count // step) if operation == "grad_input" else count
            for count, step in zip(geometry.kernel_shape, geometry.strides)]
    long = -(-sizes[-1] // geometry.strides[-1]) if operation == "grad_input" else sizes[-1]
    across = not (long < LOW and batch >= 2 * long)            # tiles lie along the rows, not along the images
    long = long if across else batch
    lines = positions / long
    pairs = batch * math.prod(sizes) * math.prod(geometry.kernel_shape[:geometry.rank]) / stride
    if geometry.rank == 2:
        columns = geometry.strides[1] if operation == "grad_input" else 1
        pairs = batch * met(geometry, 0) * (sizes[1] * geometry.kernel_shape[1] / columns if across or operation == "grad_kernel" else met(geometry, 1))
    crossing = taps[-1] > 1 and geometry.dilation_rate[-1] == 1        # neighbouring taps lie side by side
    run = channels * taps[-1] if crossing else channels
    if operation == "grad_kernel":
        return outer(geometry, lanes, size, pairs, lines, crossing)
    whole, rest = divmod(filters, lanes)
    near = adding = joined = parted = added = 0.0
    steps, stored, panels = pairs * channels * whole, positions * whole, -(-whole // 2)
    if channels == filters == stride == 1 < lanes and geometry.strides[-1] == 1 and across:
        vectors = -(-long // lanes) / long
        near, stored, panels = pairs * vectors, positions * vectors, 1
    elif (filters == stride == 1 and channels % lanes == 0 and across
          and (taps[-1] >= MANY_TAPS or geometry.rank == 2 and taps[0] > 1 < taps[1])):
        joined, added, panels = pairs * channels / lanes, positions, 1
    elif rest:
        together = taps_together(run, rest, lanes)
        panels += 1
        if together > 1:
            parted, adding = pairs / (run / channels) * (run // together + run % together), positions
        else:
            steps, stored = steps + pairs * channels, stored + positions
    apart = positions if stride > 1 and filters < lanes else 0
    packed = entries / filters * (filters - rest if parted else filters)
    turned = operation == "grad_input"
    return (1, 0 if turned else packed, packed if turned else 0, 0 if turned else entries - packed, entries - packed if turned else 0,
            steps, near, parted, adding, joined, added, stored, apart, lines * panels, lines * panels * taps[0], far_lines(geometry, size))


def taps_together(run, filters, lanes):
    """How many taps lie in the lanes beside one another."""
    most = lanes // (1 << (filters - 1).bit_length())
    return min([1 << e for e in range(most.bit_length())], key=lambda q: run // q + run % q, default=1)


def outer(geometry, lanes, size, pairs, lines, crossing):
    """The gradient to the kernel: filters in the lanes and each channel of each tap beside them, or the other way round."""
    *taps, channels, filters = geometry.kernel_shape
    entries, count, positions = math.prod(geometry.kernel_shape), math.prod(taps), math.prod(geometry.output_shape[:-1])
    padded = any(map(any, geometry.pads))
    trimmed = padded and channels >= (2 * lanes if crossing else SHORT_RUN)
    run = channels * taps[-1] if crossing and not trimmed else channels
    runs = count * channels // run
    share = pairs / (positions * count)
    tabled = run < SHORT_RUN and runs > 1 and not trimmed
    normal_tiles = -(-filters // (2 * lanes)) * (-(-count * channels // HIGH) if tabled else runs * -(-run // HIGH))
    normal = max(count * channels * -(-filters // lanes), LATENCY * normal_tiles)
    turned_tiles = runs * -(-run // (3 * lanes)) * -(-filters // HIGH)
    turned = max(runs * -(-run // lanes) * filters, LATENCY * turned_tiles)
    swapped = turned < 0.9 * normal
    work, tiles = (turned, turned_tiles) if swapped else (normal, normal_tiles)
    work *= positions * share
    copied = positions * channels if padded and not trimmed else 0
    return (1, entries, 0 if tabled and not swapped else work, work if tabled and not swapped else 0, share * lines * tiles,
            entries if swapped else 0, entries / filters if swapped else 0, copied, far_lines(geometry, size))


def winograd(operation, lanes, size, geometry, axis, points, run, both):
    """A step at each place of a tile, the transforms of its inputs and outputs, in whole vectors and in parts of one, and
    the taps' ("frozen": done before)."""
    (batch, *sizes), channels, filters = roles(geometry, operation)
    rate, taps, places = geometry.dilation_rate[axis], geometry.kernel_shape[axis], points
    sizes[axis] = rate * -(-sizes[axis] // (rate * (points + 1 - run)))
    others, parts = math.prod(geometry.kernel_shape[:-2]) // taps, -(-taps // run)
    if both:
        rows = row_points(size)
        sizes[1 - axis], others, places = -(-sizes[1 - axis] // (rows - 2)), 1, rows * points
    long = sizes[1 - axis] if geometry.rank == 2 and not both else batch * math.prod(sizes)
    moved, (whole, rest) = batch * math.prod(sizes) * places, divmod(filters, lanes)
    rest, part, taps = rest > 0, channels % lanes > 0, others * parts * channels
    if places * taps * (whole + rest) * lanes * size > LARGEST_SPECTRUM:
        return None
    kernels = 0 if operation == "frozen" else places * taps
    return (1, moved * taps * whole, moved * taps * rest, moved * parts * (channels // lanes), moved * parts * part,
            moved * whole, moved * rest, moved * others * whole, moved * others * rest, kernels * whole, kernels * rest,
            moved / long * others * parts * (whole + rest))


def fft(operation, lanes, size, geometry, log2n):
    """Moving signals in and out, transforming columns of them and of the taps, products at each frequency with taps that
    are near or far, and gathering the taps."""
    (batch, outputs), channels, filters = roles(geometry, operation)
    taps, n = geometry.kernel_shape[0], 1 << log2n
    pairs = batch * -(-outputs // (2 * (n - taps + 1)))
    whole, rest = channels // lanes + filters // lanes, (channels % lanes > 0) + (filters % lanes > 0)

    def columns(rows, width):
        return -(-rows // (lanes // width)) if width < lanes else rows * -(-width // lanes)
    spectrum = columns(channels, filters) * n * 2 * lanes * size
    if spectrum > LARGEST_SPECTRUM:
        return None
    far = (spectrum > OWN_CACHE) + (spectrum > SHARED_CACHE)
    products = n * pairs * channels
    wide, part = filters // lanes, filters % lanes > 0
    return (1, n * pairs * whole, n * pairs * rest, n * log2n * (columns(pairs, channels) + columns(pairs, filters)),
            2**far * n * log2n * columns(channels, filters), 0 if far else products * wide, 0 if far else products * part,
            products * (wide + part) if far else 0, taps * channels * filters, n * channels * (wide + part), far_lines(geometry, size))


def scatter(operation, lanes, size, geometry):
    """Products with the kernel's entries in the lanes, and all of them added up, run by run: vectors, then the rest."""
    *taps, channels, filters = geometry.kernel_shape
    entries, run = math.prod(taps) * channels, channels * (taps[-1] if geometry.dilation_rate[-1] == 1 else 1)
    full, rest = divmod(entries, lanes)
    vectors = full + (1 << (rest - 1).bit_length()) / lanes if rest else full
    positions, runs, long = math.prod(geometry.output_shape[:-1]), entries // run, geometry.output_shape[-2]
    chunk = min(max(CHUNK_BYTES // (entries * size), 16), long)
    chunks = positions / chunk
    slow = max(1, LATENCY / (chunk * min(vectors, 2)))
    return (1, entries * filters, positions * filters * vectors * slow, positions * vectors, positions * runs * (run // lanes),
            positions * runs * (run % lanes > 0), positions * runs * (run % lanes), chunks, chunks * runs,
            positions * runs if geometry.strides[-1] * channels < run else 0, far_lines(geometry, size))
