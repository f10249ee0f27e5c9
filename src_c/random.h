/* The numbers of NumPy's PCG64 (O'Neill, 2014, "PCG: A family of simple fast space-efficient statistically good
   algorithms"): state <- a state + inc modulo 2^128, and 64 bits are made of each state. Since n steps are one such step
   with another a and inc, a long row of numbers can be made in pieces that know nothing of each other. */
#ifndef MG_RANDOM_H
#define MG_RANDOM_H

#include <stddef.h>
#include <stdint.h>

struct mg_pcg64 {
    uint64_t state[2], inc[2];        /* the lower half first */
};

/* `steps` steps ahead. */
void mg_pcg64_advance(struct mg_pcg64 *generator, uint64_t steps);

/* One step; its 64 bits. */
uint64_t mg_pcg64_next(struct mg_pcg64 *generator);

/* `pairs` steps; each makes two numbers in [0, 1), of its lower and its upper half, as NumPy's `random` in float32. */
void mg_pcg64_floats(struct mg_pcg64 *generator, float *numbers, ptrdiff_t pairs);

#endif
