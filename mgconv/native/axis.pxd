"""One axis of a correlation, as the loops over it need it; passes.py has what the numbers mean."""
from mgconv.native.caches cimport ceil_div

cdef enum:
    IMAGES = 0
    ROWS = 1
    COLUMNS = 2

# The images have one tap. All steps in bytes.
cdef struct Axis:
    Py_ssize_t size, taps, dilation, stride, start, out
    Py_ssize_t x_step, x_one          # between outputs, between neighbouring inputs
    Py_ssize_t y_step
    Py_ssize_t direct_from, direct_to     # outputs whose taps all lie inside
    Py_ssize_t blocks                 # into which tasks cut the outputs


cdef inline int set_axis(Axis *a, values, Py_ssize_t one, Py_ssize_t item) except -1:
    """From (size, taps, dilation, stride, start, outputs, step of the result in elements)."""
    a.size, a.taps, a.dilation, a.stride, a.start, a.out, a.y_step = values
    a.y_step *= item
    a.x_one, a.x_step = one, a.stride * one
    a.blocks = 1
    # From the first with start + o*s >= 0 to the last with start + o*s + span < size.
    cdef Py_ssize_t room = a.size - (a.taps - 1) * a.dilation - 1 - a.start
    a.direct_from = min(ceil_div(-a.start, a.stride), a.out) if a.start < 0 else 0
    a.direct_to = min(max(room // a.stride + 1, a.direct_from), a.out) if room >= 0 else a.direct_from
    return 0


cdef inline int set_axes(Axis *axes, batch, rows, columns, y_image, Py_ssize_t position, Py_ssize_t item) except -1:
    """Images, rows and columns; `position` is the bytes between those of x."""
    set_axis(&axes[COLUMNS], columns, position, item)
    set_axis(&axes[ROWS], rows, axes[COLUMNS].size * position, item)
    set_axis(&axes[IMAGES], (batch, 1, 1, 1, 0, batch, y_image), axes[ROWS].size * axes[ROWS].x_one, item)
    return 0


cdef inline bint meets_padding(const Axis *a) noexcept nogil:
    return a.direct_from > 0 or a.direct_to < a.out


cdef inline void valid_taps(const Axis *a, Py_ssize_t output, Py_ssize_t *first, Py_ssize_t *end) noexcept nogil:
    """The taps of an output that lie inside."""
    cdef Py_ssize_t at = output * a.stride + a.start
    first[0] = ceil_div(-at, a.dilation) if at < 0 else 0
    end[0] = min(a.taps, (a.size - 1 - at) // a.dilation + 1) if at < a.size else 0
    if first[0] > end[0]:
        first[0] = end[0]


cdef inline void find_box(const Axis *axes, Py_ssize_t index, Py_ssize_t *first, Py_ssize_t *end) noexcept nogil:
    """The outputs of one block of each axis; the columns' blocks count fastest."""
    cdef Py_ssize_t block, i
    for i in range(2, -1, -1):
        block = index % axes[i].blocks
        index //= axes[i].blocks
        first[i] = block * axes[i].out // axes[i].blocks
        end[i] = (block + 1) * axes[i].out // axes[i].blocks
