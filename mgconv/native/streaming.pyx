"""A causal model fed sample by sample: each layer's past in a ring, and one new column of its output at a time.

A `StreamProgram` is a list of steps on vectors that are bound once: `convolve` steps run in C, one after the other, any
others are calls without arguments. src_c/column.h has the formulas.
"""
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset

from mgconv.native cimport runtime
from mgconv.native.buffers cimport Shape, bytes_of, copy_plain, set_shape
from mgconv.native.caches cimport LINE, line_up, lined_up


cdef struct Ring:                     # one convolution: the last `length` columns of its input
    char *columns
    const char *x                     # its newest input
    Py_ssize_t length, at, bytes, dilation
    Py_ssize_t least, wait            # columns that must have come before there is an output; those still missing
    Py_ssize_t groups, group_x, group_kernel, group_y        # bytes from group to group
    void (*run)(const runtime.mg_column *c) noexcept nogil
    runtime.mg_column column


cdef class StreamConv:
    """One convolution of a stream: takes the vector `x` in, and writes activation(kernel * the past + bias) to `y`.

    The past is zero at first; there is no output before `wait` columns have come. `kernel` is (taps, channels of
    a group, filters), or (taps, channels, filters of a channel) if `channelwise`; all arrays are C-contiguous, of one
    dtype, float32 or float64, and must not change their place.
    """
    cdef Ring ring
    cdef tuple arrays                 # keeps them alive
    cdef char *memory                 # pointers to taps, the ring, a copy of the kernel

    def __init__(self, x, kernel, bias, y, Py_ssize_t dilation, Py_ssize_t groups, bint channelwise, bint relu,
                 Py_ssize_t wait):
        cdef Ring *r = &self.ring
        cdef const unsigned char[::1] x_bytes = bytes_of(x), kernel_bytes = bytes_of(kernel), bias_bytes
        cdef unsigned char[::1] y_bytes = bytes_of(y)
        cdef const runtime.mg_column_kernels *kernels = runtime.active_isa().column[x.itemsize == 8]
        cdef Py_ssize_t pitch, item = x.itemsize, taps = kernel.shape[0], row = kernel.shape[2] * item, past, i
        cdef char *copied
        r.x, r.bytes, r.dilation = <const char *>&x_bytes[0], x_bytes.shape[0], dilation
        r.length = (taps - 1) * dilation + 1
        r.least = wait
        r.column.count, r.column.channels = taps, kernel.shape[1]
        r.column.filters = kernel.shape[2] if channelwise else kernel.shape[2] // groups
        r.column.y, r.column.relu = &y_bytes[0], relu
        r.column.bias = NULL
        if bias is not None:
            bias_bytes = bytes_of(bias)
            r.column.bias = &bias_bytes[0]
        r.groups, r.group_x = groups, kernel.shape[1] * item
        r.group_kernel = r.group_y = r.column.filters * item
        r.run = kernels.channelwise if channelwise else kernels.full
        # Rows of the kernel begin at cache lines, if it is one group's.
        pitch = row if channelwise or groups > 1 else line_up(row)
        r.column.pitch = pitch // item
        past = line_up(taps * sizeof(void *) + r.length * r.bytes)
        free(self.memory)
        self.memory = <char *>malloc(past + taps * kernel.shape[1] * pitch + 2 * LINE)
        if self.memory == NULL:
            raise MemoryError(f"no memory for the last {r.length} columns of a stream and a kernel")
        r.column.taps, r.columns = <const void **>self.memory, self.memory + taps * sizeof(void *)
        copied = lined_up(self.memory + past)
        memset(copied, 0, taps * kernel.shape[1] * pitch + LINE)
        for i in range(taps * kernel.shape[1]):
            memcpy(copied + i * pitch, &kernel_bytes[0] + i * row, row)
        r.column.kernel = copied
        self.arrays = (x, bias, y)
        self.reset()

    def __dealloc__(self):
        free(self.memory)

    def reset(self):
        """Make the past zero."""
        memset(self.ring.columns, 0, self.ring.length * self.ring.bytes)
        self.ring.at, self.ring.wait = 0, self.ring.least

    def state(self):
        """The past: bytes, the place of the oldest column among them, and how many columns are missing."""
        return self.ring.columns[:self.ring.length * self.ring.bytes], self.ring.at, self.ring.wait

    def restore(self, state):
        """Go on from a `state` of a convolution like this one."""
        cdef const unsigned char[::1] past = state[0]
        memcpy(self.ring.columns, &past[0], self.ring.length * self.ring.bytes)
        self.ring.at, self.ring.wait = state[1:]


cdef bint advance(Ring *r) noexcept nogil:
    """Take one column in; whether there is one to go out."""
    cdef Py_ssize_t t, group, place = r.at
    cdef const void **taps = <const void **>r.column.taps
    cdef runtime.mg_column column = r.column
    memcpy(r.columns + r.at * r.bytes, r.x, r.bytes)
    r.at = 0 if r.at + 1 == r.length else r.at + 1
    if r.wait:
        r.wait -= 1
        return False
    for t in range(column.count - 1, -1, -1):           # the newest tap meets what was just put in
        taps[t] = r.columns + place * r.bytes
        place -= r.dilation
        if place < 0:
            place += r.length
    for group in range(r.groups):
        r.run(&column)
        if group + 1 < r.groups:
            for t in range(column.count):
                taps[t] = <const char *>taps[t] + r.group_x
            column.kernel = <const char *>column.kernel + r.group_kernel
            column.y = <char *>column.y + r.group_y
            if column.bias != NULL:
                column.bias = <const char *>column.bias + r.group_y
    return True


cdef class StreamProgram:
    """A function of one sample: it copies the sample to `x`, runs `steps` (StreamConv, or calls without arguments), and
    returns `y`, or None while a step waits for more. What is not of the shape and dtype of `x` goes to `fill`, which
    converts and copies it, or raises."""
    cdef Shape shape
    cdef object x, fill
    cdef readonly object y
    cdef tuple steps
    cdef unsigned char[::1] memory
    cdef bint wide

    def __init__(self, x, y, steps, fill):
        self.x, self.y, self.steps, self.fill = x, y, tuple(steps), fill
        self.memory, self.wide = bytes_of(x), x.itemsize == 8
        set_shape(&self.shape, x.shape)

    def __call__(self, x):
        if not copy_plain(x, &self.shape, self.wide, <char *>&self.memory[0]):
            self.fill(x)
        for step in self.steps:
            if type(step) is StreamConv:
                if not advance(&(<StreamConv>step).ring):
                    return None
            else:
                step()
        return self.y
