"""The short way of ops.convolution: calls that find their plan by the arrays.

They answer None where a call is not the plain one: no plan is known for these shapes and settings, or an array is not
contiguous, not aligned, of another dtype, or would overlap the result. Nothing has been computed then.
"""
from cpython.exc cimport PyErr_Clear
from cpython.ref cimport Py_DECREF, PyObject
from libc.string cimport memcpy

from mgconv.native cimport runtime
from mgconv.native.buffers cimport RANKS, READ, Shape, Taken, kind, offer, release
from mgconv.native.conv cimport ConvPlan

cdef extern from "Python.h":
    PyObject *get_item "PyObject_GetItem"(object container, object key) noexcept     # a reference of our own, or NULL
    long long PyLong_AsLongLongAndOverflow(object number, int *overflow) noexcept       # -1 for what is too large

cdef enum:
    MOST_KNOWN = 256                  # plans kept

cdef dict PADDINGS = {"valid": 1, "same": 2, "causal": 3, "full": 4}


# ---- settings and shapes as numbers; 0 for what is unusual, which is for others to refuse ----

cdef inline long long plain_int(value) noexcept:
    cdef int overflow = 0
    return PyLong_AsLongLongAndOverflow(value, &overflow) if type(value) is int else 0


cdef inline Py_ssize_t axis_code(value) noexcept:
    cdef long long number = plain_int(value)
    return <Py_ssize_t>number if 0 < number < 4096 else 0


cdef Py_ssize_t axes_code(value) noexcept:
    """An int, or a tuple with one for each axis, in 26 bits."""
    cdef Py_ssize_t first, second
    if type(value) is not tuple:
        return axis_code(value)
    if len(<tuple>value) == 1:
        first = axis_code((<tuple>value)[0])
        return 1 << 24 | first if first else 0
    if len(<tuple>value) == 2:
        first, second = axis_code((<tuple>value)[0]), axis_code((<tuple>value)[1])
        return 2 << 24 | first << 12 | second if first and second else 0
    return 0


cdef Py_ssize_t padding_code(value) except -1:
    return PADDINGS.get(value, 0) if type(value) is str else 0


cdef Py_ssize_t settings_code(strides, padding, dilation_rate) except -1:
    cdef Py_ssize_t steps = axes_code(strides), rate = axes_code(dilation_rate), pads = padding_code(padding)
    return steps << 32 | rate << 4 | pads if steps and rate and pads else 0


cdef bint plain_shape(sizes, Shape *shape) noexcept:
    cdef int i
    if type(sizes) is not tuple or len(<tuple>sizes) > RANKS:
        return False
    shape.rank = <int>len(<tuple>sizes)
    for i in range(shape.rank):
        shape.size[i] = <Py_ssize_t>plain_int((<tuple>sizes)[i])
        if shape.size[i] <= 0:
            return False
    return True


cdef Shape taken_shape(const Py_buffer *view) noexcept:
    cdef Shape shape
    shape.rank = min(view.ndim, RANKS)
    memcpy(shape.size, view.shape, shape.rank * sizeof(Py_ssize_t))
    return shape


# ---- plans that have been made before ----

cdef dict known = {}                  # under numbers made of their shapes and settings


cdef size_t known_as(const Shape *x, const Shape *kernel, int wide, Py_ssize_t settings) noexcept:
    cdef size_t number = settings
    cdef int i
    for i in range(x.rank):
        number = (number ^ <size_t>x.size[i]) * <size_t>0x9E3779B97F4A7C15
    for i in range(kernel.rank):
        number = (number ^ number >> 29 ^ <size_t>kernel.size[i]) * <size_t>0x9E3779B97F4A7C15
    return number ^ wide


def remember(ConvPlan plan, strides, padding, dilation_rate):
    """Let the functions below find `plan` by these settings, if they are usual ones."""
    plan.settings = settings_code(strides, padding, dilation_rate)
    if plan.settings:
        if len(known) >= MOST_KNOWN:
            known.clear()
        known[known_as(&plan.x, &plan.kernel, plan.wide, plan.settings)] = plan


cdef ConvPlan find(const Shape *x, const Shape *kernel, int wide, strides, padding, dilation_rate):
    """The plan for this, or None. It holds the arrays against its shapes itself."""
    cdef Py_ssize_t settings = settings_code(strides, padding, dilation_rate)
    cdef ConvPlan plan
    if settings == 0:
        return None
    # By hand, for `try` would cost more than the search, and .get would not hold on to a plan while others clear.
    cdef PyObject *found = get_item(known, known_as(x, kernel, wide, settings))
    if found == NULL:
        PyErr_Clear()                 # a KeyError
        return None
    plan = <ConvPlan>found
    Py_DECREF(plan)
    return plan if plan.settings == settings and plan.instructions == runtime.active_isa() else None


# ---- the calls ----

def conv(x, kernel, bias, strides, padding, dilation_rate, activation, out):
    cdef Taken taken
    cdef Shape x_shape, kernel_shape
    cdef ConvPlan plan
    taken.count, taken.strict = 0, False
    try:
        if not (offer(x, &taken, READ) and offer(kernel, &taken, READ)):
            return None
        x_shape, kernel_shape = taken_shape(&taken.views[0]), taken_shape(&taken.views[1])
        plan = find(&x_shape, &kernel_shape, kind(&taken.views[0]), strides, padding, dilation_rate)
        return None if plan is None else plan.convolve(&taken, bias, out, activation, NULL)
    finally:
        release(&taken)


def conv_grad_input(dy, kernel, input_shape, strides, padding, dilation_rate, out):
    cdef Taken taken
    cdef Shape x_shape, kernel_shape
    cdef ConvPlan plan
    taken.count, taken.strict = 0, False
    try:
        if not (plain_shape(input_shape, &x_shape) and offer(dy, &taken, READ) and offer(kernel, &taken, READ)):
            return None
        kernel_shape = taken_shape(&taken.views[1])
        plan = find(&x_shape, &kernel_shape, kind(&taken.views[0]), strides, padding, dilation_rate)
        return None if plan is None else plan.spread(&taken, out, NULL)
    finally:
        release(&taken)


def conv_grad_kernel(x, dy, kernel_shape, strides, padding, dilation_rate, out):
    cdef Taken taken
    cdef Shape x_sizes, kernel_sizes
    cdef ConvPlan plan
    taken.count, taken.strict = 0, False
    try:
        if not (plain_shape(kernel_shape, &kernel_sizes) and offer(x, &taken, READ) and offer(dy, &taken, READ)):
            return None
        x_sizes = taken_shape(&taken.views[0])
        plan = find(&x_sizes, &kernel_sizes, kind(&taken.views[0]), strides, padding, dilation_rate)
        return None if plan is None else plan.sum_up(&taken, out, NULL)
    finally:
        release(&taken)
