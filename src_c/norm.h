/* Normalization of arrays of `rows` rows of `columns` numbers: by the statistics of every column (those of a batch), or of
   every row (those of a sample). Columns are cut into blocks that stay in registers over all rows, so a caller cuts long
   arrays into chunks of rows that stay in the cache. */
#ifndef MG_NORM_H
#define MG_NORM_H

#include <stddef.h>

/* By column: z = (x - mean) factor + offset, and y = z, or max(z, 0) with `relu`. On the way back g = dy, or dy where z > 0
   and 0 elsewhere; dy stands in `y`. */
struct mg_norm_columns {
    const void *x;
    void *y;
    ptrdiff_t rows, columns;
    const void *mean, *factor, *offset;
    const void *slope, *shift;              /* for turn alone */
    int relu;
};

/* By row: y = (x - mean) inverse gamma + beta, mean and inverse = 1 / sqrt(variance + epsilon) of the row; with `rms`,
   y = x inverse gamma + beta. On the way back `y` holds dy. */
struct mg_norm_rows {
    const void *x;
    void *y;
    ptrdiff_t rows, columns;
    const void *gamma, *beta;
    void *mean, *inverse;                   /* of each row: written forward, read backward */
    double epsilon;
    int rms;
};

struct mg_norm_kernels {
    /* mean[column], and squares[column] = the sum of (x - mean)^2; rows > 0. */
    void (*moments)(const void *x, ptrdiff_t rows, ptrdiff_t columns, void *mean, void *squares);
    void (*scale)(const struct mg_norm_columns *n);
    /* total[column] = the sum of g, turned[column] = that of g (x - mean). */
    void (*sums)(const struct mg_norm_columns *n, void *total, void *turned);
    /* y = g factor + (x - mean) slope + shift. */
    void (*turn)(const struct mg_norm_columns *n);
    void (*rows)(const struct mg_norm_rows *n);
    /* dgamma[column], dbeta[column] = the sums of dy y' and of dy, y' what gamma multiplied; with `to_x`, dy becomes the
       gradient to x in place. */
    void (*rows_grad)(const struct mg_norm_rows *n, void *dgamma, void *dbeta, int to_x);
};

#endif
