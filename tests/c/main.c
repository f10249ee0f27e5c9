/* Runs the kernels of src_c without Python, for every instruction set of this processor: tools/check_c.py run. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "check.h"

static int checks, failures;

void check(int holds, const char *what, const char *file, int line) {
    checks++;
    if (holds) return;
    failures++;
    printf("%s:%d: with %s: this does not hold: %s\n", file, line, mg_isa_active()->name, what);
}

int close_to(double a, double b, double tolerance) { return fabs(a - b) <= tolerance * (1 + fabs(b)); }

double random_number(void) {
    static uint64_t state = 88172645463325252u;      /* xorshift64 (Marsaglia 2003) */
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (double)(state >> 12) / 2251799813685248.0 - 1.0;
}

double get(const void *array, int wide, ptrdiff_t i) {
    return wide ? ((const double *)array)[i] : (double)((const float *)array)[i];
}

void put(void *array, int wide, ptrdiff_t i, double value) {
    if (wide) ((double *)array)[i] = value;
    else ((float *)array)[i] = (float)value;
}

void fill(void *array, int wide, ptrdiff_t count) {
    for (ptrdiff_t i = 0; i < count; i++) put(array, wide, i, random_number());
}

void print_bits(const char *subject, const void *memory, size_t bytes) {
    const unsigned char *byte = memory;
    uint64_t hash = 14695981039346656037u;           /* FNV-1a */
    for (size_t i = 0; i < bytes; i++) hash = (hash ^ byte[i]) * 1099511628211u;
    printf("bits %s %08x%08x\n", subject, (unsigned)(hash >> 32), (unsigned)(hash & 0xffffffffu));
}

int main(void) {
    int count;
    const struct mg_isa *sets = mg_isa_available(&count);
    for (int i = 0; i < count; i++) {
        mg_isa_select(sets[i].name);
        test_activation(&sets[i]);
        test_column(&sets[i]);
        test_conv(&sets[i]);
        test_delay(&sets[i]);
        test_fft(&sets[i]);
        test_filter(&sets[i]);
        test_optimizer(&sets[i]);
        test_pooling(&sets[i]);
        test_winograd(&sets[i]);
    }
    test_threads();
    printf("%s:", mg_compiler());
    for (int i = 0; i < count; i++) printf(" %s", sets[i].name);
    printf(": %d checks, %d failed\n", checks, failures);
    return failures != 0;
}
