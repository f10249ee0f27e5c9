/* SSE2 (the x86-64 baseline), AVX2 with FMA, and AVX-512: the same intrinsics under three prefixes. */
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

#if defined(MG_ISA_AVX512)

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

#elif defined(MG_ISA_AVX2)

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

#else

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
#define MG_LANES_f32 4
#define MG_LANES_f64 2

MG_INLINE __m128 v_repeat_f32(const float *p, int q) {
    if (q == 1) return _mm_set1_ps(*p);
    if (q == 4) return _mm_loadu_ps(p);
    const __m128i two = _mm_loadl_epi64((const __m128i *)p);
    return _mm_castsi128_ps(_mm_unpacklo_epi64(two, two));
}
MG_INLINE __m128d v_repeat_f64(const double *p, int q) { return q == 1 ? _mm_set1_pd(*p) : _mm_loadu_pd(p); }

#endif
