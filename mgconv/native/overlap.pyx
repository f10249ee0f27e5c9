"""Long kernels by overlap-save: each tile is a power of two in size and yields what the kernel's ends leave of it.

A tile is transformed along its columns and then along its rows, which src_c/fft.h wants turned; a signal is cut into
the rows of a tile, with twiddle factors in between. The kernel is real as a rule: two tiles of real numbers ride
together, as real and imaginary parts. The tiles follow from the shapes alone, so results do not depend on the threads.

The error of a transform is relative to the largest numbers of the tile, that of plain sums to those under the kernel.
So a tile of an image with blocks of very different sizes may be left to plain sums.
"""
from libc.string cimport memcpy, memset

import numpy as np

from mgconv.native cimport runtime
from mgconv.native.window cimport FILL, Grid, Job, continued_row

cdef enum:
    SIDE = 16                         # of the blocks whose largest magnitudes are compared
cdef double STEADY = 32               # between the largest of two blocks: a transform may lose 1.5 digits
cdef double HUGE = 1.7976931348623157e308

cdef dict factors = {}                # twiddle factors of long signals by (log2 rows, log2 columns, lanes, dtype)


cdef inline Py_ssize_t tile_pitch(const Job *j) noexcept nogil:
    """Numbers from one row of a tile to the next: 2 vectors more than the row, to spread a column over the cache."""
    return (<Py_ssize_t>2 << j.grid.log_cols) + 2 * j.fft.lanes


cdef void tile_columns(const Job *j, char *tile, bint inverse) noexcept nogil:
    cdef Py_ssize_t vector = 2 * j.fft.lanes, number = j.size // j.parts, pitch = tile_pitch(j), i
    for i in range((<Py_ssize_t>1 << j.grid.log_cols) // j.fft.lanes):
        if inverse:
            j.fft.inverse(tile + i * vector * number, j.grid.log_rows, pitch)
        else:
            j.fft.forward(tile + i * vector * number, j.grid.log_rows, pitch)


cdef void tile_rows(const Job *j, char *tile, char *column, char *spectrum) noexcept nogil:
    """Transforms the rows of a tile, multiplies by the kernel's spectrum and goes back; or, given a place for it, makes
    that spectrum of the kernel in the tile."""
    cdef Py_ssize_t lanes = j.fft.lanes, number = j.size // j.parts, pitch = tile_pitch(j)
    cdef Py_ssize_t n = <Py_ssize_t>1 << j.grid.log_cols, bytes_ = n * 2 * lanes * number, i
    for i in range((<Py_ssize_t>1 << j.grid.log_rows) // lanes):
        if spectrum != NULL:
            column = spectrum + i * bytes_
        j.fft.turn(tile + i * lanes * pitch * number, pitch, column, n)
        if j.twiddles != NULL:
            j.fft.multiply(column, j.twiddles + i * bytes_, n)
        j.fft.forward(column, j.grid.log_cols, 2 * lanes)
        if spectrum != NULL:
            continue
        j.fft.multiply(column, j.spectrum + i * bytes_, n)
        j.fft.inverse(column, j.grid.log_cols, 2 * lanes)
        if j.twiddles != NULL:
            j.fft.multiply_conj(column, j.twiddles + i * bytes_, n)
        j.fft.turn_back(column, tile + i * lanes * pitch * number, pitch, n)


cdef struct Sizes:                    # the largest magnitudes of blocks of x, SIDE rows by SIDE numbers
    double least, most
    Py_ssize_t rows, numbers          # of blocks that are not complete
    char *peaks


cdef double magnitude(const Job *j, const char *number) noexcept nogil:
    return (<const double *>number)[0] if j.wide else (<const float *>number)[0]


cdef void close_blocks(const Job *j, Sizes *sizes) noexcept nogil:
    cdef Py_ssize_t i = 0, end, number = j.size // j.parts
    cdef double peak = 0
    while i < sizes.numbers:
        end = min(i + SIDE, sizes.numbers)
        peak = 0
        while i < end:
            peak = max(peak, magnitude(j, sizes.peaks + i * number))
            i += 1
        if peak <= HUGE:              # infinity spoils nothing but what the kernel covers
            sizes.most = max(sizes.most, peak)
            if sizes.rows == SIDE and end % SIDE == 0:
                sizes.least = min(sizes.least, peak)
    memset(sizes.peaks, 0, sizes.numbers * number)
    sizes.rows = 0


cdef void look_at_row(const Job *j, Sizes *sizes, Py_ssize_t row, Py_ssize_t col, Py_ssize_t count,
                      const char *line) noexcept nogil:
    """`line` holds positions col ... col + count - 1 of a row of the continued x."""
    cdef Py_ssize_t first = 0, end = count
    if j.boundary == FILL:
        first, end = max(0, -col), min(count, j.cols - col)
        if not 0 <= row < j.rows or first >= end:
            end = first
        if not j.zeros and end - first < count:
            sizes.most = max(sizes.most, abs(magnitude(j, j.fill)))
            sizes.most = max(sizes.most, abs(magnitude(j, j.fill + j.size - j.size // j.parts)))
    if end > first:
        sizes.numbers = (end - first) * j.parts
        j.direct.raise_peaks(sizes.peaks, line + first * j.size, sizes.numbers)
        sizes.rows += 1
        if sizes.rows == SIDE:
            close_blocks(j, sizes)


cdef void read_tile(const Job *j, Py_ssize_t index, int part, char *tile, char *line, Sizes *sizes) noexcept nogil:
    """Puts what tile `index` of the output needs into one part of a tile: zeros beyond; complex numbers fill both."""
    cdef Py_ssize_t i0 = index // j.tiles_across * j.tile_rows, j0 = index % j.tiles_across * j.tile_cols
    cdef Py_ssize_t height = min(j.tile_rows, j.out_rows - i0) + j.kh - 1
    cdef Py_ssize_t width = min(j.tile_cols, j.out_cols - j0) + j.kw - 1
    cdef Py_ssize_t n = <Py_ssize_t>1 << j.grid.log_cols, number = j.size // j.parts, i, start, count
    cdef char *row
    if index >= j.tiles:
        height = width = 0
    for i in range(<Py_ssize_t>1 << j.grid.log_rows):
        row = tile + i * tile_pitch(j) * number
        start = i * n if j.one_row else 0
        count = max(0, min(n, width - start)) if j.one_row or i < height else 0
        continued_row(j, i0 - j.top + (0 if j.one_row else i), j0 - j.left + start, count, line)
        if j.careful and not j.one_row and count:
            look_at_row(j, sizes, i0 - j.top + i, j0 - j.left, count, line)
        memset(line + count * j.size, 0, (n - count) * j.size)
        if j.parts == 2:
            j.fft.put_part(line, 2, row, 0, n)
            j.fft.put_part(line + number, 2, row, 1, n)
        else:
            j.fft.put_part(line, 1, row, part, n)
    if sizes.rows:
        close_blocks(j, sizes)


cdef void write_tile(const Job *j, Py_ssize_t index, int part, const char *tile, char *line) noexcept nogil:
    cdef Py_ssize_t i0 = index // j.tiles_across * j.tile_rows, j0 = index % j.tiles_across * j.tile_cols
    cdef Py_ssize_t rows = min(j.tile_rows, j.out_rows - i0), cols = min(j.tile_cols, j.out_cols - j0)
    cdef Py_ssize_t n = <Py_ssize_t>1 << j.grid.log_cols, number = j.size // j.parts, i, start
    cdef const char *row
    if j.one_row:
        rows = (cols + n - 1) // n
    for i in range(rows):
        row = tile + i * tile_pitch(j) * number
        start = i * n if j.one_row else 0
        if j.parts == 2:
            j.fft.get_part(row, line, 2, 0, n)
            j.fft.get_part(row, line + number, 2, 1, n)
        else:
            j.fft.get_part(row, line, 1, part, n)
        memcpy(j.out + ((i0 + (0 if j.one_row else i)) * j.out_cols + j0 + start) * j.size, line,
               min(n, cols - start) * j.size)


cdef Py_ssize_t tile_bytes(const Job *j) noexcept nogil:
    """Scratch memory of a task: the tile, a column, a line, and its largest magnitudes."""
    cdef Py_ssize_t n = <Py_ssize_t>1 << j.grid.log_cols
    return ((tile_pitch(j) << j.grid.log_rows) + n * 2 * j.fft.lanes) * (j.size // j.parts) + 2 * n * j.size


cdef inline bint is_finite(const char *number, bint wide) noexcept nogil:
    cdef double value = (<const double *>number)[0] if wide else (<const float *>number)[0]
    return value - value == 0


cdef void fft_task(void *context, Py_ssize_t index) noexcept nogil:
    """Two tiles of real numbers at once, as real and imaginary parts, or one of complex numbers."""
    cdef Job *j = <Job *>context
    cdef Py_ssize_t number = j.size // j.parts, n = <Py_ssize_t>1 << j.grid.log_cols, tile
    cdef int part
    cdef bint good
    cdef char *memory = <char *>runtime.scratch(runtime.MG_SCRATCH_TASK, tile_bytes(j))
    cdef char *column = memory + (tile_pitch(j) << j.grid.log_rows) * number
    cdef char *line = column + n * 2 * j.fft.lanes * number
    cdef Sizes sizes = Sizes(least=HUGE, most=0, rows=0, numbers=0, peaks=line + n * j.size)
    if memory == NULL:
        j.failed = True
        return
    memset(sizes.peaks, 0, n * j.size)
    for part in range(3 - j.parts):
        read_tile(j, (3 - j.parts) * index + part, part, memory, line, &sizes)
    good = sizes.most <= STEADY * sizes.least
    if good:
        tile_columns(j, memory, False)
        tile_rows(j, memory, column, NULL)
        tile_columns(j, memory, True)
        good = is_finite(memory, j.wide) and is_finite(memory + j.fft.lanes * number, j.wide)
    for part in range(3 - j.parts):
        tile = (3 - j.parts) * index + part
        if tile < j.tiles and good:
            write_tile(j, tile, part, memory, line)
    runtime.scratch_end(runtime.MG_SCRATCH_TASK)
    if not good:                      # a NaN would fill two tiles; direct sums keep it where the kernel covers it
        for tile in range((3 - j.parts) * index, min((3 - j.parts) * (index + 1), j.tiles)):
            j.exact(j, tile)


cdef bint make_spectrum(Job *j, char *spectrum) noexcept nogil:
    """Entry (m, n) of the kernel goes to (-m, -n) of the tile, so that outputs begin at its first element."""
    cdef Py_ssize_t number = j.size // j.parts, n = <Py_ssize_t>1 << j.grid.log_cols, lanes = j.fft.lanes, i, k, at
    cdef Py_ssize_t total = n << j.grid.log_rows
    cdef int part
    cdef char *tile = <char *>runtime.scratch(runtime.MG_SCRATCH_TASK, tile_bytes(j))
    cdef char *to
    cdef const char *entry
    if tile == NULL:
        return False
    memset(tile, 0, (tile_pitch(j) << j.grid.log_rows) * number)
    for part in range(1 + j.turned):
        entry = j.h + part * j.kh * j.kw * number
        for i in range(j.kh):
            for k in range(j.kw):
                if j.one_row:
                    at = (total - k) % total
                    to = tile + at // n * tile_pitch(j) * number
                    at %= n
                else:
                    to = tile + ((1 << j.grid.log_rows) - i) % (1 << j.grid.log_rows) * tile_pitch(j) * number
                    at = (n - k) % n
                to += (at // lanes * 2 * lanes + part * lanes + at % lanes) * number
                if j.wide:
                    (<double *>to)[0] = (<const double *>entry)[0] / total
                else:
                    (<float *>to)[0] = (<const float *>entry)[0] / total
                entry += number
    tile_columns(j, tile, False)
    tile_rows(j, tile, NULL, spectrum)
    runtime.scratch_end(runtime.MG_SCRATCH_TASK)
    return True


def twiddle_factors(int log_rows, int log_cols, int lanes, bint wide):
    """exp(-2 pi i k n / N) for row frequency k and column n of a signal cut into rows, as turned columns."""
    key = (log_rows, log_cols, lanes, wide)
    try:
        found = factors[key]              # without the GIL, .get takes a lock that a fork may leave locked in the child
    except KeyError:
        rows, cols = 1 << log_rows, 1 << log_cols
        frequency = np.array([runtime.fft_frequency(log_rows, i) for i in range(rows)])
        # rows // lanes groups, cols, lanes
        turns = (frequency.reshape(-1, 1, lanes) * np.arange(cols)[:, None]) / (rows * cols)
        found = np.stack([np.cos(2 * np.pi * turns), -np.sin(2 * np.pi * turns)], axis=2).astype("f8" if wide else "f4")
        if len(factors) >= 8:
            factors.clear()
        factors[key] = found
    return found


# ---- the choice of the tile

cdef double tile_seconds(const Job *j, int log_rows, int log_cols) noexcept nogil:
    """One pass of overlap-save over two real tiles, as measured on AVX2; dearer beyond each level of the cache."""
    cdef double n = <double>(<Py_ssize_t>1 << (log_rows + log_cols)), bytes_ = n * 8 * (1 + j.wide)
    cdef double each = 0.5e-9 + 0.2e-9 * (log_rows + log_cols)
    if not j.one_row:                 # no twiddle factors
        each *= 0.85
    if bytes_ > 1 << 17:
        each *= 1.5 if bytes_ >= 1 << 20 else 1.3
    return each * n * (1 + j.wide) + 80e-9 * (1 << log_rows)


cdef Grid best_grid(const Job *j) noexcept nogil:
    """The tile that costs least in all; `seconds` is infinite where no tile is large enough."""
    cdef Grid best, g
    cdef double tiles
    cdef int low = 0, total
    cdef Py_ssize_t across, down
    while (1 << low) < j.fft.lanes:
        low += 1
    low = max(low, 1)
    best.seconds = 1e300
    best.log_rows = best.log_cols = 0
    for g.log_rows in range(low, runtime.MG_FFT_MAX_LOG2 + 1):
        for g.log_cols in range(low, runtime.MG_FFT_MAX_LOG2 + 1):
            if j.one_row:
                total = g.log_rows + g.log_cols
                if g.log_rows != max(total // 2, low) or (<Py_ssize_t>1 << total) < j.kw:
                    continue
                across = (<Py_ssize_t>1 << total) - j.kw + 1
                down = 1
            else:
                if (<Py_ssize_t>1 << g.log_rows) < j.kh or (<Py_ssize_t>1 << g.log_cols) < j.kw:
                    continue
                across, down = (1 << g.log_cols) - j.kw + 1, (1 << g.log_rows) - j.kh + 1
            tiles = ((j.out_cols + across - 1) // across) * <double>((j.out_rows + down - 1) // down)
            if j.parts == 1:
                tiles = (<Py_ssize_t>tiles + 1) // 2
            # The kernel costs a tile too, and there is what does not depend on size.
            g.seconds = (tiles + 1) * tile_seconds(j, g.log_rows, g.log_cols) + 3e-6
            if g.seconds < best.seconds:
                best = g
    return best


cdef bint run(Job *j) except False:
    """Filters by tiles of `j.grid`."""
    cdef Py_ssize_t number = j.size // j.parts
    cdef char *spectrum
    cdef const unsigned char[::1] table      # plain char is signed on some machines only
    cdef bint done
    j.twiddles = NULL
    if j.one_row:
        j.tile_rows, j.tile_cols = 1, (1 << (j.grid.log_rows + j.grid.log_cols)) - j.kw + 1
        twiddles = twiddle_factors(j.grid.log_rows, j.grid.log_cols, j.fft.lanes, j.wide)
        table = twiddles.reshape(-1).view("B")
        j.twiddles = <const char *>&table[0]
    else:
        j.tile_rows, j.tile_cols = (1 << j.grid.log_rows) - j.kh + 1, (1 << j.grid.log_cols) - j.kw + 1
    j.tiles_across = (j.out_cols + j.tile_cols - 1) // j.tile_cols
    j.tiles = j.tiles_across * ((j.out_rows + j.tile_rows - 1) // j.tile_rows)
    store = np.empty((2 * number << (j.grid.log_rows + j.grid.log_cols)) + 64, "B")
    table = store
    spectrum = <char *>((<size_t>&table[0] + 63) // 64 * 64)
    with nogil:
        done = make_spectrum(j, spectrum)
    runtime.check_memory(done)
    j.spectrum = spectrum
    runtime.parallel_for(fft_task, j, (j.tiles + 2 - j.parts) // (3 - j.parts), j.grid.seconds)
    return True


# ---- the transform by itself, for tests


def fft_column(store, bint wide, int log2n, bint inverse):
    """Transforms a column of src_c/fft.h in place; `store` is a contiguous array that holds it."""
    cdef const unsigned char[::1] memory = store.reshape(-1).view("B")
    cdef const runtime.mg_fft_kernels *kernels = runtime.active_isa().fft[wide]
    if inverse:
        kernels.inverse(<void *>&memory[0], log2n, 2 * kernels.lanes)
    else:
        kernels.forward(<void *>&memory[0], log2n, 2 * kernels.lanes)


def fft_order(int log2n):
    """The frequency that each element of a transformed column holds."""
    return [runtime.fft_frequency(log2n, i) for i in range(1 << log2n)]
