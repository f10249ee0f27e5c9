"""Arrays as the compiled core takes them: C-contiguous buffers of float32 or float64, held against a shape."""
from cpython.buffer cimport PyBUF_C_CONTIGUOUS, PyBUF_FORMAT, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer

cdef enum:
    RANKS = 8
    READ = PyBUF_C_CONTIGUOUS | PyBUF_FORMAT
    WRITE = PyBUF_C_CONTIGUOUS | PyBUF_FORMAT | PyBUF_WRITABLE

cdef struct Shape:
    int rank
    Py_ssize_t size[RANKS]

cdef struct Taken:
    int count
    Py_buffer views[4]


cdef inline int set_shape(Shape *shape, tuple sizes) except -1:
    cdef int i
    if len(sizes) > RANKS:
        raise ValueError(f"an array may have {RANKS} axes at most. Received: the shape {sizes}.")
    shape.rank = <int>len(sizes)
    for i in range(shape.rank):
        shape.size[i] = sizes[i]
    return 0


cdef inline Py_buffer *take(object array, Taken *taken, int flags) except NULL:
    """An array's buffer. (A typed memoryview would make a Python object.)"""
    cdef Py_buffer *view = &taken.views[taken.count]
    PyObject_GetBuffer(array, view, flags)
    taken.count += 1
    return view


cdef inline void release(Taken *taken) noexcept:
    cdef int i
    for i in range(taken.count):
        PyBuffer_Release(&taken.views[i])


cdef inline int kind(const Py_buffer *view) noexcept:
    """0 for float32, 1 for float64, else -1."""
    if view.format == NULL or view.format[0] == 0 or view.format[1] != 0:
        return -1
    return 0 if view.format[0] == b"f" else 1 if view.format[0] == b"d" else -1


cdef inline bint fits(const Py_buffer *view, const Shape *shape, bint wide) noexcept:
    """Whether it is aligned, and of this shape and dtype."""
    cdef int i
    if kind(view) != wide or view.ndim != shape.rank or (<size_t>view.buf % (8 if wide else 4) and view.len):
        return False
    for i in range(shape.rank):
        if view.shape[i] != shape.size[i]:
            return False
    return True


cdef inline bytes_of(array):
    """The memory of a contiguous array, for a memoryview."""
    return array.reshape(-1).view("u1")
