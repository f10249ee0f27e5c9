#include "conv.h"

#include "conv_heights.h"

/* The kinds of conv.h: X(kind, heights, how the lanes are used, vectors, taps in the lanes), of which there are at most as
   many as lanes. */
#define MG_KINDS_1(X)
#define MG_KINDS_2(X) X(TAPS_2, TAPS, INTERLEAVED_, 1, 2)
#define MG_KINDS_4(X) MG_KINDS_2(X) X(TAPS_4, TAPS, INTERLEAVED_, 1, 4)
#define MG_KINDS_8(X) MG_KINDS_4(X) X(TAPS_8, TAPS, INTERLEAVED_, 1, 8)
#define MG_KINDS_16(X) MG_KINDS_8(X) X(TAPS_16, TAPS, INTERLEAVED_, 1, 16)
#define MG_KINDS_OF(lanes) MG_JOIN_(MG_KINDS_, lanes)
#define MG_EACH_KIND(X)                                                            \
    X(VECTORS_1, 1, BROADCAST_, 1, 1) X(VECTORS_2, 2, BROADCAST_, 2, 1)            \
    X(VECTORS_3, 3, BROADCAST_, 3, 1) X(VECTORS_4, 4, BROADCAST_, 4, 1)            \
    X(LANES, TAPS, CHANNELS_, 1, 1) X(LANES_PART, TAPS, CHANNELS_PART_, 1, 1)      \
    X(LANES_PAIR, PAIR, CHANNELS_PAIR_, 1, 1) MG_KINDS_OF(MG_LANES_OF_DTYPE)(X)

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
