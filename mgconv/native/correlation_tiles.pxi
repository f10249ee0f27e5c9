# A row of tiles: what all of them are told, and results that go past the caches; part of correlation.pyx.

cdef void begin_row(const CorrelationCall *call, const Panel *panel, const Segment *s, Py_ssize_t image, Py_ssize_t r,
                    Py_ssize_t c, runtime.mg_conv_row *row) noexcept nogil:
    """One panel's outputs of a segment, at row r and column c; that along the tiles' axis does not count."""
    cdef const CorrelationPlan *p = call.plan
    cdef const Axis *along = &p.axis[p.along]
    cdef const Axis *rows = &p.axis[ROWS]
    cdef const Axis *columns = &p.axis[COLUMNS]
    cdef Py_ssize_t i0 = 0, i1 = rows.taps, j0 = 0, j1 = columns.taps
    if p.along != ROWS:
        valid_taps(rows, r, &i0, &i1)
    if p.along != COLUMNS and not p.one_run:
        valid_taps(columns, c, &j0, &j1)
    row.outer, row.inner, row.run = i1 - i0, j1 - j0, p.depth
    if p.one_run:
        row.inner, row.run = 1, p.depth * columns.taps
    row.kernel_outer, row.kernel_inner = panel.outer_bytes, panel.inner_bytes
    row.kernel = call.packed + panel.packed + i0 * panel.outer_bytes + j0 * panel.inner_bytes
    row.x_outer, row.x_inner = rows.dilation * s.row, columns.dilation * s.column
    row.x_step = along.x_step if p.along == IMAGES else along.stride * (s.row if p.along == ROWS else s.column)
    row.x = s.x + panel.x + i0 * row.x_outer + j0 * row.x_inner + s.first * row.x_step
    row.y_step, row.y_outer = along.y_step, rows.y_step
    row.y = call.y + p.y_offset + panel.y + image * p.axis[IMAGES].y_step + s.first * along.y_step
    if p.along != ROWS:
        row.x += (r * rows.stride + rows.start) * s.row
        row.y += r * rows.y_step
    if p.along != COLUMNS:
        row.x += (c * columns.stride + columns.start) * s.column
        row.y += c * columns.y_step
    row.bias = call.bias + panel.y if call.bias != NULL else NULL
    row.lanes, row.relu, row.far = panel.lanes, call.relu, p.reach >= PAST_OWN
    row.x_tile = row.y_tile = row.kernel_tile = row.bias_tile = 0
    row.column, row.column_step, row.column_tap, row.last_column = 0, 1, 0, runtime.MG_NO_EDGES
    row.summed = False
    row.fresh_rows = row.fresh_columns = 0


cdef inline bint streams(const CorrelationPlan *p, const Panel *panel, const runtime.mg_conv_row *row) noexcept nogil:
    """Whether results go past the caches: whole lines of an array that no cache has room for."""
    return (p.y_reach >= STREAMED and panel.lanes == p.kernels.lanes and not p.summed
            and (<size_t>row.y | row.y_step | row.y_outer) % LINE == 0)


cdef void stream_tiles(runtime.mg_conv_rows compute, const runtime.mg_conv_row *row, Py_ssize_t tiles,
                       Py_ssize_t height, Py_ssize_t width, Py_ssize_t rows, bint beside) noexcept nogil:
    """Tiles go to y past the caches: `rows` of them, each of `width` bytes for each of `height` positions, one `beside`
    the other or behind it."""
    cdef Py_ssize_t at_once = max(STREAM_BYTES // (rows * height * width), 1), count, down, i
    cdef char *y = row.y
    cdef char room[STREAM_BYTES + LINE]
    cdef runtime.mg_conv_row part = row[0]
    part.y = lined_up(room)
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


cdef void run_tiles(const CorrelationPlan *p, const Panel *panel, runtime.mg_conv_row *row, Py_ssize_t positions,
                    bint stream) noexcept nogil:
    """`positions` in a row, cut into tiles of two heights that differ by one."""
    cdef const runtime.mg_conv_rows *tiles = p.kernels.rows[panel.kind]
    cdef Py_ssize_t count = ceil_div(positions, panel.height), height = ceil_div(positions, count)
    cdef Py_ssize_t high = positions - count * (height - 1), width = panel.width * p.item
    row.x_tile, row.y_tile = height * row.x_step, height * row.y_step
    compute_tiles(tiles[height - 1], row, high, height, width, 1, False, stream)
    if high < count:
        row.x += high * row.x_tile
        row.y += high * row.y_tile
        row.x_tile -= row.x_step
        row.y_tile -= row.y_step
        compute_tiles(tiles[height - 2], row, count - high, height - 1, width, 1, False, stream)
