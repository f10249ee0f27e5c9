/* What SSE2, AVX2 and AVX-512 share: the same intrinsics under three prefixes. */
#include <immintrin.h>

#define MG_X86_OPS(D, T, V, P, S, N)                                                   \
    enum { VL_##D = N };                                                               \
    typedef V vec_##D;                                                                 \
    MG_INLINE V v_load_##D(const T *p) { return P##loadu_##S(p); }                     \
    MG_INLINE void v_store_##D(T *p, V a) { P##storeu_##S(p, a); }                     \
    MG_INLINE V v_zero_##D(void) { return P##setzero_##S(); }                          \
    MG_INLINE V v_set1_##D(T s) { return P##set1_##S(s); }                             \
    MG_INLINE V v_add_##D(V a, V b) { return P##add_##S(a, b); }                       \
    MG_INLINE V v_sub_##D(V a, V b) { return P##sub_##S(a, b); }                       \
    MG_INLINE V v_mul_##D(V a, V b) { return P##mul_##S(a, b); }                       \
    MG_INLINE V v_div_##D(V a, V b) { return P##div_##S(a, b); }                       \
    MG_INLINE V v_max_##D(V a, V b) { return P##max_##S(a, b); }                       \
    MG_INLINE V v_min_##D(V a, V b) { return P##min_##S(a, b); }                       \
    MG_INLINE V v_sqrt_##D(V a) { return P##sqrt_##S(a); }

/* Adding 1.5 * 2^52 leaves k + 1023 in the low bits of the sum, from where a shift moves it into the exponent. */
#define MG_X86_POW2(V, P, I)                                                           \
    MG_INLINE V v_pow2_f64(V k) {                                                      \
        V sum = P##add_pd(k, P##set1_pd(6755399441055744.0 + 1023.0));                 \
        return P##castsi##I##_pd(P##slli_epi64(P##castpd_si##I(sum), 52));             \
    }
