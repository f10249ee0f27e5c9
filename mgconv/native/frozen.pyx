"""Forward passes bound to their arrays for good, and a chain of them: what a predictor runs."""
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy

from mgconv.native cimport runtime
from mgconv.native.buffers cimport Shape, bytes_of, copy_plain, set_shape
from mgconv.native.caches cimport LINE, line_up, lined_up
from mgconv.native.correlation cimport Correlation, CorrelationCall, bind, pack, run_tasks


cdef class FrozenForward:
    """A forward pass bound to its arrays for good: calling it computes `out` from what `x` holds, unchecked, with
    kernel and bias as they were when it was made, packed once.

    Made by `ConvPlan.freeze`, which checks the arrays. One thread may call it at a time.
    """
    cdef CorrelationCall call
    cdef Correlation correlation      # this and the arrays are kept alive
    cdef object x, out
    cdef char *memory

    def __init__(self, Correlation correlation, x, kernel, bias, out, bint relu):
        cdef const unsigned char[::1] x_bytes = bytes_of(x), kernel_bytes = bytes_of(kernel), bias_bytes
        cdef unsigned char[::1] out_bytes = bytes_of(out)
        cdef Py_ssize_t packed = line_up(correlation.plan.packed_bytes)
        self.correlation, self.x, self.out = correlation, x, out
        free(self.memory)
        self.memory = <char *>malloc(packed + LINE + (0 if bias is None else bias.nbytes))
        if self.memory == NULL:
            raise MemoryError("no memory for a packed kernel")
        self.call = bind(&correlation.plan, <const char *>&x_bytes[0], <const char *>&kernel_bytes[0], NULL,
                         <char *>&out_bytes[0], relu)
        cdef CorrelationCall *call = &self.call
        call.packed = lined_up(self.memory)
        if bias is not None:
            bias_bytes = bytes_of(bias)
            memcpy(call.packed + packed, &bias_bytes[0], bias_bytes.shape[0])
            call.bias = call.packed + packed
        pack(call, call.packed)
        call.kernel = NULL

    def __dealloc__(self):
        free(self.memory)

    def __call__(self):
        run_tasks(&self.call)
        enough, self.call.failed = not self.call.failed, False
        runtime.check_memory(enough)


cdef class FrozenChain:
    """A function of one array: it copies the array to `x`, runs `calls`, and returns `y`.

    What is not of the shape and dtype of `x` goes to `fill`, which converts and copies it, or raises.
    """
    cdef Shape shape
    cdef object x, y, fill
    cdef tuple calls
    cdef unsigned char[::1] memory
    cdef bint wide

    def __init__(self, x, y, calls, fill):
        self.x, self.y, self.calls, self.fill = x, y, tuple(calls), fill
        self.memory, self.wide = bytes_of(x), x.itemsize == 8
        set_shape(&self.shape, x.shape)

    def __call__(self, x):
        if not copy_plain(x, &self.shape, self.wide, <char *>&self.memory[0]):
            self.fill(x)
        for call in self.calls:
            call()
        return self.y
