/* The kernels of winograd.h for one MG_DTYPE (MG_REAL in C) and one MG_ISA. */

/* v_load and v_store or, for the last vector of a row, its first n lanes; n is a constant where it matters. */
#define LOAD(p, n) ((n) >= VL ? v_load(p) : v_loadn(p, (int)(n)))
#define STORE(p, a, n) ((n) >= VL ? v_store(p, a) : v_storen(p, a, (int)(n)))
#define NUMBER(x) v_set1((MG_REAL)(x))
#define ROWS MG_WINOGRAD_ROWS(sizeof(MG_REAL))
/* Powers of 1/2 and 2. */
#define HALF(i) (1. / (1 << (i)))
#define TWO(i) (double)(1 << (i))

/* ---- Bt ---- */

/* Of six, whose rows share the differences s and t. */
MG_INLINE void MG_NAME(pixels6)(vec *d) {
    const vec s = v_sub(d[4], d[2]), t = v_sub(d[3], d[1]), half = NUMBER(1.5);
    const vec plus = v_fma(half, v_add(d[3], d[2]), v_add(t, s)), minus = v_fma(half, v_sub(d[3], d[2]), v_sub(s, t));
    d[0] = v_fma(half, t, v_add(v_sub(d[0], d[2]), s));
    d[5] = v_fma(half, s, v_sub(v_sub(d[5], d[3]), t));
    d[1] = v_mul(NUMBER(1. / 3), plus);
    d[2] = v_mul(NUMBER(-1. / 3), minus);
    d[3] = v_mul(NUMBER(-16. / 15), v_add(s, v_add(t, t)));
    d[4] = v_mul(NUMBER(1. / 15), v_fma(NUMBER(-0.5), t, s));
}

/* Of eight, the rows for points a and -a: they differ in the sign of the odd inputs. */
MG_INLINE void MG_NAME(pixel_pair)(const vec *d, double scale, double a, double middle, double first, vec *u) {
    const vec even = v_fma(NUMBER(first), d[2], v_fma(NUMBER(middle), d[4], d[6]));
    const vec odd = v_fma(NUMBER(first), d[1], v_fma(NUMBER(middle), d[3], d[5])), scaled = v_mul(NUMBER(scale), even);
    u[0] = v_fma(NUMBER(scale * a), odd, scaled);
    u[1] = v_fma(NUMBER(-scale * a), odd, scaled);
}

MG_INLINE void MG_NAME(pixels8)(vec *d) {
    vec u[6];
    MG_NAME(pixel_pair)(d, -2. / 9, 1, -4.25, 1, u);
    MG_NAME(pixel_pair)(d, 32. / 45, 0.5, -5, 4, u + 2);
    MG_NAME(pixel_pair)(d, 1. / 90, 2, -1.25, 0.25, u + 4);
    d[0] = v_fma(NUMBER(5.25), v_sub(d[4], d[2]), v_sub(d[0], d[6]));
    d[7] = v_fma(NUMBER(5.25), v_sub(d[3], d[5]), v_sub(d[7], d[1]));
    MG_UNROLL
    for (int i = 0; i < 6; i++) d[1 + i] = u[i];
}

MG_INLINE void MG_NAME(pixels4)(vec *d) {
    const vec a = d[0], b = d[1], c = d[2], e = d[3], half = NUMBER(0.5);
    d[0] = v_sub(a, c);
    d[1] = v_mul(half, v_add(b, c));
    d[2] = v_mul(half, v_sub(c, b));
    d[3] = v_sub(e, b);
}

MG_INLINE void MG_NAME(transform_pixels)(vec *d, const int points) {
    if (points == 4) MG_NAME(pixels4)(d);
    else if (points == 6) MG_NAME(pixels6)(d);
    else MG_NAME(pixels8)(d);
}

/* Rows come first, a column of them at a time. The next tile's pixels lie where no processor foresees it. */
MG_INLINE void MG_NAME(pixels_vector)(const void *const *pixels, ptrdiff_t at, ptrdiff_t step, MG_REAL *u,
                                      ptrdiff_t place, ptrdiff_t n, const int rows, const int columns) {
    vec lines[6][8], d[8];
    for (int j = 0; rows > 1 && j < columns; j++) {
        MG_UNROLL
        for (int i = 0; i < rows; i++) {
            const MG_REAL *pixel = (const MG_REAL *)pixels[columns * i + j] + at;
            d[i] = LOAD(pixel, n);
            MG_PREFETCH(pixel + step);
        }
        MG_NAME(transform_pixels)(d, rows);
        MG_UNROLL
        for (int i = 0; i < rows; i++) lines[i][j] = d[i];
    }
    for (int i = 0; i < rows; i++, u += columns * place) {
        MG_UNROLL
        for (int j = 0; j < columns; j++) d[j] = rows > 1 ? lines[i][j] : LOAD((const MG_REAL *)pixels[j] + at, n);
        MG_NAME(transform_pixels)(d, columns);
        MG_UNROLL
        for (int j = 0; j < columns; j++) STORE(u + j * place, d[j], n);
    }
}

MG_INLINE void MG_NAME(pixels_of)(const void *const *pixels, ptrdiff_t step, ptrdiff_t count, ptrdiff_t width,
                                  MG_REAL *u, ptrdiff_t place, ptrdiff_t pitch, const int rows, const int columns) {
    for (ptrdiff_t at = 0; count > 0; count--, at += step, u += pitch) {
        ptrdiff_t c = 0;
        for (; c + VL <= width; c += VL) MG_NAME(pixels_vector)(pixels, at + c, step, u + c, place, VL, rows, columns);
        if (c < width) MG_NAME(pixels_vector)(pixels, at + c, step, u + c, place, width - c, rows, columns);
    }
}

static void MG_NAME(pixels)(int rows, int columns, const void *const *pixels, ptrdiff_t step, ptrdiff_t count,
                            ptrdiff_t width, void *u, ptrdiff_t place, ptrdiff_t pitch) {
    if (columns == 8) MG_NAME(pixels_of)(pixels, step, count, width, u, place, pitch, 1, 8);
    else if (rows == 1) MG_NAME(pixels_of)(pixels, step, count, width, u, place, pitch, 1, 6);
    else MG_NAME(pixels_of)(pixels, step, count, width, u, place, pitch, ROWS, 6);
}

/* ---- V ---- */

/* To `points` from `length`, `item` numbers apart, of which `given` exist; if `ahead`, those so far on are next. */
MG_INLINE void MG_NAME(spread_line)(const MG_REAL *x, ptrdiff_t item, int length, int given, ptrdiff_t ahead, vec *u,
                                    ptrdiff_t n, const int points) {
    const vec zero = v_zero();
    const int pairs = points == 8 ? 3 : 1;
    vec even[3] = {zero, zero, zero}, odd[3] = {zero, zero, zero}, half = zero, two = zero, last = zero;
    u[0] = LOAD(x, n);
    MG_UNROLL
    for (int i = 0; i < points / 2 + 2; i++, x += item) {
        if (i == given) break;
        vec *sums = i % 2 ? odd : even;
        last = LOAD(x, n);
        if (ahead) MG_PREFETCH(x + ahead);
        sums[0] = v_add(sums[0], last);
        if (points == 8) {
            sums[1] = v_fma(NUMBER(HALF(i)), last, sums[1]);
            sums[2] = v_fma(NUMBER(TWO(i)), last, sums[2]);
        } else if (points == 6) {
            half = v_fma(NUMBER(HALF(i)), last, half);
            two = v_fma(NUMBER(i % 2 ? -TWO(i) : TWO(i)), last, two);
        }
    }
    MG_UNROLL
    for (int p = 0; p < pairs; p++) {
        u[1 + 2 * p] = v_add(even[p], odd[p]);
        u[2 + 2 * p] = v_sub(even[p], odd[p]);
    }
    if (points == 6) u[3] = half, u[4] = two;
    u[points - 1] = given < length ? zero : last;
}

MG_INLINE void MG_NAME(spread_vector)(const struct mg_winograd_spread *s, const MG_REAL *x, ptrdiff_t step, MG_REAL *u,
                                      ptrdiff_t n, const int rows, const int columns) {
    vec lines[5][8], line[8];
    for (int i = 0; i < s->given_rows; i++, x += s->row_item) {
        MG_NAME(spread_line)(x, s->item, s->length, s->given, rows > 1 ? step : 0, line, n, columns);
        MG_UNROLL
        for (int j = 0; j < columns; j++) {
            if (rows == 1) STORE(u + j * s->place, line[j], n);
            else lines[i][j] = line[j];
        }
    }
    for (int j = 0; rows > 1 && j < columns; j++, u += s->place) {
        MG_NAME(spread_line)((const MG_REAL *)&lines[0][j], 8 * VL, s->row_length, s->given_rows, 0, line, VL, rows);
        MG_UNROLL
        for (int i = 0; i < rows; i++) STORE(u + columns * i * s->place, line[i], n);
    }
}

MG_INLINE void MG_NAME(spread_of)(const struct mg_winograd_spread *s, const MG_REAL *x, ptrdiff_t step, ptrdiff_t count,
                                  ptrdiff_t width, MG_REAL *u, ptrdiff_t pitch, const int rows, const int columns) {
    for (; count > 0; count--, x += step, u += pitch) {
        ptrdiff_t c = 0;
        for (; c + VL <= width; c += VL) MG_NAME(spread_vector)(s, x + c, step, u + c, VL, rows, columns);
        if (c < width) MG_NAME(spread_vector)(s, x + c, step, u + c, width - c, rows, columns);
    }
}

static void MG_NAME(spread)(const struct mg_winograd_spread *s, const void *x, ptrdiff_t step, ptrdiff_t count,
                            ptrdiff_t width, void *u, ptrdiff_t pitch) {
    if (s->columns == 8) MG_NAME(spread_of)(s, x, step, count, width, u, pitch, 1, 8);
    else if (s->rows == 1) MG_NAME(spread_of)(s, x, step, count, width, u, pitch, 1, 6);
    else MG_NAME(spread_of)(s, x, step, count, width, u, pitch, ROWS, 6);
}

/* ---- Vt ---- */

/* The sums for the points 1 and -1, then for the next two. */
MG_INLINE vec MG_NAME(gather_one)(const vec *m, const int k, int length, vec bias, const int points) {
    vec sum = v_add(k % 2 ? v_sub(m[1], m[2]) : v_add(m[1], m[2]), bias), half = m[3], two = m[4];
    if (k == 0) sum = v_add(sum, m[0]);
    if (points == 8) {
        half = k % 2 ? v_sub(m[3], m[4]) : v_add(m[3], m[4]);
        two = k % 2 ? v_sub(m[5], m[6]) : v_add(m[5], m[6]);
    }
    if (points > 4)
        sum = v_fma(NUMBER(HALF(k)), half, v_fma(NUMBER(points == 6 && k % 2 ? -TWO(k) : TWO(k)), two, sum));
    return k == length - 1 ? v_add(sum, m[points - 1]) : sum;
}

MG_INLINE void MG_NAME(gather_vector)(const struct mg_winograd_spread *s, const MG_REAL *u, ptrdiff_t pitch, vec bias,
                                      int relu, MG_REAL *y, ptrdiff_t step, ptrdiff_t n, const int rows,
                                      const int columns) {
    vec lines[5][8], m[8];
    for (int j = 0; rows > 1 && j < columns; j++) {
        MG_UNROLL
        for (int i = 0; i < rows; i++) {
            const MG_REAL *at = u + (columns * i + j) * s->place;
            m[i] = LOAD(at, n);
            MG_PREFETCH(at + pitch);
        }
        MG_UNROLL
        for (int k = 0; k < rows / 2 + 2; k++) {
            if (k == s->given_rows) break;
            lines[k][j] = MG_NAME(gather_one)(m, k, s->row_length, v_zero(), rows);
        }
    }
    for (int i = 0; i < s->given_rows; i++, y += s->row_item) {
        MG_UNROLL
        for (int j = 0; j < columns; j++) m[j] = rows > 1 ? lines[i][j] : LOAD(u + j * s->place, n);
        MG_UNROLL
        for (int k = 0; k < columns / 2 + 2; k++) {
            if (k == s->given) break;
            vec sum = MG_NAME(gather_one)(m, k, s->length, bias, columns);
            if (relu) sum = v_max(v_zero(), sum);                       /* in this order a NaN stays */
            STORE(y + k * s->item, sum, n);
            if (rows > 1) MG_PREFETCH(y + k * s->item + step);
        }
    }
}

MG_INLINE void MG_NAME(gather_of)(const struct mg_winograd_spread *s, const MG_REAL *u, ptrdiff_t pitch, ptrdiff_t count,
                                  ptrdiff_t width, const MG_REAL *bias, int relu, MG_REAL *y, ptrdiff_t step,
                                  const int rows, const int columns) {
    for (; count > 0; count--, u += pitch, y += step) {
        ptrdiff_t c = 0;
        for (; c + VL <= width; c += VL)
            MG_NAME(gather_vector)(s, u + c, pitch, bias ? v_load(bias + c) : v_zero(), relu, y + c, step, VL, rows,
                                   columns);
        if (c < width)
            MG_NAME(gather_vector)(s, u + c, pitch, bias ? LOAD(bias + c, width - c) : v_zero(), relu, y + c, step,
                                   width - c, rows, columns);
    }
}

static void MG_NAME(gather)(const struct mg_winograd_spread *s, const void *u, ptrdiff_t pitch, ptrdiff_t count,
                            ptrdiff_t width, const void *bias, int relu, void *y, ptrdiff_t step) {
    if (s->columns == 8) MG_NAME(gather_of)(s, u, pitch, count, width, bias, relu, y, step, 1, 8);
    else if (s->rows == 1) MG_NAME(gather_of)(s, u, pitch, count, width, bias, relu, y, step, 1, 6);
    else MG_NAME(gather_of)(s, u, pitch, count, width, bias, relu, y, step, ROWS, 6);
}

const struct mg_winograd_kernels MG_NAME(winograd_kernels) = {MG_NAME(pixels), MG_NAME(spread), MG_NAME(gather)};

#undef LOAD
#undef STORE
#undef NUMBER
#undef ROWS
#undef HALF
#undef TWO
