/* One row of windows: maximum and mean over the channels of each, against plain loops. */
#include "pooling.h"

#include "check.h"

enum { CHANNELS = 7, WIDTH = 19, ROWS = 2 };

void test_pooling(const struct mg_isa *isa) {
    static double x[ROWS * WIDTH * CHANNELS], max[2 * WIDTH * CHANNELS], mean[2 * WIDTH * CHANNELS], scratch[4096];
    for (int wide = 0; wide < 2; wide++)
        for (ptrdiff_t pool = 1; pool <= 4; pool++)
            for (ptrdiff_t stride = 1; stride <= 3; stride++) {
                const ptrdiff_t pad = pool / 2, outputs = (WIDTH + pad - 1) / stride;
                const struct mg_pool p = {.channels = CHANNELS, .width = WIDTH, .outputs = outputs, .pool = pool,
                                          .stride = stride, .pad = pad};
                CHECK(mg_pool_scratch(&p, outputs) <= 4096);
                fill(x, wide, ROWS * WIDTH * CHANNELS);
                isa->pool[wide]->max(&p, x, ROWS, max, 0, outputs, scratch);
                isa->pool[wide]->average(&p, x, ROWS, mean, 0, outputs, scratch);
                for (ptrdiff_t o = 0; o < outputs; o++)
                    for (ptrdiff_t c = 0; c < CHANNELS; c++) {
                        double largest = -2, sum = 0;
                        int count = 0;
                        for (ptrdiff_t i = o * stride - pad; i < o * stride - pad + pool; i++)
                            for (ptrdiff_t row = 0; row < ROWS && i >= 0 && i < WIDTH; row++) {
                                const double value = get(x, wide, (row * WIDTH + i) * CHANNELS + c);
                                largest = value > largest ? value : largest;
                                sum += value;
                                count++;
                            }
                        CHECK(get(max, wide, o * CHANNELS + c) == largest);
                        CHECK(close_to(get(mean, wide, o * CHANNELS + c), sum / count, wide ? 1e-14 : 1e-6));
                    }
            }
}
