#include "optimizer.h"

#include <math.h>

#include "simd.h"

#define KERNEL(name, slots, coefficients) {#name, slots, 2 + coefficients, MG_NAME(name)},

#define MG_DTYPE f32
#define MG_REAL float
#include "optimizer_body.h"
const struct mg_optimizer_kernels MG_NAME(optimizer_kernels) = {{MG_OPTIMIZERS(KERNEL)}};
#undef MG_DTYPE
#undef MG_REAL

#define MG_DTYPE f64
#define MG_REAL double
#include "optimizer_body.h"
const struct mg_optimizer_kernels MG_NAME(optimizer_kernels) = {{MG_OPTIMIZERS(KERNEL)}};
