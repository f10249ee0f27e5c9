/* Winograd's F(2x2, 3x3): a 3x3 convolution with unit stride in 16 multiplications for 4 outputs, where the sum needs 36.

   For a tile of 2x2 outputs y, the 4x4 inputs d beneath it and the taps k, summed over the input channels (Lavin & Gray,
   "Fast algorithms for convolutional neural networks", 2016):

       y = At [ (G k Gt) * (Bt d B) ] A               * element by element: 16 places

            | 1  0 -1  0 |         |  1    0    0  |         | 1  1  1  0 |
       Bt = | 0  1  1  0 |    G  = | 1/2  1/2  1/2 |    At = | 0  1 -1 -1 |
            | 0 -1  1  0 |         | 1/2 -1/2  1/2 |
            | 0  1  0 -1 |         |  0    0    1  |

   So at each of the 16 places it is one product of matrices, (tiles x channels) times (channels x filters). The gradient
   to the kernel is the transposed algorithm, from the same transforms: with dy the 2x2 gradients of a tile's outputs,

       dk = Gt [ sum over tiles of (A dy At) * (Bt d B) ] G

   and the gradient to the input is the forward pass of dy with the taps turned by 180 degrees, channels and filters
   exchanged, and 2 - p for a padding of p.

   Transformed arrays lie as [place][block of columns][row][column in block], so that a product's inner loop walks
   memory in order and every stride but that of blocks is a constant:

       array        rows       columns    block      made by          read by
       inputs       tiles      channels   depth      input            products (left), correlate (left)
       taps         channels   filters    panel      taps             products (right)
       outputs      tiles      filters    panel      products         output
       gradients    tiles      filters    panel      gradient         correlate (right)
       sums         channels   filters    panel      correlate        fold

   `place` and `block` are the strides of the first two axes, in numbers. Columns beyond the last one, up to a whole
   vector, hold zeros or garbage that nobody reads into a result. */
#ifndef MG_WINOGRAD_H
#define MG_WINOGRAD_H

#include <stddef.h>

enum { MG_WINOGRAD_PLACES = 16, MG_WINOGRAD_DEPTH = 32 };

struct mg_winograd_kernels {
    ptrdiff_t panel;        /* filters side by side in a block: two vectors */
    ptrdiff_t rows;         /* rows of a register tile */

    /* `tiles` neighbouring tiles of a row, the first at x; `row` and `column` are x's strides. Writes rows of `u`. */
    void (*input)(const void *x, ptrdiff_t row, ptrdiff_t column, ptrdiff_t tiles, ptrdiff_t channels, void *u,
                  ptrdiff_t place, ptrdiff_t block);
    void (*gradient)(const void *dy, ptrdiff_t row, ptrdiff_t column, ptrdiff_t tiles, ptrdiff_t filters, void *u,
                     ptrdiff_t place, ptrdiff_t block);
    /* One panel of n filters, whose taps are kernel[tap * t + channel * c + filter * f]; `channel` or `filter` is 1. */
    void (*taps)(const void *kernel, ptrdiff_t tap, ptrdiff_t channel, ptrdiff_t filter, ptrdiff_t channels, ptrdiff_t n,
                 void *u, ptrdiff_t place);
    /* One place, one panel: out = left right (rows x depth times depth x n). */
    void (*products)(const void *left, ptrdiff_t block, const void *right, void *out, ptrdiff_t rows, ptrdiff_t depth,
                     ptrdiff_t n);
    /* One place, one panel: out (+)= left^T right over `depth` tiles; overwrites if `first`. */
    void (*correlate)(const void *left, ptrdiff_t block, const void *right, void *out, ptrdiff_t rows, ptrdiff_t depth,
                      ptrdiff_t n, int first);
    /* One panel of n filters of `tiles` neighbouring tiles to y; tiles hang over the edge by 2 - down, 2 - across. */
    void (*output)(const void *u, ptrdiff_t place, const void *bias, int relu, void *y, ptrdiff_t row, ptrdiff_t column,
                   ptrdiff_t tiles, ptrdiff_t n, int down, int across);
    /* One panel of n filters: dkernel[tap * t + channel * c + filter] from the sums. */
    void (*fold)(const void *u, ptrdiff_t place, void *dkernel, ptrdiff_t tap, ptrdiff_t channel, ptrdiff_t channels,
                 ptrdiff_t n);
};

#endif
