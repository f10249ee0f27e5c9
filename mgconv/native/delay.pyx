"""The loops of the delay integrator: over series, over intervals of length tau, over samples.

src_c/delay.h has the method. A job holds what its series share. Each series is one task: it owns the arrays of one
interval and goes from interval to interval alone, so neither threads nor the order of tasks can change a bit. Vectors
run along time in ensembles too: lanes across series would save work in the scan, but round differently from one series.
"""
import warnings

import numpy as np

from libc.math cimport INFINITY, NAN, floor, isfinite, sqrt
from libc.stdlib cimport free, malloc
from libc.string cimport memset

from mgconv.native cimport runtime
from mgconv.native.caches cimport LINE

MACKEY_GLASS = runtime.MG_DELAY_MACKEY_GLASS
MACKEY_GLASS_REAL = runtime.MG_DELAY_MACKEY_GLASS_REAL
SINE = runtime.MG_DELAY_SINE
RICKER = runtime.MG_DELAY_RICKER
EXPONENTIAL = runtime.MG_DELAY_EXPONENTIAL

cdef double MUCH = 3600               # seconds of work, which may be a slip of the keyboard

cdef enum:
    ARRAYS = 5                        # x, g, dg, slope, q
    LOOK = 4096                       # nodes, after which it looks for an interrupt
    TAU = 0                           # columns of the table of equations
    DECAY = 1
    START = 2
    PARAMETERS = 3
    STRIDE = 0                        # columns of the table of grids, and then NODES and HISTORY of each piece
    FIRST = 1
    PIECES = 2
    NODES = 3
    HISTORY = 4
    PIECE = 2


# One interval of one series, or a piece of it between two jumps: n steps, n + 1 nodes.
cdef struct Interval:
    Py_ssize_t n
    double start, length              # in time, from the interval's start on
    double h, tau, b
    runtime.mg_delay_weights weights
    double *x                         # the solution at the nodes
    double *g                         # g(x(t - tau)), after `evaluate` g(x(t)) for the next interval
    double *dg                        # its derivative in time; NULL where the function has none
    double *slope                     # x'
    double *q                         # the integrals over the steps


# Where samples are taken: every `stride` nodes from node `node` on, or anywhere (stride 0) at start + dt * taken.
cdef struct Samples:
    double *out
    Py_ssize_t count, taken, stride, node
    double start, dt


cdef struct Job:
    const runtime.mg_delay_kernels *kernels
    runtime.mg_delay_function function
    void *data                        # what a user's function gets; those of the table get their row of `equations`
    bint user
    bint derivative                   # the function gives g' too
    const double *equations
    Py_ssize_t equation_columns
    const Py_ssize_t *grids
    Py_ssize_t grid_columns
    const double *lengths             # of the pieces of an interval, a row a series
    Py_ssize_t most_pieces
    const double *history
    bint constant                     # one number a series, else refinement * n + 1 values on [-tau, 0]
    Py_ssize_t refinement
    Samples samples
    double *norms                     # of the tangent solution, interval by interval
    Py_ssize_t intervals
    double *failures                  # the time at which a series stopped being finite, else not a number


cdef Py_ssize_t pitch(Py_ssize_t n) noexcept nogil:
    return 2 * runtime.MG_DELAY_PAD + (n + 8) // 8 * 8


cdef void begin(Interval *s, Job *job, const double *equation, double length, Py_ssize_t n,
                double *memory) noexcept nogil:
    """Lays the arrays into `memory` (ARRAYS * pitch(n) numbers), all zero, and makes the weights."""
    cdef Py_ssize_t size = pitch(n)
    memset(memory, 0, ARRAYS * size * sizeof(double))
    s.n = n
    s.start, s.length, s.tau = 0, length, equation[TAU]
    s.b = equation[DECAY]
    s.h = length / n
    memory += runtime.MG_DELAY_PAD
    s.x = memory
    s.g = memory + size
    s.dg = memory + 2 * size if job.derivative else NULL
    s.slope = memory + 3 * size
    s.q = memory + 4 * size
    job.kernels.make_weights(s.h, s.b, &s.weights)


cdef void solve(Interval *s, const runtime.mg_delay_kernels *k, bint hermite) noexcept nogil:
    """x and x' on the interval, from g (and dg) and x[0]."""
    if hermite:
        k.hermite(s.n, &s.weights, s.g, s.dg, s.q)
    else:
        k.values(s.n, &s.weights, s.g, s.q)
    k.scan(s.n, &s.weights, s.b, s.q, s.g, s.x, s.slope)


cdef void evaluate(Interval *s, Job *job, void *data) noexcept nogil:
    """g and dg for the next interval, from x and x'."""
    job.function(s.n + 1, s.x, s.g, s.dg, data)
    if s.dg != NULL:
        job.kernels.scale(s.n + 1, s.slope, s.dg)


cdef Py_ssize_t first_not_finite(const Interval *s) noexcept nogil:
    """The first node whose x is not finite, or -1. Every chain of the scan carries such an x on to the last 8 nodes."""
    cdef Py_ssize_t i
    cdef double sum = 0.0
    for i in range(s.n - 7, s.n + 1):
        sum += s.x[i] * 0.0
    if sum == 0.0:
        return -1
    for i in range(s.n + 1):
        if not isfinite(s.x[i]):
            return i
    return -1


cdef double between(const Interval *s, double position) noexcept nogil:
    """x at `position` in steps: the polynomial of degree 7 through x and x' at four nodes of the interval."""
    cdef Py_ssize_t first = <Py_ssize_t>floor(position) - 1
    first = max(0, min(first, s.n - 3))
    cdef double u = position - first
    cdef double u1 = u - 1.0, u2 = u - 2.0, u3 = u - 3.0
    cdef const double *x = s.x + first
    cdef const double *v = s.slope + first
    cdef double l0 = u1 * u2 * u3 / 6.0, l1 = u * u2 * u3 / 2.0, l2 = u * u1 * u3 / 2.0, l3 = u * u1 * u2 / 6.0
    return (l0 * l0 * (x[0] + u * (11.0 / 3.0 * x[0] + s.h * v[0]))
            + l1 * l1 * (x[1] + u1 * (x[1] + s.h * v[1]))
            + l2 * l2 * (x[2] - u2 * (x[2] - s.h * v[2]))
            + l3 * l3 * (x[3] - u3 * (11.0 / 3.0 * x[3] - s.h * v[3])))


cdef void take(Samples *samples, const Interval *s, Py_ssize_t interval) noexcept nogil:
    """Writes the samples that lie in the piece of the interval, both its ends included."""
    cdef Py_ssize_t node
    cdef double time
    if samples.stride:
        node = samples.node - interval * s.n
        while node <= s.n and samples.taken < samples.count:
            samples.out[samples.taken] = s.x[node]
            samples.taken += 1
            node += samples.stride
        samples.node = node + interval * s.n
        return
    while samples.taken < samples.count:
        time = samples.start + samples.taken * samples.dt - interval * s.tau - s.start
        if time > s.length:
            return
        samples.out[samples.taken] = between(s, min(max(time / s.h, 0.0), <double>s.n))
        samples.taken += 1


cdef void *data_of(const Job *job, const double *equation) noexcept nogil:
    return job.data if job.user else <void *>(equation + PARAMETERS)


include "delay_series.pxi"


cdef class PythonFunction:
    """A user's g and g', called with an array once an interval, in the form of the kernels' functions.

    What it raises is kept: g is not a number from then on, which ends the integration.
    """
    cdef object g, dg
    cdef readonly object error

    def __init__(self, g, dg=None):
        self.g = g
        self.dg = dg

    cdef call(self, function, str name, Py_ssize_t n, const double *x, double *out):
        cdef const double[::1] values
        cdef Py_ssize_t i
        argument = np.array(<const double[:n]>x)
        result = np.ascontiguousarray(function(argument), dtype=np.float64)
        if result.shape != argument.shape:
            raise ValueError(f"`{name}` must return an array of its argument's shape. "
                             f"Received: shape {result.shape} for {argument.shape}.")
        values = result
        for i in range(n):
            out[i] = values[i]


cdef void call_python(Py_ssize_t n, const double *x, double *g, double *dg, void *data) noexcept with gil:
    cdef PythonFunction function = <PythonFunction>data
    cdef Py_ssize_t i
    runtime.python_runs()
    try:
        if function.error is None:
            function.call(function.g, "g", n, x, g)
            if dg != NULL:
                function.call(function.dg, "dg", n, x, dg)
            return
    except BaseException as error:
        function.error = error
    for i in range(n):
        g[i] = NAN


cdef class Problem:
    """Delay equations of one kind, bound to their functions, parameters, grids and histories.

    Parameters
    ----------
    function : int, tuple or PythonFunction
        Which function of src_c/delay.h; or the addresses (function, user data) of a compiled one.
    derivative : bool
        Whether the function gives g' too.
    equations : float64 array, a row a series
        tau, b, x(0) and the function's parameters.
    grids : intp array, a row a series
        Stride and first node of the samples (stride 0: not on nodes), the number of pieces of an interval, and for each
        piece its steps and its index in `history`.
    lengths : float64 array, a row a series
        Of the pieces.
    history : float64 array
        One number a series if `constant`, else values on [-tau, 0], `refinement` of them a step.
    """
    cdef Job job
    cdef Py_ssize_t count, nodes
    cdef object function, failures
    cdef const double[:, ::1] equations
    cdef const Py_ssize_t[:, ::1] grids
    cdef const double[:, ::1] lengths
    cdef const double[::1] history

    def __init__(self, function, bint derivative, const double[:, ::1] equations, const Py_ssize_t[:, ::1] grids,
                 const double[:, ::1] lengths, const double[::1] history, bint constant, Py_ssize_t refinement):
        self.function = function
        self.equations = equations
        self.grids = grids
        self.lengths = lengths
        self.history = history
        self.count = equations.shape[0]
        self.job.kernels = runtime.active_isa().delay
        self.job.derivative = derivative
        self.job.equations = &equations[0, 0]
        self.job.equation_columns = equations.shape[1]
        self.job.grids = &grids[0, 0]
        self.job.grid_columns = grids.shape[1]
        self.job.lengths = &lengths[0, 0]
        self.job.most_pieces = lengths.shape[1]
        self.job.history = &history[0]
        self.job.constant = constant
        self.job.refinement = refinement
        if isinstance(function, PythonFunction):
            self.job.user = True
            self.job.function = call_python
            self.job.data = <void *>function
        elif isinstance(function, tuple):
            self.job.user = True
            self.job.function = <runtime.mg_delay_function><size_t>function[0]
            self.job.data = <void *><size_t>function[1]
        else:
            self.job.function = self.job.kernels.functions[<int>function]

    cdef run(self, runtime.mg_task task, double seconds):
        cdef double[::1] failures = np.full(self.count, np.nan)
        self.job.failures = &failures[0]
        if seconds > MUCH:
            warnings.warn(f"this needs about {seconds / 3600:.0f} hours of one processor", RuntimeWarning, stacklevel=3)
        if isinstance(self.function, PythonFunction):
            seconds = 0.0             # threads would only wait for each other
        runtime.parallel_for(task, &self.job, self.count, seconds)
        runtime.check_memory(True)
        if isinstance(self.function, PythonFunction) and self.function.error is not None:
            raise self.function.error
        self.job.failures = NULL
        return np.asarray(failures)

    def sample(self, double start, double dt, double[:, ::1] out):
        """Fills each row of `out` with x(start), x(start + dt), ...; returns times of failure, else not a number."""
        if out.shape[1] == 0:
            return np.full(self.count, np.nan)
        self.job.samples.out = &out[0, 0]
        self.job.samples.count = out.shape[1]
        self.job.samples.start = start
        self.job.samples.dt = dt
        return self.run(series_task, 2e-9 * self.count * self.nodes_until(start + dt * out.shape[1]))

    def tangent_norms(self, double[:, ::1] out):
        """Fills each row of `out` with the growth of the tangent solution over each interval; returns as `sample`."""
        self.job.norms = &out[0, 0]
        self.job.intervals = out.shape[1]
        return self.run(tangent_task, 4e-9 * self.count * self.nodes_until(out.shape[1] * self.equations[0, TAU]))

    cdef double nodes_until(self, double time):
        if not self.count:
            return 0
        return time / self.equations[0, TAU] * self.grids[0, NODES] * self.grids[0, PIECES]


def exponential(double[::1] values):
    """Replaces `values` by e^values, with the same bits on every machine."""
    cdef double[3] parameters = [1.0, -1.0, 0.0]
    cdef double[32] x, g, dg
    cdef Py_ssize_t start, i, count
    cdef runtime.mg_delay_function function = runtime.active_isa().delay.functions[runtime.MG_DELAY_EXPONENTIAL]
    with nogil:
        for start in range(0, values.shape[0], 32):
            count = min(32, values.shape[0] - start)
            for i in range(32):
                x[i] = values[start + i] if i < count else 0.0
            function(32, x, g, dg, parameters)
            for i in range(count):
                values[start + i] = g[i]
