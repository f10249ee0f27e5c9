/* The kernels of pooling.h for one MG_DTYPE (MG_REAL in C) and one MG_ISA.

   Two ways to fill the lanes. Where channels are many, a window is taken at a time and the lanes go over its channels:

       y[o][c ... c + VL-1] = max over rows r, taps k of x[r][o * stride - pad + k][c ... c + VL-1]

   Where they are few, the lanes go over neighbouring windows. Their inputs lie `stride` columns apart, so a row is first
   cut into its phases, columns 0, stride, 2 stride ... being phase 0; tap k of all windows is then contiguous:

       columns   0 1 2 3 4 5 6 7        phase 0   0 2 4 6        tap 0 of windows 0 1 2 ...  phase 0 from column 0
                                        phase 1   1 3 5 7        tap 1                       phase 1 from column 0
                                        (stride 2)               tap 2                       phase 0 from column 1

   That serves the inner windows alone, which no edge cuts; the others are taken one at a time. */

MG_INLINE vec MG_NAME(pool_load)(const MG_REAL *p, const int n) { return n == VL ? v_load(p) : v_loadn(p, n); }

MG_INLINE void MG_NAME(pool_store)(MG_REAL *p, vec a, const int n) {
    if (n == VL) v_store(p, a);
    else v_storen(p, a, n);
}

MG_INLINE void MG_NAME(pool_add)(MG_REAL *p, vec a, const int n) {
    MG_NAME(pool_store)(p, v_add(MG_NAME(pool_load)(p, n), a), n);
}

MG_INLINE vec MG_NAME(pool_combine)(vec a, vec b, const int average) { return average ? v_add(a, b) : v_maxnan(a, b); }

/* Whether cutting a row into phases repays. */
MG_INLINE int MG_NAME(pool_lanes_over_windows)(ptrdiff_t channels, ptrdiff_t windows) {
    return channels < VL && windows >= 4;
}

/* ---- forward ---- */

/* One vector of channels over a window of `rows` x `taps`. */
MG_INLINE vec MG_NAME(pool_window)(const MG_REAL *x, ptrdiff_t row, ptrdiff_t column, const ptrdiff_t rows,
                                   const ptrdiff_t taps, const int n, const int average) {
    vec total = MG_NAME(pool_load)(x, n);
    for (ptrdiff_t k = 1; k < taps; k++)
        total = MG_NAME(pool_combine)(total, MG_NAME(pool_load)(x + k * column, n), average);
    for (ptrdiff_t r = 1; r < rows; r++)
        for (ptrdiff_t k = 0; k < taps; k++)
            total = MG_NAME(pool_combine)(total, MG_NAME(pool_load)(x + r * row + k * column, n), average);
    return average ? v_div(total, v_set1((MG_REAL)(rows * taps))) : total;
}

MG_INLINE void MG_NAME(pool_window_channels)(const MG_REAL *x, MG_REAL *y, ptrdiff_t row, ptrdiff_t channels,
                                             const ptrdiff_t rows, const ptrdiff_t taps, const int average) {
    ptrdiff_t c = 0;
    for (; c + VL <= channels; c += VL)
        v_store(y + c, MG_NAME(pool_window)(x + c, row, channels, rows, taps, VL, average));
    if (c < channels) {
        const int n = LANES(channels - c);
        v_storen(y + c, MG_NAME(pool_window)(x + c, row, channels, rows, taps, n, average), n);
    }
}

MG_INLINE void MG_NAME(pool_windows)(const struct mg_pool *p, const MG_REAL *x, ptrdiff_t rows, MG_REAL *y,
                                     ptrdiff_t first, ptrdiff_t last, const int average) {
    const ptrdiff_t channels = p->channels, row = p->width * channels;
    for (ptrdiff_t o = first; o < last; o++) {
        const ptrdiff_t start = o * p->stride - p->pad, begin = larger(start, 0);
        const ptrdiff_t taps = smaller(start + p->pool, p->width) - begin;
        const MG_REAL *corner = x + begin * channels;
        if (rows == 2 && taps == 2)
            MG_NAME(pool_window_channels)(corner, y + o * channels, row, channels, 2, 2, average);
        else MG_NAME(pool_window_channels)(corner, y + o * channels, row, channels, rows, taps, average);
    }
}

/* Cuts `columns` columns into phases of `size` numbers each, or adds the phases to the columns they came from. */
MG_INLINE void MG_NAME(pool_phases)(MG_REAL *x, MG_REAL *phases, ptrdiff_t columns, ptrdiff_t channels, ptrdiff_t stride,
                                    ptrdiff_t size, const int add) {
    if (stride == 1 && add) {
        for (ptrdiff_t i = 0; i < size; i += VL) {
            const int n = LANES(size - i);
            MG_NAME(pool_add)(x + i, MG_NAME(pool_load)(phases + i, n), n);
        }
        return;
    }
    ptrdiff_t i = 0;
    if (stride == 2 && channels == 1) {
        for (; i < columns; i += 2 * VL) {
            const ptrdiff_t left = columns - i;
            const int low = LANES(left), high = left > VL ? LANES(left - VL) : 0;
            MG_REAL *even = phases + i / 2, *odd = even + size;
            const int evens = LANES((left + 1) / 2), odds = LANES(left / 2);
            if (add) {
                const vec a = MG_NAME(pool_load)(even, evens), b = MG_NAME(pool_load)(odd, odds);
                MG_NAME(pool_add)(x + i, v_ziplo(a, b), low);
                if (high) MG_NAME(pool_add)(x + i + VL, v_ziphi(a, b), high);
            } else {
                const vec a = MG_NAME(pool_load)(x + i, low);
                const vec b = high ? MG_NAME(pool_load)(x + i + VL, high) : v_zero();
                MG_NAME(pool_store)(even, v_even(a, b), evens);
                MG_NAME(pool_store)(odd, v_odd(a, b), odds);
            }
        }
        return;
    }
    for (ptrdiff_t k = 0; k < stride; k++) {
        MG_REAL *at = phases + k * size;
        for (ptrdiff_t j = k; j < columns; j += stride)
            for (ptrdiff_t c = 0; c < channels; c++, at++)
                if (add) x[j * channels + c] += *at;
                else *at = x[j * channels + c];
    }
}

/* Where tap k + 1 of all windows begins, seen from where tap k = *phase + (a multiple of the stride) does. */
MG_INLINE ptrdiff_t MG_NAME(pool_next_tap)(ptrdiff_t *phase, ptrdiff_t stride, ptrdiff_t size, ptrdiff_t channels) {
    if (++*phase < stride) return size;
    *phase = 0;
    return channels - (stride - 1) * size;
}

/* `windows` inner windows; x points to the first column of the first one. */
MG_INLINE void MG_NAME(pool_inner)(const struct mg_pool *p, const MG_REAL *x, ptrdiff_t rows, MG_REAL *y,
                                   ptrdiff_t windows, MG_REAL *scratch, const int average) {
    const ptrdiff_t channels = p->channels, stride = p->stride, row = p->width * channels;
    const ptrdiff_t columns = (windows - 1) * stride + p->pool, size = ceil_div(columns, stride) * channels;
    if (rows > 1) {
        for (ptrdiff_t i = 0; i < columns * channels; i += VL) {
            const int n = LANES(columns * channels - i);
            vec total = MG_NAME(pool_load)(x + i, n);
            for (ptrdiff_t r = 1; r < rows; r++)
                total = MG_NAME(pool_combine)(total, MG_NAME(pool_load)(x + r * row + i, n), average);
            MG_NAME(pool_store)(scratch + i, total, n);
        }
        x = scratch;
        scratch += columns * channels;
    }
    if (stride > 1) {
        MG_NAME(pool_phases)((MG_REAL *)x, scratch, columns, channels, stride, size, 0);
        x = scratch;
    }
    const vec count = v_set1((MG_REAL)(rows * p->pool));
    for (ptrdiff_t i = 0; i < windows * channels; i += VL) {
        const int n = LANES(windows * channels - i);
        const MG_REAL *tap = x + i;
        ptrdiff_t phase = 0;
        vec total = MG_NAME(pool_load)(tap, n);
        for (ptrdiff_t k = 1; k < p->pool; k++) {
            tap += MG_NAME(pool_next_tap)(&phase, stride, size, channels);
            total = MG_NAME(pool_combine)(total, MG_NAME(pool_load)(tap, n), average);
        }
        MG_NAME(pool_store)(y + i, average ? v_div(total, count) : total, n);
    }
}

MG_INLINE void MG_NAME(pool_row)(const struct mg_pool *p, const MG_REAL *x, ptrdiff_t rows, MG_REAL *y, ptrdiff_t first,
                                 ptrdiff_t last, MG_REAL *scratch, const int average) {
    const ptrdiff_t channels = p->channels, from = larger(first, ceil_div(p->pad, p->stride));
    const ptrdiff_t to = smaller(last, ceil_div(p->width + p->pad - p->pool + 1, p->stride));
    if (!MG_NAME(pool_lanes_over_windows)(channels, to - from)) {
        MG_NAME(pool_windows)(p, x, rows, y, first, last, average);
        return;
    }
    MG_NAME(pool_windows)(p, x, rows, y, first, from, average);
    MG_NAME(pool_inner)(p, x + (from * p->stride - p->pad) * channels, rows, y + from * channels, to - from, scratch,
                        average);
    MG_NAME(pool_windows)(p, x, rows, y, to, last, average);
}

static void MG_NAME(pool_max)(const struct mg_pool *p, const void *x, ptrdiff_t rows, void *y, ptrdiff_t first,
                              ptrdiff_t last, void *scratch) {
    MG_NAME(pool_row)(p, x, rows, y, first, last, scratch, 0);
}

static void MG_NAME(pool_average)(const struct mg_pool *p, const void *x, ptrdiff_t rows, void *y, ptrdiff_t first,
                                  ptrdiff_t last, void *scratch) {
    MG_NAME(pool_row)(p, x, rows, y, first, last, scratch, 1);
}

/* ---- gradient ---- */

/* Part of dx that a call may change: rows from <= r < to, columns first <= i < last. */
struct MG_NAME(pool_part) {
    ptrdiff_t from, to, first, last;
};

/* One vector of channels: dy goes to the first input that is not less than y, if that lies in the part. `x` and `dx` point
   to column 0, `begin` and `end` bound the window's columns. */
MG_INLINE void MG_NAME(pool_max_grad_window)(const MG_REAL *x, vec y, vec dy, MG_REAL *dx, ptrdiff_t row,
                                             ptrdiff_t column, ptrdiff_t rows, ptrdiff_t begin, ptrdiff_t end,
                                             const struct MG_NAME(pool_part) *part, const int n) {
    for (ptrdiff_t r = 0; r < smaller(rows, part->to); r++)
        for (ptrdiff_t i = begin; i < end; i++) {
            const ptrdiff_t at = r * row + i * column;
            const vec input = MG_NAME(pool_load)(x + at, n);
            if (r >= part->from && i >= part->first && i < part->last)
                MG_NAME(pool_add)(dx + at, v_where_nlt(input, y, dy), n);
            dy = v_where_lt(input, y, dy);
        }
}

/* The same for a window of 2 x 2 that shares no input with another and lies in the part as a whole. All is read before
   anything is written: a read whose address agrees with that of a fresh write in its last 12 bits has to wait for it. */
MG_INLINE void MG_NAME(pool_max_grad_2x2)(const MG_REAL *x, vec y, vec dy, MG_REAL *dx, ptrdiff_t row, ptrdiff_t column,
                                          const int n) {
    const ptrdiff_t at[4] = {0, column, row, row + column};
    vec input[4];
    MG_UNROLL
    for (int k = 0; k < 4; k++) input[k] = MG_NAME(pool_load)(x + at[k], n);
    MG_UNROLL
    for (int k = 0; k < 4; k++) {
        MG_NAME(pool_store)(dx + at[k], v_where_nlt(input[k], y, dy), n);
        dy = v_where_lt(input[k], y, dy);
    }
}

/* One vector of channels: dy over the window's size, to all inputs in the part. */
MG_INLINE void MG_NAME(pool_average_grad_window)(vec dy, MG_REAL *dx, ptrdiff_t row, ptrdiff_t column, ptrdiff_t rows,
                                                 ptrdiff_t begin, ptrdiff_t end, const struct MG_NAME(pool_part) *part,
                                                 const int n) {
    const vec share = v_div(dy, v_set1((MG_REAL)(rows * (end - begin))));
    for (ptrdiff_t r = part->from; r < smaller(rows, part->to); r++)
        for (ptrdiff_t i = larger(begin, part->first); i < smaller(end, part->last); i++)
            MG_NAME(pool_add)(dx + r * row + i * column, share, n);
}

MG_INLINE void MG_NAME(pool_grad_windows)(const struct mg_pool *p, const MG_REAL *x, ptrdiff_t rows, const MG_REAL *y,
                                          const MG_REAL *dy, MG_REAL *dx, const struct MG_NAME(pool_part) *part,
                                          ptrdiff_t first, ptrdiff_t last, const int average) {
    const ptrdiff_t channels = p->channels, row = p->width * channels;
    for (ptrdiff_t o = first; o < last; o++) {
        const ptrdiff_t start = o * p->stride - p->pad, begin = larger(start, 0), end = smaller(start + p->pool, p->width);
        const int small = p->disjoint && rows == 2 && end - begin == 2 && part->from == 0 && part->to == 2 && begin >= part->first &&
                          end <= part->last;
        for (ptrdiff_t c = 0; c < channels; c += VL) {
            const int n = LANES(channels - c);
            const ptrdiff_t corner = begin * channels + c;
            const vec g = MG_NAME(pool_load)(dy + o * channels + c, n);
            if (average) {
                MG_NAME(pool_average_grad_window)(g, dx + c, row, channels, rows, begin, end, part, n);
                continue;
            }
            const vec top = MG_NAME(pool_load)(y + o * channels + c, n);
            if (small && n == VL) MG_NAME(pool_max_grad_2x2)(x + corner, top, g, dx + corner, row, channels, VL);
            else if (small) MG_NAME(pool_max_grad_2x2)(x + corner, top, g, dx + corner, row, channels, n);
            else MG_NAME(pool_max_grad_window)(x + c, top, g, dx + c, row, channels, rows, begin, end, part, n);
        }
    }
}

/* Inner windows whose columns all lie in the part; dy and dx point to the first of them. */
MG_INLINE void MG_NAME(pool_average_grad_inner)(const struct mg_pool *p, ptrdiff_t rows, const MG_REAL *dy, MG_REAL *dx,
                                                const struct MG_NAME(pool_part) *part, ptrdiff_t windows,
                                                MG_REAL *scratch) {
    const ptrdiff_t channels = p->channels, stride = p->stride, row = p->width * channels, numbers = windows * channels;
    const ptrdiff_t columns = (windows - 1) * stride + p->pool, size = ceil_div(columns, stride) * channels;
    const vec count = v_set1((MG_REAL)(rows * p->pool));
    for (ptrdiff_t i = 0; i < stride * size; i++) scratch[i] = 0;
    ptrdiff_t tap = 0, phase = 0;
    for (ptrdiff_t k = 0; k < p->pool; k++) {
        for (ptrdiff_t i = 0; i < numbers; i += VL) {
            const int n = LANES(numbers - i);
            MG_NAME(pool_add)(scratch + tap + i, v_div(MG_NAME(pool_load)(dy + i, n), count), n);
        }
        tap += MG_NAME(pool_next_tap)(&phase, stride, size, channels);
    }
    for (ptrdiff_t r = part->from; r < smaller(rows, part->to); r++)
        MG_NAME(pool_phases)(dx + r * row, scratch, columns, channels, stride, size, 1);
}

MG_INLINE void MG_NAME(pool_grad_row)(const struct mg_pool *p, const MG_REAL *x, ptrdiff_t rows, const MG_REAL *y,
                                      const MG_REAL *dy, MG_REAL *dx, const struct MG_NAME(pool_part) *part,
                                      MG_REAL *scratch, const int average) {
    const ptrdiff_t channels = p->channels, stride = p->stride, pad = p->pad;
    /* windows begin ... end - 1 meet the part's columns, of which from ... to - 1 lie in it as a whole */
    const ptrdiff_t begin = ceil_div(part->first + pad - p->pool + 1, stride);
    const ptrdiff_t end = smaller(p->outputs, ceil_div(part->last + pad, stride));
    const ptrdiff_t from = ceil_div(part->first + pad, stride);
    const ptrdiff_t to = smaller(end, ceil_div(part->last + pad - p->pool + 1, stride));
    if (!average || !MG_NAME(pool_lanes_over_windows)(channels, to - from)) {
        MG_NAME(pool_grad_windows)(p, x, rows, y, dy, dx, part, begin, end, average);
        return;
    }
    const ptrdiff_t column = (from * stride - pad) * channels, window = from * channels;
    MG_NAME(pool_grad_windows)(p, x, rows, y, dy, dx, part, begin, from, average);
    MG_NAME(pool_average_grad_inner)(p, rows, dy + window, dx + column, part, to - from, scratch);
    MG_NAME(pool_grad_windows)(p, x, rows, y, dy, dx, part, to, end, average);
}

static void MG_NAME(pool_max_grad)(const struct mg_pool *p, const void *x, ptrdiff_t rows, const void *y, const void *dy,
                                   void *dx, ptrdiff_t from, ptrdiff_t to, ptrdiff_t first, ptrdiff_t last,
                                   void *scratch) {
    const struct MG_NAME(pool_part) part = {from, to, first, last};
    MG_NAME(pool_grad_row)(p, x, rows, y, dy, dx, &part, scratch, 0);
}

static void MG_NAME(pool_average_grad)(const struct mg_pool *p, ptrdiff_t rows, const void *dy, void *dx, ptrdiff_t from,
                                       ptrdiff_t to, ptrdiff_t first, ptrdiff_t last, void *scratch) {
    const struct MG_NAME(pool_part) part = {from, to, first, last};
    MG_NAME(pool_grad_row)(p, NULL, rows, NULL, dy, dx, &part, scratch, 1);
}
