/* One new column of a convolution's output: what a causal model that is fed sample by sample computes of each layer. */
#ifndef MG_COLUMN_H
#define MG_COLUMN_H

#include <stddef.h>

struct mg_column {
    const void *const *taps;        /* IN  for each tap, the input column that it meets, oldest first */
    const void *kernel;             /* IN  full: (count, channels, pitch), of which `filters` are used, and 64 bytes more
                                           that may be read; channelwise: (count, channels, filters) */
    const void *bias;               /* IN  one a filter, or NULL */
    void *y;                        /* OUT full: filters; channelwise: channels x filters */
    ptrdiff_t count, channels, filters, pitch;
    int relu;
};

struct mg_column_kernels {
    /* y[f] = bias[f] + sum over taps t and channels c of taps[t][c] kernel[t, c, f], then max(y, 0) if relu */
    void (*full)(const struct mg_column *c);
    /* y[c, f] = bias[c, f] + sum over taps t of taps[t][c] kernel[t, c, f], likewise */
    void (*channelwise)(const struct mg_column *c);
};

#endif
