"""Sizes in cache lines; and how far away an array lies that has just been used: in a core's own caches, in one that
cores share, or in none."""

cdef enum:
    LINE = 64                         # bytes of a cache line
    STREAM_BYTES = 8192               # what is written past the caches is gathered first, so many bytes at a time
    CROWDED = 256                     # lines so many bytes apart share a quarter of the first-level cache's sets

# By an array's bytes. Each kind of traffic with memory repays from one of these on.
cdef enum Reach:
    CACHED
    PAST_OWN                          # a second-level cache does not hold it: ask for lines before they are needed,
    READ_AHEAD                        # read it in order before it is read in another one
    STREAMED                          # no cache has room for it beside others: results are written past them
    PAST_ALL                          # nor has the last one alone, which would foresee what is read next


cdef inline Reach reach_of(double bytes) noexcept nogil:
    if bytes < 2 << 20:
        return CACHED if bytes < 1 << 20 else PAST_OWN
    if bytes < 8 << 20:
        return READ_AHEAD
    return STREAMED if bytes < 14 << 20 else PAST_ALL


cdef inline Py_ssize_t ceil_div(Py_ssize_t a, Py_ssize_t b) noexcept nogil:
    return (a + b - 1) // b


cdef inline Py_ssize_t line_up(Py_ssize_t bytes) noexcept nogil:
    """Whole cache lines."""
    return (bytes + LINE - 1) & ~<Py_ssize_t>(LINE - 1)


cdef inline char *lined_up(char *memory) noexcept nogil:
    """The first place from there on where a cache line begins."""
    return memory + (-<Py_ssize_t>memory & (LINE - 1))


cdef inline bint crowded(Py_ssize_t step) noexcept nogil:
    return step % CROWDED == 0


cdef inline Py_ssize_t loose(Py_ssize_t size) noexcept nogil:
    """So many bytes, and an odd number of cache lines."""
    return (ceil_div(size, LINE) | 1) * LINE
