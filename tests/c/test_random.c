/* NumPy's PCG64, against numbers that NumPy gave, and in pieces against one row. */
#include "random.h"

#include "check.h"

enum { PAIRS = 41 };

void test_random(void) {
    /* numpy.random.PCG64(7): its state, and random_raw(3) */
    const struct mg_pcg64 start = {{0x9ae2415a6b292038u, 0x9d0aecc4e7b18891u}, {0x66887f5ac070d959u, 0xc4751896ce8acebfu}};
    const uint64_t raw[] = {0xa00641a9f1e54a8bu, 0xe5afcdbcaf266a95u, 0xc693565f940af962u};
    struct mg_pcg64 generator = start;
    for (int i = 0; i < 3; i++) CHECK(mg_pcg64_next(&generator) == raw[i]);
    float whole[2 * PAIRS], parts[2 * PAIRS];
    for (ptrdiff_t pairs = 0; pairs <= PAIRS; pairs++) {
        struct mg_pcg64 one = start, other = start, last = start;
        mg_pcg64_floats(&one, whole, pairs);
        for (ptrdiff_t i = 0; i < pairs; i++) {
            const uint64_t bits = mg_pcg64_next(&last);
            CHECK(whole[2 * i] == (float)((bits & 0xffffffffu) >> 8) / 16777216.0f);
            CHECK(whole[2 * i + 1] == (float)(bits >> 40) / 16777216.0f);
        }
        CHECK(one.state[0] == last.state[0] && one.state[1] == last.state[1]);
        mg_pcg64_floats(&other, parts, pairs / 3);
        other = start;
        mg_pcg64_advance(&other, (uint64_t)(pairs / 3));
        mg_pcg64_floats(&other, parts + 2 * (pairs / 3), pairs - pairs / 3);
        for (ptrdiff_t i = 0; i < 2 * pairs; i++) CHECK(parts[i] == whole[i]);
    }
}
