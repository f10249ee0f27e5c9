/* NEON, the baseline of every 64-bit Arm. */
#include <arm_neon.h>

#define MG_NEON_OPS(D, T, V, S, N)                                                     \
    enum { VL_##D = N };                                                               \
    typedef V vec_##D;                                                                 \
    MG_INLINE V v_load_##D(const T *p) { return vld1q_##S(p); }                        \
    MG_INLINE void v_store_##D(T *p, V a) { vst1q_##S(p, a); }                         \
    MG_INLINE V v_zero_##D(void) { return vdupq_n_##S(0); }                            \
    MG_INLINE V v_set1_##D(T s) { return vdupq_n_##S(s); }                             \
    MG_INLINE V v_add_##D(V a, V b) { return vaddq_##S(a, b); }                        \
    MG_INLINE V v_sub_##D(V a, V b) { return vsubq_##S(a, b); }                        \
    MG_INLINE V v_mul_##D(V a, V b) { return vmulq_##S(a, b); }                        \
    MG_INLINE V v_div_##D(V a, V b) { return vdivq_##S(a, b); }                        \
    MG_INLINE V v_max_##D(V a, V b) { return vmaxq_##S(a, b); }                        \
    MG_INLINE V v_min_##D(V a, V b) { return vminq_##S(a, b); }                        \
    MG_INLINE V v_sqrt_##D(V a) { return vsqrtq_##S(a); }                              \
    MG_INLINE V v_gate_##D(V a, V b) {                                                 \
        return vbslq_##S(vcgtq_##S(a, vdupq_n_##S(0)), b, vdupq_n_##S(0));             \
    }                                                                                  \
    MG_INLINE V v_maxnan_##D(V a, V b) { return vmaxq_##S(a, b); }                     \
    MG_INLINE V v_where_lt_##D(V a, V b, V c) {                                        \
        return vbslq_##S(vcltq_##S(a, b), c, vdupq_n_##S(0));                          \
    }                                                                                  \
    MG_INLINE V v_where_eq_##D(V a, V b, V c) {                                        \
        return vbslq_##S(vceqq_##S(a, b), c, vdupq_n_##S(0));                          \
    }                                                                                  \
    MG_INLINE V v_where_nlt_##D(V a, V b, V c) {                                       \
        return vbslq_##S(vcltq_##S(a, b), vdupq_n_##S(0), c);                          \
    }                                                                                  \
    MG_INLINE V v_fma_##D(V a, V b, V c) { return vfmaq_##S(c, a, b); }                \
    MG_INLINE V v_fnma_##D(V a, V b, V c) { return vfmsq_##S(c, a, b); }               \
    MG_INLINE V v_ziplo_##D(V a, V b) { return vzip1q_##S(a, b); }                     \
    MG_INLINE V v_ziphi_##D(V a, V b) { return vzip2q_##S(a, b); }                     \
    MG_INLINE V v_even_##D(V a, V b) { return vuzp1q_##S(a, b); }                      \
    MG_INLINE V v_odd_##D(V a, V b) { return vuzp2q_##S(a, b); }                       \
    MG_INLINE V v_loadn_##D(const T *p, int n) {                                       \
        T lanes[N] = {0};                                                              \
        for (int i = 0; i < n; i++) lanes[i] = p[i];                                   \
        return vld1q_##S(lanes);                                                       \
    }                                                                                  \
    MG_INLINE void v_storen_##D(T *p, V a, int n) {                                    \
        T lanes[N];                                                                    \
        vst1q_##S(lanes, a);                                                           \
        for (int i = 0; i < n; i++) p[i] = lanes[i];                                   \
    }

MG_NEON_OPS(f32, float, float32x4_t, f32, 4)
MG_NEON_OPS(f64, double, float64x2_t, f64, 2)

/* Adding 1.5 * 2^52 leaves k + 1023 in the low bits of the sum, from where a shift moves it into the exponent. */
MG_INLINE float64x2_t v_pow2_f64(float64x2_t k) {
    float64x2_t sum = vaddq_f64(k, vdupq_n_f64(6755399441055744.0 + 1023.0));
    return vreinterpretq_f64_s64(vshlq_n_s64(vreinterpretq_s64_f64(sum), 52));
}

#define v_slide_f64(a, b, k) vextq_f64(a, b, 1)

#define MG_REGISTERS 32
#define MG_NARROWER NULL
#define MG_LANES_f32 4
#define MG_LANES_f64 2

MG_INLINE float32x4_t v_repeat_f32(const float *p, int q) {
    return q == 1 ? vdupq_n_f32(*p) : q == 2 ? vcombine_f32(vld1_f32(p), vld1_f32(p)) : vld1q_f32(p);
}
MG_INLINE float64x2_t v_repeat_f64(const double *p, int q) { return q == 1 ? vdupq_n_f64(*p) : vld1q_f64(p); }
