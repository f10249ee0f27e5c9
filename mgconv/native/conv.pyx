# cython: wraparound=True
"""Convolution plans: what follows from shapes, dtype and instruction set, made once and applied many times."""
from libc.string cimport memcpy, memset

from mgconv.native cimport runtime
from mgconv.native.buffers cimport READ, WRITE, Shape, Taken, bytes_of, fits, kind, offer, release, set_shape
from mgconv.native.correlation cimport Correlation, Passes
from mgconv.native.kernel_gradient cimport KernelGradient

from functools import partial

import numpy as np

from mgconv._support.memory import LARGE, aligned_empty
from mgconv.native.choice import choose, choose_frozen
from mgconv.native.frozen import FrozenForward
from mgconv.native.passes import forward_pass, input_passes, leaves_gaps, used_taps

cdef object np_empty = np.empty
cdef double SMALL = LARGE           # fewer elements need no aligning


cdef int refuse(const Py_buffer *view, str name, const Shape *shape, bint wide) except -1:
    sizes = tuple([view.shape[i] for i in range(view.ndim)])
    want = tuple([shape.size[i] for i in range(shape.rank)])
    if kind(view) != wide:
        format, dtype = view.format.decode() if view.format != NULL else "B", "float64" if wide else "float32"
        raise TypeError(f"`{name}` must be {dtype}. Received: an array of format {format!r}.")
    if sizes != want:
        raise ValueError(f"`{name}` must have the plan's shape {want}. Received: {sizes}.")
    raise ValueError(f"`{name}` must be aligned to its elements. Received: an array that is not.")


cdef inline bint check(const Taken *taken, int index, str name, const Shape *shape, bint wide) except -1:
    """Hold an array against the plan."""
    if fits(&taken.views[index], shape, wide):
        return True
    return taken.strict and refuse(&taken.views[index], name, shape, wide)


cdef bint check_apart(const Taken *taken) except -1:
    """Whether the third array, contiguous, shares no memory with another."""
    cdef const Py_buffer *result = &taken.views[2]
    cdef const char *first = <const char *>result.buf
    cdef const char *begin
    cdef int i
    for i in range(taken.count):
        begin = <const char *>taken.views[i].buf
        if i != 2 and begin < first + result.len and first < begin + taken.views[i].len:
            if taken.strict:
                raise ValueError("the result must not overlap the arguments. Received: arrays that do.")
            return False
    return True


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
    algorithm : {None, "direct", "winograd", "fft", "scatter"} or tuple
        How to compute all three operations ("scatter": the gradient to the input); None takes for each what costs
        least (mgconv/native/choice.py); a tuple has a way for each.
    """

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
        self.forward_passes = Passes([Correlation(self.wide, *forward_pass(geometry))])
        self.input_passes = Passes([Correlation(self.wide, *one) for one in input_passes(geometry)])
        self.gaps = leaves_gaps(geometry)
        self.sum = KernelGradient(self.wide, *forward_pass(geometry)[:6])
        used = used_taps(geometry)
        self.all_used = used == tuple([slice(0, taps) for taps in geometry.kernel_shape[:-2]])
        for i, rows in enumerate((slice(0, 1), *used)[-2:]):
            self.used_from[i], self.used_to[i] = rows.start, rows.stop
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
        direct = [self.forward_passes.scratch_bytes, self.input_passes.scratch_bytes, self.sum.scratch_bytes]
        return max([bytes if algorithm is None else algorithm.scratch_bytes for algorithm, bytes in zip(fast, direct)])

    def forward(self, x, kernel, bias, out, activation=None):
        """out <- activation(convolution of x with kernel, plus bias); `bias` may be None, and `out`: then a new array.
        Returns `out`, as the gradients do."""
        cdef Taken taken
        taken.count, taken.strict = 0, True
        try:
            offer(x, &taken, READ)
            offer(kernel, &taken, READ)
            return self.convolve(&taken, bias, out, activation, NULL)
        finally:
            release(&taken)

    cdef convolve(self, Taken *taken, bias, out, activation, Arrays *bound):
        cdef bint relu = False
        cdef const char *bias_at = NULL
        cdef Arrays arrays
        if activation is not None and activation != "linear":
            relu = activation == "relu"
            if not relu:
                if not taken.strict:
                    return None
                raise ValueError(f'`activation` must be None, "linear" or "relu". Received: activation={activation!r}.')
        if not (check(taken, 0, "x", &self.x, self.wide) and check(taken, 1, "kernel", &self.kernel, self.wide)):
            return None
        if out is None:
            out = new_array(self.like_y, &self.y)
        if not (offer(out, taken, WRITE) and check(taken, 2, "out", &self.y, self.wide)):
            return None
        if bias is not None:
            if not (offer(bias, taken, READ) and check(taken, 3, "bias", &self.bias, self.wide)):
                return None
            bias_at = <const char *>taken.views[3].buf
        if not check_apart(taken):
            return None
        arrays = Arrays(<char *>taken.views[0].buf, <char *>taken.views[1].buf, bias_at,
                        <char *>taken.views[2].buf, relu)
        return self.settle(FORWARD, &arrays, out, bound)

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
            return FrozenForward(self.forward_passes.correlations[0], x, kernel, bias, out, activation == "relu")
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
        taken.count, taken.strict = 0, True
        try:
            offer(dy, &taken, READ)
            offer(kernel, &taken, READ)
            return self.spread(&taken, dx, NULL)
        finally:
            release(&taken)

    cdef spread(self, Taken *taken, dx, Arrays *bound):
        cdef Arrays arrays
        if not (check(taken, 0, "dy", &self.y, self.wide) and check(taken, 1, "kernel", &self.kernel, self.wide)):
            return None
        if dx is None:
            dx = new_array(self.like_x, &self.x)
        if not (offer(dx, taken, WRITE) and check(taken, 2, "dx", &self.x, self.wide) and check_apart(taken)):
            return None
        arrays = Arrays(<char *>taken.views[0].buf, <char *>taken.views[1].buf, NULL, <char *>taken.views[2].buf, False)
        return self.settle(GRAD_INPUT, &arrays, dx, bound)

    def grad_kernel(self, x, dy, dkernel):
        """dkernel <- the gradient to the kernel."""
        cdef Taken taken
        taken.count, taken.strict = 0, True
        try:
            offer(x, &taken, READ)
            offer(dy, &taken, READ)
            return self.sum_up(&taken, dkernel, NULL)
        finally:
            release(&taken)

    cdef sum_up(self, Taken *taken, dkernel, Arrays *bound):
        cdef Arrays arrays
        if not (check(taken, 0, "x", &self.x, self.wide) and check(taken, 1, "dy", &self.y, self.wide)):
            return None
        if dkernel is None:
            dkernel = new_array(self.like_kernel, &self.kernel)
        if not (offer(dkernel, taken, WRITE) and check(taken, 2, "dkernel", &self.kernel, self.wide)
                and check_apart(taken)):
            return None
        arrays = Arrays(<char *>taken.views[0].buf, <char *>taken.views[1].buf, NULL, <char *>taken.views[2].buf, False)
        return self.settle(GRAD_KERNEL, &arrays, dkernel, bound)

    def bind(self, operation, first, second, *rest):
        """A call without arguments that does "forward", "grad_input" or "grad_kernel" on these arrays, checked once.

        The arguments are those of the method of that name, the result's array among them.
        """
        cdef ConvCall call = ConvCall.__new__(ConvCall)
        cdef Taken taken
        taken.count, taken.strict = 0, True
        call.plan, call.alive = self, (first, second, *rest)
        try:
            offer(first, &taken, READ)
            offer(second, &taken, READ)
            if operation == "forward":
                call.operation = FORWARD
                self.convolve(&taken, rest[0], rest[1], rest[2] if len(rest) > 2 else None, &call.arrays)
            elif operation == "grad_input":
                call.operation = GRAD_INPUT
                self.spread(&taken, rest[0], &call.arrays)
            else:
                call.operation = GRAD_KERNEL
                self.sum_up(&taken, rest[0], &call.arrays)
        finally:
            release(&taken)
        call.seconds = self.seconds_of(call.operation)
        return call

    cdef settle(self, Operation operation, const Arrays *arrays, result, Arrays *bound):
        cdef bint enough
        if bound != NULL:
            bound[0] = arrays[0]
        elif self.seconds_of(operation) < runtime.BRIEF:
            runtime.check_memory(self.run(operation, arrays))
        else:
            with nogil:
                enough = self.run(operation, arrays)
            runtime.check_memory(enough)
        return result

    cdef double seconds_of(self, Operation operation) noexcept:
        """What plain sums would take, about."""
        if operation == FORWARD:
            return self.forward_passes.seconds
        return self.input_passes.seconds if operation == GRAD_INPUT else self.sum.plan.seconds

    cdef bint run(self, Operation operation, const Arrays *a) noexcept nogil:
        if operation == FORWARD:
            if self.fast_forward is not None:
                return self.fast_forward.forward(a.first, a.second, a.bias, a.result, a.relu)
            return self.empty or self.forward_passes.run(a.first, a.second, a.bias, a.result, a.relu)
        if operation == GRAD_INPUT:
            if self.fast_input is not None:
                return self.fast_input.grad_input(a.first, a.second, a.result)
            if self.gaps:
                memset(a.result, 0, bytes_in(&self.x, self.wide))
            return self.empty or self.input_passes.run(a.first, a.second, NULL, a.result, False)
        if self.empty:
            memset(a.result, 0, bytes_in(&self.kernel, self.wide))
            return True
        if self.fast_kernel is not None:
            return self.fast_kernel.grad_kernel(a.first, a.second, a.result)
        return self.sum.run(a.first, a.second, a.result) if self.all_used else self.sum_used(a)

    cdef bint sum_used(self, const Arrays *a) noexcept nogil:
        """The gradient to the taps that meet an input; 0 for the others."""
        cdef int rank = self.kernel.rank
        cdef Py_ssize_t tap = self.kernel.size[rank - 2] * self.kernel.size[rank - 1] * (8 if self.wide else 4), row
        cdef Py_ssize_t columns = self.used_to[1] - self.used_from[1], rows = self.used_to[0] - self.used_from[0]
        cdef char *sums = <char *>runtime.scratch(runtime.MG_SCRATCH_MADE, rows * columns * tap)
        if sums == NULL:
            return False
        cdef bint enough = self.sum.run(a.first, a.second, sums)
        memset(a.result, 0, bytes_in(&self.kernel, self.wide))
        for row in range(rows):
            memcpy(a.result + ((self.used_from[0] + row) * self.kernel.size[rank - 3] + self.used_from[1]) * tap,
                   sums + row * columns * tap, columns * tap)
        runtime.scratch_end(runtime.MG_SCRATCH_MADE)
        return enough


cdef class ConvCall(runtime.Call):
    """An operation of a plan bound to its arrays. Made by `ConvPlan.bind`, which checks them."""

    cdef bint run(self) noexcept nogil:
        return self.plan.run(self.operation, &self.arrays)


cdef Py_ssize_t bytes_in(const Shape *shape, bint wide) noexcept nogil:
    cdef Py_ssize_t bytes = 8 if wide else 4
    cdef int i
    for i in range(shape.rank):
        bytes *= shape.size[i]
    return bytes
