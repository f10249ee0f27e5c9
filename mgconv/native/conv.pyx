# cython: wraparound=True
"""Convolution plans: what follows from shapes, dtype and instruction set, made once and applied many times."""
from libc.string cimport memcpy, memset

from mgconv.native cimport runtime
from mgconv.native.buffers cimport (
    RANKS,
    READ,
    WRITE,
    Shape,
    Taken,
    bytes_of,
    fits,
    kind,
    release,
    set_shape,
    take,
)
from mgconv.native.correlation cimport Correlation, run_all
from mgconv.native.kernel_gradient cimport KernelGradient

from functools import partial

import numpy as np

from mgconv._support.memory import LARGE, aligned_empty
from mgconv.native.choice import choose, choose_frozen
from mgconv.native.frozen import FrozenForward
from mgconv.native.passes import forward_pass, input_passes, leaves_gaps, used_taps

cdef object np_empty = np.empty
cdef double SMALL = LARGE           # fewer elements need no aligning
cdef tuple FLOATS = (np.dtype("float32"), np.dtype("float64"))

cdef enum:
    MOST_KNOWN = 256                  # plans kept


cdef int refuse(const Py_buffer *view, str name, const Shape *shape, bint wide) except -1:
    sizes = tuple([view.shape[i] for i in range(view.ndim)])
    want = tuple([shape.size[i] for i in range(shape.rank)])
    if kind(view) != wide:
        format, dtype = view.format.decode() if view.format != NULL else "B", "float64" if wide else "float32"
        raise TypeError(f"`{name}` must be {dtype}. Received: an array of format {format!r}.")
    if sizes != want:
        raise ValueError(f"`{name}` must have the plan's shape {want}. Received: {sizes}.")
    raise ValueError(f"`{name}` must be aligned to its elements. Received: an array that is not.")


cdef inline int check(const Py_buffer *view, str name, const Shape *shape, bint wide) except -1:
    """Hold an array against the plan."""
    return 0 if fits(view, shape, wide) else refuse(view, name, shape, wide)


cdef int refuse_overlap(const Taken *taken) except -1:
    """ValueError if the third array, contiguous, shares memory with another."""
    cdef const Py_buffer *result = &taken.views[2]
    cdef const char *first = <const char *>result.buf
    cdef const char *begin
    cdef int i
    for i in range(taken.count):
        begin = <const char *>taken.views[i].buf
        if i != 2 and begin < first + result.len and first < begin + taken.views[i].len:
            raise ValueError("the result must not overlap the arguments. Received: arrays that do.")
    return 0


cdef object new_array(tuple shape_and_dtype, const Shape *shape):
    cdef double count = 1
    cdef int i
    for i in range(shape.rank):
        count *= shape.size[i]
    return np_empty(*shape_and_dtype) if count < SMALL else aligned_empty(*shape_and_dtype)


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
    cdef tuple like_x, like_y, like_kernel        # shape and dtype, for NumPy
    cdef list forward_passes, input_passes
    cdef KernelGradient sum
    cdef tuple used                   # slices of the kernel: the taps that meet an input
    cdef bint all_used, free_choice
    cdef Py_ssize_t settings          # that `find` knows it by, or 0
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
        set_shape(&self.x, geometry.input_shape)
        set_shape(&self.y, geometry.output_shape)
        set_shape(&self.kernel, geometry.kernel_shape)
        set_shape(&self.bias, geometry.kernel_shape[-1:])
        self.like_x, self.like_y = (self.input_shape, self.dtype), (self.output_shape, self.dtype)
        self.like_kernel = self.kernel_shape, self.dtype
        self.empty = geometry.input_shape[0] == 0
        self.forward_passes = [Correlation(self.wide, *forward_pass(geometry))]
        self.input_passes = [Correlation(self.wide, *one) for one in input_passes(geometry)]
        self.gaps = leaves_gaps(geometry)
        self.sum = KernelGradient(self.wide, *forward_pass(geometry)[:6])
        self.used = used_taps(geometry)
        self.all_used = self.used == tuple([slice(0, taps) for taps in geometry.kernel_shape[:-2]])
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
        """out <- activation(convolution of x with kernel, plus bias); `bias` may be None, and `out`: then a new array.
        Returns `out`, as the gradients do."""
        cdef Taken taken
        taken.count = 0
        try:
            take(x, &taken, READ)
            take(kernel, &taken, READ)
            return self.convolve(&taken, bias, out, activation)
        finally:
            release(&taken)

    cdef convolve(self, Taken *taken, bias, out, activation):
        cdef bint relu = False
        cdef const char *bias_at = NULL
        if activation is not None and activation != "linear":
            if activation != "relu":
                raise ValueError(f'`activation` must be None, "linear" or "relu". Received: activation={activation!r}.')
            relu = True
        check(&taken.views[0], "x", &self.x, self.wide)
        check(&taken.views[1], "kernel", &self.kernel, self.wide)
        if out is None:
            out = new_array(self.like_y, &self.y)
        check(take(out, taken, WRITE), "out", &self.y, self.wide)
        if bias is not None:
            check(take(bias, taken, READ), "bias", &self.bias, self.wide)
            bias_at = <const char *>taken.views[3].buf
        refuse_overlap(taken)
        if self.fast_forward is not None:
            self.fast_forward.forward(<char *>taken.views[0].buf, <char *>taken.views[1].buf, bias_at,
                                      <char *>taken.views[2].buf, relu)
        elif not self.empty:
            run_all(self.forward_passes, <char *>taken.views[0].buf, <char *>taken.views[1].buf, bias_at,
                    <char *>taken.views[2].buf, relu)
        return out

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
        cdef Taken taken
        taken.count = 0
        try:
            take(dy, &taken, READ)
            take(kernel, &taken, READ)
            return self.spread(&taken, dx)
        finally:
            release(&taken)

    cdef spread(self, Taken *taken, dx):
        cdef Py_buffer *result
        check(&taken.views[0], "dy", &self.y, self.wide)
        check(&taken.views[1], "kernel", &self.kernel, self.wide)
        if dx is None:
            dx = new_array(self.like_x, &self.x)
        result = take(dx, taken, WRITE)
        check(result, "dx", &self.x, self.wide)
        refuse_overlap(taken)
        if self.fast_input is not None:
            self.fast_input.grad_input(<char *>taken.views[0].buf, <char *>taken.views[1].buf, <char *>result.buf)
        elif not self.empty:
            if self.gaps:
                memset(result.buf, 0, result.len)
            run_all(self.input_passes, <char *>taken.views[0].buf, <char *>taken.views[1].buf, NULL,
                    <char *>result.buf, False)
        return dx

    def grad_kernel(self, x, dy, dkernel):
        """dkernel <- the gradient to the kernel."""
        cdef Taken taken
        taken.count = 0
        try:
            take(x, &taken, READ)
            take(dy, &taken, READ)
            return self.sum_up(&taken, dkernel)
        finally:
            release(&taken)

    cdef sum_up(self, Taken *taken, dkernel):
        cdef Py_buffer *result
        check(&taken.views[0], "x", &self.x, self.wide)
        check(&taken.views[1], "dy", &self.y, self.wide)
        if dkernel is None:
            dkernel = new_array(self.like_kernel, &self.kernel)
        result = take(dkernel, taken, WRITE)
        check(result, "dkernel", &self.kernel, self.wide)
        refuse_overlap(taken)
        if self.empty:
            memset(result.buf, 0, result.len)
        elif self.fast_kernel is not None:
            self.fast_kernel.grad_kernel(<char *>taken.views[0].buf, <char *>taken.views[1].buf, <char *>result.buf)
        elif self.all_used:
            self.sum.run(<char *>taken.views[0].buf, <char *>taken.views[1].buf, <char *>result.buf)
        else:
            self.sum_used(<char *>taken.views[0].buf, <char *>taken.views[1].buf, np.asarray(dkernel))
        return dkernel

    cdef sum_used(self, const char *x, const char *dy, dkernel):
        """The gradient to the taps that meet an input; 0 for the others."""
        dkernel[...] = 0
        sums = np.empty(dkernel[self.used].shape, self.dtype)
        cdef unsigned char[::1] memory = sums.reshape(-1).view("B")
        self.sum.run(x, dy, <char *>&memory[0])
        dkernel[self.used] = sums


# ---- the short way: one call that finds its plan by the arrays -------------------------------------------------------

cdef dict known = {}                  # plans under a number made of their shapes and settings
cdef dict PADDINGS = {"valid": 1, "same": 2, "causal": 3, "full": 4}


cdef inline Py_ssize_t axis_code(value) except -1:
    cdef Py_ssize_t number = value if type(value) is int else 0
    if not 0 < number < 4096:
        raise KeyError(value)
    return number


cdef inline Py_ssize_t axes_code(value) except -1:
    """An int, or a tuple with one for each axis, in 26 bits; KeyError for anything else."""
    if type(value) is not tuple:
        return axis_code(value)
    if len(value) == 1:
        return 1 << 24 | axis_code(value[0])
    if len(value) == 2:
        return 2 << 24 | axis_code(value[0]) << 12 | axis_code(value[1])
    raise KeyError(value)


cdef Py_ssize_t settings_code(strides, padding, dilation_rate) except -1:
    return axes_code(strides) << 32 | axes_code(dilation_rate) << 4 | <Py_ssize_t>PADDINGS[padding]


cdef Shape taken_shape(const Py_buffer *view) noexcept:
    cdef Shape shape
    shape.rank = min(view.ndim, RANKS)
    memcpy(shape.size, view.shape, shape.rank * sizeof(Py_ssize_t))
    return shape


cdef size_t known_as(const Shape *x, const Shape *kernel, int wide, Py_ssize_t settings) noexcept:
    cdef size_t number = settings
    cdef int i
    for i in range(x.rank):
        number = (number ^ <size_t>x.size[i]) * <size_t>0x9E3779B97F4A7C15
    for i in range(kernel.rank):
        number = (number ^ number >> 29 ^ <size_t>kernel.size[i]) * <size_t>0x9E3779B97F4A7C15
    return number ^ wide


def remember(ConvPlan plan, strides, padding, dilation_rate):
    """Let the functions below find `plan` by these settings, if they are usual ones."""
    try:
        plan.settings = settings_code(strides, padding, dilation_rate)
    except (KeyError, TypeError):
        return
    if len(known) >= MOST_KNOWN:
        known.clear()
    known[known_as(&plan.x, &plan.kernel, plan.wide, plan.settings)] = plan


cdef ConvPlan find(const Shape *x, const Shape *kernel, int wide, strides, padding, dilation_rate):
    """The plan that was made for this. It checks the arrays' shapes itself; KeyError if there is none."""
    cdef Py_ssize_t settings = settings_code(strides, padding, dilation_rate)
    cdef ConvPlan plan = known[known_as(x, kernel, wide, settings)]
    if plan.settings != settings or plan.instructions != runtime.active_isa():
        raise KeyError(settings)
    return plan


def conv(x, kernel, bias, strides, padding, dilation_rate, activation, out):
    """The convolution, if its plan is known; else KeyError, or what else the plan raises."""
    cdef Taken taken
    cdef Shape x_shape, kernel_shape
    taken.count = 0
    try:
        x_shape, kernel_shape = taken_shape(take(x, &taken, READ)), taken_shape(take(kernel, &taken, READ))
        return find(&x_shape, &kernel_shape, kind(&taken.views[0]), strides, padding, dilation_rate).convolve(
            &taken, bias, out, activation)
    finally:
        release(&taken)


def conv_grad_input(dy, kernel, tuple input_shape, strides, padding, dilation_rate, out):
    cdef Taken taken
    cdef Shape x_shape, kernel_shape
    set_shape(&x_shape, input_shape)
    taken.count = 0
    try:
        take(dy, &taken, READ)
        kernel_shape = taken_shape(take(kernel, &taken, READ))
        return find(&x_shape, &kernel_shape, kind(&taken.views[0]), strides, padding, dilation_rate).spread(
            &taken, out)
    finally:
        release(&taken)


def conv_grad_kernel(x, dy, tuple kernel_shape, strides, padding, dilation_rate, out):
    cdef Taken taken
    cdef Shape x_sizes, kernel_sizes
    set_shape(&kernel_sizes, kernel_shape)
    taken.count = 0
    try:
        x_sizes = taken_shape(take(x, &taken, READ))
        take(dy, &taken, READ)
        return find(&x_sizes, &kernel_sizes, kind(&taken.views[0]), strides, padding, dilation_rate).sum_up(
            &taken, out)
    finally:
        release(&taken)


# ---- the gradient to the bias ---------------------------------------------------------------------------------------

def bias_grad(dy, db):
    """db <- the sum over all but the last axis of dy; `db` may be None: then a new array. Returns `db`."""
    cdef Taken taken
    cdef Py_buffer *view
    cdef Py_buffer *result
    cdef Shape sums
    cdef Py_ssize_t rows = 1
    cdef int i
    taken.count = 0
    try:
        view = take(dy, &taken, READ)
        if kind(view) < 0 or view.ndim == 0 or <size_t>view.buf % view.itemsize:
            raise ValueError("`dy` must be an aligned array of float32 or float64, of rank 1 or more.")
        for i in range(view.ndim - 1):
            rows *= view.shape[i]
        sums.rank, sums.size[0] = 1, view.shape[view.ndim - 1]
        if db is None:
            db = np_empty(sums.size[0], FLOATS[kind(view)])
        result = take(db, &taken, WRITE)
        check(result, "db", &sums, kind(view))
        if view.len:
            sum_rows(kind(view), <char *>view.buf, <char *>result.buf, rows, sums.size[0])
        else:
            memset(result.buf, 0, result.len)
        return db
    finally:
        release(&taken)


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
    s.count = min(max(rows * columns * s.item // SUM_BYTES, 1), SUM_PARTS)
    if s.count > 1:
        s.parts = <char *>runtime.scratch(runtime.MG_SCRATCH_JOB, s.count * columns * s.item)
    if s.parts != NULL:
        runtime.parallel_for(sum_rows_task, &s, s.count, rows * columns * s.item / 3e10)
        if s.count > 1:
            s.kernels.add_parts(sums, s.parts, columns, s.count, columns)
            runtime.scratch_end(runtime.MG_SCRATCH_JOB)
    return runtime.check_memory(s.parts != NULL)
