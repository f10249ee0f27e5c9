# Lanes of filters, or of taps beside them: every panel passes over all positions before the next; part of
# correlation.pyx.

cdef void run_filters(const CorrelationCall *call, const Panel *panel, const Segment *s, Py_ssize_t image, Py_ssize_t r,
                      Py_ssize_t c) noexcept nogil:
    cdef runtime.mg_conv_row row
    begin_row(call, panel, s, image, r, c, &row)
    run_tiles(call.plan, panel, &row, s.count,
              panel.kind < runtime.MG_TAPS_2 and streams(call.plan, panel, &row))


cdef void sweep_filters(const CorrelationCall *call, const Box *box, Py_ssize_t image, const Segment *segments,
                        int count) noexcept nogil:
    cdef const CorrelationPlan *p = call.plan
    cdef Py_ssize_t q, at
    cdef int i
    for q in range(box.panel, box.end_panel):
        for at in range(box.first[p.across], box.end[p.across]):
            for i in range(count):
                run_filters(call, &p.panels[q], &segments[i], image, at, at)


cdef void sweep_images(const CorrelationCall *call, const Box *box, Py_ssize_t image, const Segment *segments,
                       int count) noexcept nogil:
    """Tiles that lie along the images, of filters or of channels."""
    cdef Py_ssize_t q, r, c
    for q in range(box.panel, box.end_panel):
        for r in range(box.first[ROWS], box.end[ROWS]):
            for c in range(box.first[COLUMNS], box.end[COLUMNS]):
                run_filters(call, &call.plan.panels[q], segments, 0, r, c)
