/* The kernels of pointwise.h for one MG_DTYPE (MG_REAL in C) and one MG_ISA. */

#define NUMBER(x) v_set1((MG_REAL)(x))

/* exp(x) - 1 = 2^k (q + 1) - 1 with q = exp(r) - 1, r = x - k log(2); `power` is 2^k / 2, which no k takes out of the dtype.
   A NaN stays. */
MG_INLINE vec MG_NAME(exp_parts)(vec x, vec *power) {
    static const MG_REAL series[] = {
        1, 1, 1 / (MG_REAL)2, 1 / (MG_REAL)6, 1 / (MG_REAL)24, 1 / (MG_REAL)120, 1 / (MG_REAL)720, 1 / (MG_REAL)5040,
        1 / (MG_REAL)40320, 1 / (MG_REAL)362880, 1 / (MG_REAL)3628800, 1 / (MG_REAL)39916800, 1 / (MG_REAL)479001600,
        (MG_REAL)(1 / 6227020800.0)};
    x = v_min(NUMBER(MOST), v_max(NUMBER(LEAST), x));
    const vec k = v_sub(v_add(v_mul(x, NUMBER(1.4426950408889634)), NUMBER(ROUND)), NUMBER(ROUND));
    const vec r = v_fnma(k, NUMBER(LOG2_LOW), v_fnma(k, NUMBER(LOG2_HIGH), x));
    vec q = NUMBER(series[TERMS]);
    MG_UNROLL
    for (int i = TERMS - 1; i > 1; i--) q = v_fma(q, r, NUMBER(series[i]));
    *power = v_pow2(v_sub(k, NUMBER(1)));
    return v_fma(v_mul(q, r), r, r);
}

MG_INLINE vec MG_NAME(exp_minus_1)(vec x) {
    vec power;
    const vec q = MG_NAME(exp_parts)(x, &power), two = NUMBER(2);
    const vec half = v_fma(power, q, v_sub(power, NUMBER(0.5)));
    return v_mul(half, two);
}

MG_INLINE vec MG_NAME(sigmoid)(vec x) {
    vec power;
    const vec z = v_sub(v_zero(), x), q = MG_NAME(exp_parts)(z, &power), one = NUMBER(1);
    const vec e = v_mul(v_mul(v_add(q, one), power), NUMBER(2));
    return v_div(one, v_add(v_add(one, e), v_where_lt(NUMBER(MOST), z, NUMBER(INFINITY))));
}

MG_INLINE vec MG_NAME(function)(const int f, vec x, vec a, vec b) {
    const vec above = v_gate(x, x), below = v_min(v_zero(), x);
    switch (f) {
    case MG_LEAKY_RELU: return v_fma(below, a, above);
    case MG_ELU: return v_mul(b, v_fma(a, MG_NAME(exp_minus_1)(below), above));
    case MG_SIGMOID: return MG_NAME(sigmoid)(x);
    case MG_TANH: {
        const vec e = MG_NAME(exp_minus_1)(v_min(NUMBER(44), v_mul(x, NUMBER(2))));
        return v_div(e, v_add(e, NUMBER(2)));
    }
    default: return v_mul(v_max(NUMBER(-LARGEST), x), MG_NAME(sigmoid)(x));       /* -inf gives 0 */
    }
}

MG_INLINE vec MG_NAME(slope)(const int f, vec s, vec dy, vec a, vec b) {
    const vec one = NUMBER(1), up = v_gate(s, dy), down = v_where_nlt(v_zero(), s, dy);
    switch (f) {
    case MG_LEAKY_RELU: return v_fma(down, a, up);
    case MG_ELU: return v_fma(down, v_fma(a, b, v_min(v_zero(), s)), v_mul(up, b));
    case MG_SIGMOID: return v_mul(dy, v_mul(s, v_sub(one, s)));
    case MG_TANH: return v_mul(dy, v_fnma(s, s, one));
    default: {
        const vec y = MG_NAME(sigmoid)(s), near = v_min(NUMBER(LARGEST), v_max(NUMBER(-LARGEST), s));
        return v_mul(dy, v_mul(y, v_fma(near, v_sub(one, y), one)));
    }
    }
}

/* The last vector is whole, too, but for what is loaded and stored: so there is one copy of each function. */
#define OVER(f, VALUE)                                                                                     \
    for (ptrdiff_t i = 0; i < count; i += VL) {                                                            \
        const int n = (int)(count - i < VL ? count - i : VL);                                              \
        const vec s = n == VL ? v_load(x + i) : v_loadn(x + i, n);                                         \
        const vec value = VALUE(f, s, n == VL ? v_load(y + i) : v_loadn(y + i, n));                        \
        if (n == VL) v_store(y + i, value);                                                                \
        else v_storen(y + i, value, n);                                                                    \
    }                                                                                                      \
    break;
#define CASES(VALUE)                                                                                       \
    switch (f) {                                                                                           \
    case MG_LEAKY_RELU: OVER(MG_LEAKY_RELU, VALUE)                                                         \
    case MG_ELU: OVER(MG_ELU, VALUE)                                                                       \
    case MG_SIGMOID: OVER(MG_SIGMOID, VALUE)                                                               \
    case MG_TANH: OVER(MG_TANH, VALUE)                                                                     \
    default: OVER(MG_SILU, VALUE)                                                                          \
    }

static void MG_NAME(apply)(int f, const void *x_, void *y_, ptrdiff_t count, double a_, double b_) {
    const MG_REAL *x = x_;
    MG_REAL *y = y_;
    const vec a = NUMBER(a_), b = NUMBER(b_);
#define VALUE(f, x, y) MG_NAME(function)(f, x, a, b)
    CASES(VALUE)
#undef VALUE
}

static void MG_NAME(turn)(int f, const void *source, void *dy_, ptrdiff_t count, double a_, double b_) {
    const MG_REAL *x = source;
    MG_REAL *y = dy_;
    const vec a = NUMBER(a_), b = NUMBER(b_);
#define VALUE(f, x, y) MG_NAME(slope)(f, x, y, a, b)
    CASES(VALUE)
#undef VALUE
}

#undef NUMBER
#undef OVER
#undef CASES
