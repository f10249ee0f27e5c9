from mgconv.native cimport runtime
from mgconv.native.axis cimport Axis
from mgconv.native.caches cimport Reach

# Filters of one register tile, whose kernel is packed for it; or channels, where the lanes hold those.
cdef struct Panel:
    int kind, taps, width, lanes, height
    Py_ssize_t filters                # that exist
    Py_ssize_t x, y, kernel, packed   # offsets in bytes: channel, filter, source, place in the packed kernel
    Py_ssize_t outer_bytes, inner_bytes

# Positions along the tiles' axis that are read alike: from x itself, or from a strip.
cdef struct Segment:
    Py_ssize_t first, count
    const char *x                     # where tap 0 of position 0 of the other axes' origin would be
    Py_ssize_t row, column            # bytes between rows and columns there

# What one task computes.
cdef struct Box:
    Py_ssize_t first[3]               # images, rows, columns
    Py_ssize_t end[3]
    Py_ssize_t panel, end_panel

cdef struct CorrelationCall

# What stays the same from call to call. Sizes and steps in bytes, unless they count something.
cdef struct CorrelationPlan:
    const runtime.mg_conv_row_kernels *kernels
    Axis axis[3]
    int along                         # the axis along which tiles lie,
    int across                        # rows or columns, whichever they do not
    Py_ssize_t direct_from, direct_to     # positions along it that tiles read from x itself, the others from strips
    void (*copy)(const CorrelationPlan *p, const Panel *panel, const Panel *last, char *to, const char *source,
                 Py_ssize_t positions) noexcept nogil
    # The outputs of a box in one image, cut into segments.
    void (*sweep)(const CorrelationCall *call, const Box *box, Py_ssize_t image, const Segment *segments,
                  int count) noexcept nogil
    bint one_run                      # the taps of a row are one run in x
    bint pair, summed, edges_cut      # of tiles of channels: see strategy.py
    bint ask_ahead                    # for what tiles of channels read next, which no cache foresees
    int repeat, expand
    Reach reach, y_reach              # of x and y together, of y
    Panel *panels
    Py_ssize_t panel_count, panel_blocks
    Py_ssize_t strip_height           # in positions
    Py_ssize_t item, position, depth  # an element, a position of x; channels that a tile sums
    Py_ssize_t strip_position
    Py_ssize_t kernel_outer, kernel_inner, kernel_run, kernel_filter
    Py_ssize_t packed_bytes, packed_bias, strip_bytes, y_offset
    Py_ssize_t tasks
    double seconds

# A plan and the arrays of one call.
cdef struct CorrelationCall:
    const CorrelationPlan *plan
    const char *x
    const char *kernel
    const char *bias                  # or NULL
    char *y
    char *packed                      # the kernel, as the tiles read it
    bint relu
    bint failed                       # a task found no memory

cdef class Correlation:
    cdef CorrelationPlan plan
    cdef readonly object strategy
    cdef choose_functions(self, lanes, reading)
    cdef lay_panels(self, s, Py_ssize_t kernel_group, Py_ssize_t kernel_offset)

cdef struct Filters:
    Py_ssize_t first, count
    int width                         # lanes that they take
    Py_ssize_t packed                 # bytes from the begin of the packed kernel

# For those who run a correlation as a part of something else. They bring the memory for the packed kernel, which begins
# at a cache line, and look at `failed` afterwards.
cdef CorrelationCall bind(const CorrelationPlan *plan, const char *x, const char *kernel, const char *bias, char *y,
                          bint relu) noexcept nogil
# Pack the call's kernel to `packed`.
cdef void pack(CorrelationCall *call, char *packed) noexcept nogil
# Of a kernel of the caller's own; `how` lacks what is a panel's.
cdef void pack_filters(const CorrelationPlan *plan, Py_ssize_t panel, runtime.mg_conv_pack *how,
                       char *to) noexcept nogil
cdef void run_tasks(CorrelationCall *call) noexcept
# A part of the images, and of the positions of what is one row; by some of the panels.
cdef void run_positions(CorrelationCall *call, Py_ssize_t images, Py_ssize_t positions, Py_ssize_t panel,
                        Py_ssize_t end_panel) noexcept nogil
cdef Filters filters_of(const CorrelationPlan *plan, Py_ssize_t panel) noexcept nogil

# Correlations of the same arrays, which write different parts of y, as one job.
cdef class Passes:
    cdef readonly tuple correlations
    cdef const CorrelationPlan **plans
    cdef int count
    cdef Py_ssize_t panels, tasks, packed_bytes
    cdef double seconds
    # Whether there was enough scratch memory.
    cdef bint run(self, const char *x, const char *kernel, const char *bias, char *y, bint relu) noexcept nogil

# One axis of a scattered gradient: the input's size, and the kernel's taps over it.
cdef struct Spread:
    Py_ssize_t size, taps, dilation, stride, start, out, blocks

cdef struct ScatterPlan:
    const runtime.mg_conv_outer_kernels *kernels
    Spread rows, columns
    Py_ssize_t batch, channels, filters, entries, item
    Py_ssize_t runs, run                  # of a kernel row: runs of neighbouring elements of dx, and their length
    Py_ssize_t chunk                      # output positions whose products are added up together
    Py_ssize_t tasks
    double seconds

cdef class ScatterConv(runtime.Algorithm):
    cdef Correlation product
    cdef ScatterPlan plan
