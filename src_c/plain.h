/* The kernels of mgconv/plain by their names, for `precision="plain"` and "int8". */
#ifndef MG_PLAIN_H
#define MG_PLAIN_H

#include <string.h>

#define MG_PLAIN_WINDOWS(X)                                                                                        \
    X(conv) X(depthwise) X(conv_transposed) X(max_pool) X(average_pool) X(place) X(repeat) X(permute) X(join)      \
    X(advance)

#define MG_PLAIN_KERNELS(X)                                                                                        \
    X(add) X(scale) X(standardize) X(softmax) X(log_softmax) X(relu) X(prelu) X(elu) X(ramp) X(hard_silu)          \
    X(sigmoid) X(log_sigmoid) X(tanh_of) X(exp_of) X(softplus) X(softsign) X(silu) X(mish) X(gelu) X(gelu_tanh)

#define MG_PLAIN_INT8(X) X(lookup) X(add) X(prelu) X(softmax) X(standardize)

typedef void (*mg_plain_kernel)(const int *s, const void *x, const void *a, const void *b, void *y);

struct mg_plain {
    const char *name;
    mg_plain_kernel run;
};

extern const struct mg_plain mg_plain_i8[], mg_plain_f32[], mg_plain_f64[];      /* the last entry has no name */

/* The kernel of that name for numbers of so many bytes, or NULL. */
static inline mg_plain_kernel mg_plain_find(const char *name, int bytes) {
    const struct mg_plain *entry = bytes == 8 ? mg_plain_f64 : bytes == 4 ? mg_plain_f32 : mg_plain_i8;
    while (entry->name && strcmp(entry->name, name)) entry++;
    return entry->run;
}

#endif
