"""Passes over arrays (rows, columns): activations, dropout and normalization, forward and back; src_c/activation.h,
pointwise.h and norm.h have the kernels.

An object is bound to its arrays once; its methods take no arguments. The rows are cut into chunks by the shape alone,
and what the chunks leave is put together in their order, so that the number of threads changes no bit.
"""
from cpython.buffer cimport PyBuffer_Release, PyObject_GetBuffer

from libc.math cimport ceil, sqrt
from libc.stdlib cimport calloc, free

from mgconv.native cimport runtime
from mgconv.native.buffers cimport WRITE

cdef enum:
    TASK = 65536                      # numbers a task, about: 5 to 20 us
    TWICE = 32768                     # of a task that reads them twice: they stay in the cache
    PAIRS = 16384                     # of random numbers a task
    ONE = 0x3f800000                  # the bits of 1.0 in float32

LOWER = (1 << 64) - 1


ctypedef fused real:
    float
    double


cdef struct Job:
    Py_ssize_t rows, columns, itemsize, chunk, chunks
    const runtime.mg_activation_kernels *activation
    const runtime.mg_norm_kernels *norm
    runtime.mg_norm_columns by_column
    runtime.mg_norm_rows by_row
    bint to_x
    double factor
    int function
    double a, b
    void (*pointwise)(int f, const void *x, void *y, Py_ssize_t count, double a, double b) noexcept nogil
    char *x
    char *y
    char *dy
    char *first                       # a row of numbers for each chunk, and another
    char *second


cdef inline Py_ssize_t rows_of(const Job *j, Py_ssize_t index) noexcept nogil:
    return min(j.chunk, j.rows - index * j.chunk)


cdef inline Py_ssize_t start_of(const Job *j, Py_ssize_t index) noexcept nogil:
    return index * j.chunk * j.columns * j.itemsize


cdef inline Py_ssize_t result_of(const Job *j, Py_ssize_t index) noexcept nogil:
    return index * j.columns * j.itemsize


cdef class _Rowwise(runtime.Call):
    """Arrays of one job, and memory for what its chunks leave."""
    cdef Job job
    cdef tuple arrays                 # keeps the memory alive
    cdef double *memory

    cdef take(self, x, tuple likewise, tuple vectors, Py_ssize_t task, Py_ssize_t numbers):
        """Lay the job out for `x` (rows, columns), arrays of its shape, and vectors of its columns, any of which may be
        None; and `numbers` doubles beside what the chunks leave."""
        cdef Job *j = &self.job
        j.rows, j.columns = x.shape
        j.itemsize = x.dtype.itemsize
        for shape, arrays in (x.shape, (x, *likewise)), (x.shape[1:], vectors):
            for array in arrays:
                if array is not None and (
                        array.dtype != x.dtype or array.shape != shape or not array.flags.c_contiguous):
                    raise ValueError(f"the array must be contiguous, of one shape and dtype with others: {shape}, "
                                     f"{x.dtype}. Received: {array.shape}, {array.dtype}.")
        j.chunk = max(1, task // max(1, j.columns))
        j.chunks = (j.rows + j.chunk - 1) // j.chunk
        self.arrays = (x, *likewise, *vectors)
        self.seconds = 4e-11 * j.itemsize * j.rows * j.columns
        free(self.memory)
        self.memory = <double *>calloc(2 * (j.chunks + 1) * j.columns + numbers + 1, 8)
        if self.memory == NULL:
            raise MemoryError()
        j.first = <char *>(self.memory + numbers)
        j.second = j.first + (j.chunks + 1) * j.columns * j.itemsize
        j.activation = runtime.active_isa().activation[j.itemsize == 8]
        j.norm = runtime.active_isa().norm[j.itemsize == 8]

    def __dealloc__(self):
        free(self.memory)


cdef class ReluGrad(_Rowwise):
    """Bound to y, dy (rows, columns) and sums (columns): a call does dy = y > 0 ? dy : 0, sums = dy summed by column.

    All are C-contiguous and of one dtype, float32 or float64.
    """
    cdef char *sums

    def __init__(self, y, dy, sums):
        self.take(y, (dy,), (sums,), TASK, 0)
        self.job.y, self.job.dy, self.sums = address(y), address(dy), address(sums)

    cdef bint run(self) noexcept nogil:
        cdef Job *j = &self.job
        if j.chunks == 1:
            j.activation.relu_grad(j.y, j.dy, self.sums, j.rows, j.columns)
        else:
            runtime.run_job(relu_task, j, j.chunks, self.seconds)
            add(j, j.first, self.sums)
        return True


cdef void relu_task(void *context, Py_ssize_t index) noexcept nogil:
    cdef Job *j = <Job *>context
    j.activation.relu_grad(j.y + start_of(j, index), j.dy + start_of(j, index), j.first + result_of(j, index),
                           rows_of(j, index), j.columns)


cdef class Drop(_Rowwise):
    """Bound to x, kept and y, of one shape (rows, columns): a call does y = kept > 0 ? x factor : 0."""

    def __init__(self, x, kept, y, double factor):
        self.take(x, (kept, y), (), TASK, 0)
        self.job.x, self.job.dy, self.job.y, self.job.factor = address(x), address(kept), address(y), factor

    cdef bint run(self) noexcept nogil:
        runtime.run_job(drop_task, &self.job, self.job.chunks, self.seconds)
        return True


cdef void drop_task(void *context, Py_ssize_t index) noexcept nogil:
    cdef Job *j = <Job *>context
    cdef Py_ssize_t start = start_of(j, index)
    j.activation.drop(j.x + start, j.dy + start, j.y + start, rows_of(j, index) * j.columns, j.factor)


FUNCTIONS = {"leaky_relu": runtime.MG_LEAKY_RELU, "elu": runtime.MG_ELU, "sigmoid": runtime.MG_SIGMOID,
             "tanh": runtime.MG_TANH, "silu": runtime.MG_SILU}


cdef class Pointwise(_Rowwise):
    """Bound to x and y of one shape (rows, columns): a call does y = f(x) for the `function` of src_c/pointwise.h, with
    parameters a and b; with `back`, y holds a gradient and becomes y f', and x what the kernel asks for.
    """

    def __init__(self, str function, x, y, double a, double b, bint back):
        self.take(x, (y,), (), TASK // 4, 0)
        self.seconds *= 4
        cdef Job *j = &self.job
        j.x, j.y, j.function, j.a, j.b = address(x), address(y), FUNCTIONS[function], a, b
        j.pointwise = runtime.active_isa().pointwise[j.itemsize == 8].turn if back else (
            runtime.active_isa().pointwise[j.itemsize == 8].apply)

    cdef bint run(self) noexcept nogil:
        runtime.run_job(pointwise_task, &self.job, self.job.chunks, self.seconds)
        return True


cdef void pointwise_task(void *context, Py_ssize_t index) noexcept nogil:
    cdef Job *j = <Job *>context
    cdef Py_ssize_t start = start_of(j, index)
    j.pointwise(j.function, j.x + start, j.y + start, rows_of(j, index) * j.columns, j.a, j.b)


cdef void add(const Job *j, const char *parts, char *total) noexcept nogil:
    """total <- the sum of what all chunks left, in their order."""
    if j.itemsize == 8:
        add_rows(<const double *>parts, <double *>total, j.chunks, j.columns)
    else:
        add_rows(<const float *>parts, <float *>total, j.chunks, j.columns)


cdef void add_rows(const real *rows, real *total, Py_ssize_t count, Py_ssize_t columns) noexcept nogil:
    cdef Py_ssize_t i, j
    for j in range(columns):
        total[j] = 0
    for i in range(count):
        for j in range(columns):
            total[j] += rows[i * columns + j]


cdef char *address(array) except? NULL:
    """Where a contiguous array that stays alive begins; NULL for None."""
    cdef Py_buffer view
    if array is None:
        return NULL
    PyObject_GetBuffer(array, &view, WRITE)
    PyBuffer_Release(&view)
    return <char *>view.buf


include "rowwise_norm.pxi"
include "rowwise_random.pxi"
