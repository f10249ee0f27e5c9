"""Which algorithm a plan takes for each operation: by shape, dtype, instruction set and the processor's family alone.

Estimates of the time (mgconv.native.estimates, .costs) follow what is measured within a quarter or so, so another algorithm
than the direct sums is taken only where it promises MARGIN.
"""
import math
import operator

from mgconv.geometry import conv_geometry
from mgconv.native import estimates, runtime
from mgconv.native.correlation import ScatterConv
from mgconv.native.costs import costs_of
from mgconv.native.fft_conv import FFTConv
from mgconv.native.winograd import WinogradConv

MARGIN = 1.1
OPERATIONS = ("forward", "grad_input", "grad_kernel")
NOTHING = (None, None, None)          # for each of them
PROCESSOR, _ = runtime.processor()
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
    machine = Machine(wide)
    if algorithm is not None:
        offers = makers[algorithm](geometry, machine)
        if offers is None:
            raise ValueError(f"{algorithm!r} does not serve this geometry. Received: {geometry}.")
        return make(offers, wide)
    offered = [maker(geometry, machine) or NOTHING for maker in makers.values()]
    best = [min(filter(None, rivals), default=None, key=lambda offer: offer[0]) for rivals in zip(*offered)]
    return make([offer if offer and offer[0] * MARGIN < direct(geometry, operation, machine) else None
                 for operation, offer in zip(OPERATIONS, best)], wide)


def choose_frozen(geometry, wide):
    """The algorithm for forward passes whose kernel is transformed once for all; None means the direct sums."""
    folded = fold(geometry)
    if not WinogradConv.serves(folded):
        return None
    machine = Machine(wide)
    cost, form = min([(winograd_cost(folded, "frozen", machine, *form), form)
                      for form in winograd_forms(folded, machine.size)], key=lambda offer: offer[0])
    return WinogradConv(folded, wide, *form) if cost * MARGIN < direct(geometry, "forward", machine) else None


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


class Machine:
    """The instruction set in use, for one dtype."""

    def __init__(self, wide):
        self.lanes, self.size = runtime.get_lanes(wide), 8 if wide else 4
        self.costs = costs_of(runtime.get_isa(), PROCESSOR, wide)


def time(costs, terms):
    """Nanoseconds, infinitely many if there are no terms."""
    return math.inf if terms is None else sum(map(operator.mul, costs, terms))


def direct(geometry, operation, machine):
    """Time of the plain sums."""
    costs = machine.costs.outer if operation == "grad_kernel" else machine.costs.direct
    return time(costs, estimates.direct(geometry, operation, machine.lanes))


def winograd(geometry, machine):
    """For each operation the form that costs least."""
    geometry = fold(geometry)
    if not WinogradConv.serves(geometry):
        return None
    forms = [*winograd_forms(geometry, machine.size)]
    return [min([(winograd_cost(geometry, operation, machine, *form), WinogradConv, geometry, *form) for form in forms],
                key=lambda offer: offer[0]) for operation in OPERATIONS]


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


def winograd_cost(geometry, operation, machine, *form):
    costs = machine.costs.winograd_outer if operation == "grad_kernel" else machine.costs.winograd
    return time(costs, estimates.winograd(geometry, operation, machine.lanes, machine.size, *form))


def scatter(geometry, machine):
    """For the gradient to the input alone."""
    if not ScatterConv.serves(geometry):
        return None
    return None, (time(machine.costs.scatter, estimates.scatter(geometry, machine.lanes)), ScatterConv, geometry), None


def fft(geometry, machine):
    """Each at its best length of a segment."""
    geometry = fold(geometry)
    if not FFTConv.serves(geometry):
        return None
    lengths = fft_lengths(geometry)
    return [min([(fft_cost(geometry, operation, machine, log2n), FFTConv, geometry, log2n) for log2n in lengths],
                key=lambda offer: offer[0]) for operation in OPERATIONS]


def fft_lengths(geometry):
    """Their log2."""
    return [log2n for log2n in range(SHORTEST, LONGEST + 1) if 1 << log2n >= 2 * geometry.kernel_shape[0]]


def fft_cost(geometry, operation, machine, log2n):
    costs = machine.costs.fft_outer if operation == "grad_kernel" else machine.costs.fft
    return time(costs, estimates.fft(geometry, operation, machine.lanes, machine.size, log2n))
