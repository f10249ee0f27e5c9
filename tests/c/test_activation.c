/* The gradient of a ReLU with its column sums, and dropout, against plain loops. */
#include "activation.h"

#include <string.h>

#include "check.h"

enum { ROWS = 9, COLUMNS = 150 };

void test_activation(const struct mg_isa *isa) {
    for (int wide = 0; wide < 2; wide++)
        for (ptrdiff_t columns = 1; columns <= COLUMNS; columns += columns < 40 ? 1 : 37) {
            double y[ROWS * COLUMNS], dy[ROWS * COLUMNS], before[ROWS * COLUMNS], sums[COLUMNS];
            fill(y, wide, ROWS * columns);
            fill(dy, wide, ROWS * columns);
            memcpy(before, dy, sizeof dy);
            isa->activation[wide]->relu_grad(y, dy, sums, ROWS, columns);
            for (ptrdiff_t j = 0; j < columns; j++) {
                double sum = 0;
                for (ptrdiff_t i = j; i < ROWS * columns; i += columns) {
                    const double slope = get(y, wide, i) > 0 ? get(before, wide, i) : 0;
                    CHECK(get(dy, wide, i) == slope);
                    sum += slope;
                }
                CHECK(close_to(get(sums, wide, j), sum, wide ? 1e-14 : 1e-6));
            }
            memcpy(before, y, sizeof y);
            isa->activation[wide]->drop(y, dy, y, columns, 0.25, 2);
            for (ptrdiff_t j = 0; j <= columns; j++)
                CHECK(get(y, wide, j) == get(before, wide, j) * (j == columns ? 1 : get(dy, wide, j) < 0.25 ? 0 : 2));
        }
}
