/* What turns the FFT of fft.h into convolutions of many channels: moving signals in and out of columns, and products of
   spectra summed over channels.

   A *row* of columns holds the spectra of `width` neighbouring channels of one signal. Where width < VL, a column is
   shared by VL / width rows, side by side in its lanes; where it is larger, a row takes several columns. So the numbers
   of row r and channel c, element i, lie at

       column(r, c) + i * 2 VL + lane(r, c)  (real part; the imaginary part VL further on)

   and everything below is told these places as offsets. */
#ifndef MG_FFT_CONV_H
#define MG_FFT_CONV_H

#include <stddef.h>

/* Products at each frequency of a range, for some rows of the result and one vector of its channels:

       out[row] = (accumulate: out[row] +) sum over d < depth of left[row, d] * right[d]    (or conj(right[d]))

   where left is one complex number and right a vector of them. Offsets and pointers are in numbers and at lane 0 of the
   first frequency. */
struct mg_fft_product {
    const void *left;
    const ptrdiff_t *left_rows, *left_depth;
    const void *right;
    const ptrdiff_t *right_depth;
    void *out;
    const ptrdiff_t *out_rows;
    ptrdiff_t rows, depth, frequencies;
    int lanes;                      /* of `out` that may be written */
    int accumulate;
    int sign;                       /* 1, or -1 for conj(right) */
};

struct mg_fft_conv_kernels {
    /* `count` elements of n <= VL numbers, `step` apart, to one half of a column and back, from its lane n on. The way
       back adds bias (or NULL) and applies the ReLU. */
    void (*load)(const void *from, ptrdiff_t step, void *column, ptrdiff_t count, int n);
    void (*store)(const void *column, const void *bias, int relu, void *to, ptrdiff_t step, ptrdiff_t count, int n);
    /* The same for taps, times `scale`; taps may lie `filter` apart. */
    void (*load_taps)(const void *from, ptrdiff_t step, ptrdiff_t filter, double scale, void *column, ptrdiff_t count,
                      int n);
    void (*store_taps)(const void *column, double scale, void *to, ptrdiff_t step, ptrdiff_t count, int n);
    void (*product)(const struct mg_fft_product *p);
};

#endif
