"""The gradient to the kernel: for every entry of the kernel and every filter a sum over all output positions,

    dkernel[i, j, k, f] = sum over n, r, c of x[n, r*s + start + i*d, c*s + start + j*d, k] * dy[n, r, c, f]

which is one matrix product, entries x positions by positions x filters, done in place. From the outside in:

    task                    a chunk of the positions, a block of the entries, a block of the filters
      box                   images x rows x columns whose x and dy stay in the second-level cache
        part of filters     one tile's width (or height)
          part of entries   its height (or width): the tile sums over the box, then adds to the result; for long rows
                            of the result the last two loops change places

Padding is met in one of two ways. Where an entry part lies inside one tap, the tap's positions are cut to the valid
ones; parts that cross taps (few channels) read a copy of the box with its zeros. Boxes are copied, too, where positions
lie so far apart that what a tile reads would crowd into a few sets of the first-level cache. The entries fill the lanes
instead of the filters (`swapped`) where that wastes fewer. The chunks' partial results are added in order: the number
of chunks follows from the shapes alone, and so do the bits of the sum.
"""
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset

from mgconv.native cimport runtime
from mgconv.native.correlation cimport (
    COLUMNS,
    IMAGES,
    ROWS,
    Axis,
    ceil_div,
    crowded,
    lines_together,
    loose,
    set_axis,
    touches_padding,
)
from mgconv.native.runtime cimport TOUCHED

import sys

from mgconv.native.passes import merge_positions
from mgconv.native.tiles import balanced, cheapest_widths, depthwise_parts

cdef enum:
    BOX_BYTES = 256 * 1024            # x and dy of one box at most, in the second-level cache;
    BOX_POSITIONS = 128               # fewer, so that what a tile reads again stays in the first-level cache,
    SMALL_BOX = 32 * 1024             # but not less than this,
    FEW_POSITIONS = 64                # nor than this: every box reads and writes the whole result
    PARTIAL_BYTES = 512 * 1024        # all partial results; more
    MOST_PARTIAL_BYTES = 8 << 20
    CHUNK_POSITIONS = 512             # where a chunk has so many positions that adding it up is little work
    TASKS = 48                        # to balance many threads;
    FEW_TASKS = 16                    # where they would share positions, which each then reads anew
    REUSED = 64                       # copies pay where an element is multiplied so often
    SHARED = 4                        # copies of what neighbouring taps share must spare so much crowding
    FEW_ENTRIES = 128                 # that leave multiplications waiting for memory, where rows of dy,
    WIDE_ROW = 512                    # of so many bytes, are read a part at a time
    FAR = 2048                        # bytes: rows of the result so far apart are written one after the other
    SHORT_RUN = 8                     # shorter runs of entries are collected in a table


cdef class KernelGradient:
    """Arguments as for Correlation; the kernel and dy are contiguous. If `single`, the sum is one task, or one for each
    block of filters, that somebody else runs; the result is not to be swapped."""

    def __cinit__(self):
        self.plan.entry_parts = self.plan.filter_parts = NULL
        self.plan.offsets = NULL

    def __dealloc__(self):
        free(self.plan.entry_parts)
        free(self.plan.filter_parts)
        free(self.plan.offsets)

    def __init__(self, int wide, Py_ssize_t batch, rows, columns, Py_ssize_t groups, Py_ssize_t channels,
                 Py_ssize_t filters, Py_ssize_t x_pitch=0, bint single=False):
        cdef Sum *p = &self.plan
        cdef Py_ssize_t item = 8 if wide else 4
        cdef const runtime.mg_isa *isa
        isa = runtime.isa_for(filters, wide) if groups > 1 < channels else runtime.active_isa()
        p.kernels = isa.conv_outer[wide]
        p.lanes = isa.conv_row[wide].lanes
        p.item = item
        p.x_position, p.filters = (x_pitch or groups * channels) * item, groups * filters
        y_image = rows[5] * rows[6]
        rows, columns, batch = merge_positions(batch, rows, columns, y_image)
        set_axis(&p.axis[COLUMNS], columns, p.x_position, item)
        set_axis(&p.axis[ROWS], rows, columns[0] * p.x_position, item)
        set_axis(&p.axis[IMAGES], (batch, 1, 1, 1, 0, batch, y_image),
                 rows[0] * columns[0] * p.x_position, item)
        p.channelwise = channels == 1 and filters == 1 and groups > 1
        p.entries = p.axis[ROWS].taps * p.axis[COLUMNS].taps * channels
        p.x_pitch = p.x_position
        self.reuse = p.entries // channels * filters      # multiplications of one element of x
        p.neighbours = p.channelwise and p.axis[COLUMNS].dilation == p.axis[COLUMNS].stride
        if self.crowds():
            p.x_pitch = loose(p.x_position)
        padded = touches_padding(&p.axis[ROWS]) or touches_padding(&p.axis[COLUMNS])
        crossing = (groups == 1 and p.axis[COLUMNS].dilation == 1 and p.axis[COLUMNS].taps > 1
                    and p.x_pitch == p.x_position == channels * item)
        trimmed = padded and channels >= (2 * p.lanes if crossing else SHORT_RUN)
        p.x_copied = padded and not trimmed and not p.channelwise or p.x_pitch != p.x_position
        self.cut_boxes(channels)
        self.lay_parts(groups, channels, filters, crossing, trimmed, single)
        self.cut_tasks(single)

    cdef bint crowds(self):
        """Whether x lies so that a copy of it repays."""
        cdef Sum *p = &self.plan
        if not p.channelwise:
            return crowded(p.axis[COLUMNS].x_step) and self.reuse >= REUSED
        # A tile moves along a row with its taps; rows, and parts of many taps, meet the same inputs later on.
        again = p.axis[ROWS].taps > 1 or p.entries > p.kernels.height[runtime.MG_OUTER_LANES]
        lines = p.axis[ROWS].taps * min(p.axis[COLUMNS].size, FEW_POSITIONS) if again else p.entries
        return lines > lines_together(p.x_position) * (SHARED if p.neighbours else 1)

    cdef cut_boxes(self, Py_ssize_t channels):
        """Boxes are whole images, else whole rows, else parts of rows."""
        cdef Sum *p = &self.plan
        cdef Axis *rows = &p.axis[ROWS]
        cdef Axis *columns = &p.axis[COLUMNS]
        cdef Py_ssize_t position = rows.stride * columns.stride * p.x_position + p.filters * p.item
        cdef Py_ssize_t row = columns.out * position, image = row * rows.out
        cdef Py_ssize_t box = max(min(max(BOX_POSITIONS * position, SMALL_BOX), BOX_BYTES), FEW_POSITIONS * position)
        p.axis[IMAGES].blocks = min(max(p.axis[IMAGES].out, 1), ceil_div(image * p.axis[IMAGES].out + 1, box))
        if image > box:
            p.axis[IMAGES].blocks = max(p.axis[IMAGES].out, 1)
            rows.blocks = min(rows.out, ceil_div(image, box))
            if row > box:
                rows.blocks, columns.blocks = rows.out, min(columns.out, ceil_div(row, box))
        p.boxes = p.axis[IMAGES].blocks * rows.blocks * columns.blocks
        p.x_row, p.x_bytes = rows.x_one, 0
        if p.x_copied:
            high = (ceil_div(rows.out, rows.blocks) - 1) * rows.stride + (rows.taps - 1) * rows.dilation + 1
            wide = (ceil_div(columns.out, columns.blocks) - 1) * columns.stride \
                + (columns.taps - 1) * columns.dilation + 1
            p.x_row = wide * p.x_pitch
            p.x_bytes = ceil_div(max(p.axis[IMAGES].out, 1), p.axis[IMAGES].blocks) * high * p.x_row

    cdef lay_parts(self, Py_ssize_t groups, Py_ssize_t channels, Py_ssize_t filters, bint crossing, bint trimmed,
                   bint single):
        cdef Sum *p = &self.plan
        cdef Py_ssize_t run = channels
        heights = [p.kernels.height[kind] for kind in range(runtime.MG_OUTER_KINDS)]
        lanes = p.lanes
        if crossing and not trimmed:
            run *= p.axis[COLUMNS].taps
        runs = p.entries // run
        p.swapped = p.tabled = False
        if p.channelwise:
            sizes = depthwise_parts(p.axis[ROWS].taps, p.axis[COLUMNS].taps,
                                    p.neighbours, heights[runtime.MG_OUTER_LANES])
            filter_sizes = [(1, min(lanes, groups - first)) for first in range(0, groups, lanes)]
            p.tabled = True
        else:
            p.tabled = run < SHORT_RUN and runs > 1 and not trimmed
            tall = heights[runtime.MG_OUTER_TABLE_1:] if p.tabled else heights
            normal, widths = cheapest_widths(filters, p.entries if p.tabled else run, lanes, tall, 2 if p.tabled else 4)
            turned, entry_widths = cheapest_widths(run, filters, lanes, heights, 4)
            p.swapped = not single and turned * runs < 0.9 * normal * (1 if p.tabled else runs)
            if p.swapped:
                p.tabled = False
                sizes = [min(size * lanes, run - sum(entry_widths[:i]) * lanes) for i, size in enumerate(entry_widths)]
                filter_sizes = [(0, size) for size in balanced(filters, heights[max(entry_widths) - 1])]
            else:
                sizes = balanced(p.entries if p.tabled else run, tall[max(widths) - 1])
                filter_sizes = [(size, min(size * lanes, filters - sum(widths[:i]) * lanes))
                                for i, size in enumerate(widths)]
        self.fill_filter_parts(1 if p.channelwise else groups, channels, filters, filter_sizes)
        self.fill_entry_parts(run, 1 if p.tabled else runs, channels, sizes, trimmed)

    cdef fill_filter_parts(self, Py_ssize_t groups, Py_ssize_t channels, Py_ssize_t filters, sizes):
        cdef Sum *p = &self.plan
        p.filter_count = groups * len(sizes)
        p.filter_parts = <Part *>malloc(p.filter_count * sizeof(Part))
        if p.filter_parts == NULL:
            raise MemoryError
        for group in range(groups):
            at = group * filters
            for i, (vectors, count) in enumerate(sizes):
                p.filter_parts[group * len(sizes) + i] = Part(
                    count=count, vectors=vectors, at=at,
                    x=at * p.item if p.channelwise else group * channels * p.item, table=0,
                    first_row=0, end_row=0, first_column=0, end_column=0)
                at += count

    cdef fill_entry_parts(self, Py_ssize_t run, Py_ssize_t runs, Py_ssize_t channels, sizes, bint trimmed):
        cdef Sum *p = &self.plan
        cdef Py_ssize_t e
        cdef Part *part
        p.entry_count = runs * len(sizes)
        p.entry_parts = <Part *>malloc(p.entry_count * sizeof(Part))
        p.offsets = <Py_ssize_t *>malloc((3 * p.entries if p.tabled else 1) * sizeof(Py_ssize_t))
        if p.entry_parts == NULL or p.offsets == NULL:
            raise MemoryError
        if p.tabled:
            for e in range(p.entries):
                p.offsets[e] = self.place(e, channels)
                p.offsets[p.entries + e] = e // channels // p.axis[COLUMNS].taps * p.axis[ROWS].dilation
                p.offsets[2 * p.entries + e] = e // channels % p.axis[COLUMNS].taps * p.axis[COLUMNS].dilation
        for r in range(runs):
            at = r * run
            for i, count in enumerate(sizes):
                part = &p.entry_parts[r * len(sizes) + i]
                part[0] = Part(count=count, vectors=ceil_div(count, p.lanes), at=at,
                               x=0 if p.tabled else self.place(at, channels), table=at, first_row=0,
                               end_row=sys.maxsize, first_column=0, end_column=sys.maxsize)
                if trimmed:
                    tap = at // channels
                    valid_outputs(&p.axis[ROWS], tap // p.axis[COLUMNS].taps, &part.first_row, &part.end_row)
                    valid_outputs(&p.axis[COLUMNS], tap % p.axis[COLUMNS].taps, &part.first_column, &part.end_column)
                at += count

    cdef Py_ssize_t place(self, Py_ssize_t entry, Py_ssize_t channels):
        """Where an entry of the kernel finds its x for output position 0, relative to its tap 0."""
        cdef Sum *p = &self.plan
        cdef Py_ssize_t tap = entry // channels
        return (tap // p.axis[COLUMNS].taps * p.axis[ROWS].dilation * p.x_row
                + tap % p.axis[COLUMNS].taps * p.axis[COLUMNS].dilation * p.x_pitch + entry % channels * p.item)

    cdef cut_tasks(self, bint single):
        cdef Sum *p = &self.plan
        cdef Py_ssize_t result = p.entries * p.filters * p.item, wanted, rest, widest = 0, block
        cdef double positions = 1
        for i in range(3):
            positions *= p.axis[i].out
        p.seconds = positions * p.entries * p.filters / (p.lanes * 5e9)
        wanted = 1 if single else min(1 + <Py_ssize_t>(p.seconds / 4e-6), TASKS)
        p.chunks = max(PARTIAL_BYTES // result, min(MOST_PARTIAL_BYTES // result,
                                                    <Py_ssize_t>positions // CHUNK_POSITIONS), 1)
        p.chunks = min(p.chunks, min(wanted, p.boxes))
        rest = ceil_div(min(wanted, FEW_TASKS), p.chunks)
        if p.x_pitch != p.x_position and not p.channelwise:             # each copies x
            rest = min(rest, max(self.reuse // REUSED, 1))
        p.filter_blocks = min(rest, p.filter_count)
        p.entry_blocks = min(ceil_div(rest, p.filter_blocks), p.entry_count)
        p.partial_bytes = p.chunks * result if p.chunks > 1 or p.swapped else 0
        p.dy_pitch = p.dy_bytes = 0
        row = p.filters * p.item
        p.dy_far = (p.filter_count > 1 and p.entries <= FEW_ENTRIES and row >= WIDE_ROW and positions * row >= TOUCHED)
        if p.channelwise:
            copied = p.x_pitch != p.x_position
        else:
            copied = crowded(p.axis[COLUMNS].y_step) and p.entries >= REUSED
        if copied:
            for block in range(p.filter_blocks):
                widest = max(widest, block_start(p, block + 1) - block_start(p, block))
            p.dy_pitch = loose(widest * p.item)
            p.dy_bytes = p.dy_pitch
            for i in range(3):
                p.dy_bytes *= ceil_div(max(p.axis[i].out, 1), p.axis[i].blocks)

    @property
    def scratch_bytes(self):
        return self.plan.partial_bytes + self.plan.x_bytes + self.plan.dy_bytes

    cdef int run(self, const char *x, const char *dy, char *dkernel) except -1:
        cdef Sum *p = &self.plan
        cdef Call call = Call(plan=p, x=x, dy=dy, result=dkernel, more=False, failed=False)
        cdef Py_ssize_t result = p.entries * p.filters
        if p.partial_bytes:
            call.result = <char *>runtime.scratch(runtime.MG_SCRATCH_JOB, p.partial_bytes)
        if call.result != NULL:
            runtime.parallel_for(sum_task, &call, p.chunks * p.entry_blocks * p.filter_blocks, p.seconds)
            if p.swapped:
                p.kernels.add_parts_turned(dkernel, call.result, p.filters, p.entries, p.chunks)
            elif p.chunks > 1:
                p.kernels.add_parts(dkernel, call.result, result, p.chunks, result)
        return runtime.check_memory(call.result != NULL and not call.failed)


cdef void valid_outputs(const Axis *a, Py_ssize_t tap, Py_ssize_t *first, Py_ssize_t *end) noexcept:
    """Those whose input at `tap` lies inside."""
    cdef Py_ssize_t at = a.start + tap * a.dilation
    first[0] = ceil_div(-at, a.stride) if at < 0 else 0
    end[0] = (a.size - 1 - at) // a.stride + 1 if at < a.size else 0


# ---- one call -------------------------------------------------------------------------------------------------------

cdef void copy_positions(char *to, const char *source, Py_ssize_t count, Py_ssize_t size, Py_ssize_t to_pitch,
                         Py_ssize_t pitch) noexcept nogil:
    """`size` bytes of each position."""
    cdef Py_ssize_t i
    if to_pitch == pitch == size:
        memcpy(to, source, count * size)
        return
    for i in range(count):
        memcpy(to + i * to_pitch, source + i * pitch, size)


cdef void copy_x(const Sum *p, const char *x, char *to, Py_ssize_t size, const Py_ssize_t *first,
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


cdef void copy_dy(const Sum *p, const char *dy, char *to, Py_ssize_t size, const Py_ssize_t *first,
                  const Py_ssize_t *end) noexcept nogil:
    """`size` bytes of each output position of a box."""
    cdef Py_ssize_t n, r, count = end[COLUMNS] - first[COLUMNS]
    for n in range(first[IMAGES], end[IMAGES]):
        for r in range(first[ROWS], end[ROWS]):
            copy_positions(to, dy + n * p.axis[IMAGES].y_step + r * p.axis[ROWS].y_step
                           + first[COLUMNS] * p.axis[COLUMNS].y_step, count, size, p.dy_pitch, p.axis[COLUMNS].y_step)
            to += count * p.dy_pitch


cdef void touch_dy(const Sum *p, const char *dy, Py_ssize_t size, const Py_ssize_t *first,
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


cdef void find_edges(const Sum *p, runtime.mg_conv_outer *t, Py_ssize_t row, Py_ssize_t column) noexcept nogil:
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


cdef void sum_parts(const Sum *p, const Part *entry, const Part *filters, const Source *x, const Source *dy,
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


cdef Py_ssize_t block_start(const Sum *p, Py_ssize_t block) noexcept nogil:
    """The first filter of a block of filter parts."""
    cdef Py_ssize_t part = block * p.filter_count // p.filter_blocks
    return p.filter_parts[part].at if part < p.filter_count else p.filters


cdef void sum_task(void *context, Py_ssize_t index) noexcept nogil:
    cdef Call *call = <Call *>context
    cdef const Sum *p = call.plan
    cdef const Axis *rows = &p.axis[ROWS]
    cdef const Axis *columns = &p.axis[COLUMNS]
    cdef Py_ssize_t e = index % p.entry_blocks, block = index // p.entry_blocks % p.filter_blocks
    cdef Py_ssize_t chunk = p.chunks - 1 - index // p.entry_blocks // p.filter_blocks   # used last, comes first
    cdef Py_ssize_t e0 = e * p.entry_count // p.entry_blocks, e1 = (e + 1) * p.entry_count // p.entry_blocks
    cdef Py_ssize_t f0 = block * p.filter_count // p.filter_blocks, f1 = (block + 1) * p.filter_count // p.filter_blocks
    cdef Py_ssize_t box0 = chunk * p.boxes // p.chunks, box1 = (chunk + 1) * p.boxes // p.chunks
    cdef Py_ssize_t box, rest, f, outer, inner, i, part
    cdef Py_ssize_t filter = block_start(p, block) * p.item, filter_bytes = block_start(p, block + 1) * p.item - filter
    cdef Py_ssize_t channel = filter if p.channelwise else 0
    cdef Py_ssize_t channel_bytes = filter_bytes if p.channelwise else p.x_position
    cdef Py_ssize_t first[3]
    cdef Py_ssize_t end[3]
    cdef bint far = not p.swapped and p.filters * p.item > FAR
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
        rest = box
        for i in range(2, -1, -1):
            part = rest % p.axis[i].blocks
            rest //= p.axis[i].blocks
            first[i] = part * p.axis[i].out // p.axis[i].blocks
            end[i] = (part + 1) * p.axis[i].out // p.axis[i].blocks
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
            if p.dy_far:
                touch_dy(p, call.dy + filter, filter_bytes, first, end)
        for outer in range(e0 if far else f0, e1 if far else f1):
            for inner in range(f0 if far else e0, f1 if far else e1):
                e, f = (outer, inner) if far else (inner, outer)
                sum_parts(p, &p.entry_parts[e], &p.filter_parts[f], &x, &dy, first, end, result,
                          call.more or box > box0)
