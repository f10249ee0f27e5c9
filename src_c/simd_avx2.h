/* AVX2 with FMA. */
#include "simd_x86.h"

MG_X86_OPS(f32, float, __m256, _mm256_, ps, 8)
MG_X86_OPS(f64, double, __m256d, _mm256_, pd, 4)
MG_X86_POW2(__m256d, _mm256_, 256)
MG_INLINE __m256d v_slide_f64(__m256d a, __m256d b, int k) {
    __m256d middle = _mm256_permute2f128_pd(a, b, 0x21);
    return k == 1 ? _mm256_shuffle_pd(middle, b, 5) : k == 2 ? middle : _mm256_shuffle_pd(a, middle, 5);
}
MG_INLINE __m256 v_fma_f32(__m256 a, __m256 b, __m256 c) { return _mm256_fmadd_ps(a, b, c); }
MG_INLINE __m256d v_fma_f64(__m256d a, __m256d b, __m256d c) { return _mm256_fmadd_pd(a, b, c); }
MG_INLINE __m256 v_fnma_f32(__m256 a, __m256 b, __m256 c) { return _mm256_fnmadd_ps(a, b, c); }
MG_INLINE __m256d v_fnma_f64(__m256d a, __m256d b, __m256d c) { return _mm256_fnmadd_pd(a, b, c); }
MG_INLINE __m256 v_ziplo_f32(__m256 a, __m256 b) {
    return _mm256_permute2f128_ps(_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b), 0x20);
}
MG_INLINE __m256 v_ziphi_f32(__m256 a, __m256 b) {
    return _mm256_permute2f128_ps(_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b), 0x31);
}
MG_INLINE __m256d v_ziplo_f64(__m256d a, __m256d b) {
    return _mm256_permute2f128_pd(_mm256_unpacklo_pd(a, b), _mm256_unpackhi_pd(a, b), 0x20);
}
MG_INLINE __m256d v_ziphi_f64(__m256d a, __m256d b) {
    return _mm256_permute2f128_pd(_mm256_unpacklo_pd(a, b), _mm256_unpackhi_pd(a, b), 0x31);
}
/* Shuffles work within halves of 128 bits: 0xd8 then puts the quarters in the order 0 2 1 3. */
MG_INLINE __m256d mg_quarters(__m256d a) { return _mm256_permute4x64_pd(a, 0xd8); }
MG_INLINE __m256 v_even_f32(__m256 a, __m256 b) {
    return _mm256_castpd_ps(mg_quarters(_mm256_castps_pd(_mm256_shuffle_ps(a, b, 0x88))));
}
MG_INLINE __m256 v_odd_f32(__m256 a, __m256 b) {
    return _mm256_castpd_ps(mg_quarters(_mm256_castps_pd(_mm256_shuffle_ps(a, b, 0xdd))));
}
MG_INLINE __m256d v_even_f64(__m256d a, __m256d b) { return mg_quarters(_mm256_unpacklo_pd(a, b)); }
MG_INLINE __m256d v_odd_f64(__m256d a, __m256d b) { return mg_quarters(_mm256_unpackhi_pd(a, b)); }
MG_INLINE __m256 v_gate_f32(__m256 a, __m256 b) {
    return _mm256_and_ps(_mm256_cmp_ps(a, _mm256_setzero_ps(), _CMP_GT_OQ), b);
}
MG_INLINE __m256d v_gate_f64(__m256d a, __m256d b) {
    return _mm256_and_pd(_mm256_cmp_pd(a, _mm256_setzero_pd(), _CMP_GT_OQ), b);
}

#define MG_AVX2_WHERE(D, V, S)                                                                                     \
    MG_INLINE V v_maxnan_##D(V a, V b) {                                                                           \
        return _mm256_or_##S(_mm256_max_##S(a, b), _mm256_cmp_##S(a, a, _CMP_UNORD_Q));                            \
    }                                                                                                              \
    MG_INLINE V v_where_lt_##D(V a, V b, V c) { return _mm256_and_##S(_mm256_cmp_##S(a, b, _CMP_LT_OQ), c); }      \
    MG_INLINE V v_where_nlt_##D(V a, V b, V c) { return _mm256_and_##S(_mm256_cmp_##S(a, b, _CMP_NLT_UQ), c); }    \
    MG_INLINE V v_where_eq_##D(V a, V b, V c) { return _mm256_and_##S(_mm256_cmp_##S(a, b, _CMP_EQ_OQ), c); }
MG_AVX2_WHERE(f32, __m256, ps)
MG_AVX2_WHERE(f64, __m256d, pd)

/* Lane i takes part where i < n. */
MG_INLINE __m256i mg_mask32(int n) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
MG_INLINE __m256i mg_mask64(int n) {
    return _mm256_cmpgt_epi64(_mm256_set1_epi64x(n), _mm256_setr_epi64x(0, 1, 2, 3));
}
MG_INLINE __m256 v_loadn_f32(const float *p, int n) { return _mm256_maskload_ps(p, mg_mask32(n)); }
MG_INLINE __m256d v_loadn_f64(const double *p, int n) { return _mm256_maskload_pd(p, mg_mask64(n)); }
MG_INLINE void v_storen_f32(float *p, __m256 a, int n) { _mm256_maskstore_ps(p, mg_mask32(n), a); }
MG_INLINE void v_storen_f64(double *p, __m256d a, int n) { _mm256_maskstore_pd(p, mg_mask64(n), a); }

#define MG_REGISTERS 16
#define MG_NARROWER NULL
#define MG_LANES_f32 8
#define MG_LANES_f64 4

MG_INLINE __m256 v_repeat_f32(const float *p, int q) {
    return q == 1   ? _mm256_set1_ps(*p)
           : q == 2 ? _mm256_castsi256_ps(_mm256_broadcastq_epi64(_mm_loadl_epi64((const __m128i *)p)))
           : q == 4 ? _mm256_castsi256_ps(_mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)p)))
                    : _mm256_loadu_ps(p);
}
MG_INLINE __m256d v_repeat_f64(const double *p, int q) {
    return q == 1   ? _mm256_set1_pd(*p)
           : q == 2 ? _mm256_castsi256_pd(_mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)p)))
                    : _mm256_loadu_pd(p);
}
