/* The correlation of filter.h for one MG_DTYPE (MG_REAL in C) and one MG_ISA.

   A block of `mr` rows by `nv` vectors of outputs stays in registers while the kernel passes over it:

       for q < kh + mr - 1            rows of x under the block
         for n < kw                   taps of a row
           load nv vectors of x[q], shifted by n
           for r < mr                 every output row whose kernel covers q, by its row q - r
             acc[r] += h[q - r][n] * x                                    nv multiply-adds a broadcast

   so that one (usually unaligned) load of x serves mr outputs. 4 x 4 with 32 registers and 4 x 2 with 16 run at more
   than three quarters of the multiply-add limit; with one row of kernel nothing is shared and loads decide. */

#if defined(MG_ISA_AVX512) || defined(MG_ISA_NEON)
#define WIDE 4
#else
#define WIDE 2
#endif

/* `lanes` < VL stands for a narrow map, one partial vector wide (nv is 1 then). */
MG_INLINE void MG_NAME(block)(const int mr, const int nv, const int lanes, const MG_REAL *x, ptrdiff_t x_pitch,
                              const MG_REAL *h, ptrdiff_t kh, ptrdiff_t kw, ptrdiff_t step, MG_REAL *out,
                              ptrdiff_t out_pitch) {
    vec acc[4][4], v[4];
    MG_UNROLL for (int r = 0; r < mr; r++) {
        MG_UNROLL for (int j = 0; j < nv; j++) acc[r][j] = v_zero();
    }
    for (ptrdiff_t q = 0; q < kh + mr - 1; q++, x += x_pitch) {
        const int whole = q >= mr - 1 && q < kh;    /* else x[q] reaches only some of the block's rows */
        const MG_REAL *from = x, *tap = h + q * kw;
        if (whole) {
            for (ptrdiff_t n = 0; n < kw; n++, from += step, tap++) {
                MG_UNROLL for (int j = 0; j < nv; j++) v[j] = lanes < VL ? v_loadn(from, lanes) : v_load(from + j * VL);
                MG_UNROLL for (int r = 0; r < mr; r++) {
                    const vec weight = v_set1(tap[-r * kw]);
                    MG_UNROLL for (int j = 0; j < nv; j++) acc[r][j] = v_fma(weight, v[j], acc[r][j]);
                }
            }
        } else {
            for (ptrdiff_t n = 0; n < kw; n++, from += step, tap++) {
                MG_UNROLL for (int j = 0; j < nv; j++) v[j] = lanes < VL ? v_loadn(from, lanes) : v_load(from + j * VL);
                MG_UNROLL for (int r = 0; r < mr; r++) {
                    if (q < r || q - r >= kh) continue;
                    const vec weight = v_set1(tap[-r * kw]);
                    MG_UNROLL for (int j = 0; j < nv; j++) acc[r][j] = v_fma(weight, v[j], acc[r][j]);
                }
            }
        }
    }
    MG_UNROLL for (int r = 0; r < mr; r++) {
        MG_UNROLL for (int j = 0; j < nv; j++) {
            if (lanes < VL) v_storen(out + r * out_pitch, acc[r][j], lanes);
            else v_store(out + r * out_pitch + j * VL, acc[r][j]);
        }
    }
}

/* One strip of mr rows: wide blocks, single vectors, and a last vector that overlaps the one before. */
MG_INLINE void MG_NAME(strip)(const int mr, const int nv, const MG_REAL *x, ptrdiff_t x_pitch, const MG_REAL *h,
                              ptrdiff_t kh, ptrdiff_t kw, ptrdiff_t step, MG_REAL *out, ptrdiff_t out_pitch,
                              ptrdiff_t cols) {
    ptrdiff_t j = 0;
    if (cols < VL) {
        MG_NAME(block)(mr, 1, (int)cols, x, x_pitch, h, kh, kw, step, out, out_pitch);
        return;
    }
    for (; j + nv * VL <= cols; j += nv * VL) MG_NAME(block)(mr, nv, VL, x + j, x_pitch, h, kh, kw, step, out + j, out_pitch);
    while (j < cols) {
        if (j + VL > cols) j = cols - VL;
        MG_NAME(block)(mr, 1, VL, x + j, x_pitch, h, kh, kw, step, out + j, out_pitch);
        j += VL;
    }
}

static void MG_NAME(correlate)(const void *x_, ptrdiff_t x_pitch, const void *h, ptrdiff_t kh, ptrdiff_t kw,
                               ptrdiff_t step, void *out_, ptrdiff_t out_pitch, ptrdiff_t rows, ptrdiff_t cols) {
    const MG_REAL *x = x_;
    MG_REAL *out = out_;
    ptrdiff_t i = 0;
    if (kh > 1)
        for (; i + 4 <= rows; i += 4)
            MG_NAME(strip)(4, WIDE, x + i * x_pitch, x_pitch, h, kh, kw, step, out + i * out_pitch, out_pitch, cols);
    for (; i < rows; i++)
        MG_NAME(strip)(1, 4, x + i * x_pitch, x_pitch, h, kh, kw, step, out + i * out_pitch, out_pitch, cols);
}

static void MG_NAME(add_turned)(void *to_, const void *from_, ptrdiff_t n) {
    MG_REAL *to = to_;
    const MG_REAL *from = from_;
    for (ptrdiff_t i = 0; i < n; i++, to += 2, from += 2) {
        to[0] -= from[1];
        to[1] += from[0];
    }
}

#undef WIDE
