"""Runs programs of the plain kernels (mgconv/plain/*.h) over batches."""
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy

from mgconv.native.buffers cimport bytes_of

cdef extern from "plain.h":
    ctypedef void (*mg_plain_kernel)(const int *s, const void *x, const void *a, const void *b, void *y) noexcept nogil

    mg_plain_kernel mg_plain_find(const char *name, int bytes) nogil


cdef enum:
    INPUT = -1
    OUTPUT = -2
    NONE = -3


cdef struct Step:
    mg_plain_kernel run
    const int *sizes
    Py_ssize_t x, y, a_place          # places in the memory, in bytes, or INPUT, OUTPUT; a_place NONE: see `a`
    const char *a
    const char *b


cdef class PlainProgram:
    """Steps over one block of memory, which begins as `start`, run for one sample after the other.

    `steps` are (kernel, sizes, place of x, a, b, place of y): sizes are an int32 array; places are in bytes, or -1 for
    the program's input and -2 for its output; a is an array, None, or the place of a second input; b an array or None.
    Numbers have `item` bytes: 1, 4 or 8. A call with x and y, both (batch, ...), C-contiguous and of the program's
    type, fills y; the memory lasts from sample to sample. The kernel "wait" ends the work on the first sizes[0]
    samples, whose y are left as they are.
    """
    cdef Step *steps
    cdef const unsigned char[::1] start
    cdef Py_ssize_t count, x_bytes, y_bytes
    cdef tuple arrays                 # keeps the memory alive

    def __init__(self, steps, start, Py_ssize_t x_bytes, Py_ssize_t y_bytes, int item):
        cdef Step *step
        cdef const unsigned char[::1] view
        self.start = bytes_of(start)
        self.count, self.x_bytes, self.y_bytes = len(steps), x_bytes, y_bytes
        self.arrays = tuple(steps)
        free(self.steps)
        self.steps = <Step *>malloc(max(1, self.count) * sizeof(Step))
        if self.steps == NULL:
            raise MemoryError()
        for i, (kernel, sizes, x_place, a, b, y_place) in enumerate(steps):
            step = &self.steps[i]
            name = kernel.encode()
            step.run = mg_plain_find(name, item)
            if step.run == NULL and kernel != "wait":
                raise ValueError(f"no plain kernel is called {kernel!r}")
            view = bytes_of(sizes)
            step.sizes = <const int *>&view[0]
            step.x, step.y, step.a_place, step.a, step.b = x_place, y_place, NONE, NULL, NULL
            if isinstance(a, int):
                step.a_place = a
            elif a is not None:
                view = bytes_of(a)
                step.a = <const char *>&view[0]
            if b is not None:
                view = bytes_of(b)
                step.b = <const char *>&view[0]

    def __dealloc__(self):
        free(self.steps)

    def __call__(self, x, y):
        cdef const unsigned char[::1] x_bytes
        cdef unsigned char[::1] y_bytes
        cdef Py_ssize_t batch = len(x), i
        if not batch:
            return
        x_bytes, y_bytes = bytes_of(x), bytes_of(y)
        if x_bytes.shape[0] != batch * self.x_bytes or y_bytes.shape[0] != batch * self.y_bytes:
            raise ValueError(f"a sample takes {self.x_bytes} bytes and gives {self.y_bytes}. "
                             f"Received: {x_bytes.shape[0]} and {y_bytes.shape[0]} for {batch}.")
        cdef char *memory = <char *>malloc(max(1, self.start.shape[0]))
        if memory == NULL:
            raise MemoryError()
        if self.start.shape[0]:
            memcpy(memory, &self.start[0], self.start.shape[0])
        with nogil:
            for i in range(batch):
                run_one(self.steps, self.count, i, memory, &x_bytes[i * self.x_bytes], &y_bytes[i * self.y_bytes])
        free(memory)


cdef void run_one(const Step *steps, Py_ssize_t count, Py_ssize_t sample, char *memory, const void *x,
                  void *y) noexcept nogil:
    cdef Py_ssize_t i
    cdef const Step *step
    cdef const void *a
    for i in range(count):
        step = &steps[i]
        if step.run == NULL:
            if sample < step.sizes[0]:
                return
            continue
        a = step.a
        if step.a_place != NONE:
            a = at(step.a_place, memory, x, y)
        step.run(step.sizes, at(step.x, memory, x, y), a, step.b, at(step.y, memory, x, y))


cdef inline void *at(Py_ssize_t place, char *memory, const void *x, void *y) noexcept nogil:
    if place == INPUT:
        return <void *>x
    return y if place == OUTPUT else memory + place
