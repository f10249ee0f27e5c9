/* One step of each optimizer, with every feature on, against the formulas of src_c/optimizer.h number by number. */
#include "optimizer.h"

#include <math.h>
#include <string.h>

#include "check.h"

enum { SIZE = 37, FROM = 3, TO = 36 };

struct arrays {
    double p[SIZE], g[SIZE], a[SIZE], b[SIZE], c[SIZE];
};

static void fill_all(struct arrays *x, int wide) {
    fill(x->p, wide, SIZE);
    fill(x->g, wide, SIZE);
    fill(x->a, wide, SIZE);
    fill(x->b, wide, SIZE);
    fill(x->c, wide, SIZE);
    for (ptrdiff_t i = 0; i < SIZE; i++) {           /* second moments are positive */
        put(x->b, wide, i, 0.5 + 0.25 * get(x->b, wide, i));
        put(x->c, wide, i, 0.5 + 0.25 * get(x->c, wide, i));
    }
}

static void check_step(const struct arrays *x, const struct arrays *old, int wide, ptrdiff_t i, double p) {
    const int inside = FROM <= i && i < TO;
    CHECK(inside ? close_to(get(x->p, wide, i), p, wide ? 1e-14 : 1e-6) : get(x->p, wide, i) == get(old->p, wide, i));
}

void test_optimizer(const struct mg_isa *isa) {
    for (int wide = 0; wide < 2; wide++) {
        const struct mg_optimizer_kernels *k = isa->optimizer[wide];
        struct arrays x, old;
        struct mg_optimizer_state state = {x.p, x.g, x.a, x.b, x.c};
#define OLD(array) get(old.array, wide, i)

        fill_all(&x, wide);
        old = x;
        k->sgd(&state, FROM, TO, 0.125, 0.75, 1, 0.5);
        for (ptrdiff_t i = 0; i < SIZE; i++) {
            const double velocity = 0.75 * OLD(a) - 0.125 * OLD(g);
            check_step(&x, &old, wide, i, 0.5 * OLD(p) + 0.75 * velocity - 0.125 * OLD(g));
        }

        fill_all(&x, wide);
        old = x;
        k->adam(&state, FROM, TO, 0.125, 0.875, 0.75, 1e-3, 0.5);
        for (ptrdiff_t i = 0; i < SIZE; i++) {
            const double m = OLD(a) + 0.125 * (OLD(g) - OLD(a)), v = OLD(b) + 0.25 * (OLD(g) * OLD(g) - OLD(b));
            const double largest = v > OLD(c) ? v : OLD(c);
            check_step(&x, &old, wide, i, 0.5 * OLD(p) - 0.125 * m / (sqrt(largest) + 1e-3));
        }

        fill_all(&x, wide);
        for (ptrdiff_t i = 0; i < SIZE; i++) {       /* mean square, momentum, mean */
            put(x.a, wide, i, 2 + get(x.a, wide, i));
            put(x.c, wide, i, get(x.c, wide, i) - 0.5);
        }
        old = x;
        k->rmsprop(&state, FROM, TO, 0.125, 0.75, 0.5, 1e-3, 0.5);
        for (ptrdiff_t i = 0; i < SIZE; i++) {
            const double square = 0.75 * OLD(a) + 0.25 * OLD(g) * OLD(g), mean = 0.75 * OLD(c) + 0.25 * OLD(g);
            const double step = 0.125 * OLD(g) / sqrt(square - mean * mean + 1e-3);
            check_step(&x, &old, wide, i, 0.5 * OLD(p) - (0.5 * OLD(b) + step));
        }
#undef OLD
    }
}
