# The gradient to an input of few channels; part of correlation.pyx.

cdef enum:
    CHUNK_BYTES = 16 * 1024           # of products: they stay in the first-level cache
    MOST_ENTRIES = 4096               # of a kernel: more would take a megabyte of products, and an FFT less time
    SPANS = 8                         # a task has so many times what a kernel spans: few products are made twice


cdef class ScatterConv(runtime.Algorithm):
    """The gradient to the input as one product and an addition, for few channels and many filters:

        p[o, t, k] = sum over f of dy[o, f] * kernel[t, k, f]        dx[o*s + start + t*d, k] += p[o, t, k]

    The kernel's entries (t, k) fill the lanes, which the few channels would leave empty. A task owns a box of dx, so
    nothing is added from two sides: it makes the products of all outputs whose taps reach the box, in their order.

        task                  an image, a block of its rows (or of its columns, where there is one row)
          chunk of outputs    the products, of a row of outputs at most
            kernel row, run   added to a row of dx; a run is the elements of neighbouring taps
    """

    @staticmethod
    def serves(geometry):
        *entries, filters = geometry.kernel_shape
        return geometry.groups == 1 and filters > 1 and 1 < math.prod(entries) <= MOST_ENTRIES

    def __cinit__(self, geometry, bint wide):
        cdef ScatterPlan *p = &self.plan
        cdef Spread *across
        p.kernels = runtime.active_isa().conv_outer[wide]
        p.item = 8 if wide else 4
        p.batch, *sizes, p.channels = geometry.input_shape
        *taps, _, p.filters = geometry.kernel_shape
        p.entries = math.prod(taps) * p.channels
        _, *outputs, _ = geometry.output_shape
        axes = [(1, 1, 1, 1, 0, 1)] if geometry.rank == 1 else []
        axes += zip(sizes, taps, geometry.dilation_rate, geometry.strides, [-before for before, _ in geometry.pads],
                    outputs)
        rows, columns = axes
        p.rows.size, p.rows.taps, p.rows.dilation, p.rows.stride, p.rows.start, p.rows.out = rows
        p.columns.size, p.columns.taps, p.columns.dilation, p.columns.stride, p.columns.start, p.columns.out = columns
        p.runs = 1 if p.columns.dilation == 1 else p.columns.taps
        p.run = p.columns.taps * p.channels // p.runs
        p.chunk = min(max(CHUNK_BYTES // (p.entries * p.item), 16), p.columns.out)
        n = max(p.chunk, 2)                                   # one position would lie along the images
        self.product = Correlation(wide, 1, (1, 1, 1, 1, 0, 1, 0), (n, 1, 1, 1, 0, n, p.entries), 1, p.filters,
                                   p.entries, 0, 0, (0, 0, 1, p.filters, 0), 0)
        p.seconds = (p.batch * <double>p.rows.out * p.columns.out * p.entries * (p.filters + 4)
                     / (self.product.plan.kernels.lanes * 5e9))
        across = &p.columns if p.rows.size == 1 else &p.rows
        p.rows.blocks = p.columns.blocks = 1
        across.blocks = max(min(ceil_div(min(<Py_ssize_t>(p.seconds / 5e-6), TASKS), p.batch),
                                across.size // (SPANS * ((across.taps - 1) * across.dilation + 1))), 1)
        p.tasks = p.batch * across.blocks
        self.scratch_bytes = self.product.plan.packed_bytes + p.chunk * p.entries * p.item

    cdef bint grad_input(self, const char *dy, const char *kernel, char *dx) noexcept nogil:
        cdef ScatterCall call = ScatterCall(
            plan=&self.plan, product=bind(&self.product.plan, dy, kernel, NULL, NULL, False), dx=dx)
        cdef char *packed = <char *>runtime.scratch(runtime.MG_SCRATCH_JOB, self.product.plan.packed_bytes)
        if packed == NULL:
            call.product.failed = True
        else:
            pack(&call.product, packed)
            runtime.run_job(scatter_task, &call, self.plan.tasks, self.plan.seconds)
            runtime.scratch_end(runtime.MG_SCRATCH_JOB)
        return not call.product.failed


cdef struct ScatterCall:
    const ScatterPlan *plan
    CorrelationCall product
    char *dx


cdef inline Py_ssize_t first_reaching(const Spread *a, Py_ssize_t from_, Py_ssize_t tap) noexcept nogil:
    """The first output whose tap lies at input `from_` or behind."""
    cdef Py_ssize_t distance = from_ - a.start - tap * a.dilation
    return min(ceil_div(distance, a.stride), a.out) if distance > 0 else 0


cdef void add_row(const ScatterPlan *p, char *dx, const char *products, Py_ssize_t output, Py_ssize_t count,
                  Py_ssize_t tap, Py_ssize_t from_, Py_ssize_t till) noexcept nogil:
    """Add one run of each product to columns from_ ... till - 1 of the row `dx`; the outputs begin with `output`, the
    run with column tap `tap`."""
    cdef Py_ssize_t at = (output * p.columns.stride + p.columns.start + tap * p.columns.dilation) * p.channels
    cdef Py_ssize_t step = p.columns.stride * p.channels, low = from_ * p.channels, high = till * p.channels
    cdef Py_ssize_t i = 0, whole, first, end
    while i < count:
        whole = 0
        if at + i * step >= low and at + i * step + p.run <= high:
            whole = min(count - i, (high - p.run - at - i * step) // step + 1)
            p.kernels.add_runs(dx + (at + i * step) * p.item, step, products + i * p.entries * p.item, p.entries, whole,
                               p.run)
            i += whole
            continue
        first, end = max(low, at + i * step), min(high, at + i * step + p.run)
        if first < end:
            p.kernels.add_runs(dx + first * p.item, step,
                               products + (i * p.entries + first - at - i * step) * p.item, p.entries, 1, end - first)
        i += 1


cdef void scatter_task(void *context, Py_ssize_t index) noexcept nogil:
    cdef ScatterCall *call = <ScatterCall *>context
    cdef const ScatterPlan *p = call.plan
    cdef Py_ssize_t blocks = p.rows.blocks * p.columns.blocks, block = index % blocks, image = index // blocks
    cdef Py_ssize_t row = block // p.columns.blocks, column = block % p.columns.blocks
    cdef Py_ssize_t h0 = row * p.rows.size // p.rows.blocks, h1 = (row + 1) * p.rows.size // p.rows.blocks
    cdef Py_ssize_t w0 = column * p.columns.size // p.columns.blocks
    cdef Py_ssize_t w1 = (column + 1) * p.columns.size // p.columns.blocks
    cdef Py_ssize_t r1 = first_reaching(&p.rows, h1, 0), c1 = first_reaching(&p.columns, w1, 0), r, c, count, h, i, j
    cdef Py_ssize_t size = p.columns.size * p.channels * p.item, filters = p.filters * p.item
    cdef char *dx = call.dx + image * p.rows.size * size
    cdef CorrelationCall product = call.product               # this task's part of it
    cdef const char *dy = product.x + image * p.rows.out * p.columns.out * filters
    cdef char *products = <char *>runtime.scratch(runtime.MG_SCRATCH_TASK, p.chunk * p.entries * p.item)
    if products == NULL:
        call.product.failed = True
        return
    product.y = products
    for h in range(h0, h1):
        memset(dx + h * size + w0 * p.channels * p.item, 0, (w1 - w0) * p.channels * p.item)
    for r in range(first_reaching(&p.rows, h0, p.rows.taps - 1), r1):
        c = first_reaching(&p.columns, w0, p.columns.taps - 1)
        while c < c1:
            count = min(p.chunk, c1 - c)
            product.x = dy + (r * p.columns.out + c) * filters
            run_positions(&product, 1, count, 0, product.plan.panel_count)
            for i in range(p.rows.taps):
                h = r * p.rows.stride + p.rows.start + i * p.rows.dilation
                if h0 <= h < h1:
                    for j in range(p.runs):
                        add_row(p, dx + h * size, products + (i * p.runs + j) * p.run * p.item, c, count, j, w0, w1)
            c += count
    runtime.scratch_end(runtime.MG_SCRATCH_TASK)
