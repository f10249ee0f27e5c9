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

/* One step with the coefficients that follow `keep`. */
static void run(const struct mg_isa *isa, int wide, const char *name, struct arrays *x, const double *coefficients) {
    void *arrays[] = {x->p, x->g, x->a, x->b, x->c};
    const struct mg_optimizer_kernel *kernel = isa->optimizer[wide]->list;
    while (strcmp(kernel->name, name) != 0) kernel++;
    kernel->step(arrays, coefficients, FROM, TO);
}

void test_optimizer(const struct mg_isa *isa) {
    for (int wide = 0; wide < 2; wide++) {
        struct arrays x, old;
#define OLD(array) get(old.array, wide, i)

        fill_all(&x, wide);
        old = x;
        run(isa, wide, "sgd", &x, (const double[]){0.5, 0.125, 0.75, 1});
        for (ptrdiff_t i = 0; i < SIZE; i++) {
            const double velocity = 0.75 * OLD(a) - 0.125 * OLD(g);
            check_step(&x, &old, wide, i, 0.5 * OLD(p) + 0.75 * velocity - 0.125 * OLD(g));
        }

        fill_all(&x, wide);
        old = x;
        run(isa, wide, "adam", &x, (const double[]){0.5, 0.125, 0.875, 0.75, 1e-3});
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
        run(isa, wide, "rmsprop", &x, (const double[]){0.5, 0.125, 0.75, 0.5, 1e-3});
        for (ptrdiff_t i = 0; i < SIZE; i++) {
            const double square = 0.75 * OLD(a) + 0.25 * OLD(g) * OLD(g), mean = 0.75 * OLD(c) + 0.25 * OLD(g);
            const double step = 0.125 * OLD(g) / sqrt(square - mean * mean + 1e-3);
            check_step(&x, &old, wide, i, 0.5 * OLD(p) - (0.5 * OLD(b) + step));
        }

        fill_all(&x, wide);
        for (ptrdiff_t i = 0; i < SIZE; i++) put(x.a, wide, i, 2 + get(x.a, wide, i));
        old = x;
        run(isa, wide, "adagrad", &x, (const double[]){0.5, 0.125, 1e-3});
        for (ptrdiff_t i = 0; i < SIZE; i++)
            check_step(&x, &old, wide, i, 0.5 * OLD(p) - 0.125 * OLD(g) / sqrt(OLD(a) + OLD(g) * OLD(g) + 1e-3));

        fill_all(&x, wide);
        for (ptrdiff_t i = 0; i < SIZE; i++) put(x.a, wide, i, 2 + get(x.a, wide, i));
        old = x;
        run(isa, wide, "adadelta", &x, (const double[]){0.5, 0.125, 0.75, 1e-3});
        for (ptrdiff_t i = 0; i < SIZE; i++) {
            const double square = 0.75 * OLD(a) + 0.25 * OLD(g) * OLD(g);
            const double step = sqrt(OLD(b) + 1e-3) * OLD(g) / sqrt(square + 1e-3);
            check_step(&x, &old, wide, i, 0.5 * OLD(p) - 0.125 * step);
            if (FROM <= i && i < TO)
                CHECK(close_to(get(x.b, wide, i), 0.75 * OLD(b) + 0.25 * step * step, wide ? 1e-14 : 1e-6));
        }

        fill_all(&x, wide);
        old = x;
        run(isa, wide, "adamax", &x, (const double[]){0.5, 0.125, 0.875, 0.75, 1e-3});
        for (ptrdiff_t i = 0; i < SIZE; i++) {
            const double m = OLD(a) + 0.125 * (OLD(g) - OLD(a)), u = fmax(0.75 * OLD(b), fabs(OLD(g)));
            check_step(&x, &old, wide, i, 0.5 * OLD(p) - 0.125 * m / (u + 1e-3));
        }

        fill_all(&x, wide);
        old = x;
        run(isa, wide, "nadam", &x, (const double[]){0.5, 0.125, 0.875, 0.75, 1e-3, 0.25, 2});
        for (ptrdiff_t i = 0; i < SIZE; i++) {
            const double m = OLD(a) + 0.125 * (OLD(g) - OLD(a)), v = OLD(b) + 0.25 * (OLD(g) * OLD(g) - OLD(b));
            check_step(&x, &old, wide, i, 0.5 * OLD(p) - (0.125 * m + 0.25 * OLD(g)) / (sqrt(2 * v) + 1e-3));
        }

        fill_all(&x, wide);
        put(x.a, wide, FROM, 0);
        put(x.g, wide, FROM, 0);
        old = x;
        run(isa, wide, "lion", &x, (const double[]){0.5, 0.125, 0.875, 0.75});
        for (ptrdiff_t i = 0; i < SIZE; i++) {
            const double way = 0.875 * OLD(a) + 0.125 * OLD(g);
            check_step(&x, &old, wide, i, 0.5 * OLD(p) - 0.125 * ((way > 0) - (way < 0)));
            if (FROM <= i && i < TO)
                CHECK(close_to(get(x.a, wide, i), 0.75 * OLD(a) + 0.25 * OLD(g), wide ? 1e-14 : 1e-6));
        }
        fill_all(&x, wide);
        put(x.g, wide, FROM, NAN);
        run(isa, wide, "lion", &x, (const double[]){0.5, 0.125, 0.875, 0.75});
        CHECK(isnan(get(x.p, wide, FROM)) && !isnan(get(x.p, wide, FROM + 1)));
#undef OLD
    }
}
