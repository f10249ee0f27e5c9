/* Optimizer steps over a run of parameters: one pass that reads the gradient and writes parameters and slots.

   All steps have one form, and one list names them: another optimizer is a function in optimizer_body.h and a line here.
   arrays holds the parameters p, their gradient g, and the slots in the order of the list; a NULL slot switches its
   feature off. coefficients holds `keep`, the share of a parameter that weight decay leaves (1 without it), the learning
   rate, and what the list says; they come as double and are rounded to the dtype once a call.
   Formulas: Keras 3, whose bias corrections are folded into the coefficients; mgconv/optimizers says who published what.

   sgd       m (or NULL):  m = momentum m - rate g;   p += nesterov ? momentum m - rate g : m
   adam      m += (1 - beta1)(g - m);   v += (1 - beta2)(g g - v);   p -= rate m / (sqrt(v) + epsilon);
             with largest (or NULL) = max(largest, v) in the place of v
   rmsprop   v = rho v + (1 - rho) g g;   d = rate g / sqrt(v - mean mean + epsilon);   p -= m ? (m = momentum m + d) : d;
             mean (or NULL) = rho mean + (1 - rho) g
   adagrad   v += g g;   p -= rate g / sqrt(v + epsilon)
   adadelta  v = rho v + (1 - rho) g g;   d = g sqrt(w + epsilon) / sqrt(v + epsilon);   w = rho w + (1 - rho) d d;
             p -= rate d
   adamax    m += (1 - beta1)(g - m);   u = max(beta2 u, |g|);   p -= rate m / (u + epsilon)
   nadam     m and v as adam;   p -= (rate m + now g) / (sqrt(scale v) + epsilon)
   lion      p -= rate sign(beta1 m + (1 - beta1) g);   m = beta2 m + (1 - beta2) g */
#ifndef MG_OPTIMIZER_H
#define MG_OPTIMIZER_H

#include <stddef.h>

/*    name      slots, coefficients behind `keep` and the rate */
#define MG_OPTIMIZERS(X)                                                \
    X(sgd,      1, 2)      /* m; momentum, nesterov */                  \
    X(adam,     3, 3)      /* m, v, largest; beta1, beta2, epsilon */   \
    X(rmsprop,  3, 3)      /* v, m, mean; rho, momentum, epsilon */     \
    X(adagrad,  1, 1)      /* v; epsilon */                             \
    X(adadelta, 2, 2)      /* v, w; rho, epsilon */                     \
    X(adamax,   2, 3)      /* m, u; beta1, beta2, epsilon */            \
    X(nadam,    2, 5)      /* m, v; beta1, beta2, epsilon, now, scale */ \
    X(lion,     1, 2)      /* m; beta1, beta2 */

#define MG_COUNT_OPTIMIZER(name, slots, coefficients) MG_OPTIMIZER_##name,
enum { MG_OPTIMIZERS(MG_COUNT_OPTIMIZER) MG_OPTIMIZER_COUNT };
enum { MG_OPTIMIZER_MOST_SLOTS = 3, MG_OPTIMIZER_MOST_COEFFICIENTS = 8 };

struct mg_optimizer_kernel {
    const char *name;
    int slots, coefficients;        /* how many; `keep` and the rate included */
    void (*step)(void *const *arrays, const double *coefficients, ptrdiff_t from, ptrdiff_t to);
};

struct mg_optimizer_kernels {
    struct mg_optimizer_kernel list[MG_OPTIMIZER_COUNT];
};

#endif
