#include "pooling.h"

#include "simd.h"

MG_INLINE ptrdiff_t smaller(ptrdiff_t a, ptrdiff_t b) { return a < b ? a : b; }
MG_INLINE ptrdiff_t larger(ptrdiff_t a, ptrdiff_t b) { return a > b ? a : b; }

/* The quotient rounded up, 0 for what is negative. */
MG_INLINE ptrdiff_t ceil_div(ptrdiff_t a, ptrdiff_t b) { return a > 0 ? (a + b - 1) / b : 0; }

#define LANES(n) (int)smaller(VL, n)      /* lanes in use when n numbers are left */

#define KERNELS {MG_NAME(pool_max), MG_NAME(pool_average), MG_NAME(pool_max_grad), MG_NAME(pool_average_grad), \
                 MG_NAME(pool_max_grad_shared)}

#define MG_DTYPE f32
#define MG_REAL float
#include "pooling_body.h"
#include "pooling_shared_body.h"
const struct mg_pool_kernels MG_NAME(pool_kernels) = KERNELS;
#undef MG_DTYPE
#undef MG_REAL

#define MG_DTYPE f64
#define MG_REAL double
#include "pooling_body.h"
#include "pooling_shared_body.h"
const struct mg_pool_kernels MG_NAME(pool_kernels) = KERNELS;
