#include "dispatch.h"

#include <string.h>

#include "compat.h"

#if defined(__x86_64__) || defined(_M_X64)

#if defined(_MSC_VER)
#include <intrin.h>
static void cpuid(int leaf, int words[4]) { __cpuidex(words, leaf, 0); }
static unsigned long long saved_state(void) { return _xgetbv(0); }
#else
#include <cpuid.h>
static void cpuid(int leaf, int words[4]) { __cpuid_count(leaf, 0, words[0], words[1], words[2], words[3]); }
static unsigned long long saved_state(void) {
    unsigned low, high;
    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (unsigned long long)high << 32 | low;
}
#endif

/* CPUID leaf 1: ECX bit 12 is FMA, bit 27 that the system saves vector registers, XCR0 says which. Leaf 7: AVX2 is EBX
   bit 5, AVX-512 F, DQ, BW and VL bits 16, 17, 30 and 31. */
static int cpu_runs(unsigned ebx, unsigned long long saved) {
    const int needed = 1 << 12 | 1 << 27;
    int words[4];
    cpuid(0, words);
    if (words[0] < 7) return 0;
    cpuid(1, words);
    if ((words[2] & needed) != needed || (saved_state() & saved) != saved) return 0;
    cpuid(7, words);
    return ((unsigned)words[1] & ebx) == ebx;
}
#define HAS_AVX2 cpu_runs(1u << 5, 0x6)
#if defined(MG_EMULATE_AVX512)          /* for tests: tools/simde/avx512.h */
#define HAS_AVX512 HAS_AVX2
#else
#define HAS_AVX512 cpu_runs(1u << 5 | 1u << 16 | 1u << 17 | 1u << 30 | 1u << 31, 0xe6)
#endif
#endif

/* A family of kernels is a struct that its template defines for each dtype and instruction set. */
#define FAMILY(family, isa)                                             \
    extern const struct mg_##family##_kernels family##_kernels_f32_##isa; \
    extern const struct mg_##family##_kernels family##_kernels_f64_##isa;
#define BOTH(family, isa) {&family##_kernels_f32_##isa, &family##_kernels_f64_##isa}

#define DECLARE(isa)                                                   \
    FAMILY(optimizer, isa) FAMILY(activation, isa) FAMILY(fft, isa)    \
    FAMILY(filter, isa) FAMILY(conv_row, isa) FAMILY(conv_outer, isa)  \
    FAMILY(pool, isa) FAMILY(winograd, isa) FAMILY(fft_conv, isa)      \
    extern const struct mg_delay_kernels delay_kernels_f64_##isa;
#define ISA(isa)                                                                                            \
    {#isa, BOTH(optimizer, isa), BOTH(activation, isa), BOTH(fft, isa), BOTH(filter, isa),                 \
     &delay_kernels_f64_##isa, BOTH(conv_row, isa), BOTH(conv_outer, isa), BOTH(pool, isa), BOTH(winograd, isa),      \
     BOTH(fft_conv, isa)}

#if defined(MG_HAVE_BASELINE)
DECLARE(baseline)
#endif
#if defined(MG_HAVE_NEON)
DECLARE(neon)
#endif
#if defined(MG_HAVE_AVX2)
DECLARE(avx2)
#endif
#if defined(MG_HAVE_AVX512)
DECLARE(avx512)
#endif

static struct mg_isa available[5];
static int active = -1;

static int add(int n, const struct mg_isa *isa) {
    available[n] = *isa;
    return n + 1;
}

const struct mg_isa *mg_isa_available(int *count) {
    if (active < 0) {
        int n = 0;
#if defined(MG_HAVE_BASELINE)
        static const struct mg_isa baseline = ISA(baseline);
        n = add(n, &baseline);
#endif
#if defined(MG_HAVE_NEON)
        static const struct mg_isa neon = ISA(neon);
        n = add(n, &neon);
#endif
#if defined(MG_HAVE_AVX2)
        static const struct mg_isa avx2 = ISA(avx2);
        if (HAS_AVX2) n = add(n, &avx2);
#endif
#if defined(MG_HAVE_AVX512)
        static const struct mg_isa avx512 = ISA(avx512);
        if (HAS_AVX512) n = add(n, &avx512);
#endif
        active = n - 1;
    }
    int n = 0;
    while (available[n].name) n++;
    *count = n;
    return available;
}

const struct mg_isa *mg_isa_active(void) {
    int count;
    const struct mg_isa *sets = mg_isa_available(&count);
    return &sets[active];
}

int mg_isa_select(const char *name) {
    int count;
    const struct mg_isa *sets = mg_isa_available(&count);
    for (int i = 0; i < count; i++)
        if (strcmp(sets[i].name, name) == 0) {
            active = i;
            return 0;
        }
    return -1;
}

#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)

const char *mg_compiler(void) {
#if defined(__clang__)
    return "Clang " __clang_version__;
#elif defined(__GNUC__)
    return "GCC " __VERSION__;
#elif defined(_MSC_VER)
    return "MSVC " TEXT(_MSC_VER);
#else
    return "unknown";
#endif
}
