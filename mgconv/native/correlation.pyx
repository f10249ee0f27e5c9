"""The forward machine: a correlation with any geometry, from which forward passes and input gradients are made.

    y[n, r, c, f] = sum over i, j, k of x[n, r*s + start + i*d, c*s + start + j*d, k] * kernel[i, j, k, f]

Outside x counts as zero. y may lie anywhere with any steps, and the kernel is read with any steps, so that it may be
turned, transposed or thinned out. How the work is cut, from the outside in:

    task                    a box of images x rows x columns, and a block of panels; boxes are independent
      image                 edge strips whose taps reach outside are copied, with zeros around them
        panel               filters of one register tile, packed anew at each call
          row, segment      direct from x, or from a strip; taps above and below the image are skipped
            tile            src_c/conv_rows_body.h

Tiles lie `along` one axis: the columns; or the rows, where there is one column; or the images, where maps are smaller
than a tile. Sums are formed in one order whatever the cut, so the bits depend on neither threads nor boxes.
"""
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset

from mgconv.native cimport runtime

cdef enum:
    L2_SHARE = 400 * 1024             # bytes of packed kernel, or of input, that stay in the second-level cache
    TASKS = 48                        # enough to balance many threads


cdef class Correlation:
    """One pass; `rows` and `columns` are (size, taps, dilation, stride, start, outputs, y step), `kernel_steps` those
    of its kernel rows, columns, channels, filters, groups, all in elements."""

    def __cinit__(self):
        self.plan.panels = NULL

    def __dealloc__(self):
        free(self.plan.panels)

    def __init__(self, int wide, Py_ssize_t batch, rows, columns, Py_ssize_t groups, Py_ssize_t channels,
                 Py_ssize_t filters, Py_ssize_t y_image, Py_ssize_t y_offset, kernel_steps, Py_ssize_t kernel_offset):
        cdef Pass *p = &self.plan
        cdef Py_ssize_t item = 8 if wide else 4
        p.kernels = runtime.active_isa().conv_row[wide]
        p.item = item
        p.position = groups * channels * item
        p.y_offset = y_offset * item
        rows, columns, batch = merge_positions(batch, rows, columns, y_image)
        set_axis(&p.axis[COLUMNS], columns, p.position, item)
        set_axis(&p.axis[ROWS], rows, columns[0] * p.position, item)
        set_axis(&p.axis[IMAGES], (batch, 1, 1, 1, 0, batch, y_image), rows[0] * columns[0] * p.position, item)
        p.along = choose_along(p)
        self.find_channelwise(groups, channels, filters)
        p.kernel_outer, p.kernel_inner, p.kernel_run, p.kernel_filter = [step * item for step in kernel_steps[:4]]
        p.merged = (groups == 1 and not p.channelwise and p.axis[COLUMNS].dilation == 1 and p.axis[COLUMNS].taps > 1
                    and (p.along == COLUMNS or not touches_padding(&p.axis[COLUMNS])))
        p.run = channels
        self.lay_panels(groups, filters, kernel_steps[4] * item, kernel_offset * item)
        cut_tasks(p)

    cdef find_channelwise(self, Py_ssize_t groups, Py_ssize_t channels, Py_ssize_t filters):
        """Channels with a filter each: lanes hold channels, or the channels of several neighbouring positions."""
        cdef Pass *p = &self.plan
        cdef Axis *columns = &p.axis[COLUMNS]
        cdef int lanes = p.kernels.lanes
        p.repeat = 1
        if p.along == COLUMNS and columns.stride == 1 and columns.y_step == p.position and columns.out > 1:
            p.repeat = max(lanes // groups, 1)
        p.channelwise = channels == 1 and filters == 1 and (groups > 1 or p.repeat > 1)

    cdef lay_panels(self, Py_ssize_t groups, Py_ssize_t filters, Py_ssize_t kernel_group, Py_ssize_t kernel_offset):
        cdef Pass *p = &self.plan
        cdef Py_ssize_t run = p.run * (p.axis[COLUMNS].taps if p.merged else 1)
        cdef Py_ssize_t inner = 1 if p.merged else p.axis[COLUMNS].taps
        cdef int lanes = p.kernels.lanes
        cdef Panel *panel
        if p.channelwise:
            p.kernel_filter = kernel_group
            kinds = [(runtime.MG_LANES, 1, 1, first, min(lanes, groups - first)) for first in range(0, groups, lanes)]
            groups = 1
        else:
            heights = [p.kernels.height[kind] for kind in range(runtime.MG_ROW_KINDS)]
            kinds = choose_panels(filters, p.axis[p.along].out, run, lanes, heights)
        p.panel_count = groups * len(kinds)
        p.panels = <Panel *>malloc(p.panel_count * sizeof(Panel))
        if p.panels == NULL:
            raise MemoryError
        p.packed_bytes = 0
        p.strip_height = p.kernels.height[kinds[0][0]]
        for index in range(p.panel_count):
            group = index // len(kinds)
            kind, vectors, taps, first, count = kinds[index % len(kinds)]
            panel = &p.panels[index]
            panel.kind, panel.taps, panel.width, panel.filters = kind, taps, vectors * lanes, count
            panel.lanes = count if taps > 1 else count - (vectors - 1) * lanes
            if p.channelwise:
                panel.lanes = count * p.repeat
                panel.kind = runtime.MG_LANES if panel.lanes == lanes else runtime.MG_LANES_PART
            panel.height = p.kernels.height[kind]
            panel.x = (first if p.channelwise else group * p.run) * p.item
            panel.y = (group * filters + first) * p.item
            panel.kernel = kernel_offset + group * kernel_group + first * p.kernel_filter
            panel.packed = p.packed_bytes
            panel.inner_bytes = (run // taps + run % taps) * panel.width * p.item
            panel.outer_bytes = inner * panel.inner_bytes
            p.packed_bytes += p.axis[ROWS].taps * panel.outer_bytes
        p.packed_bias = p.packed_bytes
        p.packed_bytes += lanes * p.item if p.channelwise and p.repeat > 1 else 0

    @property
    def scratch_bytes(self):
        return self.plan.packed_bytes + self.plan.strip_bytes


def merge_positions(batch, rows, columns, y_image):
    """One long row of positions where every output position is an input position, as in Dense and 1x1 convolution."""
    def plain(axis):
        size, taps, _, stride, start, out, _ = axis
        return taps == 1 and stride == 1 and start == 0 and size == out

    if plain(columns):
        if plain(rows) and rows[6] == columns[6] * columns[5]:
            n = rows[0] * columns[0]
            rows, columns = (1, 1, 1, 1, 0, 1, 0), (n, 1, 1, 1, 0, n, columns[6])
        if rows[0] == rows[5] == 1 and plain(rows) and (y_image == columns[6] * columns[5] or batch == 1):
            n = batch * columns[0]
            columns, batch = (n, 1, 1, 1, 0, n, columns[6]), 1
    return rows, columns, batch


cdef set_axis(Axis *a, values, Py_ssize_t one, Py_ssize_t item):
    a.size, a.taps, a.dilation, a.stride, a.start, a.out, a.y_step = values
    a.y_step *= item
    a.x_one, a.x_step, a.x_tap = one, a.stride * one, a.dilation * one
    a.blocks = 1
    # Outputs whose taps all lie inside: from the first with start + o*s >= 0 to the last with ... + span <= size.
    cdef Py_ssize_t room = a.size - (a.taps - 1) * a.dilation - 1 - a.start
    a.direct_from = min(ceil_div(-a.start, a.stride), a.out) if a.start < 0 else 0
    a.direct_to = min(max(room // a.stride + 1, a.direct_from), a.out) if room >= 0 else a.direct_from
    if a.taps == 0:
        a.direct_from, a.direct_to = 0, a.out


cdef bint touches_padding(Axis *a):
    return a.direct_from > 0 or a.direct_to < a.out


cdef int choose_along(Pass *p):
    cdef Py_ssize_t batch = p.axis[IMAGES].out, columns = p.axis[COLUMNS].out
    if p.axis[ROWS].out == 1 and columns == 1:
        return IMAGES
    if columns == 1:
        return IMAGES if batch > p.axis[ROWS].out else ROWS
    return IMAGES if columns < 8 and batch >= 2 * columns else COLUMNS


def choose_panels(filters, positions, run, lanes, heights):
    """Panels (kind, vectors, taps in the lanes, first filter, filters) for one group's filters."""
    vectors, rest = divmod(filters, lanes)
    interleaved = []
    if rest:
        most = lanes // (1 << (rest - 1).bit_length())
        taps = min((1 << e for e in range(most.bit_length())), key=lambda q: run // q + run % q)
        if taps > 1:
            kind = runtime.MG_TAPS_2 + taps.bit_length() - 2
            interleaved = [(kind, 1, taps, vectors * lanes, rest)]
        else:
            vectors += 1

    def cut(widest):
        count = -(-vectors // widest)
        return [vectors // count + (i < vectors % count) for i in range(count)]

    def cost(sizes):
        return sum(tiles_cost(positions, size, heights[size - 1]) for size in sizes)

    panels, first = [], 0
    if vectors:
        for size in min((cut(widest) for widest in (2, 3, 4, 1)), key=cost):
            panels.append((size - 1, size, 1, first, min(size * lanes, filters - first)))
            first += size * lanes
    return panels + interleaved


def tiles_cost(positions, vectors, tallest):
    """Cycles for one reduction step over all tiles: two multiply-adds and two loads a cycle, four cycles of latency."""
    tiles = -(-positions // tallest)
    height = -(-positions // tiles) if tiles else 1
    return tiles * (max(height * vectors / 2, (height + vectors) / 2, 4) + 0.15 * vectors)


cdef cut_tasks(Pass *p):
    """Boxes by shape alone: panels cut to fit the cache, then positions into enough tasks."""
    cdef Axis *along = &p.axis[p.along]
    cdef double work = 1, bytes
    cdef Py_ssize_t wanted, limit, blocks, width, share, i
    for i in range(3):
        work *= p.axis[i].out * <double>p.axis[i].taps
    bytes = work / (p.axis[ROWS].taps * <double>p.axis[COLUMNS].taps)
    work *= p.run
    width = 0
    for i in range(p.panel_count):
        width += p.panels[i].width
    p.seconds = work * width / (p.kernels.lanes * 8e9) + bytes * width * p.item / 2e10
    wanted = min(max(<Py_ssize_t>(p.seconds / 10e-6), 1), TASKS)
    p.panel_blocks = min(max(p.packed_bytes // L2_SHARE, 1), p.panel_count)
    blocks = ceil_div(wanted, p.panel_blocks)
    for i in range(3):
        limit = p.axis[i].out
        if i == p.along:
            limit = max(limit // (2 * p.strip_height), 1)
        p.axis[i].blocks = min(max(limit, 1), blocks)
        blocks = ceil_div(blocks, p.axis[i].blocks)
    if p.axis[IMAGES].blocks == p.axis[IMAGES].out and p.along != IMAGES:
        share = p.axis[ROWS].size * p.axis[COLUMNS].size * p.position // (p.axis[ROWS].blocks * p.axis[COLUMNS].blocks)
        if share > L2_SHARE and p.panel_count > p.panel_blocks:
            p.axis[ROWS].blocks = min(p.axis[ROWS].out, p.axis[ROWS].blocks * ceil_div(share, L2_SHARE))
    if blocks > 1:
        p.panel_blocks = min(p.panel_count, p.panel_blocks * blocks)
    p.tasks = p.panel_blocks * p.axis[IMAGES].blocks * p.axis[ROWS].blocks * p.axis[COLUMNS].blocks
    p.strip_bytes = 0
    if p.along != IMAGES and touches_padding(along):
        p.strip_bytes = strip_size(p, ceil_div(p.axis[ROWS].out, p.axis[ROWS].blocks),
                                   ceil_div(p.axis[COLUMNS].out, p.axis[COLUMNS].blocks))


cdef Py_ssize_t strip_size(Pass *p, Py_ssize_t rows, Py_ssize_t columns):
    """Bytes of the largest strips of one task: all inputs that its box reads."""
    cdef Axis *r = &p.axis[ROWS]
    cdef Axis *c = &p.axis[COLUMNS]
    cdef Py_ssize_t high = (rows - 1) * r.stride + (r.taps - 1) * r.dilation + 1
    cdef Py_ssize_t wide = (columns - 1) * c.stride + (c.taps - 1) * c.dilation + 1
    if p.along == COLUMNS:
        high = min(high, r.size)
        wide += (c.taps - 1) * c.dilation + 1
    else:
        wide = min(wide, c.size)
        high += (r.taps - 1) * r.dilation + 1
    return high * wide * p.position


# ---- one call -------------------------------------------------------------------------------------------------------

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


cdef void run_tiles(const Call *call, const Panel *panel, runtime.mg_conv_row *row, Py_ssize_t positions) noexcept nogil:
    """`positions` in a row, cut into tiles of two heights that differ by one."""
    cdef const runtime.mg_conv_rows *tiles = call.plan.kernels.rows[panel.kind]
    cdef Py_ssize_t count = ceil_div(positions, panel.height), height = ceil_div(positions, count)
    cdef Py_ssize_t high = positions - count * (height - 1)
    row.kernel_tile = row.bias_tile = 0
    row.x_tile, row.y_tile = height * row.x_step, height * row.y_step
    tiles[height - 1](row, high)
    if high < count:
        row.x += high * row.x_tile
        row.y += high * row.y_tile
        row.x_tile -= row.x_step
        row.y_tile -= row.y_step
        tiles[height - 2](row, count - high)


cdef void run_channels(const Call *call, const Panel *panel, runtime.mg_conv_row *row, Py_ssize_t positions,
                       Py_ssize_t panels) noexcept nogil:
    """Channelwise, all panels pass over one tile's positions before the next: every access runs along memory."""
    cdef const runtime.mg_conv_row_kernels *kernels = call.plan.kernels
    cdef const Panel *last = panel + panels - 1
    cdef Py_ssize_t whole = panels - (last.kind == runtime.MG_LANES_PART), item = call.plan.item
    cdef Py_ssize_t count = ceil_div(positions, panel.height), height = ceil_div(positions, count)
    cdef Py_ssize_t high = positions - count * (height - 1), vector = panel.width * item, i
    cdef runtime.mg_conv_row rest
    row.x_tile = row.y_tile = row.bias_tile = vector
    row.kernel_tile = panel[1].packed - panel.packed
    for i in range(count):
        if i == high:
            height -= 1
        kernels.rows[runtime.MG_LANES][height - 1](row, whole)
        if whole < panels:
            rest = row[0]
            rest.x += whole * vector
            rest.y += whole * vector
            rest.kernel += whole * row.kernel_tile
            if rest.bias != NULL:
                rest.bias += whole * vector
            rest.lanes = last.lanes
            kernels.rows[runtime.MG_LANES_PART][height - 1](&rest, 1)
        row.x += height * row.x_step
        row.y += height * row.y_step


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
        run_tiles(call, panel, row, vectors)
    if rest:
        row.x, row.y, row.lanes = x, y, <int>(rest * panel.filters)
        row.x_tile = row.y_tile = row.kernel_tile = row.bias_tile = 0
        p.kernels.rows[runtime.MG_LANES_PART][0](row, 1)


cdef void run_segment(const Call *call, const Panel *panel, const Segment *s, Py_ssize_t n, Py_ssize_t r,
                      Py_ssize_t c, Py_ssize_t panels) noexcept nogil:
    """The outputs of one segment: its positions at image n, row r, column c (that along the tiles' axis does not count).
    Channelwise, `panels` of them in a row."""
    cdef const Pass *p = call.plan
    cdef const Axis *along = &p.axis[p.along]
    cdef const Axis *rows = &p.axis[ROWS]
    cdef const Axis *columns = &p.axis[COLUMNS]
    cdef Py_ssize_t i0 = 0, i1 = rows.taps, j0 = 0, j1 = columns.taps
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
    row.x_step = along.x_step if p.along == IMAGES else along.stride * (s.row if p.along == ROWS else s.column)
    row.x = s.x + panel.x + i0 * row.x_outer + j0 * row.x_inner
    if p.along != IMAGES:
        row.x += s.first * row.x_step
    if p.along != ROWS:
        row.x += (r * rows.stride + rows.start) * s.row
    if p.along != COLUMNS:
        row.x += (c * columns.stride + columns.start) * s.column
    row.y_step = along.y_step
    row.y = call.y + p.y_offset + panel.y + s.first * along.y_step
    if p.along != IMAGES:
        row.y += n * p.axis[IMAGES].y_step
    if p.along != ROWS:
        row.y += r * rows.y_step
    if p.along != COLUMNS:
        row.y += c * columns.y_step
    row.bias = call.bias + panel.y if call.bias != NULL else NULL
    row.lanes, row.flags = panel.lanes, call.flags
    if p.channelwise and p.repeat > 1:
        run_repeated(call, panel, &row, s.count)
    elif panels > 1:
        run_channels(call, panel, &row, s.count, panels)
    else:
        run_tiles(call, panel, &row, s.count)


cdef char *copy_strip(const Pass *p, const char *image, char *to, Segment *s, Py_ssize_t other_from,
                      Py_ssize_t other_to) noexcept nogil:
    """Copy what a segment reads, zeros included; `other_from` to `other_to` are inputs of the other axis. Returns the
    end of the copy."""
    cdef const Axis *along = &p.axis[p.along]
    cdef Py_ssize_t start = s.first * along.stride + along.start
    cdef Py_ssize_t end = start + (s.count - 1) * along.stride + (along.taps - 1) * along.dilation + 1
    cdef Py_ssize_t h0 = start, h1 = end, w0 = other_from, w1 = other_to, h, inside_from, inside_to
    if p.along == COLUMNS:
        h0, h1, w0, w1 = other_from, other_to, start, end
    s.row, s.column = (w1 - w0) * p.position, p.position
    # s.x is where the inputs with index 0 of the other axis and `start` of this one would be, less first * step
    s.x = to - other_from * (s.row if p.along == COLUMNS else s.column)
    s.x -= s.first * along.stride * (s.column if p.along == COLUMNS else s.row)
    inside_from = min(max(w0, 0), w1)
    inside_to = max(min(w1, p.axis[COLUMNS].size), inside_from)
    for h in range(h0, h1):
        if h < 0 or h >= p.axis[ROWS].size:
            memset(to, 0, s.row)
        else:
            memset(to, 0, (inside_from - w0) * p.position)
            memcpy(to + (inside_from - w0) * p.position,
                   image + h * p.axis[ROWS].x_one + inside_from * p.position, (inside_to - inside_from) * p.position)
            memset(to + (inside_to - w0) * p.position, 0, (w1 - inside_to) * p.position)
        to += s.row
    return to


cdef int lay_segments(const Pass *p, const char *image, char *strips, Segment *segments, Py_ssize_t first,
                      Py_ssize_t end, Py_ssize_t other_first, Py_ssize_t other_end) noexcept nogil:
    """Cut positions first ... end - 1 into those read directly and up to two strips beside them."""
    cdef const Axis *along = &p.axis[p.along]
    cdef const Axis *other = &p.axis[COLUMNS if p.along == ROWS else ROWS]
    cdef Py_ssize_t height = p.strip_height, low = first, high = end, i
    cdef Py_ssize_t other_from, other_to
    cdef int count = 0
    if along.direct_from > first:
        low = min(end, first + ceil_div(along.direct_from - first, height) * height)
    if along.direct_to < end:
        high = max(first, end - ceil_div(end - along.direct_to, height) * height)
    if low >= high:
        low = high = end if (along.direct_from > first or along.direct_to < end) else first
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
            strips = copy_strip(p, image, strips, &segments[i], other_from, other_to)
    return count


cdef void run_box(Call *call, Py_ssize_t *first, Py_ssize_t *end, Py_ssize_t panel_first,
                  Py_ssize_t panel_end) noexcept nogil:
    cdef const Pass *p = call.plan
    cdef Segment segments[3]
    cdef char *strips = NULL
    cdef int across = COLUMNS if p.along == ROWS else ROWS
    cdef int count, s
    cdef Py_ssize_t n, q, r, c
    if p.along == IMAGES:
        segments[0].first, segments[0].count = first[IMAGES], end[IMAGES] - first[IMAGES]
        segments[0].row, segments[0].column = p.axis[ROWS].x_one, p.axis[COLUMNS].x_one
        segments[0].x = call.x + first[IMAGES] * p.axis[IMAGES].x_step
        for q in range(panel_first, panel_end):
            for r in range(first[ROWS], end[ROWS]):
                for c in range(first[COLUMNS], end[COLUMNS]):
                    run_segment(call, &p.panels[q], &segments[0], 0, r, c, 1)
        return
    if p.strip_bytes:
        strips = <char *>runtime.scratch(runtime.MG_SCRATCH_TASK, p.strip_bytes)
        if strips == NULL:
            call.failed = True
            return
    for n in range(first[IMAGES], end[IMAGES]):
        count = lay_segments(p, call.x + n * p.axis[IMAGES].x_one, strips, segments, first[p.along], end[p.along],
                             first[across], end[across])
        if p.channelwise:
            for r in range(first[across], end[across]):
                for s in range(count):
                    run_segment(call, &p.panels[panel_first], &segments[s], n, r, r, panel_end - panel_first)
            continue
        for q in range(panel_first, panel_end):
            for r in range(first[across], end[across]):
                for s in range(count):
                    run_segment(call, &p.panels[q], &segments[s], n, r, r, 1)


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
    FEW = 16                          # passes of one job that need no memory of their own


cdef int run_all(list passes, const char *x, const char *kernel, const char *bias, char *y, int flags) except -1:
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
        job.calls[i] = Call(plan=p, x=x, kernel=kernel, bias=bias, y=y, packed=<char *>bytes, flags=flags, failed=False)
        panels += p.panel_count
        tasks += p.tasks
        bytes += (p.packed_bytes + 63) & ~63
        seconds += p.seconds
    with nogil:
        packed = <char *>runtime.scratch(runtime.MG_SCRATCH_JOB, bytes)
        if packed != NULL:
            for i in range(job.count):
                job.calls[i].packed = packed + <Py_ssize_t>job.calls[i].packed
            runtime.parallel_for(pack_task, &job, panels, bytes * 3e-10)
            runtime.parallel_for(pass_task, &job, tasks, seconds)
        for i in range(job.count):
            failed |= job.calls[i].failed
    if job.count > FEW:
        free(job.calls)
    if packed == NULL or failed:
        raise MemoryError("no memory for the scratch of a convolution")
    return 0
