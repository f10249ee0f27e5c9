/* What stands between layers' convolutions, where NumPy would take several passes over memory. */
#ifndef MG_ACTIVATION_H
#define MG_ACTIVATION_H

#include <stddef.h>

struct mg_activation_kernels {
    /* Over `rows` rows of `columns` each: dy = y > 0 ? dy : 0 in place, and sums[column] = the sum of what is left. */
    void (*relu_grad)(const void *y, void *dy, void *sums, ptrdiff_t rows, ptrdiff_t columns);
    /* y = random < rate ? 0 : x factor, for `count` numbers; y may be x. */
    void (*drop)(const void *x, const void *random, void *y, ptrdiff_t count, double rate, double factor);
};

#endif
