# One series: from interval to interval, and along with it the tangent solution; part of delay.pyx.

cdef void first_interval(Interval *s, Job *job, const double *equation, double x0, Py_ssize_t at, void *data,
                         double *memory) noexcept nogil:
    """Solves a piece of the interval after the history, which is found at `at`. One that is no constant is known by
    values alone, on a finer grid."""
    cdef const double *history = job.history + at
    cdef Py_ssize_t i
    cdef Interval fine
    if job.constant:
        for i in range(s.n + 1):
            s.x[i] = history[0]
        evaluate(s, job, data)
        s.x[0] = x0
        solve(s, job.kernels, job.derivative)
        return
    begin(&fine, job, equation, s.length, s.n * job.refinement, memory)
    for i in range(fine.n + 1):
        fine.x[i] = history[i]
    evaluate(&fine, job, data)
    fine.x[0] = x0
    solve(&fine, job.kernels, False)
    for i in range(s.n + 1):
        s.x[i] = fine.x[i * job.refinement]
        s.slope[i] = fine.slope[i * job.refinement]


ctypedef void (*Follow)(Job *job, Py_ssize_t index, Interval *s, double *memory) noexcept nogil


cdef void with_memory(Job *job, Py_ssize_t index, int count, Follow follow) noexcept nogil:
    """`follow` with the pieces of `count` intervals, and memory for a finer one of the history.

    They are no scratch: a user's function may call for that.
    """
    cdef const Py_ssize_t *grid = job.grids + index * job.grid_columns
    cdef Py_ssize_t pieces = grid[PIECES], fine = 0, size = 0, i, n
    cdef char *memory
    cdef double *numbers
    cdef Interval *s
    for i in range(pieces):
        n = grid[NODES + i * PIECE]
        size += count * pitch(n)
        if not job.constant:
            fine = max(fine, pitch(n * job.refinement))
    size = ARRAYS * (size + fine) * sizeof(double)
    memory = <char *>malloc(size + count * pieces * sizeof(Interval) + LINE)
    if memory == NULL:
        job.failures[index] = -1.0
        return
    numbers = <double *>(memory + (-<Py_ssize_t>memory & (LINE - 1)))
    s = <Interval *>(<char *>numbers + size)
    for i in range(count * pieces):
        n = grid[NODES + i % pieces * PIECE]
        begin(&s[i], job, job.equations + index * job.equation_columns,
              job.lengths[index * job.most_pieces + i % pieces], n, numbers)
        if i % pieces:
            s[i].start = s[i - 1].start + s[i - 1].length
        numbers += ARRAYS * pitch(n)
    follow(job, index, s, numbers)
    free(memory)


cdef void series_task(void *context, Py_ssize_t index) noexcept nogil:
    with_memory(<Job *>context, index, 1, follow_series)


cdef void tangent_task(void *context, Py_ssize_t index) noexcept nogil:
    with_memory(<Job *>context, index, 2, follow_tangent)


cdef bint grew(Job *job, Py_ssize_t index, const Interval *s, Py_ssize_t interval, double end) noexcept nogil:
    """Whether a piece is not finite before time `end`; then that is noted."""
    cdef Py_ssize_t bad = first_not_finite(s)
    if bad < 0 or interval * s.tau + s.start + (bad - 3) * s.h > end:     # not where no sample looks
        return False
    job.failures[index] = interval * s.tau + s.start + bad * s.h
    return True


cdef void follow_series(Job *job, Py_ssize_t index, Interval *s, double *memory) noexcept nogil:
    cdef const double *equation = job.equations + index * job.equation_columns
    cdef const Py_ssize_t *grid = job.grids + index * job.grid_columns
    cdef void *data = data_of(job, equation)
    cdef Py_ssize_t pieces = grid[PIECES], interval = 0, nodes = 0, i
    cdef Samples samples = job.samples
    cdef double end = samples.start + (samples.count - 1) * samples.dt, x0 = equation[START]
    samples.out += index * samples.count
    samples.stride = grid[STRIDE]
    samples.node = grid[FIRST]
    while True:
        for i in range(pieces):
            if interval == 0:
                first_interval(&s[i], job, equation, x0, grid[HISTORY + i * PIECE], data, memory)
            else:
                evaluate(&s[i], job, data)
                s[i].x[0] = x0
                solve(&s[i], job.kernels, job.derivative)
            x0 = s[i].x[s[i].n]
            if grew(job, index, &s[i], interval, end):
                return
            take(&samples, &s[i], interval)
            if samples.taken == samples.count:
                return
            nodes += s[i].n
        interval += 1
        if nodes >= LOOK:
            nodes = 0
            if runtime.job_ends():
                return


cdef void follow_tangent(Job *job, Py_ssize_t index, Interval *s, double *memory) noexcept nogil:
    """Solves the tangent equation y'(t) = g'(x(t - tau)) y(t - tau) - b y(t) along x.

    It is of the same form with G = g'(x) y, whose derivative would take g'': so its quadrature is by values. After each
    interval y is divided by its root mean square there, which is the norm that is kept.
    """
    cdef const double *equation = job.equations + index * job.equation_columns
    cdef const Py_ssize_t *grid = job.grids + index * job.grid_columns
    cdef void *data = data_of(job, equation)
    cdef double *norms = job.norms + index * job.intervals
    cdef Py_ssize_t n = grid[NODES], interval, nodes = 0, i
    cdef Interval *t = s + 1
    cdef double norm
    first_interval(s, job, equation, equation[START], grid[HISTORY], data, memory)
    t.x[0] = 1.0
    for interval in range(job.intervals):
        solve(t, job.kernels, False)
        if grew(job, index, s, interval, INFINITY):
            return
        norm = 0.0
        for i in range(n + 1):
            norm += t.x[i] * t.x[i]
        norm = sqrt(norm / (n + 1))
        norms[interval] = norm
        job.function(n + 1, s.x, s.g, s.dg, data)
        for i in range(n + 1):
            t.g[i] = s.dg[i] * (t.x[i] / norm)
        job.kernels.scale(n + 1, s.slope, s.dg)
        t.x[0] = t.x[n] / norm
        s.x[0] = s.x[n]
        solve(s, job.kernels, True)
        nodes += n
        if nodes >= LOOK:
            nodes = 0
            if runtime.job_ends():
                return
