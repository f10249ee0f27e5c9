/* Every register tile of the convolution, forward and gradient to the kernel, against plain sums. */
#include "conv.h"

#include <string.h>

#include "check.h"

enum { CHANNELS = 5, TAPS = 3, TILES = 2, MOST = 16, WIDTH = 64, POSITIONS = TILES * MOST };

static double x[(POSITIONS + TAPS) * CHANNELS], kernel[TAPS * CHANNELS * WIDTH], bias[WIDTH], y[POSITIONS * WIDTH];
static double before[POSITIONS * WIDTH], panel[2 * TAPS * CHANNELS * WIDTH];

/* One kind and height: `taps` in the lanes, so many filters of a panel of `width` lanes. */
static void check_rows(const struct mg_conv_row_kernels *k, int wide, int kind, int height, int taps, int vectors,
                       int filters, int relu) {
    const ptrdiff_t item = wide ? 8 : 4, width = (ptrdiff_t)vectors * k->lanes;
    const ptrdiff_t inner = (CHANNELS / taps + CHANNELS % taps) * width * item;
    const struct mg_conv_pack pack = {
        .source = (const char *)kernel, .outer = 1, .inner = TAPS, .run = CHANNELS,
        .inner_step = CHANNELS * filters * item, .run_step = filters * item, .filter_step = item,
        .taps = taps, .width = (int)width, .filters = filters};
    const struct mg_conv_row row = {
        .x = (const char *)x, .x_step = CHANNELS * item, .x_inner = CHANNELS * item, .outer = 1, .inner = TAPS,
        .run = CHANNELS, .kernel = (const char *)panel, .kernel_inner = inner, .kernel_outer = TAPS * inner,
        .y = (char *)y, .y_step = filters * item, .bias = (const char *)bias,
        .x_tile = height * CHANNELS * item, .y_tile = height * filters * item,
        .lanes = taps > 1 ? filters : filters - (vectors - 1) * k->lanes, .relu = relu};
    fill(y, wide, POSITIONS * filters);
    memcpy(before, y, sizeof y);
    k->pack(&pack, (char *)panel);
    k->rows[kind][height - 1](&row, TILES);
    for (int m = 0; m < POSITIONS; m++)
        for (int f = 0; f < filters; f++) {
            double sum = get(bias, wide, f);
            for (int j = 0; j < TAPS * CHANNELS; j++)
                sum += get(x, wide, m * CHANNELS + j) * get(kernel, wide, j * filters + f);
            if (relu && sum < 0) sum = 0;
            if (m >= TILES * height) sum = get(before, wide, m * filters + f);      /* beyond the tiles: untouched */
            CHECK(close_to(get(y, wide, m * filters + f), sum, wide ? 1e-13 : 1e-5));
        }
}

static void check_outer(const struct mg_conv_outer_kernels *k, int wide, int kind, int height, int width, int lanes) {
    const ptrdiff_t item = wide ? 8 : 4;
    const struct mg_conv_outer tile = {
        .a = (const char *)x, .b = (const char *)kernel, .a_step = CHANNELS * item, .b_step = width * item,
        .positions = TAPS * CHANNELS, .rows = 1, .images = 1, .out = (char *)y, .out_step = width * item,
        .lanes = lanes};
    fill(y, wide, POSITIONS * WIDTH);
    k->tiles[kind][height - 1](&tile);
    for (int m = 0; m < height; m++)
        for (int f = 0; f < width; f++) {
            double sum = 0;
            for (int p = 0; p < TAPS * CHANNELS; p++)
                sum += get(x, wide, p * CHANNELS + m) * get(kernel, wide, p * width + f);
            CHECK(close_to(get(y, wide, m * width + f), sum, wide ? 1e-13 : 1e-5));
        }
}

void test_conv(const struct mg_isa *isa) {
    for (int wide = 0; wide < 2; wide++) {
        const struct mg_conv_row_kernels *k = isa->conv_row[wide];
        const struct mg_conv_outer_kernels *o = isa->conv_outer[wide];
        fill(x, wide, (POSITIONS + TAPS) * CHANNELS);
        fill(kernel, wide, TAPS * CHANNELS * WIDTH);
        fill(bias, wide, WIDTH);
        for (int vectors = 1; vectors <= 4; vectors++)
            for (int height = 1; height <= k->height[MG_VECTORS_1 + vectors - 1]; height++)
                for (int spare = 0; spare < k->lanes && spare < 3; spare++)
                    check_rows(k, wide, MG_VECTORS_1 + vectors - 1, height, 1, vectors, vectors * k->lanes - spare,
                               spare % 2);
        for (int taps = 2, kind = MG_TAPS_2; kind <= MG_TAPS_16; taps *= 2, kind++)
            for (int height = 1; height <= k->height[kind]; height++)
                check_rows(k, wide, kind, height, taps, 1, k->lanes / taps, 1);
        for (int vectors = 1; vectors <= 4; vectors++)
            for (int height = 1; height <= o->height[MG_OUTER_1 + vectors - 1]; height++)
                check_outer(o, wide, MG_OUTER_1 + vectors - 1, height, vectors * k->lanes, k->lanes);
    }
}
