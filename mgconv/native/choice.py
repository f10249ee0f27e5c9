"""Which algorithm a plan takes for each operation: by shape, dtype and instruction set alone.

Costs are estimated in multiply-adds of one vector, two of which a core does in a cycle. The constants are fitted to
times of the algorithms over some hundred shapes, float32 and float64, with AVX2 and AVX-512: direct sums and FFT (1-D,
1 to 64 channels, 16 to 256 taps) on Zen 5, Winograd (2 to 128 channels and filters, 2 to 12 taps a row, 8 to 56 pixels
or 120 steps) and scattered gradients on Zen 4. They follow the times within a quarter, scattered gradients within a
half, except where direct sums do badly, so another algorithm is taken only where it promises MARGIN.
"""
import math

from mgconv.geometry import conv_geometry
from mgconv.native import runtime
from mgconv.native.correlation import ScatterConv
from mgconv.native.fft_conv import FFTConv
from mgconv.native.winograd import WinogradConv, row_points

MARGIN = 1.1
OPERATIONS = ("forward", "grad_input", "grad_kernel")
NOTHING = (None, None, None)          # for each of them
LARGEST_SPECTRUM = 40 << 20           # bytes of transformed taps that a plan may need
SHARED_CACHE = 8 << 20                # from here on transformed taps come from far away
OWN_CACHE = 1 << 20
SHORTEST, LONGEST = 4, runtime.FFT_MAX_LOG2      # log2 of an FFT


def choose(geometry, wide, algorithm=None):
    """The algorithms for forward, gradient to the input and gradient to the kernel; None means the direct sums.

    `algorithm` forces one for all three: "direct", "winograd" or "fft", which must serve the geometry. So must
    "scatter", which is for the gradient to the input alone; the others take the direct sums then.
    """
    makers = {"winograd": winograd, "fft": fft, "scatter": scatter}
    if algorithm not in (None, "direct", *makers):
        raise ValueError(f"`algorithm` must be one of direct, {', '.join(makers)}. Received: algorithm={algorithm!r}.")
    if algorithm == "direct" or not geometry.input_shape[0]:
        return NOTHING
    lanes, size = runtime.get_lanes(wide), 8 if wide else 4
    if algorithm is not None:
        offers = makers[algorithm](geometry, lanes, size)
        if offers is None:
            raise ValueError(f"{algorithm!r} does not serve this geometry. Received: {geometry}.")
        return make(offers, wide)
    offered = [maker(geometry, lanes, size) or NOTHING for maker in makers.values()]
    best = [min(filter(None, rivals), default=None, key=lambda offer: offer[0]) for rivals in zip(*offered)]
    return make([offer if offer and offer[0] * MARGIN < direct(geometry, operation, lanes, size) else None
                 for operation, offer in zip(OPERATIONS, best)], wide)


def choose_frozen(geometry, wide):
    """The algorithm for forward passes whose kernel is transformed once for all; None means the direct sums."""
    folded = fold(geometry)
    if not WinogradConv.serves(folded):
        return None
    lanes, size = runtime.get_lanes(wide), 8 if wide else 4
    cost, form = min(((winograd_cost(folded, "frozen", lanes, size, *form), form)
                      for form in winograd_forms(folded, size)), key=lambda offer: offer[0])
    return WinogradConv(folded, wide, *form) if cost * MARGIN < direct(geometry, "forward", lanes, size) else None


def fold(geometry):
    """The same convolution without strides along the last axis, if its sizes allow that: so many neighbouring inputs
    are the channels of one, and the arrays stay as they are."""
    (*rest, size, channels), (*shape, taps, _, filters) = geometry.input_shape, geometry.kernel_shape
    (*strides, stride), (*pads, (before, after)) = geometry.strides, geometry.pads
    if geometry.groups > 1 or geometry.dilation_rate[-1] > 1 or any(n % stride for n in (size, taps, before)):
        return geometry
    width = channels * stride
    return conv_geometry((*rest, size // stride, width), (*shape, taps // stride, width, filters), (*strides, 1),
                         (*pads, (before // stride, after // stride)), geometry.dilation_rate)


def make(offers, wide):
    """Algorithms from (cost, class, arguments); equal ones are made once."""
    made = {}
    for offer in offers:
        if offer is not None and offer[1:] not in made:
            made[offer[1:]] = offer[1](offer[2], wide, *offer[3:])
    return tuple([None if offer is None else made[offer[1:]] for offer in offers])


def roles(geometry, operation):
    """Positions, channels that are summed and filters that lie in the lanes."""
    channels, filters = geometry.kernel_shape[-2:]
    if operation == "grad_input":
        return geometry.input_shape[:geometry.rank + 1], filters, channels
    return geometry.output_shape[:geometry.rank + 1], channels, filters


def direct(geometry, operation, lanes, size):
    """Few filters leave lanes idle, or to taps whose sums are then added up for each output.

    In 2-D, taps in the padding are left out along the rows, and along the columns where tiles do not lie along them. An
    input meets every stride-th tap.
    """
    (batch, *sizes), channels, filters = roles(geometry, operation)
    taps = [count / stride if operation == "grad_input" else count
            for count, stride in zip(geometry.kernel_shape, geometry.strides)]
    sums = batch * math.prod(sizes) * math.prod(taps)
    if geometry.rank == 2:
        across = operation != "grad_kernel" and not (sizes[1] < 8 and batch >= 2 * sizes[1])
        sums = batch * met(geometry, 0) * (sizes[1] * taps[1] if across else met(geometry, 1))
    if geometry.rank == filters == 1 and taps[0] >= 8 and channels % lanes == 0 and lanes * size == 64:
        sums *= 0.55                  # lanes hold channels, taps share what they load: twice as fast with AVX-512
    elif operation == "grad_input" and filters < lanes and math.prod(geometry.strides) > 1:
        sums *= 1.5                   # inputs that meet the same taps do not touch: they are stored one by one
    few = 17 if 2 * filters < lanes and operation != "grad_kernel" else 0
    return (sums * channels * filters / lanes * (1.1 + 0.24 * (lanes / filters) ** 0.5)
            + batch * math.prod(sizes) * few)


def met(geometry, axis):
    """How many pairs of an output and a tap along one axis meet an input."""
    size, outputs = geometry.input_shape[1 + axis], geometry.output_shape[1 + axis]
    stride, rate, before = geometry.strides[axis], geometry.dilation_rate[axis], geometry.pads[axis][0]
    starts = [tap * rate - before for tap in range(geometry.kernel_shape[axis])]
    return sum(max(min(outputs, (size - 1 - start) // stride + 1) - max(-(start // stride), 0), 0) for start in starts)


def winograd(geometry, lanes, size):
    """For each operation the form that costs least."""
    geometry = fold(geometry)
    if not WinogradConv.serves(geometry):
        return None
    return [min(((winograd_cost(geometry, operation, lanes, size, *form), WinogradConv, geometry, *form)
                 for form in winograd_forms(geometry, size)), key=lambda offer: offer[0]) for operation in OPERATIONS]


def winograd_forms(geometry, size):
    """(axis, points, taps of a part, whether the other axis is transformed, too). Parts of fewer taps would round more,
    and so would two taps by eight points. The last axis comes first: its inputs lie side by side."""
    for axis in reversed(range(geometry.rank)):
        other = None if geometry.rank == 1 else (geometry.kernel_shape[1 - axis], geometry.dilation_rate[1 - axis])
        taps = geometry.kernel_shape[axis]
        if taps > 1:
            for points, runs in (6, range(3, 6)), (8, range(3 if size == 8 else 4, 7) if taps > 2 else ()):
                for run in runs:
                    yield axis, points, run, False
                    if points == 6 and other == (3, 1):
                        yield axis, points, run, True


def winograd_cost(geometry, operation, lanes, size, axis, points, run, both):
    """A product at each place of a tile, the transforms of its inputs and outputs, the taps' ("frozen": done before),
    and calls of the tiles."""
    (batch, *sizes), channels, filters = roles(geometry, operation)
    rate, taps, places = geometry.dilation_rate[axis], geometry.kernel_shape[axis], points
    sizes[axis] = rate * -(-sizes[axis] // (rate * (points + 1 - run)))
    others, parts = math.prod(geometry.kernel_shape[:-2]) // taps, -(-taps // run)
    if both:
        rows = row_points(size)
        sizes[1 - axis], others, places = -(-sizes[1 - axis] // (rows - 2)), 1, rows * points
    tiles, deep, wide = batch * math.prod(sizes), moves(channels, lanes, size), moves(filters, lanes, size)
    products = places * others * parts * channels * -(-filters // lanes)
    if products * lanes * size > LARGEST_SPECTRUM:
        return math.inf
    if operation == "grad_kernel":
        return 1.15 * (tiles * (products + places * (7 * parts * deep + (4.2 + 0.8 * others) * wide)) + 28 * products)
    once = 0 if operation == "frozen" else 35 * products
    return 1.05 * (tiles * (products + places * (7 * parts * deep + (8 + others) * wide)) + once)


def moves(count, lanes, size):
    """Vectors that hold so many numbers; a part of one is dear but for AVX-512."""
    return count // lanes + (count % lanes > 0) * (1.2 if lanes * size == 64 else 4.5)


def scatter(geometry, lanes, size):
    """Products with the kernel's entries in the lanes, and all of them added up, run by run: vectors, then the rest."""
    if not ScatterConv.serves(geometry):
        return None
    *taps, channels, filters = geometry.kernel_shape
    entries, run = math.prod(taps) * channels, channels * (taps[-1] if geometry.dilation_rate[-1] == 1 else 1)
    full, rest = divmod(entries, lanes)
    vectors = full + (1 << (rest - 1).bit_length()) / lanes if rest else full
    product = filters * vectors * (1.1 + 0.24 / vectors**0.5)
    adding = entries // run * (12 + 6 * (run // lanes + run % lanes))
    if lanes * size == 64:
        adding /= 2                   # products with vectors of 64 bytes cost Zen 4 twice those of 32, adding does not
    return None, (math.prod(geometry.output_shape[:-1]) * (product + adding), ScatterConv, geometry), None


def fft(geometry, lanes, size):
    """Each at its best length of a segment."""
    geometry = fold(geometry)
    if not FFTConv.serves(geometry):
        return None
    lengths = [log2n for log2n in range(SHORTEST, LONGEST + 1) if 1 << log2n >= 2 * geometry.kernel_shape[0]]
    return [min((fft_cost(geometry, operation, log2n, lanes, size), FFTConv, geometry, log2n) for log2n in lengths)
            for operation in OPERATIONS]


def fft_cost(geometry, operation, log2n, lanes, size):
    """Moving signals in and out, transforming columns, products at each frequency, and gathering the taps."""
    (batch, outputs), channels, filters = roles(geometry, operation)
    taps, n = geometry.kernel_shape[0], 1 << log2n
    pairs = batch * -(-outputs // (2 * (n - taps + 1)))
    deep, wide = -(-channels // lanes), -(-filters // lanes)

    def columns(rows, width):
        return -(-rows // (lanes // width)) if width < lanes else rows * -(-width // lanes)
    spectrum = columns(channels, filters) * n * 2 * lanes * size
    if spectrum > LARGEST_SPECTRUM:
        return math.inf
    far = (spectrum > OWN_CACHE) + (spectrum > SHARED_CACHE)
    cost = (12 * n * pairs * (deep + wide)
            + 4.6 * n * log2n * (columns(pairs, channels) + columns(pairs, filters))
            + 4.5 * 2**far * n * log2n * columns(channels, filters)
            + (12 if far else 6.6) * n * pairs * channels * wide
            + 5 * taps * channels * filters)
    return 0.85 * cost if lanes * size == 64 else cost       # on Zen 4, which multiplies such vectors half as fast
