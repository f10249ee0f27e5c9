/* What follows a layer's convolution on the way back, where NumPy would take three passes over memory. */
#ifndef MG_ACTIVATION_H
#define MG_ACTIVATION_H

#include <stddef.h>

struct mg_activation_kernels {
    /* Over `rows` rows of `columns` each: dy = y > 0 ? dy : 0 in place, and sums[column] = the sum of what is left. */
    void (*relu_grad)(const void *y, void *dy, void *sums, ptrdiff_t rows, ptrdiff_t columns);
};

#endif
