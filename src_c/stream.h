/* Traffic with memory: stores past the caches, and reads ahead of use. */
#ifndef MG_STREAM_H
#define MG_STREAM_H

#include <stddef.h>

/* Copies rows of `bytes`, one behind the other, to where they lie `step` apart. All are multiples of 16, and so are the
   addresses. Lines that are written whole need not be read from memory first, and do not drive others from the caches.
   Where a processor has no such stores, this is a plain copy. */
void mg_stream_rows(char *to, ptrdiff_t step, const char *from, ptrdiff_t rows, ptrdiff_t bytes);

/* Reads a byte of each line of rows of `bytes`, `step` apart. Processors foresee reads in order and have many lines on
   their way, but not those of tiles, which come from many rows at once. */
void mg_touch_rows(const char *from, ptrdiff_t step, ptrdiff_t rows, ptrdiff_t bytes);

#endif
