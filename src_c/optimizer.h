/* Optimizer steps over a run of `n` parameters: one pass that reads the gradient and writes parameters and state.

   p parameters, g their gradient. Coefficients come as double and are rounded to the dtype once a call. `keep` is the
   share of a parameter that weight decay leaves, 1 without it. A NULL state array switches its feature off. Formulas:
   Keras 3, whose Adam folds both bias corrections into `alpha`. */
#ifndef MG_OPTIMIZER_H
#define MG_OPTIMIZER_H

#include <stddef.h>

struct mg_optimizer_state {
    void *p;
    const void *g;
    void *a, *b, *c;                /* see each kernel */
};

struct mg_optimizer_kernels {
    /* a momentum (or NULL):  a = momentum a - rate g;   p += nesterov ? momentum a - rate g : a */
    void (*sgd)(const struct mg_optimizer_state *s, ptrdiff_t from, ptrdiff_t to, double rate, double momentum,
                int nesterov, double keep);
    /* a, b first and second moment, c largest second moment so far (or NULL, without amsgrad):
       a += (1 - beta1)(g - a);   b += (1 - beta2)(g g - b);   p -= alpha a / (sqrt(b or c) + epsilon) */
    void (*adam)(const struct mg_optimizer_state *s, ptrdiff_t from, ptrdiff_t to, double alpha, double beta1,
                 double beta2, double epsilon, double keep);
    /* a mean square, b momentum (or NULL), c mean gradient (or NULL, not centered):
       a = rho a + (1 - rho) g g;   d = rate g / sqrt(a - c c + epsilon);   p -= b ? (b = momentum b + d) : d */
    void (*rmsprop)(const struct mg_optimizer_state *s, ptrdiff_t from, ptrdiff_t to, double rate, double rho,
                    double momentum, double epsilon, double keep);
};

#endif
