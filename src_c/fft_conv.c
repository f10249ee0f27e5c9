#include "fft_conv.h"

#include "simd.h"

#define MG_DTYPE f32
#define MG_REAL float
#include "fft_conv_body.h"
#undef MG_DTYPE
#undef MG_REAL

#define MG_DTYPE f64
#define MG_REAL double
#include "fft_conv_body.h"
#undef MG_DTYPE
#undef MG_REAL
