/* The kernels of mgconv/plain/kernels.h by their names, for `precision="plain"`. */
#ifndef MG_PLAIN_H
#define MG_PLAIN_H

#include <string.h>

#define MG_PLAIN_KERNELS(X)                                                                                        \
    X(conv) X(depthwise) X(conv_transposed) X(max_pool) X(average_pool) X(place) X(repeat) X(permute) X(join)      \
    X(advance)                                                                                                     \
    X(add) X(scale) X(standardize) X(softmax) X(log_softmax) X(relu) X(prelu) X(elu) X(ramp) X(hard_silu)          \
    X(sigmoid) X(log_sigmoid) X(tanh_of) X(exp_of) X(softplus) X(softsign) X(silu) X(mish) X(gelu) X(gelu_tanh)

typedef void (*mg_plain_kernel)(const int *s, const void *x, const void *a, const void *b, void *y);

struct mg_plain {
    const char *name;
    mg_plain_kernel run;
};

extern const struct mg_plain mg_plain_f32[], mg_plain_f64[];      /* the last entry has no name */

/* The kernel of that name, or NULL. */
static inline mg_plain_kernel mg_plain_find(const char *name, int wide) {
    const struct mg_plain *entry = wide ? mg_plain_f64 : mg_plain_f32;
    while (entry->name && strcmp(entry->name, name)) entry++;
    return entry->run;
}

#endif
