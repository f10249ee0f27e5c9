# One call of passes: the loops of a task, from its box down to the rows of tiles; part of correlation.pyx.

cdef struct Segment:
    Py_ssize_t first, count           # positions along the tiles' axis
    const char *x                     # where tap 0 of position 0 of the other axes' origin would be
    Py_ssize_t row, column            # bytes between rows and columns there


cdef inline void valid_taps(const Axis *a, Py_ssize_t out, Py_ssize_t *first, Py_ssize_t *end) noexcept nogil:
    """The taps of output `out` that lie inside."""
    cdef Py_ssize_t at = out * a.stride + a.start
    first[0] = ceil_div(-at, a.dilation) if at < 0 else 0
    end[0] = min(a.taps, (a.size - 1 - at) // a.dilation + 1) if at < a.size else 0
    if first[0] > end[0]:
        first[0] = end[0]


cdef void stream_tiles(runtime.mg_conv_rows compute, const runtime.mg_conv_row *row, Py_ssize_t tiles,
                       Py_ssize_t height, Py_ssize_t width, Py_ssize_t rows, bint beside) noexcept nogil:
    """Tiles go to y past the caches: `rows` of them, each of `width` bytes for each of `height` positions, one `beside`
    the other or behind it."""
    cdef Py_ssize_t at_once = max(STREAMED // (rows * height * width), 1), count, down, i
    cdef char *y = row.y
    cdef char room[STREAMED + LINE]
    cdef runtime.mg_conv_row part = row[0]
    part.y = room + (-<Py_ssize_t>room & (LINE - 1))
    part.far = False
    if beside and width < LINE:
        at_once = max(at_once // (LINE // width), 1) * (LINE // width)       # whole lines
    while tiles > 0:
        count = min(tiles, at_once)
        down = height if beside else count * height
        part.y_tile = width if beside else height * width
        part.y_step = count * width if beside else width
        part.y_outer = down * part.y_step
        compute(&part, count)
        for i in range(rows):
            runtime.stream_rows(y + i * row.y_outer, row.y_step, part.y + i * part.y_outer, down, part.y_step)
        part.x += count * row.x_tile
        part.kernel += count * row.kernel_tile
        if part.bias != NULL:
            part.bias += count * row.bias_tile
        y += count * row.y_tile
        tiles -= count


cdef inline void compute_tiles(runtime.mg_conv_rows compute, const runtime.mg_conv_row *row, Py_ssize_t tiles,
                               Py_ssize_t height, Py_ssize_t width, Py_ssize_t rows, bint beside,
                               bint stream) noexcept nogil:
    if stream:
        stream_tiles(compute, row, tiles, height, width, rows, beside)
    else:
        compute(row, tiles)


cdef void run_tiles(const Call *call, const Panel *panel, runtime.mg_conv_row *row, Py_ssize_t positions,
                    bint stream) noexcept nogil:
    """`positions` in a row, cut into tiles of two heights that differ by one."""
    cdef const runtime.mg_conv_rows *tiles = call.plan.kernels.rows[panel.kind]
    cdef Py_ssize_t count = ceil_div(positions, panel.height), height = ceil_div(positions, count)
    cdef Py_ssize_t high = positions - count * (height - 1), width = panel.width * call.plan.item
    row.kernel_tile = row.bias_tile = 0
    row.x_tile, row.y_tile = height * row.x_step, height * row.y_step
    compute_tiles(tiles[height - 1], row, high, height, width, 1, False, stream)
    if high < count:
        row.x += high * row.x_tile
        row.y += high * row.y_tile
        row.x_tile -= row.x_step
        row.y_tile -= row.y_step
        compute_tiles(tiles[height - 2], row, count - high, height - 1, width, 1, False, stream)


cdef void run_channels(const Call *call, const Panel *panel, runtime.mg_conv_row *row, Py_ssize_t first,
                       Py_ssize_t positions, Py_ssize_t panels, bint pair, bint stream) noexcept nogil:
    """Channelwise, all panels pass over one tile's positions (the `first` and those behind it) before the next: every
    access runs along memory. A `pair` is this row and the next."""
    cdef const Pass *p = call.plan
    cdef const Axis *along = &p.axis[p.along]
    cdef const Panel *last = panel + panels - 1
    cdef Py_ssize_t whole = panels - (last.kind == runtime.MG_LANES_PART)
    cdef int kind = runtime.MG_LANES_PAIR if pair else runtime.MG_LANES
    cdef Py_ssize_t count = ceil_div(positions, p.kernels.height[kind]), height = ceil_div(positions, count)
    cdef Py_ssize_t high = positions - count * (height - 1), vector = panel.width * p.item, i
    cdef runtime.mg_conv_row rest
    row.x_tile, row.y_tile, row.bias_tile = vector, 0 if p.summed else vector, 0 if p.summed else vector
    row.summed = p.summed
    row.kernel_tile = p.axis[ROWS].taps * panel.outer_bytes
    if p.cut_edges:
        row.column, row.last_column = first * along.stride + along.start, along.size - 1
        row.column_step, row.column_tap = along.stride, along.dilation
        if p.along == ROWS:
            row.outer, row.inner = row.inner, row.outer
            row.x_outer, row.x_inner = row.x_inner, row.x_outer
            row.kernel_outer, row.kernel_inner = row.kernel_inner, row.kernel_outer
    for i in range(count):
        if i == high:
            height -= 1
        compute_tiles(p.kernels.rows[kind][height - 1], row, whole, height, vector, 2 if pair else 1, True, stream)
        if whole < panels:
            rest = row[0]
            rest.x += whole * vector
            rest.y += whole * vector
            rest.kernel += whole * row.kernel_tile
            if rest.bias != NULL:
                rest.bias += whole * vector
            rest.lanes = last.lanes
            p.kernels.rows[runtime.MG_LANES_PART][height - 1](&rest, 1)
            if pair:
                rest.x += rest.x_outer
                rest.y += rest.y_outer
                p.kernels.rows[runtime.MG_LANES_PART][height - 1](&rest, 1)
        row.x += height * row.x_step
        row.y += height * row.y_step
        row.column += height * row.column_step


cdef void run_repeated(const Call *call, const Panel *panel, runtime.mg_conv_row *row,
                       Py_ssize_t positions) noexcept nogil:
    """Several positions of few channels in one vector: what is left over at the end fills a part of one."""
    cdef const Pass *p = call.plan
    cdef Py_ssize_t vectors = positions // p.repeat, rest = positions % p.repeat
    cdef const char *x = row.x + vectors * p.repeat * row.x_step
    cdef char *y = row.y + vectors * p.repeat * row.y_step
    row.x_step *= p.repeat
    row.y_step *= p.repeat
    if call.bias != NULL:
        row.bias = call.packed + p.packed_bias
    if vectors:
        run_tiles(call, panel, row, vectors, False)
    if rest:
        row.x, row.y, row.lanes = x, y, <int>(rest * panel.filters)
        row.x_tile = row.y_tile = row.kernel_tile = row.bias_tile = 0
        p.kernels.rows[runtime.MG_LANES_PART][0](row, 1)


cdef void run_segment(const Call *call, const Panel *panel, const Segment *s, Py_ssize_t n, Py_ssize_t r,
                      Py_ssize_t c, Py_ssize_t panels, bint pair) noexcept nogil:
    """The outputs of one segment: its positions at image n, row r, column c (that along the tiles' axis does not
    count); channelwise, those of `panels` panels, and of the next row if `pair`."""
    cdef const Pass *p = call.plan
    cdef const Axis *along = &p.axis[p.along]
    cdef const Axis *rows = &p.axis[ROWS]
    cdef const Axis *columns = &p.axis[COLUMNS]
    cdef Py_ssize_t i0 = 0, i1 = rows.taps, j0 = 0, j1 = columns.taps
    cdef bint stream
    cdef runtime.mg_conv_row row
    if p.along != ROWS:
        valid_taps(rows, r, &i0, &i1)
    if p.along != COLUMNS and not p.merged:
        valid_taps(columns, c, &j0, &j1)
    row.outer, row.inner, row.run = i1 - i0, j1 - j0, p.run
    row.kernel_outer, row.kernel_inner = panel.outer_bytes, panel.inner_bytes
    row.kernel = call.packed + panel.packed + i0 * panel.outer_bytes + j0 * panel.inner_bytes
    if p.merged:
        row.inner, row.run = 1, p.run * columns.taps
    row.x_outer, row.x_inner = rows.dilation * s.row, columns.dilation * s.column
    if p.channelwise:
        row.inner, row.x_inner, row.kernel_inner = row.inner * p.run, row.x_inner // p.run, row.kernel_inner // p.run
    row.x_step = along.x_step if p.along == IMAGES else along.stride * (s.row if p.along == ROWS else s.column)
    row.x = s.x + panel.x + i0 * row.x_outer + j0 * columns.dilation * s.column
    if p.along != IMAGES:
        row.x += s.first * row.x_step
    if p.along != ROWS:
        row.x += (r * rows.stride + rows.start) * s.row
    if p.along != COLUMNS:
        row.x += (c * columns.stride + columns.start) * s.column
    row.y_step, row.y_outer = along.y_step, rows.y_step
    row.y = call.y + p.y_offset + panel.y + s.first * along.y_step
    if p.along != IMAGES:
        row.y += n * p.axis[IMAGES].y_step
    if p.along != ROWS:
        row.y += r * rows.y_step
    if p.along != COLUMNS:
        row.y += c * columns.y_step
    row.bias = call.bias + panel.y if call.bias != NULL else NULL
    row.lanes, row.relu = panel.lanes, call.relu
    row.column, row.column_step, row.column_tap, row.last_column = 0, 1, 0, runtime.MG_NO_EDGES
    stream = (p.beyond and panel.lanes == p.kernels.lanes and not p.summed
              and (<size_t>row.y | row.y_step | row.y_outer) % LINE == 0)
    row.far, row.summed = p.far, False
    row.fresh_rows = row.fresh_columns = 0
    if p.distant and p.along == COLUMNS and not p.loosened:
        row.fresh_rows, row.fresh_columns = <int>min(rows.stride, row.outer), <int>min(columns.stride, row.inner)
    if p.channelwise and p.repeat > 1:
        run_repeated(call, panel, &row, s.count)
    elif p.channelwise and p.along != IMAGES:
        run_channels(call, panel, &row, s.first, s.count, panels, pair, stream)
    else:
        run_tiles(call, panel, &row, s.count, stream and panel.kind < runtime.MG_TAPS_2)


cdef void copy_sorted(char *to, const char *source, Py_ssize_t positions, Py_ssize_t groups, Py_ssize_t channels,
                      Py_ssize_t item) noexcept nogil:
    """At each position the first channels of all groups, then the second ..."""
    cdef Py_ssize_t i, g, k, at = 0
    for i in range(positions):
        for k in range(channels):
            if item == 4:
                for g in range(groups):
                    (<float *>to)[at + k * groups + g] = (<const float *>source)[at + g * channels + k]
            else:
                for g in range(groups):
                    (<double *>to)[at + k * groups + g] = (<const double *>source)[at + g * channels + k]
        at += groups * channels


cdef void copy_expanded(char *to, const char *source, Py_ssize_t size, int times, Py_ssize_t item) noexcept nogil:
    """`size` bytes, each element `times` over."""
    cdef Py_ssize_t i, j
    if times == 1:
        memcpy(to, source, size)
    elif item == 4:
        for i in range(size // 4):
            for j in range(times):
                (<float *>to)[i * times + j] = (<const float *>source)[i]
    else:
        for i in range(size // 8):
            for j in range(times):
                (<double *>to)[i * times + j] = (<const double *>source)[i]


cdef char *copy_strip(const Pass *p, const char *image, char *to, Segment *s, Py_ssize_t other_from,
                      Py_ssize_t other_to, Py_ssize_t channels_from, Py_ssize_t channels_bytes) noexcept nogil:
    """Copy what a segment reads, zeros included; `other_from` to `other_to` are inputs of the other axis, the last two
    arguments say which channels a loosened strip holds. Returns the end of the copy."""
    cdef const Axis *along = &p.axis[p.along]
    cdef Py_ssize_t start = s.first * along.stride + along.start
    cdef Py_ssize_t end = start + (s.count - 1) * along.stride + (along.taps - 1) * along.dilation + 1
    cdef Py_ssize_t h0 = start, h1 = end, w0 = other_from, w1 = other_to, h, inside_from, inside_to, i
    cdef char *target
    cdef const char *source
    if p.along == COLUMNS:
        h0, h1, w0, w1 = other_from, other_to, start, end
    s.row, s.column = (w1 - w0) * p.strip_position, p.strip_position
    # s.x is where the inputs with index 0 of the other axis and `start` of this one would be, less first * step
    s.x = to - other_from * (s.row if p.along == COLUMNS else s.column)
    s.x -= s.first * along.stride * (s.column if p.along == COLUMNS else s.row)
    if p.loosened:
        s.x -= channels_from
    inside_from = min(max(w0, 0), w1)
    inside_to = max(min(w1, p.axis[COLUMNS].size), inside_from)
    for h in range(h0, h1):
        if h < 0 or h >= p.axis[ROWS].size:
            memset(to, 0, s.row)
        else:
            memset(to, 0, (inside_from - w0) * p.strip_position)
            target, source = to + (inside_from - w0) * p.strip_position, image + h * p.axis[ROWS].x_one
            source += inside_from * p.position
            if p.loosened:
                for i in range(inside_to - inside_from):
                    memcpy(target + i * p.strip_position, source + i * p.position + channels_from, channels_bytes)
            elif p.channelwise and p.run > 1:
                copy_sorted(target, source, inside_to - inside_from, p.position // (p.run * p.item), p.run, p.item)
            else:
                copy_expanded(target, source, (inside_to - inside_from) * p.position, p.expand, p.item)
            memset(to + (inside_to - w0) * p.strip_position, 0, (w1 - inside_to) * p.strip_position)
        to += s.row
    return to


cdef int lay_segments(const Pass *p, const char *image, char *strips, Segment *segments, Py_ssize_t first,
                      Py_ssize_t end, Py_ssize_t other_first, Py_ssize_t other_end, Py_ssize_t panel_first,
                      Py_ssize_t panel_end) noexcept nogil:
    """Cut positions first ... end - 1 into those read directly and up to two strips beside them."""
    cdef const Axis *along = &p.axis[p.along]
    cdef const Axis *other = &p.axis[COLUMNS if p.along == ROWS else ROWS]
    cdef Py_ssize_t positions = end - first, tiles = ceil_div(positions, p.strip_height), low = 0, high = tiles, i
    cdef Py_ssize_t other_from, other_to
    cdef int count = 0
    # The first and last tiles that need no copy, where all are as high as one another.
    while low < tiles and first + low * positions // tiles < along.direct_from:
        low += 1
    while high > 0 and first + high * positions // tiles > along.direct_to:
        high -= 1
    if p.cut_edges:
        low, high = 0, tiles
    elif p.rearranged or high - low < min(FEW_TILES, tiles):
        low = high = tiles
    low, high = first + low * positions // tiles, first + high * positions // tiles
    if low > first:
        segments[count].first, segments[count].count = first, low - first
        count += 1
    if high > low:
        segments[count].first, segments[count].count = low, high - low
        segments[count].row, segments[count].column = p.axis[ROWS].x_one, p.axis[COLUMNS].x_one
        segments[count].x = image + along.start * along.x_one
        count += 1
    if end > high:
        segments[count].first, segments[count].count = high, end - high
        count += 1
    other_from = min(max(other_first * other.stride + other.start, 0), other.size)
    other_to = (other_end - 1) * other.stride + other.start + (other.taps - 1) * other.dilation + 1
    other_to = min(max(other_to, other_from), other.size)
    for i in range(count):
        if not (segments[i].first == low and high > low):
            strips = copy_strip(p, image, strips, &segments[i], other_from, other_to, p.panels[panel_first].x,
                                p.panels[panel_end - 1].x + p.panels[panel_end - 1].filters * p.item
                                - p.panels[panel_first].x)
    return count


cdef void run_box(Call *call, Py_ssize_t *first, Py_ssize_t *end, Py_ssize_t panel_first,
                  Py_ssize_t panel_end) noexcept nogil:
    cdef const Pass *p = call.plan
    cdef Segment segments[3]
    cdef char *strips = NULL
    cdef int across = COLUMNS if p.along == ROWS else ROWS
    cdef int count, s
    cdef bint pair
    cdef Py_ssize_t n, q, r, c
    if p.along == IMAGES:
        segments[0].first, segments[0].count = first[IMAGES], end[IMAGES] - first[IMAGES]
        segments[0].row, segments[0].column = p.axis[ROWS].x_one, p.axis[COLUMNS].x_one
        segments[0].x = call.x + first[IMAGES] * p.axis[IMAGES].x_step
        for q in range(panel_first, panel_end):
            for r in range(first[ROWS], end[ROWS]):
                for c in range(first[COLUMNS], end[COLUMNS]):
                    run_segment(call, &p.panels[q], &segments[0], 0, r, c, 1, False)
        return
    if p.strip_bytes:
        strips = <char *>runtime.scratch(runtime.MG_SCRATCH_TASK, p.strip_bytes)
        if strips == NULL:
            call.failed = True
            return
    for n in range(first[IMAGES], end[IMAGES]):
        count = lay_segments(p, call.x + n * p.axis[IMAGES].x_one, strips, segments, first[p.along], end[p.along],
                             first[across], end[across], panel_first, panel_end)
        if p.channelwise:
            r = first[across]
            while r < end[across]:
                pair = p.paired and p.axis[ROWS].direct_from <= r <= min(p.axis[ROWS].direct_to, end[ROWS]) - 2
                for s in range(count):
                    run_segment(call, &p.panels[panel_first], &segments[s], n, r, r, panel_end - panel_first, pair)
                r += 1 + pair
            continue
        for q in range(panel_first, panel_end):
            for r in range(first[across], end[across]):
                for s in range(count):
                    run_segment(call, &p.panels[q], &segments[s], n, r, r, 1, False)
    if strips != NULL:
        runtime.scratch_end(runtime.MG_SCRATCH_TASK)


cdef void run_task(Call *call, Py_ssize_t index) noexcept nogil:
    cdef const Pass *p = call.plan
    cdef Py_ssize_t first[3]
    cdef Py_ssize_t end[3]
    cdef Py_ssize_t block, blocks, i
    for i in range(2, -1, -1):
        blocks = p.axis[i].blocks
        block = index % blocks
        index //= blocks
        first[i] = block * p.axis[i].out // blocks
        end[i] = (block + 1) * p.axis[i].out // blocks
    run_box(call, first, end, index * p.panel_count // p.panel_blocks, (index + 1) * p.panel_count // p.panel_blocks)


cdef void pack_panel(Call *call, Py_ssize_t index) noexcept nogil:
    cdef const Pass *p = call.plan
    cdef const Panel *panel = &p.panels[index]
    cdef runtime.mg_conv_pack how
    how.source = call.kernel + panel.kernel
    how.outer, how.inner, how.run = p.axis[ROWS].taps, p.axis[COLUMNS].taps, p.run
    how.outer_step, how.inner_step = p.kernel_outer, p.kernel_inner
    how.run_step, how.filter_step = p.kernel_run, p.kernel_filter
    how.taps, how.width, how.filters, how.merged = panel.taps, panel.width, <int>panel.filters, p.merged
    p.kernels.pack(&how, call.packed + panel.packed)
    if p.channelwise and p.repeat > 1:
        repeat_panel(call, panel)


cdef void repeat_panel(Call *call, const Panel *panel) noexcept nogil:
    """The kernel's (and bias's) few channels once more for each position in the lanes."""
    cdef const Pass *p = call.plan
    cdef Py_ssize_t rows = p.axis[ROWS].taps * p.axis[COLUMNS].taps, size = panel.filters * p.item, i, j
    cdef char *row = call.packed + panel.packed
    for i in range(rows):
        for j in range(1, p.repeat):
            memcpy(row + j * size, row, size)
        row += panel.width * p.item
    if call.bias != NULL:
        for j in range(p.repeat):
            memcpy(call.packed + p.packed_bias + j * size, call.bias, size)


cdef void run_positions(const Call *call, const char *x, char *y, Py_ssize_t count) noexcept nogil:
    """A pass of one tap over `count` positions that lie side by side at x and y."""
    cdef const Pass *p = call.plan
    cdef Call part = call[0]
    cdef Segment segment = Segment(first=0, count=count, x=x, row=0, column=p.position)
    cdef int q
    part.y = y
    for q in range(p.panel_count):
        run_segment(&part, &p.panels[q], &segment, 0, 0, 0, 1, False)


cdef struct Job:
    Call *calls
    int count


cdef void pack_task(void *context, Py_ssize_t index) noexcept nogil:
    cdef Call *call = (<Job *>context).calls
    while index >= call.plan.panel_count:
        index -= call.plan.panel_count
        call += 1
    pack_panel(call, index)


cdef void pass_task(void *context, Py_ssize_t index) noexcept nogil:
    cdef Call *call = (<Job *>context).calls
    while index >= call.plan.tasks:
        index -= call.plan.tasks
        call += 1
    run_task(call, index)


cdef enum:
    FEW_TILES = 2                     # fewer between two strips are copied, too: a call of tiles costs more
    FEW = 16                          # passes of one job that need no memory of their own


cdef int run_all(list passes, const char *x, const char *kernel, const char *bias, char *y, bint relu) except -1:
    """Run passes over the same arrays, which write different parts of y, as one job."""
    cdef Call few[FEW]
    cdef Job job
    cdef Py_ssize_t panels = 0, tasks = 0, bytes = 0, i
    cdef double seconds = 0
    cdef const Pass *p
    cdef char *packed
    cdef bint failed = False
    job.count = <int>len(passes)
    job.calls = few
    if job.count > FEW:
        job.calls = <Call *>malloc(job.count * sizeof(Call))
        if job.calls == NULL:
            raise MemoryError
    for i in range(job.count):
        p = &(<Correlation>passes[i]).plan
        job.calls[i] = Call(plan=p, x=x, kernel=kernel, bias=bias, y=y, packed=<char *>bytes, relu=relu, failed=False)
        panels += p.panel_count
        tasks += p.tasks
        bytes += (p.packed_bytes + 63) & ~63
        seconds += p.seconds
    packed = <char *>runtime.scratch(runtime.MG_SCRATCH_JOB, bytes)
    if packed != NULL:
        for i in range(job.count):
            job.calls[i].packed = packed + <Py_ssize_t>job.calls[i].packed
        runtime.parallel_for(pack_task, &job, panels, bytes * 3e-10)
        runtime.parallel_for(pass_task, &job, tasks, seconds)
        runtime.scratch_end(runtime.MG_SCRATCH_JOB)
    for i in range(job.count):
        failed |= job.calls[i].failed
    if job.count > FEW:
        free(job.calls)
    return runtime.check_memory(packed != NULL and not failed)
