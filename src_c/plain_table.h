/* Defines the table MG_TABLE of the kernels for one type; the file that includes this one says which. */
#include "../mgconv/plain/kernels.h"
#include "plain.h"

#define MG_DEFINE(name)                                                                                  \
    static void run_##name(const int *s, const void *x, const void *a, const void *b, void *y) {         \
        name(s, (const real *)x, (const real *)a, (const real *)b, (real *)y);                           \
    }
#define MG_ENTRY(name) {#name, run_##name},

MG_PLAIN_KERNELS(MG_DEFINE)

const struct mg_plain MG_TABLE[] = {MG_PLAIN_KERNELS(MG_ENTRY) {0, 0}};
