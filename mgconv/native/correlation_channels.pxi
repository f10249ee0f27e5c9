# Lanes of channels that have a filter each: all panels pass over one tile's positions before the next, so that every
# access runs along memory. The channels of a single filter go the same way, and all of them are one sum. Part of
# correlation.pyx.

cdef void find_edges(const CorrelationPlan *p, runtime.mg_conv_row *row, Py_ssize_t first) noexcept nogil:
    """What tiles, the first of which is at position `first`, have to leave out."""
    cdef const Axis *along = &p.axis[p.along]
    row.column, row.last_column = first * along.stride + along.start, along.size - 1
    row.column_step, row.column_tap = along.stride, along.dilation
    if p.along == ROWS:                                       # tiles know edges along their columns
        row.outer, row.inner = row.inner, row.outer
        row.x_outer, row.x_inner = row.x_inner, row.x_outer
        row.kernel_outer, row.kernel_inner = row.kernel_inner, row.kernel_outer


cdef inline void ask_ahead(const CorrelationPlan *p, runtime.mg_conv_row *row) noexcept nogil:
    """Where no cache foresees it: what the last taps meet first in the tile beside."""
    if p.ask_ahead:
        row.fresh_rows = <int>min(p.axis[ROWS].stride, row.outer)
        row.fresh_columns = <int>min(p.axis[COLUMNS].stride, row.inner)


cdef void run_channels(const CorrelationCall *call, const Box *box, const Segment *s, Py_ssize_t image, Py_ssize_t at,
                       bint pair) noexcept nogil:
    """The positions of one segment, of all panels; a `pair` is this row and the next."""
    cdef const CorrelationPlan *p = call.plan
    cdef const Panel *panel = &p.panels[box.panel]
    cdef const Panel *last = &p.panels[box.end_panel - 1]
    cdef Py_ssize_t panels = box.end_panel - box.panel, whole = panels - (last.kind == runtime.MG_LANES_PART)
    cdef int kind = runtime.MG_LANES_PAIR if pair else runtime.MG_LANES
    cdef Py_ssize_t count = ceil_div(s.count, p.kernels.height[kind]), height = ceil_div(s.count, count)
    cdef Py_ssize_t high = s.count - count * (height - 1), vector = panel.width * p.item, i
    cdef runtime.mg_conv_row row
    cdef bint stream
    begin_row(call, panel, s, image, at, at, &row)
    stream = streams(p, panel, &row)
    # Each channel of a group is a tap.
    row.inner, row.x_inner, row.kernel_inner = row.inner * p.depth, row.x_inner // p.depth, row.kernel_inner // p.depth
    row.x_tile, row.y_tile, row.bias_tile = vector, 0 if p.summed else vector, 0 if p.summed else vector
    row.kernel_tile = p.axis[ROWS].taps * panel.outer_bytes
    row.summed = p.summed
    ask_ahead(p, &row)
    if p.edges_cut:
        find_edges(p, &row, s.first)
    for i in range(count):
        if i == high:
            height -= 1
        compute_tiles(p.kernels.rows[kind][height - 1], &row, whole, height, vector, 2 if pair else 1, True, stream)
        if whole < panels:
            run_part(p, last, &row, whole, height, pair)
        row.x += height * row.x_step
        row.y += height * row.y_step
        row.column += height * row.column_step


cdef void run_part(const CorrelationPlan *p, const Panel *last, const runtime.mg_conv_row *row, Py_ssize_t whole,
                   Py_ssize_t height, bint pair) noexcept nogil:
    """The tile behind `whole` ones, whose vectors are not full."""
    cdef runtime.mg_conv_row rest = row[0]
    cdef runtime.mg_conv_rows compute = p.kernels.rows[runtime.MG_LANES_PART][height - 1]
    rest.x += whole * row.x_tile
    rest.y += whole * row.y_tile
    rest.kernel += whole * row.kernel_tile
    if rest.bias != NULL:
        rest.bias += whole * row.bias_tile
    rest.lanes = last.lanes
    compute(&rest, 1)
    if pair:
        rest.x += rest.x_outer
        rest.y += rest.y_outer
        compute(&rest, 1)


cdef void sweep_channels(const CorrelationCall *call, const Box *box, Py_ssize_t image, const Segment *segments,
                         int count) noexcept nogil:
    cdef const CorrelationPlan *p = call.plan
    cdef const Axis *rows = &p.axis[ROWS]
    cdef Py_ssize_t at = box.first[p.across]
    cdef bint pair
    cdef int i
    while at < box.end[p.across]:
        pair = p.pair and rows.direct_from <= at <= min(rows.direct_to, box.end[ROWS]) - 2
        for i in range(count):
            run_channels(call, box, &segments[i], image, at, pair)
        at += 1 + pair
