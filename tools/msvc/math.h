#pragma once
float sqrtf(float x);
float fabsf(float x);
double sqrt(double x);
double fabs(double x);
double floor(double x);
double ceil(double x);
double exp(double x);
double expm1(double x);
double log(double x);
double log1p(double x);
double pow(double x, double y);
double sin(double x);
double cos(double x);
double tanh(double x);
int isnan(double x);
int isfinite(double x);
#define INFINITY ((float)1e300)
#define NAN (INFINITY * 0.0F)
#define HUGE_VALF INFINITY
#define HUGE_VAL ((double)INFINITY)
float ldexpf(float x, int n);
float frexpf(float x, int *n);
double ldexp(double x, int n);
double frexp(double x, int *n);
