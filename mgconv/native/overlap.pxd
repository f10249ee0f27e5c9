from mgconv.native.window cimport Grid, Job

cdef Grid best_grid(const Job *j) noexcept nogil
cdef bint run(Job *j) except False
