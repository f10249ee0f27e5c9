/* Weights of the integrals over one step, w_j = h * integral over u in [-1/2, 1/2] of e^(-z (1/2 - u)) p_j(u) du with
   z = b h and p_j the basis polynomials of the stencil; u is 0 in the middle of the step, whose ends are two nodes. */
#include "delay.h"

#include <math.h>

enum { DEGREE = 7, COEFFICIENTS = DEGREE + 1 };

/* e^y by its series where all terms have one sign. */
static double exp_series(double y) {
    double magnitude = fabs(y), term = 1.0, sum = 1.0;
    for (int j = 1; term > 1e-20 * sum; j++) {
        term *= magnitude / j;
        sum += term;
    }
    return y < 0 ? 1.0 / sum : sum;
}

/* The moments: integral of u^k e^(-z (1/2 - u)) = e^(-z/2) * sum of z^j / j! (1/2)^(k + j) / (k + j + 1) over the j with
   k + j even. All terms have one sign, so nothing cancels for any z; the well-known recursion from k to k + 1 divides
   by z and loses all digits where z is small. */
static void make_moments(double z, double *moments) {
    double scale = exp_series(-0.5 * z);
    for (int k = 0; k < COEFFICIENTS; k++) {
        double power = 1.0, sum = 0.0, last = 1.0;
        for (int i = 0; i < k; i++) power *= 0.5;
        for (int j = 0; j < 4 || fabs(last) > 1e-20 * fabs(sum); j++) {
            if ((k + j) % 2 == 0) {
                last = power / (k + j + 1);
                sum += last;
            }
            power *= 0.5 * z / (j + 1);
        }
        moments[k] = scale * sum;
    }
}

/* p(u) *= u - root */
static void multiply(double *p, int degree, double root) {
    p[degree + 1] = 0.0;
    for (int i = degree + 1; i > 0; i--) p[i] = p[i - 1] - root * p[i];
    p[0] = -root * p[0];
}

static double integrate(const double *p, const double *moments) {
    double sum = 0.0;
    for (int k = DEGREE; k >= 0; k--) sum += p[k] * moments[k];
    return sum;
}

/* Weights of the values at 8 nodes, the first of them `before` steps before the step. */
static void make_values(int before, double h, const double *moments, double *w) {
    for (int j = 0; j < 8; j++) {
        double p[COEFFICIENTS + 1] = {1.0}, denominator = 1.0;
        for (int i = 0, degree = 0; i < 8; i++)
            if (i != j) {
                multiply(p, degree++, i - before - 0.5);
                denominator *= j - i;
            }
        w[j] = h * (integrate(p, moments) / denominator);
    }
}

/* Weights of the values and of the derivatives at 4 nodes. With l the Lagrange polynomial of node j the basis is
   (u - u_j) l^2 for the derivative and l^2 - 2 l'(u_j) (u - u_j) l^2 for the value. */
static void make_hermite(int before, double h, const double *moments, double *w) {
    for (int j = 0; j < 4; j++) {
        double square[COEFFICIENTS + 1] = {1.0}, denominator = 1.0, slope = 0.0;
        for (int i = 0, degree = 0; i < 4; i++)
            if (i != j) {
                multiply(square, degree++, i - before - 0.5);
                multiply(square, degree++, i - before - 0.5);
                denominator *= (double)((j - i) * (j - i));
                slope += 1.0 / (j - i);
            }
        double value = integrate(square, moments);
        multiply(square, 6, j - before - 0.5);
        double derivative = integrate(square, moments);
        w[j] = h * ((value - 2.0 * slope * derivative) / denominator);
        w[4 + j] = h * h * (derivative / denominator);
    }
}

void mg_delay_make_weights(double h, double b, struct mg_delay_weights *w) {
    double moments[COEFFICIENTS];
    make_moments(b * h, moments);
    for (int i = 0; i < 3; i++) make_hermite(i, h, moments, w->hermite[i]);
    for (int i = 0; i < 7; i++) make_values(i, h, moments, w->values[i]);
    w->growth[0] = 0.0;
    w->growth[1] = -(b * h) * moments[0];
    for (int k = 2; k <= MG_DELAY_BLOCK; k++)
        w->growth[k] = w->growth[k - 1] + w->growth[1] + w->growth[k - 1] * w->growth[1];
}
