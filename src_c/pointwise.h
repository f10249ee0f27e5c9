/* Activation functions, number by number, and what their derivatives make of a gradient. */
#ifndef MG_POINTWISE_H
#define MG_POINTWISE_H

#include <stddef.h>

/* The functions; a and b are their parameters. */
enum mg_pointwise_function {
    MG_LEAKY_RELU,        /* x for x > 0, else a x */
    MG_ELU,               /* b x for x > 0, else b a (exp(x) - 1) */
    MG_SIGMOID,           /* 1 / (1 + exp(-x)) */
    MG_TANH,
    MG_SILU,              /* x / (1 + exp(-x)) */
    MG_POINTWISE_COUNT
};

struct mg_pointwise_kernels {
    /* y = f(x) for `count` numbers; y may be x. */
    void (*apply)(int f, const void *x, void *y, ptrdiff_t count, double a, double b);
    /* dy = dy f' in place; `source` is y, but x for MG_SILU. */
    void (*turn)(int f, const void *source, void *dy, ptrdiff_t count, double a, double b);
};

#endif
