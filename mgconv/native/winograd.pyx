# cython: wraparound=True
"""Winograd's convolution along one axis or two: transforms around the machines for plain sums.

src_c/winograd.h has the formulas. At each of the 6 to 36 places, transformed tiles and transformed taps are a
convolution of their own with fewer taps: one along the axis, and along the other axis as many as before, or one where
that is transformed, too. More than r taps along the axis are cut into parts, whose channels lie side by side; where
taps lie d apart, so do the inputs of a tile, and there are d lines of tiles in a row.

    forward, gradient to the input             gradient to the kernel
    transform and pack the taps    (tasks)     for each chunk of blocks:                        (tasks)
    for each block of tiles:       (tasks)         for each block of tiles:
        transform its inputs                           transform its inputs and its gradients
        at each place: correlation                     at each place: gradient to the taps, added
        transform to outputs                   add up the chunks' sums and transform to taps    (tasks)

Positions of a block lie as [place][image][row of tiles][line][tile][part][channel]; the inputs have (taps - 1) * rate
more rows for taps along the other axis. Blocks and chunks follow from the shape alone, one task sums each number over a
block or chunk, and chunks are added up in order, so that the number of threads changes no bit.
"""
from libc.stdlib cimport free, malloc
from libc.string cimport memset

from mgconv.native cimport runtime
from mgconv.native.caches cimport (
    LINE,
    READ_AHEAD,
    STREAM_BYTES,
    STREAMED,
    ceil_div,
    crowded,
    line_up,
    lined_up,
    loose,
    reach_of,
)
from mgconv.native.correlation cimport (
    Correlation,
    CorrelationCall,
    CorrelationPlan,
    Filters,
    bind,
    filters_of,
    pack_filters,
    run_positions,
)
from mgconv.native.kernel_gradient cimport (
    KernelGradient,
    SumCall,
    SumPlan,
    add_chunks,
    block_start,
    part_of,
    sum_task,
)
from mgconv.native.runtime cimport (
    MG_SCRATCH_JOB,
    MG_SCRATCH_MADE,
    MG_SCRATCH_TASK,
    MG_WINOGRAD_MOST_PLACES,
    MG_WINOGRAD_ROWS,
)

import math

from mgconv.native.passes import axes

cdef enum:
    ROW_TAPS = 3                      # along the other axis, if that is transformed, too
    BLOCK_BYTES = 1 << 18             # what a task's block takes: a part of a second-level cache
    SUM_BYTES = 1 << 19               # the same for the gradient to the kernel
    FEW_TILES = 48                    # a block has more, to repay reading the taps,
    SUM_TILES = 64                    # or reading and writing the sums
    CHUNK_TILES = 64                  # tiles whose sums repay to be added to the other chunks',
    TILE_BYTES = 2048                 # and one more for so many bytes of sums: many come from further away
    CHUNKS = 8                        # at most, a power of two: to share them evenly among as many threads
    CHUNKS_BYTES = 8 << 20            # all chunks' sums
    TASKS = 8                         # enough for a few threads, where each gets
    LEAST_TILES = 8                   # so many tiles, which the product takes at once,
    FAR_TILES = 56                    # or more, where taps come from beyond the second-level cache
    FAR_TAPS = 1 << 20
    PART = 64                         # channels or tiles of one task's transform
    GATHERED_BYTES = ROW_TAPS * 6 * PART * 256       # of six taps in a row, in a panel of four vectors


cdef struct WinogradCall:
    const WinogradPlan *plan
    const SumPlan *sum
    CorrelationCall product
    const char *x
    const char *kernel
    const char *bias
    char *y                           # outputs, or their gradients, or the gradient to the kernel
    char *sums                        # each chunk's gradient to transformed taps
    Py_ssize_t filter_blocks
    bint relu, failed


include "winograd_blocks.pxi"


include "winograd_call.pxi"


# ---- plans ----

cdef Py_ssize_t pitch(Py_ssize_t numbers, Py_ssize_t item) noexcept:
    """From position to position."""
    return loose(numbers * item) // item if crowded(numbers * item) else numbers


cdef void lay_out(WinogradPlan *p) noexcept:
    p.down = ceil_div(p.out_rows, p.row_outputs)
    p.across = ceil_div(p.out, p.rate * p.outputs)
    p.depth = p.parts * p.channels
    p.x_pitch, p.y_pitch = pitch(p.depth, p.item), pitch(p.filters, p.item)
    p.x_reach, p.y_reach = reach_of(p.batch * p.x_image * p.item), reach_of(p.batch * p.y_image * p.item)
    p.seconds = (2.5e-11 * p.batch * p.down * p.across * p.rate * p.places * p.row_taps * (p.depth + 8)
                 * (p.filters + 8))


cdef void cut_blocks(WinogradPlan *p, Py_ssize_t most) noexcept:
    """Whole images, else whole rows of one, else parts of a row: of `most` tiles about."""
    cdef Py_ssize_t row = p.across * p.rate, image = row * p.down
    p.blocks[0] = min(ceil_div(image * p.batch, most), p.batch)
    p.blocks[1] = min(ceil_div(image, most), p.down)
    p.blocks[2] = min(ceil_div(row, most), p.across)
    p.images, p.high = ceil_div(p.batch, p.blocks[0]), ceil_div(p.down, p.blocks[1])
    p.wide = ceil_div(p.across, p.blocks[2])
    p.blocks[2] = ceil_div(p.across, p.wide)


cdef Py_ssize_t local_image(const WinogradPlan *p) noexcept:
    """Numbers of the outputs of an image in a block, at one place."""
    return p.high * p.rate * p.wide * p.y_pitch


cdef tuple local_axes(const WinogradPlan *p):
    """Batch, rows and columns, as the machines for plain sums want them, of what a block holds: all in one row."""
    row = p.rate * p.wide
    positions = p.high * row
    if halo(p) == 0:
        positions = max(p.images * positions, 2)         # one position would lie along the images
        return 1, (1, 1, 1, 1, 0, 1, positions * p.y_pitch), (positions, 1, 1, 1, 0, positions, p.y_pitch)
    return p.images, (1, 1, 1, 1, 0, 1, local_image(p)), (
        positions + halo(p) * row, p.row_taps, p.row_rate * row, 1, 0, positions, p.y_pitch)


def row_points(Py_ssize_t item):
    """Along transformed rows, for numbers of so many bytes."""
    return MG_WINOGRAD_ROWS(item)


cdef class WinogradConv(runtime.Algorithm):
    """For unit strides and one group: parts of `run` taps along `axis`, by so many points; of the other axis, three
    taps that lie side by side if `both`."""

    @staticmethod
    def serves(geometry):
        used = [axis[1] for axis, _ in axes(geometry)]        # taps that meet an input
        return (set(geometry.strides) == {1} and geometry.groups == 1 and min(geometry.kernel_shape[-2:]) > 1
                and math.prod(used) == math.prod(geometry.kernel_shape[:-2]) > 1)

    def __cinit__(self, geometry, bint wide, int axis, int points, int run, bint both):
        cdef WinogradPlan *p = &self.towards_output
        cdef WinogradPlan *q = &self.towards_input
        cdef WinogradPlan *r = &self.towards_kernel
        (rows, _), (columns, _) = axes(geometry)
        other, this = (columns, rows) if axis < geometry.rank - 1 else (rows, columns)
        p.kernels = runtime.active_isa().winograd[wide]
        p.item = 8 if wide else 4
        p.batch = geometry.input_shape[0]
        p.channels, p.filters = geometry.kernel_shape[-2:]
        p.rows, p.row_taps, p.row_rate, _, p.row_start, p.out_rows = other
        p.size, p.taps, p.rate, _, p.start, p.out = this
        p.tap = p.row_tap = p.channels * p.filters
        p.tap_channel, p.tap_filter = p.filters, 1
        p.x_row, p.y_row, p.x_step, p.y_step = p.size, p.out, 1, 1
        if other is rows:
            p.row_tap *= p.taps
        else:
            p.tap *= p.row_taps
            p.x_row, p.y_row, p.x_step, p.y_step = 1, 1, p.rows, p.out_rows
        p.x_image, p.y_image = p.rows * p.size, p.out_rows * p.out
        p.span, p.outputs, p.run, p.parts, p.first_tap = points, points + 1 - run, run, ceil_div(p.taps, run), 0
        q[0] = p[0]
        # Backwards: taps turned by 180 degrees, inputs and outputs exchanged.
        q.channels, q.filters = p.filters, p.channels
        q.rows, q.out_rows, q.size, q.out = p.out_rows, p.rows, p.out, p.size
        q.x_image, q.x_row, q.x_step, q.y_image, q.y_row, q.y_step = (
            p.y_image, p.y_row, p.y_step, p.x_image, p.x_row, p.x_step)
        q.row_start, q.start = -p.row_start - halo(p), -p.start - (p.taps - 1) * p.rate
        q.tap_channel, q.tap_filter = 1, p.filters
        q.tap, q.row_tap, q.first_tap = -p.tap, -p.row_tap, (p.taps - 1) * p.tap + (p.row_taps - 1) * p.row_tap
        for backwards in range(2):
            p = &self.towards_input if backwards else &self.towards_output
            p.x_image, p.x_row, p.x_step = p.x_image * p.channels, p.x_row * p.channels, p.x_step * p.channels
            p.y_image, p.y_row, p.y_step = p.y_image * p.filters, p.y_row * p.filters, p.y_step * p.filters
            p.row_outputs, p.row_span = 1, 1
            if both:
                p.row_span = MG_WINOGRAD_ROWS(p.item)
                p.row_taps, p.row_outputs = 1, p.row_span + 1 - ROW_TAPS
            p.places = p.span * p.row_span
            lay_out(p)
            tiles = p.batch * p.down * p.across * p.rate
            least = FAR_TILES if p.places * p.row_taps * p.depth * p.filters * p.item > FAR_TAPS else LEAST_TILES
            cut_blocks(p, max(min(max(BLOCK_BYTES // (p.places * max(p.x_pitch, p.y_pitch) * p.item), FEW_TILES),
                                  tiles // TASKS), least))
            p.x_place = p.y_place = max(inputs_bytes(p), outputs_bytes(p))
            p.block_bytes = (p.places + 1) * p.x_place + zeros_bytes(p)
        p = &self.towards_output
        r[0], r.chunks = p[0], 1
        tiles, sums = p.batch * p.down * p.across * p.rate, r.places * sums_place(r)
        while 2 * r.chunks <= min(min(tiles // (CHUNK_TILES + sums // TILE_BYTES), CHUNKS), CHUNKS_BYTES // sums):
            r.chunks *= 2
        tiles, most = ceil_div(tiles, r.chunks), max(SUM_BYTES // (r.places * (r.x_pitch + r.y_pitch) * r.item), 1)
        cut_blocks(r, max(ceil_div(tiles, ceil_div(tiles, most)), SUM_TILES))
        r.chunks = min(r.chunks, r.blocks[0] * r.blocks[1] * r.blocks[2])
        r.x_place, r.y_place = inputs_bytes(r), outputs_bytes(r)
        r.block_bytes = r.places * (r.x_place + r.y_place) + zeros_bytes(r)
        self.output_product = Correlation(wide, *local_axes(p), 1, p.depth, p.filters, local_image(p), 0, (0,) * 5, 0,
                                          p.x_pitch)
        self.input_product = Correlation(wide, *local_axes(q), 1, q.depth, q.filters, local_image(q), 0, (0,) * 5, 0,
                                         q.x_pitch)
        self.sum = KernelGradient(wide, *local_axes(r), 1, r.depth, r.filters, r.x_pitch, True)
        self.scratch_bytes = max(
            p.places * packed_place(&self.output_product.plan) + p.block_bytes,
            q.places * packed_place(&self.input_product.plan) + q.block_bytes,
            sums_bytes(r) + r.block_bytes + self.sum.scratch_bytes) + GATHERED_BYTES

    cdef bint forward(self, const char *x, const char *kernel, const char *bias, char *y, bint relu) noexcept nogil:
        return correlate(&self.towards_output, &self.output_product.plan, x, kernel, bias, y, relu)

    cdef bint grad_input(self, const char *dy, const char *kernel, char *dx) noexcept nogil:
        return correlate(&self.towards_input, &self.input_product.plan, dy, kernel, NULL, dx, False)

    cdef bint grad_kernel(self, const char *x, const char *dy, char *dkernel) noexcept nogil:
        return correlate_kernel(&self.towards_kernel, &self.sum.plan, x, dy, dkernel)

    cdef object freeze(self, const char *x, const char *kernel, const char *bias, char *y, bint relu, alive):
        cdef FrozenWinograd frozen = FrozenWinograd.__new__(FrozenWinograd)
        frozen.alive = self, alive
        frozen.call = bind_winograd(&self.towards_output, &self.output_product.plan, x, kernel, bias, y, relu)
        frozen.taps = <char *>malloc(taps_bytes(&frozen.call) + LINE)
        if frozen.taps == NULL:
            raise MemoryError("no memory for transformed taps")
        frozen.call.product.packed = lined_up(frozen.taps)
        transform_taps(&frozen.call)
        runtime.check_memory(not frozen.call.failed)
        return frozen


cdef class FrozenWinograd:
    """A forward pass bound to its arrays for good, its taps transformed. One thread may call it at a time."""
    cdef WinogradCall call
    cdef char *taps
    cdef object alive

    def __dealloc__(self):
        free(self.taps)

    def __call__(self):
        correlate_blocks(&self.call)
        enough, self.call.failed = not self.call.failed, False
        runtime.check_memory(enough)
