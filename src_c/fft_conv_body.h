/* The kernels of fft_conv.h for one MG_DTYPE (MG_REAL in C) and one MG_ISA. */

#define STEP (2 * VL)       /* numbers between the elements of a column */

static void MG_NAME(load)(const void *from_, ptrdiff_t step, void *column_, ptrdiff_t count, int n) {
    const MG_REAL *from = from_;
    MG_REAL *column = column_;
    if (n == VL)
        for (ptrdiff_t i = 0; i < count; i++) v_store(column + i * STEP, v_load(from + i * step));
    else if (n == 1)
        for (ptrdiff_t i = 0; i < count; i++) column[i * STEP] = from[i * step];
    else
        for (ptrdiff_t i = 0; i < count; i++) v_storen(column + i * STEP, v_loadn(from + i * step, n), n);
}

static void MG_NAME(store)(const void *column_, const void *bias_, int relu, void *to_, ptrdiff_t step, ptrdiff_t count,
                           int n) {
    const MG_REAL *column = column_, *bias = bias_;
    MG_REAL *to = to_;
    const vec b = bias ? v_loadn(bias, n) : v_zero();
    for (ptrdiff_t i = 0; i < count; i++) {
        vec y = v_add(v_loadn(column + i * STEP, n), b);
        if (relu) y = v_max(y, v_zero());
        v_storen(to + i * step, y, n);
    }
}

static void MG_NAME(load_taps)(const void *from_, ptrdiff_t step, ptrdiff_t filter, double scale_, void *column_,
                               ptrdiff_t count, int n) {
    const MG_REAL *from = from_, scale = (MG_REAL)scale_;
    MG_REAL *column = column_;
    for (ptrdiff_t i = 0; i < count; i++)
        for (int lane = 0; lane < n; lane++) column[i * STEP + lane] = scale * from[i * step + lane * filter];
}

static void MG_NAME(store_taps)(const void *column_, double scale, void *to_, ptrdiff_t step, ptrdiff_t count, int n) {
    const MG_REAL *column = column_;
    MG_REAL *to = to_;
    const vec s = v_set1((MG_REAL)scale);
    for (ptrdiff_t i = 0; i < count; i++) v_storen(to + i * step, v_mul(s, v_loadn(column + i * STEP, n)), n);
}

#if MG_REGISTERS == 32
#define ROWS 8      /* 16 sums and a complex vector in 32 registers */
#define FOR_ROWS(X) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8)
#else
#define ROWS 4
#define FOR_ROWS(X) X(1) X(2) X(3) X(4)
#endif

MG_INLINE void MG_NAME(product_rows)(const struct mg_fft_product *p, ptrdiff_t first, const int rows) {
    const MG_REAL *left = p->left, *right = p->right;
    const vec sign = v_set1((MG_REAL)p->sign);
    MG_REAL *out = p->out;
    const ptrdiff_t *left_rows = p->left_rows + first, *out_rows = p->out_rows + first;
    for (ptrdiff_t k = 0; k < p->frequencies; k++, left += STEP, right += STEP, out += STEP) {
        vec re[ROWS], im[ROWS];
        MG_UNROLL
        for (int i = 0; i < rows; i++) {
            re[i] = p->accumulate ? v_load(out + out_rows[i]) : v_zero();
            im[i] = p->accumulate ? v_load(out + out_rows[i] + VL) : v_zero();
        }
        for (ptrdiff_t d = 0; d < p->depth; d++) {
            const MG_REAL *r = right + p->right_depth[d], *l = left + p->left_depth[d];
            const vec right_re = v_load(r), right_im = v_mul(sign, v_load(r + VL));
            MG_UNROLL
            for (int i = 0; i < rows; i++) {
                const vec left_re = v_set1(l[left_rows[i]]), left_im = v_set1(l[left_rows[i] + VL]);
                re[i] = v_fma(left_re, right_re, re[i]);
                im[i] = v_fma(left_im, right_re, im[i]);
                re[i] = v_fnma(left_im, right_im, re[i]);
                im[i] = v_fma(left_re, right_im, im[i]);
            }
        }
        MG_UNROLL
        for (int i = 0; i < rows; i++) {
            if (p->lanes == VL) {
                v_store(out + out_rows[i], re[i]);
                v_store(out + out_rows[i] + VL, im[i]);
            } else {
                v_storen(out + out_rows[i], re[i], p->lanes);
                v_storen(out + out_rows[i] + VL, im[i], p->lanes);
            }
        }
    }
}

static void MG_NAME(product)(const struct mg_fft_product *p) {
    const ptrdiff_t count = (p->rows + ROWS - 1) / ROWS;
    for (ptrdiff_t i = 0, first = 0; i < count; i++) {
        const ptrdiff_t rows = p->rows / count + (i < p->rows % count);
        switch (rows) {
#define CASE(r) case r: MG_NAME(product_rows)(p, first, r); break;
        FOR_ROWS(CASE)
#undef CASE
        }
        first += rows;
    }
}

const struct mg_fft_conv_kernels MG_NAME(fft_conv_kernels) = {
    MG_NAME(load), MG_NAME(store), MG_NAME(load_taps), MG_NAME(store_taps), MG_NAME(product)};

#undef STEP
#undef ROWS
#undef FOR_ROWS
