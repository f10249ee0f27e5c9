#include "random.h"

#include <string.h>

#include "compat.h"

struct wide {
    uint64_t low, high;
};

static const struct wide PCG_A = {0x4385df649fccf645u, 0x2360ed051fc65da4u};

MG_INLINE struct wide add(struct wide a, struct wide b) {
    const uint64_t low = a.low + b.low;
    return (struct wide){low, a.high + b.high + (low < b.low)};
}

MG_INLINE struct wide multiply(struct wide a, struct wide b) {
    uint64_t high;
    const uint64_t low = MG_MULTIPLY(a.low, b.low, &high);
    return (struct wide){low, high + a.low * b.high + a.high * b.low};
}

MG_INLINE uint64_t bits_of(struct wide state) {
    const uint64_t mixed = state.high ^ state.low;
    const int turn = (int)(state.high >> 58);
    return mixed >> turn | mixed << (-turn & 63);
}

/* What `steps` steps of state <- a state + c come to, by squaring. */
static void power(struct wide *a, struct wide *c, uint64_t steps) {
    struct wide all_a = {1, 0}, all_c = {0, 0};
    for (; steps; steps >>= 1) {
        if (steps & 1) {
            all_a = multiply(all_a, *a);
            all_c = add(multiply(all_c, *a), *c);
        }
        *c = multiply(add(*a, (struct wide){1, 0}), *c);
        *a = multiply(*a, *a);
    }
    *a = all_a;
    *c = all_c;
}

void mg_pcg64_advance(struct mg_pcg64 *generator, uint64_t steps) {
    struct wide a = PCG_A, c = {generator->inc[0], generator->inc[1]};
    const struct wide state = {generator->state[0], generator->state[1]};
    power(&a, &c, steps);
    const struct wide after = add(multiply(a, state), c);
    generator->state[0] = after.low;
    generator->state[1] = after.high;
}

uint64_t mg_pcg64_next(struct mg_pcg64 *generator) {
    mg_pcg64_advance(generator, 1);
    return bits_of((struct wide){generator->state[0], generator->state[1]});
}

MG_INLINE float float_of(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* n / 2^24 for n < 2^24: by putting 1 + n / 2^24 together, but for its last bit, and taking 1 away, or so much less. (Small
   code that converts a number waits for what was in the register before.) */
MG_INLINE float share(uint32_t n) { return float_of(0x3f800000u | n >> 1) - float_of(0x3f800000u - (n & 1)); }

MG_INLINE void two_floats(uint64_t bits, float *numbers) {
    numbers[0] = share((uint32_t)bits >> 8);
    numbers[1] = share((uint32_t)(bits >> 40));
}

/* Multiplications wait for each other along a row of states: those of every other one do not. */
void mg_pcg64_floats(struct mg_pcg64 *generator, float *numbers, ptrdiff_t pairs) {
    struct wide a = PCG_A, c = {generator->inc[0], generator->inc[1]};
    const struct wide start = {generator->state[0], generator->state[1]};
    struct wide one = add(multiply(a, start), c), other = add(multiply(a, one), c);
    power(&a, &c, 2);
    for (ptrdiff_t n = pairs; n > 1; n -= 2, numbers += 4) {
        two_floats(bits_of(one), numbers);
        two_floats(bits_of(other), numbers + 2);
        one = add(multiply(a, one), c);
        other = add(multiply(a, other), c);
    }
    if (pairs & 1) two_floats(bits_of(one), numbers);
    mg_pcg64_advance(generator, (uint64_t)pairs);
}
