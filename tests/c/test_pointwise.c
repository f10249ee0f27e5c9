/* Activation functions against the C library's, and their derivatives. */
#include "pointwise.h"

#include <math.h>
#include <string.h>

#include "check.h"

enum { COUNT = 150 };

static double value(int f, double x, double a, double b) {
    switch (f) {
    case MG_LEAKY_RELU: return x > 0 ? x : a * x;
    case MG_ELU: return b * (x > 0 ? x : a * expm1(x));
    case MG_SIGMOID: return 1 / (1 + exp(-x));
    case MG_TANH: return tanh(x);
    default: return x == -INFINITY ? 0 : x / (1 + exp(-x));
    }
}

static double slope(int f, double x, double a, double b) {
    const double s = 1 / (1 + exp(-x));
    switch (f) {
    case MG_LEAKY_RELU: return x > 0 ? 1 : a;
    case MG_ELU: return b * (x > 0 ? 1 : a * exp(x));
    case MG_SIGMOID: return s * (1 - s);
    case MG_TANH: return 1 - tanh(x) * tanh(x);
    default: return s * (1 + x * (1 - s));
    }
}

void test_pointwise(const struct mg_isa *isa) {
    static double x[COUNT + 1], y[COUNT + 1], dy[COUNT], before[COUNT];
    const double special[] = {0, 1e-6, -1e-6, 88.6, -88.6, 120, -120, 1000, -1000, INFINITY, -INFINITY};
    const int specials = sizeof special / sizeof *special;
    for (int wide = 0; wide < 2; wide++)
        for (int f = 0; f < MG_POINTWISE_COUNT; f++)
            for (ptrdiff_t count = 1; count <= COUNT; count += count < 40 ? 1 : 10) {
                const double near = wide ? 1e-15 : 5e-7;
                for (ptrdiff_t i = 0; i < count; i++) put(x, wide, i, i < specials ? special[i] : 8 * random_number());
                fill(dy, wide, count);
                memcpy(before, dy, sizeof dy);
                put(y, wide, count, 7);
                isa->pointwise[wide]->apply(f, x, y, count, 0.25, 1.5);
                isa->pointwise[wide]->turn(f, f == MG_SILU ? x : y, dy, count, 0.25, 1.5);
                CHECK(get(y, wide, count) == 7);
                for (ptrdiff_t i = 0; i < count; i++) {
                    const double at = get(x, wide, i), want = value(f, at, 0.25, 1.5);
                    CHECK(get(y, wide, i) == want || fabs(get(y, wide, i) - want) <= 8 * near * fabs(want) + 1e-37);
                    if (fabs(at) < 1e3)
                        CHECK(close_to(get(dy, wide, i), get(before, wide, i) * slope(f, at, 0.25, 1.5), 8 * near));
                }
                put(x, wide, 0, NAN);
                isa->pointwise[wide]->apply(f, x, y, count, 0.25, 1.5);
                CHECK(isnan(get(y, wide, 0)));
            }
}
