"""Pooling over channels-last maps, 1-D as 2-D with one row; src_c/pooling.h has the kernels for a row of windows.

Forward, a unit of work is a stretch of one row of outputs. Backward, it is a rectangle of the input: it belongs to one
thread, which visits all windows that meet it and adds what falls inside, so overlapping windows need no lock:

    dx  . . . . . . . .        the unit owns the columns between the bars; windows A, B and C meet it,
        . .|. . . .|. .        A and C send it only what lies between the bars, and are visited again
         A A
           B B B    C C        by the units beside
"""
from cpython.buffer cimport PyBUF_FORMAT, PyBUF_SIMPLE, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer

from libc.string cimport memset

from mgconv.native cimport runtime
from mgconv.native.caches cimport ceil_div

cdef enum:
    UNIT = 8192                       # numbers of the input that a unit covers, about: they stay in the nearest cache
    TASK = 32768                      # and a task, some 5 us
    MOST_TAPS = 1 << 24               # the winners of windows are noted by number, in float32 for one


cdef struct Job:
    const runtime.mg_pool_kernels *kernels
    runtime.mg_pool rows, columns
    bint average, shared              # shared: windows may overlap, or lanes stay empty
    Py_ssize_t itemsize
    Py_ssize_t height, out_height, pool, stride, pad          # along rows
    Py_ssize_t out_segments, out_segment                      # of a row of outputs, in windows
    Py_ssize_t row_blocks, row_block, col_blocks, col_block   # of an input map
    Py_ssize_t scratch                                        # bytes of a task
    Py_ssize_t units, chunk                                   # in all, of a task
    bint failed                                               # there was no scratch memory
    const char *x
    char *y
    const char *dy
    char *dx


cdef void forward_unit(Job *j, Py_ssize_t unit, void *scratch) noexcept nogil:
    cdef Py_ssize_t line = unit // j.out_segments, first = unit % j.out_segments * j.out_segment
    cdef Py_ssize_t image = line // j.out_height, start = line % j.out_height * j.stride - j.pad
    cdef Py_ssize_t top = max(start, 0), rows = min(start + j.pool, j.height) - top
    cdef Py_ssize_t last = min(first + j.out_segment, j.columns.outputs)
    cdef const char *x = j.x + (image * j.height + top) * j.columns.width * j.columns.channels * j.itemsize
    cdef char *y = j.y + line * j.columns.outputs * j.columns.channels * j.itemsize
    if j.average:
        j.kernels.average(&j.columns, x, rows, y, first, last, scratch)
    else:
        j.kernels.max(&j.columns, x, rows, y, first, last, scratch)


cdef void grad_unit(Job *j, Py_ssize_t unit, void *scratch) noexcept nogil:
    cdef Py_ssize_t block = unit // j.col_blocks, image = block // j.row_blocks
    cdef Py_ssize_t column = j.columns.channels * j.itemsize, row = j.columns.width * column
    # blocks begin where windows do, so that windows that do not overlap lie in one block each
    cdef Py_ssize_t left = unit % j.col_blocks * j.col_block - j.columns.pad, first = max(left, 0)
    cdef Py_ssize_t last = min(left + j.col_block, j.columns.width)
    cdef Py_ssize_t above = block % j.row_blocks * j.row_block - j.pad, upper = max(above, 0)
    cdef Py_ssize_t lower = min(above + j.row_block, j.height)
    cdef char *dx = j.dx + image * j.height * row
    cdef const char *x = j.x + image * j.height * row
    cdef Py_ssize_t i, o, start, top, rows, out
    if last <= first or lower <= upper:
        return
    if j.shared and not j.average:
        out = image * j.out_height * j.columns.outputs * column
        j.kernels.max_grad_shared(&j.rows, &j.columns, x, j.y + out, j.dy + out, dx, upper, lower, first, last, scratch)
        return
    for i in range(upper, lower):
        memset(dx + i * row + first * column, 0, (last - first) * column)
    for o in range(max(ceil_div(upper + j.pad - j.pool + 1, j.stride), 0),
                   min(ceil_div(lower + j.pad, j.stride), j.out_height)):
        start = o * j.stride - j.pad
        top = max(start, 0)
        rows = min(start + j.pool, j.height) - top
        out = (image * j.out_height + o) * j.columns.outputs * column
        if j.average:
            j.kernels.average_grad(&j.columns, rows, j.dy + out, dx + top * row, max(upper - top, 0),
                                   min(lower - top, rows), first, last, scratch)
        else:
            j.kernels.max_grad(&j.columns, x + top * row, rows, j.y + out, j.dy + out, dx + top * row,
                               max(upper - top, 0), min(lower - top, rows), first, last, scratch)


cdef void forward_task(void *context, Py_ssize_t index) noexcept nogil:
    cdef Job *j = <Job *>context
    cdef void *scratch = runtime.scratch(runtime.MG_SCRATCH_TASK, j.scratch)
    if scratch == NULL:
        j.failed = True
        return
    for unit in range(index * j.chunk, min((index + 1) * j.chunk, j.units)):
        if runtime.job_ends():
            break
        forward_unit(j, unit, scratch)
    runtime.scratch_end(runtime.MG_SCRATCH_TASK)


cdef void grad_task(void *context, Py_ssize_t index) noexcept nogil:
    cdef Job *j = <Job *>context
    cdef void *scratch = runtime.scratch(runtime.MG_SCRATCH_TASK, j.scratch)
    if scratch == NULL:
        j.failed = True
        return
    for unit in range(index * j.chunk, min((index + 1) * j.chunk, j.units)):
        if runtime.job_ends():
            break
        grad_unit(j, unit, scratch)
    runtime.scratch_end(runtime.MG_SCRATCH_TASK)


cdef class PoolPlan:
    """Max and average pooling for one geometry and dtype, with the instruction set active when made.

    The geometry is that of a depthwise convolution, `conv_geometry(input_shape, (*pool_size, 1, channels), strides,
    padding)`: pads shorter than the windows and no dilation. Arrays are C-contiguous, of the plan's dtype and of the
    geometry's shapes; the last argument of a method is overwritten. Padding never counts: a maximum ignores it, and a
    mean is taken over the inputs that are there.
    """
    cdef Job job                      # what all calls share; each call runs on a copy
    cdef Py_ssize_t images, inputs, outputs
    cdef readonly object geometry, isa
    cdef readonly Py_ssize_t scratch_bytes

    def __init__(self, geometry, dtype):
        cdef Job *j = &self.job
        axes = list(zip(geometry.kernel_shape, geometry.strides, geometry.input_shape[1:], geometry.output_shape[1:],
                        geometry.pads, strict=False))
        if max(geometry.dilation_rate) > 1 or any(max(pads) >= size for size, _, _, _, pads in axes):
            raise ValueError("A pooling geometry has pads shorter than its windows and no dilation. "
                             f"Received: {geometry}.")
        # A longer stride than the map is that of one window.
        axes = [(pool, min(stride, size + pool), size, outputs, pads) for pool, stride, size, outputs, pads in axes]
        if geometry.rank == 1:
            axes.insert(0, (1, 1, 1, 1, (0, 0)))
        ((j.pool, j.stride, j.height, j.out_height, (j.pad, _)),
         (j.columns.pool, j.columns.stride, j.columns.width, j.columns.outputs, (j.columns.pad, _))) = axes
        self.images, *_, j.columns.channels = geometry.input_shape
        j.columns.disjoint = j.pool <= j.stride and j.columns.pool <= j.columns.stride
        j.rows = runtime.mg_pool(channels=j.columns.channels, width=j.height, outputs=j.out_height, pool=j.pool,
                                 stride=j.stride, pad=j.pad, disjoint=j.columns.disjoint)
        self.geometry = geometry
        self.isa = runtime.active_isa().name.decode()
        j.itemsize = dtype.itemsize
        j.kernels = runtime.active_isa().pool[j.itemsize == 8]
        cdef Py_ssize_t column = j.columns.channels, row = j.columns.width * column, segments
        self.inputs = self.images * j.height * row
        self.outputs = self.images * j.out_height * j.columns.outputs * column
        segments = ceil_div(j.columns.outputs, max(1, UNIT // (j.columns.stride * column * min(j.pool, j.height))))
        j.out_segment = ceil_div(j.columns.outputs, segments)
        j.out_segments = ceil_div(j.columns.outputs, j.out_segment)
        j.shared = not j.columns.disjoint or j.columns.channels < runtime.active_isa().conv_row[j.itemsize == 8].lanes
        # Where windows overlap, those on the border of a unit are visited again: larger units, and not too low.
        unit, tall = UNIT, j.stride
        if not j.columns.disjoint:
            unit, tall = 4 * UNIT, min(4 * max(j.pool - j.stride, 1), j.height)
        j.col_block = max(1, unit // (j.columns.stride * column * tall)) * j.columns.stride
        j.col_blocks = ceil_div(j.columns.width + j.columns.pad, j.col_block)
        j.row_block = max(1, unit // (j.stride * min(row, j.col_block * column))) * j.stride
        j.row_blocks = ceil_div(j.height + j.pad, j.row_block)
        j.scratch = j.itemsize * max(
            0 if not j.shared else runtime.mg_pool_shared_scratch(
                &j.rows, &j.columns, min(j.row_block, j.height), min(j.col_block, j.columns.width)),
            runtime.mg_pool_scratch(&j.columns, j.out_segment),
            runtime.mg_pool_scratch(&j.columns, min(j.columns.outputs, ceil_div(j.col_block, j.columns.stride))))
        self.scratch_bytes = j.scratch

    @property
    def stale(self):
        """Whether another instruction set has been chosen since the plan was made (it still works)."""
        return self.job.kernels != runtime.active_isa().pool[self.job.itemsize == 8]

    def max(self, x, out):
        """out <- the maximum of each window; NaN where the window has one."""
        self.bind_max(x, out)()

    def average(self, x, out):
        """out <- the mean of each window's inputs."""
        self.bind_average(x, out)()

    def max_grad_input(self, x, y, dy, dx):
        """dx <- dy, each sent to the first maximum of its window; `y` is what `max` gave for `x`."""
        self.bind_max_grad_input(x, y, dy, dx)()

    def average_grad_input(self, dy, dx):
        """dx <- dy, each spread evenly over the inputs of its window."""
        self.bind_average_grad_input(dy, dx)()

    # The same as calls without arguments, with these arrays for good.

    def bind_max(self, x, out):
        return PoolCall(self, x, None, None, out, False, False)

    def bind_average(self, x, out):
        return PoolCall(self, x, None, None, out, True, False)

    def bind_max_grad_input(self, x, y, dy, dx):
        if self.job.itemsize == 4 and self.job.pool * self.job.columns.pool > MOST_TAPS:
            raise ValueError("The gradient of maxima in float32 takes windows of at most 2**24 entries. "
                             f"Received: windows of {self.job.pool} x {self.job.columns.pool}.")
        return PoolCall(self, x, y, dy, dx, False, True)

    def bind_average_grad_input(self, dy, dx):
        return PoolCall(self, None, None, dy, dx, True, True)


cdef class PoolCall(runtime.Call):
    """A pass of a PoolPlan bound to its arrays."""
    cdef Job job
    cdef runtime.mg_task task
    cdef tuple alive

    def __init__(self, PoolPlan plan, x, y, dy, result, bint average, bint back):
        cdef Job *j = &self.job
        j[0] = plan.job
        j.average, self.alive = average, (plan, x, y, dy, result)
        if x is not None:
            j.x = address(x, plan.inputs, j.itemsize, PyBUF_SIMPLE)
        if back:
            if y is not None:
                j.y = address(y, plan.outputs, j.itemsize, PyBUF_SIMPLE)
            j.dy = address(dy, plan.outputs, j.itemsize, PyBUF_SIMPLE)
            j.dx = address(result, plan.inputs, j.itemsize, PyBUF_WRITABLE)
            j.units, self.task = plan.images * j.row_blocks * j.col_blocks, grad_task
        else:
            j.y = address(result, plan.outputs, j.itemsize, PyBUF_WRITABLE)
            j.units, self.task = plan.images * j.out_height * j.out_segments, forward_task
        j.chunk = max(1, TASK * j.units // max(plan.inputs, 1))
        self.seconds = 4e-11 * plan.inputs * j.itemsize

    cdef bint run(self) noexcept nogil:
        cdef Job job = self.job
        if job.units:
            runtime.run_job(self.task, &job, ceil_div(job.units, job.chunk), self.seconds)
        return not job.failed


cdef char *address(array, Py_ssize_t size, Py_ssize_t itemsize, int flags) except? NULL:
    """Where the numbers of a C-contiguous array of `size` numbers begin."""
    cdef Py_buffer view
    PyObject_GetBuffer(array, &view, flags | PyBUF_FORMAT)
    cdef bint fits = view.len == size * itemsize and view.format[0] == (c"d" if itemsize == 8 else c"f")
    PyBuffer_Release(&view)
    if not fits:
        raise ValueError(f"expected {size} numbers of {itemsize} bytes. "
                         f"Received: shape {array.shape}, dtype {array.dtype}.")
    return <char *>view.buf
