"""Long kernels in 1-D by overlap-save: src_c/fft_conv.h has the products, src_c/fft.h the transform and its layout.

A signal is cut into segments of n inputs that overlap by taps - 1, so that each yields n - taps + 1 outputs; two
segments of one sample, a *pair*, ride in one complex signal (of one sample, so that none suffers from another's NaN or
from rounding beside larger numbers). With h the taps turned:

    forward, gradient to the input     sum over channels of IFFT(FFT(segment) FFT(h)), from element taps - 1
    gradient to the kernel             sum over segments of IFFT(FFT(segment) conj(FFT(dy))), its first `taps` elements

    for each row of taps:            (tasks)        for each chunk of pairs:
        transform it                                    for each pair: transform inputs and gradients       (tasks)
    for each block of pairs:         (tasks)            for some channels and frequencies: sums += products (tasks)
        transform inputs                            for each channel, vector of filters:                    (tasks)
        multiply, add over channels                     transform back and store
        transform back and store

Blocks and chunks depend on the shape alone and each number is summed by one task in one order, so that the number of
threads changes no bit.
"""
from libc.stdlib cimport free, malloc
from libc.string cimport memset

from mgconv.native cimport runtime
from mgconv.native.caches cimport LINE, READ_AHEAD, STREAM_BYTES, STREAMED, ceil_div, lined_up, reach_of
from mgconv.native.runtime cimport MG_SCRATCH_JOB, MG_SCRATCH_TASK

cdef enum:
    BLOCK_BYTES = 1 << 20             # spectra of one task
    CHUNK_BYTES = 1 << 22             # the same for the gradient to the kernel, whose tasks share them
    TOGETHER = 16                     # frequencies of one product
    SUM_BLOCKS = 8                    # of frequencies, for as many threads
    ROWS = 8                          # pairs a block should have, so that products reuse the taps


cdef Py_ssize_t columns_of(const FFTPlan *p, Py_ssize_t rows, Py_ssize_t width) noexcept nogil:
    """How many columns hold `rows` rows of `width` channels."""
    if width < p.lanes:
        return ceil_div(rows, p.lanes // width)
    return rows * ceil_div(width, p.lanes)


cdef inline Py_ssize_t row_offset(const FFTPlan *p, Py_ssize_t row, Py_ssize_t width) noexcept nogil:
    cdef Py_ssize_t sharing = p.lanes // width
    if sharing > 1:
        return row // sharing * p.pitch + row % sharing * width
    return row * ceil_div(width, p.lanes) * p.pitch


cdef inline Py_ssize_t channel_offset(const FFTPlan *p, Py_ssize_t channel) noexcept nogil:
    return channel // p.lanes * p.pitch + channel % p.lanes


cdef inline Py_ssize_t spectra_bytes(const FFTPlan *p, Py_ssize_t rows, Py_ssize_t width) noexcept nogil:
    # A vector read at the last lane reaches beyond the column.
    return (columns_of(p, rows, width) * p.pitch + p.lanes) * p.itemsize


cdef struct FFTCall:
    const FFTPlan *plan
    const char *x
    const char *kernel
    const char *bias
    char *y                           # outputs, or their gradients
    char *dkernel
    bint relu
    Py_ssize_t first, count           # the chunk of pairs
    char *taps                        # spectra
    char *inputs
    char *gradients
    char *sums
    bint failed


cdef void load_signals(const FFTPlan *p, const char *x, Py_ssize_t steps, Py_ssize_t width, Py_ssize_t start,
                       Py_ssize_t length, Py_ssize_t first, Py_ssize_t count, char *spectra) noexcept nogil:
    """Transform `count` pairs: segment j of each signal (steps, width) is its elements j * p.step + start on, `length`
    of them and zeros up to n. A few positions at a time, since they lie behind one another."""
    cdef Py_ssize_t each = ceil_div(p.segments, 2), pair, part, segment, origin, low, high, vector, channel, row, some
    cdef Py_ssize_t position = width * p.itemsize, at_once = max(STREAM_BYTES // position, 1)
    cdef char *column
    memset(spectra, 0, columns_of(p, count, width) * p.pitch * p.itemsize)
    for pair in range(count):
        for part in range(2):
            segment = (first + pair) % each * 2 + part
            if segment == p.segments:
                break
            origin = segment * p.step + start
            low, high = max(origin, 0), min(origin + length, steps)
            if low >= high:
                continue
            row = (first + pair) // each * steps
            while low < high:
                some = min(at_once, high - low)
                if reach_of(p.batch * steps * position) >= READ_AHEAD:
                    runtime.touch_rows(x + (row + low) * position, 0, 1, some * position)
                for vector in range(ceil_div(width, p.lanes)):
                    channel = vector * p.lanes
                    column = spectra + (row_offset(p, pair, width) + vector * p.pitch + part * p.lanes
                                        + (low - origin) * 2 * p.lanes) * p.itemsize
                    p.kernels.load(x + (row + low) * position + channel * p.itemsize, width, column, some,
                                   <int>min(width - channel, p.lanes))
                low += some
    for row in range(columns_of(p, count, width)):
        p.fft.forward(spectra + row * p.pitch * p.itemsize, p.log2n, 2 * p.lanes)


cdef void store_signals(const FFTPlan *p, char *spectra, Py_ssize_t first, Py_ssize_t count, const char *bias,
                        bint relu, char *y) noexcept nogil:
    """Transform `count` pairs back and store their outputs, a few positions at a time; past the caches, if many."""
    cdef Py_ssize_t each = ceil_div(p.segments, 2), pair, part, segment, vector, channel, row, low, high, some
    cdef Py_ssize_t position = p.filters * p.itemsize, at_once = max(STREAM_BYTES // position, 1)
    cdef const char *column
    cdef char room[STREAM_BYTES + LINE]
    cdef char *near = lined_up(room)
    cdef char *to
    cdef bint stream
    for row in range(columns_of(p, count, p.filters)):
        p.fft.inverse(spectra + row * p.pitch * p.itemsize, p.log2n, 2 * p.lanes)
    for pair in range(count):
        for part in range(2):
            segment = (first + pair) % each * 2 + part
            if segment == p.segments:
                break
            low, high = segment * p.step, min((segment + 1) * p.step, p.out_steps)
            row = p.taps - 1 - low
            while low < high:
                some = min(at_once, high - low)
                to = y + ((first + pair) // each * p.out_steps + low) * position
                stream = (reach_of(p.batch * p.out_steps * position) >= STREAMED and some * position <= STREAM_BYTES
                          and (<size_t>to | position) % LINE == 0)
                for vector in range(ceil_div(p.filters, p.lanes)):
                    channel = vector * p.lanes
                    column = spectra + (row_offset(p, pair, p.filters) + vector * p.pitch + part * p.lanes
                                        + (row + low) * 2 * p.lanes) * p.itemsize
                    p.kernels.store(column, bias + channel * p.itemsize if bias else NULL, relu,
                                    (near if stream else to) + channel * p.itemsize, p.filters, some,
                                    <int>min(p.filters - channel, p.lanes))
                if stream:
                    runtime.stream_rows(to, 0, near, 1, some * position)
                low += some


cdef inline Py_ssize_t parts_of(const FFTPlan *p) noexcept nogil:
    return ceil_div(p.n, TOGETHER)


cdef inline Py_ssize_t sums_blocks(const FFTPlan *p) noexcept nogil:
    """Tasks that share the frequencies of one sum."""
    return min(parts_of(p), SUM_BLOCKS)


cdef void multiply(const FFTPlan *p, const char *left, const Py_ssize_t *left_rows, const Py_ssize_t *left_depth,
                   const char *right, const Py_ssize_t *right_depth, char *out, const Py_ssize_t *out_rows,
                   Py_ssize_t rows, Py_ssize_t depth, Py_ssize_t vector, Py_ssize_t vectors, Py_ssize_t first_part,
                   Py_ssize_t end_part, bint conj, bint accumulate) noexcept nogil:
    """Products for some vectors of filters; a few frequencies, a part, at a time, to stay in the cache."""
    cdef runtime.mg_fft_product product
    cdef Py_ssize_t part, first, i, at
    product.left_rows, product.left_depth = left_rows, left_depth
    product.right_depth, product.out_rows = right_depth, out_rows
    product.rows, product.depth, product.accumulate, product.sign = rows, depth, accumulate, -1 if conj else 1
    for part in range(first_part, end_part):
        first = part * TOGETHER
        product.frequencies = min(TOGETHER, p.n - first)
        product.left = left + first * 2 * p.lanes * p.itemsize
        for i in range(vector, vector + vectors):
            at = (first * 2 * p.lanes + i * p.pitch) * p.itemsize
            product.right, product.out = right + at, out + at
            product.lanes = <int>min(p.filters - i * p.lanes, p.lanes)
            p.kernels.product(&product)


# ---- forward and gradient to the input ----

cdef void taps_task(void *context, Py_ssize_t index) noexcept nogil:
    """Transform one column of taps: a channel's, for a vector of filters, or those of several channels."""
    cdef FFTCall *call = <FFTCall *>context
    cdef const FFTPlan *p = call.plan
    cdef Py_ssize_t sharing = max(p.lanes // p.filters, 1), columns = ceil_div(p.filters, p.lanes)
    cdef Py_ssize_t first = index // columns * sharing, channel, filter = index % columns * p.lanes
    cdef char *column = call.taps + index * p.pitch * p.itemsize
    memset(column, 0, p.pitch * p.itemsize)
    for channel in range(first, min(first + sharing, p.channels)):
        p.kernels.load_taps(call.kernel + (p.last_tap + channel * p.channel + filter * p.filter) * p.itemsize, -p.tap,
                            p.filter, 1.0 / p.n, column + (channel - first) * p.filters * p.itemsize, p.taps,
                            <int>min(p.filters - filter, p.lanes))
    p.fft.forward(column, p.log2n, 2 * p.lanes)


cdef Py_ssize_t block_bytes(const FFTPlan *p) noexcept nogil:
    return spectra_bytes(p, p.block, p.channels) + spectra_bytes(p, p.block, p.filters)


cdef void block_task(void *context, Py_ssize_t index) noexcept nogil:
    cdef FFTCall *call = <FFTCall *>context
    cdef const FFTPlan *p = call.plan
    cdef Py_ssize_t first = index * p.block
    cdef Py_ssize_t count = min(p.block, p.pairs - first)
    cdef char *inputs = <char *>runtime.scratch(MG_SCRATCH_TASK, block_bytes(p))
    cdef char *outputs = inputs + spectra_bytes(p, p.block, p.channels)
    if inputs == NULL:
        call.failed = True
        return
    load_signals(p, call.x, p.steps, p.channels, -p.left, p.n, first, count, inputs)
    multiply(p, inputs, p.input_rows, p.channel_places, call.taps, p.tap_rows, outputs, p.output_rows, count,
             p.channels, 0, ceil_div(p.filters, p.lanes), 0, parts_of(p), False, False)
    store_signals(p, outputs, first, count, call.bias, call.relu, call.y)
    runtime.scratch_end(MG_SCRATCH_TASK)


cdef bint convolve(const FFTPlan *p, const char *x, const char *kernel, const char *bias, char *y,
                   bint relu) noexcept nogil:
    cdef FFTCall call
    call.plan, call.x, call.kernel, call.bias, call.y, call.relu, call.failed = p, x, kernel, bias, y, relu, False
    call.taps = <char *>runtime.scratch(MG_SCRATCH_JOB, spectra_bytes(p, p.channels, p.filters))
    if call.taps == NULL:
        call.failed = True
    else:
        runtime.run_job(taps_task, &call, columns_of(p, p.channels, p.filters),
                        5e-9 * p.n * columns_of(p, p.channels, p.filters))
        runtime.run_job(block_task, &call, ceil_div(p.pairs, p.block),
                        5e-9 * p.n * p.pairs * (p.channels + p.filters))
        runtime.scratch_end(MG_SCRATCH_JOB)
    return not call.failed


# ---- gradient to the kernel ----

cdef Py_ssize_t chunk_pairs(const FFTPlan *p) noexcept nogil:
    cdef Py_ssize_t pair = spectra_bytes(p, p.lanes, p.channels + p.filters) // p.lanes
    cdef Py_ssize_t chunks = ceil_div(p.pairs, max(1, CHUNK_BYTES // max(pair, 1)))
    return ceil_div(ceil_div(p.pairs, max(chunks, 1)), p.unit) * p.unit


cdef Py_ssize_t chunk_bytes(const FFTPlan *p) noexcept nogil:
    cdef Py_ssize_t chunk = chunk_pairs(p)
    return (spectra_bytes(p, chunk, p.channels) + spectra_bytes(p, chunk, p.filters)
            + spectra_bytes(p, p.channels, p.filters))


cdef void spread_task(void *context, Py_ssize_t index) noexcept nogil:
    """`unit` pairs of the chunk, which share no column with others: their inputs, or their gradients."""
    cdef FFTCall *call = <FFTCall *>context
    cdef const FFTPlan *p = call.plan
    cdef Py_ssize_t first = index // 2 * p.unit
    cdef Py_ssize_t count = min(p.unit, call.count - first)
    if index % 2:
        load_signals(p, call.y, p.out_steps, p.filters, 0, p.step, call.first + first, count,
                     call.gradients + row_offset(p, first, p.filters) * p.itemsize)
    else:
        load_signals(p, call.x, p.steps, p.channels, -p.left, p.n, call.first + first, count,
                     call.inputs + row_offset(p, first, p.channels) * p.itemsize)


cdef void sums_task(void *context, Py_ssize_t index) noexcept nogil:
    """One vector of filters, some channels, some frequencies."""
    cdef FFTCall *call = <FFTCall *>context
    cdef const FFTPlan *p = call.plan
    cdef Py_ssize_t blocks = sums_blocks(p), block = index % blocks, columns = ceil_div(p.filters, p.lanes)
    cdef Py_ssize_t first = index // blocks // columns * ROWS, vector = index // blocks % columns
    multiply(p, call.inputs, p.channel_places + first, p.input_rows, call.gradients, p.output_rows, call.sums,
             p.tap_rows + first, min(ROWS, p.channels - first), call.count, vector, 1,
             block * parts_of(p) // blocks, (block + 1) * parts_of(p) // blocks, True, call.first > 0)


cdef void fold_task(void *context, Py_ssize_t index) noexcept nogil:
    """Transform one column of sums back and store its taps."""
    cdef FFTCall *call = <FFTCall *>context
    cdef const FFTPlan *p = call.plan
    cdef Py_ssize_t sharing = max(p.lanes // p.filters, 1), columns = ceil_div(p.filters, p.lanes)
    cdef Py_ssize_t first = index // columns * sharing, channel, filter = index % columns * p.lanes
    cdef char *column = call.sums + index * p.pitch * p.itemsize
    p.fft.inverse(column, p.log2n, 2 * p.lanes)
    for channel in range(first, min(first + sharing, p.channels)):
        p.kernels.store_taps(column + (channel - first) * p.filters * p.itemsize, 1.0 / p.n,
                             call.dkernel + (channel * p.filters + filter) * p.itemsize, p.channels * p.filters, p.taps,
                             <int>min(p.filters - filter, p.lanes))


cdef bint correlate_kernel(const FFTPlan *p, const char *x, const char *dy, char *dkernel) noexcept nogil:
    cdef FFTCall call
    cdef Py_ssize_t chunk = chunk_pairs(p), columns = columns_of(p, p.channels, p.filters)
    call.plan, call.x, call.y, call.dkernel, call.failed = p, x, <char *>dy, dkernel, False
    call.inputs = <char *>runtime.scratch(MG_SCRATCH_JOB, chunk_bytes(p))
    if call.inputs == NULL:
        call.failed = True
    else:
        call.gradients = call.inputs + spectra_bytes(p, chunk, p.channels)
        call.sums = call.gradients + spectra_bytes(p, chunk, p.filters)
        call.first = 0
        while call.first < p.pairs:
            call.count = min(chunk, p.pairs - call.first)
            runtime.run_job(spread_task, &call, 2 * ceil_div(call.count, p.unit),
                            5e-9 * p.n * call.count * (p.channels + p.filters))
            runtime.run_job(sums_task, &call,
                            ceil_div(p.channels, ROWS) * ceil_div(p.filters, p.lanes) * sums_blocks(p),
                            2e-10 * p.n * call.count * p.channels * p.filters)
            call.first += chunk
        runtime.run_job(fold_task, &call, columns, 5e-9 * p.n * columns)
        runtime.scratch_end(MG_SCRATCH_JOB)
    return not call.failed


# ---- plans ----

cdef Py_ssize_t *offsets(const FFTPlan *p, Py_ssize_t count, Py_ssize_t width) except NULL:
    """Places of `count` rows of `width` channels or, for width 0, of channels in a row."""
    cdef Py_ssize_t *places = <Py_ssize_t *>malloc(max(count, 1) * sizeof(Py_ssize_t))
    cdef Py_ssize_t i
    if places == NULL:
        raise MemoryError
    for i in range(count):
        places[i] = row_offset(p, i, width) if width else channel_offset(p, i)
    return places


cdef lay_out(FFTPlan *p, int log2n):
    cdef Py_ssize_t pair
    p.lanes = p.fft.lanes
    p.log2n, p.n = log2n, 1 << log2n
    p.pitch = (p.n + 1) * 2 * p.lanes          # keeps columns out of one another's cache sets
    p.step = p.n - p.taps + 1
    p.segments = ceil_div(p.out_steps, p.step)
    p.pairs = p.batch * ceil_div(p.segments, 2)
    # Pairs that fill their columns, of inputs and of outputs.
    p.unit = max(p.lanes // p.channels, p.lanes // p.filters, 1)
    while p.unit % max(p.lanes // p.channels, 1) or p.unit % max(p.lanes // p.filters, 1):
        p.unit += 1
    pair = spectra_bytes(p, p.lanes, p.channels + p.filters) // p.lanes
    p.block = min(max(BLOCK_BYTES // pair, ROWS), max(ceil_div(p.pairs, 4), 1))
    p.block = ceil_div(ceil_div(p.pairs, max(ceil_div(p.pairs, p.block), 1)), p.unit) * p.unit
    p.input_rows = offsets(p, max(p.block, chunk_pairs(p)), p.channels)
    p.output_rows = offsets(p, max(p.block, chunk_pairs(p)), p.filters)
    p.tap_rows = offsets(p, p.channels, p.filters)
    p.channel_places = offsets(p, p.channels, 0)


cdef void release(FFTPlan *p) noexcept:
    free(p.input_rows)
    free(p.output_rows)
    free(p.tap_rows)
    free(p.channel_places)


cdef class FFTConv(runtime.Algorithm):
    """For long kernels in 1-D with unit stride, no dilation, one group; segments of 2**log2n elements."""

    @staticmethod
    def serves(geometry):
        return (geometry.rank == 1 and geometry.strides == (1,) and geometry.dilation_rate == (1,)
                and geometry.groups == 1 and 2 * geometry.kernel_shape[0] <= 1 << runtime.MG_FFT_MAX_LOG2)

    def __init__(self, geometry, bint wide, int log2n):
        cdef FFTPlan *p = &self.towards_output
        cdef FFTPlan *q = &self.towards_input
        p.fft, p.kernels = runtime.active_isa().fft[wide], runtime.active_isa().fft_conv[wide]
        p.itemsize = 8 if wide else 4
        p.batch, p.steps, p.channels = geometry.input_shape
        p.out_steps, p.filters = geometry.output_shape[1:]
        p.taps, p.left = geometry.kernel_shape[0], geometry.pads[0][0]
        p.tap, p.channel, p.filter = p.channels * p.filters, p.filters, 1
        p.last_tap = (p.taps - 1) * p.tap
        # Backwards: taps turned, channels and filters exchanged.
        q[0] = p[0]
        q.steps, q.channels, q.out_steps, q.filters = p.out_steps, p.filters, p.steps, p.channels
        q.left = p.taps - 1 - p.left
        q.tap, q.channel, q.filter, q.last_tap = -p.tap, 1, p.filters, 0
        lay_out(p, log2n)
        lay_out(q, log2n)
        self.scratch_bytes = max(spectra_bytes(p, p.channels, p.filters) + block_bytes(p),
                                 spectra_bytes(q, q.channels, q.filters) + block_bytes(q), chunk_bytes(p))

    def __dealloc__(self):
        release(&self.towards_output)
        release(&self.towards_input)

    cdef bint forward(self, const char *x, const char *kernel, const char *bias, char *y, bint relu) noexcept nogil:
        return convolve(&self.towards_output, x, kernel, bias, y, relu)

    cdef bint grad_input(self, const char *dy, const char *kernel, char *dx) noexcept nogil:
        return convolve(&self.towards_input, dy, kernel, NULL, dx, False)

    cdef bint grad_kernel(self, const char *x, const char *dy, char *dkernel) noexcept nogil:
        return correlate_kernel(&self.towards_output, x, dy, dkernel)
