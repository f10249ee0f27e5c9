#include "filter.h"

#include "simd.h"

#define MG_DTYPE f32
#define MG_REAL float
#include "filter_body.h"
const struct mg_filter_kernels MG_NAME(filter_kernels) = {MG_NAME(correlate), MG_NAME(add_turned), MG_NAME(raise_peaks)};
#undef MG_DTYPE
#undef MG_REAL

#define MG_DTYPE f64
#define MG_REAL double
#include "filter_body.h"
const struct mg_filter_kernels MG_NAME(filter_kernels) = {MG_NAME(correlate), MG_NAME(add_turned), MG_NAME(raise_peaks)};
