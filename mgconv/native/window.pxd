"""One window of a correlation, shared by the two algorithms of filter.pyx and overlap.pyx:

    out[i, j] = sum over m < kh, n < kw of h[m, n] X[i - top + m, j - left + n]

where X is x continued beyond its edges by the boundary rule. A signal is one row.
"""
from libc.string cimport memcpy, memset

from mgconv.native cimport runtime

cdef enum:
    FILL
    WRAP
    SYMMETRIC

cdef struct Grid:                     # the power-of-two tile of the FFT, 1 << log_rows by 1 << log_cols
    int log_rows, log_cols
    double seconds

cdef struct Job:
    const char *x
    Py_ssize_t rows, cols, pitch      # of x; pitch in bytes
    Py_ssize_t size                   # bytes a number, real or complex
    const char *h                     # the kernel in correlation order: its real parts, then its imaginary parts
    Py_ssize_t kh, kw
    const char *factored              # a column and a row whose products it is; NULL as a rule
    char *out
    Py_ssize_t out_rows, out_cols
    Py_ssize_t top, left
    int boundary
    char fill[16]                     # one number
    bint zeros                        # which is 0
    int wide                          # float64 or complex128
    int parts                         # 2 for complex numbers
    bint turned                       # the kernel has imaginary parts
    Py_ssize_t tile_rows, tile_cols, tiles_across, tiles
    bint in_place                     # tiles may read x where it lies
    bint failed                       # a task found no memory
    runtime.mg_task exact             # the direct algorithm, for a tile with infinities or NaN,
    bint careful                      # or with numbers of very different sizes
    const runtime.mg_filter_kernels *direct
    const runtime.mg_fft_kernels *fft
    Grid grid
    bint one_row                      # the tile of the FFT is a cut-up signal, row after row
    const char *spectrum              # of the kernel, turned
    const char *twiddles              # of a signal, turned


cdef inline Py_ssize_t wrapped(Py_ssize_t i, Py_ssize_t period) noexcept nogil:
    i %= period
    return i + period if i < 0 else i


cdef inline void copy_number(char *to, const char *number, Py_ssize_t size) noexcept nogil:
    """memcpy of a size that the compiler knows is one instruction."""
    if size == 4:
        memcpy(to, number, 4)
    elif size == 8:
        memcpy(to, number, 8)
    else:
        memcpy(to, number, 16)


cdef inline void continued_row(const Job *j, Py_ssize_t row, Py_ssize_t start, Py_ssize_t count,
                               char *to) noexcept nogil:
    """Positions start ... start + count - 1 of a row of the continued x, run by run.

    A mirrored axis has period 2 n: forwards 0 ... n - 1, and backwards n - 1 ... 0.
    """
    cdef Py_ssize_t size = j.size, period = 2 * j.cols if j.boundary == SYMMETRIC else j.cols, i = 0, k, at, run
    cdef const char *line
    if j.boundary == WRAP:
        row = wrapped(row, j.rows)
    elif j.boundary == SYMMETRIC:
        row = wrapped(row, 2 * j.rows)
        row = min(row, 2 * j.rows - 1 - row)
    line = j.x + row * j.pitch
    while i < count:
        at, run = start + i, count - i
        if j.boundary != FILL:
            at = wrapped(at, period)
        elif not 0 <= row < j.rows or at < 0 or at >= j.cols:
            if 0 <= row < j.rows and at < 0:
                run = min(run, -at)
            if j.zeros:
                memset(to + i * size, 0, run * size)
            else:
                for k in range(i, i + run):
                    copy_number(to + k * size, j.fill, size)
            i += run
            continue
        if at < j.cols:
            run = min(run, j.cols - at)
            memcpy(to + i * size, line + at * size, run * size)
        else:
            run = min(run, period - at)
            for k in range(run):
                copy_number(to + (i + k) * size, line + (period - 1 - at - k) * size, size)
        i += run
