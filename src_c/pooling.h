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
    /* Adds to dx, or writes where windows are disjoint, what dy sends to its columns first <= i < last in rows
       start <= r < stop, both counted like those of x (`dx` points to the same row as x). `max_grad` sends dy to the
       first input of the window, in rows and then in columns, that is not less than y. */
    void (*max_grad)(const struct mg_pool *p, const void *x, ptrdiff_t rows, const void *y, const void *dy, void *dx,
                     ptrdiff_t start, ptrdiff_t stop, ptrdiff_t first, ptrdiff_t last, void *scratch);
    void (*average_grad)(const struct mg_pool *p, ptrdiff_t rows, const void *dy, void *dx, ptrdiff_t start, ptrdiff_t stop,
                         ptrdiff_t first, ptrdiff_t last, void *scratch);
    /* The gradient of maxima to all of rows from <= r < to, columns first <= i < last of a map, where windows overlap
       or channels are fewer than lanes: `rows` tells of its rows what `p` does of its columns, and all pointers are to
       the beginning of the map. */
    void (*max_grad_shared)(const struct mg_pool *rows, const struct mg_pool *p, const void *x, const void *y,
                            const void *dy, void *dx, ptrdiff_t from, ptrdiff_t to, ptrdiff_t first, ptrdiff_t last,
                            void *scratch);
};

/* Numbers of scratch memory that a call over `outputs` windows needs: two rows of the input by phases, a row of outputs. */
static inline ptrdiff_t mg_pool_scratch(const struct mg_pool *p, ptrdiff_t outputs) {
    return (2 * (outputs * p->stride + p->pool) + outputs) * p->channels;
}

/* On either side of a row of winners: as many windows as there can be beside those that meet a part, and a vector. */
static inline ptrdiff_t mg_pool_margin(const struct mg_pool *p) { return (p->pool / p->stride + 2) * p->channels + 16; }

/* The same for `max_grad_shared` over a part of `height` x `width`: winners and dy of all windows that meet it, some
   rows by phases, the numbers of a window's taps. */
static inline ptrdiff_t mg_pool_shared_scratch(const struct mg_pool *rows, const struct mg_pool *p, ptrdiff_t height,
                                               ptrdiff_t width) {
    const ptrdiff_t down = (height + rows->pool) / rows->stride + 1, across = (width + p->pool) / p->stride + 1;
    return 2 * down * (across * p->channels + 2 * mg_pool_margin(p))
           + (rows->pool + 1) * (across * p->stride + p->pool + p->stride) * p->channels + rows->pool * p->pool;
}

#endif
