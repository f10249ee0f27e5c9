"""Arrays as the compiled core takes them: C-contiguous buffers of float32 or float64, held against a shape."""
from cpython.buffer cimport PyBUF_C_CONTIGUOUS, PyBUF_FORMAT, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.exc cimport PyErr_Clear, PyErr_ExceptionMatches
from libc.string cimport memcpy

cdef extern from "Python.h":
    int get_buffer "PyObject_GetBuffer"(object array, Py_buffer *view, int flags) noexcept

cdef enum:
    RANKS = 8
    READ = PyBUF_C_CONTIGUOUS | PyBUF_FORMAT
    WRITE = PyBUF_C_CONTIGUOUS | PyBUF_FORMAT | PyBUF_WRITABLE

cdef struct Shape:
    int rank
    Py_ssize_t size[RANKS]

cdef struct Taken:
    bint strict                       # an array that does not do is an error, and not just refused
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


cdef inline int offer(object array, Taken *taken, int flags) except -1:
    """Take an array's buffer, if it has one; by hand, for `try` would cost more than the rest."""
    if get_buffer(array, &taken.views[taken.count], flags) == 0:
        taken.count += 1
        return True
    # The owner's word: not of this kind, not contiguous, not of this dtype.
    if taken.strict or not PyErr_ExceptionMatches((BufferError, TypeError, ValueError)):
        return -1
    PyErr_Clear()
    return False


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


cdef inline bint copy_plain(object array, const Shape *shape, bint wide, char *to) except -1:
    """Copy an array, if it is plain, of this shape and dtype."""
    cdef Taken taken
    taken.count, taken.strict = 0, False
    if not offer(array, &taken, READ):
        return False
    cdef bint plain = fits(&taken.views[0], shape, wide)
    if plain:
        memcpy(to, taken.views[0].buf, taken.views[0].len)
    release(&taken)
    return plain


cdef inline bytes_of(array):
    """The memory of a contiguous array, for a memoryview."""
    return array.reshape(-1).view("u1")
