/* The correlation against plain sums in double, for real and complex maps; nothing beyond the outputs is written.
   And what the FFT of tiles moves about: a turn and its return, halves put and got. */
#include "filter.h"

#include <string.h>

#include "check.h"
#include "fft.h"

enum { MOST = 4096 };
static double x[MOST], h[64], out[MOST], column[MOST], back[MOST];

static void correlate(const struct mg_filter_kernels *k, int wide, int rows, int cols, int kh, int kw, int step) {
    const int x_pitch = cols + (kw - 1) * step + 3, out_pitch = cols + 2;
    fill(x, wide, (rows + kh - 1) * x_pitch);
    fill(h, wide, kh * kw);
    for (int i = 0; i < rows * out_pitch + 1; i++) put(out, wide, i, 77);
    k->correlate(x, x_pitch, h, kh, kw, step, out, out_pitch, rows, cols);
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < out_pitch; j++) {
            double sum = 0;
            for (int m = 0; m < kh; m++)
                for (int n = 0; n < kw && j < cols; n++)
                    sum += get(h, wide, m * kw + n) * get(x, wide, (i + m) * x_pitch + j + n * step);
            if (j < cols) CHECK(close_to(get(out, wide, i * out_pitch + j), sum, wide ? 1e-13 : 1e-5));
            else CHECK(get(out, wide, i * out_pitch + j) == 77);
        }
    CHECK(get(out, wide, rows * out_pitch) == 77);
}

static void turn(const struct mg_fft_kernels *k, int wide) {
    const int lanes = k->lanes, n = 2 * lanes, pitch = 2 * n + 2 * lanes;
    fill(x, wide, lanes * pitch);
    k->turn(x, pitch, column, n);
    for (int row = 0; row < lanes; row++)
        for (int i = 0; i < n; i++)
            for (int part = 0; part < 2; part++) {
                const int at = row * pitch + i / lanes * 2 * lanes + part * lanes + i % lanes;
                CHECK(get(column, wide, (2 * i + part) * lanes + row) == get(x, wide, at));
            }
    memcpy(back, x, sizeof x);
    for (int i = 0; i < 2 * n; i++) put(back, wide, i, 0);
    k->turn_back(column, back, pitch, n);
    CHECK(memcmp(back, x, sizeof x) == 0);
    for (int step = 1; step <= 2; step++) {
        fill(h, wide, 64);
        k->put_part(h, step, column, 1, lanes);
        k->get_part(column, back, step, 1, lanes);
        for (int i = 0; i < lanes; i++) CHECK(get(back, wide, i * step) == get(h, wide, i * step));
    }
}

static void peaks(const struct mg_filter_kernels *k, int wide) {
    enum { COUNT = 37 };
    fill(x, wide, COUNT);
    fill(out, wide, COUNT + 1);
    memcpy(back, out, sizeof out);
    k->raise_peaks(out, x, COUNT);
    for (int i = 0; i < COUNT; i++) {
        const double number = get(x, wide, i), size = number < 0 ? -number : number, before = get(back, wide, i);
        CHECK(get(out, wide, i) == (size > before ? size : before));
    }
    CHECK(get(out, wide, COUNT) == get(back, wide, COUNT));
}

void test_filter(const struct mg_isa *isa) {
    for (int wide = 0; wide < 2; wide++) {
        for (int rows = 1; rows <= 9; rows += 4)
            for (int cols = 2; cols <= 70; cols += 17)
                for (int kh = 1; kh <= 5; kh += 2)
                    for (int step = 1; step <= 2; step++)
                        correlate(isa->filter[wide], wide, rows, cols, kh, 1 + kh / 2, step);
        turn(isa->fft[wide], wide);
        peaks(isa->filter[wide], wide);
    }
}
