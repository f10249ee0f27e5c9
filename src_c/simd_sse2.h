/* SSE2, the baseline of x86-64. */
#include "simd_x86.h"

MG_X86_OPS(f32, float, __m128, _mm_, ps, 4)
MG_X86_OPS(f64, double, __m128d, _mm_, pd, 2)
MG_X86_POW2(__m128d, _mm_, 128)
#define v_slide_f64(a, b, k) _mm_shuffle_pd(a, b, 1)
MG_INLINE __m128 v_fma_f32(__m128 a, __m128 b, __m128 c) { return _mm_add_ps(_mm_mul_ps(a, b), c); }
MG_INLINE __m128d v_fma_f64(__m128d a, __m128d b, __m128d c) { return _mm_add_pd(_mm_mul_pd(a, b), c); }
MG_INLINE __m128 v_fnma_f32(__m128 a, __m128 b, __m128 c) { return _mm_sub_ps(c, _mm_mul_ps(a, b)); }
MG_INLINE __m128d v_fnma_f64(__m128d a, __m128d b, __m128d c) { return _mm_sub_pd(c, _mm_mul_pd(a, b)); }
MG_INLINE __m128 v_ziplo_f32(__m128 a, __m128 b) { return _mm_unpacklo_ps(a, b); }
MG_INLINE __m128 v_ziphi_f32(__m128 a, __m128 b) { return _mm_unpackhi_ps(a, b); }
MG_INLINE __m128d v_ziplo_f64(__m128d a, __m128d b) { return _mm_unpacklo_pd(a, b); }
MG_INLINE __m128d v_ziphi_f64(__m128d a, __m128d b) { return _mm_unpackhi_pd(a, b); }
MG_INLINE __m128 v_even_f32(__m128 a, __m128 b) { return _mm_shuffle_ps(a, b, 0x88); }
MG_INLINE __m128 v_odd_f32(__m128 a, __m128 b) { return _mm_shuffle_ps(a, b, 0xdd); }
MG_INLINE __m128d v_even_f64(__m128d a, __m128d b) { return _mm_unpacklo_pd(a, b); }
MG_INLINE __m128d v_odd_f64(__m128d a, __m128d b) { return _mm_unpackhi_pd(a, b); }
MG_INLINE __m128 v_gate_f32(__m128 a, __m128 b) { return _mm_and_ps(_mm_cmpgt_ps(a, _mm_setzero_ps()), b); }
MG_INLINE __m128d v_gate_f64(__m128d a, __m128d b) { return _mm_and_pd(_mm_cmpgt_pd(a, _mm_setzero_pd()), b); }

#define MG_SSE2_WHERE(D, V, S)                                                                                     \
    MG_INLINE V v_maxnan_##D(V a, V b) { return _mm_or_##S(_mm_max_##S(a, b), _mm_cmpunord_##S(a, a)); }           \
    MG_INLINE V v_where_lt_##D(V a, V b, V c) { return _mm_and_##S(_mm_cmplt_##S(a, b), c); }                      \
    MG_INLINE V v_where_nlt_##D(V a, V b, V c) { return _mm_and_##S(_mm_cmpnlt_##S(a, b), c); }                    \
    MG_INLINE V v_where_eq_##D(V a, V b, V c) { return _mm_and_##S(_mm_cmpeq_##S(a, b), c); }
MG_SSE2_WHERE(f32, __m128, ps)
MG_SSE2_WHERE(f64, __m128d, pd)

MG_INLINE __m128 v_loadn_f32(const float *p, int n) {
    switch (n) {
    case 0: return _mm_setzero_ps();
    case 1: return _mm_load_ss(p);
    case 2: return _mm_setr_ps(p[0], p[1], 0, 0);
    case 3: return _mm_setr_ps(p[0], p[1], p[2], 0);
    default: return _mm_loadu_ps(p);
    }
}
MG_INLINE __m128d v_loadn_f64(const double *p, int n) {
    return n == 0 ? _mm_setzero_pd() : n == 1 ? _mm_load_sd(p) : _mm_loadu_pd(p);
}
MG_INLINE void v_storen_f32(float *p, __m128 a, int n) {
    float lanes[4];
    _mm_storeu_ps(lanes, a);
    for (int i = 0; i < n; i++) p[i] = lanes[i];
}
MG_INLINE void v_storen_f64(double *p, __m128d a, int n) {
    if (n == 1) _mm_store_sd(p, a);
    else if (n == 2) _mm_storeu_pd(p, a);
}

#define MG_REGISTERS 16
#define MG_SMALL 1
#define MG_NARROWER NULL
#define MG_LANES_f32 4
#define MG_LANES_f64 2

MG_INLINE __m128 v_repeat_f32(const float *p, int q) {
    if (q == 1) return _mm_set1_ps(*p);
    if (q == 4) return _mm_loadu_ps(p);
    const __m128i two = _mm_loadl_epi64((const __m128i *)p);
    return _mm_castsi128_ps(_mm_unpacklo_epi64(two, two));
}
MG_INLINE __m128d v_repeat_f64(const double *p, int q) { return q == 1 ? _mm_set1_pd(*p) : _mm_loadu_pd(p); }
