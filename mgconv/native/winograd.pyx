"""Loops of Winograd's convolution around the kernels of src_c/winograd.h, which has the formulas and the layouts.

    forward, gradient to the input                      gradient to the kernel
    for each panel of filters:           (tasks)        for each chunk of tiles:
        transform its taps                                  for each block of tiles:           (tasks)
    for each block of tiles:                                    transform their inputs and gradients
      for each share of the panels:      (tasks)            for each place, panel:             (tasks)
        transform their inputs                                  sums += inputs^T gradients
        for each panel:                                 for each panel:                        (tasks)
            for each place: products                        fold the sums to taps
            transform them to outputs

Blocks and chunks depend on the shape alone and each number is summed by one task in one order, so that the number of
threads changes no bit.
"""
from libc.string cimport memcpy, memset

from mgconv.native cimport runtime
from mgconv.native.runtime cimport MG_SCRATCH_JOB, MG_SCRATCH_TASK, MG_WINOGRAD_DEPTH, MG_WINOGRAD_PLACES

cdef enum:
    PLACES = MG_WINOGRAD_PLACES
    DEPTH = MG_WINOGRAD_DEPTH
    LINE = 16                         # a cache line or two: keeps the 16 places out of one another's cache sets
    BLOCK_BYTES = 1 << 18             # what a task's transformed tiles may take: a part of a second-level cache
    CHUNK_BYTES = 1 << 22             # the same for the gradient to the kernel, whose tasks share them
    PART = 64                         # rows of taps or tiles a task
    STRIP = 4                         # tiles that are copied together where they hang over the edge
    STRIP_PIXELS = 4 * (2 * STRIP + 2)
    TASKS = 8                         # enough for a few threads, where the shape has room for them


cdef struct Call:
    const Pass *plan
    const char *x
    const char *kernel
    const char *bias
    char *y                           # outputs, or their gradients
    char *dkernel
    bint relu
    Py_ssize_t first, count           # the chunk of tiles
    char *taps                        # transformed arrays
    char *inputs
    char *gradients
    char *sums
    bint failed


cdef inline Py_ssize_t ceil_div(Py_ssize_t a, Py_ssize_t b) noexcept nogil:
    return (a + b - 1) // b


# Strides of transformed arrays, in numbers: see src_c/winograd.h.

cdef inline Py_ssize_t inputs_place(const Pass *p, Py_ssize_t tiles) noexcept nogil:
    return p.depths * tiles * DEPTH + LINE


cdef inline Py_ssize_t gradients_place(const Pass *p, Py_ssize_t tiles) noexcept nogil:
    return p.panels * tiles * p.kernels.panel + LINE


cdef inline Py_ssize_t taps_place(const Pass *p) noexcept nogil:
    return p.panels * p.channels * p.kernels.panel + LINE


cdef inline Py_ssize_t outputs_place(const Pass *p) noexcept nogil:
    return p.block * p.kernels.panel + LINE


cdef inline Py_ssize_t width(const Pass *p, Py_ssize_t panel) noexcept nogil:
    return min(p.kernels.panel, p.filters - panel * p.kernels.panel)


cdef inline double product_seconds(const Pass *p, Py_ssize_t tiles) noexcept nogil:
    """About what the products of so many tiles take, half-filled vectors and what belongs to a block included."""
    return 4e-10 * tiles * (p.channels + 8) * (p.filters + 8)


cdef void copy_strip(const char *image, Py_ssize_t rows, Py_ssize_t columns, Py_ssize_t size, Py_ssize_t y,
                     Py_ssize_t x, Py_ssize_t high, Py_ssize_t wide, char *strip) noexcept nogil:
    """A rectangle of pixels of `size` bytes that may reach beyond the image, where it is zero."""
    cdef Py_ssize_t before = min(max(-x, 0), wide), inside = max(min(x + wide, columns) - max(x, 0), 0), i
    for i in range(y, y + high):
        if not 0 <= i < rows or inside == 0:
            memset(strip, 0, wide * size)
        else:
            memset(strip, 0, before * size)
            memcpy(strip + before * size, image + (i * columns + x + before) * size, inside * size)
            memset(strip + (before + inside) * size, 0, (wide - before - inside) * size)
        strip += wide * size


cdef void transform_inputs(const Pass *p, const char *x, Py_ssize_t first, Py_ssize_t count, char *u,
                           Py_ssize_t place, Py_ssize_t block, char *strip) noexcept nogil:
    """Transform tiles first ... first + count - 1, row by row; where tiles hang over the edge, from a copy."""
    cdef Py_ssize_t size = p.channels * p.itemsize, row = p.columns * p.channels
    cdef Py_ssize_t tile, run, i, j, inside, outside, y, n
    cdef const char *image
    while count:
        tile = first % (p.down * p.across)
        image = x + first // (p.down * p.across) * p.rows * p.columns * size
        i, j = tile // p.across, tile % p.across
        run = min(count, p.across - j)
        first += run
        count -= run
        y = 2 * i - p.top
        inside, outside = max(j, (p.left + 1) // 2), min(j + run, (p.columns + p.left - 2) // 2)
        if y < 0 or y + 4 > p.rows or outside - inside < STRIP:
            inside = outside = j + run
        while run:
            if j == inside and inside < outside:
                n = outside - inside
                p.kernels.input(image + (y * p.columns + 2 * j - p.left) * size, row, p.channels, n, p.channels, u,
                                place, block)
            else:
                n = min(STRIP, run, inside - j if j < inside else run)
                copy_strip(image, p.rows, p.columns, size, y, 2 * j - p.left, 4, 2 * n + 2, strip)
                p.kernels.input(strip, (2 * n + 2) * p.channels, p.channels, n, p.channels, u, place, block)
            u += n * DEPTH * p.itemsize
            run -= n
            j += n


cdef void transform_gradients(const Pass *p, const char *dy, Py_ssize_t first, Py_ssize_t count, char *u,
                              Py_ssize_t place, Py_ssize_t block, char *strip) noexcept nogil:
    cdef Py_ssize_t size = p.filters * p.itemsize, row = p.out_columns * p.filters
    cdef Py_ssize_t tile, run, i, j, whole, n
    cdef const char *image
    while count:
        tile = first % (p.down * p.across)
        image = dy + first // (p.down * p.across) * p.out_rows * p.out_columns * size
        i, j = tile // p.across, tile % p.across
        run = min(count, p.across - j)
        first += run
        count -= run
        whole = max(min(run, p.out_columns // 2 - j), 0) if 2 * i + 2 <= p.out_rows else 0
        while run:
            if whole:
                n = whole
                p.kernels.gradient(image + (2 * i * p.out_columns + 2 * j) * size, row, p.filters, n, p.filters, u,
                                   place, block)
                whole = 0
            else:
                n = min(STRIP, run)
                copy_strip(image, p.out_rows, p.out_columns, size, 2 * i, 2 * j, 2, 2 * n, strip)
                p.kernels.gradient(strip, 2 * n * p.filters, p.filters, n, p.filters, u, place, block)
            u += n * p.kernels.panel * p.itemsize
            run -= n
            j += n


cdef void store_outputs(const Pass *p, const char *u, Py_ssize_t place, const char *bias, bint relu, char *y,
                        Py_ssize_t first, Py_ssize_t count, Py_ssize_t panel) noexcept nogil:
    cdef Py_ssize_t filter = panel * p.kernels.panel, row = p.out_columns * p.filters, n = width(p, panel)
    cdef Py_ssize_t tile, run, i, j, whole
    cdef int down
    cdef char *at
    while count:
        tile = first % (p.down * p.across)
        i, j = tile // p.across, tile % p.across
        run = min(count, p.across - j)
        at = y + (((first // (p.down * p.across) * p.out_rows + 2 * i) * p.out_columns + 2 * j) * p.filters
                  + filter) * p.itemsize
        first += run
        count -= run
        down = min(2, p.out_rows - 2 * i)
        whole = min(run, p.out_columns // 2 - j)
        p.kernels.output(u, place, bias + filter * p.itemsize if bias else NULL, relu, at, row, p.filters, whole, n,
                         down, 2)
        if whole < run:
            p.kernels.output(u + whole * p.kernels.panel * p.itemsize, place,
                             bias + filter * p.itemsize if bias else NULL, relu,
                             at + 2 * whole * p.filters * p.itemsize, row, p.filters, 1, n, down, 1)
        u += run * p.kernels.panel * p.itemsize


# ---- forward and gradient to the input ----

cdef void taps_task(void *context, Py_ssize_t index) noexcept nogil:
    cdef Call *call = <Call *>context
    cdef const Pass *p = call.plan
    cdef Py_ssize_t parts = ceil_div(p.channels, PART)
    cdef Py_ssize_t panel = index // parts, first = index % parts * PART
    p.kernels.taps(call.kernel + (p.first_tap + first * p.channel + panel * p.kernels.panel * p.filter) * p.itemsize,
                   p.tap, p.channel, p.filter, min(PART, p.channels - first), width(p, panel),
                   call.taps + (panel * p.channels + first) * p.kernels.panel * p.itemsize, taps_place(p))


cdef Py_ssize_t block_bytes(const Pass *p) noexcept nogil:
    return (PLACES * (inputs_place(p, p.block) + outputs_place(p)) + STRIP_PIXELS * p.channels) * p.itemsize


cdef void block_task(void *context, Py_ssize_t index) noexcept nogil:
    cdef Call *call = <Call *>context
    cdef const Pass *p = call.plan
    cdef Py_ssize_t first = index // p.shares * p.block, share = index % p.shares, panel, place
    cdef Py_ssize_t count = min(p.block, p.tiles - first)
    cdef Py_ssize_t in_place = inputs_place(p, p.block) * p.itemsize, in_block = p.block * DEPTH
    cdef Py_ssize_t out_place = outputs_place(p) * p.itemsize, tap_place = taps_place(p) * p.itemsize
    cdef char *inputs = <char *>runtime.scratch(MG_SCRATCH_TASK, block_bytes(p))
    if inputs == NULL:
        call.failed = True
        return
    cdef char *outputs = inputs + PLACES * in_place
    transform_inputs(p, call.x, first, count, inputs, inputs_place(p, p.block), in_block, outputs + PLACES * out_place)
    for panel in range(share * p.panels // p.shares, (share + 1) * p.panels // p.shares):
        for place in range(PLACES):
            p.kernels.products(inputs + place * in_place, in_block,
                               call.taps + place * tap_place + panel * p.channels * p.kernels.panel * p.itemsize,
                               outputs + place * out_place, count, p.channels, width(p, panel))
        store_outputs(p, outputs, outputs_place(p), call.bias, call.relu, call.y, first, count, panel)


cdef int correlate(const Pass *p, const char *x, const char *kernel, const char *bias, char *y,
                   bint relu) except -1:
    cdef Call call
    call.plan, call.x, call.kernel, call.bias, call.y, call.relu, call.failed = p, x, kernel, bias, y, relu, False
    with nogil:
        call.taps = <char *>runtime.scratch(MG_SCRATCH_JOB, PLACES * taps_place(p) * p.itemsize)
        if call.taps == NULL:
            call.failed = True
        else:
            runtime.parallel_for(taps_task, &call, p.panels * ceil_div(p.channels, PART),
                                 1e-9 * p.channels * p.filters)
            runtime.parallel_for(block_task, &call, ceil_div(p.tiles, p.block) * p.shares,
                                 product_seconds(p, p.tiles))
    return runtime.check_memory(not call.failed)


# ---- gradient to the kernel ----

cdef Py_ssize_t strip_bytes(const Pass *p) noexcept nogil:
    return STRIP_PIXELS * max(p.channels, p.filters) * p.itemsize


cdef void spread_task(void *context, Py_ssize_t index) noexcept nogil:
    cdef Call *call = <Call *>context
    cdef const Pass *p = call.plan
    cdef Py_ssize_t first = index * PART
    cdef Py_ssize_t count = min(PART, call.count - first)
    cdef char *strip = <char *>runtime.scratch(MG_SCRATCH_TASK, strip_bytes(p))
    if strip == NULL:
        call.failed = True
        return
    transform_inputs(p, call.x, call.first + first, count, call.inputs + first * DEPTH * p.itemsize,
                     inputs_place(p, call.count), call.count * DEPTH, strip)
    transform_gradients(p, call.y, call.first + first, count, call.gradients + first * p.kernels.panel * p.itemsize,
                        gradients_place(p, call.count), call.count * p.kernels.panel, strip)


cdef void sums_task(void *context, Py_ssize_t index) noexcept nogil:
    cdef Call *call = <Call *>context
    cdef const Pass *p = call.plan
    cdef Py_ssize_t place = index // p.panels, panel = index % p.panels
    p.kernels.correlate(
        call.inputs + place * inputs_place(p, call.count) * p.itemsize, call.count * DEPTH,
        call.gradients + (place * gradients_place(p, call.count) + panel * call.count * p.kernels.panel) * p.itemsize,
        call.sums + (place * taps_place(p) + panel * p.channels * p.kernels.panel) * p.itemsize,
        p.channels, call.count, width(p, panel), call.first == 0)


cdef void fold_task(void *context, Py_ssize_t index) noexcept nogil:
    cdef Call *call = <Call *>context
    cdef const Pass *p = call.plan
    cdef Py_ssize_t parts = ceil_div(p.channels, PART)
    cdef Py_ssize_t panel = index // parts, first = index % parts * PART
    p.kernels.fold(call.sums + (panel * p.channels + first) * p.kernels.panel * p.itemsize, taps_place(p),
                   call.dkernel + (first * p.filters + panel * p.kernels.panel) * p.itemsize,
                   p.channels * p.filters, p.filters, min(PART, p.channels - first), width(p, panel))


cdef Py_ssize_t chunk_tiles(const Pass *p) noexcept nogil:
    cdef Py_ssize_t tile = PLACES * (p.depths * DEPTH + p.panels * p.kernels.panel) * p.itemsize
    cdef Py_ssize_t chunks = ceil_div(p.tiles, max(PART, CHUNK_BYTES // tile))
    return ceil_div(p.tiles, max(chunks, 1))


cdef Py_ssize_t chunk_bytes(const Pass *p) noexcept nogil:
    cdef Py_ssize_t chunk = chunk_tiles(p)
    return PLACES * (inputs_place(p, chunk) + gradients_place(p, chunk) + taps_place(p)) * p.itemsize


cdef int correlate_kernel(const Pass *p, const char *x, const char *dy, char *dkernel) except -1:
    cdef Call call
    cdef Py_ssize_t chunk = chunk_tiles(p)
    call.plan, call.x, call.y, call.dkernel, call.failed = p, x, <char *>dy, dkernel, False
    with nogil:
        call.inputs = <char *>runtime.scratch(MG_SCRATCH_JOB, chunk_bytes(p))
        if call.inputs == NULL:
            call.failed = True
        else:
            call.gradients = call.inputs + PLACES * inputs_place(p, chunk) * p.itemsize
            call.sums = call.gradients + PLACES * gradients_place(p, chunk) * p.itemsize
            call.first = 0
            while call.first < p.tiles:
                call.count = min(chunk, p.tiles - call.first)
                runtime.parallel_for(spread_task, &call, ceil_div(call.count, PART),
                                     1e-9 * call.count * (p.channels + p.filters))
                runtime.parallel_for(sums_task, &call, PLACES * p.panels, product_seconds(p, call.count))
                call.first += chunk
            runtime.parallel_for(fold_task, &call, p.panels * ceil_div(p.channels, PART),
                                 1e-9 * p.channels * p.filters)
    return runtime.check_memory(not call.failed)


# ---- plans ----

cdef void lay_out(Pass *p) noexcept:
    cdef Py_ssize_t tile, blocks
    p.down, p.across = ceil_div(p.out_rows, 2), ceil_div(p.out_columns, 2)
    p.tiles = p.batch * p.down * p.across
    p.depths, p.panels = ceil_div(p.channels, DEPTH), ceil_div(p.filters, p.kernels.panel)
    tile = PLACES * (p.depths * DEPTH + p.kernels.panel) * p.itemsize
    blocks = max(ceil_div(p.tiles, max(2 * p.kernels.rows, BLOCK_BYTES // tile)),
                 min(TASKS, p.tiles // (2 * p.kernels.rows)), 1)
    p.block = max(ceil_div(p.tiles, blocks), 1)
    p.shares = min(ceil_div(TASKS, blocks), p.panels)


cdef class WinogradConv(runtime.Algorithm):
    """For 3x3 taps, unit stride, no dilation, one group."""

    @staticmethod
    def serves(geometry):
        return (geometry.rank == 2 and geometry.kernel_shape[:2] == (3, 3) and geometry.strides == (1, 1)
                and geometry.dilation_rate == (1, 1) and geometry.groups == 1)

    def __cinit__(self, geometry, bint wide):
        cdef Pass *p = &self.towards_output
        cdef Pass *q = &self.towards_input
        p.kernels = runtime.active_isa().winograd[wide]
        p.itemsize = 8 if wide else 4
        p.batch, p.rows, p.columns, p.channels = geometry.input_shape
        p.out_rows, p.out_columns, p.filters = geometry.output_shape[1:]
        p.top, p.left = geometry.pads[0][0], geometry.pads[1][0]
        p.tap, p.channel, p.filter, p.first_tap = p.channels * p.filters, p.filters, 1, 0
        lay_out(p)
        # Backwards: taps turned by 180 degrees, channels and filters exchanged.
        q[0] = p[0]
        q.rows, q.columns, q.channels = p.out_rows, p.out_columns, p.filters
        q.out_rows, q.out_columns, q.filters = p.rows, p.columns, p.channels
        q.top, q.left = 2 - p.top, 2 - p.left
        q.tap, q.channel, q.filter, q.first_tap = -p.tap, 1, p.filters, 8 * p.tap
        lay_out(q)
        self.scratch_bytes = max(PLACES * taps_place(p) * p.itemsize + block_bytes(p),
                                 PLACES * taps_place(q) * p.itemsize + block_bytes(q),
                                 chunk_bytes(p) + strip_bytes(p))

    cdef int forward(self, const char *x, const char *kernel, const char *bias, char *y, bint relu) except -1:
        return correlate(&self.towards_output, x, kernel, bias, y, relu)

    cdef int grad_input(self, const char *dy, const char *kernel, char *dx) except -1:
        return correlate(&self.towards_input, dy, kernel, NULL, dx, False)

    cdef int grad_kernel(self, const char *x, const char *dy, char *dkernel) except -1:
        return correlate_kernel(&self.towards_output, x, dy, dkernel)
