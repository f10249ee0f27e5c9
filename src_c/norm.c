#include "norm.h"

#include <math.h>

#include "simd.h"

#define TABLE                                                                                                \
    const struct mg_norm_kernels MG_NAME(norm_kernels) = {                                                   \
        MG_NAME(norm_moments), MG_NAME(norm_scale), MG_NAME(norm_sums),                                      \
        MG_NAME(norm_turn),    MG_NAME(norm_rows),  MG_NAME(norm_rows_grad),                                 \
    };

#define MG_DTYPE f32
#define MG_REAL float
#include "norm_body.h"
TABLE
#undef MG_DTYPE
#undef MG_REAL

#define MG_DTYPE f64
#define MG_REAL double
#include "norm_body.h"
TABLE
