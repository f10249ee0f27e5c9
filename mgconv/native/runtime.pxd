"""What the other compiled modules share: the instruction set in use, the thread pool, scratch memory.

`runtime` is the one extension that links src_c, so there is one pool and one choice of kernels in a process. The others
call through these function pointers, which Cython shares by `cimport`.
"""

cdef extern from "dispatch.h":
    cdef struct mg_isa:
        const char *name

cdef extern from "threads.h":
    ctypedef void (*mg_task)(void *context, Py_ssize_t index) noexcept nogil
    enum:
        MG_SCRATCH_JOB
        MG_SCRATCH_TASK

cdef const mg_isa *active_isa() noexcept nogil
cdef void parallel_for(mg_task task, void *context, Py_ssize_t count, double seconds) noexcept nogil
cdef void *scratch(int slot, size_t size) noexcept nogil
