/* Heights of register tiles, so that MR * NV accumulators, NV vectors and a broadcast fit the registers. MG_EACH_n(X) is
   X(1) X(2) ... X(MG_HEIGHT_n) for the tiles of kind n: a height must be a constant. Taller tiles of one vector gain 3 %
   and double code and compile time. */
#ifndef MG_CONV_HEIGHTS_H
#define MG_CONV_HEIGHTS_H

#include "simd.h"

#define MG_TO_2(X) X(1) X(2)
#define MG_TO_4(X) MG_TO_2(X) X(3) X(4)
#define MG_TO_5(X) MG_TO_4(X) X(5)
#define MG_TO_6(X) MG_TO_5(X) X(6)
#define MG_TO_9(X) MG_TO_6(X) X(7) X(8) X(9)
#define MG_TO_12(X) MG_TO_9(X) X(10) X(11) X(12)
#define MG_TO_14(X) MG_TO_12(X) X(13) X(14)
#if MG_REGISTERS == 32
#define MG_HEIGHT_1 14
#define MG_HEIGHT_2 14
#define MG_HEIGHT_3 9
#define MG_HEIGHT_4 6
#define MG_HEIGHT_TAPS 9
#define MG_HEIGHT_PAIR 6
#define MG_HEIGHT_TABLE_2 9
#elif defined(MG_SMALL)
#define MG_HEIGHT_1 4
#define MG_HEIGHT_2 4
#define MG_HEIGHT_3 2
#define MG_HEIGHT_4 2
#define MG_HEIGHT_TAPS 2
#define MG_HEIGHT_PAIR 2
#define MG_HEIGHT_TABLE_2 2
#else
#define MG_HEIGHT_1 12
#define MG_HEIGHT_2 6
#define MG_HEIGHT_3 4
#define MG_HEIGHT_4 2
#define MG_HEIGHT_TAPS 9
#define MG_HEIGHT_PAIR 5
#define MG_HEIGHT_TABLE_2 6
#endif

#define MG_JOIN_(a, b) a##b
#define MG_UP_TO(height) MG_JOIN_(MG_TO_, height)
#define MG_EACH_1 MG_UP_TO(MG_HEIGHT_1)
#define MG_EACH_2 MG_UP_TO(MG_HEIGHT_2)
#define MG_EACH_3 MG_UP_TO(MG_HEIGHT_3)
#define MG_EACH_4 MG_UP_TO(MG_HEIGHT_4)
#define MG_EACH_TAPS MG_UP_TO(MG_HEIGHT_TAPS)
#define MG_EACH_PAIR MG_UP_TO(MG_HEIGHT_PAIR)
#define MG_EACH_TABLE_2 MG_UP_TO(MG_HEIGHT_TABLE_2)

#define MG_TILE_MAX 28          /* accumulators of the largest tile */

/* How a tile of conv_rows_body.h or conv_outer_body.h uses its lanes. */
enum { BROADCAST_, INTERLEAVED_, CHANNELS_, CHANNELS_PART_, CHANNELS_PAIR_, TABLE_ };

#endif
