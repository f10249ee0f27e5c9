/* The kernels of winograd.h for one MG_DTYPE (MG_REAL in C) and one MG_ISA. */

#define PANEL (2 * VL)
#define DEPTH MG_WINOGRAD_DEPTH
/* v_load or, for the last vector of a row, its first n lanes; n is a constant where it matters. */
#define LOAD(p, n) ((n) >= VL ? v_load(p) : v_loadn(p, (int)(n)))
#define STORE(p, a, n) ((n) >= VL ? v_store(p, a) : v_storen(p, a, (int)(n)))

/* ---- the three transforms and their transposes, along one axis of `step` ---- */

/* Bt: 4 to 4, in place. */
MG_INLINE void MG_NAME(apply_bt)(vec *d, const int step) {
    const vec a = d[0], b = d[step], c = d[2 * step], e = d[3 * step];
    d[0] = v_sub(a, c);
    d[step] = v_add(b, c);
    d[2 * step] = v_sub(c, b);
    d[3 * step] = v_sub(b, e);
}

/* A: 2 to 4. */
MG_INLINE void MG_NAME(apply_a)(vec a, vec b, vec *out, const int step) {
    out[0] = a;
    out[step] = v_add(a, b);
    out[2 * step] = v_sub(a, b);
    out[3 * step] = v_sub(v_zero(), b);
}

/* At: 4 to 2. */
MG_INLINE void MG_NAME(apply_at)(const vec *m, const int step, vec *out, const int out_step) {
    const vec sum = v_add(m[step], m[2 * step]), difference = v_sub(m[step], m[2 * step]);
    out[0] = v_add(m[0], sum);
    out[out_step] = v_sub(difference, m[3 * step]);
}

/* G: 3 to 4. */
MG_INLINE void MG_NAME(apply_g)(const vec *k, const int step, vec *out, const int out_step) {
    const vec half = v_set1((MG_REAL)0.5), ends = v_add(k[0], k[2 * step]), middle = k[step];
    out[0] = k[0];
    out[out_step] = v_mul(half, v_add(ends, middle));
    out[2 * out_step] = v_mul(half, v_sub(ends, middle));
    out[3 * out_step] = k[2 * step];
}

/* Gt: 4 to 3. */
MG_INLINE void MG_NAME(apply_gt)(const vec *m, const int step, vec *out, const int out_step) {
    const vec half = v_set1((MG_REAL)0.5);
    const vec sum = v_mul(half, v_add(m[step], m[2 * step])), difference = v_mul(half, v_sub(m[step], m[2 * step]));
    out[0] = v_add(m[0], sum);
    out[out_step] = difference;
    out[2 * out_step] = v_add(m[3 * step], sum);
}

/* ---- transforms of whole arrays, a vector of columns at a time ---- */

MG_INLINE void MG_NAME(input_vector)(const MG_REAL *x, ptrdiff_t row, ptrdiff_t column, MG_REAL *u, ptrdiff_t place,
                                     ptrdiff_t n) {
    vec d[16];
    MG_UNROLL
    for (int i = 0; i < 16; i++) d[i] = LOAD(x + (i / 4) * row + (i % 4) * column, n);
    MG_UNROLL
    for (int j = 0; j < 4; j++) MG_NAME(apply_bt)(d + j, 4);
    MG_UNROLL
    for (int i = 0; i < 4; i++) MG_NAME(apply_bt)(d + 4 * i, 1);
    MG_UNROLL
    for (int i = 0; i < 16; i++) v_store(u + i * place, d[i]);
}

static void MG_NAME(input)(const void *x_, ptrdiff_t row, ptrdiff_t column, ptrdiff_t tiles, ptrdiff_t channels,
                           void *u_, ptrdiff_t place, ptrdiff_t block) {
    const MG_REAL *x = x_;
    MG_REAL *u = u_;
    for (ptrdiff_t t = 0; t < tiles; t++, x += 2 * column, u += DEPTH) {
        ptrdiff_t c = 0;
        for (; c + VL <= channels; c += VL)
            MG_NAME(input_vector)(x + c, row, column, u + c / DEPTH * block + c % DEPTH, place, VL);
        if (c < channels)
            MG_NAME(input_vector)(x + c, row, column, u + c / DEPTH * block + c % DEPTH, place, channels - c);
    }
}

MG_INLINE void MG_NAME(gradient_vector)(const MG_REAL *dy, ptrdiff_t row, ptrdiff_t column, MG_REAL *u,
                                        ptrdiff_t place, ptrdiff_t n) {
    vec half[8], d[16];
    MG_UNROLL
    for (int j = 0; j < 2; j++)
        MG_NAME(apply_a)(LOAD(dy + j * column, n), LOAD(dy + row + j * column, n), half + j, 2);
    MG_UNROLL
    for (int i = 0; i < 4; i++) MG_NAME(apply_a)(half[2 * i], half[2 * i + 1], d + 4 * i, 1);
    MG_UNROLL
    for (int i = 0; i < 16; i++) v_store(u + i * place, d[i]);
}

static void MG_NAME(gradient)(const void *dy_, ptrdiff_t row, ptrdiff_t column, ptrdiff_t tiles, ptrdiff_t filters,
                              void *u_, ptrdiff_t place, ptrdiff_t block) {
    const MG_REAL *dy = dy_;
    MG_REAL *u = u_;
    for (ptrdiff_t t = 0; t < tiles; t++, dy += 2 * column, u += PANEL) {
        ptrdiff_t f = 0;
        for (; f + VL <= filters; f += VL)
            MG_NAME(gradient_vector)(dy + f, row, column, u + f / PANEL * block + f % PANEL, place, VL);
        if (f < filters)
            MG_NAME(gradient_vector)(dy + f, row, column, u + f / PANEL * block + f % PANEL, place, filters - f);
    }
}

/* G k Gt of the 9 vectors k. */
MG_INLINE void MG_NAME(taps_vector)(const vec *k, MG_REAL *u, ptrdiff_t place) {
    vec half[12], d[16];
    MG_UNROLL
    for (int j = 0; j < 3; j++) MG_NAME(apply_g)(k + j, 3, half + j, 3);
    MG_UNROLL
    for (int i = 0; i < 4; i++) MG_NAME(apply_g)(half + 3 * i, 1, d + 4 * i, 1);
    MG_UNROLL
    for (int i = 0; i < 16; i++) v_store(u + i * place, d[i]);
}

/* A vector of n filters; neighbouring filters, or neighbouring channels (filters `filter` apart) turned in squares. */
static void MG_NAME(taps_along)(const MG_REAL *kernel, ptrdiff_t tap, ptrdiff_t channel, ptrdiff_t channels,
                                ptrdiff_t n, MG_REAL *u, ptrdiff_t place) {
    for (ptrdiff_t c = 0; c < channels; c++, kernel += channel, u += PANEL) {
        vec k[9];
        MG_UNROLL
        for (int t = 0; t < 9; t++) k[t] = LOAD(kernel + t * tap, n);
        MG_NAME(taps_vector)(k, u, place);
    }
}

static void MG_NAME(taps_across)(const MG_REAL *kernel, ptrdiff_t tap, ptrdiff_t filter, ptrdiff_t channels,
                                 ptrdiff_t n, MG_REAL *u, ptrdiff_t place) {
    MG_REAL square[9][VL * VL];
    for (ptrdiff_t c = 0; c < channels; c += VL, kernel += VL) {
        const ptrdiff_t here = channels - c < VL ? channels - c : VL;
        for (int t = 0; t < 9; t++) {
            if (here == VL && n >= VL) {
                MG_NAME(transpose)(kernel + t * tap, filter, square[t], VL);
                continue;
            }
            for (ptrdiff_t i = 0; i < here; i++)
                for (ptrdiff_t f = 0; f < VL; f++)
                    square[t][i * VL + f] = f < n ? kernel[t * tap + f * filter + i] : 0;
        }
        for (ptrdiff_t i = 0; i < here; i++, u += PANEL) {
            vec k[9];
            MG_UNROLL
            for (int t = 0; t < 9; t++) k[t] = v_load(square[t] + i * VL);
            MG_NAME(taps_vector)(k, u, place);
        }
    }
}

static void MG_NAME(taps)(const void *kernel, ptrdiff_t tap, ptrdiff_t channel, ptrdiff_t filter, ptrdiff_t channels,
                          ptrdiff_t n, void *u, ptrdiff_t place) {
    for (ptrdiff_t f = 0; f < n; f += VL) {
        const MG_REAL *from = (const MG_REAL *)kernel + f * filter;
        if (filter == 1) MG_NAME(taps_along)(from, tap, channel, channels, n - f, (MG_REAL *)u + f, place);
        else MG_NAME(taps_across)(from, tap, filter, channels, n - f, (MG_REAL *)u + f, place);
    }
}

MG_INLINE void MG_NAME(output_vector)(const MG_REAL *u, ptrdiff_t place, vec bias, int relu, MG_REAL *y, ptrdiff_t row,
                                      ptrdiff_t column, ptrdiff_t n, const int down, const int across) {
    vec m[16], half[8], out[4];
    MG_UNROLL
    for (int i = 0; i < 16; i++) m[i] = v_load(u + i * place);
    MG_UNROLL
    for (int j = 0; j < 4; j++) MG_NAME(apply_at)(m + j, 4, half + j, 4);
    MG_UNROLL
    for (int i = 0; i < 2; i++) MG_NAME(apply_at)(half + 4 * i, 1, out + 2 * i, 1);
    MG_UNROLL
    for (int i = 0; i < 4; i++) {
        if (i / 2 >= down || i % 2 >= across) continue;
        out[i] = v_add(out[i], bias);
        if (relu) out[i] = v_max(out[i], v_zero());
        STORE(y + (i / 2) * row + (i % 2) * column, out[i], n);
    }
}

static void MG_NAME(output)(const void *u_, ptrdiff_t place, const void *bias_, int relu, void *y_, ptrdiff_t row,
                            ptrdiff_t column, ptrdiff_t tiles, ptrdiff_t n, int down, int across) {
    const MG_REAL *bias = bias_;
    for (ptrdiff_t f = 0; f < n; f += VL) {
        const MG_REAL *u = (const MG_REAL *)u_ + f;
        MG_REAL *y = (MG_REAL *)y_ + f;
        const vec b = bias ? LOAD(bias + f, n - f) : v_zero();
        for (ptrdiff_t t = 0; t < tiles; t++, u += PANEL, y += 2 * column) {
            if (down == 2 && across == 2 && n - f >= VL)
                MG_NAME(output_vector)(u, place, b, relu, y, row, column, VL, 2, 2);
            else
                MG_NAME(output_vector)(u, place, b, relu, y, row, column, n - f, down, across);
        }
    }
}

static void MG_NAME(fold)(const void *u_, ptrdiff_t place, void *dkernel_, ptrdiff_t tap, ptrdiff_t channel,
                          ptrdiff_t channels, ptrdiff_t n) {
    for (ptrdiff_t f = 0; f < n; f += VL) {
        const MG_REAL *u = (const MG_REAL *)u_ + f;
        MG_REAL *dkernel = (MG_REAL *)dkernel_ + f;
        for (ptrdiff_t c = 0; c < channels; c++, u += PANEL, dkernel += channel) {
            vec m[16], half[12], k[9];
            MG_UNROLL
            for (int i = 0; i < 16; i++) m[i] = v_load(u + i * place);
            MG_UNROLL
            for (int j = 0; j < 4; j++) MG_NAME(apply_gt)(m + j, 4, half + j, 4);
            MG_UNROLL
            for (int i = 0; i < 3; i++) MG_NAME(apply_gt)(half + 4 * i, 1, k + 3 * i, 1);
            MG_UNROLL
            for (int t = 0; t < 9; t++) STORE(dkernel + t * tap, k[t], n - f);
        }
    }
}

/* ---- products: a register tile of ROWS x 2 vectors, one step of the sum at a time ---- */

#if defined(MG_ISA_AVX512) || defined(MG_ISA_NEON)
#define ROWS 14     /* 28 of 32 registers */
#define FOR_ROWS(X) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14)
#else
#define ROWS 6      /* 12 of 16 */
#define FOR_ROWS(X) X(1) X(2) X(3) X(4) X(5) X(6)
#endif

MG_INLINE void MG_NAME(step)(const MG_REAL *left, const int stride, const MG_REAL *right, vec (*sum)[2],
                             const int rows, const int vectors) {
    vec r[2];
    MG_UNROLL
    for (int j = 0; j < vectors; j++) r[j] = v_load(right + j * VL);
    MG_UNROLL
    for (int i = 0; i < rows; i++) {
        const vec l = v_set1(left[i * stride]);
        MG_UNROLL
        for (int j = 0; j < vectors; j++) sum[i][j] = v_fma(l, r[j], sum[i][j]);
    }
}

MG_INLINE void MG_NAME(store_tile)(MG_REAL *out, vec (*sum)[2], const int rows, const int vectors) {
    MG_UNROLL
    for (int i = 0; i < rows; i++) {
        MG_UNROLL
        for (int j = 0; j < vectors; j++) v_store(out + i * PANEL + j * VL, sum[i][j]);
    }
}

MG_INLINE void MG_NAME(products_tile)(const MG_REAL *left, ptrdiff_t block, const MG_REAL *right, MG_REAL *out,
                                      ptrdiff_t depth, const int rows, const int vectors) {
    vec sum[ROWS][2];
    MG_UNROLL
    for (int i = 0; i < rows; i++) sum[i][0] = sum[i][1] = v_zero();
    for (; depth > 0; depth -= DEPTH, left += block) {
        const MG_REAL *end = left + (depth < DEPTH ? depth : DEPTH);
        for (const MG_REAL *l = left; l < end; l++, right += PANEL)
            MG_NAME(step)(l, DEPTH, right, sum, rows, vectors);
    }
    MG_NAME(store_tile)(out, sum, rows, vectors);
}

MG_INLINE void MG_NAME(correlate_tile)(const MG_REAL *left, const MG_REAL *right, MG_REAL *out, ptrdiff_t depth,
                                       int first, const int rows, const int vectors) {
    vec sum[ROWS][2];
    MG_UNROLL
    for (int i = 0; i < rows; i++) {
        MG_UNROLL
        for (int j = 0; j < vectors; j++) sum[i][j] = first ? v_zero() : v_load(out + i * PANEL + j * VL);
    }
    for (; depth > 0; depth--, left += DEPTH, right += PANEL) MG_NAME(step)(left, 1, right, sum, rows, vectors);
    MG_NAME(store_tile)(out, sum, rows, vectors);
}

/* Cuts `rows` into tiles of nearly equal height, ROWS at most. */
#define BALANCED(rows) const ptrdiff_t count = (rows + ROWS - 1) / ROWS, least = rows / count, more = rows % count

static void MG_NAME(products)(const void *left_, ptrdiff_t block, const void *right, void *out_, ptrdiff_t rows,
                              ptrdiff_t depth, ptrdiff_t n) {
    const MG_REAL *left = left_;
    MG_REAL *out = out_;
    BALANCED(rows);
    for (ptrdiff_t i = 0; i < count; i++) {
        const ptrdiff_t height = least + (i < more);
        switch (height) {
#define CASE(r)                                                                       \
        case r:                                                                       \
            if (n > VL) MG_NAME(products_tile)(left, block, right, out, depth, r, 2); \
            else MG_NAME(products_tile)(left, block, right, out, depth, r, 1);        \
            break;
        FOR_ROWS(CASE)
#undef CASE
        }
        left += height * DEPTH;
        out += height * PANEL;
    }
}

static void MG_NAME(correlate)(const void *left_, ptrdiff_t block, const void *right, void *out_, ptrdiff_t rows,
                               ptrdiff_t depth, ptrdiff_t n, int first) {
    const MG_REAL *left = left_;
    MG_REAL *out = out_;
    for (; rows > 0; rows -= DEPTH, left += block) {
        const ptrdiff_t here = rows < DEPTH ? rows : DEPTH;
        const MG_REAL *l = left;
        BALANCED(here);
        for (ptrdiff_t i = 0; i < count; i++) {
            const ptrdiff_t height = least + (i < more);
            switch (height) {
#define CASE(r)                                                                      \
            case r:                                                                  \
                if (n > VL) MG_NAME(correlate_tile)(l, right, out, depth, first, r, 2); \
                else MG_NAME(correlate_tile)(l, right, out, depth, first, r, 1);     \
                break;
            FOR_ROWS(CASE)
#undef CASE
            }
            l += height;
            out += height * PANEL;
        }
    }
}

const struct mg_winograd_kernels MG_NAME(winograd_kernels) = {
    PANEL, ROWS, MG_NAME(input), MG_NAME(gradient), MG_NAME(taps), MG_NAME(products), MG_NAME(correlate),
    MG_NAME(output), MG_NAME(fold)};

#undef PANEL
#undef DEPTH
#undef LOAD
#undef STORE
#undef ROWS
#undef FOR_ROWS
#undef BALANCED
