/* Direct correlation of one map with one kernel: the innermost loops of mgconv.signal. */
#ifndef MG_FILTER_H
#define MG_FILTER_H

#include <stddef.h>

struct mg_filter_kernels {
    /* out[i][j] = sum over m < kh, n < kw of h[m kw + n] x[i + m][j + n step], for i < rows, j < cols.
       Rows of x and out are x_pitch and out_pitch numbers apart. step 1 filters real numbers; 2 filters the real and
       imaginary parts of complex ones alike (x, cols and pitches then count both), with a real kernel. The order of
       the sum, m then n, does not depend on where an output falls in the blocking. */
    void (*correlate)(const void *x, ptrdiff_t x_pitch, const void *h, ptrdiff_t kh, ptrdiff_t kw, ptrdiff_t step,
                      void *out, ptrdiff_t out_pitch, ptrdiff_t rows, ptrdiff_t cols);
    /* to += i from, over n complex numbers stored as pairs: joins the results of a kernel's two parts. */
    void (*add_turned)(void *to, const void *from, ptrdiff_t n);
    /* to = max(to, |x|), over n numbers. */
    void (*raise_peaks)(void *to, const void *x, ptrdiff_t n);
};

#endif
