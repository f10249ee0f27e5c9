/* Stores past the caches. */
#ifndef MG_STREAM_H
#define MG_STREAM_H

#include <stddef.h>

/* Copies rows of `bytes`, one behind the other, to where they lie `step` apart. All are multiples of 16, and so are the
   addresses. Lines that are written whole need not be read from memory first, and do not drive others from the caches.
   Where a processor has no such stores, this is a plain copy. */
void mg_stream_rows(char *to, ptrdiff_t step, const char *from, ptrdiff_t rows, ptrdiff_t bytes);

#endif
