#include "optimizer.h"

#include "simd.h"

#define MG_DTYPE f32
#define MG_REAL float
#include "optimizer_body.h"
const struct mg_optimizer_kernels MG_NAME(optimizer_kernels) = {MG_NAME(sgd), MG_NAME(adam), MG_NAME(rmsprop)};
#undef MG_DTYPE
#undef MG_REAL

#define MG_DTYPE f64
#define MG_REAL double
#include "optimizer_body.h"
const struct mg_optimizer_kernels MG_NAME(optimizer_kernels) = {MG_NAME(sgd), MG_NAME(adam), MG_NAME(rmsprop)};
