/* What windows.h lacks, for whole numbers of 8 bits: nothing here overflows, shifts a negative number or needs floats,
   so that every C compiler with an int of 32 bits gives the same numbers. */

/* x / 2^shift to the nearest whole number, counted from zero: what a sum is in the units of the output. For |x| < 2^61
   and shifts from 33 on: the lower half of x + 2^62, which is positive, decides nothing. */
static inline real shifted(long long x, int shift, int zero) {
    const int high = (int)((x + 4611686018427387904) >> 32);
    const int q = ((high + (1 << (shift - 33))) >> (shift - 32)) - (1 << (62 - shift)) + zero;
    return (real)(q < -128 ? -128 : q > 127 ? 127 : q);
}

/* x / y to the nearest whole number, counted from zero; y > 0 */
static inline real divided(long long x, long long y, int zero) {
    const long long q = (x < 0 ? -((y / 2 - x) / y) : (y / 2 + x) / y) + zero;
    return (real)(q < -128 ? -128 : q > 127 ? 127 : q);
}

/* Any function of one number, by its 256 values. */
static inline void lookup(const int *s, const real *x, const real *a, const total *b, real *y) {
    (void)b;
    for (int i = 0; i < s[0]; i++) y[i] = a[x[i] + 128];
}

/* y = x + a, two inputs: zeros s1 and s2, factors s4 and s5 */
static inline void add(const int *s, const real *x, const real *a, const total *b, real *y) {
    (void)b;
    for (int i = 0; i < s[0]; i++)
        y[i] = shifted(((long long)(x[i] - s[1]) * s[4] + (long long)(a[i] - s[2]) * s[5]) * 65536, s[6], s[3]);
}

/* x where it is positive, else a multiple of it, with a factor b for each of s1 entries */
static inline void prelu(const int *s, const real *x, const real *a, const total *b, real *y) {
    (void)a;
    for (int i = 0; i < s[0]; i++)
        for (int c = 0; c < s[1]; c++) {
            const int v = x[i * s[1] + c] - s[2];
            y[i * s[1] + c] = shifted((long long)v * (v > 0 ? s[4] : b[c]) * 65536, s[5], s[3]);
        }
}

/* Rows of s1 numbers: exp(x) over the row's sum, in units of 1/256 from -128 on; b[d] is exp of d steps less. */
static inline void softmax(const int *s, const real *x, const real *a, const total *b, real *y) {
    (void)a;
    for (int i = 0; i < s[0]; i++, x += s[1], y += s[1]) {
        int most = -128, sum = 0;
        for (int j = 0; j < s[1]; j++) most = x[j] > most ? x[j] : most;
        for (int j = 0; j < s[1]; j++) sum += b[most - x[j]];
        for (int j = 0; j < s[1]; j++) y[j] = divided(256LL * b[most - x[j]], sum, -128);
    }
}

/* The root of x, rounded down. */
static inline long long root_of(long long x) {
    long long root = 0;
    for (long long bit = 1LL << 30; bit; bit >>= 1)
        if ((root + bit) * (root + bit) <= x) root += bit;
    return root;
}

/* Rows of s1 numbers less their mean, over the root of their variance and epsilon: n x - sum over the root of
   n^2 (variance + epsilon), where n^2 epsilon comes as b0 2^30 + b1 > 0; times s3 / 1024. */
static inline void standardize(const int *s, const real *x, const real *a, const total *b, real *y) {
    const int n = s[1];
    (void)a;
    for (int i = 0; i < s[0]; i++, x += n, y += n) {
        long long sum = 0, squares = 0;
        int bits = 0;
        for (int j = 0; j < n; j++) sum += x[j], squares += x[j] * x[j];
        long long spread = n * squares - sum * sum + (long long)b[0] * 1073741824 + b[1];
        for (; spread < 4294967296; bits++) spread *= 4;
        const long long root = root_of(spread) * 1024;
        for (int j = 0; j < n; j++) y[j] = divided((((long long)n * x[j] - sum) * s[3]) * (1LL << bits), root, s[2]);
    }
}
