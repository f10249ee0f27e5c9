/* The transforms of every form against plain sums: outputs from inputs and taps, and the gradient to the taps. */
#include "winograd.h"

#include <string.h>

#include "check.h"

/* Two tiles of whole vectors and a part of one, side by side; a number between the places that nobody is to touch. */
enum { TILES = 2, WIDTH = 19, PLACE = TILES * WIDTH + 1, MOST_ROWS = 6, MOST_COLUMNS = 8 };

static double x[MOST_ROWS * TILES * MOST_COLUMNS * WIDTH], taps[3 * 6 * WIDTH], y[4 * TILES * 6 * WIDTH];
static double transformed[MG_WINOGRAD_MOST_PLACES * PLACE], others[MG_WINOGRAD_MOST_PLACES * PLACE];
static double result[4 * TILES * 6 * WIDTH], bias[WIDTH];

static void multiply(int wide) {
    for (int i = 0; i < MG_WINOGRAD_MOST_PLACES * PLACE; i++) {
        if (i % PLACE == PLACE - 1) CHECK(get(transformed, wide, i) == 0 && get(others, wide, i) == 0);
        put(transformed, wide, i, get(transformed, wide, i) * get(others, wide, i));
    }
}

/* `run` taps a row, of which the last `missing` do not exist; three rows of them if rows are transformed. */
static void check_form(const struct mg_winograd_kernels *k, int wide, int rows, int columns, int run, int missing) {
    const int outputs = columns + 1 - run, row_taps = rows > 1 ? 3 : 1, row_outputs = rows + 1 - row_taps;
    const int across = columns + (TILES - 1) * outputs, item = wide ? 8 : 4, given = run - missing;
    const double tolerance = wide ? 1e-12 : 1e-4;
    const void *pixels[MG_WINOGRAD_MOST_PLACES];
    const struct mg_winograd_spread of_taps = {
        .rows = rows, .columns = columns, .length = run, .given = given, .row_length = row_taps, .given_rows = row_taps,
        .item = WIDTH, .row_item = run * WIDTH, .place = PLACE};
    const struct mg_winograd_spread of_outputs = {
        .rows = rows, .columns = columns, .length = outputs, .given = outputs, .row_length = row_outputs,
        .given_rows = row_outputs, .item = WIDTH, .row_item = TILES * outputs * WIDTH, .place = PLACE};
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < columns; j++) pixels[i * columns + j] = (char *)x + (i * across + j) * WIDTH * item;

    k->pixels(rows, columns, pixels, outputs * WIDTH, TILES, WIDTH, transformed, PLACE, WIDTH);
    k->spread(&of_taps, taps, 0, TILES, WIDTH, others, WIDTH);              /* the same for all tiles */
    multiply(wide);
    k->gather(&of_outputs, transformed, WIDTH, TILES, WIDTH, bias, 1, result, outputs * WIDTH);
    for (int i = 0; i < row_outputs; i++)
        for (int j = 0; j < TILES * outputs; j++)
            for (int c = 0; c < WIDTH; c++) {
                double sum = get(bias, wide, c);
                for (int a = 0; a < row_taps; a++)
                    for (int b = 0; b < given; b++)
                        sum += get(x, wide, ((i + a) * across + j + b) * WIDTH + c)
                               * get(taps, wide, (a * run + b) * WIDTH + c);
                CHECK(close_to(get(result, wide, (i * TILES * outputs + j) * WIDTH + c), sum > 0 ? sum : 0, tolerance));
            }

    k->pixels(rows, columns, pixels, outputs * WIDTH, TILES, WIDTH, transformed, PLACE, WIDTH);
    k->spread(&of_outputs, y, outputs * WIDTH, TILES, WIDTH, others, WIDTH);
    multiply(wide);
    for (int tile = 0; tile < TILES; tile++) {
        k->gather(&of_taps, (char *)transformed + tile * WIDTH * item, WIDTH, 1, WIDTH, NULL, 0, result, 0);
        for (int a = 0; a < row_taps; a++)
            for (int b = 0; b < given; b++)
                for (int c = 0; c < WIDTH; c++) {
                    double sum = 0;
                    for (int i = 0; i < row_outputs; i++)
                        for (int j = tile * outputs; j < (tile + 1) * outputs; j++)
                            sum += get(x, wide, ((i + a) * across + j + b) * WIDTH + c)
                                   * get(y, wide, (i * TILES * outputs + j) * WIDTH + c);
                    CHECK(close_to(get(result, wide, (a * run + b) * WIDTH + c), sum, tolerance));
                }
    }
}

void test_winograd(const struct mg_isa *isa) {
    for (int wide = 0; wide < 2; wide++) {
        const struct mg_winograd_kernels *k = isa->winograd[wide];
        fill(x, wide, MOST_ROWS * TILES * MOST_COLUMNS * WIDTH);
        fill(taps, wide, 3 * 6 * WIDTH);
        fill(y, wide, 4 * TILES * 6 * WIDTH);
        fill(bias, wide, WIDTH);
        memset(others, 0, sizeof others);
        memset(transformed, 0, sizeof transformed);
        for (int missing = 0; missing < 2; missing++)
            for (int run = 3; run <= 6; run++) {
                check_form(k, wide, 1, 8, run, missing);
                if (run == 6) continue;
                check_form(k, wide, 1, 6, run, missing);
                check_form(k, wide, MG_WINOGRAD_ROWS(wide ? 8 : 4), 6, run, missing);
            }
    }
}
