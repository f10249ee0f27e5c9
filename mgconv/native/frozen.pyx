"""A forward pass bound to its arrays for good: the kernel packed once, no checks, no arguments. For `predictor()`."""
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy

from mgconv.native cimport runtime
from mgconv.native.correlation cimport Call, Correlation, pack_panel, run_task


cdef void task(void *context, Py_ssize_t index) noexcept nogil:
    run_task(<Call *>context, index)


cdef class FrozenForward:
    """Calling it computes `out` from what `x` holds, with kernel and bias as they were when it was made.

    Made by `ConvPlan.freeze`, which checks the arrays. One thread may call it at a time.
    """
    cdef Call call
    cdef Correlation correlation      # this and the arrays are kept alive
    cdef object x, out
    cdef char *memory

    def __init__(self, Correlation correlation, x, kernel, bias, out, int flags):
        cdef const unsigned char[::1] x_bytes = bytes_of(x), kernel_bytes = bytes_of(kernel), bias_bytes
        cdef unsigned char[::1] out_bytes = bytes_of(out)
        cdef Py_ssize_t packed = (correlation.plan.packed_bytes + 63) & ~63, index
        self.correlation, self.x, self.out = correlation, x, out
        free(self.memory)
        self.memory = <char *>malloc(packed + 64 + (0 if bias is None else bias.nbytes))
        if self.memory == NULL:
            raise MemoryError("no memory for a packed kernel")
        cdef Call *call = &self.call
        call.plan, call.flags, call.failed = &correlation.plan, flags, False
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
            runtime.parallel_for(task, &self.call, self.call.plan.tasks, self.call.plan.seconds)
        if self.call.failed:
            self.call.failed = False
            raise MemoryError("no memory for the scratch of a convolution")


cdef bytes_of(array):
    return array.reshape(-1).view("u1")
