#include "activation.h"

#include "simd.h"

#define MG_DTYPE f32
#define MG_REAL float
#include "activation_body.h"
const struct mg_activation_kernels MG_NAME(activation_kernels) = {MG_NAME(relu_grad), MG_NAME(drop)};
#undef MG_DTYPE
#undef MG_REAL

#define MG_DTYPE f64
#define MG_REAL double
#include "activation_body.h"
const struct mg_activation_kernels MG_NAME(activation_kernels) = {MG_NAME(relu_grad), MG_NAME(drop)};
