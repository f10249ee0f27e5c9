/* WebAssembly's vectors of 16 bytes (SIMD128). Its multiply-adds round twice: it has no fused ones whose bits are settled. */
#include <wasm_simd128.h>

#define MG_WASM_OPS(D, T, S, N)                                                                                        \
    enum { VL_##D = N };                                                                                               \
    typedef v128_t vec_##D;                                                                                            \
    MG_INLINE v128_t v_load_##D(const T *p) { return wasm_v128_load(p); }                                              \
    MG_INLINE void v_store_##D(T *p, v128_t a) { wasm_v128_store(p, a); }                                              \
    MG_INLINE v128_t v_zero_##D(void) { return wasm_##S##_const_splat(0); }                                            \
    MG_INLINE v128_t v_set1_##D(T s) { return wasm_##S##_splat(s); }                                                   \
    MG_INLINE v128_t v_add_##D(v128_t a, v128_t b) { return wasm_##S##_add(a, b); }                                    \
    MG_INLINE v128_t v_sub_##D(v128_t a, v128_t b) { return wasm_##S##_sub(a, b); }                                    \
    MG_INLINE v128_t v_mul_##D(v128_t a, v128_t b) { return wasm_##S##_mul(a, b); }                                    \
    MG_INLINE v128_t v_div_##D(v128_t a, v128_t b) { return wasm_##S##_div(a, b); }                                    \
    MG_INLINE v128_t v_max_##D(v128_t a, v128_t b) { return wasm_##S##_pmax(b, a); }      /* b < a ? a : b */          \
    MG_INLINE v128_t v_min_##D(v128_t a, v128_t b) { return wasm_##S##_pmin(b, a); }      /* a < b ? a : b */          \
    MG_INLINE v128_t v_sqrt_##D(v128_t a) { return wasm_##S##_sqrt(a); }                                               \
    MG_INLINE v128_t v_fma_##D(v128_t a, v128_t b, v128_t c) { return wasm_##S##_add(wasm_##S##_mul(a, b), c); }       \
    MG_INLINE v128_t v_fnma_##D(v128_t a, v128_t b, v128_t c) { return wasm_##S##_sub(c, wasm_##S##_mul(a, b)); }      \
    MG_INLINE v128_t v_gate_##D(v128_t a, v128_t b) {                                                                  \
        return wasm_v128_and(wasm_##S##_gt(a, wasm_##S##_const_splat(0)), b);                                          \
    }                                                                                                                  \
    MG_INLINE v128_t v_maxnan_##D(v128_t a, v128_t b) {                                                                \
        return wasm_v128_or(wasm_##S##_pmax(b, a), wasm_##S##_ne(a, a));                                               \
    }                                                                                                                  \
    MG_INLINE v128_t v_where_lt_##D(v128_t a, v128_t b, v128_t c) { return wasm_v128_and(wasm_##S##_lt(a, b), c); }    \
    MG_INLINE v128_t v_where_nlt_##D(v128_t a, v128_t b, v128_t c) { return wasm_v128_andnot(c, wasm_##S##_lt(a, b)); } \
    MG_INLINE v128_t v_where_eq_##D(v128_t a, v128_t b, v128_t c) { return wasm_v128_and(wasm_##S##_eq(a, b), c); }    \
    MG_INLINE v128_t v_loadn_##D(const T *p, int n) {                                                                  \
        T lanes[N] = {0};                                                                                              \
        for (int i = 0; i < n; i++) lanes[i] = p[i];                                                                   \
        return wasm_v128_load(lanes);                                                                                  \
    }                                                                                                                  \
    MG_INLINE void v_storen_##D(T *p, v128_t a, int n) {                                                               \
        T lanes[N];                                                                                                    \
        wasm_v128_store(lanes, a);                                                                                     \
        for (int i = 0; i < n; i++) p[i] = lanes[i];                                                                   \
    }

MG_WASM_OPS(f32, float, f32x4, 4)
MG_WASM_OPS(f64, double, f64x2, 2)

MG_INLINE v128_t v_ziplo_f32(v128_t a, v128_t b) { return wasm_i32x4_shuffle(a, b, 0, 4, 1, 5); }
MG_INLINE v128_t v_ziphi_f32(v128_t a, v128_t b) { return wasm_i32x4_shuffle(a, b, 2, 6, 3, 7); }
MG_INLINE v128_t v_even_f32(v128_t a, v128_t b) { return wasm_i32x4_shuffle(a, b, 0, 2, 4, 6); }
MG_INLINE v128_t v_odd_f32(v128_t a, v128_t b) { return wasm_i32x4_shuffle(a, b, 1, 3, 5, 7); }
MG_INLINE v128_t v_ziplo_f64(v128_t a, v128_t b) { return wasm_i64x2_shuffle(a, b, 0, 2); }
MG_INLINE v128_t v_ziphi_f64(v128_t a, v128_t b) { return wasm_i64x2_shuffle(a, b, 1, 3); }
#define v_even_f64 v_ziplo_f64
#define v_odd_f64 v_ziphi_f64

/* Adding 1.5 * 2^52 leaves k + 1023 in the low bits of the sum, from where a shift moves it into the exponent. */
MG_INLINE v128_t v_pow2_f64(v128_t k) {
    return wasm_i64x2_shl(wasm_f64x2_add(k, wasm_f64x2_splat(6755399441055744.0 + 1023.0)), 52);
}

#define v_slide_f64(a, b, k) wasm_i64x2_shuffle(a, b, 1, 2)

#define MG_REGISTERS 16
#define MG_NARROWER NULL
#define MG_LANES_f32 4
#define MG_LANES_f64 2

MG_INLINE v128_t v_repeat_f32(const float *p, int q) {
    return q == 1 ? wasm_v128_load32_splat(p) : q == 2 ? wasm_v128_load64_splat(p) : wasm_v128_load(p);
}
MG_INLINE v128_t v_repeat_f64(const double *p, int q) { return q == 1 ? wasm_v128_load64_splat(p) : wasm_v128_load(p); }
