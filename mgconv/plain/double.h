#include <float.h>
#include <math.h>

typedef double real;
#define R(number) number
#define TERMS 15                    /* of sums that give exp and log */
#define FAR_EXPONENT 760            /* exp of it leaves the type */
#define INFINITE HUGE_VAL
#define LARGEST DBL_MAX
#define LDEXP ldexp
#define FREXP frexp
#define SQRT sqrt
