#include "fft.h"

#include "simd.h"

#define MG_FFT_KERNELS                                                                                           \
    {VL, MG_NAME(forward), MG_NAME(inverse), MG_NAME(multiply), MG_NAME(multiply_conj), MG_NAME(turn),           \
     MG_NAME(turn_back), MG_NAME(put_part), MG_NAME(get_part)}

#define MG_DTYPE f32
#define MG_REAL float
#include "transpose_body.h"
#include "fft_body.h"
const struct mg_fft_kernels MG_NAME(fft_kernels) = MG_FFT_KERNELS;
#undef MG_DTYPE
#undef MG_REAL

#define MG_DTYPE f64
#define MG_REAL double
#include "transpose_body.h"
#include "fft_body.h"
const struct mg_fft_kernels MG_NAME(fft_kernels) = MG_FFT_KERNELS;
