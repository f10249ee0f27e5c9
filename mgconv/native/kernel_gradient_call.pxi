# One call of the sum: a task's loops over boxes and tiles, and the copies they read; part of kernel_gradient.pyx.

cdef void copy_positions(char *to, const char *source, Py_ssize_t count, Py_ssize_t size, Py_ssize_t to_pitch,
                         Py_ssize_t pitch) noexcept nogil:
    """`size` bytes of each position."""
    cdef Py_ssize_t i
    if to_pitch == pitch == size:
        memcpy(to, source, count * size)
        return
    for i in range(count):
        memcpy(to + i * to_pitch, source + i * pitch, size)


cdef void copy_x(const SumPlan *p, const char *x, char *to, Py_ssize_t size, const Py_ssize_t *first,
                 const Py_ssize_t *end) noexcept nogil:
    """`size` bytes of each input position of a box, and the zeros around them."""
    cdef const Axis *rows = &p.axis[ROWS]
    cdef const Axis *columns = &p.axis[COLUMNS]
    cdef Py_ssize_t h0 = first[ROWS] * rows.stride + rows.start, w0 = first[COLUMNS] * columns.stride + columns.start
    cdef Py_ssize_t h1 = (end[ROWS] - 1) * rows.stride + rows.start + (rows.taps - 1) * rows.dilation + 1
    cdef Py_ssize_t w1 = (end[COLUMNS] - 1) * columns.stride + columns.start \
        + (columns.taps - 1) * columns.dilation + 1
    cdef Py_ssize_t from_ = min(max(w0, 0), w1), till = max(min(w1, columns.size), from_), n, h
    for n in range(first[IMAGES], end[IMAGES]):
        for h in range(h0, h1):
            if h < 0 or h >= rows.size:
                memset(to, 0, (w1 - w0) * p.x_pitch)
            else:
                memset(to, 0, (from_ - w0) * p.x_pitch)
                copy_positions(to + (from_ - w0) * p.x_pitch,
                               x + n * p.axis[IMAGES].x_one + h * rows.x_one + from_ * p.x_position,
                               till - from_, size, p.x_pitch, p.x_position)
                memset(to + (till - w0) * p.x_pitch, 0, (w1 - till) * p.x_pitch)
            to += p.x_row


cdef void copy_dy(const SumPlan *p, const char *dy, char *to, Py_ssize_t size, const Py_ssize_t *first,
                  const Py_ssize_t *end) noexcept nogil:
    """`size` bytes of each output position of a box."""
    cdef Py_ssize_t n, r, count = end[COLUMNS] - first[COLUMNS]
    for n in range(first[IMAGES], end[IMAGES]):
        for r in range(first[ROWS], end[ROWS]):
            copy_positions(to, dy + n * p.axis[IMAGES].y_step + r * p.axis[ROWS].y_step
                           + first[COLUMNS] * p.axis[COLUMNS].y_step, count, size, p.dy_pitch, p.axis[COLUMNS].y_step)
            to += count * p.dy_pitch


cdef void touch_dy(const SumPlan *p, const char *dy, Py_ssize_t size, const Py_ssize_t *first,
                   const Py_ssize_t *end) noexcept nogil:
    """Of a box, before tiles read it here and there."""
    cdef Py_ssize_t n, r
    for n in range(first[IMAGES], end[IMAGES]):
        for r in range(first[ROWS], end[ROWS]):
            runtime.touch_rows(dy + n * p.axis[IMAGES].y_step + r * p.axis[ROWS].y_step
                               + first[COLUMNS] * p.axis[COLUMNS].y_step, p.axis[COLUMNS].y_step,
                               end[COLUMNS] - first[COLUMNS], size)


# Where a box's x (for tap 0) or dy lies, in bytes: its first output's, and the steps from output to output.
cdef struct Source:
    const char *base
    Py_ssize_t step, row, image


cdef void find_edges(const SumPlan *p, runtime.mg_conv_outer *t, Py_ssize_t row, Py_ssize_t column) noexcept nogil:
    """Channelwise, where a box that begins at output `row` and `column` leaves x; a copy has zeros there."""
    cdef const Axis *rows = &p.axis[ROWS]
    cdef const Axis *columns = &p.axis[COLUMNS]
    t.tap_rows, t.tap_columns = t.offsets + p.entries, t.offsets + 2 * p.entries
    t.row, t.row_step, t.last_row = row * rows.stride + rows.start, rows.stride, rows.size - 1
    t.column, t.column_step, t.last_column = column * columns.stride + columns.start, columns.stride, columns.size - 1
    t.inner_from = min(max(columns.direct_from - column, 0), t.positions)
    t.inner_to = min(max(columns.direct_to - column, t.inner_from), t.positions)
    if p.x_copied:
        t.row = t.row_step = 0
        t.last_row = rows.taps * rows.dilation
        t.inner_from, t.inner_to = 0, t.positions


cdef void sum_parts(const SumPlan *p, const Part *entry, const Part *filters, const Source *x, const Source *dy,
                    const Py_ssize_t *first, const Py_ssize_t *end, char *result, bint accumulate) noexcept nogil:
    """One tile over one box."""
    cdef Py_ssize_t r0 = max(first[ROWS], entry.first_row), r1 = min(end[ROWS], entry.end_row)
    cdef Py_ssize_t c0 = max(first[COLUMNS], entry.first_column), c1 = min(end[COLUMNS], entry.end_column)
    cdef const char *x_base
    cdef const char *dy_base
    cdef int kind, height
    cdef runtime.mg_conv_outer t
    t.images = end[IMAGES] - first[IMAGES]
    t.rows, t.positions = max(r1 - r0, 0), max(c1 - c0, 0)
    x_base = x.base + (r0 - first[ROWS]) * x.row + (c0 - first[COLUMNS]) * x.step + entry.x + filters.x
    dy_base = dy.base + (r0 - first[ROWS]) * dy.row + (c0 - first[COLUMNS]) * dy.step + filters.at * p.item
    t.accumulate = accumulate
    t.offsets = p.offsets + entry.table if p.tabled else NULL
    if p.swapped:
        t.a, t.a_step, t.a_row, t.a_image = dy_base, dy.step, dy.row, dy.image
        t.b, t.b_step, t.b_row, t.b_image = x_base, x.step, x.row, x.image
        t.out, t.out_step = result + (filters.at * p.entries + entry.at) * p.item, p.entries * p.item
        kind, height = runtime.MG_OUTER_1 + entry.vectors - 1, filters.count
        t.lanes = entry.count - (entry.vectors - 1) * p.lanes
    else:
        t.a, t.a_step, t.a_row, t.a_image = x_base, x.step, x.row, x.image
        t.b, t.b_step, t.b_row, t.b_image = dy_base, dy.step, dy.row, dy.image
        t.out, t.out_step = result + (entry.at * p.filters + filters.at) * p.item, p.filters * p.item
        kind, height = runtime.MG_OUTER_1 + filters.vectors - 1, entry.count
        t.lanes = filters.count - (filters.vectors - 1) * p.lanes
        if p.channelwise:
            kind = runtime.MG_OUTER_LANES
            find_edges(p, &t, r0, c0)
        elif p.tabled:
            kind = runtime.MG_OUTER_TABLE_1 + filters.vectors - 1
    p.kernels.tiles[kind][height - 1](&t)


cdef Py_ssize_t block_start(const SumPlan *p, Py_ssize_t block) noexcept nogil:
    """The first filter of a block of filter parts."""
    cdef Py_ssize_t part = block * p.filter_count // p.filter_blocks
    return p.filter_parts[part].at if part < p.filter_count else p.filters


cdef void add_chunks(const SumPlan *p, char *to, const char *chunks, Py_ssize_t size, Py_ssize_t count,
                     Py_ssize_t stride) noexcept nogil:
    p.kernels.add_parts(to, chunks, size, count, stride)


cdef SumPlan part_of(const SumPlan *p, Py_ssize_t images, Py_ssize_t positions,
                     Py_ssize_t filter_blocks) noexcept nogil:
    cdef SumPlan part = p[0]
    part.axis[IMAGES].out, part.axis[COLUMNS].out, part.filter_blocks = images, positions, filter_blocks
    return part


cdef void sum_task(void *context, Py_ssize_t index) noexcept nogil:
    cdef SumCall *call = <SumCall *>context
    cdef const SumPlan *p = call.plan
    cdef const Axis *rows = &p.axis[ROWS]
    cdef const Axis *columns = &p.axis[COLUMNS]
    cdef Py_ssize_t e = index % p.entry_blocks, block = index // p.entry_blocks % p.filter_blocks
    cdef Py_ssize_t chunk = p.chunks - 1 - index // p.entry_blocks // p.filter_blocks   # used last, comes first
    cdef Py_ssize_t e0 = e * p.entry_count // p.entry_blocks, e1 = (e + 1) * p.entry_count // p.entry_blocks
    cdef Py_ssize_t f0 = block * p.filter_count // p.filter_blocks, f1 = (block + 1) * p.filter_count // p.filter_blocks
    cdef Py_ssize_t box0 = chunk * p.boxes // p.chunks, box1 = (chunk + 1) * p.boxes // p.chunks
    cdef Py_ssize_t box, f, outer, inner
    cdef Py_ssize_t filter = block_start(p, block) * p.item, filter_bytes = block_start(p, block + 1) * p.item - filter
    cdef Py_ssize_t channel = filter if p.channelwise else 0
    cdef Py_ssize_t channel_bytes = filter_bytes if p.channelwise else p.x_position
    cdef Py_ssize_t first[3]
    cdef Py_ssize_t end[3]
    cdef bint by_rows = not p.swapped and p.filters * p.item > ROWS_APART
    cdef char *copies = NULL
    cdef char *result = call.result + chunk * p.entries * p.filters * p.item
    cdef Source x = Source(base=NULL, step=columns.stride * p.x_pitch, row=rows.stride * p.x_row,
                           image=p.axis[IMAGES].x_one)
    cdef Source dy = Source(base=NULL, step=columns.y_step, row=rows.y_step, image=p.axis[IMAGES].y_step)
    if p.x_bytes or p.dy_bytes:
        copies = <char *>runtime.scratch(runtime.MG_SCRATCH_TASK, p.x_bytes + p.dy_bytes)
        if copies == NULL:
            call.failed = True
            return
    for box in range(box0, box1):
        if runtime.job_ends():
            break
        find_box(p.axis, box, first, end)
        if p.x_copied:
            copy_x(p, call.x + channel, copies, channel_bytes, first, end)
            x.base = copies - channel
            x.image = ((end[ROWS] - first[ROWS] - 1) * rows.stride + (rows.taps - 1) * rows.dilation + 1) * p.x_row
        else:
            x.base = call.x + first[IMAGES] * x.image + (first[ROWS] * rows.stride + rows.start) * p.x_row \
                + (first[COLUMNS] * columns.stride + columns.start) * p.x_pitch
        if p.dy_bytes:
            copy_dy(p, call.dy + filter, copies + p.x_bytes, filter_bytes, first, end)
            dy.base = copies + p.x_bytes - filter
            dy.step = p.dy_pitch
            dy.row = (end[COLUMNS] - first[COLUMNS]) * dy.step
            dy.image = (end[ROWS] - first[ROWS]) * dy.row
        else:
            dy.base = call.dy + first[IMAGES] * dy.image + first[ROWS] * dy.row + first[COLUMNS] * dy.step
            if p.dy_ahead:
                touch_dy(p, call.dy + filter, filter_bytes, first, end)
        for outer in range(e0 if by_rows else f0, e1 if by_rows else f1):
            for inner in range(f0 if by_rows else e0, f1 if by_rows else e1):
                e, f = (outer, inner) if by_rows else (inner, outer)
                sum_parts(p, &p.entry_parts[e], &p.filter_parts[f], &x, &dy, first, end, result,
                          call.more or box > box0)
    if copies != NULL:
        runtime.scratch_end(runtime.MG_SCRATCH_TASK)
