/* What the processor is and what it can do. */
#ifndef MG_CPU_H
#define MG_CPU_H

#include <stddef.h>

enum {
    MG_CPU_FMA = 1 << 0,
    MG_CPU_AVX2 = 1 << 1,
    MG_CPU_AVX512F = 1 << 2,
    MG_CPU_AVX512DQ = 1 << 3,
    MG_CPU_AVX512BW = 1 << 4,
    MG_CPU_AVX512VL = 1 << 5,
    MG_CPU_SAVES_YMM = 1 << 6,       /* the system keeps registers of 32 bytes for a thread that waits, */
    MG_CPU_SAVES_ZMM = 1 << 7,       /* of 64 bytes */

    MG_CPU_FOR_AVX2 = MG_CPU_FMA | MG_CPU_AVX2 | MG_CPU_SAVES_YMM,
#if defined(MG_EMULATE_AVX512)       /* for tests: tools/simde/avx512.h */
    MG_CPU_FOR_AVX512 = MG_CPU_FOR_AVX2
#else
    MG_CPU_FOR_AVX512 = MG_CPU_FOR_AVX2 | MG_CPU_AVX512F | MG_CPU_AVX512DQ | MG_CPU_AVX512BW | MG_CPU_AVX512VL
                        | MG_CPU_SAVES_ZMM
#endif
};

struct mg_cpu {
    char vendor[13];                 /* as CPUID spells it, "" where nobody says */
    int family, model;               /* or 0 */
    ptrdiff_t l2_bytes;              /* of one core, or 0 */
    unsigned features;               /* MG_CPU_... */
};

/* Asks the processor anew. */
struct mg_cpu mg_cpu(void);

#endif
