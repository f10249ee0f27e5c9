#include "fft.h"

#include <math.h>

/* The stages m = 4, 8, 16, ... one after the other, 6 m / 4 numbers each: stage m begins at 6 (m - 4) / 4. */
enum { LONGEST = 1 << MG_FFT_MAX_LOG2, NUMBERS = 6 * (2 * LONGEST - 4) / 4 };
static float table_f32[NUMBERS];
static double table_f64[NUMBERS];

static ptrdiff_t start_of(ptrdiff_t m) { return 6 * (m - 4) / 4; }

const float *mg_fft_twiddles_f32(ptrdiff_t m) { return table_f32 + start_of(m); }
const double *mg_fft_twiddles_f64(ptrdiff_t m) { return table_f64 + start_of(m); }

/* cos and sin of -2 pi k / m, k >= 0, by an angle of at most pi / 4, where both are exact to an ulp. */
static void unit_root(ptrdiff_t k, ptrdiff_t m, double *re, double *im) {
    const double turn = 6.283185307179586476925286766559;
    ptrdiff_t quarters = (8 * k + m) / (2 * m), quarter = quarters % 4;
    double angle = turn * (double)(4 * k - quarters * m) / (4 * (double)m);
    double c = cos(angle), s = sin(angle);
    *re = quarter == 0 ? c : quarter == 1 ? -s : quarter == 2 ? -c : s;
    *im = quarter == 0 ? -s : quarter == 1 ? -c : quarter == 2 ? s : c;
}

void mg_fft_init(void) {
    for (ptrdiff_t m = 4; m <= LONGEST; m *= 2) {
        double *w = table_f64 + start_of(m);
        for (ptrdiff_t k = 0; k < m / 4; k++)
            for (ptrdiff_t power = 1; power <= 3; power++, w += 2) unit_root(k * power, m, w, w + 1);
    }
    for (ptrdiff_t i = 0; i < NUMBERS; i++) table_f32[i] = (float)table_f64[i];
}

/* A stage of radix r sends frequency q mod r to its block q of n / r, whose own stages sort the rest; see fft_body.h. */
ptrdiff_t mg_fft_frequency(int log2n, ptrdiff_t position) {
    ptrdiff_t n = (ptrdiff_t)1 << log2n, frequency = 0, weight = 1;
    while (n > 1) {
        ptrdiff_t radix = n == 8 ? 8 : n == 2 ? 2 : 4, block = n / radix;
        frequency += weight * (position / block);
        position %= block;
        weight *= radix;
        n = block;
    }
    return frequency;
}
