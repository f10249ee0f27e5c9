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


cdef class _Rowwise:
    """Arrays of one job, and memory for what its chunks leave."""
    cdef Job job
    cdef tuple arrays                 # keeps the memory alive
    cdef double *memory
    cdef double seconds               # a number of the array, about

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

    def __call__(self):
        cdef Job *j = &self.job
        if j.chunks == 1:
            j.activation.relu_grad(j.y, j.dy, self.sums, j.rows, j.columns)
            return
        runtime.parallel_for(relu_task, j, j.chunks, self.seconds)
        runtime.check_memory(True)
        add(j, j.first, self.sums)


cdef void relu_task(void *context, Py_ssize_t index) noexcept nogil:
    cdef Job *j = <Job *>context
    j.activation.relu_grad(j.y + start_of(j, index), j.dy + start_of(j, index), j.first + result_of(j, index),
                           rows_of(j, index), j.columns)


cdef class Drop(_Rowwise):
    """Bound to x, kept and y, of one shape (rows, columns): a call does y = kept > 0 ? x factor : 0."""

    def __init__(self, x, kept, y, double factor):
        self.take(x, (kept, y), (), TASK, 0)
        self.job.x, self.job.dy, self.job.y, self.job.factor = address(x), address(kept), address(y), factor

    def __call__(self):
        runtime.parallel_for(drop_task, &self.job, self.job.chunks, self.seconds)
        runtime.check_memory(True)


cdef void drop_task(void *context, Py_ssize_t index) noexcept nogil:
    cdef Job *j = <Job *>context
    cdef Py_ssize_t start = start_of(j, index)
    j.activation.drop(j.x + start, j.dy + start, j.y + start, rows_of(j, index) * j.columns, j.factor)


cdef struct Draw:
    runtime.mg_pcg64 start
    runtime.uint64_t least
    runtime.uint32_t *kept
    Py_ssize_t pairs


cdef void draw_task(void *context, Py_ssize_t index) noexcept nogil:
    cdef Draw *d = <Draw *>context
    cdef runtime.mg_pcg64 generator = d.start
    runtime.pcg64_advance(&generator, index * PAIRS)
    runtime.pcg64_chances(&generator, d.least, d.kept + 2 * index * PAIRS, min(PAIRS, d.pairs - index * PAIRS))


def draw(generator, double rate, out):
    """out <- generator.random(out.shape, "float32") >= rate, as 0.0 and 1.0, and the generator is where that leaves it.

    `out` is C-contiguous, of dtype float32. All threads draw from NumPy's default generator at once.
    """
    cdef Draw d
    cdef Py_ssize_t size = out.size
    cdef int before, left
    cdef runtime.uint64_t bits
    source = generator.bit_generator
    with source.lock:
        whole = source.state
        if whole["bit_generator"] == "PCG64" and size:
            state, inc = whole["state"]["state"], whole["state"]["inc"]
            d.start.state[0], d.start.state[1] = state & LOWER, state >> 64
            d.start.inc[0], d.start.inc[1] = inc & LOWER, inc >> 64
            # NumPy's number is the upper 24 of 32 bits, over 2^24; it compares with the float32 next to the rate
            d.least = <runtime.uint64_t>ceil(<double><float>rate * 16777216) << 8
            d.kept = <runtime.uint32_t *>address(out)
            before = whole["has_uint32"]            # half of a step was left over
            if before:
                d.kept[0] = ONE if <runtime.uint64_t>whole["uinteger"] >= d.least else 0
            d.kept, d.pairs, left = d.kept + before, (size - before) // 2, (size - before) % 2
            runtime.parallel_for(draw_task, &d, (d.pairs + PAIRS - 1) // PAIRS, 1e-9 * d.pairs)
            runtime.check_memory(True)
            if d.pairs:
                runtime.pcg64_advance(&d.start, d.pairs - 1)
                whole["uinteger"] = runtime.pcg64_next(&d.start) >> 32
            if left:
                bits = runtime.pcg64_next(&d.start)
                d.kept[2 * d.pairs] = ONE if (bits & 0xffffffff) >= d.least else 0
                whole["uinteger"] = bits >> 32
            whole["has_uint32"] = left
            whole["state"]["state"] = <object>d.start.state[1] << 64 | d.start.state[0]
            source.state = whole
            return
    out[...] = generator.random(out.shape, "f4") >= <float>rate


FUNCTIONS = {"leaky_relu": runtime.MG_LEAKY_RELU, "elu": runtime.MG_ELU, "sigmoid": runtime.MG_SIGMOID,
             "tanh": runtime.MG_TANH, "silu": runtime.MG_SILU}


cdef class Pointwise(_Rowwise):
    """Bound to x and y of one shape (rows, columns): a call does y = f(x) for the `function` of src_c/pointwise.h, with
    parameters a and b; with `back`, y holds a gradient and becomes y f', and x what the kernel asks for.
    """

    def __init__(self, str function, x, y, double a, double b, bint back):
        self.take(x, (y,), (), TASK // 4, 0)
        cdef Job *j = &self.job
        j.x, j.y, j.function, j.a, j.b = address(x), address(y), FUNCTIONS[function], a, b
        j.pointwise = runtime.active_isa().pointwise[j.itemsize == 8].turn if back else (
            runtime.active_isa().pointwise[j.itemsize == 8].apply)

    def __call__(self):
        runtime.parallel_for(pointwise_task, &self.job, self.job.chunks, 4 * self.seconds)
        runtime.check_memory(True)


cdef void pointwise_task(void *context, Py_ssize_t index) noexcept nogil:
    cdef Job *j = <Job *>context
    cdef Py_ssize_t start = start_of(j, index)
    j.pointwise(j.function, j.x + start, j.y + start, rows_of(j, index) * j.columns, j.a, j.b)


cdef class ColumnNorm(_Rowwise):
    """Bound to x, y (rows, columns) and vectors of a number a column: y = gamma (x - mean) / sqrt(variance +
    epsilon) + beta, and max(y, 0) if `relu`.

    With `by_batch`, mean and variance are those of x, and the arrays `mean` and `variance` move towards them: m =
    momentum m + (1 - momentum) now. Else they are what these arrays hold. `dy` holds the gradient to y, and becomes
    that to x in place if `to_x`. Arrays of what is not there or not wanted are None.
    """
    cdef char *dgamma
    cdef char *dbeta
    cdef char *gamma
    cdef char *beta
    cdef char *mean
    cdef char *variance
    cdef double epsilon, momentum
    cdef bint by_batch

    def __init__(self, x, y, dy, gamma, beta, mean, variance, dgamma, dbeta, double epsilon, double momentum,
                 bint by_batch, bint relu, bint to_x):
        self.take(x, (y, dy), (gamma, beta, mean, variance, dgamma, dbeta), TWICE, 8 * x.shape[1])
        cdef Job *j = &self.job
        j.x, j.y, j.dy = address(x), address(y), address(dy)
        self.gamma, self.beta = address(gamma), address(beta)
        self.mean, self.variance = address(mean), address(variance)
        self.dgamma, self.dbeta = address(dgamma), address(dbeta)
        self.epsilon, self.momentum, self.by_batch, j.to_x = epsilon, momentum, by_batch, to_x
        # vectors in the arrays' dtype, behind three of doubles: mean, inverse and variance
        cdef char *vectors = <char *>(self.memory + 3 * j.columns)
        cdef Py_ssize_t size = j.columns * j.itemsize
        j.by_column.columns, j.by_column.relu = j.columns, relu
        j.by_column.mean, j.by_column.factor, j.by_column.offset = vectors, vectors + size, vectors + 2 * size
        j.by_column.slope, j.by_column.shift = vectors + 3 * size, vectors + 4 * size

    def forward(self):
        cdef Job *j = &self.job
        if j.rows == 0:
            return
        if self.by_batch:
            runtime.parallel_for(moments_task, j, j.chunks, 2 * self.seconds)
            runtime.check_memory(True)
        if j.itemsize == 8:
            self.settle(<double *>j.first)
        else:
            self.settle(<float *>j.first)
        runtime.parallel_for(scale_task, j, j.chunks, self.seconds)
        runtime.check_memory(True)

    def backward(self):
        cdef Job *j = &self.job
        if self.by_batch:
            runtime.parallel_for(sums_task, j, j.chunks, self.seconds)
            runtime.check_memory(True)
            add(j, j.first, j.first + result_of(j, j.chunks))
            add(j, j.second, j.second + result_of(j, j.chunks))
        if j.itemsize == 8:
            self.settle_back(<double *>j.first)
        else:
            self.settle_back(<float *>j.first)
        if j.to_x:
            runtime.parallel_for(turn_task, j, j.chunks, self.seconds)
            runtime.check_memory(True)

    cdef void settle(self, real *unused) noexcept:
        """From what the chunks found, or the given statistics: mean, factor and offset of each column."""
        cdef Job *j = &self.job
        cdef Py_ssize_t c, i, n = j.columns
        cdef double *mean = self.memory
        cdef double *inverse = mean + n
        cdef double *variance = inverse + n
        cdef real *means = <real *>j.first
        cdef real *squares = <real *>j.second
        cdef real *given_mean = <real *>self.mean
        cdef real *given_variance = <real *>self.variance
        cdef real *vectors = <real *>(variance + n)
        cdef double away, factor
        for c in range(n):
            mean[c] = 0 if self.by_batch else given_mean[c]
            variance[c] = 0 if self.by_batch else given_variance[c]
        if self.by_batch:
            for i in range(j.chunks):
                for c in range(n):
                    mean[c] += rows_of(j, i) * <double>means[i * n + c]
            for c in range(n):
                mean[c] /= j.rows
            for i in range(j.chunks):
                for c in range(n):
                    away = means[i * n + c] - mean[c]
                    variance[c] += squares[i * n + c] + rows_of(j, i) * away * away
            for c in range(n):
                variance[c] /= j.rows
                given_mean[c] = <real>(self.momentum * given_mean[c] + (1 - self.momentum) * mean[c])
                given_variance[c] = <real>(self.momentum * given_variance[c] + (1 - self.momentum) * variance[c])
        for c in range(n):
            inverse[c] = 1 / sqrt(variance[c] + self.epsilon)
            factor = inverse[c] * (1 if self.gamma == NULL else (<real *>self.gamma)[c])
            vectors[c], vectors[n + c] = <real>mean[c], <real>factor
            vectors[2 * n + c] = <real>0 if self.beta == NULL else (<real *>self.beta)[c]

    cdef void settle_back(self, real *unused) noexcept:
        """From the sums of all chunks: the gradients of gamma and beta, and what turns dy."""
        cdef Job *j = &self.job
        cdef Py_ssize_t c, n = j.columns
        cdef double *inverse = self.memory + n
        cdef real *vectors = <real *>(self.memory + 3 * n)
        cdef real *total = <real *>(j.first + result_of(j, j.chunks))
        cdef real *turned = <real *>(j.second + result_of(j, j.chunks))
        for c in range(n):
            vectors[3 * n + c] = vectors[4 * n + c] = 0
            if not self.by_batch:
                continue
            if self.dgamma != NULL:
                (<real *>self.dgamma)[c] = <real>(turned[c] * inverse[c])
            if self.dbeta != NULL:
                (<real *>self.dbeta)[c] = total[c]
            if j.rows:
                vectors[3 * n + c] = <real>(-vectors[n + c] * inverse[c] * inverse[c] * turned[c] / j.rows)
                vectors[4 * n + c] = <real>(-<double>vectors[n + c] * total[c] / j.rows)


cdef runtime.mg_norm_columns columns_at(const Job *j, char *y, Py_ssize_t index) noexcept nogil:
    cdef runtime.mg_norm_columns part = j.by_column
    part.x, part.y, part.rows = j.x + start_of(j, index), y + start_of(j, index), rows_of(j, index)
    return part


cdef void moments_task(void *context, Py_ssize_t index) noexcept nogil:
    cdef Job *j = <Job *>context
    j.norm.moments(j.x + start_of(j, index), rows_of(j, index), j.columns, j.first + result_of(j, index),
                   j.second + result_of(j, index))


cdef void scale_task(void *context, Py_ssize_t index) noexcept nogil:
    cdef Job *j = <Job *>context
    cdef runtime.mg_norm_columns part = columns_at(j, j.y, index)
    j.norm.scale(&part)


cdef void sums_task(void *context, Py_ssize_t index) noexcept nogil:
    cdef Job *j = <Job *>context
    cdef runtime.mg_norm_columns part = columns_at(j, j.dy, index)
    j.norm.sums(&part, j.first + result_of(j, index), j.second + result_of(j, index))


cdef void turn_task(void *context, Py_ssize_t index) noexcept nogil:
    cdef Job *j = <Job *>context
    cdef runtime.mg_norm_columns part = columns_at(j, j.dy, index)
    j.norm.turn(&part)


cdef class RowNorm(_Rowwise):
    """Bound to x, y (rows, columns), gamma and beta (columns): y = gamma (x - mean) / sqrt(variance + epsilon) + beta
    with each row's mean and variance; with `rms`, y = gamma x / sqrt(variance + epsilon) + beta.

    `dy` holds the gradient to y, and becomes that to x in place if `to_x`; dgamma and dbeta may be None.
    """
    cdef char *dgamma
    cdef char *dbeta

    def __init__(self, x, y, dy, gamma, beta, dgamma, dbeta, double epsilon, bint rms, bint to_x):
        self.take(x, (y, dy), (gamma, beta, dgamma, dbeta), TWICE, 2 * x.shape[0])
        cdef Job *j = &self.job
        j.x, j.y, j.dy, j.to_x = address(x), address(y), address(dy), to_x
        self.dgamma, self.dbeta = address(dgamma), address(dbeta)
        j.by_row.columns, j.by_row.gamma, j.by_row.beta = j.columns, address(gamma), address(beta)
        j.by_row.mean, j.by_row.inverse = self.memory, self.memory + j.rows
        j.by_row.epsilon, j.by_row.rms = epsilon, rms

    def forward(self):
        runtime.parallel_for(rows_task, &self.job, self.job.chunks, 2 * self.seconds)
        runtime.check_memory(True)

    def backward(self):
        cdef Job *j = &self.job
        runtime.parallel_for(rows_grad_task, j, j.chunks, 2 * self.seconds)
        runtime.check_memory(True)
        if self.dgamma != NULL:
            add(j, j.first, self.dgamma)
        if self.dbeta != NULL:
            add(j, j.second, self.dbeta)


cdef runtime.mg_norm_rows rows_at(const Job *j, char *y, Py_ssize_t index) noexcept nogil:
    cdef runtime.mg_norm_rows part = j.by_row
    part.x, part.y, part.rows = j.x + start_of(j, index), y + start_of(j, index), rows_of(j, index)
    part.mean = <char *>part.mean + index * j.chunk * j.itemsize
    part.inverse = <char *>part.inverse + index * j.chunk * j.itemsize
    return part


cdef void rows_task(void *context, Py_ssize_t index) noexcept nogil:
    cdef Job *j = <Job *>context
    cdef runtime.mg_norm_rows part = rows_at(j, j.y, index)
    if j.columns:
        j.norm.rows(&part)


cdef void rows_grad_task(void *context, Py_ssize_t index) noexcept nogil:
    cdef Job *j = <Job *>context
    cdef runtime.mg_norm_rows part = rows_at(j, j.dy, index)
    if j.columns:
        j.norm.rows_grad(&part, j.first + result_of(j, index), j.second + result_of(j, index), j.to_x)


cdef void add(const Job *j, const char *parts, char *total) noexcept:
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
