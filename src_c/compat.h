/* What GCC, Clang and MSVC spell differently; every other file stays plain C11 without VLAs or extensions. */
#ifndef MG_COMPAT_H
#define MG_COMPAT_H

#include <stddef.h>
#include <stdint.h>

#if defined(_MSC_VER)
#define MG_INLINE static __forceinline
#define MG_NOINLINE __declspec(noinline)
#define MG_RESTRICT __restrict
#define MG_THREAD_LOCAL __declspec(thread)
#define MG_ALIGNED(n) __declspec(align(n))
#define MG_UNROLL
#define MG_EXPORT __declspec(dllexport)
#if defined(_M_X64)
#include <xmmintrin.h>
#define MG_PREFETCH(p) _mm_prefetch((const char *)(p), _MM_HINT_T0)
#else
#include <intrin.h>
#define MG_PREFETCH(p) __prefetch(p)
#endif
#else
#define MG_INLINE static inline __attribute__((always_inline, unused))
#define MG_NOINLINE __attribute__((noinline))
#define MG_RESTRICT __restrict__
#define MG_THREAD_LOCAL __thread
#define MG_ALIGNED(n) __attribute__((aligned(n)))
#if defined(__clang__)      /* old ones unroll by a number too late for arrays to become registers */
#define MG_UNROLL _Pragma("clang loop unroll(full)")
#else
#define MG_UNROLL _Pragma("GCC unroll 32")
#endif
#define MG_EXPORT __attribute__((visibility("default")))
#define MG_PREFETCH(p) __builtin_prefetch(p)
#endif

/* Keeps GCC from loading a vector again wherever it is used; not where vectors are emulated by others. */
#if defined(__GNUC__) && defined(__x86_64__) && !defined(MG_EMULATED)
#define MG_LOADED(vector) __asm__("" : "+v"(vector))
#else
#define MG_LOADED(vector) ((void)(vector))
#endif

/* MG_NAME(conv_tile) is conv_tile_f32_avx512 where a template is compiled with MG_DTYPE f32 and MG_ISA avx512. */
#define MG_PASTE2_(a, b) a##_##b
#define MG_PASTE2(a, b) MG_PASTE2_(a, b)
#define MG_NAME(op) MG_PASTE2(MG_PASTE2(op, MG_DTYPE), MG_ISA)

#endif
