/* Pooling: the maximum or the mean over windows of each channel by itself, and its gradient to the input. */
#ifndef MG_POOLING_H
#define MG_POOLING_H

#include <stddef.h>

/* One row of windows over channels-last rows of the input. Window o covers columns o * stride - pad + (0 ... pool - 1);
   those outside 0 ... width - 1 do not count. At least one column of every window lies inside. */
struct mg_pool {
    ptrdiff_t channels, width, outputs, pool, stride, pad;
    int disjoint;       /* no input lies in two windows, neither of this row nor of another */
};

/* `x` points to the first of the `rows` input rows that the windows cover, rows outside the input left out. */
struct mg_pool_kernels {
    /* y[o] for first <= o < last; `y` is the whole row of outputs. */
    void (*max)(const struct mg_pool *p, const void *x, ptrdiff_t rows, void *y, ptrdiff_t first, ptrdiff_t last,
                void *scratch);
    void (*average)(const struct mg_pool *p, const void *x, ptrdiff_t rows, void *y, ptrdiff_t first, ptrdiff_t last,
                    void *scratch);
    /* Adds to dx, or writes where windows are disjoint, what dy sends to its columns first <= i < last in rows start <= r < stop, both counted like those of x
       (`dx` points to the same row as x). `max_grad` sends dy to the first input of the window, in rows and then in
       columns, that is not less than y. */
    void (*max_grad)(const struct mg_pool *p, const void *x, ptrdiff_t rows, const void *y, const void *dy, void *dx,
                     ptrdiff_t start, ptrdiff_t stop, ptrdiff_t first, ptrdiff_t last, void *scratch);
    void (*average_grad)(const struct mg_pool *p, ptrdiff_t rows, const void *dy, void *dx, ptrdiff_t start, ptrdiff_t stop,
                         ptrdiff_t first, ptrdiff_t last, void *scratch);
};

/* Numbers of scratch memory that a call over `outputs` windows needs: two rows of the input by phases, a row of outputs. */
static inline ptrdiff_t mg_pool_scratch(const struct mg_pool *p, ptrdiff_t outputs) {
    return (2 * (outputs * p->stride + p->pool) + outputs) * p->channels;
}

#endif
