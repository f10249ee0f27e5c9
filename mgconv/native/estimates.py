"""What each algorithm has to do for an operation, by name: how often it does what takes time.

mgconv.native.costs has the nanoseconds of each on several processors, fitted by tools/fit_costs.py; an estimate is the
sum of their products. A "step" is one multiply-add of vectors, a "part" a vector that is not full, which some sets of
instructions load and store number by number. Nothing but time follows from what is counted here. The operations are
"forward", "grad_input", "grad_kernel" and "frozen": forward with a kernel that was prepared before, nothing to check.
"""
import math

from mgconv.native.winograd import row_points

LARGEST_SPECTRUM = 40 << 20           # bytes of transformed taps that a plan may need
OWN_CACHE = 1 << 20                   # bytes that a core finds near,
SHARED_CACHE = 8 << 20                # and not far away
MANY_TAPS = 8                         # of a row, that repay adding up lanes of channels; two rows at a time always do
LOW = 8                               # maps of fewer columns have tiles along the images
HIGH = 12                             # of a tile, beside the lanes
SHORT_RUN = 8                         # gradients to the kernel collect runs of fewer channels from a table
LATENCY = 4                           # steps that begin before the result of the first one is there
CHUNK_BYTES = 16 * 1024               # of products that are scattered


def roles(geometry, operation):
    """Positions of the result, channels that are summed and filters that lie in the lanes."""
    channels, filters = geometry.kernel_shape[-2:]
    if operation == "grad_input":
        return geometry.input_shape[:-1], filters, channels
    return geometry.output_shape[:-1], channels, filters


def far_lines(geometry, size):
    """Cache lines of x and y if the core's own cache does not hold them."""
    count = (math.prod(geometry.input_shape) + math.prod(geometry.output_shape)) * size
    return count // 64 if count > OWN_CACHE else 0


def met(geometry, axis):
    """How many pairs of an output and a tap along one axis meet an input."""
    size, outputs = geometry.input_shape[1 + axis], geometry.output_shape[1 + axis]
    stride, rate, before = geometry.strides[axis], geometry.dilation_rate[axis], geometry.pads[axis][0]
    starts = [tap * rate - before for tap in range(geometry.kernel_shape[axis])]
    return sum([max(min(outputs, (size - 1 - start) // stride + 1) - max(-(start // stride), 0), 0)
                for start in starts])


def lay(filters, run, lanes):
    """Vectors of filters, which each of a run of neighbouring inputs meets; steps for those filters that share a vector
    with several inputs, whose sums must be added up, where that leaves fewer lanes idle; and the filters that do."""
    whole, rest = divmod(filters, lanes)
    together = 1
    if rest:
        most = lanes // (1 << (rest - 1).bit_length())
        together = min([1 << e for e in range(most.bit_length())], key=lambda q: run // q + run % q)
    return (whole, run // together + run % together, rest) if together > 1 else (whole + (rest > 0), 0, 0)


def direct(operation, lanes, size, geometry):
    """Plain sums: mgconv.native.correlation. An input meets every stride-th tap, and with stride every phase is a pass.

    In 2-D, taps in the padding are left out along the rows, and along the columns where tiles lie along the images. The
    lanes hold filters; or neighbouring positions of a single channel ("near"); or all channels of a single filter
    ("joined", two rows of positions "paired", whose taps share what they load unless they lie "apart").
    """
    if operation == "grad_kernel":
        return direct_outer(lanes, size, geometry)
    (batch, *sizes), channels, filters = roles(geometry, operation)
    *taps, _, _ = geometry.kernel_shape
    back, strides = operation == "grad_input", geometry.strides
    phases = strides if back else (1,) * len(sizes)
    positions = batch * math.prod([size * min(count / step, 1) for size, count, step in zip(sizes, taps, phases)])
    across, count = -(-sizes[-1] // phases[-1]), taps[-1] / phases[-1]        # columns, and their taps
    along_images = across < LOW and batch >= 2 * across
    if geometry.rank == 2:
        pairs = batch * met(geometry, 0) * (met(geometry, 1) if along_images else sizes[1] * count)
    else:
        pairs = batch * sizes[0] * count
    lines = positions / (batch if along_images else across)
    rows = -(-taps[0] // phases[0]) if geometry.rank == 2 else 1
    run = channels * max(math.ceil(count), 1) if geometry.dilation_rate[-1] == 1 else channels
    vectors, parted, sharing = lay(filters, run, lanes)
    passes = lines * -(-filters // (2 * lanes))
    found = {"call": operation != "frozen", "lines": passes, "line_taps": passes * rows,
             "far_lines": far_lines(geometry, size)}
    if channels == filters == 1 == math.prod(phases) == strides[-1] and lanes > 1 and not along_images:
        count = pairs / positions * lines
        return found | {"near_stored": across // lanes * lines, "near_steps": count * (across // lanes),
                        "near_parts": count * (across % lanes > 0)}
    if (filters == 1 == math.prod(phases) and channels % lanes == 0 and not along_images
            and (taps[-1] >= MANY_TAPS or (geometry.rank == 2 and min(taps) > 1))):
        apart = strides[-1] > 1 or geometry.dilation_rate[-1] > 1           # else taps share what they load
        paired = geometry.rank == 2 and strides[0] == geometry.dilation_rate[0] == 1
        name = ("paired" if paired else "joined") + ("_apart" if apart else "_steps")
        return found | {"joined_sums": positions, name: pairs * channels / lanes}
    entries = 0 if operation == "frozen" else math.prod(taps) * channels
    ending = "_turned" if back else ""
    return found | {
        "packed" + ending: entries * (filters - sharing), "packed_parts" + ending: entries * sharing,
        "steps": pairs * channels * vectors, "stored": positions * vectors,
        "stored_parts": positions if filters % lanes and not sharing else 0,
        "parted_steps": pairs * channels / run * parted,
        "parted_sums": positions if sharing else 0,
        "apart": positions if back and filters < lanes and math.prod(phases) > 1 else 0}


def direct_outer(lanes, size, geometry):
    """The gradient to the kernel: mgconv.native.kernel_gradient. Filters lie in the lanes and the channels of all taps
    beside them, from a table where these are few, or the other way round ("turned")."""
    *taps, channels, filters = geometry.kernel_shape
    count, positions = math.prod(taps), math.prod(geometry.output_shape[:-1])
    crossing = taps[-1] > 1 and geometry.dilation_rate[-1] == 1        # neighbouring taps lie side by side
    padded = any(map(any, geometry.pads))
    cut = padded and channels >= (2 * lanes if crossing else SHORT_RUN)        # else a copy has the padding's zeros
    run = channels * taps[-1] if crossing and not cut else channels
    runs = count * channels // run
    tabled = run < SHORT_RUN and runs > 1 and not cut
    tiles = -(-filters // (2 * lanes)) * (-(-count * channels // HIGH) if tabled else runs * -(-run // HIGH))
    steps = max(count * channels * -(-filters // lanes), LATENCY * tiles)
    turned_tiles = runs * -(-run // (4 * lanes)) * -(-filters // HIGH)
    turned = max(runs * -(-run // lanes) * filters, LATENCY * turned_tiles)
    found = {"call": 1, "entries": count * channels * filters, "far_lines": far_lines(geometry, size),
             "copied": positions * channels if padded and not cut else 0}
    name = "tabled_steps" if tabled else "steps"
    if turned < 0.9 * steps:
        name, steps, tiles = "steps", turned, turned_tiles
        found |= {"turned_entries": count * channels * filters, "turned_rows": count * channels}
    share = math.prod([met(geometry, axis) / (geometry.output_shape[1 + axis] * taps[axis])
                       for axis in range(geometry.rank) if cut or axis < geometry.rank - 1])
    lines = math.prod(geometry.output_shape[:geometry.rank])
    return found | {name: share * positions * steps, "lines": share * lines * tiles}


def winograd(operation, lanes, size, geometry, axis, points, run, both):
    """A step at each place of a tile, the transforms of its inputs ("in") and outputs ("out", to which each tap along
    the other axis adds), and those of the taps."""
    (batch, *sizes), channels, filters = roles(geometry, operation)
    rate, taps, places = geometry.dilation_rate[axis], geometry.kernel_shape[axis], points
    sizes[axis] = rate * -(-sizes[axis] // (rate * (points + 1 - run)))
    others, parts = math.prod(geometry.kernel_shape[:-2]) // taps, -(-taps // run)
    across = sizes[1 - axis] if geometry.rank == 2 else 0
    edges = min(2 / sizes[axis], 1)
    if both:
        rows = row_points(size)
        sizes[1 - axis], others, places, across = -(-sizes[1 - axis] // (rows - 2)), 1, rows * points, 0
        edges = min(2 / sizes[0] + 2 / sizes[1], 1)
    whole, part = filters // lanes, filters % lanes > 0
    taps, moved = others * parts * channels, batch * math.prod(sizes) * places
    if places * taps * (whole + part) * lanes * size > LARGEST_SPECTRUM:
        return None
    depth = max(channels, LATENCY / (whole + part)) if operation == "grad_kernel" else channels
    kernels = 0 if operation == "frozen" else places * taps
    lines = moved / across if across else places
    return {"call": operation != "frozen", "lines": lines * others * parts * (whole + part),
            "steps": moved * others * parts * depth * whole, "part_steps": moved * others * parts * depth * part,
            "in": moved * parts * (channels // lanes), "in_parts": moved * parts * (channels % lanes > 0),
            "edges": moved * edges * parts * -(-channels // lanes) if any(map(any, geometry.pads)) else 0,
            "out": moved * whole, "out_parts": moved * part, "sums": moved * others * whole,
            "sums_parts": moved * others * part,
            "taps": kernels * whole, "taps_parts": kernels * part}


def fft(operation, lanes, size, geometry, log2n):
    """Signals moved in and out, transforms of columns of them and of the taps, a step for each frequency, channel and
    vector of filters with taps that are near or far, and the taps gathered."""
    (batch, outputs), channels, filters = roles(geometry, operation)
    taps, n = geometry.kernel_shape[0], 1 << log2n
    pairs = batch * -(-outputs // (2 * (n - taps + 1)))
    whole, part = filters // lanes, filters % lanes > 0

    def columns(rows, width):
        return -(-rows // (lanes // width)) if width < lanes else rows * -(-width // lanes)
    spectrum = columns(channels, filters) * n * 2 * lanes * size
    if spectrum > LARGEST_SPECTRUM:
        return None
    far = (spectrum > OWN_CACHE) + (spectrum > SHARED_CACHE)
    steps = n * pairs * channels
    return {"call": 1, "moved": n * pairs * (channels // lanes + whole),
            "moved_parts": n * pairs * ((channels % lanes > 0) + part),
            "butterflies": n * log2n * (columns(pairs, channels) + columns(pairs, filters)),
            "tap_butterflies": 2**far * n * log2n * columns(channels, filters),
            **({"far_steps": steps * (whole + part)} if far else {"steps": steps * whole, "part_steps": steps * part}),
            "entries": taps * channels * filters, "spectrum": n * channels * (whole + part),
            "far_lines": far_lines(geometry, size)}


def scatter(operation, lanes, size, geometry):
    """Products with the kernel's entries in the lanes, and all of them added up, run by run: vectors, then the rest."""
    *taps, channels, filters = geometry.kernel_shape
    entries, run = math.prod(taps) * channels, channels * (taps[-1] if geometry.dilation_rate[-1] == 1 else 1)
    positions, runs = math.prod(geometry.output_shape[:-1]), entries // run
    chunks = positions / min(max(CHUNK_BYTES // (entries * size), 16), geometry.output_shape[-2])
    vectors, parted, sharing = lay(entries, filters, lanes)
    return {"call": 1, "packed": entries * filters, "chunks": chunks, "chunk_runs": chunks * runs,
            "steps": positions * filters * vectors, "stored_parts": positions if entries % lanes and not sharing else 0,
            "parted_steps": positions * parted,
            "parted_sums": positions if sharing else 0, "added": positions * runs * (run // lanes),
            "added_singly": positions * runs * (run % lanes), "far_lines": far_lines(geometry, size)}
