/* The correlation of filter.h for one MG_DTYPE (MG_REAL in C) and one MG_ISA.

   A block of mr rows by nv vectors of outputs stays in registers while the kernel passes over it:

       for q                            rows of x under the block
         for n < kw                     taps of a row
           load nv vectors of x[q], shifted by n
           for r < mr                   every output row whose kernel covers q, by its row q - r
             acc[r] += h[q - r][n] * x                                    nv multiply-adds a broadcast

   so that one (usually unaligned) load of x serves up to mr outputs. The first mr - 1 rows under a block reach only
   some of its outputs, and so do the last mr - 1; row i reaches outputs 0 ... i and row kh + i the others:

       q        0     1     2   | 3 ... kh-1 |   kh   kh+1   kh+2              mr = 4
       r      0     0-1   0-2   |    0-3     |  1-3    2-3     3

   so they are taken in pairs, and every step has mr * nv multiply-adds, independent of one another. (6 rows of 2 vectors
   were slower in 16 registers: the pairs load twice.) */

#if MG_REGISTERS == 32
#define WIDE 4
#else
#define WIDE 2
#endif

/* `lanes` < VL stands for a narrow map, one partial vector wide (nv is 1 then). */
MG_INLINE void MG_NAME(add_tap)(vec acc[4][4], const int first, const int end, const int nv, const int lanes,
                                const MG_REAL *x, const MG_REAL *tap, ptrdiff_t kw) {
    vec v[4];
    MG_UNROLL for (int j = 0; j < nv; j++) v[j] = lanes < VL ? v_loadn(x, lanes) : v_load(x + j * VL);
    MG_UNROLL for (int r = first; r < end; r++) {
        const vec weight = v_set1(tap[-r * kw]);
        MG_UNROLL for (int j = 0; j < nv; j++) acc[r][j] = v_fma(weight, v[j], acc[r][j]);
    }
}

MG_INLINE void MG_NAME(block)(const int mr, const int nv, const int lanes, const MG_REAL *x, ptrdiff_t x_pitch,
                              const MG_REAL *h, ptrdiff_t kh, ptrdiff_t kw, ptrdiff_t step, MG_REAL *out,
                              ptrdiff_t out_pitch) {
    vec acc[4][4];
    MG_UNROLL for (int r = 0; r < mr; r++) {
        MG_UNROLL for (int j = 0; j < nv; j++) acc[r][j] = v_zero();
    }
    MG_UNROLL for (int i = 0; i < mr - 1; i++) {
        const MG_REAL *above = x + i * x_pitch, *below = above + kh * x_pitch, *tap = h + i * kw;
        for (ptrdiff_t n = 0; n < kw; n++, above += step, below += step, tap++) {
            MG_NAME(add_tap)(acc, 0, i + 1, nv, lanes, above, tap, kw);
            MG_NAME(add_tap)(acc, i + 1, mr, nv, lanes, below, tap + kh * kw, kw);
        }
    }
    for (ptrdiff_t q = mr - 1; q < kh; q++) {
        const MG_REAL *from = x + q * x_pitch, *tap = h + q * kw;
        for (ptrdiff_t n = 0; n < kw; n++, from += step, tap++) MG_NAME(add_tap)(acc, 0, mr, nv, lanes, from, tap, kw);
    }
    MG_UNROLL for (int r = 0; r < mr; r++) {
        MG_UNROLL for (int j = 0; j < nv; j++) {
            if (lanes < VL) v_storen(out + r * out_pitch, acc[r][j], lanes);
            else v_store(out + r * out_pitch + j * VL, acc[r][j]);
        }
    }
}

/* Strips of mr rows: wide blocks, single vectors, and a last vector that overlaps the one before. Needs kh >= mr - 1;
   returns the row after the last strip. */
MG_INLINE ptrdiff_t MG_NAME(strips)(const int mr, const int nv, ptrdiff_t row, ptrdiff_t rows, const MG_REAL *x,
                                    ptrdiff_t x_pitch, const MG_REAL *h, ptrdiff_t kh, ptrdiff_t kw, ptrdiff_t step,
                                    MG_REAL *out, ptrdiff_t out_pitch, ptrdiff_t cols) {
    for (; row + mr <= rows; row += mr) {
        const MG_REAL *from = x + row * x_pitch;
        MG_REAL *to = out + row * out_pitch;
        ptrdiff_t j = 0;
        if (cols < VL) {
            MG_NAME(block)(mr, 1, (int)cols, from, x_pitch, h, kh, kw, step, to, out_pitch);
            continue;
        }
        for (; j + nv * VL <= cols; j += nv * VL)
            MG_NAME(block)(mr, nv, VL, from + j, x_pitch, h, kh, kw, step, to + j, out_pitch);
        while (j < cols) {
            if (j + VL > cols) j = cols - VL;
            MG_NAME(block)(mr, 1, VL, from + j, x_pitch, h, kh, kw, step, to + j, out_pitch);
            j += VL;
        }
    }
    return row;
}

static void MG_NAME(correlate)(const void *x_, ptrdiff_t x_pitch, const void *h, ptrdiff_t kh, ptrdiff_t kw,
                               ptrdiff_t step, void *out_, ptrdiff_t out_pitch, ptrdiff_t rows, ptrdiff_t cols) {
    const MG_REAL *x = x_;
    MG_REAL *out = out_;
    ptrdiff_t i = 0;
    if (kh >= 3) i = MG_NAME(strips)(4, WIDE, i, rows, x, x_pitch, h, kh, kw, step, out, out_pitch, cols);
    if (kh >= 2) i = MG_NAME(strips)(2, 4, i, rows, x, x_pitch, h, kh, kw, step, out, out_pitch, cols);
    MG_NAME(strips)(1, 4, i, rows, x, x_pitch, h, kh, kw, step, out, out_pitch, cols);
}

static void MG_NAME(add_turned)(void *to_, const void *from_, ptrdiff_t n) {
    MG_REAL *to = to_;
    const MG_REAL *from = from_;
    for (ptrdiff_t i = 0; i < n; i++, to += 2, from += 2) {
        to[0] -= from[1];
        to[1] += from[0];
    }
}

static void MG_NAME(raise_peaks)(void *to_, const void *x_, ptrdiff_t n) {
    MG_REAL *to = to_;
    const MG_REAL *x = x_;
    for (ptrdiff_t i = 0; i < n; i += VL) {
        const int lanes = n - i < VL ? (int)(n - i) : VL;
        const vec v = lanes < VL ? v_loadn(x + i, lanes) : v_load(x + i);
        const vec peak = v_max(lanes < VL ? v_loadn(to + i, lanes) : v_load(to + i), v_max(v, v_sub(v_zero(), v)));
        if (lanes < VL) v_storen(to + i, peak, lanes);
        else v_store(to + i, peak);
    }
}

#undef WIDE
