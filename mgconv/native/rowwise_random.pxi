# Which numbers dropout keeps, drawn by all threads at once; part of rowwise.pyx.

cdef struct Draw:
    runtime.mg_pcg64 start
    runtime.uint64_t least
    runtime.uint32_t *kept
    Py_ssize_t pairs


cdef void draw_task(void *context, Py_ssize_t index) noexcept nogil:
    cdef Draw *d = <Draw *>context
    cdef runtime.mg_pcg64 generator = d.start
    runtime.pcg64_advance(&generator, index * PAIRS)
    runtime.pcg64_chances(&generator, d.least, d.kept + 2 * index * PAIRS, min(PAIRS, d.pairs - index * PAIRS))


def draw(generator, double rate, out):
    """out <- generator.random(out.shape, "float32") >= rate, as 0.0 and 1.0, and the generator is where that leaves it.

    `out` is C-contiguous, of dtype float32. All threads draw from NumPy's default generator at once.
    """
    cdef Draw d
    cdef Py_ssize_t size = out.size
    cdef int before, left
    cdef runtime.uint64_t bits
    source = generator.bit_generator
    with source.lock:
        whole = source.state
        if whole["bit_generator"] == "PCG64" and size:
            state, inc = whole["state"]["state"], whole["state"]["inc"]
            d.start.state[0], d.start.state[1] = state & LOWER, state >> 64
            d.start.inc[0], d.start.inc[1] = inc & LOWER, inc >> 64
            # NumPy's number is the upper 24 of 32 bits, over 2^24; it compares with the float32 next to the rate
            d.least = <runtime.uint64_t>ceil(<double><float>rate * 16777216) << 8
            d.kept = <runtime.uint32_t *>address(out)
            before = whole["has_uint32"]            # half of a step was left over
            if before:
                d.kept[0] = ONE if <runtime.uint64_t>whole["uinteger"] >= d.least else 0
            d.kept, d.pairs, left = d.kept + before, (size - before) // 2, (size - before) % 2
            runtime.parallel_for(draw_task, &d, (d.pairs + PAIRS - 1) // PAIRS, 1e-9 * d.pairs)
            runtime.check_memory(True)
            if d.pairs:
                runtime.pcg64_advance(&d.start, d.pairs - 1)
                whole["uinteger"] = runtime.pcg64_next(&d.start) >> 32
            if left:
                bits = runtime.pcg64_next(&d.start)
                d.kept[2 * d.pairs] = ONE if (bits & 0xffffffff) >= d.least else 0
                whole["uinteger"] = bits >> 32
            whole["has_uint32"] = left
            whole["state"]["state"] = <object>d.start.state[1] << 64 | d.start.state[0]
            source.state = whole
            return
    out[...] = generator.random(out.shape, "f4") >= <float>rate
