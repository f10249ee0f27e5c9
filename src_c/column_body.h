/* The kernels of column.h for one MG_DTYPE (MG_REAL in C) and one MG_ISA. Each number of the kernel is used once, so
   memory sets the pace; but one chain of multiply-adds alone would wait for itself. */

/* `vectors` vectors of filters from the first on, the sums over channels in `chains` chains; n lanes count. */
MG_INLINE void MG_NAME(column_block)(const struct mg_column *c, ptrdiff_t first, const int vectors, const int chains,
                                     const int n) {
    const MG_REAL *k = (const MG_REAL *)c->kernel + first;
    vec sum[8][4];
    MG_UNROLL
    for (int i = 0; i < chains; i++)
        MG_UNROLL
        for (int j = 0; j < vectors; j++)
            sum[i][j] = i || !c->bias ? v_zero() : v_loadn((const MG_REAL *)c->bias + first + j * VL, n);
    for (ptrdiff_t t = 0; t < c->count; t++) {
        const MG_REAL *x = c->taps[t], *const end = x + c->channels;
        for (; x + chains <= end; x += chains) {
            MG_UNROLL
            for (int i = 0; i < chains; i++, k += c->pitch)
                MG_UNROLL
                for (int j = 0; j < vectors; j++)
                    sum[i][j] = v_fma(v_set1(x[i]), v_load(k + j * VL), sum[i][j]);
        }
        for (; x < end; x++, k += c->pitch)
            MG_UNROLL
            for (int j = 0; j < vectors; j++)
                sum[0][j] = v_fma(v_set1(*x), v_load(k + j * VL), sum[0][j]);
    }
    MG_UNROLL
    for (int j = 0; j < vectors; j++) {
        MG_UNROLL
        for (int i = 1; i < chains; i++) sum[0][j] = v_add(sum[0][j], sum[i][j]);
        v_storen((MG_REAL *)c->y + first + j * VL, c->relu ? v_max(sum[0][j], v_zero()) : sum[0][j], n);
    }
}

static void MG_NAME(column_full)(const struct mg_column *c) {
    for (ptrdiff_t f = 0; f < c->filters;) {
        const ptrdiff_t left = c->filters - f;
        if (left >= 4 * VL) {
            MG_NAME(column_block)(c, f, 4, 2, VL);
            f += 4 * VL;
        } else if (left >= 2 * VL) {
            MG_NAME(column_block)(c, f, 2, 4, VL);
            f += 2 * VL;
        } else {
            MG_NAME(column_block)(c, f, 1, 8, (int)(left < VL ? left : VL));
            f += VL;
        }
    }
}

static void MG_NAME(column_channelwise)(const struct mg_column *c) {
    const ptrdiff_t size = c->channels * c->filters;
    MG_REAL *y = c->y;
    for (ptrdiff_t i = 0; i < size; i++) y[i] = c->bias ? ((const MG_REAL *)c->bias)[i] : 0;
    for (ptrdiff_t t = 0; t < c->count; t++) {
        const MG_REAL *x = c->taps[t], *k = (const MG_REAL *)c->kernel + t * size;
        ptrdiff_t i = 0;
        if (c->filters == 1)
            for (; i + VL <= size; i += VL) v_store(y + i, v_fma(v_load(x + i), v_load(k + i), v_load(y + i)));
        for (; i < size; i++) y[i] += x[i / c->filters] * k[i];
    }
    for (ptrdiff_t i = 0; c->relu && i < size; i++) y[i] = y[i] > 0 ? y[i] : 0;
}
