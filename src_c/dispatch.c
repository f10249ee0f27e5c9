#include "dispatch.h"

#include <string.h>

#include "compat.h"

#define DECLARE_BOTH(family, isa)                                         \
    extern const struct mg_##family##_kernels family##_kernels_f32_##isa; \
    extern const struct mg_##family##_kernels family##_kernels_f64_##isa;
#define DECLARE_WIDE(family, isa) extern const struct mg_##family##_kernels family##_kernels_f64_##isa;
#define DECLARE(name, isa, needs)              \
    extern const struct mg_traits traits_##isa; \
    MG_FAMILIES(DECLARE_BOTH, DECLARE_WIDE, isa)
MG_SETS(DECLARE)

#define BOTH(family, isa) .family = {&family##_kernels_f32_##isa, &family##_kernels_f64_##isa},
#define WIDE(family, isa) .family = &family##_kernels_f64_##isa,
#define SET(name_, isa, needs) {needs, {.name = #name_, .traits = &traits_##isa, MG_FAMILIES(BOTH, WIDE, isa)}},

static const struct { unsigned needs; struct mg_isa set; } compiled[] = {MG_SETS(SET)};
enum { COMPILED = sizeof compiled / sizeof *compiled };

static struct mg_isa available[COMPILED + 1];
static int count_available, active = -1;

static int find(const char *name) {
    for (int i = 0; i < count_available; i++)
        if (name && strcmp(available[i].name, name) == 0) return i;
    return -1;
}

const struct mg_isa *mg_isa_available(int *count) {
    if (active < 0) {
        const unsigned features = mg_cpu().features;
        for (int i = 0; i < COMPILED; i++) {
            if ((compiled[i].needs & features) != compiled[i].needs) continue;
            const int narrower = find(compiled[i].set.traits->narrower);
            available[count_available] = compiled[i].set;
            available[count_available++].narrower = narrower < 0 ? NULL : &available[narrower];
        }
        active = count_available - 1;
    }
    *count = count_available;
    return available;
}

const struct mg_isa *mg_isa_active(void) {
    int count;
    const struct mg_isa *sets = mg_isa_available(&count);
    return &sets[active];
}

int mg_isa_select(const char *name) {
    int count;
    mg_isa_available(&count);
    const int found = find(name);
    if (found < 0) return -1;
    active = found;
    return 0;
}

#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)

const char *mg_compiler(void) {
#if defined(__clang__)
    return "Clang " __clang_version__;
#elif defined(__GNUC__)
    return "GCC " __VERSION__;
#elif defined(_MSC_VER)
    return "MSVC " TEXT(_MSC_VER);
#else
    return "unknown";
#endif
}
