/* One column of a convolution against sums in double. */
#include "column.h"

#include "check.h"

enum { TAPS = 3, CHANNELS = 11, FILTERS = 70, PITCH = 80, SLACK = 16 };

static double taps_memory[TAPS][CHANNELS], kernel[TAPS * CHANNELS * PITCH + SLACK], bias[CHANNELS * FILTERS],
    y[CHANNELS * FILTERS];

static double activated(double sum, int relu) { return relu && sum < 0 ? 0 : sum; }

static void full(const struct mg_column_kernels *kernels, struct mg_column c, int wide) {
    kernels->full(&c);
    for (ptrdiff_t f = 0; f < c.filters; f++) {
        double sum = c.bias ? get(bias, wide, f) : 0;
        for (ptrdiff_t t = 0; t < c.count; t++)
            for (ptrdiff_t i = 0; i < c.channels; i++)
                sum += get(c.taps[t], wide, i) * get(kernel, wide, (t * c.channels + i) * c.pitch + f);
        CHECK(close_to(get(y, wide, f), activated(sum, c.relu), wide ? 1e-14 : 1e-5));
    }
    CHECK(get(y, wide, c.filters) == 7);
}

static void channelwise(const struct mg_column_kernels *kernels, struct mg_column c, int wide) {
    kernels->channelwise(&c);
    for (ptrdiff_t i = 0; i < c.channels * c.filters; i++) {
        double sum = c.bias ? get(bias, wide, i) : 0;
        for (ptrdiff_t t = 0; t < c.count; t++)
            sum += get(c.taps[t], wide, i / c.filters) * get(kernel, wide, t * c.channels * c.filters + i);
        CHECK(close_to(get(y, wide, i), activated(sum, c.relu), wide ? 1e-14 : 1e-5));
    }
    CHECK(get(y, wide, c.channels * c.filters) == 7);
}

void test_column(const struct mg_isa *isa) {
    const void *taps[TAPS] = {taps_memory[0], taps_memory[1], taps_memory[2]};
    for (int wide = 0; wide < 2; wide++) {
        for (int t = 0; t < TAPS; t++) fill(taps_memory[t], wide, CHANNELS);
        fill(kernel, wide, TAPS * CHANNELS * PITCH + SLACK);
        fill(bias, wide, CHANNELS * FILTERS);
        for (ptrdiff_t filters = 1; filters < FILTERS; filters++)
            for (int way = 0; way < 4; way++) {
                struct mg_column c = {taps, kernel, way & 1 ? bias : NULL, y, TAPS, 1 + filters % CHANNELS, filters,
                                      PITCH, way & 2};
                put(y, wide, filters, 7);
                full(isa->column[wide], c, wide);
                c.filters = 1 + filters % 4;
                put(y, wide, c.channels * c.filters, 7);
                channelwise(isa->column[wide], c, wide);
            }
    }
}
