/* The steps of optimizer.h for one MG_DTYPE (MG_REAL in C) and one MG_ISA. */

/* Runs STEP with n = VL for whole vectors, then once with what is left. */
#define OVER(from, to, STEP)                                      \
    ptrdiff_t i = from;                                           \
    for (; i + VL <= to; i += VL) STEP(i, VL)                     \
    if (i < to) STEP(i, (int)(to - i))

#define GET(array, i, n) ((n) == VL ? v_load(array + (i)) : v_loadn(array + (i), n))
#define PUT(array, i, a, n) ((n) == VL ? v_store(array + (i), a) : v_storen(array + (i), a, n))

static void MG_NAME(sgd)(const struct mg_optimizer_state *s, ptrdiff_t from, ptrdiff_t to, double rate, double momentum,
                         int nesterov, double keep) {
    MG_REAL *p = s->p, *m = s->a;
    const MG_REAL *g = s->g;
    const vec down = v_set1((MG_REAL)-rate), inertia = v_set1((MG_REAL)momentum), kept = v_set1((MG_REAL)keep);
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

static void MG_NAME(adam)(const struct mg_optimizer_state *s, ptrdiff_t from, ptrdiff_t to, double alpha, double beta1,
                          double beta2, double epsilon, double keep) {
    MG_REAL *p = s->p, *first = s->a, *second = s->b, *largest = s->c;
    const MG_REAL *g = s->g;
    const vec toward1 = v_set1((MG_REAL)(1 - beta1)), toward2 = v_set1((MG_REAL)(1 - beta2));
    const vec rate = v_set1((MG_REAL)alpha), floor = v_set1((MG_REAL)epsilon), kept = v_set1((MG_REAL)keep);
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

static void MG_NAME(rmsprop)(const struct mg_optimizer_state *s, ptrdiff_t from, ptrdiff_t to, double rate, double rho,
                             double momentum, double epsilon, double keep) {
    MG_REAL *p = s->p, *square = s->a, *velocity = s->b, *mean = s->c;
    const MG_REAL *g = s->g;
    const vec old = v_set1((MG_REAL)rho), new = v_set1((MG_REAL)(1 - rho)), inertia = v_set1((MG_REAL)momentum);
    const vec speed = v_set1((MG_REAL)rate), floor = v_set1((MG_REAL)epsilon), kept = v_set1((MG_REAL)keep);
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
        vec step = v_div(v_mul(speed, slope), v_sqrt(v_add(v, floor)));                   \
        if (velocity) {                                                                   \
            step = v_fma(inertia, GET(velocity, i, n), step);                             \
            PUT(velocity, i, step, n);                                                    \
        }                                                                                 \
        PUT(p, i, v_sub(v_mul(kept, GET(p, i, n)), step), n);                             \
    }
    OVER(from, to, STEP)
#undef STEP
}

#undef OVER
#undef GET
#undef PUT
