"""Which algorithm a plan takes for each operation: by shape, dtype, instruction set and the processor's family alone.

The time of every way is estimated (mgconv.native.estimates, .costs), which follows what is measured within a tenth or
so, half the time: another way than the direct sums is taken only where it promises a margin. A way is an algorithm's
class and what it is made of but for the dtype: a geometry, which may be folded, and the details of its form.
"""
import math
import operator
from typing import Any, NamedTuple

from mgconv.geometry import conv_geometry
from mgconv.native import estimates, runtime
from mgconv.native.correlation import ScatterConv
from mgconv.native.costs import costs_of
from mgconv.native.fft_conv import FFTConv
from mgconv.native.winograd import WinogradConv

MARGIN = 1.2
UNSEEN = 500                          # nanoseconds that estimates may miss in a small call
MARGIN_ELSEWHERE = 1.4                # on a processor whose costs nobody measured
LEAST_TAPS = 8                        # of an FFT: it would round what fewer products leave exact, to no avail
LEAST_ENTRIES = 4                     # of a kernel, to be scattered: fewer fill no lanes
SHORTEST, LONGEST = 4, runtime.FFT_MAX_LOG2      # log2 of an FFT
PROCESSOR = runtime.processor()       # asked once: under a hypervisor that takes a while
OPERATIONS = ("forward", "grad_input", "grad_kernel")
ALGORITHMS = {"winograd": WinogradConv, "fft": FFTConv, "scatter": ScatterConv}
ESTIMATES: dict[Any, Any] = {None: estimates.direct, WinogradConv: estimates.winograd, FFTConv: estimates.fft,
                             ScatterConv: estimates.scatter}


class Machine(NamedTuple):
    """An instruction set on a processor, for one dtype."""
    lanes: int                        # elements of a vector
    size: int                         # bytes of an element
    costs: dict[str, dict[str, float]]
    margin: float


def machine(wide):
    """The one in use."""
    costs, measured = costs_of(runtime.get_isa(), PROCESSOR, wide)
    return Machine(runtime.get_lanes(wide), 8 if wide else 4, costs, MARGIN if measured else MARGIN_ELSEWHERE)


def choose(geometry, wide, algorithm=None):
    """The algorithms for forward, gradient to the input and gradient to the kernel; None means the direct sums.

    `algorithm` forces one for all three: "direct", "winograd" or "fft", which must serve the geometry. So must
    "scatter", which is for the gradient to the input alone; the others take the direct sums then. Or it is three ways.
    """
    if isinstance(algorithm, tuple):
        return make(algorithm, wide)
    if algorithm not in (None, "direct", *ALGORITHMS):
        known = ", ".join(ALGORITHMS)
        raise ValueError(f"`algorithm` must be one of direct, {known}. Received: algorithm={algorithm!r}.")
    if algorithm == "direct" or not geometry.input_shape[0]:
        return None, None, None
    here, found = machine(wide), list(ways(geometry, 8 if wide else 4))
    if algorithm is None:
        return make([best_way(geometry, operation, here, found) for operation in OPERATIONS], wide)
    forced = [way for way in found if way[0] is ALGORITHMS[algorithm]]
    if not forced:
        raise ValueError(f"{algorithm!r} does not serve this geometry. Received: {geometry}.")
    return make([cheapest(forced, operation, here)[1] for operation in OPERATIONS], wide)


def choose_frozen(geometry, wide):
    """The algorithm for forward passes whose kernel is transformed once for all; None means the direct sums."""
    return make([best_way(geometry, "frozen", machine(wide))], wide)[0]


def make(ways, wide):
    """Their algorithms; that of equal ways is made once."""
    made = {way: way[0](way[1], wide, *way[2:]) for way in set(ways) - {None}}
    return tuple([made.get(way) for way in ways])


def best_way(geometry, operation, machine, rivals=None):
    """The way to take, of `rivals` if these are known; None means the direct sums."""
    rivals = ways(geometry, machine.size) if rivals is None else rivals
    cost, way = cheapest([way for way in rivals if likely(way)], operation, machine)
    return way if cost * machine.margin + UNSEEN < cost_of((None, geometry), operation, machine) else None


def likely(way):
    """Whether it may be taken without being asked for, whatever the estimate says."""
    *taps, channels, _ = way[1].kernel_shape
    return {WinogradConv: True, FFTConv: taps[0] >= LEAST_TAPS,
            ScatterConv: math.prod(taps) * channels >= LEAST_ENTRIES}[way[0]]


def cheapest(ways, operation, machine):
    """(nanoseconds, way); None if none serves the operation."""
    return min([(cost_of(way, operation, machine), way) for way in ways if serves(way, operation)],
               default=(math.inf, None), key=operator.itemgetter(0))


def cost_of(way, operation, machine):
    """Nanoseconds, infinitely many where it would take too much memory; the class of plain sums is None."""
    algorithm, *details = way
    terms = ESTIMATES[algorithm](operation, machine.lanes, machine.size, *details)
    if terms is None:
        return math.inf
    costs = machine.costs[table_of(algorithm, operation)]
    return sum([costs.get(term, 0) * count for term, count in terms.items()])


def table_of(algorithm, operation):
    """The name of their costs."""
    return ESTIMATES[algorithm].__name__ + ("_outer" if operation == "grad_kernel" else "")


def ways(geometry, size):
    """Each that serves the geometry."""
    folded = fold(geometry)
    if WinogradConv.serves(folded):
        yield from ((WinogradConv, folded, *form) for form in winograd_forms(folded, size))
    if FFTConv.serves(folded):
        yield from ((FFTConv, folded, log2n) for log2n in fft_lengths(folded))
    if ScatterConv.serves(geometry):
        yield ScatterConv, geometry


def serves(way, operation):
    """Scattering is for one operation, frozen kernels for Winograd's alone."""
    return {WinogradConv: True, FFTConv: operation != "frozen", ScatterConv: operation == "grad_input"}[way[0]]


def winograd_forms(geometry, size):
    """(axis, points, taps of a part, whether the other axis is transformed, too). Parts of fewer taps would round more,
    and so would two taps by eight points; more than there are would idle. The last axis comes first: its inputs lie
    side by side."""
    for axis in reversed(range(geometry.rank)):
        other = None if geometry.rank == 1 else (geometry.kernel_shape[1 - axis], geometry.dilation_rate[1 - axis])
        taps = geometry.kernel_shape[axis]
        if taps > 1:
            for points, runs in (6, range(3, 6)), (8, range(3 if size == 8 else 4, 7) if taps > 2 else ()):
                for run in runs[:max(taps - runs[0], 0) + 1] if runs else ():
                    yield axis, points, run, False
                    if points == 6 and other == (3, 1):
                        yield axis, points, run, True


def fft_lengths(geometry):
    """Their log2: from twice the taps up to where one segment has half of the outputs."""
    taps, outputs = geometry.kernel_shape[0], max(geometry.output_shape[1], geometry.input_shape[1])
    first = max((2 * taps - 1).bit_length(), SHORTEST)
    return range(first, max(min((outputs // 2 + taps).bit_length(), LONGEST), first) + 1)


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
