#include "threads.h"

#include <stdlib.h>

#include "compat.h"

static int num_threads = 1;

int mg_get_num_threads(void) { return num_threads; }
void mg_set_num_threads(int threads) { num_threads = threads; }

void mg_parallel_for(mg_task task, void *context, ptrdiff_t count, double seconds) {
    (void)seconds;
    for (ptrdiff_t i = 0; i < count; i++) task(context, i);
}

static MG_THREAD_LOCAL struct {
    void *memory;
    size_t bytes;
} scratch[MG_SCRATCH_SLOTS];

void *mg_scratch(int slot, size_t bytes) {
    if (bytes > scratch[slot].bytes) {
        free(scratch[slot].memory);
        scratch[slot].memory = malloc(bytes + 64);
        scratch[slot].bytes = scratch[slot].memory ? bytes : 0;
    }
    return scratch[slot].memory ? (void *)(((uintptr_t)scratch[slot].memory + 63) & ~(uintptr_t)63) : NULL;
}
