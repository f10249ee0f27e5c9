from mgconv.native cimport runtime
from mgconv.native.runtime cimport LINE

cdef struct Panel:
    int kind, taps, width, lanes, height
    Py_ssize_t filters, rows          # filters that exist; rows of the packed panel for one kernel row
    Py_ssize_t x, y, kernel, packed   # offsets in bytes: channel, filter, source, place in the packed kernel
    Py_ssize_t outer_bytes, inner_bytes

# One axis (images, rows, columns) of a pass; the images have one tap. All steps in bytes.
cdef struct Axis:
    Py_ssize_t size, taps, dilation, stride, start, out
    Py_ssize_t x_step, x_tap, x_one   # between outputs, between taps, between neighbouring inputs
    Py_ssize_t y_step
    Py_ssize_t direct_from, direct_to, blocks

cdef struct Pass:
    const runtime.mg_conv_row_kernels *kernels
    Axis axis[3]
    int along                         # the axis along which tiles lie
    bint merged, channelwise
    bint cut_edges                    # channelwise, tiles leave out what lies outside: no strips
    bint summed                       # channelwise, all are added up: one filter
    bint paired                       # channelwise, two neighbouring rows at a time
    bint far, distant                 # x and y are more than the second-level cache holds; than the last
    bint beyond                       # y alone is more than any cache has room for
    int repeat                        # positions side by side in the lanes, where there are few channels
    Py_ssize_t packed_bias
    int panel_blocks, panel_count, strip_height
    Panel *panels
    bint rearranged                   # strips hold all that is read: the channels in another order, several times, or
    bint loosened                     # a task's channels alone, at a pitch that does not crowd
    int expand                        # channelwise, each channel stands this many times in the strips
    Py_ssize_t item, position, run    # bytes of an element, of a position; elements of a run
    Py_ssize_t strip_position         # bytes of a position in a strip
    Py_ssize_t kernel_outer, kernel_inner, kernel_run, kernel_filter
    Py_ssize_t packed_bytes, strip_bytes, tasks, y_offset
    double seconds

cdef struct Call:
    const Pass *plan
    const char *x
    const char *kernel
    const char *bias
    char *y
    char *packed
    bint relu
    bint failed

cdef inline Py_ssize_t ceil_div(Py_ssize_t a, Py_ssize_t b) noexcept nogil:
    return (a + b - 1) // b

cdef enum:
    CROWDED = 256                     # lines so many bytes apart share a quarter of the first-level cache's sets

cdef inline bint crowded(Py_ssize_t step) noexcept nogil:
    return step % CROWDED == 0

cdef inline Py_ssize_t loose(Py_ssize_t size) noexcept nogil:
    """An odd number of cache lines."""
    return (ceil_div(size, LINE) | 1) * LINE

cdef enum:
    IMAGES = 0
    ROWS = 1
    COLUMNS = 2

cdef set_axis(Axis *a, values, Py_ssize_t one, Py_ssize_t item)
cdef bint touches_padding(Axis *a)
cdef Py_ssize_t lines_together(Py_ssize_t step)

cdef class Correlation:
    cdef Pass plan
    cdef find_channelwise(self, Py_ssize_t groups, Py_ssize_t channels, Py_ssize_t filters)
    cdef lay_panels(self, Py_ssize_t groups, Py_ssize_t channels, Py_ssize_t filters, Py_ssize_t kernel_group,
                    Py_ssize_t kernel_offset, bint interleaved)

# One axis of a scattered gradient: the input's size, and the kernel's taps over it.
cdef struct Spread:
    Py_ssize_t size, taps, dilation, stride, start, out, blocks

cdef struct Scatter:
    const runtime.mg_conv_outer_kernels *kernels
    Spread rows, columns
    Py_ssize_t batch, channels, filters, entries, item
    Py_ssize_t runs, run                  # of a kernel row: runs of neighbouring elements of dx, and their length
    Py_ssize_t chunk                      # output positions whose products are added up together
    Py_ssize_t tasks
    double seconds

cdef class ScatterConv(runtime.Algorithm):
    cdef Correlation product
    cdef Scatter plan

cdef void pack_panel(Call *call, Py_ssize_t index) noexcept nogil
cdef void run_box(Call *call, Py_ssize_t *first, Py_ssize_t *end, Py_ssize_t panel_first,
                  Py_ssize_t panel_end) noexcept nogil
cdef void run_task(Call *call, Py_ssize_t index) noexcept nogil
cdef int run_all(list passes, const char *x, const char *kernel, const char *bias, char *y, bint relu) except -1
