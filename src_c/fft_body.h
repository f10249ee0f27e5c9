/* The transforms of fft.h for one MG_DTYPE (MG_REAL in C) and one MG_ISA.

   Forward, decimation in frequency. A stage of size m cuts each run of m elements into four quarters and leaves in
   quarter q the sequence whose transform of length m / 4 holds the frequencies q, q + 4, q + 8, ...

       quarter[q][k] = w^(q k) sum over p of (-i)^(p q) x[k + p m / 4],    w = exp(-2 pi i / m)

   until runs of 8 (odd log2 n) or 4 are left, whose transforms need no table. The inverse undoes the stages in the
   opposite order with conjugate factors. A stage reads and writes every element once: 28 operations for 16 transfers. */

typedef struct {
    vec re, im;
} MG_NAME(complex);
#define COMPLEX MG_NAME(complex)
#define TWIDDLES MG_PASTE2(mg_fft_twiddles, MG_DTYPE)

MG_INLINE COMPLEX MG_NAME(get)(const MG_REAL *p) {
    COMPLEX z = {v_load(p), v_load(p + VL)};
    return z;
}
MG_INLINE void MG_NAME(put)(MG_REAL *p, COMPLEX z) {
    v_store(p, z.re);
    v_store(p + VL, z.im);
}
MG_INLINE COMPLEX MG_NAME(add)(COMPLEX a, COMPLEX b) {
    COMPLEX z = {v_add(a.re, b.re), v_add(a.im, b.im)};
    return z;
}
MG_INLINE COMPLEX MG_NAME(sub)(COMPLEX a, COMPLEX b) {
    COMPLEX z = {v_sub(a.re, b.re), v_sub(a.im, b.im)};
    return z;
}
MG_INLINE COMPLEX MG_NAME(times)(COMPLEX a, COMPLEX b) {
    COMPLEX z = {v_fnma(a.im, b.im, v_mul(a.re, b.re)), v_fma(a.im, b.re, v_mul(a.re, b.im))};
    return z;
}
MG_INLINE COMPLEX MG_NAME(times_conj)(COMPLEX a, COMPLEX b) {
    COMPLEX z = {v_fma(a.im, b.im, v_mul(a.re, b.re)), v_fnma(a.re, b.im, v_mul(a.im, b.re))};
    return z;
}
MG_INLINE COMPLEX MG_NAME(both)(const MG_REAL *w) {
    COMPLEX z = {v_set1(w[0]), v_set1(w[1])};
    return z;
}
/* a - i b forward (sign 1), a + i b backward (sign -1) */
MG_INLINE COMPLEX MG_NAME(turned)(COMPLEX a, COMPLEX b, int sign) {
    COMPLEX z = {sign > 0 ? v_add(a.re, b.im) : v_sub(a.re, b.im), sign > 0 ? v_sub(a.im, b.re) : v_add(a.im, b.re)};
    return z;
}
#define GET MG_NAME(get)
#define PUT MG_NAME(put)
#define ADD MG_NAME(add)
#define SUB MG_NAME(sub)
#define TIMES MG_NAME(times)
#define TIMES_CONJ MG_NAME(times_conj)
#define BOTH MG_NAME(both)
#define TURNED MG_NAME(turned)

/* y[q] = sum over p of (-i sign)^(p q) x[p] */
MG_INLINE void MG_NAME(butterfly4)(COMPLEX x[4], int sign) {
    COMPLEX even = ADD(x[0], x[2]), even_ = SUB(x[0], x[2]), odd = ADD(x[1], x[3]), odd_ = SUB(x[1], x[3]);
    x[0] = ADD(even, odd);
    x[1] = TURNED(even_, odd_, sign);
    x[2] = SUB(even, odd);
    x[3] = TURNED(even_, odd_, -sign);
}

/* The transform of 8, frequencies in their own order: two of 4 over even and odd elements. */
MG_INLINE void MG_NAME(butterfly8)(COMPLEX x[8], int sign) {
    const vec half = v_set1((MG_REAL)0.70710678118654752440);
    COMPLEX e[4] = {x[0], x[2], x[4], x[6]}, o[4] = {x[1], x[3], x[5], x[7]};
    MG_NAME(butterfly4)(e, sign);
    MG_NAME(butterfly4)(o, sign);
    COMPLEX diagonal = TURNED(o[1], o[1], sign), other = TURNED(o[3], o[3], -sign);
    o[1].re = v_mul(half, diagonal.re), o[1].im = v_mul(half, diagonal.im);
    o[3].re = v_mul(half, other.re), o[3].im = v_mul(half, other.im);
    x[0] = ADD(e[0], o[0]), x[4] = SUB(e[0], o[0]);
    x[1] = ADD(e[1], o[1]), x[5] = SUB(e[1], o[1]);
    x[2] = TURNED(e[2], o[2], sign), x[6] = TURNED(e[2], o[2], -sign);
    x[3] = SUB(e[3], o[3]), x[7] = ADD(e[3], o[3]);
}

MG_INLINE void MG_NAME(last_stage)(MG_REAL *data, ptrdiff_t n, ptrdiff_t stride, int sign) {
    if (n == 2) {
        COMPLEX a = GET(data), b = GET(data + stride);
        PUT(data, ADD(a, b));
        PUT(data + stride, SUB(a, b));
    } else if (n == 4) {
        COMPLEX x[4];
        MG_UNROLL for (int p = 0; p < 4; p++) x[p] = GET(data + p * stride);
        MG_NAME(butterfly4)(x, sign);
        MG_UNROLL for (int p = 0; p < 4; p++) PUT(data + p * stride, x[p]);
    } else if (n == 8) {
        COMPLEX x[8];
        MG_UNROLL for (int p = 0; p < 8; p++) x[p] = GET(data + p * stride);
        MG_NAME(butterfly8)(x, sign);
        MG_UNROLL for (int p = 0; p < 8; p++) PUT(data + p * stride, x[p]);
    }
}

static void MG_NAME(forward)(void *memory, int log2n, ptrdiff_t stride) {
    MG_REAL *data = memory;
    const ptrdiff_t n = (ptrdiff_t)1 << log2n;
    ptrdiff_t m = n;
    for (; m > 8; m /= 4) {
        const ptrdiff_t quarter = m / 4 * stride;
        for (ptrdiff_t run = 0; run < n; run += m) {
            const MG_REAL *w = TWIDDLES(m);
            MG_REAL *at = data + run * stride;
            for (ptrdiff_t k = 0; k < m / 4; k++, at += stride, w += 6) {
                COMPLEX x[4];
                MG_UNROLL for (int p = 0; p < 4; p++) x[p] = GET(at + p * quarter);
                MG_NAME(butterfly4)(x, 1);
                PUT(at, x[0]);
                MG_UNROLL for (int q = 1; q < 4; q++) PUT(at + q * quarter, TIMES(x[q], BOTH(w + 2 * q - 2)));
            }
        }
    }
    for (ptrdiff_t run = 0; run < n; run += m) MG_NAME(last_stage)(data + run * stride, m, stride, 1);
}

static void MG_NAME(inverse)(void *memory, int log2n, ptrdiff_t stride) {
    MG_REAL *data = memory;
    const ptrdiff_t n = (ptrdiff_t)1 << log2n;
    ptrdiff_t m = log2n <= 1 ? n : log2n % 2 ? 8 : 4;
    for (ptrdiff_t run = 0; run < n; run += m) MG_NAME(last_stage)(data + run * stride, m, stride, -1);
    for (m *= 4; m <= n; m *= 4) {
        const ptrdiff_t quarter = m / 4 * stride;
        for (ptrdiff_t run = 0; run < n; run += m) {
            const MG_REAL *w = TWIDDLES(m);
            MG_REAL *at = data + run * stride;
            for (ptrdiff_t k = 0; k < m / 4; k++, at += stride, w += 6) {
                COMPLEX x[4];
                x[0] = GET(at);
                MG_UNROLL for (int q = 1; q < 4; q++) x[q] = TIMES_CONJ(GET(at + q * quarter), BOTH(w + 2 * q - 2));
                MG_NAME(butterfly4)(x, -1);
                MG_UNROLL for (int p = 0; p < 4; p++) PUT(at + p * quarter, x[p]);
            }
        }
    }
}

static void MG_NAME(multiply)(void *a, const void *b, ptrdiff_t n) {
    MG_REAL *to = a;
    const MG_REAL *by = b;
    for (ptrdiff_t i = 0; i < n; i++, to += 2 * VL, by += 2 * VL) PUT(to, TIMES(GET(to), GET(by)));
}

static void MG_NAME(multiply_conj)(void *a, const void *b, ptrdiff_t n) {
    MG_REAL *to = a;
    const MG_REAL *by = b;
    for (ptrdiff_t i = 0; i < n; i++, to += 2 * VL, by += 2 * VL) PUT(to, TIMES_CONJ(GET(to), GET(by)));
}

static void MG_NAME(turn)(const void *rows, ptrdiff_t pitch, void *column, ptrdiff_t n) {
    const MG_REAL *from = rows;
    MG_REAL *to = column;
    for (ptrdiff_t j = 0; j < n; j += VL)
        for (int part = 0; part < 2; part++)
            MG_NAME(transpose)(from + 2 * j + part * VL, pitch, to + 2 * j * VL + part * VL, 2 * VL);
}

static void MG_NAME(turn_back)(const void *column, void *rows, ptrdiff_t pitch, ptrdiff_t n) {
    const MG_REAL *from = column;
    MG_REAL *to = rows;
    for (ptrdiff_t j = 0; j < n; j += VL)
        for (int part = 0; part < 2; part++)
            MG_NAME(transpose)(from + 2 * j * VL + part * VL, 2 * VL, to + 2 * j + part * VL, pitch);
}

static void MG_NAME(put_part)(const void *numbers, ptrdiff_t step, void *row, int part, ptrdiff_t n) {
    const MG_REAL *from = numbers;
    MG_REAL *to = (MG_REAL *)row + part * VL;
    if (step == 1)
        for (ptrdiff_t j = 0; j < n; j += VL) v_store(to + 2 * j, v_load(from + j));
    else
        for (ptrdiff_t j = 0; j < n; j += VL)
            for (int lane = 0; lane < VL; lane++) to[2 * j + lane] = from[(j + lane) * step];
}

static void MG_NAME(get_part)(const void *row, void *numbers, ptrdiff_t step, int part, ptrdiff_t n) {
    const MG_REAL *from = (const MG_REAL *)row + part * VL;
    MG_REAL *to = numbers;
    if (step == 1)
        for (ptrdiff_t j = 0; j < n; j += VL) v_store(to + j, v_load(from + 2 * j));
    else
        for (ptrdiff_t j = 0; j < n; j += VL)
            for (int lane = 0; lane < VL; lane++) to[(j + lane) * step] = from[2 * j + lane];
}

#undef COMPLEX
#undef TWIDDLES
#undef GET
#undef PUT
#undef ADD
#undef SUB
#undef TIMES
#undef TIMES_CONJ
#undef BOTH
#undef TURNED
