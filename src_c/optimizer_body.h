/* The steps of optimizer.h for one MG_DTYPE (MG_REAL in C) and one MG_ISA. */

#define STEP_OF(name)                                                                                      \
    static void MG_NAME(name)(void *const *arrays, const double *coefficients, ptrdiff_t from, ptrdiff_t to)

/* What every step begins with: p, g, and what decay keeps. */
#define BEGIN                                        \
    MG_REAL *p = arrays[0];                          \
    const MG_REAL *g = arrays[1];                    \
    const vec kept = NUMBER(coefficients[0]);

#define SLOT(i) (arrays[2 + (i)])
#define MORE(i) (coefficients[2 + (i)])
#define RATE (coefficients[1])
#define NUMBER(x) v_set1((MG_REAL)(x))

/* Runs STEP with n = VL for whole vectors, then once with what is left. */
#define OVER(from, to, STEP)                                      \
    ptrdiff_t i = from;                                           \
    for (; i + VL <= to; i += VL) STEP(i, VL)                     \
    if (i < to) STEP(i, (int)(to - i))

#define GET(array, i, n) ((n) == VL ? v_load(array + (i)) : v_loadn(array + (i), n))
#define PUT(array, i, a, n) ((n) == VL ? v_store(array + (i), a) : v_storen(array + (i), a, n))

STEP_OF(sgd) {
    BEGIN
    MG_REAL *m = SLOT(0);
    const vec down = NUMBER(-RATE), inertia = NUMBER(MORE(0));
    const int nesterov = MORE(1) != 0;
#define STEP(i, n)                                                            \
    {                                                                         \
        vec step = v_mul(down, GET(g, i, n));                                 \
        if (m) {                                                              \
            vec velocity = v_fma(inertia, GET(m, i, n), step);                \
            PUT(m, i, velocity, n);                                           \
            step = nesterov ? v_fma(inertia, velocity, step) : velocity;      \
        }                                                                     \
        PUT(p, i, v_fma(kept, GET(p, i, n), step), n);                        \
    }
    OVER(from, to, STEP)
#undef STEP
}

STEP_OF(adam) {
    BEGIN
    MG_REAL *first = SLOT(0), *second = SLOT(1), *largest = SLOT(2);
    const vec toward1 = NUMBER(1 - MORE(0)), toward2 = NUMBER(1 - MORE(1)), floor = NUMBER(MORE(2)), rate = NUMBER(RATE);
#define STEP(i, n)                                                                        \
    {                                                                                     \
        vec slope = GET(g, i, n), m = GET(first, i, n), v = GET(second, i, n);            \
        m = v_fma(toward1, v_sub(slope, m), m);                                           \
        v = v_fma(toward2, v_sub(v_mul(slope, slope), v), v);                             \
        PUT(first, i, m, n);                                                              \
        PUT(second, i, v, n);                                                             \
        if (largest) {                                                                    \
            v = v_max(v, GET(largest, i, n));                                             \
            PUT(largest, i, v, n);                                                        \
        }                                                                                 \
        vec step = v_div(v_mul(rate, m), v_add(v_sqrt(v), floor));                        \
        PUT(p, i, v_sub(v_mul(kept, GET(p, i, n)), step), n);                             \
    }
    OVER(from, to, STEP)
#undef STEP
}

STEP_OF(rmsprop) {
    BEGIN
    MG_REAL *square = SLOT(0), *velocity = SLOT(1), *mean = SLOT(2);
    const vec old = NUMBER(MORE(0)), new = NUMBER(1 - MORE(0)), inertia = NUMBER(MORE(1)), floor = NUMBER(MORE(2));
    const vec rate = NUMBER(RATE);
#define STEP(i, n)                                                                        \
    {                                                                                     \
        vec slope = GET(g, i, n);                                                         \
        vec v = v_fma(old, GET(square, i, n), v_mul(new, v_mul(slope, slope)));           \
        PUT(square, i, v, n);                                                             \
        if (mean) {                                                                       \
            vec average = v_fma(old, GET(mean, i, n), v_mul(new, slope));                 \
            PUT(mean, i, average, n);                                                     \
            v = v_sub(v, v_mul(average, average));                                        \
        }                                                                                 \
        vec step = v_div(v_mul(rate, slope), v_sqrt(v_add(v, floor)));                    \
        if (velocity) {                                                                   \
            step = v_fma(inertia, GET(velocity, i, n), step);                             \
            PUT(velocity, i, step, n);                                                    \
        }                                                                                 \
        PUT(p, i, v_sub(v_mul(kept, GET(p, i, n)), step), n);                             \
    }
    OVER(from, to, STEP)
#undef STEP
}

STEP_OF(adagrad) {
    BEGIN
    MG_REAL *squares = SLOT(0);
    const vec rate = NUMBER(RATE), floor = NUMBER(MORE(0));
#define STEP(i, n)                                                                        \
    {                                                                                     \
        vec slope = GET(g, i, n), v = v_fma(slope, slope, GET(squares, i, n));            \
        PUT(squares, i, v, n);                                                            \
        vec step = v_div(v_mul(rate, slope), v_sqrt(v_add(v, floor)));                    \
        PUT(p, i, v_sub(v_mul(kept, GET(p, i, n)), step), n);                             \
    }
    OVER(from, to, STEP)
#undef STEP
}

STEP_OF(adadelta) {
    BEGIN
    MG_REAL *square = SLOT(0), *squared_step = SLOT(1);
    const vec rate = NUMBER(RATE), old = NUMBER(MORE(0)), new = NUMBER(1 - MORE(0)), floor = NUMBER(MORE(1));
#define STEP(i, n)                                                                        \
    {                                                                                     \
        vec slope = GET(g, i, n), w = GET(squared_step, i, n);                            \
        vec v = v_fma(old, GET(square, i, n), v_mul(new, v_mul(slope, slope)));           \
        PUT(square, i, v, n);                                                             \
        vec d = v_div(v_mul(v_sqrt(v_add(w, floor)), slope), v_sqrt(v_add(v, floor)));    \
        PUT(squared_step, i, v_fma(old, w, v_mul(new, v_mul(d, d))), n);                  \
        PUT(p, i, v_sub(v_mul(kept, GET(p, i, n)), v_mul(rate, d)), n);                   \
    }
    OVER(from, to, STEP)
#undef STEP
}

STEP_OF(adamax) {
    BEGIN
    MG_REAL *first = SLOT(0), *norm = SLOT(1);
    const vec rate = NUMBER(RATE), toward1 = NUMBER(1 - MORE(0)), old = NUMBER(MORE(1)), floor = NUMBER(MORE(2));
#define STEP(i, n)                                                                        \
    {                                                                                     \
        vec slope = GET(g, i, n), m = GET(first, i, n);                                   \
        m = v_fma(toward1, v_sub(slope, m), m);                                           \
        PUT(first, i, m, n);                                                              \
        vec size = v_max(slope, v_sub(v_zero(), slope));                                  \
        vec u = v_max(v_mul(old, GET(norm, i, n)), size);                                 \
        PUT(norm, i, u, n);                                                               \
        vec step = v_div(v_mul(rate, m), v_add(u, floor));                                \
        PUT(p, i, v_sub(v_mul(kept, GET(p, i, n)), step), n);                             \
    }
    OVER(from, to, STEP)
#undef STEP
}

STEP_OF(nadam) {
    BEGIN
    MG_REAL *first = SLOT(0), *second = SLOT(1);
    const vec toward1 = NUMBER(1 - MORE(0)), toward2 = NUMBER(1 - MORE(1)), floor = NUMBER(MORE(2)), rate = NUMBER(RATE);
    const vec now = NUMBER(MORE(3)), scale = NUMBER(MORE(4));
#define STEP(i, n)                                                                        \
    {                                                                                     \
        vec slope = GET(g, i, n), m = GET(first, i, n), v = GET(second, i, n);            \
        m = v_fma(toward1, v_sub(slope, m), m);                                           \
        v = v_fma(toward2, v_sub(v_mul(slope, slope), v), v);                             \
        PUT(first, i, m, n);                                                              \
        PUT(second, i, v, n);                                                             \
        vec ahead = v_fma(rate, m, v_mul(now, slope));                                    \
        vec step = v_div(ahead, v_add(v_sqrt(v_mul(scale, v)), floor));                   \
        PUT(p, i, v_sub(v_mul(kept, GET(p, i, n)), step), n);                             \
    }
    OVER(from, to, STEP)
#undef STEP
}

/* NaN, which is neither above nor below 0, is added at the end: parameters must not hide it. */
STEP_OF(lion) {
    BEGIN
    MG_REAL *momentum = SLOT(0);
    const vec rate = NUMBER(RATE), old1 = NUMBER(MORE(0)), new1 = NUMBER(1 - MORE(0)), zero = v_zero();
    const vec old2 = NUMBER(MORE(1)), new2 = NUMBER(1 - MORE(1)), most = NUMBER(INFINITY);
#define STEP(i, n)                                                                        \
    {                                                                                     \
        vec slope = GET(g, i, n), m = GET(momentum, i, n);                                \
        vec way = v_fma(old1, m, v_mul(new1, slope));                                     \
        vec step = v_sub(v_where_lt(zero, way, rate), v_where_lt(way, zero, rate));       \
        step = v_add(step, v_where_nlt(way, most, way));                                  \
        PUT(momentum, i, v_fma(old2, m, v_mul(new2, slope)), n);                          \
        PUT(p, i, v_sub(v_mul(kept, GET(p, i, n)), step), n);                             \
    }
    OVER(from, to, STEP)
#undef STEP
}

#undef STEP_OF
#undef BEGIN
#undef SLOT
#undef MORE
#undef RATE
#undef NUMBER
#undef OVER
#undef GET
#undef PUT
