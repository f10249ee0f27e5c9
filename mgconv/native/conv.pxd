from mgconv.native cimport runtime
from mgconv.native.buffers cimport Shape, Taken
from mgconv.native.kernel_gradient cimport KernelGradient


cdef class ConvPlan:
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
    # With the first two arrays taken. None, if these are not `strict` and something is not as the plan wants it.
    cdef convolve(self, Taken *taken, bias, out, activation)
    cdef spread(self, Taken *taken, dx)
    cdef sum_up(self, Taken *taken, dkernel)
    cdef sum_used(self, const char *x, const char *dy, dkernel)
