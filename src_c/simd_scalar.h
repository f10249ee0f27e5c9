/* One lane of plain C: for machines whose vectors no other header knows. */

#include <math.h>
#include <string.h>

#define MG_SCALAR_OPS(D, T, SQRT)                                                       \
    enum { VL_##D = 1 };                                                               \
    typedef T vec_##D;                                                                 \
    MG_INLINE T v_load_##D(const T *p) { return *p; }                                  \
    MG_INLINE void v_store_##D(T *p, T a) { *p = a; }                                  \
    MG_INLINE T v_zero_##D(void) { return 0; }                                         \
    MG_INLINE T v_set1_##D(T s) { return s; }                                          \
    MG_INLINE T v_add_##D(T a, T b) { return a + b; }                                  \
    MG_INLINE T v_sub_##D(T a, T b) { return a - b; }                                  \
    MG_INLINE T v_mul_##D(T a, T b) { return a * b; }                                  \
    MG_INLINE T v_div_##D(T a, T b) { return a / b; }                                  \
    MG_INLINE T v_max_##D(T a, T b) { return a > b ? a : b; }                          \
    MG_INLINE T v_min_##D(T a, T b) { return a < b ? a : b; }                          \
    MG_INLINE T v_sqrt_##D(T a) { return SQRT(a); }                                    \
    MG_INLINE T v_gate_##D(T a, T b) { return a > 0 ? b : 0; }                         \
    MG_INLINE T v_maxnan_##D(T a, T b) { return a > b || a != a ? a : b; }              \
    MG_INLINE T v_where_lt_##D(T a, T b, T c) { return a < b ? c : 0; }                 \
    MG_INLINE T v_where_nlt_##D(T a, T b, T c) { return a < b ? 0 : c; }                \
    MG_INLINE T v_where_eq_##D(T a, T b, T c) { return a == b ? c : 0; }                \
    MG_INLINE T v_fma_##D(T a, T b, T c) { return a * b + c; }                         \
    MG_INLINE T v_fnma_##D(T a, T b, T c) { return c - a * b; }                        \
    MG_INLINE T v_ziplo_##D(T a, T b) { (void)b; return a; }                           \
    MG_INLINE T v_ziphi_##D(T a, T b) { (void)a; return b; }                           \
    MG_INLINE T v_even_##D(T a, T b) { (void)b; return a; }                            \
    MG_INLINE T v_odd_##D(T a, T b) { (void)a; return b; }                             \
    MG_INLINE T v_loadn_##D(const T *p, int n) { return n ? *p : 0; }                  \
    MG_INLINE void v_storen_##D(T *p, T a, int n) { if (n) *p = a; }                      \
    MG_INLINE T v_repeat_##D(const T *p, int q) { (void)q; return *p; }                \

MG_SCALAR_OPS(f32, float, sqrtf)
MG_SCALAR_OPS(f64, double, sqrt)

/* Adding 1.5 * 2^52 leaves k + 1023 in the low bits of the sum, from where a shift moves it into the exponent. */
MG_INLINE double v_pow2_f64(double k) {
    double sum = k + (6755399441055744.0 + 1023.0);
    uint64_t bits;
    memcpy(&bits, &sum, sizeof bits);
    bits <<= 52;
    memcpy(&sum, &bits, sizeof sum);
    return sum;
}

#define v_slide_f64(a, b, k) (b)

#define MG_REGISTERS 16
#define MG_SMALL 1
#define MG_NARROWER NULL
#define MG_LANES_f32 1
#define MG_LANES_f64 1
