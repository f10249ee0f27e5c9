/* What the set's header says, for those who are compiled once for all sets. */
#include "dispatch.h"
#include "simd.h"

const struct mg_traits MG_PASTE2(traits, MG_ISA) = {VL_f32 * sizeof(float), MG_NARROWER};
