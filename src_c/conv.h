/* The innermost work of every convolution: register tiles for the forward machine and for the gradient to the kernel.

   All strides are in bytes and all pointers untyped, so that the loops around the tiles serve both dtypes. */
#ifndef MG_CONV_H
#define MG_CONV_H

#include <stddef.h>

/* How a tile fills its vectors (src_c/conv_rows_body.h and conv_channels_body.h draw them): with 1 to 4 vectors of
   filters; with few filters and 2, 4, 8 or 16 taps in the lanes; with channels that have a filter each (MG_LANES_PART:
   fewer than a vector; MG_LANES_PAIR: those of two rows, which share most of what they read). */
enum {
    MG_VECTORS_1, MG_VECTORS_2, MG_VECTORS_3, MG_VECTORS_4,
    MG_TAPS_2, MG_TAPS_4, MG_TAPS_8, MG_TAPS_16,
    MG_LANES, MG_LANES_PART, MG_LANES_PAIR,
    MG_ROW_KINDS
};

/* Positions of one output row for one panel of filters:

       y[m, f] = activation(start[f] + sum over i < outer, j < inner, k < run of x[m, i, j, k] * kernel[i, j, k, f])

   A run is contiguous in x. `start` is the bias, or 0. */
struct mg_conv_row {
    const char *x;
    ptrdiff_t x_step, x_outer, x_inner;
    ptrdiff_t outer, inner, run;
    const char *kernel;               /* the packed panel */
    ptrdiff_t kernel_outer, kernel_inner;
    char *y;
    ptrdiff_t y_step, y_outer;        /* between positions; between rows, for MG_LANES_PAIR */
    const char *bias;                 /* or NULL */
    ptrdiff_t x_tile, y_tile;         /* from one tile to the next */
    ptrdiff_t kernel_tile, bias_tile; /* not 0 where the next tile has other channels instead of other positions */
    int lanes;                        /* valid lanes of the panel's last vector; with taps in the lanes: filters */
    int relu;
    /* MG_LANES...: position m meets the input's column + m * column_step + j * column_tap at tap j, and leaves
       it out where that is not among 0 ... last_column (MG_NO_EDGES: inputs everywhere). */
    ptrdiff_t column, column_step, column_tap, last_column;
    int summed;                       /* MG_LANES...: the tiles are parts of one, whose lanes are added up */
    int far;                          /* y is in no near cache: a tile asks for its lines before it begins to sum */
    int fresh_rows, fresh_columns;    /* how many last taps meet new inputs in the tile beside; 0: do not prefetch */
};
#define MG_NO_EDGES (PTRDIFF_MAX / 2)

/* Computes `tiles` tiles, one after the other, each of the height that the function is made for. */
typedef void (*mg_conv_rows)(const struct mg_conv_row *row, ptrdiff_t tiles);

/* Packs one panel: the kernel's entry [i, j, k, f] lies at source + i * outer_step + j * inner_step + k * run_step +
   f * filter_step; inner and run become one run where `merged`. `taps` is 1 or the number of taps in the lanes,
   `width` the lanes of a row of the panel, `filters` <= width / taps those that exist; the others are packed as 0. */
struct mg_conv_pack {
    const char *source;
    ptrdiff_t outer, inner, run;
    ptrdiff_t outer_step, inner_step, run_step, filter_step;
    int taps, width, filters, merged;
};

/* The gradient to the kernel over a block of images x rows x positions:

       out[m, lane] = (accumulate: out +) sum over the block of a[offset of m] * b[lane]

   `offsets` holds the place of each m in a; the kinds without a table take consecutive elements. MG_OUTER_LANES takes a
   vector at each offset instead of one element: channels with a filter each. */
enum {
    MG_OUTER_1, MG_OUTER_2, MG_OUTER_3, MG_OUTER_4,
    MG_OUTER_TABLE_1, MG_OUTER_TABLE_2,
    MG_OUTER_LANES,
    MG_OUTER_KINDS
};
struct mg_conv_outer {
    const char *a, *b;
    ptrdiff_t a_step, a_row, a_image, b_step, b_row, b_image;
    ptrdiff_t positions, rows, images;
    const ptrdiff_t *offsets;
    char *out;
    ptrdiff_t out_step;
    int lanes, accumulate;
    /* MG_OUTER_LANES: entry m meets row r, position p at the input's row + r * row_step + tap_rows[m] and column
       + p * column_step + tap_columns[m], and is left out where that is not among 0 ... last_row, 0 ... last_column.
       All columns of positions inner_from <= p < inner_to are. */
    const ptrdiff_t *tap_rows, *tap_columns;
    ptrdiff_t row, row_step, last_row, column, column_step, last_column, inner_from, inner_to;
};
typedef void (*mg_conv_outer_tile)(const struct mg_conv_outer *tile);

struct mg_conv_row_kernels {
    int lanes;                                                  /* of a vector */
    int height[MG_ROW_KINDS];                                   /* of the tallest tile of a kind; 0 where it is missing */
    const mg_conv_rows *rows[MG_ROW_KINDS];                     /* rows[kind][height - 1] */
    void (*pack)(const struct mg_conv_pack *how, char *panel);
};

struct mg_conv_outer_kernels {
    int height[MG_OUTER_KINDS];
    const mg_conv_outer_tile *tiles[MG_OUTER_KINDS];            /* tiles[kind][height - 1] */
    /* to[i] = from[i] + from[i + stride] + ... (`parts` of them), in this order; stride in elements */
    void (*add_parts)(char *to, const char *from, ptrdiff_t size, ptrdiff_t parts, ptrdiff_t stride);
    /* the same for parts of `rows` x `columns` each, of which the sum's transpose is wanted */
    void (*add_parts_turned)(char *to, const char *from, ptrdiff_t rows, ptrdiff_t columns, ptrdiff_t parts);
    /* sums[c] = the sum over rows of x[row, c] */
    void (*sum_rows)(char *sums, const char *x, ptrdiff_t rows, ptrdiff_t columns);
    /* to[i * step + j] += from[i * pitch + j] for i < count, j < width; steps in elements */
    void (*add_runs)(char *to, ptrdiff_t step, const char *from, ptrdiff_t pitch, ptrdiff_t count, ptrdiff_t width);
};

#endif
