/* The kernels of winograd.h for one MG_DTYPE (MG_REAL in C) and one MG_ISA. */

/* v_load and v_store or, for the last vector of a row, its first n lanes; n is a constant where it matters. */
#define LOAD(p, n) ((n) >= VL ? v_load(p) : v_loadn(p, (int)(n)))
#define STORE(p, a, n) ((n) >= VL ? v_store(p, a) : v_storen(p, a, (int)(n)))
#define NUMBER(x) v_set1((MG_REAL)(x))
/* Powers of the points 1/2 and -2; those of 1 and -1 are signs, and of 0 only the first is not 0. */
#define HALF(i) (1. / (1 << (i)))
#define TWO(i) ((i) % 2 ? -(1 << (i)) : 1 << (i))

/* ---- pixels ---- */

/* Bt of four rows. */
MG_INLINE void MG_NAME(pixel_rows)(vec (*d)[6], const int j) {
    const vec a = d[0][j], b = d[1][j], c = d[2][j], e = d[3][j], half = NUMBER(0.5);
    d[0][j] = v_sub(a, c);
    d[1][j] = v_mul(half, v_add(b, c));
    d[2][j] = v_mul(half, v_sub(c, b));
    d[3][j] = v_sub(e, b);
}

/* Bt of six columns, whose rows share the differences s and t. */
MG_INLINE void MG_NAME(pixel_columns)(const vec *d, MG_REAL *u, ptrdiff_t place, ptrdiff_t n) {
    const vec s = v_sub(d[4], d[2]), t = v_sub(d[3], d[1]), half = NUMBER(1.5);
    const vec plus = v_fma(half, v_add(d[3], d[2]), v_add(t, s)), minus = v_fma(half, v_sub(d[3], d[2]), v_sub(s, t));
    STORE(u, v_fma(half, t, v_add(v_sub(d[0], d[2]), s)), n);
    STORE(u + place, v_mul(NUMBER(1. / 3), plus), n);
    STORE(u + 2 * place, v_mul(NUMBER(-1. / 3), minus), n);
    STORE(u + 3 * place, v_mul(NUMBER(-16. / 15), v_add(s, v_add(t, t))), n);
    STORE(u + 4 * place, v_mul(NUMBER(1. / 15), v_fma(NUMBER(-0.5), t, s)), n);
    STORE(u + 5 * place, v_fma(half, s, v_sub(v_sub(d[5], d[3]), t)), n);
}

MG_INLINE void MG_NAME(pixels_vector)(const void *const *pixels, ptrdiff_t at, MG_REAL *u, ptrdiff_t place, ptrdiff_t n,
                                      const int rows) {
    vec d[4][6];
    MG_UNROLL
    for (int i = 0; i < rows; i++) {
        MG_UNROLL
        for (int j = 0; j < 6; j++) d[i][j] = LOAD((const MG_REAL *)pixels[6 * i + j] + at, n);
    }
    if (rows == 4) {
        MG_UNROLL
        for (int j = 0; j < 6; j++) MG_NAME(pixel_rows)(d, j);
    }
    MG_UNROLL
    for (int i = 0; i < rows; i++) MG_NAME(pixel_columns)(d[i], u + 6 * i * place, place, n);
}

MG_INLINE void MG_NAME(pixels_of)(const void *const *pixels, ptrdiff_t step, ptrdiff_t count, ptrdiff_t width,
                                  MG_REAL *u, ptrdiff_t place, ptrdiff_t pitch, const int rows) {
    for (ptrdiff_t at = 0; count > 0; count--, at += step, u += pitch) {
        ptrdiff_t c = 0;
        for (; c + VL <= width; c += VL) MG_NAME(pixels_vector)(pixels, at + c, u + c, place, VL, rows);
        if (c < width) MG_NAME(pixels_vector)(pixels, at + c, u + c, place, width - c, rows);
    }
}

static void MG_NAME(pixels)(int rows, const void *const *pixels, ptrdiff_t step, ptrdiff_t count, ptrdiff_t width,
                            void *u, ptrdiff_t place, ptrdiff_t pitch) {
    if (rows == 1) MG_NAME(pixels_of)(pixels, step, count, width, u, place, pitch, 1);
    else MG_NAME(pixels_of)(pixels, step, count, width, u, place, pitch, 4);
}

/* ---- V ---- */

/* To 6 columns from `length`: even and odd powers differ in sign at 1 and -1. */
MG_INLINE void MG_NAME(spread_columns)(const MG_REAL *x, ptrdiff_t item, int length, int given, vec *u, ptrdiff_t n) {
    vec even = v_zero(), odd = v_zero(), half = v_zero(), two = v_zero(), last = v_zero();
    u[0] = LOAD(x, n);
    MG_UNROLL
    for (int i = 0; i < 5; i++, x += item) {
        if (i == given) break;
        last = LOAD(x, n);
        if (i % 2) odd = v_add(odd, last);
        else even = v_add(even, last);
        half = v_fma(NUMBER(HALF(i)), last, half);
        two = v_fma(NUMBER(TWO(i)), last, two);
    }
    u[1] = v_add(even, odd);
    u[2] = v_sub(even, odd);
    u[3] = half;
    u[4] = two;
    u[5] = given < length ? v_zero() : last;
}

MG_INLINE void MG_NAME(spread_vector)(const struct mg_winograd_spread *s, const MG_REAL *x, MG_REAL *u, ptrdiff_t n,
                                      const int rows) {
    vec even[6], odd[6], line[6];
    if (rows == 1) {
        MG_NAME(spread_columns)(x, s->item, s->length, s->given, line, n);
        MG_UNROLL
        for (int j = 0; j < 6; j++) STORE(u + j * s->place, line[j], n);
        return;
    }
    MG_UNROLL
    for (int j = 0; j < 6; j++) even[j] = odd[j] = line[j] = v_zero();
    for (int i = 0; i < s->given_rows; i++, x += s->row_item) {
        MG_NAME(spread_columns)(x, s->item, s->length, s->given, line, n);
        MG_UNROLL
        for (int j = 0; j < 6; j++) {
            if (i == 0) STORE(u + j * s->place, line[j], n);
            if (i % 2) odd[j] = v_add(odd[j], line[j]);
            else even[j] = v_add(even[j], line[j]);
        }
    }
    MG_UNROLL
    for (int j = 0; j < 6; j++) {
        MG_REAL *to = u + j * s->place;
        STORE(to + 6 * s->place, v_add(even[j], odd[j]), n);
        STORE(to + 12 * s->place, v_sub(even[j], odd[j]), n);
        STORE(to + 18 * s->place, s->given_rows < s->row_length ? v_zero() : line[j], n);
    }
}

MG_INLINE void MG_NAME(spread_of)(const struct mg_winograd_spread *s, const MG_REAL *x, ptrdiff_t step, ptrdiff_t count,
                                  ptrdiff_t width, MG_REAL *u, ptrdiff_t pitch, const int rows) {
    for (; count > 0; count--, x += step, u += pitch) {
        ptrdiff_t c = 0;
        for (; c + VL <= width; c += VL) MG_NAME(spread_vector)(s, x + c, u + c, VL, rows);
        if (c < width) MG_NAME(spread_vector)(s, x + c, u + c, width - c, rows);
    }
}

static void MG_NAME(spread)(const struct mg_winograd_spread *s, const void *x, ptrdiff_t step, ptrdiff_t count,
                            ptrdiff_t width, void *u, ptrdiff_t pitch) {
    if (s->rows == 1) MG_NAME(spread_of)(s, x, step, count, width, u, pitch, 1);
    else MG_NAME(spread_of)(s, x, step, count, width, u, pitch, 4);
}

/* ---- Vt ---- */

MG_INLINE void MG_NAME(gather_vector)(const struct mg_winograd_spread *s, const MG_REAL *u, vec bias, int relu,
                                      MG_REAL *y, ptrdiff_t n, const int rows) {
    for (int i = 0; i < s->given_rows; i++, y += s->row_item) {
        vec m[6];
        MG_UNROLL
        for (int j = 0; j < 6; j++) {
            const MG_REAL *at = u + j * s->place;
            m[j] = LOAD(at, n);
            if (rows == 1) continue;
            const vec a = LOAD(at + 6 * s->place, n), b = LOAD(at + 12 * s->place, n);
            const vec ends = i % 2 ? v_sub(a, b) : v_add(a, b);
            m[j] = i == 0 ? v_add(ends, m[j]) : ends;
            if (i == s->row_length - 1) m[j] = v_add(m[j], LOAD(at + 18 * s->place, n));
        }
        const vec even = v_add(v_add(m[1], m[2]), bias), odd = v_add(v_sub(m[1], m[2]), bias);
        MG_UNROLL
        for (int k = 0; k < 5; k++) {
            if (k == s->given) break;
            vec sum = k % 2 ? odd : k == 0 ? v_add(even, m[0]) : even;
            sum = v_fma(NUMBER(HALF(k)), m[3], v_fma(NUMBER(TWO(k)), m[4], sum));
            if (k == s->length - 1) sum = v_add(sum, m[5]);
            if (relu) sum = v_max(v_zero(), sum);                       /* in this order a NaN stays */
            STORE(y + k * s->item, sum, n);
        }
    }
}

MG_INLINE void MG_NAME(gather_of)(const struct mg_winograd_spread *s, const MG_REAL *u, ptrdiff_t pitch, ptrdiff_t count,
                                  ptrdiff_t width, const MG_REAL *bias, int relu, MG_REAL *y, ptrdiff_t step,
                                  const int rows) {
    for (; count > 0; count--, u += pitch, y += step) {
        ptrdiff_t c = 0;
        for (; c + VL <= width; c += VL)
            MG_NAME(gather_vector)(s, u + c, bias ? v_load(bias + c) : v_zero(), relu, y + c, VL, rows);
        if (c < width)
            MG_NAME(gather_vector)(s, u + c, bias ? LOAD(bias + c, width - c) : v_zero(), relu, y + c, width - c, rows);
    }
}

static void MG_NAME(gather)(const struct mg_winograd_spread *s, const void *u, ptrdiff_t pitch, ptrdiff_t count,
                            ptrdiff_t width, const void *bias, int relu, void *y, ptrdiff_t step) {
    if (s->rows == 1) MG_NAME(gather_of)(s, u, pitch, count, width, bias, relu, y, step, 1);
    else MG_NAME(gather_of)(s, u, pitch, count, width, bias, relu, y, step, 4);
}

const struct mg_winograd_kernels MG_NAME(winograd_kernels) = {MG_NAME(pixels), MG_NAME(spread), MG_NAME(gather)};

#undef LOAD
#undef STORE
#undef NUMBER
#undef HALF
#undef TWO
