"""Optimizer steps as one pass over a flat vector of parameters; src_c/optimizer.h has the formulas.

Long vectors are cut into chunks for the thread pool. Every element is computed by itself, so the cut changes no bit.
"""
from mgconv.native cimport runtime

cdef enum:
    CHUNK = 16384                     # parameters a task: about 5 us


cdef struct Job:
    const runtime.mg_optimizer_kernels *kernels
    runtime.mg_optimizer_state state
    Py_ssize_t size
    double rate, momentum, rho, beta_1, beta_2, epsilon, keep
    bint nesterov


cdef void sgd_task(void *context, Py_ssize_t index) noexcept nogil:
    cdef Job *j = <Job *>context
    j.kernels.sgd(&j.state, index * CHUNK, min(j.size, (index + 1) * CHUNK), j.rate, j.momentum, j.nesterov, j.keep)


cdef void adam_task(void *context, Py_ssize_t index) noexcept nogil:
    cdef Job *j = <Job *>context
    j.kernels.adam(&j.state, index * CHUNK, min(j.size, (index + 1) * CHUNK), j.rate, j.beta_1, j.beta_2, j.epsilon,
                   j.keep)


cdef void rmsprop_task(void *context, Py_ssize_t index) noexcept nogil:
    cdef Job *j = <Job *>context
    j.kernels.rmsprop(&j.state, index * CHUNK, min(j.size, (index + 1) * CHUNK), j.rate, j.rho, j.momentum, j.epsilon,
                      j.keep)


cdef class FlatStep:
    """Parameters, their gradient and up to three state vectors, bound once; each method is one optimizer's step.

    All are contiguous one-dimensional arrays of the same length, all float32 or all float64; `states` are those that
    src_c/optimizer.h names a, b and c, None where a feature is off.
    """
    cdef Job job
    cdef tuple arrays                 # keeps the memory alive

    def __init__(self, parameters, gradient, *states):
        cdef bint wide = parameters.dtype.itemsize == 8
        self.arrays = (parameters, gradient, *states)
        self.job.size = parameters.shape[0]
        addresses = [address(array, self.job.size, wide) for array in self.arrays] + [0] * (3 - len(states))
        self.job.state.p = <void *><Py_ssize_t>addresses[0]
        self.job.state.g = <void *><Py_ssize_t>addresses[1]
        self.job.state.a = <void *><Py_ssize_t>addresses[2]
        self.job.state.b = <void *><Py_ssize_t>addresses[3]
        self.job.state.c = <void *><Py_ssize_t>addresses[4]
        self.job.kernels = runtime.active_isa().optimizer[wide]

    cdef void run(self, runtime.mg_task task):
        runtime.parallel_for(task, &self.job, (self.job.size + CHUNK - 1) // CHUNK, 3e-10 * self.job.size)

    def sgd(self, double rate, double momentum, bint nesterov, double keep):
        self.job.rate, self.job.momentum, self.job.nesterov, self.job.keep = rate, momentum, nesterov, keep
        self.run(sgd_task)

    def adam(self, double alpha, double beta_1, double beta_2, double epsilon, double keep):
        self.job.rate, self.job.beta_1, self.job.beta_2 = alpha, beta_1, beta_2
        self.job.epsilon, self.job.keep = epsilon, keep
        self.run(adam_task)

    def rmsprop(self, double rate, double rho, double momentum, double epsilon, double keep):
        self.job.rate, self.job.rho, self.job.momentum = rate, rho, momentum
        self.job.epsilon, self.job.keep = epsilon, keep
        self.run(rmsprop_task)


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
