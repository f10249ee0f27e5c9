"""The gradient of a ReLU, with the bias's gradient from the same pass; see src_c/activation.h."""
from libc.stdlib cimport free, malloc

from mgconv.native cimport runtime

cdef enum:
    TASK = 65536                      # numbers a task, about: 5 to 20 us


cdef struct Job:
    const runtime.mg_activation_kernels *kernels
    char *y
    char *dy
    char *sums
    char *partial                     # a row of sums for each chunk
    Py_ssize_t rows, columns, chunk, itemsize


cdef void run_chunk(void *context, Py_ssize_t index) noexcept nogil:
    cdef Job *j = <Job *>context
    cdef Py_ssize_t first = index * j.chunk, row = j.columns * j.itemsize
    j.kernels.relu_grad(j.y + first * row, j.dy + first * row, j.partial + index * row, min(j.chunk, j.rows - first),
                        j.columns)


cdef class ReluGrad:
    """Bound to y, dy (rows, columns) and sums (columns): a call does dy = y > 0 ? dy : 0, sums = dy summed by column.

    All are C-contiguous and of one dtype, float32 or float64. The rows are cut into chunks by the shape alone and the
    chunks' sums are added in order, so that the number of threads changes no bit.
    """
    cdef Job job
    cdef tuple arrays                 # keeps the memory alive

    def __init__(self, y, dy, sums):
        if y.shape != dy.shape or y.shape[1:] != sums.shape or not y.dtype == dy.dtype == sums.dtype:
            raise ValueError("`y` and `dy` must have one shape, `sums` one number a column, all of one dtype. "
                             f"Received: {y.shape} {y.dtype}, {dy.shape} {dy.dtype}, {sums.shape} {sums.dtype}.")
        cdef Job *j = &self.job
        self.arrays = (y, dy, sums)
        j.rows, j.columns = y.shape
        j.itemsize = y.dtype.itemsize
        j.chunk = max(1, TASK // max(1, j.columns))
        j.y, j.dy, j.sums = address(y), address(dy), address(sums.reshape(1, -1))
        free(j.partial)
        j.partial = <char *>malloc((j.rows // j.chunk + 1) * j.columns * j.itemsize)
        if j.partial == NULL:
            raise MemoryError()
        j.kernels = runtime.active_isa().activation[j.itemsize == 8]

    def __dealloc__(self):
        free(self.job.partial)

    def __call__(self):
        cdef Job *j = &self.job
        cdef Py_ssize_t chunks = (j.rows + j.chunk - 1) // j.chunk
        if chunks == 1:
            j.kernels.relu_grad(j.y, j.dy, j.sums, j.rows, j.columns)
        else:
            runtime.parallel_for(run_chunk, j, chunks, 1.5e-10 * j.rows * j.columns)
            runtime.check_memory(True)
            if j.itemsize == 8:
                add_rows(<double *>j.partial, <double *>j.sums, chunks, j.columns)
            else:
                add_rows(<float *>j.partial, <float *>j.sums, chunks, j.columns)


ctypedef fused real:
    float
    double


cdef void add_rows(real *rows, real *total, Py_ssize_t count, Py_ssize_t columns) noexcept nogil:
    cdef Py_ssize_t i, j
    for j in range(columns):
        total[j] = 0
    for i in range(count):
        for j in range(columns):
            total[j] += rows[i * columns + j]


cdef char *address(array) except? NULL:
    cdef float[:, ::1] f32
    cdef double[:, ::1] f64
    if array.dtype.itemsize == 8:
        f64 = array
        return <char *>&f64[0, 0]
    f32 = array
    return <char *>&f32[0, 0]
