/* Arrays hold whole numbers of 8 bits: q stands for the real number (q - zero) step, with a zero and a step for each
   array; weights have a step for each filter, and no zero. Sums are whole numbers of 32 bits. Behind a layer's other
   sizes stand the zeros of x, s[15], and of y, s[16]; behind the biases in b a factor and a shift for each filter. */
typedef signed char real;
typedef int total;
#define ENTRY(x, s) ((x) - (s)[15])
#define RESULT(sum, s, b, f, n) shifted((long long)(sum) * (b)[(n) + (f)], (b)[2 * (n) + (f)], (s)[16])
#define MEAN(sum, count, s) divided((long long)(sum) * (s)[17], (long long)(count) << (s)[18], (s)[16])
#define FILL(s) (real)(s)[15]
#define MOST 128
