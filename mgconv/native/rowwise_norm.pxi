# Normalization of columns and of rows, forward and back; part of rowwise.pyx.

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
