/* Defines the table MG_TABLE of the kernels for one type; the file that includes this one says which, and which are its own. */
#include "plain.h"

#define MG_DEFINE(name)                                                                                  \
    static void run_##name(const int *s, const void *x, const void *a, const void *b, void *y) {         \
        name(s, (const real *)x, (const real *)a, (const total *)b, (real *)y);                          \
    }
#define MG_ENTRY(name) {#name, run_##name},

MG_PLAIN_WINDOWS(MG_DEFINE)
MG_OWN(MG_DEFINE)

const struct mg_plain MG_TABLE[] = {MG_PLAIN_WINDOWS(MG_ENTRY) MG_OWN(MG_ENTRY) {0, 0}};
