/* Heights of register tiles, so that MR * NV accumulators, NV vectors and a broadcast fit the registers. A height must be a
   constant: MG_EACH_n(X, name, ...) is X(1, name, ...) X(2, name, ...) ... X(MG_HEIGHT_n, name, ...). Taller tiles of one
   vector gain 3 % and double code and compile time. */
#ifndef MG_CONV_HEIGHTS_H
#define MG_CONV_HEIGHTS_H

#include "simd.h"

#define MG_TO_2(X, name, how, NV, taps) X(1, name, how, NV, taps) X(2, name, how, NV, taps)
#define MG_TO_4(X, name, how, NV, taps) \
    MG_TO_2(X, name, how, NV, taps) X(3, name, how, NV, taps) X(4, name, how, NV, taps)
#define MG_TO_5(X, name, how, NV, taps) MG_TO_4(X, name, how, NV, taps) X(5, name, how, NV, taps)
#define MG_TO_6(X, name, how, NV, taps) MG_TO_5(X, name, how, NV, taps) X(6, name, how, NV, taps)
#define MG_TO_9(X, name, how, NV, taps) \
    MG_TO_6(X, name, how, NV, taps) X(7, name, how, NV, taps) X(8, name, how, NV, taps) X(9, name, how, NV, taps)
#define MG_TO_12(X, name, how, NV, taps) \
    MG_TO_9(X, name, how, NV, taps) X(10, name, how, NV, taps) X(11, name, how, NV, taps) X(12, name, how, NV, taps)
#define MG_TO_14(X, name, how, NV, taps) \
    MG_TO_12(X, name, how, NV, taps) X(13, name, how, NV, taps) X(14, name, how, NV, taps)

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
