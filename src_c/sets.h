/* The two lists that all else follows from: declarations, tables, what is available, and what setup.py compiles.

   An instruction set: MACHINE(X(name, header, needs)), the best of a machine last. `name` is what MGCONV_ISA calls it,
   `header` names src_c/simd_<header>.h, setup.py's flags and the kernels (conv_row_kernels_f32_<header>), `needs` are bits of
   cpu.h that the processor must have. Nothing else knows which sets there are; what a set is like (registers, sizes of
   tiles, a narrower relative) stands in its header.

   A family of kernels: a struct mg_<family>_kernels that its template defines for each set, BOTH dtypes or WIDE ones. */
#ifndef MG_SETS_H
#define MG_SETS_H

#include "cpu.h"

#define MG_SETS(X)                                  \
    MG_X86(X(baseline, sse2, 0))                    \
    MG_X86(X(avx2, avx2, MG_CPU_FOR_AVX2))          \
    MG_X86(X(avx512, avx512, MG_CPU_FOR_AVX512))    \
    MG_ARM64(X(neon, neon, 0))                      \
    MG_WASM(X(baseline, scalar, 0))                 \
    MG_WASM(X(simd128, wasm, 0))                    \
    MG_PLAIN(X(baseline, scalar, 0))

#define MG_FAMILIES(BOTH, WIDE, isa)                                            \
    BOTH(activation, isa) BOTH(column, isa) BOTH(conv_outer, isa)               \
    BOTH(conv_row, isa)                                                         \
    BOTH(fft, isa) BOTH(fft_conv, isa) BOTH(filter, isa) BOTH(optimizer, isa)   \
    BOTH(pool, isa) BOTH(winograd, isa) WIDE(delay, isa)

#define MG_X86(set)
#define MG_ARM64(set)
#define MG_WASM(set)
#define MG_PLAIN(set)
#if defined(__x86_64__) || defined(_M_X64)
#undef MG_X86
#define MG_X86(set) set
#elif defined(__aarch64__) || defined(_M_ARM64)
#undef MG_ARM64
#define MG_ARM64(set) set
#elif defined(__wasm__)
#undef MG_WASM
#define MG_WASM(set) set
#else
#undef MG_PLAIN
#define MG_PLAIN(set) set
#endif

#endif
