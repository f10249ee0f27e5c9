/* The complex FFT of a power-of-two length, over VL independent sequences at once: one sequence a lane.

   Layout: a *column* of n complex vectors. Element i of it is VL real parts followed by VL imaginary parts at
   data + i * stride (strides count numbers, and are at least 2 VL; data is the kernels' dtype):

       data + i * stride:   re[0] re[1] ... re[VL-1]  im[0] im[1] ... im[VL-1]         lane l is sequence l

   A real signal needs no real transform of its own: two real sequences ride in one lane, one as the real part and one
   as the imaginary part. With a real kernel h of spectrum H,

       IFFT(H FFT(a + i b)) = (h * a) + i (h * b)                          both are filtered, nothing to untangle
       Re IFFT(conj(FFT(a + i b)) FFT(c + i d)) = corr(a, c) + corr(b, d)  the sum that a kernel's gradient wants

   `forward` leaves the frequencies in the order of mg_fft_frequency, and `inverse` expects them in it, so neither
   reorders anything: products of spectra do not care. `inverse` does not divide by n; fold 1/n into the kernel.
   Relative to the norm of the result the error is about 2e-7 in float32 and 4e-16 in float64.

   Long single sequences and images take both axes of a tile (N1 rows of N2 numbers, lanes along the row):

       rows:     [row][N2 / VL][2][VL], a row every `pitch` numbers     columns of N1 vectors: forward with stride = pitch
       turned:   VL rows as one column [N2][2][VL]                       turn / turn_back, by VL x VL transposes

   A pitch that is no multiple of 4096 bytes keeps a column from falling into one set of the cache. */
#ifndef MG_FFT_H
#define MG_FFT_H

#include <stddef.h>

enum { MG_FFT_MAX_LOG2 = 12 };       /* longest column: 4096 */

struct mg_fft_kernels {
    int lanes;                        /* VL */
    /* X[k] = sum over i of x[i] exp(-2 pi i k i / n), n = 1 << log2n, in place; and the sum with exp(+...). */
    void (*forward)(void *data, int log2n, ptrdiff_t stride);
    void (*inverse)(void *data, int log2n, ptrdiff_t stride);
    /* a = a b, and a = a conj(b), over n complex vectors [n][2][VL]. */
    void (*multiply)(void *a, const void *b, ptrdiff_t n);
    void (*multiply_conj)(void *a, const void *b, ptrdiff_t n);
    /* VL rows of n complex numbers, `pitch` apart -> one column of n vectors, and back. n is a multiple of VL. */
    void (*turn)(const void *rows, ptrdiff_t pitch, void *column, ptrdiff_t n);
    void (*turn_back)(const void *column, void *rows, ptrdiff_t pitch, ptrdiff_t n);
    /* n numbers, `step` apart, <-> the real (part 0) or imaginary (part 1) halves of a row; n is a multiple of VL.
       With step 2 the numbers are one half of complex ones. */
    void (*put_part)(const void *numbers, ptrdiff_t step, void *row, int part, ptrdiff_t n);
    void (*get_part)(const void *row, void *numbers, ptrdiff_t step, int part, ptrdiff_t n);
};

/* Which frequency `forward` leaves at `position` of a column. */
ptrdiff_t mg_fft_frequency(int log2n, ptrdiff_t position);

/* Fills the tables of twiddle factors; once, before any transform. */
void mg_fft_init(void);

/* For a stage of size m (4 <= m <= 4096): w, w^2, w^3 with w = exp(-2 pi i k / m), re and im, for k < m / 4. */
const float *mg_fft_twiddles_f32(ptrdiff_t m);
const double *mg_fft_twiddles_f64(ptrdiff_t m);

#endif
