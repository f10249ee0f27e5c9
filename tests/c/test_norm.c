/* Normalization by columns and by rows against plain sums in double. */
#include "norm.h"

#include <math.h>
#include <string.h>

#include "check.h"

enum { ROWS = 7, COLUMNS = 90 };

static double x[ROWS * COLUMNS], y[ROWS * COLUMNS + 1], dy[ROWS * COLUMNS], before[ROWS * COLUMNS];
static double mean[COLUMNS], factor[COLUMNS], offset[COLUMNS], slope[COLUMNS], shift[COLUMNS];
static double first[COLUMNS + 1], second[COLUMNS + 1];

static void by_column(const struct mg_norm_kernels *kernels, ptrdiff_t columns, int relu, int wide) {
    const double near = wide ? 1e-13 : 1e-5;
    struct mg_norm_columns n = {x, y, ROWS, columns, mean, factor, offset, slope, shift, relu};
    kernels->moments(x, ROWS, columns, first, second);
    for (ptrdiff_t j = 0; j < columns; j++) {
        double sum = 0, squares = 0;
        for (ptrdiff_t i = 0; i < ROWS; i++) sum += get(x, wide, i * columns + j);
        for (ptrdiff_t i = 0; i < ROWS; i++) squares += pow(get(x, wide, i * columns + j) - sum / ROWS, 2);
        CHECK(close_to(get(first, wide, j), sum / ROWS, near));
        CHECK(close_to(get(second, wide, j), squares, near));
    }
    put(y, wide, ROWS * columns, 7);
    kernels->scale(&n);
    CHECK(get(y, wide, ROWS * columns) == 7);
    memcpy(before, dy, sizeof dy);
    n.y = dy;
    kernels->sums(&n, first, second);
    kernels->turn(&n);
    for (ptrdiff_t j = 0; j < columns; j++) {
        double total = 0, turned = 0;
        for (ptrdiff_t i = j; i < ROWS * columns; i += columns) {
            const double away = get(x, wide, i) - get(mean, wide, j);
            const double z = away * get(factor, wide, j) + get(offset, wide, j);
            CHECK(close_to(get(y, wide, i), relu && z < 0 ? 0 : z, near));
            const double g = relu && !(get(y, wide, i) > 0) ? 0 : get(before, wide, i);
            total += g;
            turned += g * away;
            CHECK(close_to(get(dy, wide, i), g * get(factor, wide, j) + away * get(slope, wide, j) + get(shift, wide, j),
                           near));
        }
        CHECK(close_to(get(first, wide, j), total, near));
        CHECK(close_to(get(second, wide, j), turned, near));
    }
}

static void by_row(const struct mg_norm_kernels *kernels, ptrdiff_t columns, int rms, int wide) {
    const double near = wide ? 1e-12 : 1e-4;
    double middle[ROWS], inverse[ROWS], dgamma[COLUMNS] = {0}, dbeta[COLUMNS] = {0};
    struct mg_norm_rows n = {x, y, ROWS, columns, factor, offset, middle, inverse, 0.1, rms};
    put(y, wide, ROWS * columns, 7);
    kernels->rows(&n);
    CHECK(get(y, wide, ROWS * columns) == 7);
    memcpy(before, dy, sizeof dy);
    n.y = dy;
    kernels->rows_grad(&n, first, second, 1);
    for (ptrdiff_t i = 0; i < ROWS; i++) {
        double sum = 0, squares = 0, along = 0, all = 0;
        for (ptrdiff_t j = 0; j < columns; j++) sum += get(x, wide, i * columns + j);
        for (ptrdiff_t j = 0; j < columns; j++) squares += pow(get(x, wide, i * columns + j) - sum / columns, 2);
        const double scale = 1 / sqrt(squares / columns + 0.1), less = rms ? 0 : sum / columns;
        for (ptrdiff_t j = 0; j < columns; j++) {
            const double value = (get(x, wide, i * columns + j) - less) * scale, g = get(before, wide, i * columns + j);
            CHECK(close_to(get(y, wide, i * columns + j), value * get(factor, wide, j) + get(offset, wide, j), near));
            dgamma[j] += g * value;
            dbeta[j] += g;
            all += g * get(factor, wide, j);
            along += g * get(factor, wide, j) * value;
        }
        for (ptrdiff_t j = 0; j < columns; j++) {
            const double normal = (get(x, wide, i * columns + j) - sum / columns) * scale;
            const double g = get(before, wide, i * columns + j) * get(factor, wide, j) - (rms ? 0 : all / columns);
            CHECK(close_to(get(dy, wide, i * columns + j), scale * (g - normal * along / columns), near));
        }
    }
    for (ptrdiff_t j = 0; j < columns; j++) {
        CHECK(close_to(get(first, wide, j), dgamma[j], near));
        CHECK(close_to(get(second, wide, j), dbeta[j], near));
    }
}

void test_norm(const struct mg_isa *isa) {
    double *const columns_of[] = {mean, factor, offset, slope, shift};
    for (int wide = 0; wide < 2; wide++)
        for (ptrdiff_t columns = 1; columns <= COLUMNS; columns += columns < 40 ? 1 : 7)
            for (int way = 0; way < 2; way++) {
                fill(x, wide, ROWS * columns);
                fill(dy, wide, ROWS * columns);
                for (int i = 0; i < 5; i++) fill(columns_of[i], wide, columns);
                by_column(isa->norm[wide], columns, way, wide);
                fill(dy, wide, ROWS * columns);
                by_row(isa->norm[wide], columns, way, wide);
            }
}
