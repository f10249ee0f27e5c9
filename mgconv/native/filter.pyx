"""One map filtered by one kernel, in 1-D (one row) and 2-D: what mgconv.signal is made of.

Every mode, boundary and convention is one problem, the window of a correlation that window.pxd describes. Two
algorithms solve it, direct sums here and overlap-save in overlap.pyx, both tile by tile: a tile reads x in place or,
where it meets an edge, from a continued copy of its own part, so that memory does not grow with x.

Arrays come through the buffer protocol itself rather than as typed memoryviews: one path then serves four dtypes, and
a call on a small array costs 0.5 us less, which is a quarter of the whole.
"""
from cpython.buffer cimport PyBUF_FORMAT, PyBUF_STRIDES, PyObject_GetBuffer, PyBuffer_Release
from libc.math cimport log
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset

import numpy as np

from mgconv.native cimport overlap, runtime
from mgconv.native.window cimport FILL, SYMMETRIC, WRAP, Job, continued_row

cdef enum:
    FULL
    SAME
    VALID
cdef enum:
    AUTO
    DIRECT
    FFT
    FASTEST
cdef enum:
    TILE_ROWS = 32
    TILE_COLS = 1024                  # of an image; 32 rows with a small kernel then fit the second-level cache
    TILE_ROW = 16384                  # of a signal
    LEAST_ROWS = 8
    ENOUGH = 32                       # tasks
cdef double WORTH_A_TASK = 10e-6      # seconds of sums
cdef double MARGIN = 1.15             # for an FFT, which rounds more
cdef double TOO_LONG = 1              # seconds of sums

MODES = {"full": FULL, "same": SAME, "valid": VALID}
BOUNDARIES = {"fill": FILL, "wrap": WRAP, "symm": SYMMETRIC}
METHODS = {"auto": AUTO, "direct": DIRECT, "fft": FFT}
FASTEST_METHOD = FASTEST

cdef object ndarray = np.ndarray
cdef object empty = np.empty
cdef tuple DTYPES = (np.dtype("f4"), np.dtype("f8"), np.dtype("c8"), np.dtype("c16"))


cdef void direct_task(void *context, Py_ssize_t index) noexcept nogil:
    cdef Job *j = <Job *>context
    cdef Py_ssize_t i0 = index // j.tiles_across * j.tile_rows, j0 = index % j.tiles_across * j.tile_cols
    cdef Py_ssize_t rows = min(j.tile_rows, j.out_rows - i0), cols = min(j.tile_cols, j.out_cols - j0)
    cdef Py_ssize_t row = i0 - j.top, col = j0 - j.left, height = rows + j.kh - 1, width = cols + j.kw - 1
    cdef Py_ssize_t pitch = j.pitch, i, number = j.size // j.parts, between = 0
    cdef const char *x
    cdef char *memory = NULL
    cdef char *out = j.out + (i0 * j.out_cols + j0) * j.size
    cdef bint copied = not (j.in_place and row >= 0 and col >= 0 and row + height <= j.rows and col + width <= j.cols)
    if j.turned or j.factored:        # for the second of two passes, rounded up to a cache line
        between = (rows * (width if j.factored else cols) * j.size + 63) // 64 * 64
    if copied or between:
        if copied:                    # an odd number of cache lines keeps the rows apart in the cache
            pitch = (width * j.size + 127) // 128 * 128 + 64
        memory = <char *>runtime.scratch(runtime.MG_SCRATCH_TASK, between + (height * pitch if copied else 0))
        if memory == NULL:
            j.failed = True
            return
    x = j.x + row * j.pitch + col * j.size
    if copied:
        x = memory + between
        for i in range(height):
            continued_row(j, row + i, col, width, <char *>x + i * pitch)
    if j.factored:
        j.direct.correlate(x, pitch // number, j.factored, j.kh, 1, j.parts, memory, width * j.parts, rows,
                           width * j.parts)
        j.direct.correlate(memory, width * j.parts, j.factored + j.kh * number, 1, j.kw, j.parts, out,
                           j.out_cols * j.parts, rows, cols * j.parts)
    else:
        j.direct.correlate(x, pitch // number, j.h, j.kh, j.kw, j.parts, out, j.out_cols * j.parts, rows,
                           cols * j.parts)
    if j.turned:                      # and so not factored
        j.direct.correlate(x, pitch // number, j.h + j.kh * j.kw * number, j.kh, j.kw, j.parts, memory, cols * j.parts,
                           rows, cols * j.parts)
        for i in range(rows):
            j.direct.add_turned(out + i * j.out_cols * j.size, memory + i * cols * j.size, cols)
    if memory != NULL:
        runtime.scratch_end(runtime.MG_SCRATCH_TASK)


cdef double direct_seconds(const Job *j) noexcept nogil:
    """Multiply-adds at the rate measured on AVX2: one row of kernel shares no loads, few rows share fewer."""
    cdef double each = 21e-12 * (1 + 4.0 / j.kh) if j.kh > 1 else 38e-12
    cdef double taps = j.kh * j.kw
    if j.factored:
        each, taps = 38e-12, j.kh + j.kw
    return each * taps * j.out_rows * j.out_cols * (1 + j.wide) * j.parts * (1 + j.turned)


ctypedef fused real:
    float
    double


cdef const char *factors(const real *h, Py_ssize_t kh, Py_ssize_t kw, real *column) noexcept nogil:
    """A column of kh and a row of kw numbers whose products are the kernel, every one exactly; NULL if there are none.

    The first entry that is not zero divides its row: so box, binomial, Sobel and Prewitt kernels are found. Its row's
    other entries must not be a million times larger, or what lies between the two passes could underflow.
    """
    cdef Py_ssize_t at = 0, m, n
    cdef real *row = column + kh
    while at < kh * kw and h[at] == 0:
        at += 1
    if at == kh * kw:
        return NULL
    for n in range(kw):
        row[n] = h[at // kw * kw + n] / h[at]
        if not -1e6 < row[n] < 1e6:
            return NULL
    for m in range(kh):
        column[m] = h[m * kw + at % kw]
        for n in range(kw):
            if column[m] * row[n] != h[m * kw + n]:
                return NULL
    return <const char *>column


cdef void find_factors(Job *j, char *memory) noexcept nogil:
    """Two passes of one axis each replace a kernel that is exactly a product, where they cost less."""
    j.factored = NULL
    if j.kh < 3 or j.kw < 3 or j.turned:
        return
    if j.wide:
        j.factored = factors[double](<const double *>j.h, j.kh, j.kw, <double *>memory)
    else:
        j.factored = factors[float](<const float *>j.h, j.kh, j.kw, <float *>memory)


cdef bint scipy_transforms(const Job *j) noexcept nogil:
    """Whether scipy.signal.choose_conv_method says "fft" of this signal: earlier, sums keep digits that it keeps."""
    cdef double n = j.cols, k = j.kw, whole = n + k - 1, transforms = 3 * whole * log(whole)
    if j.out_cols < j.cols:
        return 1.891e-9 * transforms < 2.136e-10 * (n - k + 1) * k - 1e-3
    if j.out_cols > j.cols:
        return 1.765e-9 * transforms < 2.141e-10 * n * k - 1e-3
    return 3.265e-9 * transforms < 2.848e-10 * (n * k - k * k / 4) - 1e-3


cdef int run(Job *j, int method) except -1:
    """1; or 0, with nothing written, where sums would take long and the kernel is too long for the longest tile."""
    cdef double seconds = direct_seconds(j)
    j.direct = runtime.active_isa().filter[j.wide]
    j.fft = runtime.active_isa().fft[j.wide]
    j.failed = False
    j.exact = direct_task
    j.careful = method == AUTO
    j.one_row = j.rows == 1 and j.kh == 1 and j.out_rows == 1
    # A large kernel reads each number often: from a copy whose rows do not collide in the cache.
    j.in_place = j.kh < 8
    j.grid.seconds = 1e300
    if method == FFT or (method != DIRECT and j.kh * j.kw > 24 and seconds > 10e-6
                         and (method == FASTEST or not j.one_row or scipy_transforms(j))):
        j.grid = overlap.best_grid(j)
        if j.grid.seconds == 1e300 and seconds > TOO_LONG:
            return 0
    if j.grid.seconds * MARGIN < seconds or (method == FFT and j.grid.seconds < 1e300):
        overlap.run(j)
    else:
        run_direct(j, seconds)
    runtime.check_memory(not j.failed)
    return 1


cdef void run_direct(Job *j, double seconds) noexcept:
    cdef Py_ssize_t tasks
    j.tile_rows, j.tile_cols = TILE_ROWS, TILE_COLS
    if j.out_rows == 1:
        j.tile_cols = TILE_ROW
    elif not j.in_place:
        j.tile_rows, j.tile_cols = 2 * TILE_ROWS, TILE_COLS // 4
    while True:                       # smaller tiles where there would be few for the threads, and long ones
        j.tiles_across = (j.out_cols + j.tile_cols - 1) // j.tile_cols
        tasks = j.tiles_across * ((j.out_rows + j.tile_rows - 1) // j.tile_rows)
        if tasks >= ENOUGH or seconds < 2 * WORTH_A_TASK * tasks:
            break
        if j.out_rows == 1 and j.tile_cols > TILE_COLS:
            j.tile_cols //= 2
        elif j.out_rows > 1 and j.tile_rows > LEAST_ROWS:
            j.tile_rows //= 2
        else:
            break
    if tasks == 1:
        direct_task(j, 0)
    else:
        runtime.parallel_for(direct_task, j, tasks, seconds)


cdef int dtype_code(const Py_buffer *b) noexcept:
    """0 ... 3 for native float32, float64, complex64, complex128; else -1."""
    cdef const char *format = b.format
    cdef int first = 0
    if format[0] == b"Z":
        first = 2
        format += 1
    if format[1] != 0:
        return -1
    return first if format[0] == b"f" else first + 1 if format[0] == b"d" else -1


cdef bint pack(Job *j, const Py_buffer *b, bint flip, bint conjugate, char *to) noexcept nogil:
    """The kernel in correlation order, real parts and then imaginary parts; whether there are any of these."""
    cdef Py_ssize_t rows = b.shape[0] if b.ndim == 2 else 1, cols = b.shape[b.ndim - 1]
    cdef Py_ssize_t down = b.strides[0] if b.ndim == 2 else 0, along = b.strides[b.ndim - 1], i, k
    cdef Py_ssize_t number = j.size // j.parts
    cdef const char *start = <const char *>b.buf
    cdef const char *entry
    cdef char *imaginary = to + rows * cols * number
    cdef bint turned = False
    if flip:
        start += (rows - 1) * down + (cols - 1) * along
        down, along = -down, -along
    for i in range(rows):
        for k in range(cols):
            entry = start + i * down + k * along
            if j.wide:
                (<double *>to)[0] = (<const double *>entry)[0]
            else:
                (<float *>to)[0] = (<const float *>entry)[0]
            to += number
            if j.parts == 2:
                if j.wide:
                    (<double *>imaginary)[0] = (<const double *>entry)[1] * (-1 if conjugate else 1)
                    turned |= (<double *>imaginary)[0] != 0
                else:
                    (<float *>imaginary)[0] = (<const float *>entry)[1] * (-1 if conjugate else 1)
                    turned |= (<float *>imaginary)[0] != 0
                imaginary += number
    return turned


cdef inline bint outputs(int mode, Py_ssize_t n, Py_ssize_t k, int late, Py_ssize_t *before,
                         Py_ssize_t *size) noexcept nogil:
    """The outputs of one axis, out of the n + k - 1 of the full result: how far the first one reaches before x."""
    if mode == FULL:
        before[0], size[0] = k - 1, n + k - 1
    elif mode == SAME:
        before[0], size[0] = k - 1 - (k - 1 + late) // 2, n
    else:
        before[0], size[0] = 0, n - k + 1
    return size[0] > 0


def apply(x, h, int mode, bint flip, int late=0, bint conjugate=False, int method=AUTO, int boundary=FILL, fill=None,
          tuple window=None):
    """A window of the convolution (`flip`) or correlation of `x` with `h`; None where the caller must prepare more.

    Served are two arrays of one dtype (float32, float64, complex64 or complex128) and one rank (1 or 2), neither
    empty, x with contiguous rows, and in mode VALID no smaller than `h`; nor
    in mode FULL smaller, where exchanging the two costs less.

    Parameters
    ----------
    mode : int
        One of MODES; or, for any other outputs, `window` says for each axis how far the first one reaches before x,
        and how many there are.
    late : int
        1 puts the centre of mode SAME one later for even kernels.
    conjugate : bool
        Take the kernel's complex conjugate.
    method, boundary : int
        Of METHODS and BOUNDARIES. "auto" transforms where it is faster, but of signals those alone that SciPy does, and
        of images no tile that would lose digits by it; FASTEST_METHOD does not care.
    fill : ndarray
        One number of the dtype, for boundary FILL; 0 if None.
    """
    cdef Py_buffer a, b
    cdef int code
    if type(x) is not ndarray or type(h) is not ndarray:
        return None
    PyObject_GetBuffer(x, &a, PyBUF_FORMAT | PyBUF_STRIDES)
    try:
        PyObject_GetBuffer(h, &b, PyBUF_FORMAT | PyBUF_STRIDES)
        try:
            code = dtype_code(&a)
            if code < 0 or code != dtype_code(&b) or a.ndim != b.ndim or not 1 <= a.ndim <= 2:
                return None
            return filtered(&a, &b, code, mode, flip, late, conjugate, method, boundary, fill, window)
        finally:
            PyBuffer_Release(&b)
    finally:
        PyBuffer_Release(&a)


cdef object filtered(Py_buffer *x, Py_buffer *h, int code, int mode, bint flip, int late, bint conjugate, int method,
                     int boundary, fill, tuple window):
    cdef Py_buffer buffer
    cdef Job j
    cdef char small[1024]             # the kernel, and its factors
    cdef Py_ssize_t kernel_bytes
    cdef char *kernel = small
    j.size, j.wide, j.parts = x.itemsize, code & 1, 1 + (code >> 1)
    j.cols, j.kw = x.shape[x.ndim - 1], h.shape[x.ndim - 1]
    j.rows = j.kh = 1
    j.pitch = j.cols * j.size
    if x.ndim == 2:
        j.rows, j.kh = x.shape[0], h.shape[0]
        if j.rows > 1:
            j.pitch = x.strides[0]
    if not (j.rows and j.cols and j.kh and j.kw):
        return None
    if (j.cols > 1 and x.strides[x.ndim - 1] != j.size) or j.pitch % j.size:
        return None
    if mode == FULL and window is None and h.len > x.len:
        return None                   # exchanged, they cost less
    if window is not None:
        j.top, j.out_rows = window[0] if x.ndim == 2 else (0, 1)
        j.left, j.out_cols = window[x.ndim - 1]
    elif not (outputs(mode, j.rows, j.kh, late, &j.top, &j.out_rows)
              and outputs(mode, j.cols, j.kw, late, &j.left, &j.out_cols)):
        return None
    j.x = <const char *>x.buf
    j.boundary = boundary
    memset(j.fill, 0, sizeof(j.fill))
    j.zeros = fill is None
    if fill is not None:
        PyObject_GetBuffer(fill, &buffer, PyBUF_STRIDES)
        memcpy(j.fill, buffer.buf, j.size)
        PyBuffer_Release(&buffer)
    kernel_bytes = (j.kh * j.kw + j.kh + j.kw) * j.size
    if x.ndim == 1:
        out = empty(j.out_cols, DTYPES[code])
    else:
        out = empty((j.out_rows, j.out_cols), DTYPES[code])
    if kernel_bytes > <Py_ssize_t>sizeof(small):       # no scratch: overlap.pyx calls NumPy
        kernel = <char *>malloc(kernel_bytes)
        if kernel == NULL:
            raise MemoryError("There is no memory for the kernel of a filter.")
    try:
        PyObject_GetBuffer(out, &buffer, PyBUF_STRIDES)
        try:
            j.out = <char *>buffer.buf
            j.turned = pack(&j, h, flip, conjugate, kernel)
            j.h = kernel
            find_factors(&j, kernel + j.kh * j.kw * j.size)
            return out if run(&j, method) else None
        finally:
            PyBuffer_Release(&buffer)
    finally:
        if kernel != small:
            free(kernel)
