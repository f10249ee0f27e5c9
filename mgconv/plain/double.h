#include <float.h>
#include <math.h>

typedef double real, total;
#define R(number) number
#define TERMS 15                    /* of sums that give exp and log */
#define FAR_EXPONENT 760            /* exp of it leaves the type */
#define INFINITE HUGE_VAL
#define LARGEST DBL_MAX
#define LDEXP ldexp
#define FREXP frexp
#define SQRT sqrt
#define ENTRY(x, s) (x)
#define RESULT(sum, s, b, f, n) (sum)
#define MEAN(sum, count, s) ((sum) / (real)(count))
#define FILL(s) 0
#define MOST INFINITE
