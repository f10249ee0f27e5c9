"""One window of a correlation, shared by the two algorithms of filter.pyx and overlap.pyx:

    out[i, j] = sum over m < kh, n < kw of h[m, n] X[i - top + m, j - left + n]

where X is x continued beyond its edges by the boundary rule. A signal is one row.
"""
from libc.string cimport memcpy

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
    int wide                          # float64 or complex128
    int parts                         # 2 for complex numbers
    bint turned                       # the kernel has imaginary parts
    Py_ssize_t tile_rows, tile_cols, tiles_across, tiles
    bint in_place                     # tiles may read x where it lies
    bint failed                       # a task found no memory
    runtime.mg_task exact             # the direct algorithm, for a tile with infinities or NaN
    const runtime.mg_filter_kernels *direct
    const runtime.mg_fft_kernels *fft
    Grid grid
    bint one_row                      # the tile of the FFT is a cut-up signal, row after row
    const char *spectrum              # of the kernel, turned
    const char *twiddles              # of a signal, turned


cdef inline Py_ssize_t source(Py_ssize_t i, Py_ssize_t n, int boundary) noexcept nogil:
    """Where position i of the continued axis lies in an axis of n; -1 for the fill value."""
    if 0 <= i < n:
        return i
    if boundary == FILL:
        return -1
    if boundary == WRAP:
        i %= n
        return i + n if i < 0 else i
    i %= 2 * n
    if i < 0:
        i += 2 * n
    return i if i < n else 2 * n - 1 - i


cdef inline void continued_row(const Job *j, Py_ssize_t row, Py_ssize_t start, Py_ssize_t count,
                               char *to) noexcept nogil:
    """Positions start ... start + count - 1 of a row of the continued x."""
    cdef Py_ssize_t size = j.size, i = 0, inside, at
    cdef const char *line
    row = source(row, j.rows, j.boundary)
    line = j.x + row * j.pitch
    while i < count:
        inside = start + i
        if row >= 0 and 0 <= inside < j.cols:
            inside = min(count - i, j.cols - inside)
            memcpy(to + i * size, line + (start + i) * size, inside * size)
            i += inside
            continue
        at = -1 if row < 0 else source(start + i, j.cols, j.boundary)
        memcpy(to + i * size, <const char *>j.fill if at < 0 else line + at * size, size)
        i += 1
