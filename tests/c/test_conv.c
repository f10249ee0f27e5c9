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

/* Maps of many channels, for the kinds that have channels in the lanes. */
enum { ROWS = 4, COLUMNS = 16, ACROSS = 5, DOWN = 2 };

static double maps[ROWS * COLUMNS * TILES * MOST], weights[TILES * DOWN * ACROSS * MOST];
static double results[2 * COLUMNS * TILES * MOST];

/* The first input column is number `column`; those before 0 and behind `last` are left out. */
static void check_channels(const struct mg_conv_row_kernels *k, int wide, int kind, int height, int lanes, int summed,
                           int column, int last) {
    const int rows = kind == MG_LANES_PAIR ? 2 : 1, tiles = kind == MG_LANES_PART ? 1 : TILES, vl = k->lanes;
    const int channels = kind == MG_LANES_PART ? lanes : tiles * vl, out = summed ? 1 : channels;
    const ptrdiff_t item = wide ? 8 : 4;
    const struct mg_conv_row row = {
        .x = (const char *)maps, .x_step = channels * item, .x_inner = channels * item,
        .x_outer = COLUMNS * channels * item, .outer = DOWN, .inner = ACROSS, .run = 1,
        .kernel = (const char *)weights, .kernel_inner = vl * item, .kernel_outer = ACROSS * vl * item,
        .kernel_tile = DOWN * ACROSS * vl * item, .y = (char *)results, .y_step = out * item,
        .y_outer = height * out * item, .bias = (const char *)bias, .x_tile = vl * item,
        .y_tile = summed ? 0 : vl * item, .bias_tile = summed ? 0 : vl * item, .lanes = lanes, .relu = height % 2,
        .column = column, .column_step = 1, .column_tap = 1, .last_column = last, .summed = summed};
    fill(results, wide, 2 * COLUMNS * TILES * MOST);
    k->rows[kind][height - 1](&row, tiles);
    for (int r = 0; r < rows; r++)
        for (int m = 0; m < height; m++) {
            double all = get(bias, wide, 0);
            for (int c = 0; c < channels; c++) {
                double sum = summed ? 0 : get(bias, wide, c);
                for (int i = 0; i < DOWN; i++)
                    for (int j = 0; j < ACROSS; j++)
                        if (column + m + j >= 0 && column + m + j <= last)
                            sum += get(maps, wide, ((r + i) * COLUMNS + m + j) * channels + c)
                                   * get(weights, wide, ((c / vl * DOWN + i) * ACROSS + j) * vl + c % vl);
                all += sum;
                if (row.relu && sum < 0) sum = 0;
                if (!summed)
                    CHECK(close_to(get(results, wide, (r * height + m) * out + c), sum, wide ? 1e-13 : 1e-5));
            }
            if (row.relu && all < 0) all = 0;
            if (summed) CHECK(close_to(get(results, wide, r * height + m), all, wide ? 1e-12 : 1e-4));
        }
}

/* Runs of `run` neighbouring taps, one below the other; the last columns lie outside for some. */
static void check_outer_channels(const struct mg_conv_outer_kernels *k, int vl, int wide, int height, int run, int lanes,
                                 int last) {
    const ptrdiff_t item = wide ? 8 : 4, step = lanes * item;
    const int positions = COLUMNS - run + 1, inner = last - run + 2 < positions ? last - run + 2 : positions;
    ptrdiff_t offsets[MOST], tap_rows[MOST], tap_columns[MOST];
    for (int m = 0; m < height; m++) {
        tap_rows[m] = m / run;
        tap_columns[m] = m % run;
        offsets[m] = tap_rows[m] * COLUMNS * step + tap_columns[m] * step;
    }
    const struct mg_conv_outer tile = {
        .a = (const char *)maps, .b = (const char *)weights, .a_step = step, .b_step = step, .positions = positions,
        .rows = 1, .images = 1, .offsets = offsets, .out = (char *)results, .out_step = vl * item, .lanes = lanes,
        .tap_rows = tap_rows, .tap_columns = tap_columns, .row_step = 1, .last_row = ROWS - 2, .column_step = 1,
        .last_column = last, .inner_to = inner > 0 ? inner : 0};
    k->tiles[MG_OUTER_LANES][height - 1](&tile);
    for (int m = 0; m < height; m++)
        for (int c = 0; c < lanes; c++) {
            double sum = 0;
            for (int p = 0; p < positions; p++)
                if (p + tap_columns[m] <= last && tap_rows[m] <= ROWS - 2)
                    sum += get(maps, wide, (tap_rows[m] * COLUMNS + p + tap_columns[m]) * lanes + c)
                           * get(weights, wide, p * lanes + c);
            CHECK(close_to(get(results, wide, m * vl + c), sum, wide ? 1e-13 : 1e-5));
        }
}

static void test_channels(const struct mg_conv_row_kernels *k, const struct mg_conv_outer_kernels *o, int wide) {
    fill(maps, wide, ROWS * COLUMNS * TILES * MOST);
    fill(weights, wide, TILES * DOWN * ACROSS * MOST);
    for (int height = 1; height <= k->height[MG_LANES]; height++)
        for (int column = -2; column <= 0; column++)
            for (int last = height + ACROSS - 5; last < height + ACROSS; last += 2) {
                check_channels(k, wide, MG_LANES, height, k->lanes, 0, column, last);
                check_channels(k, wide, MG_LANES, height, k->lanes, 1, column, last);
                if (k->lanes > 1) check_channels(k, wide, MG_LANES_PART, height, k->lanes - 1, 0, column, last);
                if (height > k->height[MG_LANES_PAIR]) continue;
                check_channels(k, wide, MG_LANES_PAIR, height, k->lanes, 0, column, last);
                check_channels(k, wide, MG_LANES_PAIR, height, k->lanes, 1, column, last);
            }
    for (int height = 1; height <= o->height[MG_OUTER_LANES]; height++)
        for (int last = 1; last < COLUMNS; last += 2)
            for (int lanes = k->lanes; lanes > 0 && lanes >= k->lanes - 1; lanes--) {
                check_outer_channels(o, k->lanes, wide, height, height, lanes, last);
                if (height % 3 == 0) check_outer_channels(o, k->lanes, wide, height, 3, lanes, last);
                if (height % 2 == 0) check_outer_channels(o, k->lanes, wide, height, 2, lanes, last);
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
        test_channels(k, o, wide);
    }
}
