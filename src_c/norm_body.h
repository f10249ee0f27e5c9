/* The kernels of norm.h for one MG_DTYPE (MG_REAL in C) and one MG_ISA. */

#define GET(p, n) ((n) == VL ? v_load(p) : v_loadn(p, n))
#define PUT(p, a, n) ((n) == VL ? v_store(p, a) : v_storen(p, a, n))

/* BLOCK(first column, vectors, lanes of the last one) until all columns are covered. */
#if defined(MG_SMALL)
#define OVER_COLUMNS(columns, BLOCK)                                                                           \
    for (ptrdiff_t c = 0; c < (columns); c += VL) BLOCK(c, 1, (int)((columns) - c < VL ? (columns) - c : VL));
#else
#define OVER_COLUMNS(columns, BLOCK)                                                                           \
    ptrdiff_t c = 0;                                                                                           \
    for (; c + 4 * VL <= (columns); c += 4 * VL) BLOCK(c, 4, VL);                                              \
    for (; c + VL <= (columns); c += VL) BLOCK(c, 1, VL);                                                      \
    if (c < (columns)) BLOCK(c, 1, (int)((columns) - c));
#endif

MG_INLINE void MG_NAME(moments_block)(const MG_REAL *x, ptrdiff_t rows, ptrdiff_t columns, MG_REAL *mean,
                                      MG_REAL *squares, const int vectors, const int n) {
    vec sum[4], middle[4];
    MG_UNROLL
    for (int j = 0; j < vectors; j++) {
        middle[j] = GET(x + j * VL, n);      /* sums of what is large but for a small rest would lose the rest */
        sum[j] = v_zero();
    }
    for (ptrdiff_t i = 1; i < rows; i++) {
        MG_UNROLL
        for (int j = 0; j < vectors; j++) sum[j] = v_add(sum[j], v_sub(GET(x + i * columns + j * VL, n), middle[j]));
    }
    MG_UNROLL
    for (int j = 0; j < vectors; j++) {
        middle[j] = v_add(middle[j], v_div(sum[j], v_set1((MG_REAL)rows)));
        PUT(mean + j * VL, middle[j], n);
        sum[j] = v_zero();
    }
    for (ptrdiff_t i = 0; i < rows; i++) {
        MG_UNROLL
        for (int j = 0; j < vectors; j++) {
            const vec away = v_sub(GET(x + i * columns + j * VL, n), middle[j]);
            sum[j] = v_fma(away, away, sum[j]);
        }
    }
    MG_UNROLL
    for (int j = 0; j < vectors; j++) PUT(squares + j * VL, sum[j], n);
}

static void MG_NAME(norm_moments)(const void *x_, ptrdiff_t rows, ptrdiff_t columns, void *mean_, void *squares_) {
    const MG_REAL *x = x_;
    MG_REAL *mean = mean_, *squares = squares_;
#define BLOCK(c, vectors, n) MG_NAME(moments_block)(x + c, rows, columns, mean + c, squares + c, vectors, n)
    OVER_COLUMNS(columns, BLOCK)
#undef BLOCK
}

enum { MG_NAME(SCALE), MG_NAME(SUMS), MG_NAME(TURN) };

/* One of three passes over a block of columns: they share what z and g are. */
MG_INLINE void MG_NAME(columns_block)(const struct mg_norm_columns *m, ptrdiff_t c, MG_REAL *total, MG_REAL *turned,
                                      const int pass, const int vectors, const int n) {
    const MG_REAL *x = (const MG_REAL *)m->x + c, *mean = (const MG_REAL *)m->mean + c;
    const MG_REAL *factor = (const MG_REAL *)m->factor + c, *offset = (const MG_REAL *)m->offset + c;
    MG_REAL *y = (MG_REAL *)m->y + c;
    const int relu = m->relu;               /* asked at every vector: memory takes longer than that */
    vec first[4], second[4];
    MG_UNROLL
    for (int j = 0; j < vectors; j++) {
        first[j] = pass == MG_NAME(TURN) ? GET((const MG_REAL *)m->slope + c + j * VL, n) : v_zero();
        second[j] = pass == MG_NAME(TURN) ? GET((const MG_REAL *)m->shift + c + j * VL, n) : v_zero();
    }
    for (ptrdiff_t i = 0; i < m->rows; i++, x += m->columns, y += m->columns) {
        MG_UNROLL
        for (int j = 0; j < vectors; j++) {
            const vec away = v_sub(GET(x + j * VL, n), GET(mean + j * VL, n));
            const vec f = GET(factor + j * VL, n);
            vec z = away, g = away;
            if (pass == MG_NAME(SCALE) || relu) z = v_fma(away, f, GET(offset + j * VL, n));
            if (pass == MG_NAME(SCALE)) {
                PUT(y + j * VL, relu ? v_max(v_zero(), z) : z, n);          /* in this order a NaN stays */
                continue;
            }
            g = GET(y + j * VL, n);
            if (relu) g = v_gate(z, g);
            if (pass == MG_NAME(TURN)) {
                PUT(y + j * VL, v_fma(g, f, v_fma(away, first[j], second[j])), n);
            } else {
                first[j] = v_add(first[j], g);
                second[j] = v_fma(g, away, second[j]);
            }
        }
    }
    if (pass != MG_NAME(SUMS)) return;
    MG_UNROLL
    for (int j = 0; j < vectors; j++) {
        PUT(total + c + j * VL, first[j], n);
        PUT(turned + c + j * VL, second[j], n);
    }
}

static void MG_NAME(norm_scale)(const struct mg_norm_columns *m) {
#define BLOCK(c, vectors, n) MG_NAME(columns_block)(m, c, NULL, NULL, MG_NAME(SCALE), vectors, n)
    OVER_COLUMNS(m->columns, BLOCK)
#undef BLOCK
}

static void MG_NAME(norm_sums)(const struct mg_norm_columns *m, void *total, void *turned) {
#define BLOCK(c, vectors, n) MG_NAME(columns_block)(m, c, total, turned, MG_NAME(SUMS), vectors, n)
    OVER_COLUMNS(m->columns, BLOCK)
#undef BLOCK
}

static void MG_NAME(norm_turn)(const struct mg_norm_columns *m) {
#define BLOCK(c, vectors, n) MG_NAME(columns_block)(m, c, NULL, NULL, MG_NAME(TURN), vectors, n)
    OVER_COLUMNS(m->columns, BLOCK)
#undef BLOCK
}

/* The sum of all lanes of four vectors, in one order. */
MG_INLINE MG_REAL MG_NAME(all_lanes)(const vec *sum) {
    MG_REAL lanes[VL], all = 0;
    v_store(lanes, v_add(v_add(sum[0], sum[1]), v_add(sum[2], sum[3])));
    for (int i = 0; i < VL; i++) all += lanes[i];
    return all;
}

/* STEP(first number, which of four sums, lanes) until all of `columns` are covered. */
#if defined(MG_SMALL)
#define OVER_ROW(columns, STEP)                                                                                \
    for (ptrdiff_t c = 0; c < (columns); c += VL) STEP(c, 0, (int)((columns) - c < VL ? (columns) - c : VL))
#else
#define OVER_ROW(columns, STEP)                                                                                \
    ptrdiff_t c = 0;                                                                                           \
    for (; c + 4 * VL <= (columns); c += 4 * VL) {                                                             \
        MG_UNROLL                                                                                              \
        for (int j = 0; j < 4; j++) STEP(c + j * VL, j, VL)                                                    \
    }                                                                                                          \
    for (; c + VL <= (columns); c += VL) STEP(c, 0, VL)                                                        \
    if (c < (columns)) STEP(c, 0, (int)((columns) - c))
#endif

static void MG_NAME(norm_rows)(const struct mg_norm_rows *m) {
    const ptrdiff_t columns = m->columns;
    const MG_REAL *x = m->x, *gamma = m->gamma, *beta = m->beta;
    MG_REAL *y = m->y, *mean = m->mean, *inverse = m->inverse;
    for (ptrdiff_t i = 0; i < m->rows; i++, x += columns, y += columns) {
        vec sum[4] = {v_zero(), v_zero(), v_zero(), v_zero()};
        {
#define STEP(c, j, n) sum[j] = v_add(sum[j], GET(x + (c), n));
            OVER_ROW(columns, STEP)
#undef STEP
        }
        mean[i] = MG_NAME(all_lanes)(sum) / (MG_REAL)columns;
        const vec middle = v_set1(mean[i]);
        for (int j = 0; j < 4; j++) sum[j] = v_zero();
        {
            /* lanes beyond the row hold no number: they must not count */
#define STEP(c, j, n)                                                                                          \
    {                                                                                                          \
        vec away = v_sub(GET(x + (c), n), middle);                                                             \
        if ((n) < VL) {                                                                                        \
            MG_REAL lanes[VL];                                                                                 \
            v_store(lanes, away);                                                                              \
            away = v_loadn(lanes, n);                                                                          \
        }                                                                                                      \
        sum[j] = v_fma(away, away, sum[j]);                                                                    \
    }
            OVER_ROW(columns, STEP)
#undef STEP
        }
        const double variance = (double)MG_NAME(all_lanes)(sum) / (double)columns;
        inverse[i] = (MG_REAL)(1 / sqrt(variance + m->epsilon));
        const vec less = m->rms ? v_zero() : middle, scale = v_set1(inverse[i]);
#define STEP(c, j, n)                                                                                          \
    PUT(y + (c),                                                                                               \
        v_fma(v_mul(v_sub(GET(x + (c), n), less), scale), GET(gamma + (c), n), GET(beta + (c), n)), n);
        OVER_ROW(columns, STEP)
#undef STEP
    }
}

static void MG_NAME(norm_rows_grad)(const struct mg_norm_rows *m, void *dgamma_, void *dbeta_, int to_x) {
    const ptrdiff_t columns = m->columns;
    const MG_REAL *x = m->x, *gamma = m->gamma, *mean = m->mean, *inverse = m->inverse;
    MG_REAL *dy = m->y, *dgamma = dgamma_, *dbeta = dbeta_;
    for (ptrdiff_t j = 0; j < columns; j++) dgamma[j] = dbeta[j] = 0;
    for (ptrdiff_t i = 0; i < m->rows; i++, x += columns, dy += columns) {
        const vec middle = v_set1(mean[i]), scale = v_set1(inverse[i]), less = m->rms ? v_zero() : middle;
        vec sum[4] = {v_zero(), v_zero(), v_zero(), v_zero()}, along[4] = {v_zero(), v_zero(), v_zero(), v_zero()};
        {
            /* lanes beyond the row have dy = 0 */
#define STEP(c, j, n)                                                                                          \
    {                                                                                                          \
        const vec g = GET(dy + (c), n), value = v_mul(v_sub(GET(x + (c), n), less), scale);                    \
        const vec slope = v_mul(g, GET(gamma + (c), n));                                                       \
        PUT(dgamma + (c), v_fma(g, value, GET(dgamma + (c), n)), n);                                           \
        PUT(dbeta + (c), v_add(g, GET(dbeta + (c), n)), n);                                                    \
        sum[j] = v_add(sum[j], slope);                                                                         \
        along[j] = v_fma(slope, value, along[j]);                                                              \
    }
            OVER_ROW(columns, STEP)
#undef STEP
        }
        if (!to_x) continue;
        const vec shift = m->rms ? v_zero() : v_set1(MG_NAME(all_lanes)(sum) / (MG_REAL)columns);
        const vec turn = v_set1(MG_NAME(all_lanes)(along) / (MG_REAL)columns);
#define STEP(c, j, n)                                                                                          \
    {                                                                                                          \
        const vec normal = v_mul(v_sub(GET(x + (c), n), middle), scale);                                       \
        const vec slope = v_sub(v_mul(GET(dy + (c), n), GET(gamma + (c), n)), shift);                          \
        PUT(dy + (c), v_mul(scale, v_fnma(normal, turn, slope)), n);                                           \
    }
        OVER_ROW(columns, STEP)
#undef STEP
    }
}

#undef GET
#undef PUT
#undef OVER_COLUMNS
#undef OVER_ROW
