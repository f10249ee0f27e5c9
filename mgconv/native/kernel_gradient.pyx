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
from mgconv.native.axis cimport COLUMNS, IMAGES, ROWS, Axis, find_box, meets_padding, set_axes
from mgconv.native.caches cimport READ_AHEAD, ceil_div, crowded, loose, reach_of

import sys

from mgconv.native.passes import merge_positions
from mgconv.native.strategy import lines_together
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
    ROWS_APART = 2048                 # bytes: rows of the result so far apart are written one after the other
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
        cdef SumPlan *p = &self.plan
        cdef Py_ssize_t item = 8 if wide else 4
        cdef const runtime.mg_isa *isa
        isa = runtime.isa_for(filters, wide) if groups > 1 < channels else runtime.active_isa()
        p.kernels = isa.conv_outer[wide]
        p.lanes = isa.conv_row[wide].lanes
        p.item = item
        p.x_position, p.filters = (x_pitch or groups * channels) * item, groups * filters
        y_image = rows[5] * rows[6]
        rows, columns, batch = merge_positions(batch, rows, columns, y_image)
        set_axes(p.axis, batch, rows, columns, y_image, p.x_position, item)
        p.channelwise = channels == 1 and filters == 1 and groups > 1
        p.entries = p.axis[ROWS].taps * p.axis[COLUMNS].taps * channels
        p.x_pitch = p.x_position
        self.reuse = p.entries // channels * filters      # multiplications of one element of x
        p.neighbours = p.channelwise and p.axis[COLUMNS].dilation == p.axis[COLUMNS].stride
        if self.crowds():
            p.x_pitch = loose(p.x_position)
        padded = meets_padding(&p.axis[ROWS]) or meets_padding(&p.axis[COLUMNS])
        crossing = (groups == 1 and p.axis[COLUMNS].dilation == 1 and p.axis[COLUMNS].taps > 1
                    and p.x_pitch == p.x_position == channels * item)
        trimmed = padded and channels >= (2 * p.lanes if crossing else SHORT_RUN)
        p.x_copied = padded and not trimmed and not p.channelwise or p.x_pitch != p.x_position
        self.cut_boxes(channels)
        self.lay_parts(groups, channels, filters, crossing, trimmed, single)
        self.cut_tasks(single)

    cdef bint crowds(self):
        """Whether x lies so that a copy of it repays."""
        cdef SumPlan *p = &self.plan
        if not p.channelwise:
            return crowded(p.axis[COLUMNS].x_step) and self.reuse >= REUSED
        # A tile moves along a row with its taps; rows, and parts of many taps, meet the same inputs later on.
        again = p.axis[ROWS].taps > 1 or p.entries > p.kernels.height[runtime.MG_OUTER_LANES]
        lines = p.axis[ROWS].taps * min(p.axis[COLUMNS].size, FEW_POSITIONS) if again else p.entries
        return lines > lines_together(p.x_position) * (SHARED if p.neighbours else 1)

    cdef cut_boxes(self, Py_ssize_t channels):
        """Boxes are whole images, else whole rows, else parts of rows."""
        cdef SumPlan *p = &self.plan
        cdef Axis *rows = &p.axis[ROWS]
        cdef Axis *columns = &p.axis[COLUMNS]
        cdef Py_ssize_t position = (min(rows.stride, rows.size) * min(columns.stride, columns.size) * p.x_position
                                    + p.filters * p.item)
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
        cdef SumPlan *p = &self.plan
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
        cdef SumPlan *p = &self.plan
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
        cdef SumPlan *p = &self.plan
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
        cdef SumPlan *p = &self.plan
        cdef Py_ssize_t tap = entry // channels
        return (tap // p.axis[COLUMNS].taps * p.axis[ROWS].dilation * p.x_row
                + tap % p.axis[COLUMNS].taps * p.axis[COLUMNS].dilation * p.x_pitch + entry % channels * p.item)

    cdef cut_tasks(self, bint single):
        cdef SumPlan *p = &self.plan
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
        p.dy_ahead = (p.filter_count > 1 and p.entries <= FEW_ENTRIES and row >= WIDE_ROW
                      and reach_of(positions * row) >= READ_AHEAD)
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

    cdef bint run(self, const char *x, const char *dy, char *dkernel) noexcept nogil:
        cdef SumPlan *p = &self.plan
        cdef SumCall call = SumCall(plan=p, x=x, dy=dy, result=dkernel, more=False, failed=False)
        cdef Py_ssize_t result = p.entries * p.filters
        if p.partial_bytes:
            call.result = <char *>runtime.scratch(runtime.MG_SCRATCH_JOB, p.partial_bytes)
        if call.result != NULL:
            runtime.run_job(sum_task, &call, p.chunks * p.entry_blocks * p.filter_blocks, p.seconds)
            if p.swapped:
                p.kernels.add_parts_turned(dkernel, call.result, p.filters, p.entries, p.chunks)
            elif p.chunks > 1:
                p.kernels.add_parts(dkernel, call.result, result, p.chunks, result)
            if p.partial_bytes:
                runtime.scratch_end(runtime.MG_SCRATCH_JOB)
        return call.result != NULL and not call.failed


cdef void valid_outputs(const Axis *a, Py_ssize_t tap, Py_ssize_t *first, Py_ssize_t *end) noexcept:
    """Those whose input at `tap` lies inside."""
    cdef Py_ssize_t at = a.start + tap * a.dilation
    first[0] = ceil_div(-at, a.stride) if at < 0 else 0
    end[0] = (a.size - 1 - at) // a.stride + 1 if at < a.size else 0


include "kernel_gradient_call.pxi"
