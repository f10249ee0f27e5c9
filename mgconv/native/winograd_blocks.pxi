# Blocks of tiles: what they hold, where it lies, and its transforms; part of winograd.pyx.

cdef inline Py_ssize_t halo(const WinogradPlan *p) noexcept nogil:
    """Rows of tiles that taps along the other axis reach beyond a block's."""
    return (p.row_taps - 1) * p.row_rate


# Bytes from place to place, a line more than the positions take: places are not to crowd into a few sets of the cache.

cdef inline Py_ssize_t inputs_bytes(const WinogradPlan *p) noexcept nogil:
    return line_up(p.images * (p.high + halo(p)) * p.rate * p.wide * p.x_pitch * p.item) + LINE


cdef inline Py_ssize_t outputs_bytes(const WinogradPlan *p) noexcept nogil:
    return line_up(p.images * p.high * p.rate * p.wide * p.y_pitch * p.item) + LINE


cdef inline Py_ssize_t sums_place(const WinogradPlan *p) noexcept nogil:
    return line_up(p.row_taps * p.depth * p.filters * p.item) + LINE


cdef inline Py_ssize_t packed_place(const CorrelationPlan *plan) noexcept nogil:
    return line_up(plan.packed_bytes)


cdef inline Py_ssize_t zeros_bytes(const WinogradPlan *p) noexcept nogil:
    """A pixel of the padding."""
    return line_up(p.channels * p.item)


cdef inline Py_ssize_t sums_bytes(const WinogradPlan *p) noexcept nogil:
    return p.chunks * p.places * sums_place(p)


cdef Block find_block(const WinogradPlan *p, Py_ssize_t index) noexcept nogil:
    cdef Py_ssize_t tiles = index % p.blocks[2], rows = index // p.blocks[2] % p.blocks[1]
    cdef Py_ssize_t images = index // (p.blocks[2] * p.blocks[1])
    cdef Block b
    b.image, b.row, b.tile = images * p.batch // p.blocks[0], rows * p.down // p.blocks[1], tiles * p.wide
    b.images = (images + 1) * p.batch // p.blocks[0] - b.image
    b.rows = (rows + 1) * p.down // p.blocks[1] - b.row
    return b


cdef void block_sizes(const WinogradPlan *p, const Block *b, Py_ssize_t *images, Py_ssize_t *positions) noexcept nogil:
    """What the machines for plain sums see of a block: images of one row; one, if rows of tiles need no others."""
    images[0], positions[0] = b.images, b.rows * p.rate * p.wide
    if halo(p) == 0:
        images[0], positions[0] = 1, b.images * positions[0]


cdef void transform_line(const WinogradPlan *p, const char *image, Py_ssize_t row, Py_ssize_t column, Py_ssize_t first,
                         Py_ssize_t end, char *u, Py_ssize_t place, const char *zeros) noexcept nogil:
    """Tiles first ... end - 1 of a line, whose tile 0 begins at this row and column of the image."""
    cdef Py_ssize_t step = p.outputs * p.rate, last = (p.span - 1) * p.rate, t = first, count, i, j, h, w
    cdef Py_ssize_t inside = first, outside = first
    cdef const void *pixels[MG_WINOGRAD_MOST_PLACES]
    if row >= 0 and row + p.row_span <= p.rows and p.size > last + column:
        inside = min(max(ceil_div(-column, step), first), end)
        outside = max(min((p.size - 1 - last - column) // step + 1, end), inside)
    while t < end:
        count = outside - inside if t == inside and outside > inside else 1
        for i in range(p.row_span):
            h = row + i
            for j in range(p.span):
                w = column + t * step + j * p.rate
                pixels[i * p.span + j] = (image + (h * p.x_row + w * p.x_step) * p.item
                                          if 0 <= h < p.rows and 0 <= w < p.size else zeros)
        p.kernels.pixels(<int>p.row_span, <int>p.span, pixels, step * p.x_step, count, p.channels,
                         u + (t - first) * p.x_pitch * p.item, place, p.x_pitch)
        t += count


cdef void touch(const char *image, Py_ssize_t first, Py_ssize_t end, Py_ssize_t row, Py_ssize_t left, Py_ssize_t right,
                Py_ssize_t step, Py_ssize_t width, Py_ssize_t item) noexcept nogil:
    """Pixels of `width` numbers, of rows first ... end - 1 and columns left ... right - 1 of an image, are read in
    order before tiles read them."""
    if first >= end or left >= right:
        return
    image += (first * row + left * step) * item
    if row > step:
        runtime.touch_rows(image, row * item, end - first, ((right - left - 1) * step + width) * item)
    else:
        runtime.touch_rows(image, step * item, right - left, ((end - first - 1) * row + width) * item)


cdef void transform_row(const WinogradPlan *p, const char *x, const Block *b, Py_ssize_t image, Py_ssize_t row,
                        char *u, const char *zeros) noexcept nogil:
    """The tiles of all lines in one row of a block's inputs."""
    cdef Py_ssize_t pitch = p.x_pitch * p.item, at = (image * (p.high + halo(p)) + row) * p.rate, i, part
    cdef Py_ssize_t top = (b.row + row) * p.row_outputs + p.row_start, left = b.tile * p.outputs * p.rate + p.start
    cdef Py_ssize_t fresh = p.row_span - p.row_outputs if row else 0
    x += (b.image + image) * p.x_image * p.item
    if p.x_reach >= READ_AHEAD:
        touch(x, max(top + fresh, 0), min(top + p.row_span, p.rows), p.x_row, max(left, 0),
              min(left + (p.wide * p.outputs + p.taps - 1) * p.rate, p.size), p.x_step, p.channels, p.item)
    for i in range(p.rate):
        for part in range(p.parts):
            transform_line(p, x, top, p.start + i + part * p.run * p.rate, b.tile, b.tile + p.wide,
                           u + (at + i) * p.wide * pitch + part * p.channels * p.item,
                           p.x_place // p.item, zeros)


cdef void outputs_row(const WinogradCall *call, char *u, const Block *b, Py_ssize_t image, Py_ssize_t row,
                      bint gradients) noexcept nogil:
    """The tiles of all lines in one row of a block: from u to outputs, or from their gradients to u."""
    cdef const WinogradPlan *p = call.plan
    cdef Py_ssize_t step = p.rate * p.y_step, h = (b.row + row) * p.row_outputs, i, whole, left, place
    cdef char *tiles
    cdef char *y
    cdef runtime.mg_winograd_spread s
    s.rows, s.columns, s.length, s.row_length = <int>p.row_span, <int>p.span, <int>p.outputs, <int>p.row_outputs
    s.item, s.row_item, s.place = step, p.y_row, p.y_place // p.item
    s.given_rows = <int>min(p.row_outputs, p.out_rows - h)
    if gradients and p.y_reach >= READ_AHEAD:
        left = b.tile * p.outputs * p.rate
        touch(call.y + (b.image + image) * p.y_image * p.item, h, h + s.given_rows, p.y_row, left,
              min(left + p.wide * p.outputs * p.rate, p.out), p.y_step, p.filters, p.item)
    for i in range(p.rate):
        left = max(ceil_div(p.out - i, p.rate) - b.tile * p.outputs, 0)
        whole = min(left // p.outputs, p.wide)
        tiles = u + ((image * p.high + row) * p.rate + i) * p.wide * p.y_pitch * p.item
        y = call.y + ((b.image + image) * p.y_image + h * p.y_row + i * p.y_step
                      + b.tile * p.outputs * step) * p.item
        s.given = s.length
        outputs_tiles(call, &s, tiles, y, whole, gradients)
        tiles += whole * p.y_pitch * p.item
        left = left - whole * p.outputs if whole < p.wide else 0
        if left:
            s.given = <int>left
            outputs_tiles(call, &s, tiles, y + whole * p.outputs * step * p.item, 1, gradients)
            tiles += p.y_pitch * p.item
            whole += 1
        while gradients and whole < p.wide:
            for place in range(p.places):             # of these filters: the others are somebody else's
                memset(tiles + place * s.place * p.item, 0, p.filters * p.item)
            tiles += p.y_pitch * p.item
            whole += 1


cdef void stream_tiles(const WinogradCall *call, const runtime.mg_winograd_spread *s, const char *u, char *y,
                       Py_ssize_t count) noexcept nogil:
    """Tiles go to y past the caches: as many at a time as there is room for, or some filters of one."""
    cdef const WinogradPlan *p = call.plan
    cdef Py_ssize_t pixels = s.given * s.given_rows, filter, filters, tile, tiles, most, i
    cdef char room[STREAM_BYTES + LINE]
    cdef char *near = lined_up(room)
    cdef runtime.mg_winograd_spread part = s[0]
    most = min(STREAM_BYTES // (pixels * p.item) & ~<Py_ssize_t>(LINE - 1), p.filters)
    filter = tile = 0
    while filter < p.filters:
        filters = min(most, p.filters - filter)
        while tile < count:
            tiles = min(count - tile, STREAM_BYTES // (pixels * filters * p.item))
            part.item, part.row_item = filters, tiles * s.given * filters
            p.kernels.gather(&part, u + (tile * p.y_pitch + filter) * p.item, p.y_pitch, tiles, filters,
                             call.bias + filter * p.item if call.bias != NULL else NULL, call.relu, near,
                             s.given * filters)
            for i in range(s.given_rows):
                runtime.stream_rows(y + (tile * s.length * s.item + i * s.row_item + filter) * p.item, s.item * p.item,
                                    near + i * part.row_item * p.item, tiles * s.given, filters * p.item)
            tile += tiles
        filter, tile = filter + filters, 0


cdef inline void outputs_tiles(const WinogradCall *call, const runtime.mg_winograd_spread *s, char *u, char *y,
                               Py_ssize_t count, bint gradients) noexcept nogil:
    cdef const WinogradPlan *p = call.plan
    if gradients:
        p.kernels.spread(s, y, s.length * s.item, count, p.filters, u, p.y_pitch)
    elif p.y_reach >= STREAMED and (<size_t>y | p.filters * p.item | s.item * p.item | s.row_item * p.item) % LINE == 0:
        stream_tiles(call, s, u, y, count)
    else:
        p.kernels.gather(s, u, p.y_pitch, count, p.filters, call.bias, call.relu, y, s.length * s.item)
