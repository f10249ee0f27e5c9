#include "conv.h"

#include "conv_heights.h"

/* The kinds of conv.h: X(kind, heights, how the lanes are used, vectors). */
#define MG_EACH_OUTER(X)                                                                    \
    X(OUTER_1, 1, BROADCAST_, 1) X(OUTER_2, 2, BROADCAST_, 2)                               \
    X(OUTER_3, 3, BROADCAST_, 3) X(OUTER_4, 4, BROADCAST_, 4)                               \
    X(OUTER_TABLE_1, TAPS, TABLE_, 1) X(OUTER_TABLE_2, TABLE_2, TABLE_, 2) X(OUTER_LANES, TAPS, CHANNELS_, 1)

#define MG_DTYPE f32
#define MG_REAL float
#include "conv_outer_body.h"
#undef MG_DTYPE
#undef MG_REAL

#define MG_DTYPE f64
#define MG_REAL double
#include "conv_outer_body.h"
