/* The transforms of Winograd's convolution along one axis of an image, the columns here, or along two.

   n inputs d, 6 or 8, give m outputs y of r taps k, m + r = n + 1, by n multiplications instead of m r, summed over the
   channels (Winograd, "Arithmetic complexity of computations", 1980; Lavin and Gray, "Fast algorithms for convolutional
   neural networks", 2016):

       y = Vt [ (V k) * (Bt d) ]                             * element by element: n places

   Row j of V holds the powers 0, 1, 2 ... of the point a[j], and a last row (for infinity) 1 in the last column alone. Of
   those with few digits the points 0, 1, -1, 1/2, -2 round least (Barabasz et al., "Error analysis and improving the
   accuracy of Winograd convolution for deep neural networks", 2020), for eight inputs 0, 1, -1, 1/2, -1/2, 2, -2. What
   other authors divide G by is in Bt, so that one V serves all:

            | 1  -3/2  -2   3/2   1   0 |            | 0  -2   -1   2    1   0 |  * -16/15
       Bt = | 0  -1    1/2  5/2   1   0 |  *  1/3    | 0  1/2  -1  -1/2  1   0 |  *  1/15
            | 0   1   -5/2  1/2   1   0 |  * -1/3    | 0   1  -3/2 -2   3/2  1 |

            | 1   0   -21/4   0    21/4   0   -1   0 |            | 0  -2    4   5/2   -5  -1/2   1   0 |  * 32/45
       Bt = | 0   1     1   -17/4 -17/4   1    1   0 |  * -2/9    | 0  1/2  1/4 -5/2 -5/4    2    1   0 |  *  1/90
            | 0  -1     1    17/4 -17/4  -1    1   0 |  * -2/9    | 0 -1/2  1/4  5/2 -5/4   -2    1   0 |  *  1/90
            | 0   2     4    -5/2  -5    1/2   1   0 |  * 32/45   | 0  -1    0  21/4   0   -21/4   0   1 |

   Rows, if there are three taps along them, are transformed, too: in float64 like six columns, for four rows of outputs. In
   float32 that would round too much: there are four points, 0, 1, -1 and infinity, for two rows of outputs:

            | 1  0 -1  0 |                  |  0 -1  1  0 |  * 1/2
       Bt = | 0  1  1  0 |  * 1/2           |  0 -1  0  1 |

   The gradient to the taps is the transposed algorithm, from the same transforms: with dy the gradients of the outputs,

       dk = Vt [ sum over tiles of (V dy) * (Bt d) ]

   so V spreads taps and gradients, and Vt gathers outputs and gradients to taps. The gradient to the input is the forward
   pass of dy with the taps turned by 180 degrees.

   All lengths are in numbers. A transformed vector of `width` numbers lies at rows * columns places (row by row), `place`
   apart; the next one lies `pitch` further on. */
#ifndef MG_WINOGRAD_H
#define MG_WINOGRAD_H

#include <stddef.h>

#define MG_WINOGRAD_ROWS(item) ((item) == 8 ? 6 : 4)      /* points along transformed rows */
enum { MG_WINOGRAD_MOST_PLACES = 36 };

/* The vectors that V takes and Vt gives: `row_length` rows of `length`, of which the first `given_rows` and `given` exist
   or are wanted. */
struct mg_winograd_spread {
    int rows, columns;                   /* of places: 1 and 6 or 8, MG_WINOGRAD_ROWS and 6 */
    int length, given, row_length, given_rows;
    ptrdiff_t item, row_item;            /* from vector to vector, from row to row */
    ptrdiff_t place;
};

struct mg_winograd_kernels {
    /* u = Bt d of rows * columns pixels, which step on for each of `count` tiles. */
    void (*pixels)(int rows, int columns, const void *const *pixels, ptrdiff_t step, ptrdiff_t count, ptrdiff_t width,
                   void *u, ptrdiff_t place, ptrdiff_t pitch);
    /* u = V x */
    void (*spread)(const struct mg_winograd_spread *s, const void *x, ptrdiff_t step, ptrdiff_t count, ptrdiff_t width,
                   void *u, ptrdiff_t pitch);
    /* y = Vt u, plus the bias, if any */
    void (*gather)(const struct mg_winograd_spread *s, const void *u, ptrdiff_t pitch, ptrdiff_t count, ptrdiff_t width,
                   const void *bias, int relu, void *y, ptrdiff_t step);
};

#endif
