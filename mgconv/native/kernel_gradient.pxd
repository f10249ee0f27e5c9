from mgconv.native cimport runtime
from mgconv.native.axis cimport Axis

# Entries of the kernel (tap and channel) that one tile takes, or one tile's filters.
cdef struct Part:
    int count, vectors                # elements; vectors of them where they lie in the lanes
    Py_ssize_t at                     # place among all entries or filters
    Py_ssize_t x                      # offset in bytes: of the first entry in x, or of the filters' group in x
    Py_ssize_t first_row, end_row, first_column, end_column      # outputs that meet an input, if taps are cut to those
    Py_ssize_t table                  # where its offsets begin

cdef struct SumPlan:
    const runtime.mg_conv_outer_kernels *kernels
    Axis axis[3]
    bint x_copied, swapped, channelwise, tabled
    bint dy_ahead                     # a box of dy is read in order before tiles read parts of its rows
    bint neighbours                   # channelwise, neighbouring taps of a row meet neighbouring positions
    int lanes
    Py_ssize_t entries, filters       # the result is entries x filters
    Py_ssize_t entry_count, filter_count
    Part *entry_parts
    Part *filter_parts
    Py_ssize_t *offsets               # of each entry: in x; channelwise, also the row and the column of its tap
    Py_ssize_t item, x_position       # bytes of an element, of a position of x
    Py_ssize_t x_pitch, x_row         # from position to position and row to row, in x or its copy
    Py_ssize_t dy_pitch               # from position to position in the copy of dy
    Py_ssize_t chunks, entry_blocks, filter_blocks, boxes
    Py_ssize_t partial_bytes, x_bytes, dy_bytes
    double seconds

cdef struct SumCall:
    const SumPlan *plan
    const char *x
    const char *dy
    char *result
    bint more                         # add to the result instead of overwriting it
    bint failed

cdef class KernelGradient:
    cdef SumPlan plan
    cdef Py_ssize_t reuse
    cdef bint crowds(self)
    cdef cut_boxes(self, Py_ssize_t channels)
    cdef lay_parts(self, Py_ssize_t groups, Py_ssize_t channels, Py_ssize_t filters, bint crossing,
                   bint trimmed, bint single)
    cdef fill_filter_parts(self, Py_ssize_t groups, Py_ssize_t channels, Py_ssize_t filters, sizes)
    cdef fill_entry_parts(self, Py_ssize_t run, Py_ssize_t runs, Py_ssize_t channels, sizes, bint trimmed)
    cdef Py_ssize_t place(self, Py_ssize_t entry, Py_ssize_t channels)
    cdef cut_tasks(self, bint single)
    cdef bint run(self, const char *x, const char *dy, char *dkernel) noexcept nogil

# For those who run a sum as a part of something else: one over `images` and `positions` of what is one row, whose
# filters are cut into so many blocks; then a task of it, and the first filter of a block.
cdef SumPlan part_of(const SumPlan *p, Py_ssize_t images, Py_ssize_t positions, Py_ssize_t filter_blocks) noexcept nogil
cdef void add_chunks(const SumPlan *p, char *to, const char *chunks, Py_ssize_t size, Py_ssize_t count,
                     Py_ssize_t stride) noexcept nogil      # in elements
cdef void sum_task(void *call, Py_ssize_t index) noexcept nogil
cdef Py_ssize_t block_start(const SumPlan *p, Py_ssize_t block) noexcept nogil
