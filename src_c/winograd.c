#include "winograd.h"

#include "simd.h"

#define MG_DTYPE f32
#define MG_REAL float
#include "winograd_body.h"
#undef MG_DTYPE
#undef MG_REAL

#define MG_DTYPE f64
#define MG_REAL double
#include "winograd_body.h"
#undef MG_DTYPE
#undef MG_REAL
