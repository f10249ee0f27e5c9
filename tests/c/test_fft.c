/* The transform of every lane against the sum that defines it, and the inverse against the identity. */
#include "fft.h"

#include <math.h>
#include <string.h>

#include "check.h"

enum { MAX_LOG2 = 7, MAX_LANES = 16 };

void test_fft(const struct mg_isa *isa) {
    static double data[(2 << MAX_LOG2) * MAX_LANES], before[(2 << MAX_LOG2) * MAX_LANES];
    const double turn = 6.283185307179586;
    mg_fft_init();
    for (int wide = 0; wide < 2; wide++)
        for (int log2n = 1; log2n <= MAX_LOG2; log2n++) {
            const struct mg_fft_kernels *k = isa->fft[wide];
            const int n = 1 << log2n, lanes = k->lanes;
            const double tolerance = wide ? 1e-13 : 3e-5;
            fill(data, wide, 2 * n * lanes);
            memcpy(before, data, sizeof data);
            k->forward(data, log2n, 2 * lanes);
            for (int position = 0; position < n; position++) {
                const int frequency = (int)mg_fft_frequency(log2n, position), lane = position % lanes;
                double re = 0, im = 0;
                for (int i = 0; i < n; i++) {
                    const double angle = -turn * (double)(frequency * i % n) / n;
                    const double a = get(before, wide, 2 * i * lanes + lane);
                    const double b = get(before, wide, (2 * i + 1) * lanes + lane);
                    re += a * cos(angle) - b * sin(angle);
                    im += a * sin(angle) + b * cos(angle);
                }
                CHECK(close_to(get(data, wide, 2 * position * lanes + lane), re, tolerance));
                CHECK(close_to(get(data, wide, (2 * position + 1) * lanes + lane), im, tolerance));
            }
            k->inverse(data, log2n, 2 * lanes);
            for (int i = 0; i < 2 * n * lanes; i++)
                CHECK(close_to(get(data, wide, i), n * get(before, wide, i), tolerance));
        }
}
