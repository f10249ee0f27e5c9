"""The forward machine: a correlation with any geometry, from which forward passes and input gradients are made.

    y[n, r, c, f] = sum over i, j, k of x[n, r*s + start + i*d, c*s + start + j*d, k] * kernel[i, j, k, f]

Outside x counts as zero. y may lie anywhere with any steps, and the kernel is read with any steps, so that it may be
turned, transposed or thinned out. How the work is cut, from the outside in:

    task                    a box of images x rows x columns, and a block of panels; boxes are independent
      image                 edge strips whose taps reach outside are copied, with zeros around them
        panel               filters of one register tile, packed anew at each call
          row, segment      direct from x, or from a strip; taps above and below the image are skipped
            tile            src_c/conv_rows_body.h

Channelwise, where each channel has a filter of its own, tiles leave out what a tap finds outside, and no strips are
copied. But strips hold the channels several times over for several filters each, sorted for several channels a filter
(the gradient to the input of those), and at a longer pitch where a tile's inputs would crowd one another out of the
first-level cache. One filter of several taps a row goes the same way: then the tiles of all channels are one sum.

Tiles lie `along` one axis: the columns; or the rows, where there is one column; or the images, where maps are smaller
than a tile. The shape alone decides on the cut, and on the order of every sum: the bits do not depend on the threads.
"""
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset

from mgconv.native cimport runtime
from mgconv.native.runtime cimport BEYOND, STREAMED

import math

from mgconv.native.passes import merge_positions
from mgconv.native.tiles import choose_panels

cdef enum:
    L2_SHARE = 400 * 1024             # bytes of packed kernel, or of input, that stay in the second-level cache
    L1_BYTES = 32 * 1024              # a first-level cache
    L1_WAYS = 8
    FAR = 1 << 20                     # bytes of x and y that no second-level cache holds,
    DISTANT = 14 << 20                # and hardly a last one, which would foresee what channelwise tiles read
    TASKS = 48                        # enough to balance many threads
    LOW = 8                           # tiles of fewer columns lie along the images, if there are many;
    LOW_CHANNELS = 3                  # those of channels need not be high
    MANY_TAPS = 8                     # of a row, that repay adding up the lanes; two rows at a time always do


cdef class Correlation:
    """One pass; `rows` and `columns` are (size, taps, dilation, stride, start, outputs, y step), `kernel_steps` those
    of its kernel rows, columns, channels, filters, groups, all in elements. `x_pitch`, if any, is the distance between
    positions of x, where somebody else packs the panels: in whole vectors of filters."""

    def __cinit__(self):
        self.plan.panels = NULL

    def __dealloc__(self):
        free(self.plan.panels)

    def __init__(self, int wide, Py_ssize_t batch, rows, columns, Py_ssize_t groups, Py_ssize_t channels,
                 Py_ssize_t filters, Py_ssize_t y_image, Py_ssize_t y_offset, kernel_steps, Py_ssize_t kernel_offset,
                 Py_ssize_t x_pitch=0):
        cdef Pass *p = &self.plan
        cdef Py_ssize_t item = 8 if wide else 4
        p.kernels = (runtime.isa_for(filters, wide) if groups > 1 < channels else runtime.active_isa()).conv_row[wide]
        p.item = item
        p.position = (x_pitch or groups * channels) * item
        p.y_offset = y_offset * item
        rows, columns, batch = merge_positions(batch, rows, columns, y_image)
        set_axis(&p.axis[COLUMNS], columns, p.position, item)
        set_axis(&p.axis[ROWS], rows, columns[0] * p.position, item)
        set_axis(&p.axis[IMAGES], (batch, 1, 1, 1, 0, batch, y_image), rows[0] * columns[0] * p.position, item)
        p.along = choose_along(p, LOW_CHANNELS if channels == filters == 1 < groups else LOW)
        p.expand = 1
        if (channels == 1 and filters > 1 and groups > 1 and p.along != IMAGES
                and p.axis[ROWS].taps * p.axis[COLUMNS].taps > 1 and kernel_steps[4] == filters * kernel_steps[3]):
            # Several filters a channel, side by side in the kernel: a channel each in strips that hold every channel
            # as often.
            p.expand, groups, filters = filters, groups * filters, 1
        p.strip_position = p.position * p.expand
        p.run = channels
        self.find_channelwise(groups, channels, filters)
        p.kernel_outer, p.kernel_inner, p.kernel_run, p.kernel_filter = [step * item for step in kernel_steps[:4]]
        p.merged = (groups == 1 and not p.channelwise and p.position == channels * item
                    and p.axis[COLUMNS].dilation == 1 and p.axis[COLUMNS].taps > 1
                    and (p.along == COLUMNS or not touches_padding(&p.axis[COLUMNS])))
        written = batch * rows[5] * columns[5] * groups * filters * item
        touched = batch * rows[0] * columns[0] * p.position + written
        p.far, p.distant, p.beyond = touched > FAR, touched > DISTANT, written >= BEYOND
        self.lay_panels(groups, channels, filters, kernel_steps[4] * item, kernel_offset * item, x_pitch == 0)
        cut_tasks(p)

    cdef find_channelwise(self, Py_ssize_t groups, Py_ssize_t channels, Py_ssize_t filters):
        """Channels with a filter each: lanes hold channels, or the channels of several neighbouring positions. Several
        channels for one filter become as many taps: strips hold the first channels of all groups, then the second. All
        channels for one filter: as with a filter each, and added up."""
        cdef Pass *p = &self.plan
        cdef Axis *columns = &p.axis[COLUMNS]
        cdef int lanes = p.kernels.lanes
        p.repeat = 1
        p.paired = (p.along == COLUMNS and p.axis[ROWS].taps > 1
                    and p.axis[ROWS].stride == p.axis[ROWS].dilation == 1)
        p.summed = (p.along == COLUMNS and groups == filters == 1 and channels % lanes == 0
                    and columns.taps >= (2 if p.paired else MANY_TAPS)
                    and tile_inputs(p) <= lines_together(p.position))
        if p.summed:
            p.channelwise = p.cut_edges = True
            p.rearranged = p.loosened = False
            p.run = 1
            return
        if (channels > 1 and filters == 1 and groups > 1 and p.along != IMAGES and columns.dilation == 1
                and 2 * groups >= lanes):
            p.channelwise = p.rearranged = True
            p.cut_edges = p.paired = p.loosened = False
            return
        if p.along == COLUMNS and columns.stride == 1 and columns.y_step == p.strip_position and columns.out > 1:
            p.repeat = max(lanes // groups, 1)
        p.channelwise = channels == 1 and filters == 1 and (groups > 1 or p.repeat > 1)
        p.rearranged = p.expand > 1
        p.cut_edges = p.channelwise and p.repeat == 1 and not p.rearranged and p.along != IMAGES
        p.paired = p.paired and p.cut_edges
        p.loosened = p.cut_edges and tile_inputs(p) > lines_together(p.position)
        if p.loosened:
            p.cut_edges, p.rearranged = False, True

    cdef lay_panels(self, Py_ssize_t groups, Py_ssize_t channels, Py_ssize_t filters, Py_ssize_t kernel_group,
                    Py_ssize_t kernel_offset, bint interleaved):
        cdef Pass *p = &self.plan
        cdef Py_ssize_t run = p.run * (p.axis[COLUMNS].taps if p.merged else 1)
        cdef Py_ssize_t inner = 1 if p.merged else p.axis[COLUMNS].taps
        cdef int lanes = p.kernels.lanes
        cdef Panel *panel
        if p.summed:
            groups = channels
        if p.channelwise:
            p.kernel_filter = p.kernel_run if p.summed else kernel_group // p.expand
            cut = [(1, 1, first, min(lanes, groups - first)) for first in range(0, groups, lanes)]
            groups = 1
        else:
            room = lines_together(p.axis[p.along].x_step) - 2         # beside them, lines of the kernel
            heights = [min(p.kernels.height[kind], room) for kind in range(runtime.MG_ROW_KINDS)]
            cut = choose_panels(filters, p.axis[p.along].out, run if interleaved else 1, lanes, heights)
        p.panel_count = groups * len(cut)
        p.panels = <Panel *>malloc(p.panel_count * sizeof(Panel))
        if p.panels == NULL:
            raise MemoryError
        p.packed_bytes = 0
        for index in range(p.panel_count):
            group = index // len(cut)
            vectors, taps, first, count = cut[index % len(cut)]
            panel = &p.panels[index]
            panel.kind, panel.taps, panel.width, panel.filters = tile_kind(vectors, taps), taps, vectors * lanes, count
            panel.lanes = count if taps > 1 else count - (vectors - 1) * lanes
            if p.channelwise:
                panel.lanes = count * p.repeat
                panel.kind = runtime.MG_LANES if panel.lanes == lanes else runtime.MG_LANES_PART
            panel.height = p.kernels.height[runtime.MG_LANES] if p.channelwise else heights[panel.kind]
            panel.x = (first if p.channelwise else group * p.run) * p.item
            panel.y = 0 if p.summed else (group * filters + first) * p.item
            panel.kernel = kernel_offset + group * kernel_group + first * p.kernel_filter
            panel.packed = p.packed_bytes
            panel.inner_bytes = (run // taps + run % taps) * panel.width * p.item
            panel.outer_bytes = inner * panel.inner_bytes
            p.packed_bytes += p.axis[ROWS].taps * panel.outer_bytes
        # Strips end where tiles end; but channelwise low tiles cost little and copies much.
        p.strip_height = 1 if p.channelwise else p.panels[0].height
        p.packed_bias = p.packed_bytes
        p.packed_bytes += lanes * p.item if p.channelwise and p.repeat > 1 else 0

    @property
    def scratch_bytes(self):
        return self.plan.packed_bytes + self.plan.strip_bytes


cdef int tile_kind(int vectors, int taps) noexcept:
    cdef int kind = vectors - 1
    if taps > 1:
        kind = runtime.MG_TAPS_2
        while taps > 2:
            kind += 1
            taps //= 2
    return kind


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


cdef Py_ssize_t lines_together(Py_ssize_t step):
    """How many cache lines, each `step` bytes after the one before, the first-level cache holds: a power of two crowds
    them into few of its sets."""
    return L1_BYTES // math.gcd(step, L1_BYTES // L1_WAYS)


cdef Py_ssize_t tile_inputs(Pass *p):
    """Positions of x that one channelwise tile reads."""
    cdef Py_ssize_t high = 2 if p.paired else 1
    cdef Py_ssize_t wide = p.kernels.height[runtime.MG_LANES_PAIR if p.paired else runtime.MG_LANES]
    return (p.axis[ROWS].taps + high - 1) * (p.axis[COLUMNS].taps + wide - 1)


cdef int choose_along(Pass *p, Py_ssize_t low):
    cdef Py_ssize_t batch = p.axis[IMAGES].out, columns = p.axis[COLUMNS].out
    if p.axis[ROWS].out == 1 and columns == 1:
        return IMAGES
    if columns == 1:
        return IMAGES if batch > p.axis[ROWS].out else ROWS
    return IMAGES if columns < low and batch >= 2 * columns else COLUMNS


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
    wanted = min(max(<Py_ssize_t>(p.seconds / 5e-6), 1), TASKS)
    p.panel_blocks = 1 if p.summed else min(max(p.packed_bytes // L2_SHARE, 1), p.panel_count)
    blocks = ceil_div(wanted, p.panel_blocks)
    for i in range(3):
        limit = p.axis[i].out
        if i == p.along:
            limit = max(limit // (2 * p.panels[0].height), 1)
        p.axis[i].blocks = min(max(limit, 1), blocks)
        blocks = ceil_div(blocks, p.axis[i].blocks)
    if p.axis[IMAGES].blocks == p.axis[IMAGES].out and p.along != IMAGES:
        share = p.axis[ROWS].size * p.axis[COLUMNS].size * p.position // (p.axis[ROWS].blocks * p.axis[COLUMNS].blocks)
        if share > L2_SHARE and p.panel_count > p.panel_blocks:
            p.axis[ROWS].blocks = min(p.axis[ROWS].out, p.axis[ROWS].blocks * ceil_div(share, L2_SHARE))
    if blocks > 1 and not p.summed:
        p.panel_blocks = min(p.panel_count, p.panel_blocks * blocks)
    p.tasks = p.panel_blocks * p.axis[IMAGES].blocks * p.axis[ROWS].blocks * p.axis[COLUMNS].blocks
    p.strip_bytes = 0
    if p.loosened:
        p.strip_position = loose(p.panel_count * p.panels[0].width * p.item)
        share = strip_size(p, ceil_div(p.axis[ROWS].out, p.axis[ROWS].blocks),
                           ceil_div(p.axis[COLUMNS].out, p.axis[COLUMNS].blocks))
        p.panel_blocks = min(p.panel_count, max(p.panel_blocks, ceil_div(share, L2_SHARE)))
        p.strip_position = loose(ceil_div(p.panel_count, p.panel_blocks) * p.panels[0].width * p.item)
    if p.rearranged:
        share = strip_size(p, ceil_div(p.axis[ROWS].out, p.axis[ROWS].blocks), p.axis[COLUMNS].out)
        p.axis[ROWS].blocks = min(p.axis[ROWS].out, p.axis[ROWS].blocks * ceil_div(share, L2_SHARE))
        p.tasks = p.panel_blocks * p.axis[IMAGES].blocks * p.axis[ROWS].blocks * p.axis[COLUMNS].blocks
    if p.along != IMAGES and not p.cut_edges and (p.rearranged or touches_padding(along)):
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
    return high * wide * p.strip_position


include "correlation_call.pxi"
include "correlation_scatter.pxi"
