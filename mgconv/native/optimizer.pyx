"""Optimizer steps as one pass over a flat vector of parameters; src_c/optimizer.h lists them and has the formulas.

Long vectors are cut into chunks for the thread pool. Every element is computed by itself, so the cut changes no bit.
"""
from mgconv.native cimport runtime

cdef enum:
    CHUNK = 16384                     # parameters a task: about 5 us


cdef struct Job:
    runtime.mg_optimizer_kernel kernel
    void *arrays[2 + runtime.MG_OPTIMIZER_MOST_SLOTS]
    double coefficients[runtime.MG_OPTIMIZER_MOST_COEFFICIENTS]
    Py_ssize_t size


cdef void task(void *context, Py_ssize_t index) noexcept nogil:
    cdef Job *j = <Job *>context
    j.kernel.step(j.arrays, j.coefficients, index * CHUNK, min(j.size, (index + 1) * CHUNK))


cdef class FlatStep:
    """Parameters, their gradient and an optimizer's slots, bound once; a call makes one step, with the
    share of the parameters that decay leaves, and the rate and what else src_c/optimizer.h says as a tuple.

    All are contiguous one-dimensional arrays of the same length, all float32 or all float64: in this order, the slots
    as src_c/optimizer.h lists them behind the name of the kernel, None where a feature is off.
    """
    cdef Job job
    cdef tuple arrays                 # keeps the memory alive

    def __init__(self, str kernel, *arrays):
        cdef bint wide = arrays[0].dtype.itemsize == 8
        cdef int i
        self.job.kernel = find(kernel, wide)
        if len(arrays) != 2 + self.job.kernel.slots:
            raise ValueError(f"{kernel} works on {2 + self.job.kernel.slots} arrays. Received: {len(arrays)}.")
        self.arrays = arrays
        self.job.size = arrays[0].shape[0]
        for i in range(len(arrays)):
            self.job.arrays[i] = <void *>address(arrays[i], self.job.size, wide)

    def __call__(self, double keep, tuple coefficients):
        cdef int i
        if len(coefficients) != self.job.kernel.coefficients - 1:
            raise ValueError(f"{self.job.kernel.name.decode()} takes {self.job.kernel.coefficients - 1} coefficients "
                             f"behind `keep`. Received: {len(coefficients)}.")
        self.job.coefficients[0] = keep
        for i in range(self.job.kernel.coefficients - 1):
            self.job.coefficients[1 + i] = coefficients[i]
        # Never so long that an interrupt would leave half of the weights where they were.
        runtime.parallel_for(task, &self.job, (self.job.size + CHUNK - 1) // CHUNK, min(3e-10 * self.job.size, 90e-6))


cdef runtime.mg_optimizer_kernel find(str name, bint wide) except *:
    cdef int i
    cdef bytes wanted = name.encode()
    for i in range(runtime.MG_OPTIMIZER_COUNT):
        if runtime.active_isa().optimizer[wide].list[i].name == wanted:
            return runtime.active_isa().optimizer[wide].list[i]
    raise ValueError(f"there is no kernel for the optimizer {name!r} in src_c/optimizer.h.")


cdef Py_ssize_t address(array, Py_ssize_t size, bint wide) except -1:
    cdef float[::1] f32
    cdef double[::1] f64
    if array is None:
        return 0
    if array.shape[0] != size:
        raise ValueError(f"the arrays must have one length. Received: {size} and {array.shape[0]}.")
    if wide:
        f64 = array
        return <Py_ssize_t>&f64[0]
    f32 = array
    return <Py_ssize_t>&f32[0]
