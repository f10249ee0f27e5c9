from mgconv.native cimport runtime
from mgconv.native.buffers cimport Shape, Taken
from mgconv.native.correlation cimport Passes
from mgconv.native.kernel_gradient cimport KernelGradient

cdef enum Operation:
    FORWARD
    GRAD_INPUT
    GRAD_KERNEL

# Of one call: what an operation reads, in its order, and what it writes.
cdef struct Arrays:
    const char *first
    const char *second
    const char *bias                  # or NULL
    char *result
    bint relu


cdef class ConvPlan:
    cdef readonly object geometry, dtype
    cdef readonly tuple input_shape, kernel_shape, output_shape
    cdef readonly str isa
    cdef const runtime.mg_isa *instructions
    cdef bint wide, empty, gaps       # gaps: some inputs are reached by no tap
    cdef Shape x, y, kernel, bias
    cdef tuple like_x, like_y, like_kernel        # shape and dtype, for NumPy
    cdef Passes forward_passes, input_passes
    cdef KernelGradient sum
    cdef Py_ssize_t used_from[2]      # rows and columns of the kernel that meet an input
    cdef Py_ssize_t used_to[2]
    cdef bint all_used, free_choice
    cdef Py_ssize_t settings          # that `find` knows it by, or 0
    cdef runtime.Algorithm fast_forward, fast_input, fast_kernel        # instead of the direct sums, or None
    # With the first two arrays taken. None, if these are not `strict` and something is not as the plan wants it. Where
    # there is a `bound`, that is all that is filled.
    cdef convolve(self, Taken *taken, bias, out, activation, Arrays *bound)
    cdef spread(self, Taken *taken, dx, Arrays *bound)
    cdef sum_up(self, Taken *taken, dkernel, Arrays *bound)
    cdef settle(self, Operation operation, const Arrays *arrays, result, Arrays *bound)
    cdef double seconds_of(self, Operation operation) noexcept
    cdef bint run(self, Operation operation, const Arrays *arrays) noexcept nogil
    cdef bint sum_used(self, const Arrays *arrays) noexcept nogil


cdef class ConvCall(runtime.Call):
    cdef ConvPlan plan
    cdef Operation operation
    cdef Arrays arrays
    cdef tuple alive
