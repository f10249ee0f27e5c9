#include "cpu.h"

#include <string.h>

#if defined(__x86_64__) || defined(_M_X64)

#if defined(_MSC_VER)
#include <intrin.h>
static void cpuid(unsigned leaf, unsigned words[4]) { __cpuidex((int *)words, (int)leaf, 0); }
static unsigned saved_state(void) { return (unsigned)_xgetbv(0); }
#else
#include <cpuid.h>
static void cpuid(unsigned leaf, unsigned words[4]) { __cpuid_count(leaf, 0, words[0], words[1], words[2], words[3]); }
static unsigned saved_state(void) {
    unsigned low, high;
    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
}
#endif

enum { EAX, EBX, ECX, EDX };

/* Where CPUID says what. */
static const struct { unsigned leaf; int word, bit; unsigned feature; } bits[] = {
    {1, ECX, 12, MG_CPU_FMA},       {7, EBX, 5, MG_CPU_AVX2},       {7, EBX, 16, MG_CPU_AVX512F},
    {7, EBX, 17, MG_CPU_AVX512DQ},  {7, EBX, 30, MG_CPU_AVX512BW},  {7, EBX, 31, MG_CPU_AVX512VL},
};

static unsigned features(unsigned last_leaf) {
    unsigned words[4], found = 0;
    for (size_t i = 0; i < sizeof bits / sizeof *bits; i++) {
        if (bits[i].leaf > last_leaf) continue;
        cpuid(bits[i].leaf, words);
        if (words[bits[i].word] >> bits[i].bit & 1) found |= bits[i].feature;
    }
    cpuid(1, words);
    if (words[ECX] >> 27 & 1) {                     /* only then may a program ask what is saved */
        const unsigned saved = saved_state();
        if ((saved & 0x6) == 0x6) found |= MG_CPU_SAVES_YMM;
        if ((saved & 0xe6) == 0xe6) found |= MG_CPU_SAVES_ZMM;
    }
    return found;
}

struct mg_cpu mg_cpu(void) {
    struct mg_cpu cpu = {"", 0, 0, 0, 0};
    unsigned words[4];
    cpuid(0, words);
    const unsigned last_leaf = words[EAX];
    memcpy(cpu.vendor, &words[EBX], 4);
    memcpy(cpu.vendor + 4, &words[EDX], 4);
    memcpy(cpu.vendor + 8, &words[ECX], 4);
    cpuid(1, words);
    cpu.family = words[EAX] >> 8 & 0xf;
    cpu.model = words[EAX] >> 4 & 0xf;
    if (cpu.family == 6 || cpu.family == 15) cpu.model |= words[EAX] >> 12 & 0xf0;
    if (cpu.family == 15) cpu.family += words[EAX] >> 20 & 0xff;
    cpu.features = features(last_leaf);
    cpuid(0x80000000, words);
    if (words[EAX] >= 0x80000006) {
        cpuid(0x80000006, words);
        cpu.l2_bytes = (ptrdiff_t)(words[ECX] >> 16) * 1024;
    }
    return cpu;
}

#else

struct mg_cpu mg_cpu(void) {
    const struct mg_cpu unknown = {"", 0, 0, 0, 0};
    return unknown;
}

#endif
