/* The vocabulary of vector code: about two dozen operations on `vec`, the widest vector of MG_DTYPE that the
   instruction set has.

   A template says v_load(p); it means v_load_f32 or v_load_f64 by the MG_DTYPE of the moment, and the header of the
   instruction set defines both by intrinsics, which GCC, Clang and MSVC share.

       VL                       lanes of a vec
       v_load(p) v_store(p, a)  unaligned, VL elements
       v_loadn(p, n)            the first n lanes from memory, 0 <= n <= VL, the others 0; reads nothing beyond
       v_storen(p, a, n)        the first n lanes to memory; writes nothing beyond
       v_zero() v_set1(s)       all lanes alike
       v_add v_sub v_mul v_div v_max v_min v_sqrt
       v_gate(a, b)             b where a > 0, 0 elsewhere: the gradient of a ReLU
       v_slide(a, b, k)         the last k lanes of a, then the first VL - k of b, 0 < k < VL; f64 only
       v_pow2(k)                2^k for lanes that hold integers, -1023 < k < 1024; f64 only
       v_maxnan(a, b)           as v_max, but NaN where either is NaN
       v_where_lt(a, b, c)      c where a < b, 0 elsewhere
       v_where_nlt(a, b, c)     c where not a < b, 0 elsewhere
       v_where_eq(a, b, c)      c where a == b, 0 elsewhere
       v_fma(a, b, c)           a * b + c: fused where the set has it, two roundings on the x86 baseline
       v_fnma(a, b, c)          c - a * b, likewise
       v_ziplo(a, b)            a0 b0 a1 b1 ...: the first halves interleaved; v_ziphi the second halves
       v_even(a, b)             a0 a2 ... b0 b2 ...: the even elements of both; v_odd the odd ones: the reverse of zipping
       v_repeat(p, q)           the q elements at p again and again; q is a constant power of two, at most VL
   MG_LANES_OF_DTYPE        VL for the preprocessor

   And what the set is like:
       MG_REGISTERS             vector registers
       MG_LANES_f32, MG_LANES_f64
       MG_SMALL                 defined where code may be slower and must be small: few processors need the set
       MG_NARROWER              the name of the set that does better where half the lanes would be empty, or NULL
*/
#ifndef MG_SIMD_H
#define MG_SIMD_H

#include "compat.h"

#define MG_QUOTE(name) #name
#define MG_HEADER_(isa) MG_QUOTE(simd_##isa.h)
#define MG_HEADER(isa) MG_HEADER_(isa)
#include MG_HEADER(MG_ISA)

#define MG_LANES_OF_DTYPE MG_PASTE2(MG_LANES, MG_DTYPE)
#define VL MG_PASTE2(VL, MG_DTYPE)
#define vec MG_PASTE2(vec, MG_DTYPE)
#define v_load MG_PASTE2(v_load, MG_DTYPE)
#define v_store MG_PASTE2(v_store, MG_DTYPE)
#define v_loadn MG_PASTE2(v_loadn, MG_DTYPE)
#define v_storen MG_PASTE2(v_storen, MG_DTYPE)
#define v_zero MG_PASTE2(v_zero, MG_DTYPE)
#define v_set1 MG_PASTE2(v_set1, MG_DTYPE)
#define v_add MG_PASTE2(v_add, MG_DTYPE)
#define v_sub MG_PASTE2(v_sub, MG_DTYPE)
#define v_mul MG_PASTE2(v_mul, MG_DTYPE)
#define v_div MG_PASTE2(v_div, MG_DTYPE)
#define v_max MG_PASTE2(v_max, MG_DTYPE)
#define v_min MG_PASTE2(v_min, MG_DTYPE)
#define v_sqrt MG_PASTE2(v_sqrt, MG_DTYPE)
#define v_gate MG_PASTE2(v_gate, MG_DTYPE)
#define v_slide MG_PASTE2(v_slide, MG_DTYPE)
#define v_pow2 MG_PASTE2(v_pow2, MG_DTYPE)
#define v_maxnan MG_PASTE2(v_maxnan, MG_DTYPE)
#define v_where_lt MG_PASTE2(v_where_lt, MG_DTYPE)
#define v_where_nlt MG_PASTE2(v_where_nlt, MG_DTYPE)
#define v_where_eq MG_PASTE2(v_where_eq, MG_DTYPE)
#define v_fma MG_PASTE2(v_fma, MG_DTYPE)
#define v_fnma MG_PASTE2(v_fnma, MG_DTYPE)
#define v_ziplo MG_PASTE2(v_ziplo, MG_DTYPE)
#define v_ziphi MG_PASTE2(v_ziphi, MG_DTYPE)
#define v_repeat MG_PASTE2(v_repeat, MG_DTYPE)
#define v_even MG_PASTE2(v_even, MG_DTYPE)
#define v_odd MG_PASTE2(v_odd, MG_DTYPE)

#endif
