# What tiles cannot read from x itself: which positions those are, and copies of what they read. Part of
# correlation.pyx.

cdef enum:
    FEW_TILES = 2                     # fewer between two strips are copied, too: a call of tiles costs more


cdef int lay_segments(const CorrelationPlan *p, const Box *box, const char *image, char *strips,
                      Segment *segments) noexcept nogil:
    """Cut a box's positions along the tiles' axis into those read directly and up to two strips beside them."""
    cdef const Axis *along = &p.axis[p.along]
    cdef Py_ssize_t first = box.first[p.along], positions = box.end[p.along] - first
    cdef Py_ssize_t tiles = ceil_div(positions, p.strip_height), low = 0, high = tiles
    cdef Py_ssize_t cuts[4]
    cdef int count = 0, i
    if p.direct_from >= p.direct_to:
        low = tiles
    else:
        # The first and last tiles that need no copy, where all are as high as one another.
        while low < tiles and first + low * positions // tiles < p.direct_from:
            low += 1
        while high > 0 and first + high * positions // tiles > p.direct_to:
            high -= 1
        if high - low < min(FEW_TILES, tiles):
            low = high = tiles
    cuts[0], cuts[1], cuts[2] = first, first + low * positions // tiles, first + high * positions // tiles
    cuts[3] = first + positions
    for i in range(3):
        if cuts[i + 1] == cuts[i]:
            continue
        segments[count].first, segments[count].count = cuts[i], cuts[i + 1] - cuts[i]
        if i == 1:
            segments[count].row, segments[count].column = p.axis[ROWS].x_one, p.axis[COLUMNS].x_one
            segments[count].x = image + along.start * along.x_one
        else:
            strips = copy_strip(p, box, image, strips, &segments[count])
        count += 1
    return count


cdef char *copy_strip(const CorrelationPlan *p, const Box *box, const char *image, char *to,
                      Segment *s) noexcept nogil:
    """Copy what a segment reads, zeros included. Returns the end of the copy."""
    cdef const Axis *along = &p.axis[p.along]
    cdef const Axis *across = &p.axis[p.across]
    cdef const Panel *panel = &p.panels[box.panel]
    cdef Py_ssize_t start = s.first * along.stride + along.start, from_, till, h0, h1, w0, w1, h
    cdef Py_ssize_t end = start + (s.count - 1) * along.stride + (along.taps - 1) * along.dilation + 1
    # Inputs of the other axis that are there.
    from_ = min(max(box.first[p.across] * across.stride + across.start, 0), across.size)
    till = (box.end[p.across] - 1) * across.stride + across.start + (across.taps - 1) * across.dilation + 1
    till = min(max(till, from_), across.size)
    if p.along == COLUMNS:
        h0, h1, w0, w1 = from_, till, start, end
    else:
        h0, h1, w0, w1 = start, end, from_, till
    s.row, s.column = (w1 - w0) * p.strip_position, p.strip_position
    # s.x is where the inputs with index 0 of the other axis and `start` of this one would be, less first * step
    s.x = to - from_ * (s.row if p.along == COLUMNS else s.column)
    s.x -= s.first * along.stride * (s.column if p.along == COLUMNS else s.row)
    if p.copy == copy_apart:
        s.x -= panel.x
    from_ = min(max(w0, 0), w1)                               # columns that are there
    till = max(min(w1, p.axis[COLUMNS].size), from_)
    for h in range(h0, h1):
        if h < 0 or h >= p.axis[ROWS].size:
            memset(to, 0, s.row)
        else:
            memset(to, 0, (from_ - w0) * p.strip_position)
            p.copy(p, panel, &p.panels[box.end_panel - 1], to + (from_ - w0) * p.strip_position,
                   image + h * p.axis[ROWS].x_one + from_ * p.position, till - from_)
            memset(to + (till - w0) * p.strip_position, 0, (w1 - till) * p.strip_position)
        to += s.row
    return to


# ---- copies of neighbouring positions, for the panels from `panel` to `last` ----

cdef void copy_same(const CorrelationPlan *p, const Panel *panel, const Panel *last, char *to, const char *source,
                    Py_ssize_t positions) noexcept nogil:
    memcpy(to, source, positions * p.position)


ctypedef fused real:
    float
    double


cdef void expand_numbers(real *to, const real *source, Py_ssize_t count, int times) noexcept nogil:
    cdef Py_ssize_t i, j
    for i in range(count):
        for j in range(times):
            to[i * times + j] = source[i]


cdef void copy_expanded(const CorrelationPlan *p, const Panel *panel, const Panel *last, char *to, const char *source,
                        Py_ssize_t positions) noexcept nogil:
    """Each channel as often as it has filters."""
    cdef Py_ssize_t count = positions * p.position // p.item
    if p.item == 4:
        expand_numbers(<float *>to, <const float *>source, count, p.expand)
    else:
        expand_numbers(<double *>to, <const double *>source, count, p.expand)


cdef void sort_numbers(real *to, const real *source, Py_ssize_t positions, Py_ssize_t groups,
                       Py_ssize_t channels) noexcept nogil:
    cdef Py_ssize_t i, g, k
    for i in range(positions):
        for k in range(channels):
            for g in range(groups):
                to[k * groups + g] = source[g * channels + k]
        to += groups * channels
        source += groups * channels


cdef void copy_sorted(const CorrelationPlan *p, const Panel *panel, const Panel *last, char *to, const char *source,
                      Py_ssize_t positions) noexcept nogil:
    """At each position the first channels of all groups, then the second ..."""
    cdef Py_ssize_t groups = p.position // (p.depth * p.item)
    if p.item == 4:
        sort_numbers(<float *>to, <const float *>source, positions, groups, p.depth)
    else:
        sort_numbers(<double *>to, <const double *>source, positions, groups, p.depth)


cdef void copy_apart(const CorrelationPlan *p, const Panel *panel, const Panel *last, char *to, const char *source,
                     Py_ssize_t positions) noexcept nogil:
    """The panels' channels alone."""
    cdef Py_ssize_t size = last.x + last.filters * p.item - panel.x, i
    for i in range(positions):
        memcpy(to + i * p.strip_position, source + panel.x + i * p.position, size)
