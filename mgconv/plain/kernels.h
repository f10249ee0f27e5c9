/* What windows.h lacks, for floats. Each result there and here is one sum in one order, by + - * / alone and without
   fused multiply-add, so that every compiler and processor with IEEE arithmetic gives the same bits.

   mgconv compiles these files for `precision="plain"`, and `export_c` writes those of their functions that a model
   needs into the model's file. */

/* x, or its nearest neighbour in [low, high]; NaN stays. */
static inline real clipped(real x, real low, real high) { return x < low ? low : x > high ? high : x; }

/* x with the least number in place of minus infinity, whose product with 0 is 0 */
static inline real above_infinity(real x) { return x < -LARGEST ? -LARGEST : x; }

/* exp(x) = 2^n (1 + power_rest(r)), where x = n log(2) + r with |r| <= log(2) / 2. The sum is Taylor's. */
static inline real power_rest(real x, int *n) {
    const real turns = x * R(1.44269504088896340736);
    *n = (int)(turns + R(1024.5)) - 1024;            /* positive, where casts round down */
    const real r = (x - (real)*n * R(0.693145751953125)) - (real)*n * R(1.42860682030941723212e-6);
    real sum = 0;
    for (int i = TERMS; i > 1; i--) sum = (1 + sum) * r * (1 / (real)i);
    return (1 + sum) * r;
}

static inline real plain_exp(real x) {
    int n;
    if (x != x) return x;
    const real rest = power_rest(clipped(x, -FAR_EXPONENT, FAR_EXPONENT), &n);
    return LDEXP(1 + rest, n);
}

/* exp(x) - 1 */
static inline real plain_expm1(real x) {
    int n;
    if (x != x) return x;
    const real rest = power_rest(clipped(x, -FAR_EXPONENT, FAR_EXPONENT), &n);
    if (n == 0) return rest;
    return n > 60 ? LDEXP(1 + rest, n) : LDEXP(rest, n) + (LDEXP(1, n) - 1);
}

/* log(m) for m near 1, given u = m - 1: 2 artanh(u / (2 + u)), Taylor's */
static inline real near_log(real u) {
    const real s = u / (2 + u), square = s * s;
    real sum = 0;
    for (int i = 2 * TERMS + 1; i > 1; i -= 2) sum = (sum + 1 / (real)i) * square;
    return 2 * s * (1 + sum);
}

static inline real plain_log(real x) {
    int n;
    if (!(x > 0)) return x == 0 ? -INFINITE : (x - x) / (x - x);
    real m = FREXP(x, &n);
    if (m < R(0.70710678118654752440)) m *= 2, n--;
    return x > LARGEST ? x : (real)n * R(0.693145751953125) + ((real)n * R(1.42860682030941723212e-6) + near_log(m - 1));
}

static inline real plain_tanh(real x) {
    const real e = plain_expm1(2 * (x < 0 ? -x : x));
    const real t = e > R(1e18) ? 1 : e / (e + 2);
    return x < 0 ? -t : t;
}

static inline real plain_sigmoid(real x) { return 1 / (1 + plain_exp(-x)); }

/* log(1 + exp(x)) */
static inline real plain_softplus(real x) {
    return (x > 0 ? x : 0) + near_log(plain_exp(x < 0 ? x : -x));
}

/* 2 / sqrt(pi) exp(-x^2) sum over n of 2^n x^(2n+1) / (2n+1)!!: all terms of one sign */
static inline real plain_erf(real x) {
    real term = x, sum = x;
    if (x > 6 || x < -6) return x > 0 ? 1 : -1;
    for (int n = 1; n < 120; n++) {
        term = term * (2 * x * x) / (real)(2 * n + 1);
        sum += term;
    }
    return R(1.12837916709551257390) * plain_exp(-x * x) * sum;
}

/* y = x + a, two inputs */
static inline void add(const int *s, const real *x, const real *a, const real *b, real *y) {
    (void)b;
    for (int i = 0; i < s[0]; i++) y[i] = x[i] + a[i];
}

/* y = x a + b by channel */
static inline void scale(const int *s, const real *x, const real *a, const real *b, real *y) {
    for (int i = 0; i < s[0]; i++)
        for (int c = 0; c < s[1]; c++) y[i * s[1] + c] = x[i * s[1] + c] * a[c] + b[c];
}

/* Rows of s1 numbers less their mean, over the root of their variance and a[0]. */
static inline void standardize(const int *s, const real *x, const real *a, const real *b, real *y) {
    const int n = s[1];
    (void)b;
    for (int i = 0; i < s[0]; i++, x += n, y += n) {
        real mean = 0, square = 0;
        for (int j = 0; j < n; j++) mean += x[j];
        mean /= (real)n;
        for (int j = 0; j < n; j++) square += (x[j] - mean) * (x[j] - mean);
        const real size = SQRT(square / (real)n + a[0]);
        for (int j = 0; j < n; j++) y[j] = (x[j] - mean) / size;
    }
}

/* Rows of s1 numbers: exp(x) over the row's sum. */
static inline void softmax(const int *s, const real *x, const real *a, const real *b, real *y) {
    (void)a, (void)b;
    for (int i = 0; i < s[0]; i++, x += s[1], y += s[1]) {
        real most = x[0], sum = 0;
        for (int j = 1; j < s[1]; j++) most = x[j] > most ? x[j] : most;
        for (int j = 0; j < s[1]; j++) sum += y[j] = plain_exp(x[j] - most);
        for (int j = 0; j < s[1]; j++) y[j] /= sum;
    }
}

/* Rows of s1 numbers: x less the logarithm of the sum of exp(x). */
static inline void log_softmax(const int *s, const real *x, const real *a, const real *b, real *y) {
    (void)a, (void)b;
    for (int i = 0; i < s[0]; i++, x += s[1], y += s[1]) {
        real most = x[0], sum = 0;
        for (int j = 1; j < s[1]; j++) most = x[j] > most ? x[j] : most;
        for (int j = 0; j < s[1]; j++) sum += plain_exp(x[j] - most);
        sum = plain_log(sum);
        for (int j = 0; j < s[1]; j++) y[j] = (x[j] - most) - sum;
    }
}

/* a0 (x - a2) up to a2, x to a1, then a1 */
static inline void relu(const int *s, const real *x, const real *a, const real *b, real *y) {
    (void)b;
    for (int i = 0; i < s[0]; i++) y[i] = x[i] <= a[2] ? (a[0] != 0 ? a[0] * (x[i] - a[2]) : 0) : x[i] > a[1] ? a[1] : x[i];
}

/* x where it is positive, else a x, with an a for each of s1 entries */
static inline void prelu(const int *s, const real *x, const real *a, const real *b, real *y) {
    (void)b;
    for (int i = 0; i < s[0]; i++)
        for (int c = 0; c < s[1]; c++) {
            const real v = x[i * s[1] + c];
            y[i * s[1] + c] = v > 0 ? v : a[c] * v;
        }
}

/* a2 x where x > 0, else a0 (exp(x a1) - 1) */
static inline void elu(const int *s, const real *x, const real *a, const real *b, real *y) {
    (void)b;
    for (int i = 0; i < s[0]; i++) y[i] = x[i] > 0 ? a[2] * x[i] : a[0] * plain_expm1(x[i] * a[1]);
}

/* x a0 + a1 cut at a2 and a3 */
static inline void ramp(const int *s, const real *x, const real *a, const real *b, real *y) {
    (void)b;
    for (int i = 0; i < s[0]; i++) y[i] = clipped(x[i] * a[0] + a[1], a[2], a[3]);
}

/* x min(max(x / 6 + 1/2, 0), 1) */
static inline void hard_silu(const int *s, const real *x, const real *a, const real *b, real *y) {
    (void)a, (void)b;
    for (int i = 0; i < s[0]; i++) y[i] = above_infinity(x[i]) * clipped(x[i] * R(0.16666666666666666667) + R(0.5), 0, 1);
}

static inline void sigmoid(const int *s, const real *x, const real *a, const real *b, real *y) {
    (void)a, (void)b;
    for (int i = 0; i < s[0]; i++) y[i] = plain_sigmoid(x[i]);
}

static inline void log_sigmoid(const int *s, const real *x, const real *a, const real *b, real *y) {
    (void)a, (void)b;
    for (int i = 0; i < s[0]; i++) y[i] = -plain_softplus(-x[i]);
}

static inline void tanh_of(const int *s, const real *x, const real *a, const real *b, real *y) {
    (void)a, (void)b;
    for (int i = 0; i < s[0]; i++) y[i] = plain_tanh(x[i]);
}

static inline void exp_of(const int *s, const real *x, const real *a, const real *b, real *y) {
    (void)a, (void)b;
    for (int i = 0; i < s[0]; i++) y[i] = plain_exp(x[i]);
}

static inline void softplus(const int *s, const real *x, const real *a, const real *b, real *y) {
    (void)a, (void)b;
    for (int i = 0; i < s[0]; i++) y[i] = plain_softplus(x[i]);
}

/* x / (1 + |x|) */
static inline void softsign(const int *s, const real *x, const real *a, const real *b, real *y) {
    (void)a, (void)b;
    for (int i = 0; i < s[0]; i++) {
        const real v = clipped(x[i], -LARGEST, LARGEST);
        y[i] = v / (1 + (v < 0 ? -v : v));
    }
}

/* x sigmoid(x) */
static inline void silu(const int *s, const real *x, const real *a, const real *b, real *y) {
    (void)a, (void)b;
    for (int i = 0; i < s[0]; i++) y[i] = above_infinity(x[i]) * plain_sigmoid(x[i]);
}

/* x tanh(log(1 + exp(x))) */
static inline void mish(const int *s, const real *x, const real *a, const real *b, real *y) {
    (void)a, (void)b;
    for (int i = 0; i < s[0]; i++) y[i] = above_infinity(x[i]) * plain_tanh(plain_softplus(x[i]));
}

/* x times the normal distribution function */
static inline void gelu(const int *s, const real *x, const real *a, const real *b, real *y) {
    (void)a, (void)b;
    for (int i = 0; i < s[0]; i++) y[i] = R(0.5) * above_infinity(x[i]) * (1 + plain_erf(x[i] * R(0.70710678118654752440)));
}

/* The same by tanh */
static inline void gelu_tanh(const int *s, const real *x, const real *a, const real *b, real *y) {
    (void)a, (void)b;
    for (int i = 0; i < s[0]; i++) {
        const real v = clipped(x[i], -1000, LARGEST), inner = R(0.79788456080286535588) * (v + R(0.044715) * v * v * v);
        y[i] = R(0.5) * v * (1 + plain_tanh(inner));
    }
}
