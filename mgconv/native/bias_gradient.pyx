"""The gradient to the bias: the sum of dy over all but its last axis.

Rows are cut into parts by the shape alone, each summed by one task, and the parts are added in order: the number of
threads changes no bit.
"""
from libc.string cimport memset

from mgconv.native cimport runtime
from mgconv.native.buffers cimport READ, WRITE, Shape, Taken, fits, kind, offer, release

import numpy as np

cdef object np_empty = np.empty
cdef tuple FLOATS = (np.dtype("float32"), np.dtype("float64"))

cdef enum:
    SUM_BYTES = 64 * 1024             # of dy in one task
    SUM_PARTS = 64


cdef struct RowSum:
    const runtime.mg_conv_outer_kernels *kernels
    const char *x
    char *sums
    char *parts
    Py_ssize_t rows, columns, item, count
    double seconds


cdef void sum_rows_task(void *context, Py_ssize_t index) noexcept nogil:
    cdef RowSum *s = <RowSum *>context
    cdef Py_ssize_t first = index * s.rows // s.count, end = (index + 1) * s.rows // s.count
    s.kernels.sum_rows(s.parts + index * s.columns * s.item, s.x + first * s.columns * s.item, end - first, s.columns)


cdef RowSum lay_out(int wide, const char *x, char *sums, Py_ssize_t rows, Py_ssize_t columns) noexcept nogil:
    cdef RowSum s = RowSum(kernels=runtime.active_isa().conv_outer[wide], x=x, sums=sums, parts=sums, rows=rows,
                           columns=columns, item=8 if wide else 4, count=1, seconds=0)
    s.count = min(max(rows * columns * s.item // SUM_BYTES, 1), SUM_PARTS)
    s.seconds = rows * columns * s.item / 3e10
    return s


cdef bint sum_rows(RowSum s) noexcept nogil:
    if s.rows == 0:
        memset(s.sums, 0, s.columns * s.item)
        return True
    if s.count > 1:
        s.parts = <char *>runtime.scratch(runtime.MG_SCRATCH_JOB, s.count * s.columns * s.item)
    if s.parts != NULL:
        runtime.run_job(sum_rows_task, &s, s.count, s.seconds)
        if s.count > 1:
            s.kernels.add_parts(s.sums, s.parts, s.columns, s.count, s.columns)
            runtime.scratch_end(runtime.MG_SCRATCH_JOB)
    return s.parts != NULL


cdef find_sums(Taken *taken, dy, db, RowSum *s):
    """`db`, or a new array, with `s` laid out for it; None if `taken` is not strict and something does not fit."""
    cdef Py_buffer *view
    cdef Py_buffer *result
    cdef Shape sums
    cdef Py_ssize_t rows = 1
    cdef int i
    if not offer(dy, taken, READ):
        return None
    view = &taken.views[0]
    if kind(view) < 0 or view.ndim == 0 or <size_t>view.buf % view.itemsize:
        if not taken.strict:
            return None
        raise ValueError("`dy` must be an aligned array of float32 or float64, of rank 1 or more.")
    for i in range(view.ndim - 1):
        rows *= view.shape[i]
    sums.rank, sums.size[0] = 1, view.shape[view.ndim - 1]
    if db is None:
        db = np_empty(sums.size[0], FLOATS[kind(view)])
    offer(db, taken, WRITE)
    result = &taken.views[1]
    if not fits(result, &sums, kind(view)):
        raise ValueError("`db` must be an aligned array of the dtype of `dy`, a sum for each of its last entries.")
    s[0] = lay_out(kind(view), <char *>view.buf, <char *>result.buf, rows, sums.size[0])
    return db


cdef add_up(Taken *taken, dy, db):
    cdef RowSum s
    cdef bint enough
    db = find_sums(taken, dy, db, &s)
    if db is not None:
        if s.seconds < runtime.BRIEF:
            enough = sum_rows(s)
        else:
            with nogil:
                enough = sum_rows(s)
        runtime.check_memory(enough)
    return db


def bias_grad(dy, db):
    """db <- the sums of dy, a contiguous array. Returns `db`."""
    cdef Taken taken
    taken.count, taken.strict = 0, True
    try:
        return add_up(&taken, dy, db)
    finally:
        release(&taken)


def new_bias_grad(dy):
    """The same in a new array; None if `dy` is not contiguous, aligned, float32 or float64, of rank 1 or more."""
    cdef Taken taken
    taken.count, taken.strict = 0, False
    try:
        return add_up(&taken, dy, None)
    finally:
        release(&taken)


cdef class BiasGrad(runtime.Call):
    """`bias_grad` bound to `dy` and `db`."""
    cdef RowSum sum
    cdef tuple alive

    def __init__(self, dy, db):
        cdef Taken taken
        taken.count, taken.strict = 0, True
        self.alive = dy, db
        try:
            find_sums(&taken, dy, db, &self.sum)
        finally:
            release(&taken)
        self.seconds = self.sum.seconds

    cdef bint run(self) noexcept nogil:
        return sum_rows(self.sum)
