"""The base of the algorithms that are faster than direct sums for some shapes."""


cdef class Algorithm:
    cdef int forward(self, const char *x, const char *kernel, const char *bias, char *y, bint relu) except -1:
        raise NotImplementedError

    cdef int grad_input(self, const char *dy, const char *kernel, char *dx) except -1:
        raise NotImplementedError

    cdef int grad_kernel(self, const char *x, const char *dy, char *dkernel) except -1:
        raise NotImplementedError


cdef int check_memory(bint enough) except -1:
    if not enough:
        raise MemoryError("no memory for the scratch of a convolution")
    return 0
