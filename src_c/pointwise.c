#include "pointwise.h"

#include <float.h>
#include <math.h>

#include "simd.h"

#define TABLE const struct mg_pointwise_kernels MG_NAME(pointwise_kernels) = {MG_NAME(apply), MG_NAME(turn)};

/* Where exp leaves the dtype above, and from where on exp(x) - 1 is -1; log(2) in two parts, the first of which times any
   exponent is exact; what rounds to integers when it is added and taken away; the terms of the series of exp(r) that
   count for abs(r) <= log(2) / 2. */
#define MG_DTYPE f32
#define MG_REAL float
#define MOST 88.72284f
#define LARGEST FLT_MAX
#define LEAST -87.0f
#define LOG2_HIGH 0.693359375f
#define LOG2_LOW -2.12194440e-4f
#define ROUND 12582912.0f
#define TERMS 7
#include "pointwise_body.h"
TABLE
#undef MG_DTYPE
#undef MG_REAL
#undef MOST
#undef LARGEST
#undef LEAST
#undef LOG2_HIGH
#undef LOG2_LOW
#undef ROUND
#undef TERMS

#define MG_DTYPE f64
#define MG_REAL double
#define MOST 709.782712893384
#define LARGEST DBL_MAX
#define LEAST -708.0
#define LOG2_HIGH 0.693145751953125
#define LOG2_LOW 1.42860682030941723212e-6
#define ROUND 6755399441055744.0
#define TERMS 13
#include "pointwise_body.h"
TABLE
