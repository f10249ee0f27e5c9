/* The Mackey-Glass series by the kernels of the delay integrator, against values certified to 31 digits; and the bits
   of every kernel, which no instruction set and no platform may change. */
#include "delay.h"

#include <math.h>
#include <string.h>

#include "check.h"

enum { NODES = 480, PITCH = NODES + 2 * MG_DELAY_PAD };

/* x(t) at t = 30, 60, ..., 990 by `hermite`, or by `values`. */
static void integrate(const struct mg_delay_kernels *k, int hermite, double *ends, double *last) {
    static double memory[5][PITCH];
    double *x = memory[0] + MG_DELAY_PAD, *g = memory[1] + MG_DELAY_PAD, *dg = memory[2] + MG_DELAY_PAD;
    double *slope = memory[3] + MG_DELAY_PAD, *q = memory[4] + MG_DELAY_PAD;
    double parameters[2] = {0.2, 10.0};
    const double b = 0.1;
    struct mg_delay_weights w;
    memset(memory, 0, sizeof memory);
    k->make_weights(30.0 / NODES, b, &w);
    for (int i = 0; i <= NODES; i++) x[i] = 1.2;
    k->functions[MG_DELAY_MACKEY_GLASS](NODES + 1, x, g, dg, parameters);
    for (int interval = 0; interval < 33; interval++) {
        k->scale(NODES + 1, slope, dg);
        if (hermite) k->hermite(NODES, &w, g, dg, q);
        else k->values(NODES, &w, g, q);
        x[0] = x[interval ? NODES : 0];
        k->scan(NODES, &w, b, q, g, x, slope);
        ends[interval] = x[NODES];
        k->functions[MG_DELAY_MACKEY_GLASS](NODES + 1, x, g, dg, parameters);
    }
    memcpy(last, x, (NODES + 1) * sizeof *x);
}

static void check_functions(const struct mg_delay_kernels *k) {
    double x[NODES], g[NODES], dg[NODES];
    double parameters[3] = {0.7, 3.0, 0.4};
    for (int i = 0; i < NODES; i++) x[i] = 0.01 * (i + 1);
    for (int f = 0; f < MG_DELAY_FUNCTIONS; f++) {
        static const char *const names[][2] = {{"mackey_glass", "mackey_glass'"}, {"", ""}, {"sine", "sine'"},
                                               {"ricker", "ricker'"}, {"exponential", "exponential'"}};
        const double a = parameters[0], c = parameters[1], d = parameters[2];
        k->functions[f](NODES, x, g, dg, parameters);
        for (int i = 0; i < NODES; i++) {
            const double power = pow(x[i], c), e = exp(-c * x[i]);
            const double expected = f == MG_DELAY_SINE     ? a * sin(x[i] - c)
                                    : f == MG_DELAY_RICKER ? a * x[i] * e
                                    : f == MG_DELAY_EXPONENTIAL ? d + a * e
                                                                : a * x[i] / (1 + power);
            CHECK(close_to(g[i], expected, 1e-14));
        }
        if (f != MG_DELAY_MACKEY_GLASS_REAL) {       /* which takes the C library's pow */
            print_bits(names[f][0], g, sizeof g);
            print_bits(names[f][1], dg, sizeof dg);
        }
    }
}

void test_delay(const struct mg_isa *isa) {
    double ends[33], last[NODES + 1];
    for (int hermite = 1; hermite >= 0; hermite--) {
        integrate(isa->delay, hermite, ends, last);
        CHECK(close_to(ends[0], 0.376846069470871850808756712779656417, 1e-13));
        CHECK(close_to(ends[1], 0.873170732220255835953123318550201728, 1e-12));
        CHECK(close_to(ends[9], 1.22126401811884728371284953144981438, 1e-10));
        print_bits(hermite ? "series by hermite" : "series by values", last, sizeof last);
    }
    check_functions(isa->delay);
}
