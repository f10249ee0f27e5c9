# Lanes of few channels that have a filter each, at several neighbouring positions: the kernel and the bias stand in the
# lanes as often. There is one panel. Part of correlation.pyx.

cdef void repeat_panel(CorrelationCall *call, const Panel *panel) noexcept nogil:
    """The packed channels once more for each position in the lanes."""
    cdef const CorrelationPlan *p = call.plan
    cdef Py_ssize_t rows = p.axis[ROWS].taps * p.axis[COLUMNS].taps, size = panel.filters * p.item, i, j
    cdef char *row = call.packed + panel.packed
    for i in range(rows):
        for j in range(1, p.repeat):
            memcpy(row + j * size, row, size)
        row += panel.width * p.item
    if call.bias != NULL:
        for j in range(p.repeat):
            memcpy(call.packed + p.packed_bias + j * size, call.bias, size)


cdef void run_repeated(const CorrelationCall *call, const Panel *panel, const Segment *s, Py_ssize_t image,
                       Py_ssize_t r) noexcept nogil:
    """One segment of a row; the positions left over at its end fill a part of a vector."""
    cdef const CorrelationPlan *p = call.plan
    cdef Py_ssize_t vectors = s.count // p.repeat, rest = s.count % p.repeat
    cdef const char *x
    cdef char *y
    cdef runtime.mg_conv_row row
    begin_row(call, panel, s, image, r, 0, &row)
    ask_ahead(p, &row)
    x, y = row.x + vectors * p.repeat * row.x_step, row.y + vectors * p.repeat * row.y_step
    row.x_step *= p.repeat
    row.y_step *= p.repeat
    if call.bias != NULL:
        row.bias = call.packed + p.packed_bias
    if vectors:
        run_tiles(p, panel, &row, vectors, False)
    if rest:
        row.x, row.y, row.lanes = x, y, <int>(rest * panel.filters)
        row.x_tile = row.y_tile = 0
        p.kernels.rows[runtime.MG_LANES_PART][0](&row, 1)


cdef void sweep_positions(const CorrelationCall *call, const Box *box, Py_ssize_t image, const Segment *segments,
                          int count) noexcept nogil:
    cdef Py_ssize_t r
    cdef int i
    for r in range(box.first[ROWS], box.end[ROWS]):
        for i in range(count):
            run_repeated(call, &call.plan.panels[box.panel], &segments[i], image, r)
