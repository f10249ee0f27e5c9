#include "stream.h"

#if defined(__x86_64__) || defined(_M_X64)
#include <immintrin.h>

/* Other threads see these stores after any locked instruction, as the pool's are that end a task. */
void mg_stream_rows(char *to, ptrdiff_t step, const char *from, ptrdiff_t rows, ptrdiff_t bytes) {
    for (; rows > 0; rows--, to += step, from += bytes)
        for (ptrdiff_t i = 0; i < bytes; i += 16)
            _mm_stream_si128((__m128i *)(to + i), _mm_load_si128((const __m128i *)(from + i)));
}
#else
#include <string.h>

void mg_stream_rows(char *to, ptrdiff_t step, const char *from, ptrdiff_t rows, ptrdiff_t bytes) {
    for (; rows > 0; rows--, to += step, from += bytes) memcpy(to, from, (size_t)bytes);
}
#endif

void mg_touch_rows(const char *from, ptrdiff_t step, ptrdiff_t rows, ptrdiff_t bytes) {
    for (; rows > 0; rows--, from += step)
        for (ptrdiff_t i = 0; i < bytes; i += 64) (void)*(const volatile char *)(from + i);
}
