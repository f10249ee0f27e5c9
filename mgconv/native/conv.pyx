# cython: wraparound=True
"""Convolution plans: everything that follows from shapes, dtype and instruction set, made once and applied many times.

The gradient to the input is itself a correlation, of dy with the kernel turned by 180 degrees and its channels and
filters exchanged. With stride s it falls into one such correlation for each residue of the input position mod s:
input i meets tap k where i + p - k*d = s*o, so with g = gcd(s, d) the taps of one residue are every (s/g)-th, their
outputs lie d/g apart, and the positions of a residue are s apart in dx.
"""
from cpython.buffer cimport PyBUF_C_CONTIGUOUS, PyBUF_FORMAT, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset

from mgconv.native cimport runtime
from mgconv.native.correlation cimport Call, Correlation, pack_panel, run_all, run_task
from mgconv.native.kernel_gradient cimport KernelGradient

import math
from functools import partial

import numpy as np

from mgconv.native.choice import choose, choose_frozen
from mgconv.native.correlation import axes

cdef enum:
    RANKS = 4
    READ = PyBUF_C_CONTIGUOUS | PyBUF_FORMAT
    WRITE = PyBUF_C_CONTIGUOUS | PyBUF_FORMAT | PyBUF_WRITABLE


cdef struct Shape:
    int rank
    Py_ssize_t size[RANKS]


cdef Shape shape_of(sizes) except *:
    cdef Shape shape
    shape.rank = <int>len(sizes)
    for i in range(shape.rank):
        shape.size[i] = sizes[i]
    return shape


cdef int refuse(Py_buffer *view, str name, const Shape *shape, bint wide) except -1:
    format = view.format.decode() if view.format != NULL else "B"
    sizes = tuple([view.shape[i] for i in range(view.ndim)])
    PyBuffer_Release(view)
    want = tuple([shape.size[i] for i in range(shape.rank)])
    if format != "fd"[wide]:
        dtype = "float64" if wide else "float32"
        raise TypeError(f"`{name}` must be {dtype}. Received: an array of format {format!r}.")
    if sizes != want:
        raise ValueError(f"`{name}` must have the plan's shape {want}. Received: {sizes}.")
    raise ValueError(f"`{name}` must be aligned to its elements. Received: an array that is not.")


cdef inline int take(object array, Py_buffer *view, str name, const Shape *shape, bint wide, int flags) except -1:
    """Acquire an array's buffer and hold it against the plan. (A typed memoryview would make a Python object.)"""
    cdef int i
    PyObject_GetBuffer(array, view, flags)
    if view.format == NULL or view.format[0] != b"fd"[wide] or view.format[1] != 0 or view.ndim != shape.rank:
        refuse(view, name, shape, wide)
    for i in range(shape.rank):
        if view.shape[i] != shape.size[i]:
            refuse(view, name, shape, wide)
    if <size_t>view.buf % (8 if wide else 4) and view.len:
        refuse(view, name, shape, wide)
    return 0


cdef int refuse_overlap(const Py_buffer *views, int count, int result) except -1:
    """ValueError if the contiguous array number `result` shares memory with another of the first `count`."""
    cdef const char *first = <const char *>views[result].buf
    cdef const char *begin
    cdef int i
    for i in range(count):
        begin = <const char *>views[i].buf
        if i != result and begin < first + views[result].len and first < begin + views[i].len:
            raise ValueError("the result must not overlap the arguments. Received: arrays that do.")
    return 0


cdef class ConvPlan:
    """Convolution and its gradients for one `geometry` (mgconv.geometry.ConvGeometry) and dtype.

    Immutable and free of scratch memory: threads may share a plan. It belongs to the instruction set that was active
    when it was made. All arrays are C-contiguous, of the plan's dtype and of exactly the geometry's shapes.

    Parameters
    ----------
    geometry : ConvGeometry
    dtype : "float32" or "float64", or a NumPy dtype
    algorithm : {None, "direct", "winograd", "fft", "scatter"}
        How to compute all three operations ("scatter": the gradient to the input); None takes for each what costs
        least (mgconv/native/choice.py).
    """
    cdef readonly object geometry, dtype
    cdef readonly tuple input_shape, kernel_shape, output_shape
    cdef readonly str isa
    cdef const runtime.mg_isa *instructions
    cdef bint wide, empty, gaps       # gaps: some inputs are reached by no tap
    cdef Shape x, y, kernel, bias
    cdef list forward_passes, input_passes
    cdef KernelGradient sum
    cdef tuple used                   # slices of the kernel: the taps that meet an input
    cdef bint all_used, free_choice
    cdef runtime.Algorithm fast_forward, fast_input, fast_kernel        # instead of the direct sums, or None

    def __init__(self, geometry, dtype, algorithm=None):
        self.geometry, self.dtype = geometry, np.dtype(dtype)
        self.input_shape, self.kernel_shape = geometry.input_shape, geometry.kernel_shape
        self.output_shape = geometry.output_shape
        self.instructions = runtime.active_isa()
        self.isa = self.instructions.name.decode()
        if self.dtype.str[1:] not in ("f4", "f8") or not self.dtype.isnative:
            raise TypeError(f"`dtype` must be float32 or float64. Received: dtype={dtype!r}.")
        self.wide = self.dtype.itemsize == 8
        self.x, self.y = shape_of(geometry.input_shape), shape_of(geometry.output_shape)
        self.kernel, self.bias = shape_of(geometry.kernel_shape), shape_of(geometry.kernel_shape[-1:])
        batch = geometry.input_shape[0]
        self.empty = batch == 0
        groups = geometry.groups
        channels, filters = geometry.kernel_shape[-2:]
        (rows, first_row), (columns, first_column) = axes(geometry)
        # Steps of the kernel in elements, for rows, columns, channels, filters and groups.
        steps = (geometry.kernel_shape[-3] * channels * filters, channels * filters, filters, 1, filters // groups)
        first = first_row * steps[0] + first_column * steps[1]
        y_row = columns[5] * filters
        self.forward_passes = [Correlation(
            self.wide, batch, (*rows, y_row), (*columns, filters), groups, channels, filters // groups,
            rows[5] * y_row, 0, steps, first)]
        self.input_passes = [
            Correlation(self.wide, batch, phase_rows, phase_columns, groups, filters // groups, channels,
                        rows[0] * columns[0] * groups * channels, row_offset + column_offset,
                        (row_tap * steps[0], column_tap * steps[1], 1, filters, filters // groups),
                        first + row_from * steps[0] + column_from * steps[1])
            for phase_rows, row_offset, row_tap, row_from in phases(rows, columns[0] * groups * channels)
            for phase_columns, column_offset, column_tap, column_from in phases(columns, groups * channels)]
        self.gaps = len(self.input_passes) < min(rows[3], rows[0]) * min(columns[3], columns[0])
        self.sum = KernelGradient(self.wide, batch, (*rows, y_row), (*columns, filters), groups, channels,
                                  filters // groups)
        used = slice(first_row, first_row + rows[1]), slice(first_column, first_column + columns[1])
        self.used = used[2 - geometry.rank:]
        self.all_used = rows[1] * columns[1] == math.prod(geometry.kernel_shape[:-2])
        self.free_choice = algorithm is None
        self.fast_forward, self.fast_input, self.fast_kernel = choose(geometry, self.wide, algorithm)

    @property
    def stale(self):
        """Whether another instruction set has been chosen since the plan was made (it still works)."""
        return self.instructions != runtime.active_isa()

    @property
    def scratch_bytes(self):
        """Scratch memory of the largest of the three operations, in bytes, for one thread."""
        fast = [self.fast_forward, self.fast_input, self.fast_kernel]
        direct = [sum([correlation.scratch_bytes for correlation in self.forward_passes]),
                  sum([correlation.scratch_bytes for correlation in self.input_passes]), self.sum.scratch_bytes]
        return max([bytes if algorithm is None else algorithm.scratch_bytes for algorithm, bytes in zip(fast, direct)])

    def forward(self, x, kernel, bias, out, activation=None):
        """out <- activation(convolution of x with kernel, plus bias); `bias` may be None."""
        cdef Py_buffer views[4]
        cdef int taken = 0
        cdef bint relu = False
        if activation is not None and activation != "linear":
            if activation != "relu":
                raise ValueError(f'`activation` must be None, "linear" or "relu". Received: activation={activation!r}.')
            relu = True
        try:
            take(x, &views[0], "x", &self.x, self.wide, READ)
            taken = 1
            take(kernel, &views[1], "kernel", &self.kernel, self.wide, READ)
            taken = 2
            take(out, &views[2], "out", &self.y, self.wide, WRITE)
            taken = 3
            if bias is not None:
                take(bias, &views[3], "bias", &self.bias, self.wide, READ)
                taken = 4
            refuse_overlap(views, taken, 2)
            if self.fast_forward is not None:
                self.fast_forward.forward(<char *>views[0].buf, <char *>views[1].buf,
                                          <char *>views[3].buf if taken == 4 else NULL, <char *>views[2].buf, relu)
            elif not self.empty:
                run_all(self.forward_passes, <char *>views[0].buf, <char *>views[1].buf,
                        <char *>views[3].buf if taken == 4 else NULL, <char *>views[2].buf, relu)
        finally:
            release(views, taken)

    def freeze(self, x, kernel, bias, out, activation=None):
        """A call without arguments that does `forward` on these arrays, with kernel and bias as they are now.

        It looks at `x` and writes `out` whenever it is called; what follows from the kernel is prepared once.
        """
        self.forward(x, kernel, bias, out, activation)              # checks all arguments
        cdef const unsigned char[::1] x_bytes, kernel_bytes, bias_bytes
        cdef unsigned char[::1] out_bytes
        cdef const char *bias_at = NULL
        cdef runtime.Algorithm algorithm = self.fast_forward
        if self.empty:
            return partial(self.forward, x, kernel, bias, out, activation)
        if algorithm is None and self.free_choice:
            algorithm = choose_frozen(self.geometry, self.wide)
        if algorithm is None:
            return FrozenForward(self.forward_passes[0], x, kernel, bias, out, activation == "relu")
        x_bytes, kernel_bytes, out_bytes = bytes_of(x), bytes_of(kernel), bytes_of(out)
        if bias is not None:
            bias = bias.copy()
            bias_bytes = bytes_of(bias)
            bias_at = <const char *>&bias_bytes[0]
        frozen = algorithm.freeze(<const char *>&x_bytes[0], <const char *>&kernel_bytes[0], bias_at,
                                  <char *>&out_bytes[0], activation == "relu", (x, bias, out))
        return partial(self.forward, x, kernel.copy(), bias, out, activation) if frozen is None else frozen

    def grad_input(self, dy, kernel, dx):
        """dx <- the gradient to x: every position is written."""
        cdef Py_buffer views[3]
        cdef int taken = 0
        try:
            take(dy, &views[0], "dy", &self.y, self.wide, READ)
            taken = 1
            take(kernel, &views[1], "kernel", &self.kernel, self.wide, READ)
            taken = 2
            take(dx, &views[2], "dx", &self.x, self.wide, WRITE)
            taken = 3
            refuse_overlap(views, taken, 2)
            if self.fast_input is not None:
                self.fast_input.grad_input(<char *>views[0].buf, <char *>views[1].buf, <char *>views[2].buf)
            elif not self.empty:
                if self.gaps:
                    memset(views[2].buf, 0, views[2].len)
                run_all(self.input_passes, <char *>views[0].buf, <char *>views[1].buf, NULL, <char *>views[2].buf,
                        False)
        finally:
            release(views, taken)

    def grad_kernel(self, x, dy, dkernel):
        """dkernel <- the gradient to the kernel."""
        cdef Py_buffer views[3]
        cdef int taken = 0
        try:
            take(x, &views[0], "x", &self.x, self.wide, READ)
            taken = 1
            take(dy, &views[1], "dy", &self.y, self.wide, READ)
            taken = 2
            take(dkernel, &views[2], "dkernel", &self.kernel, self.wide, WRITE)
            taken = 3
            refuse_overlap(views, taken, 2)
            if self.empty:
                memset(views[2].buf, 0, views[2].len)
            elif self.fast_kernel is not None:
                self.fast_kernel.grad_kernel(<char *>views[0].buf, <char *>views[1].buf, <char *>views[2].buf)
            elif self.all_used:
                self.sum.run(<char *>views[0].buf, <char *>views[1].buf, <char *>views[2].buf)
            else:
                self.sum_used(<char *>views[0].buf, <char *>views[1].buf, np.asarray(dkernel))
        finally:
            release(views, taken)

    cdef sum_used(self, const char *x, const char *dy, dkernel):
        """The gradient to the taps that meet an input; 0 for the others."""
        dkernel[...] = 0
        sums = np.empty(dkernel[self.used].shape, self.dtype)
        cdef unsigned char[::1] memory = sums.reshape(-1).view("B")
        self.sum.run(x, dy, <char *>&memory[0])
        dkernel[self.used] = sums


cdef void frozen_task(void *context, Py_ssize_t index) noexcept nogil:
    run_task(<Call *>context, index)


cdef class FrozenForward:
    """A forward pass bound to its arrays for good: calling it computes `out` from what `x` holds, unchecked, with
    kernel and bias as they were when it was made, packed once.

    Made by `ConvPlan.freeze`, which checks the arrays. One thread may call it at a time.
    """
    cdef Call call
    cdef Correlation correlation      # this and the arrays are kept alive
    cdef object x, out
    cdef char *memory

    def __init__(self, Correlation correlation, x, kernel, bias, out, bint relu):
        cdef const unsigned char[::1] x_bytes = bytes_of(x), kernel_bytes = bytes_of(kernel), bias_bytes
        cdef unsigned char[::1] out_bytes = bytes_of(out)
        cdef Py_ssize_t packed = (correlation.plan.packed_bytes + 63) & ~63, index
        self.correlation, self.x, self.out = correlation, x, out
        free(self.memory)
        self.memory = <char *>malloc(packed + 64 + (0 if bias is None else bias.nbytes))
        if self.memory == NULL:
            raise MemoryError("no memory for a packed kernel")
        cdef Call *call = &self.call
        call.plan, call.relu, call.failed = &correlation.plan, relu, False
        call.x, call.kernel, call.y = <const char *>&x_bytes[0], <const char *>&kernel_bytes[0], <char *>&out_bytes[0]
        call.packed = self.memory + (-<Py_ssize_t>self.memory & 63)
        call.bias = NULL
        if bias is not None:
            bias_bytes = bytes_of(bias)
            memcpy(call.packed + packed, &bias_bytes[0], bias_bytes.shape[0])
            call.bias = call.packed + packed
        for index in range(correlation.plan.panel_count):
            pack_panel(call, index)
        call.kernel = NULL

    def __dealloc__(self):
        free(self.memory)

    def __call__(self):
        with nogil:
            runtime.parallel_for(frozen_task, &self.call, self.call.plan.tasks, self.call.plan.seconds)
        enough, self.call.failed = not self.call.failed, False
        runtime.check_memory(enough)


cdef bytes_of(array):
    return array.reshape(-1).view("u1")


cdef inline void release(Py_buffer *views, int taken) noexcept:
    cdef int i
    for i in range(taken):
        PyBuffer_Release(&views[i])


def phases(axis, step):
    """The input gradient's correlations along one axis: for each residue that a tap reaches its axis (with the step in
    dx), its offset in dx, the step between its taps (backwards) and its first tap; `step` is that of the whole dx."""
    size, taps, dilation, stride, start, out = axis
    common = math.gcd(stride, dilation)
    every = stride // common
    found = []
    for first in range(min(taps, every)):
        # The tap k meets position i at output (i - start - k*dilation) / stride.
        residue = (start + first * dilation) % stride         # positions residue, residue + stride, ...
        if residue >= size:
            continue
        count = -(-(size - residue) // stride)
        last = first + (taps - 1 - first) // every * every
        found.append(((out, (last - first) // every + 1, dilation // common, 1,
                       (residue - start - last * dilation) // stride, count, stride * step),
                      residue * step, -every, last))
    return found


def bias_grad(dy, db):
    """db <- the sum over all but the last axis of dy."""
    cdef Py_buffer views[2]
    cdef Shape sums
    cdef Py_ssize_t rows = 1
    cdef int taken = 0, i
    cdef bint wide
    try:
        PyObject_GetBuffer(dy, &views[0], READ)
        taken = 1
        wide = views[0].itemsize == 8
        if not (views[0].format[0] == b"fd"[wide] and views[0].format[1] == 0 and views[0].ndim
                and <size_t>views[0].buf % views[0].itemsize == 0):
            raise ValueError("`dy` must be an aligned array of float32 or float64, of rank 1 or more.")
        for i in range(views[0].ndim - 1):
            rows *= views[0].shape[i]
        sums.rank, sums.size[0] = 1, views[0].shape[views[0].ndim - 1]
        take(db, &views[1], "db", &sums, wide, WRITE)
        taken = 2
        if views[0].len:
            sum_rows(wide, <char *>views[0].buf, <char *>views[1].buf, rows, views[1].shape[0])
        else:
            memset(views[1].buf, 0, views[1].len)
    finally:
        release(views, taken)


cdef enum:
    SUM_BYTES = 64 * 1024             # of dy in one task
    SUM_PARTS = 64


cdef struct RowSum:
    const runtime.mg_conv_outer_kernels *kernels
    const char *x
    char *parts
    Py_ssize_t rows, columns, item, count


cdef void sum_rows_task(void *context, Py_ssize_t index) noexcept nogil:
    cdef RowSum *s = <RowSum *>context
    cdef Py_ssize_t first = index * s.rows // s.count, end = (index + 1) * s.rows // s.count
    s.kernels.sum_rows(s.parts + index * s.columns * s.item, s.x + first * s.columns * s.item, end - first, s.columns)


cdef int sum_rows(int wide, const char *x, char *sums, Py_ssize_t rows, Py_ssize_t columns) except -1:
    cdef RowSum s = RowSum(kernels=runtime.active_isa().conv_outer[wide], x=x, parts=sums, rows=rows, columns=columns,
                           item=8 if wide else 4, count=1)
    with nogil:
        s.count = min(max(rows * columns * s.item // SUM_BYTES, 1), SUM_PARTS)
        if s.count > 1:
            s.parts = <char *>runtime.scratch(runtime.MG_SCRATCH_JOB, s.count * columns * s.item)
        if s.parts != NULL:
            runtime.parallel_for(sum_rows_task, &s, s.count, rows * columns * s.item / 3e10)
            if s.count > 1:
                s.kernels.add_parts(sums, s.parts, columns, s.count, columns)
    return runtime.check_memory(s.parts != NULL)
