/* AVX-512 F, DQ, BW and VL. Where half the lanes would be empty, processors that split its vectors in two do twice as much
   with AVX2, others no less. */
#include "simd_x86.h"

MG_X86_OPS(f32, float, __m512, _mm512_, ps, 16)
MG_X86_OPS(f64, double, __m512d, _mm512_, pd, 8)
MG_X86_POW2(__m512d, _mm512_, 512)
#define v_slide_f64(a, b, k)                                                                                        \
    _mm512_castsi512_pd(_mm512_alignr_epi64(_mm512_castpd_si512(b), _mm512_castpd_si512(a), 8 - (k)))
MG_INLINE __m512 v_fma_f32(__m512 a, __m512 b, __m512 c) { return _mm512_fmadd_ps(a, b, c); }
MG_INLINE __m512d v_fma_f64(__m512d a, __m512d b, __m512d c) { return _mm512_fmadd_pd(a, b, c); }
MG_INLINE __m512 v_fnma_f32(__m512 a, __m512 b, __m512 c) { return _mm512_fnmadd_ps(a, b, c); }
MG_INLINE __m512d v_fnma_f64(__m512d a, __m512d b, __m512d c) { return _mm512_fnmadd_pd(a, b, c); }
MG_INLINE __m512 v_ziplo_f32(__m512 a, __m512 b) {
    return _mm512_permutex2var_ps(a, _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23), b);
}
MG_INLINE __m512 v_ziphi_f32(__m512 a, __m512 b) {
    return _mm512_permutex2var_ps(a, _mm512_setr_epi32(8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31), b);
}
MG_INLINE __m512d v_ziplo_f64(__m512d a, __m512d b) {
    return _mm512_permutex2var_pd(a, _mm512_setr_epi64(0, 8, 1, 9, 2, 10, 3, 11), b);
}
MG_INLINE __m512d v_ziphi_f64(__m512d a, __m512d b) {
    return _mm512_permutex2var_pd(a, _mm512_setr_epi64(4, 12, 5, 13, 6, 14, 7, 15), b);
}
MG_INLINE __m512 v_even_f32(__m512 a, __m512 b) {
    return _mm512_permutex2var_ps(a, _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30), b);
}
MG_INLINE __m512 v_odd_f32(__m512 a, __m512 b) {
    return _mm512_permutex2var_ps(a, _mm512_setr_epi32(1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31), b);
}
MG_INLINE __m512d v_even_f64(__m512d a, __m512d b) {
    return _mm512_permutex2var_pd(a, _mm512_setr_epi64(0, 2, 4, 6, 8, 10, 12, 14), b);
}
MG_INLINE __m512d v_odd_f64(__m512d a, __m512d b) {
    return _mm512_permutex2var_pd(a, _mm512_setr_epi64(1, 3, 5, 7, 9, 11, 13, 15), b);
}
MG_INLINE __m512 v_gate_f32(__m512 a, __m512 b) {
    return _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(a, _mm512_setzero_ps(), _CMP_GT_OQ), b);
}
MG_INLINE __m512d v_gate_f64(__m512d a, __m512d b) {
    return _mm512_maskz_mov_pd(_mm512_cmp_pd_mask(a, _mm512_setzero_pd(), _CMP_GT_OQ), b);
}

/* `_CMP_LT_OQ` is false and `_CMP_NLT_UQ` true where a lane is NaN. */
#define MG_AVX512_WHERE(D, V, S)                                                                                   \
    MG_INLINE V v_maxnan_##D(V a, V b) {                                                                           \
        return _mm512_mask_max_##S(a, _mm512_cmp_##S##_mask(a, a, _CMP_ORD_Q), a, b);                              \
    }                                                                                                              \
    MG_INLINE V v_where_lt_##D(V a, V b, V c) {                                                                    \
        return _mm512_maskz_mov_##S(_mm512_cmp_##S##_mask(a, b, _CMP_LT_OQ), c);                                   \
    }                                                                                                              \
    MG_INLINE V v_where_nlt_##D(V a, V b, V c) {                                                                   \
        return _mm512_maskz_mov_##S(_mm512_cmp_##S##_mask(a, b, _CMP_NLT_UQ), c);                                  \
    }                                                                                                              \
    MG_INLINE V v_where_eq_##D(V a, V b, V c) {                                                                    \
        return _mm512_maskz_mov_##S(_mm512_cmp_##S##_mask(a, b, _CMP_EQ_OQ), c);                                   \
    }
MG_AVX512_WHERE(f32, __m512, ps)
MG_AVX512_WHERE(f64, __m512d, pd)

MG_INLINE __m512 v_loadn_f32(const float *p, int n) { return _mm512_maskz_loadu_ps((__mmask16)((1u << n) - 1), p); }
MG_INLINE __m512d v_loadn_f64(const double *p, int n) { return _mm512_maskz_loadu_pd((__mmask8)((1u << n) - 1), p); }
MG_INLINE void v_storen_f32(float *p, __m512 a, int n) { _mm512_mask_storeu_ps(p, (__mmask16)((1u << n) - 1), a); }
MG_INLINE void v_storen_f64(double *p, __m512d a, int n) { _mm512_mask_storeu_pd(p, (__mmask8)((1u << n) - 1), a); }

#define MG_REGISTERS 32
#define MG_NARROWER "avx2"
#define MG_LANES_f32 16
#define MG_LANES_f64 8

MG_INLINE __m512 v_repeat_f32(const float *p, int q) {
    return q == 1   ? _mm512_set1_ps(*p)
           : q == 2 ? _mm512_castsi512_ps(_mm512_broadcastq_epi64(_mm_loadl_epi64((const __m128i *)p)))
           : q == 4 ? _mm512_broadcast_f32x4(_mm_loadu_ps(p))
           : q == 8 ? _mm512_broadcast_f32x8(_mm256_loadu_ps(p))
                    : _mm512_loadu_ps(p);
}
MG_INLINE __m512d v_repeat_f64(const double *p, int q) {
    return q == 1   ? _mm512_set1_pd(*p)
           : q == 2 ? _mm512_broadcast_f64x2(_mm_loadu_pd(p))
           : q == 4 ? _mm512_broadcast_f64x4(_mm256_loadu_pd(p))
                    : _mm512_loadu_pd(p);
}
