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

from mgconv.native cimport correlation, kernel_gradient, runtime
from mgconv.native.correlation cimport Correlation, ceil_div, crowded, loose
from mgconv.native.kernel_gradient cimport KernelGradient, Sum
from mgconv.native.runtime cimport (
    BEYOND,
    LINE,
    MG_SCRATCH_JOB,
    MG_SCRATCH_MADE,
    MG_SCRATCH_TASK,
    MG_WINOGRAD_MOST_PLACES,
    MG_WINOGRAD_ROWS,
    STREAMED,
    TOUCHED,
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


cdef struct Job:
    const Pass *plan
    const Sum *sum
    correlation.Call product
    const char *x
    const char *kernel
    const char *bias
    char *y                           # outputs, or their gradients, or the gradient to the kernel
    char *sums                        # each chunk's gradient to transformed taps
    Py_ssize_t filter_blocks
    bint relu, failed


include "winograd_blocks.pxi"


cdef inline Py_ssize_t fill_threads(Py_ssize_t tasks, Py_ssize_t most) noexcept:
    """Into how many parts a task's filters are cut. Each transforms the inputs anew, so there are more than one only
    where threads would idle. What one number sums does not depend on the part that it is in."""
    return min(ceil_div(runtime.get_num_threads(), tasks), most)


# ---- forward and gradient to the input ----

cdef inline Py_ssize_t cuts(Py_ssize_t size) noexcept nogil:
    return ceil_div(size, PART)


cdef runtime.mg_winograd_spread how_taps(const Pass *p, Py_ssize_t part) noexcept nogil:
    """A part of the taps, of one row of them unless rows are transformed, too; without strides."""
    cdef runtime.mg_winograd_spread how
    how.rows, how.columns = <int>p.row_span, <int>p.span
    how.length, how.given = <int>p.run, <int>min(p.run, p.taps - part * p.run)
    how.row_length = how.given_rows = ROW_TAPS if p.row_span > 1 else 1
    return how


cdef inline Py_ssize_t taps_tasks(const Pass *p) noexcept nogil:
    return p.row_taps * p.parts * cuts(p.channels)


cdef void taps_task(void *context, Py_ssize_t index) noexcept nogil:
    """Some channels of one part of the taps for one panel: gathered, filters in the lanes, and transformed."""
    cdef Job *job = <Job *>context
    cdef const Pass *p = job.plan
    cdef const correlation.Pass *plan = job.product.plan
    cdef const correlation.Panel *panel = &plan.panels[index // taps_tasks(p)]
    cdef Py_ssize_t count = cuts(p.channels), first = index % count * PART, part = index // count % p.parts
    cdef Py_ssize_t row = index // count // p.parts % p.row_taps
    cdef runtime.mg_winograd_spread how = how_taps(p, part)
    cdef runtime.mg_conv_pack pack
    cdef char *gathered = <char *>runtime.scratch(MG_SCRATCH_TASK, GATHERED_BYTES)
    if gathered == NULL:
        job.failed = True
        return
    pack.source = job.kernel + (p.first_tap + row * p.row_tap + part * p.run * p.tap + first * p.tap_channel
                                + panel.y // p.item * p.tap_filter) * p.item
    pack.outer, pack.inner, pack.run = how.given_rows, how.given, min(PART, p.channels - first)
    pack.outer_step, pack.inner_step = p.row_tap * p.item, p.tap * p.item
    pack.run_step, pack.filter_step = p.tap_channel * p.item, p.tap_filter * p.item
    pack.taps, pack.width, pack.filters, pack.merged = 1, panel.width, <int>panel.filters, False
    plan.kernels.pack(&pack, gathered)
    how.item, how.place = pack.run * panel.width, packed_place(plan) // p.item
    how.row_item = how.given * how.item
    p.kernels.spread(&how, gathered, panel.width, pack.run, panel.width, job.product.packed + panel.packed
                     + (row * p.depth + part * p.channels + first) * panel.width * p.item, panel.width)
    runtime.scratch_end(MG_SCRATCH_TASK)


cdef Job share(const Job *job, Pass *plan, Py_ssize_t first, Py_ssize_t end) noexcept nogil:
    """The same for some filters alone. `plan` has room for theirs."""
    cdef Job local = job[0]
    plan[0] = job.plan[0]
    plan.filters = end - first
    local.plan = plan
    local.y += first * plan.item
    if local.bias != NULL:
        local.bias += first * plan.item
    return local


cdef void block_task(void *context, Py_ssize_t index) noexcept nogil:
    """A block's outputs of some panels of filters. Each place's lie where the inputs of the place before lay."""
    cdef Job *job = <Job *>context
    cdef const Pass *p = job.plan
    cdef correlation.Call product = job.product
    cdef const correlation.Panel *panels = product.plan.panels
    cdef Block b = find_block(p, index // job.filter_blocks)
    cdef Py_ssize_t part = index % job.filter_blocks, count = product.plan.panel_count
    cdef Py_ssize_t panel = part * count // job.filter_blocks, end_panel = (part + 1) * count // job.filter_blocks
    cdef Py_ssize_t filter = panels[panel].y // p.item
    cdef Pass plan
    cdef Job local = share(job, &plan, filter, panels[end_panel - 1].y // p.item + panels[end_panel - 1].filters)
    cdef Py_ssize_t first[3]
    cdef Py_ssize_t end[3]
    cdef Py_ssize_t n, h
    cdef char *outputs = <char *>runtime.scratch(MG_SCRATCH_MADE, p.block_bytes)
    cdef char *inputs = outputs + p.y_place
    cdef char *zeros = inputs + p.places * p.x_place
    if outputs == NULL:
        job.failed = True
        return
    memset(zeros, 0, zeros_bytes(p))
    for n in range(b.images):
        for h in range(b.rows + halo(p)):
            transform_row(p, job.x, &b, n, h, inputs, zeros)
    first[0] = first[1] = first[2] = 0
    end[1] = 1
    local_sizes(p, &b, &end[0], &end[2])
    product.x, product.y = inputs, outputs
    for _ in range(p.places):
        correlation.run_box(&product, first, end, panel, end_panel)
        product.x += p.x_place
        product.y += p.y_place
        product.packed += packed_place(product.plan)
    for n in range(b.images):
        for h in range(b.rows):
            outputs_row(&local, outputs + filter * p.item, &b, n, h, False)
    runtime.scratch_end(MG_SCRATCH_MADE)
    job.failed |= product.failed


cdef Job correlation_job(const Pass *p, Correlation product, const char *x, const char *kernel, const char *bias,
                         char *y, bint relu):
    cdef Job job
    job.plan, job.x, job.kernel, job.bias, job.y, job.relu, job.failed = p, x, kernel, bias, y, relu, False
    job.product = correlation.Call(plan=&product.plan, x=NULL, kernel=NULL, bias=NULL, y=NULL, packed=NULL, relu=False,
                                   failed=False)
    return job


cdef inline Py_ssize_t taps_bytes(const Job *job) noexcept nogil:
    return job.plan.places * packed_place(job.product.plan)


cdef void transform_taps(Job *job) noexcept:
    runtime.parallel_for(taps_task, job, job.product.plan.panel_count * taps_tasks(job.plan), taps_bytes(job) * 2e-10)


cdef void correlate_blocks(Job *job) noexcept:
    cdef const Pass *p = job.plan
    cdef Py_ssize_t blocks = p.blocks[0] * p.blocks[1] * p.blocks[2]
    job.filter_blocks = fill_threads(blocks, job.product.plan.panel_count)
    runtime.parallel_for(block_task, job, blocks * job.filter_blocks, p.seconds)


cdef int correlate(const Pass *p, Correlation product, const char *x, const char *kernel, const char *bias, char *y,
                   bint relu) except -1:
    cdef Job job = correlation_job(p, product, x, kernel, bias, y, relu)
    job.product.packed = <char *>runtime.scratch(MG_SCRATCH_JOB, taps_bytes(&job))
    if job.product.packed == NULL:
        job.failed = True
    else:
        transform_taps(&job)
        correlate_blocks(&job)
        runtime.scratch_end(MG_SCRATCH_JOB)
    return runtime.check_memory(not job.failed)


cdef class FrozenWinograd:
    """A forward pass bound to its arrays for good, its taps transformed. One thread may call it at a time."""
    cdef Job job
    cdef char *taps
    cdef object alive

    def __dealloc__(self):
        free(self.taps)

    def __call__(self):
        correlate_blocks(&self.job)
        enough, self.job.failed = not self.job.failed, False
        runtime.check_memory(enough)


# ---- gradient to the kernel ----

cdef void chunk_task(void *context, Py_ssize_t index) noexcept nogil:
    """The sums over some blocks of tiles for some filters: transforms of inputs and gradients, then a sum a place. The
    first task takes the last chunk, as in kernel_gradient.pyx."""
    cdef Job *job = <Job *>context
    cdef const Pass *p = job.plan
    cdef Pass plan
    cdef Job local
    cdef Sum sum = job.sum[0]
    cdef kernel_gradient.Call call
    cdef Py_ssize_t chunk = p.chunks - 1 - index // job.filter_blocks, filters = index % job.filter_blocks
    cdef Py_ssize_t filter, n, h, block, place
    cdef Py_ssize_t all_blocks = p.blocks[0] * p.blocks[1] * p.blocks[2]
    cdef Py_ssize_t first = chunk * all_blocks // p.chunks, end = (chunk + 1) * all_blocks // p.chunks
    cdef char *inputs = <char *>runtime.scratch(MG_SCRATCH_MADE, p.block_bytes)
    cdef char *gradients = inputs + p.places * p.x_place
    cdef char *zeros = gradients + p.places * p.y_place
    cdef Block b
    if inputs == NULL:
        job.failed = True
        return
    memset(zeros, 0, zeros_bytes(p))
    sum.filter_blocks = job.filter_blocks
    filter = kernel_gradient.block_start(&sum, filters)
    local = share(job, &plan, filter, kernel_gradient.block_start(&sum, filters + 1))
    for block in range(first, end):
        if runtime.job_ends():
            break
        b = find_block(p, block)
        for n in range(b.images):
            for h in range(b.rows + halo(p)):
                transform_row(p, job.x, &b, n, h, inputs, zeros)
            for h in range(b.rows):
                outputs_row(&local, gradients + filter * p.item, &b, n, h, True)
        local_sizes(p, &b, &sum.axis[0].out, &sum.axis[2].out)
        for place in range(p.places):
            call = kernel_gradient.Call(
                plan=&sum, x=inputs + place * p.x_place, dy=gradients + place * p.y_place,
                result=job.sums + (chunk * p.places + place) * sums_place(p), more=block > first, failed=False)
            kernel_gradient.sum_task(&call, filters)
            job.failed |= call.failed
    runtime.scratch_end(MG_SCRATCH_MADE)


cdef void gather_task(void *context, Py_ssize_t index) noexcept nogil:
    """Some channels of one part of the taps: the chunks' sums added up, and transformed."""
    cdef Job *job = <Job *>context
    cdef const Pass *p = job.plan
    cdef Py_ssize_t count = cuts(p.channels), first = index % count * PART, part = index // count % p.parts
    cdef Py_ssize_t row = index // count // p.parts, channels = min(PART, p.channels - first), place
    cdef char *sums = job.sums + (row * p.depth + part * p.channels + first) * p.filters * p.item
    cdef runtime.mg_winograd_spread how = how_taps(p, part)
    how.item, how.row_item, how.place = p.tap, p.row_tap, sums_place(p) // p.item
    if p.chunks > 1:
        for place in range(p.places):
            job.sum.kernels.add_parts(sums + place * sums_place(p), sums + place * sums_place(p),
                                      channels * p.filters, p.chunks, p.places * how.place)
    p.kernels.gather(&how, sums, p.filters, channels, p.filters, NULL, False,
                     job.y + (row * p.row_tap + part * p.run * p.tap + first * p.filters) * p.item, p.filters)


cdef int correlate_kernel(const Pass *p, KernelGradient machine, const char *x, const char *dy,
                          char *dkernel) except -1:
    cdef Job job
    job.plan, job.sum, job.x, job.y, job.bias, job.failed = p, &machine.plan, x, <char *>dy, NULL, False
    job.filter_blocks = fill_threads(p.chunks, machine.plan.filter_count)
    job.sums = <char *>runtime.scratch(MG_SCRATCH_JOB, sums_bytes(p))
    if job.sums == NULL:
        job.failed = True
    else:
        runtime.parallel_for(chunk_task, &job, p.chunks * job.filter_blocks, p.seconds)
        job.y = dkernel
        runtime.parallel_for(gather_task, &job, taps_tasks(p), sums_bytes(p) * 2e-10)
        runtime.scratch_end(MG_SCRATCH_JOB)
    return runtime.check_memory(not job.failed)


# ---- plans ----

cdef Py_ssize_t pitch(Py_ssize_t numbers, Py_ssize_t item) noexcept:
    """From position to position."""
    return loose(numbers * item) // item if crowded(numbers * item) else numbers


cdef void lay_out(Pass *p) noexcept:
    p.down = ceil_div(p.out_rows, p.row_outputs)
    p.across = ceil_div(p.out, p.rate * p.outputs)
    p.depth = p.parts * p.channels
    p.x_pitch, p.y_pitch = pitch(p.depth, p.item), pitch(p.filters, p.item)
    p.x_far, p.y_far = p.batch * p.x_image * p.item >= TOUCHED, p.batch * p.y_image * p.item >= TOUCHED
    p.y_beyond = p.batch * p.y_image * p.item >= BEYOND
    p.seconds = (2.5e-11 * p.batch * p.down * p.across * p.rate * p.places * p.row_taps * (p.depth + 8)
                 * (p.filters + 8))


cdef void cut_blocks(Pass *p, Py_ssize_t most) noexcept:
    """Whole images, else whole rows of one, else parts of a row: of `most` tiles about."""
    cdef Py_ssize_t row = p.across * p.rate, image = row * p.down
    p.blocks[0] = min(ceil_div(image * p.batch, most), p.batch)
    p.blocks[1] = min(ceil_div(image, most), p.down)
    p.blocks[2] = min(ceil_div(row, most), p.across)
    p.images, p.high = ceil_div(p.batch, p.blocks[0]), ceil_div(p.down, p.blocks[1])
    p.wide = ceil_div(p.across, p.blocks[2])
    p.blocks[2] = ceil_div(p.across, p.wide)


cdef Py_ssize_t local_image(const Pass *p) noexcept:
    """Numbers of the outputs of an image in a block, at one place."""
    return p.high * p.rate * p.wide * p.y_pitch


cdef tuple local_axes(const Pass *p):
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
        cdef Pass *p = &self.towards_output
        cdef Pass *q = &self.towards_input
        cdef Pass *r = &self.towards_kernel
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

    cdef int forward(self, const char *x, const char *kernel, const char *bias, char *y, bint relu) except -1:
        return correlate(&self.towards_output, self.output_product, x, kernel, bias, y, relu)

    cdef int grad_input(self, const char *dy, const char *kernel, char *dx) except -1:
        return correlate(&self.towards_input, self.input_product, dy, kernel, NULL, dx, False)

    cdef int grad_kernel(self, const char *x, const char *dy, char *dkernel) except -1:
        return correlate_kernel(&self.towards_kernel, self.sum, x, dy, dkernel)

    cdef object freeze(self, const char *x, const char *kernel, const char *bias, char *y, bint relu, alive):
        cdef FrozenWinograd frozen = FrozenWinograd.__new__(FrozenWinograd)
        frozen.alive = self, alive
        frozen.job = correlation_job(&self.towards_output, self.output_product, x, kernel, bias, y, relu)
        frozen.taps = <char *>malloc(taps_bytes(&frozen.job) + LINE)
        if frozen.taps == NULL:
            raise MemoryError("no memory for transformed taps")
        frozen.job.product.packed = frozen.taps + (-<Py_ssize_t>frozen.taps & (LINE - 1))
        transform_taps(&frozen.job)
        runtime.check_memory(not frozen.job.failed)
        return frozen
