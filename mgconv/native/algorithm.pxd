"""What a plan may use instead of the direct sums for a convolution or one of its gradients."""


cdef class Algorithm:
    cdef readonly Py_ssize_t scratch_bytes      # of the hungriest operation, for one thread

    # Arrays as in ConvPlan; each overwrites its last array, and raises MemoryError when there is no scratch memory.
    cdef int forward(self, const char *x, const char *kernel, const char *bias, char *y, bint relu) except -1
    cdef int grad_input(self, const char *dy, const char *kernel, char *dx) except -1
    cdef int grad_kernel(self, const char *x, const char *dy, char *dkernel) except -1

cdef int check_memory(bint enough) except -1
