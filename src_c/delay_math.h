/* Powers, exp, sin and cos of vectors by + - * in a fixed order, so that every instruction set gives the same bits.
   Included by templates, after simd.h with MG_DTYPE f64. */
#ifndef MG_DELAY_MATH_H
#define MG_DELAY_MATH_H

/* Adding and subtracting 1.5 * 2^52 rounds to the nearest integer while |x| < 2^51. */
MG_INLINE vec v_nearest(vec x) {
    const vec magic = v_set1(6755399441055744.0);
    return v_sub(v_add(x, magic), magic);
}

/* x^exponent by repeated squaring, from the exponent's lowest bit. */
MG_INLINE vec v_power(vec x, uint64_t exponent) {
    vec power = v_set1(1.0);
    for (;;) {
        if (exponent & 1) power = v_mul(power, x);
        exponent >>= 1;
        if (!exponent) return power;
        x = v_mul(x, x);
    }
}

MG_INLINE vec v_horner(vec x, const double *coefficients, int count) {
    vec sum = v_set1(coefficients[0]);
    for (int i = 1; i < count; i++) sum = v_add(v_mul(sum, x), v_set1(coefficients[i]));
    return sum;
}

/* e^x = 2^k e^r with |r| <= ln(2) / 2 and the Taylor series of e^r. 2^k is applied in two halves, so that overflow and
   underflow happen as they should; the bounds only keep k in the range of the halves, and let a NaN pass. */
MG_INLINE vec v_exp(vec x) {
    static const double taylor[] = {
        1.0 / 6227020800, 1.0 / 479001600, 1.0 / 39916800, 1.0 / 3628800, 1.0 / 362880, 1.0 / 40320, 1.0 / 5040,
        1.0 / 720, 1.0 / 120, 1.0 / 24, 1.0 / 6, 0.5};
    x = v_min(v_set1(1400.0), v_max(v_set1(-1400.0), x));
    vec k = v_nearest(v_mul(x, v_set1(1.4426950408889634)));
    /* ln(2) in two parts, the first so short that its product with k is exact */
    vec r = v_sub(v_sub(x, v_mul(k, v_set1(0x1.62e42feep-1))), v_mul(k, v_set1(0x1.a39ef35793c76p-33)));
    vec tail = v_mul(v_mul(r, r), v_horner(r, taylor, 12));
    vec half = v_nearest(v_mul(k, v_set1(0.5)));
    vec power = v_add(v_set1(1.0), v_add(r, tail));
    return v_mul(v_mul(power, v_pow2(half)), v_pow2(v_sub(k, half)));
}

/* sin and cos of x = k pi/2 + r, |r| <= pi/4, by their Taylor series; good to the last bits for |x| < 10^6. */
MG_INLINE void v_sincos(vec x, vec *sine, vec *cosine) {
    static const double odd_taylor[] = {
        1.0 / 355687428096000, -1.0 / 1307674368000, 1.0 / 6227020800, -1.0 / 39916800, 1.0 / 362880, -1.0 / 5040,
        1.0 / 120, -1.0 / 6};
    static const double even_taylor[] = {
        1.0 / 20922789888000, -1.0 / 87178291200, 1.0 / 479001600, -1.0 / 3628800, 1.0 / 40320, -1.0 / 720, 1.0 / 24,
        -0.5};
    vec k = v_nearest(v_mul(x, v_set1(0.6366197723675814)));
    /* pi/2 in three parts, the first two so short that their products with k are exact */
    vec r = v_sub(x, v_mul(k, v_set1(0x1.921fb544p+0)));
    r = v_sub(r, v_mul(k, v_set1(0x1.0b4611a6p-34)));
    r = v_sub(r, v_mul(k, v_set1(0x1.3198a2e037073p-69)));
    vec square = v_mul(r, r), one = v_set1(1.0);
    vec s = v_add(r, v_mul(v_mul(r, square), v_horner(square, odd_taylor, 8)));
    vec c = v_add(one, v_mul(square, v_horner(square, even_taylor, 8)));
    /* The quadrant j = k mod 4 in -2 ... 2 as two factors, one of them 0 and the other 1 or -1: sin x is s, c, -s, -c. */
    vec j = v_sub(k, v_mul(v_set1(4.0), v_nearest(v_mul(k, v_set1(0.25)))));
    vec jj = v_mul(j, j);
    vec parity = v_nearest(v_mul(v_mul(jj, v_sub(v_set1(4.0), jj)), v_set1(1.0 / 3.0)));
    vec of_s = v_mul(v_sub(one, parity), v_sub(one, v_mul(jj, v_set1(0.5)))), of_c = v_mul(parity, j);
    *sine = v_add(v_mul(of_s, s), v_mul(of_c, c));
    *cosine = v_sub(v_mul(of_s, c), v_mul(of_c, s));
}

#endif
