#include "conv.h"

#include "conv_heights.h"

#define MG_DTYPE f32
#define MG_REAL float
#include "conv_pack_body.h"
#include "conv_rows_body.h"
#undef MG_DTYPE
#undef MG_REAL

#define MG_DTYPE f64
#define MG_REAL double
#include "conv_pack_body.h"
#include "conv_rows_body.h"
