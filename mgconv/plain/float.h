#include <float.h>
#include <math.h>

typedef float real, total;
#define R(number) number##f
#define TERMS 7                     /* of sums that give exp and log */
#define FAR_EXPONENT 110            /* exp of it leaves the type */
#define INFINITE HUGE_VALF
#define LARGEST FLT_MAX
#define LDEXP ldexpf
#define FREXP frexpf
#define SQRT sqrtf
#define ENTRY(x, s) (x)
#define RESULT(sum, s, b, f, n) (sum)
#define MEAN(sum, count, s) ((sum) / (real)(count))
#define FILL(s) 0
#define MOST INFINITE
