"""The forward machine: a correlation with any geometry, from which forward passes and input gradients are made.

    y[n, r, c, f] = sum over i, j, k of x[n, r*s + start + i*d, c*s + start + j*d, k] * kernel[i, j, k, f]

Outside x counts as zero. y may lie anywhere with any steps, and the kernel is read with any steps, so that it may be
turned, transposed or thinned out. How the work is cut, from the outside in:

    task                    a box of images x rows x columns, and a block of panels; boxes are independent
      image                 what a tile cannot read in place is copied into strips       correlation_strips.pxi
        sweep               panels, rows and segments in the order that the lanes ask for:
          filters                                                                         correlation_filters.pxi
          channels                                                                        correlation_channels.pxi
          positions                                                                       correlation_positions.pxi
            tile            src_c/conv_rows_body.h, conv_channels_body.h

What the lanes hold, how x is read and where tasks are cut: strategy.py. The shape alone decides on it, and on the order
of every sum: the bits do not depend on the threads.
"""
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset

from mgconv.native cimport runtime
from mgconv.native.axis cimport COLUMNS, IMAGES, ROWS, Axis, find_box, set_axes, valid_taps
from mgconv.native.caches cimport (
    LINE,
    PAST_ALL,
    PAST_OWN,
    STREAM_BYTES,
    STREAMED,
    ceil_div,
    line_up,
    lined_up,
    reach_of,
)

import math

from mgconv.native import strategy as strategies
from mgconv.native.strategy import TASKS, Vectors, strategy

cdef enum:
    FEW = 16                          # passes of one job that need no memory of their own


cdef vectors_of(const runtime.mg_conv_row_kernels *kernels, Py_ssize_t item):
    """What strategy.py has to know of an instruction set."""
    return Vectors(kernels.lanes, item, tuple([kernels.height[kind] for kind in range(4)]),
                   {2 << i: kernels.height[runtime.MG_TAPS_2 + i] for i in range(4)},
                   kernels.height[runtime.MG_LANES], kernels.height[runtime.MG_LANES_PAIR])


cdef int tile_kind(int vectors, int taps) noexcept:
    cdef int kind = vectors - 1
    if taps > 1:
        kind = runtime.MG_TAPS_2
        while taps > 2:
            kind += 1
            taps //= 2
    return kind


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
        cdef CorrelationPlan *p = &self.plan
        cdef Py_ssize_t item = 8 if wide else 4
        cdef double written
        p.kernels = (runtime.isa_for(filters, wide) if groups > 1 < channels else runtime.active_isa()).conv_row[wide]
        s = self.strategy = strategy(vectors_of(p.kernels, item), batch, rows, columns, groups, channels, filters,
                                     y_image, kernel_steps, x_pitch)
        p.item, p.position, p.y_offset = item, (x_pitch or groups * channels) * item, y_offset * item
        set_axes(p.axis, s.axes[IMAGES].out, s.axes[ROWS], s.axes[COLUMNS], y_image, p.position, item)
        p.axis[IMAGES].blocks, p.axis[ROWS].blocks, p.axis[COLUMNS].blocks = s.blocks
        p.along, p.across = s.along, COLUMNS if s.along == ROWS else ROWS
        p.depth, p.one_run, p.pair, p.repeat, p.expand = s.depth, s.one_run, s.pair, s.repeat, s.expand
        p.summed, p.edges_cut = s.lanes is strategies.SUMMED, s.reading is strategies.EDGES_CUT
        p.strip_height, p.strip_position, p.strip_bytes = s.strip_height, s.strip_position, s.strip_bytes
        p.packed_bytes, p.panel_blocks, p.tasks, p.seconds = s.packed_bytes, s.panel_blocks, s.tasks, s.seconds
        p.kernel_outer, p.kernel_inner, p.kernel_run, p.kernel_filter = [step * item for step in kernel_steps[:4]]
        written = s.axes[IMAGES].out * s.axes[ROWS].out * s.axes[COLUMNS].out * groups * filters * item
        p.y_reach = reach_of(written)
        p.reach = reach_of(written + <double>p.axis[IMAGES].out * p.axis[IMAGES].x_one)
        self.choose_functions(s.lanes, s.reading)
        self.lay_panels(s, kernel_steps[4] * item, kernel_offset * item)

    cdef choose_functions(self, lanes, reading):
        cdef CorrelationPlan *p = &self.plan
        cdef const Axis *along = &p.axis[p.along]
        p.direct_from, p.direct_to = along.direct_from, along.direct_to
        p.copy = copy_same
        if reading is strategies.EDGES_CUT or p.along == IMAGES:
            p.direct_from, p.direct_to = 0, along.out
        elif reading is not strategies.IN_PLACE and reading is not strategies.EDGES_COPIED:
            p.direct_from = p.direct_to = 0
            p.copy = (copy_expanded if reading is strategies.EXPANDED else
                      copy_sorted if reading is strategies.SORTED else copy_apart)
        if p.along == IMAGES:
            p.sweep = sweep_images
        elif lanes is strategies.FILTERS:
            p.sweep = sweep_filters
        else:
            p.sweep = sweep_positions if lanes is strategies.POSITIONS else sweep_channels
        p.ask_ahead = p.reach >= PAST_ALL and p.along == COLUMNS and reading is not strategies.APART

    cdef lay_panels(self, s, Py_ssize_t kernel_group, Py_ssize_t kernel_offset):
        cdef CorrelationPlan *p = &self.plan
        cdef Py_ssize_t run = p.depth * (p.axis[COLUMNS].taps if p.one_run else 1)
        cdef Py_ssize_t inner = 1 if p.one_run else p.axis[COLUMNS].taps
        cdef Py_ssize_t group_x = p.depth * p.item, filter_x = 0, filters, index = 0, packed = 0
        cdef int lanes = p.kernels.lanes
        cdef Panel *panel
        if s.lanes is not strategies.FILTERS:
            filter_x = p.item
            p.kernel_filter = p.kernel_run if p.summed else kernel_group // p.expand
        filters = sum([cut.filters for cut in s.panels])     # of a group
        p.panel_count = s.groups * len(s.panels)
        p.panels = <Panel *>malloc(p.panel_count * sizeof(Panel))
        if p.panels == NULL:
            raise MemoryError
        for group in range(s.groups):
            for vectors, taps, first, count, height in s.panels:
                panel = &p.panels[index]
                panel.filters, panel.taps, panel.width, panel.height = count, taps, vectors * lanes, height
                panel.kind = tile_kind(vectors, taps)
                panel.lanes = count if taps > 1 else count - (vectors - 1) * lanes
                if filter_x:
                    panel.lanes = count * p.repeat
                    panel.kind = runtime.MG_LANES if panel.lanes == lanes else runtime.MG_LANES_PART
                panel.x = group * group_x + first * filter_x
                panel.y = 0 if p.summed else (group * filters + first) * p.item
                panel.kernel = kernel_offset + group * kernel_group + first * p.kernel_filter
                panel.packed = packed
                panel.inner_bytes = (run // taps + run % taps) * panel.width * p.item
                panel.outer_bytes = inner * panel.inner_bytes
                packed += p.axis[ROWS].taps * panel.outer_bytes
                index += 1
        p.packed_bias = packed

    @property
    def scratch_bytes(self):
        return self.plan.packed_bytes + self.plan.strip_bytes


# ---- one call: what a part of something else may use, too; then jobs of several passes ----

cdef CorrelationCall bind(const CorrelationPlan *plan, const char *x, const char *kernel, const char *bias, char *y,
                          bint relu) noexcept nogil:
    return CorrelationCall(plan=plan, x=x, kernel=kernel, bias=bias, y=y, packed=NULL, relu=relu,
                           failed=False)


cdef Filters filters_of(const CorrelationPlan *plan, Py_ssize_t panel) noexcept nogil:
    cdef const Panel *q = &plan.panels[panel]
    return Filters(first=q.y // plan.item, count=q.filters, width=q.width, packed=q.packed)


cdef void pack_filters(const CorrelationPlan *plan, Py_ssize_t panel, runtime.mg_conv_pack *how,
                       char *to) noexcept nogil:
    cdef const Panel *q = &plan.panels[panel]
    how.taps, how.width, how.filters, how.merged = q.taps, q.width, <int>q.filters, plan.one_run
    plan.kernels.pack(how, to)


cdef void pack_panel(CorrelationCall *call, Py_ssize_t index) noexcept nogil:
    cdef const CorrelationPlan *p = call.plan
    cdef const Panel *panel = &p.panels[index]
    cdef runtime.mg_conv_pack how
    how.source = call.kernel + panel.kernel
    how.outer, how.inner, how.run = p.axis[ROWS].taps, p.axis[COLUMNS].taps, p.depth
    how.outer_step, how.inner_step = p.kernel_outer, p.kernel_inner
    how.run_step, how.filter_step = p.kernel_run, p.kernel_filter
    pack_filters(p, index, &how, call.packed + panel.packed)
    if p.repeat > 1:
        repeat_panel(call, panel)


cdef void pack(CorrelationCall *call, char *packed) noexcept nogil:
    cdef Py_ssize_t index
    call.packed = packed
    for index in range(call.plan.panel_count):
        pack_panel(call, index)


cdef void run_box(CorrelationCall *call, const Box *box) noexcept nogil:
    cdef const CorrelationPlan *p = call.plan
    cdef Segment segments[3]
    cdef char *strips = NULL
    cdef Py_ssize_t image
    cdef int count
    if p.along == IMAGES:
        segments[0].first, segments[0].count = box.first[IMAGES], box.end[IMAGES] - box.first[IMAGES]
        segments[0].row, segments[0].column, segments[0].x = p.axis[ROWS].x_one, p.axis[COLUMNS].x_one, call.x
        p.sweep(call, box, 0, segments, 1)
        return
    if p.strip_bytes:
        strips = <char *>runtime.scratch(runtime.MG_SCRATCH_TASK, p.strip_bytes)
        if strips == NULL:
            call.failed = True
            return
    for image in range(box.first[IMAGES], box.end[IMAGES]):
        count = lay_segments(p, box, call.x + image * p.axis[IMAGES].x_one, strips, segments)
        p.sweep(call, box, image, segments, count)
    if strips != NULL:
        runtime.scratch_end(runtime.MG_SCRATCH_TASK)


cdef void run_positions(CorrelationCall *call, Py_ssize_t images, Py_ssize_t positions, Py_ssize_t panel,
                        Py_ssize_t end_panel) noexcept nogil:
    cdef Box box
    box.first[IMAGES] = box.first[ROWS] = box.first[COLUMNS] = 0
    box.end[IMAGES], box.end[ROWS], box.end[COLUMNS] = images, 1, positions
    box.panel, box.end_panel = panel, end_panel
    run_box(call, &box)


cdef void run_task(CorrelationCall *call, Py_ssize_t index) noexcept nogil:
    cdef const CorrelationPlan *p = call.plan
    cdef Py_ssize_t boxes = p.axis[IMAGES].blocks * p.axis[ROWS].blocks * p.axis[COLUMNS].blocks
    cdef Box box
    find_box(p.axis, index % boxes, box.first, box.end)
    index //= boxes
    box.panel, box.end_panel = index * p.panel_count // p.panel_blocks, (index + 1) * p.panel_count // p.panel_blocks
    run_box(call, &box)


cdef void one_task(void *context, Py_ssize_t index) noexcept nogil:
    run_task(<CorrelationCall *>context, index)


cdef void run_tasks(CorrelationCall *call) noexcept:
    runtime.parallel_for(one_task, call, call.plan.tasks, call.plan.seconds)


cdef struct Job:
    CorrelationCall *calls
    int count


cdef void pack_task(void *context, Py_ssize_t index) noexcept nogil:
    cdef CorrelationCall *call = (<Job *>context).calls
    while index >= call.plan.panel_count:
        index -= call.plan.panel_count
        call += 1
    pack_panel(call, index)


cdef void pass_task(void *context, Py_ssize_t index) noexcept nogil:
    cdef CorrelationCall *call = (<Job *>context).calls
    while index >= call.plan.tasks:
        index -= call.plan.tasks
        call += 1
    run_task(call, index)


cdef class Passes:
    def __cinit__(self, correlations):
        cdef const CorrelationPlan *p
        cdef int i
        self.correlations = tuple(correlations)
        self.count = <int>len(self.correlations)
        self.plans = <const CorrelationPlan **>malloc((self.count + 1) * sizeof(void *))
        if self.plans == NULL:
            raise MemoryError
        for i in range(self.count):
            p = self.plans[i] = &(<Correlation>self.correlations[i]).plan
            self.panels += p.panel_count
            self.tasks += p.tasks
            self.packed_bytes += line_up(p.packed_bytes)
            self.seconds += p.seconds

    def __dealloc__(self):
        free(self.plans)

    @property
    def scratch_bytes(self):
        return sum([correlation.scratch_bytes for correlation in self.correlations])

    cdef bint run(self, const char *x, const char *kernel, const char *bias, char *y, bint relu) noexcept nogil:
        cdef CorrelationCall few[FEW]
        cdef Job job
        cdef char *packed = <char *>runtime.scratch(runtime.MG_SCRATCH_JOB, self.packed_bytes)
        cdef bint failed = packed == NULL
        cdef int i
        job.calls, job.count = few, self.count
        if not failed and job.count > FEW:
            job.calls = <CorrelationCall *>malloc(job.count * sizeof(CorrelationCall))
            failed = job.calls == NULL
        if not failed:
            for i in range(job.count):
                job.calls[i] = bind(self.plans[i], x, kernel, bias, y, relu)
                job.calls[i].packed = packed
                packed += line_up(self.plans[i].packed_bytes)
            runtime.run_job(pack_task, &job, self.panels, self.packed_bytes * 3e-10)
            runtime.run_job(pass_task, &job, self.tasks, self.seconds)
            for i in range(job.count):
                failed |= job.calls[i].failed
        if packed != NULL:
            runtime.scratch_end(runtime.MG_SCRATCH_JOB)
        if job.calls != few:
            free(job.calls)
        return not failed


include "correlation_strips.pxi"
include "correlation_tiles.pxi"
include "correlation_filters.pxi"
include "correlation_channels.pxi"
include "correlation_positions.pxi"
include "correlation_scatter.pxi"
