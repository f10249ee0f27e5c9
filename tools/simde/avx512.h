/* AVX-512 for a processor that has AVX2 and FMA: included before a kernel of the set avx512, it makes the intrinsics
   SIMDe's functions (Debian: libsimde-dev). A 512-bit vector is two of 256 bits there, so results have the same bits:
   a fused operation stays fused. What SIMDe lacks is below. */
#include <immintrin.h>

#define MG_EMULATED
#define SIMDE_ENABLE_NATIVE_ALIASES
#include <simde/x86/avx512.h>

#define MG_LANES_WITHOUT_SIMDE(D, T, V, M)                                                                          \
    static inline V mg_maskz_loadu_##D(M wanted, const T *p) {                                                      \
        T lanes[sizeof(V) / sizeof(T)];                                                                             \
        for (size_t i = 0; i < sizeof(V) / sizeof(T); i++) lanes[i] = wanted >> i & 1 ? p[i] : 0;                   \
        return _mm512_loadu_##D(lanes);                                                                             \
    }                                                                                                               \
    static inline void mg_mask_storeu_##D(T *p, M wanted, V a) {                                                    \
        T lanes[sizeof(V) / sizeof(T)];                                                                             \
        _mm512_storeu_##D(lanes, a);                                                                                \
        for (size_t i = 0; i < sizeof(V) / sizeof(T); i++)                                                          \
            if (wanted >> i & 1) p[i] = lanes[i];                                                                   \
    }
MG_LANES_WITHOUT_SIMDE(ps, float, __m512, __mmask16)
MG_LANES_WITHOUT_SIMDE(pd, double, __m512d, __mmask8)

/* Lanes k to k + 7 of the 16 that `low` and then `high` hold. */
static inline __m512i mg_alignr_epi64(__m512i high, __m512i low, int k) {
    int64_t lanes[16];
    _mm512_storeu_si512(lanes, low);
    _mm512_storeu_si512(lanes + 8, high);
    return _mm512_loadu_si512(lanes + (k & 7));
}

#undef _mm512_maskz_loadu_ps
#undef _mm512_maskz_loadu_pd
#undef _mm512_mask_storeu_ps
#undef _mm512_mask_storeu_pd
#undef _mm512_alignr_epi64
#define _mm512_maskz_loadu_ps mg_maskz_loadu_ps
#define _mm512_maskz_loadu_pd mg_maskz_loadu_pd
#define _mm512_mask_storeu_ps mg_mask_storeu_ps
#define _mm512_mask_storeu_pd mg_mask_storeu_pd
#define _mm512_alignr_epi64 mg_alignr_epi64
