/* The kernels of the delay integrator, x'(t) = g(x(t - tau)) - b x(t), and the weights of its quadrature.

   The line is cut at the multiples of tau, where derivatives may jump, and each interval of length tau into n steps of
   h = tau / n. On one step the equation is linear in x:

       x(t + h) = e^(-bh) x(t) + integral over s in [0, h] of e^(-b(h - s)) G(t + s) ds,    G(t) = g(x(t - tau)),

   and G is known at all n + 1 nodes of the interval before its first step. So an interval is

       hermite or values    the n integrals q, by a polynomial through G (and dG/dt) at nodes around each step
       scan                 x[i + 1] = e^(-bh) x[i] + q[i], and x'[i] = G[i] - b x[i]
       a mg_delay_function  the next interval's G = g(x), and g'(x)
       scale                dG/dt = g'(x) x'

   All of it is + - * / in one order that no instruction set changes, so the bits are the same everywhere.
   Arrays have MG_DELAY_PAD readable elements before index 0 and after index n. */
#ifndef MG_DELAY_H
#define MG_DELAY_H

#include <stddef.h>

enum { MG_DELAY_BLOCK = 8, MG_DELAY_PAD = 16 };

/* g and g' at x[0] ... x[n - 1]; `data` are its parameters. A user's compiled function has the same form.
   `dg` is NULL where no derivative is wanted (never for the functions of this project). */
typedef void (*mg_delay_function)(ptrdiff_t n, const double *x, double *g, double *dg, void *data);

enum {
    MG_DELAY_MACKEY_GLASS,       /* a, c:     a x / (1 + x^c), c a positive integer */
    MG_DELAY_MACKEY_GLASS_REAL,  /* a, c:     the same by pow for any c; not a number where x < 0 */
    MG_DELAY_SINE,               /* a, phase: a sin(x - phase) */
    MG_DELAY_RICKER,             /* a, c:     a x e^(-c x) */
    MG_DELAY_EXPONENTIAL,        /* a, c, d:  d + a e^(-c x) */
    MG_DELAY_FUNCTIONS
};

struct mg_delay_weights {
    double hermite[3][8]; /* for the first step, those between, the last step: 4 weights of G, then 4 of dG/dt */
    double values[7][8];  /* for the first three steps, those between, the last three: 8 weights of G */
    double growth[MG_DELAY_BLOCK + 1]; /* e^(-k b h) - 1 */
};

struct mg_delay_kernels {
    mg_delay_function functions[MG_DELAY_FUNCTIONS];
    void (*hermite)(ptrdiff_t n, const struct mg_delay_weights *w, const double *g, const double *dg, double *q);
    void (*values)(ptrdiff_t n, const struct mg_delay_weights *w, const double *g, double *q);
    /* x[1] ... x[n] from x[0], and x'[0] ... x'[n]. */
    void (*scan)(ptrdiff_t n, const struct mg_delay_weights *w, double b, const double *q, const double *g, double *x,
                 double *slope);
    void (*scale)(ptrdiff_t n, const double *factor, double *y);
    void (*make_weights)(double h, double b, struct mg_delay_weights *w); /* the same function for every set */
};

/* The weights for steps of h and the decay b. */
void mg_delay_make_weights(double h, double b, struct mg_delay_weights *w);

#endif
