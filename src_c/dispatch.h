/* Which instruction sets were compiled, which of them this processor runs, and which one is in use. */
#ifndef MG_DISPATCH_H
#define MG_DISPATCH_H

#include "sets.h"

#define MG_FORWARD(family, isa) struct mg_##family##_kernels;
MG_FAMILIES(MG_FORWARD, MG_FORWARD, any)

/* What a set's header says about it. */
struct mg_traits {
    int vector_bytes;
    const char *narrower;            /* the set that does better where half the lanes would be empty, or NULL */
};

/* One instruction set: its name and the tables of its kernels, two for float32 and float64, or one for float64. */
#define MG_TWO_TABLES(family, isa) const struct mg_##family##_kernels *family[2];
#define MG_ONE_TABLE(family, isa) const struct mg_##family##_kernels *family;
struct mg_isa {
    const char *name;
    const struct mg_traits *traits;
    const struct mg_isa *narrower;   /* that of the traits if this processor can run it, else NULL */
    MG_FAMILIES(MG_TWO_TABLES, MG_ONE_TABLE, any)
};

/* The sets that this processor can run, best last; entry `count` has a NULL name. */
const struct mg_isa *mg_isa_available(int *count);

/* The set in use: the best one, until mg_isa_select chooses another. */
const struct mg_isa *mg_isa_active(void);

/* Chooses a set by name; 0, or -1 if it is unknown or this processor lacks it. */
int mg_isa_select(const char *name);

/* The compiler's name and version. */
const char *mg_compiler(void);

#endif
