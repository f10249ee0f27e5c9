#include "column.h"

#include "simd.h"

#define MG_DTYPE f32
#define MG_REAL float
#include "column_body.h"
const struct mg_column_kernels MG_NAME(column_kernels) = {MG_NAME(column_full), MG_NAME(column_channelwise)};
#undef MG_DTYPE
#undef MG_REAL

#define MG_DTYPE f64
#define MG_REAL double
#include "column_body.h"
const struct mg_column_kernels MG_NAME(column_kernels) = {MG_NAME(column_full), MG_NAME(column_channelwise)};
