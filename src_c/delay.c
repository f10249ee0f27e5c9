/* The kernels of the delay integrator for one instruction set; delay.h says what they compute. */
#include "delay.h"

#include <math.h>
#include <stdint.h>

#define MG_DTYPE f64
#include "simd.h"
#include "delay_math.h"

/* ---- g and g' ---- */

static void mackey_glass(ptrdiff_t n, const double *x, double *g, double *dg, void *data) {
    const double *p = data;
    const uint64_t exponent = (uint64_t)p[1];
    const vec a = v_set1(p[0]), c = v_set1(p[1]), one = v_set1(1.0), one_minus_c = v_set1(1.0 - p[1]);
    for (ptrdiff_t i = 0; i < n; i += VL) {
        vec u = v_load(x + i);
        vec r = v_div(one, v_add(one, v_power(u, exponent)));
        v_store(g + i, v_mul(a, v_mul(u, r)));
        v_store(dg + i, v_mul(v_mul(a, r), v_add(one_minus_c, v_mul(c, r))));
    }
}

static void mackey_glass_real(ptrdiff_t n, const double *x, double *g, double *dg, void *data) {
    const double *p = data;
    for (ptrdiff_t i = 0; i < n; i++) {
        double r = 1.0 / (1.0 + pow(x[i], p[1]));
        g[i] = p[0] * (x[i] * r);
        dg[i] = p[0] * r * ((1.0 - p[1]) + p[1] * r);
    }
}

static void sine(ptrdiff_t n, const double *x, double *g, double *dg, void *data) {
    const double *p = data;
    const vec a = v_set1(p[0]), phase = v_set1(p[1]);
    for (ptrdiff_t i = 0; i < n; i += VL) {
        vec s, c;
        v_sincos(v_sub(v_load(x + i), phase), &s, &c);
        v_store(g + i, v_mul(a, s));
        v_store(dg + i, v_mul(a, c));
    }
}

static void ricker(ptrdiff_t n, const double *x, double *g, double *dg, void *data) {
    const double *p = data;
    const vec a = v_set1(p[0]), c = v_set1(p[1]), one = v_set1(1.0);
    for (ptrdiff_t i = 0; i < n; i += VL) {
        vec u = v_load(x + i), cu = v_mul(c, u);
        vec e = v_mul(a, v_exp(v_sub(v_zero(), cu)));
        v_store(g + i, v_mul(u, e));
        v_store(dg + i, v_mul(v_sub(one, cu), e));
    }
}

static void exponential(ptrdiff_t n, const double *x, double *g, double *dg, void *data) {
    const double *p = data;
    const vec a = v_set1(p[0]), minus_c = v_set1(-p[1]), d = v_set1(p[2]);
    for (ptrdiff_t i = 0; i < n; i += VL) {
        vec e = v_mul(a, v_exp(v_mul(minus_c, v_load(x + i))));
        v_store(g + i, v_add(d, e));
        v_store(dg + i, v_mul(minus_c, e));
    }
}

/* ---- quadrature ---- */

static double hermite_step(const double *w, const double *g, const double *dg) {
    double sum = w[0] * g[0];
    for (int j = 1; j < 4; j++) sum += w[j] * g[j];
    for (int j = 0; j < 4; j++) sum += w[4 + j] * dg[j];
    return sum;
}

static void hermite(ptrdiff_t n, const struct mg_delay_weights *weights, const double *g, const double *dg, double *q) {
    const double *w = weights->hermite[1];
    vec wv[8];
    for (int j = 0; j < 8; j++) wv[j] = v_set1(w[j]);
    for (ptrdiff_t i = 0; i < n; i += VL) {
        vec sum = v_mul(wv[0], v_load(g + i - 1));
        MG_UNROLL
        for (int j = 1; j < 4; j++) sum = v_add(sum, v_mul(wv[j], v_load(g + i - 1 + j)));
        MG_UNROLL
        for (int j = 0; j < 4; j++) sum = v_add(sum, v_mul(wv[4 + j], v_load(dg + i - 1 + j)));
        v_store(q + i, sum);
    }
    q[0] = hermite_step(weights->hermite[0], g, dg);
    q[n - 1] = hermite_step(weights->hermite[2], g + n - 3, dg + n - 3);
}

static double values_step(const double *w, const double *g) {
    double sum = w[0] * g[0];
    for (int j = 1; j < 8; j++) sum += w[j] * g[j];
    return sum;
}

static void values(ptrdiff_t n, const struct mg_delay_weights *weights, const double *g, double *q) {
    const double *w = weights->values[3];
    vec wv[8];
    for (int j = 0; j < 8; j++) wv[j] = v_set1(w[j]);
    for (ptrdiff_t i = 0; i < n; i += VL) {
        vec sum = v_mul(wv[0], v_load(g + i - 3));
        MG_UNROLL
        for (int j = 1; j < 8; j++) sum = v_add(sum, v_mul(wv[j], v_load(g + i - 3 + j)));
        v_store(q + i, sum);
    }
    for (int i = 0; i < 3; i++) {
        q[i] = values_step(weights->values[i], g);
        q[n - 3 + i] = values_step(weights->values[4 + i], g + n - 7);
    }
}

/* ---- scan ---- */

enum { LANES = MG_DELAY_BLOCK / VL }; /* vectors a block */

/* The vector of elements that lie `shift` before those of w[j]; a macro, for `shift` must be a constant. */
#define SHIFTED(w, j, shift) \
    ((shift) % VL ? v_slide((w)[(j) - (shift) / VL - 1], (w)[(j) - (shift) / VL], (shift) % VL) : (w)[(j) - (shift) / VL])

/* sum = w + factor times the elements `shift` before, for the block in w[LANES] on; the block before it is in w[0] on. */
#define ADD_SHIFTED(sum, w, factor, shift)                                                      \
    for (int j = LANES; j < 2 * LANES; j++) sum[j] = v_add(w[j], v_mul(factor, SHIFTED(w, j, shift)));

MG_INLINE void keep(vec *w) {
    MG_UNROLL
    for (int j = 0; j < LANES; j++) w[j] = w[LANES + j];
}

/* Three doublings turn q into sums over windows of eight steps, s[i] = q[i] + E q[i-1] + ... + E^7 q[i-7]; then
   x[i + 1] = E^8 x[i - 7] + s[i] leaves eight independent chains for the lanes of any vector. E^8 x is written
   x + (E^8 - 1) x, which keeps the rounding of E^8 from adding up where b h is small. */
static void scan(ptrdiff_t n, const struct mg_delay_weights *w, double b, const double *q, const double *g, double *x,
                 double *slope) {
    const vec e1 = v_set1(1.0 + w->growth[1]), e2 = v_set1(1.0 + w->growth[2]), e4 = v_set1(1.0 + w->growth[4]);
    const vec decay = v_set1(b);
    vec s1[2 * LANES], s2[2 * LANES], s4[2 * LANES], s8[2 * LANES], last[LANES], growth[LANES];
    for (int j = 0; j < LANES; j++) {
        s1[j] = s2[j] = s4[j] = v_zero();
        last[j] = v_set1(x[0]);
        growth[j] = v_load(w->growth + 1 + j * VL);
    }
    slope[0] = g[0] - b * x[0];
    for (ptrdiff_t i = 0; i < n; i += MG_DELAY_BLOCK) {
        MG_UNROLL
        for (int j = 0; j < LANES; j++) s1[LANES + j] = v_load(q + i + j * VL);
        MG_UNROLL
        ADD_SHIFTED(s2, s1, e1, 1)
        MG_UNROLL
        ADD_SHIFTED(s4, s2, e2, 2)
        MG_UNROLL
        ADD_SHIFTED(s8, s4, e4, 4)
        keep(s1);
        keep(s2);
        keep(s4);
        MG_UNROLL
        for (int j = 0; j < LANES; j++) {
            last[j] = v_add(last[j], v_add(v_mul(growth[j], last[j]), s8[LANES + j]));
            v_store(x + i + 1 + j * VL, last[j]);
            v_store(slope + i + 1 + j * VL, v_sub(v_load(g + i + 1 + j * VL), v_mul(decay, last[j])));
        }
        if (i == 0)
            for (int j = 0; j < LANES; j++) growth[j] = v_set1(w->growth[MG_DELAY_BLOCK]);
    }
    for (ptrdiff_t i = n + 1; i < n + MG_DELAY_BLOCK; i++) x[i] = 0.0;
}

static void scale(ptrdiff_t n, const double *factor, double *y) {
    for (ptrdiff_t i = 0; i < n; i += VL) v_store(y + i, v_mul(v_load(factor + i), v_load(y + i)));
}

const struct mg_delay_kernels MG_NAME(delay_kernels) = {
    {mackey_glass, mackey_glass_real, sine, ricker, exponential}, hermite, values, scan, scale,
    mg_delay_make_weights};
