"""What the other compiled modules share: the instruction set in use, the thread pool, scratch memory, and the form of
a convolution's algorithms.

`runtime` is the one extension that links src_c, so there is one pool and one choice of kernels in a process. The others
call through these function pointers, which Cython shares by `cimport`.
"""

from libc.stdint cimport uint32_t, uint64_t

cdef extern from "activation.h":
    cdef struct mg_activation_kernels:
        void (*relu_grad)(const void *y, void *dy, void *sums, Py_ssize_t rows, Py_ssize_t columns) noexcept nogil
        void (*drop)(const void *x, const void *kept, void *y, Py_ssize_t count, double factor) noexcept nogil

cdef extern from "column.h":
    cdef struct mg_column:
        const void *const *taps
        const void *kernel
        const void *bias
        void *y
        Py_ssize_t count, channels, filters, pitch
        int relu
    cdef struct mg_column_kernels:
        void (*full)(const mg_column *c) noexcept nogil
        void (*channelwise)(const mg_column *c) noexcept nogil

cdef extern from "fft.h":
    enum:
        MG_FFT_MAX_LOG2
    cdef struct mg_fft_kernels:
        int lanes
        void (*forward)(void *data, int log2n, Py_ssize_t stride) noexcept nogil
        void (*inverse)(void *data, int log2n, Py_ssize_t stride) noexcept nogil
        void (*multiply)(void *a, const void *b, Py_ssize_t n) noexcept nogil
        void (*multiply_conj)(void *a, const void *b, Py_ssize_t n) noexcept nogil
        void (*turn)(const void *rows, Py_ssize_t pitch, void *column, Py_ssize_t n) noexcept nogil
        void (*turn_back)(const void *column, void *rows, Py_ssize_t pitch, Py_ssize_t n) noexcept nogil
        void (*put_part)(const void *numbers, Py_ssize_t step, void *row, int part, Py_ssize_t n) noexcept nogil
        void (*get_part)(const void *row, void *numbers, Py_ssize_t step, int part, Py_ssize_t n) noexcept nogil

cdef extern from "filter.h":
    cdef struct mg_filter_kernels:
        void (*correlate)(const void *x, Py_ssize_t x_pitch, const void *h, Py_ssize_t kh, Py_ssize_t kw,
                          Py_ssize_t step, void *out, Py_ssize_t out_pitch, Py_ssize_t rows,
                          Py_ssize_t cols) noexcept nogil
        void (*add_turned)(void *to, const void *source, Py_ssize_t n) noexcept nogil
        void (*raise_peaks)(void *to, const void *x, Py_ssize_t n) noexcept nogil

cdef extern from "delay.h":
    ctypedef void (*mg_delay_function)(Py_ssize_t n, const double *x, double *g, double *dg, void *data) noexcept nogil
    enum:
        MG_DELAY_PAD
        MG_DELAY_MACKEY_GLASS
        MG_DELAY_MACKEY_GLASS_REAL
        MG_DELAY_SINE
        MG_DELAY_RICKER
        MG_DELAY_EXPONENTIAL
    cdef struct mg_delay_weights:
        pass
    cdef struct mg_delay_kernels:
        mg_delay_function *functions
        void (*hermite)(Py_ssize_t n, const mg_delay_weights *w, const double *g, const double *dg,
                        double *q) noexcept nogil
        void (*values)(Py_ssize_t n, const mg_delay_weights *w, const double *g, double *q) noexcept nogil
        void (*scan)(Py_ssize_t n, const mg_delay_weights *w, double b, const double *q, const double *g, double *x,
                     double *slope) noexcept nogil
        void (*scale)(Py_ssize_t n, const double *factor, double *y) noexcept nogil
        void (*make_weights)(double h, double b, mg_delay_weights *w) noexcept nogil

cdef extern from "optimizer.h":
    enum:
        MG_OPTIMIZER_COUNT
        MG_OPTIMIZER_MOST_SLOTS
        MG_OPTIMIZER_MOST_COEFFICIENTS
    cdef struct mg_optimizer_kernel:
        const char *name
        int slots, coefficients
        void (*step)(void *const *arrays, const double *coefficients, Py_ssize_t start, Py_ssize_t stop) noexcept nogil
    cdef struct mg_optimizer_kernels:
        mg_optimizer_kernel *list

cdef extern from "conv.h":
    # (an enum would make unused conversions)
    int MG_TAPS_2, MG_LANES, MG_LANES_PART, MG_LANES_PAIR, MG_ROW_KINDS
    Py_ssize_t MG_NO_EDGES
    int MG_OUTER_1, MG_OUTER_TABLE_1, MG_OUTER_LANES, MG_OUTER_KINDS
    cdef struct mg_conv_row:
        const char *x
        Py_ssize_t x_step, x_outer, x_inner
        Py_ssize_t outer, inner, run
        const char *kernel
        Py_ssize_t kernel_outer, kernel_inner
        char *y
        Py_ssize_t y_step, y_outer
        const char *bias
        Py_ssize_t x_tile, y_tile, kernel_tile, bias_tile
        int lanes, relu
        Py_ssize_t column, column_step, column_tap, last_column
        int summed, far, fresh_rows, fresh_columns
    ctypedef void (*mg_conv_rows)(const mg_conv_row *row, Py_ssize_t tiles) noexcept nogil
    cdef struct mg_conv_pack:
        const char *source
        Py_ssize_t outer, inner, run
        Py_ssize_t outer_step, inner_step, run_step, filter_step
        int taps, width, filters, merged
    cdef struct mg_conv_outer:
        const char *a
        const char *b
        Py_ssize_t a_step, a_row, a_image, b_step, b_row, b_image
        Py_ssize_t positions, rows, images
        const Py_ssize_t *offsets
        char *out
        Py_ssize_t out_step
        int lanes, accumulate
        const Py_ssize_t *tap_rows
        const Py_ssize_t *tap_columns
        Py_ssize_t row, row_step, last_row, column, column_step, last_column, inner_from, inner_to
    ctypedef void (*mg_conv_outer_tile)(const mg_conv_outer *tile) noexcept nogil
    cdef struct mg_conv_row_kernels:
        int lanes
        int *height
        const mg_conv_rows **rows
        void (*pack)(const mg_conv_pack *how, char *panel) noexcept nogil
    cdef struct mg_conv_outer_kernels:
        int *height
        const mg_conv_outer_tile **tiles
        void (*add_parts)(char *to, const char *parts, Py_ssize_t size, Py_ssize_t count,
                          Py_ssize_t stride) noexcept nogil
        void (*add_parts_turned)(char *to, const char *parts, Py_ssize_t rows, Py_ssize_t columns,
                                 Py_ssize_t count) noexcept nogil
        void (*sum_rows)(char *sums, const char *x, Py_ssize_t rows, Py_ssize_t columns) noexcept nogil
        void (*add_runs)(char *to, Py_ssize_t step, const char *source, Py_ssize_t pitch, Py_ssize_t count,
                         Py_ssize_t width) noexcept nogil

cdef extern from "norm.h":
    cdef struct mg_norm_columns:
        const void *x
        void *y
        Py_ssize_t rows, columns
        const void *mean
        const void *factor
        const void *offset
        const void *slope
        const void *shift
        int relu
    cdef struct mg_norm_rows:
        const void *x
        void *y
        Py_ssize_t rows, columns
        const void *gamma
        const void *beta
        void *mean
        void *inverse
        double epsilon
        int rms
    cdef struct mg_norm_kernels:
        void (*moments)(const void *x, Py_ssize_t rows, Py_ssize_t columns, void *mean, void *squares) noexcept nogil
        void (*scale)(const mg_norm_columns *n) noexcept nogil
        void (*sums)(const mg_norm_columns *n, void *total, void *turned) noexcept nogil
        void (*turn)(const mg_norm_columns *n) noexcept nogil
        void (*rows)(const mg_norm_rows *n) noexcept nogil
        void (*rows_grad)(const mg_norm_rows *n, void *dgamma, void *dbeta, bint to_x) noexcept nogil

cdef extern from "pointwise.h":
    int MG_LEAKY_RELU, MG_ELU, MG_SIGMOID, MG_TANH, MG_SILU
    cdef struct mg_pointwise_kernels:
        void (*apply)(int f, const void *x, void *y, Py_ssize_t count, double a, double b) noexcept nogil
        void (*turn)(int f, const void *source, void *dy, Py_ssize_t count, double a, double b) noexcept nogil

cdef extern from "pooling.h":
    cdef struct mg_pool:
        Py_ssize_t channels, width, outputs, pool, stride, pad
        int disjoint
    cdef struct mg_pool_kernels:
        void (*max)(const mg_pool *p, const void *x, Py_ssize_t rows, void *y, Py_ssize_t first, Py_ssize_t last,
                    void *scratch) noexcept nogil
        void (*average)(const mg_pool *p, const void *x, Py_ssize_t rows, void *y, Py_ssize_t first, Py_ssize_t last,
                        void *scratch) noexcept nogil
        void (*max_grad)(const mg_pool *p, const void *x, Py_ssize_t rows, const void *y, const void *dy, void *dx,
                         Py_ssize_t start, Py_ssize_t stop, Py_ssize_t first, Py_ssize_t last,
                         void *scratch) noexcept nogil
        void (*average_grad)(const mg_pool *p, Py_ssize_t rows, const void *dy, void *dx, Py_ssize_t start,
                             Py_ssize_t stop, Py_ssize_t first, Py_ssize_t last, void *scratch) noexcept nogil
        void (*max_grad_shared)(const mg_pool *rows, const mg_pool *p, const void *x, const void *y, const void *dy,
                                void *dx, Py_ssize_t start, Py_ssize_t stop, Py_ssize_t first, Py_ssize_t last,
                                void *scratch) noexcept nogil
    Py_ssize_t mg_pool_shared_scratch(const mg_pool *rows, const mg_pool *p, Py_ssize_t height,
                                      Py_ssize_t width) noexcept nogil
    Py_ssize_t mg_pool_scratch(const mg_pool *p, Py_ssize_t outputs) noexcept nogil

cdef extern from "fft_conv.h":
    cdef struct mg_fft_product:
        const void *left
        const Py_ssize_t *left_rows
        const Py_ssize_t *left_depth
        const void *right
        const Py_ssize_t *right_depth
        void *out
        const Py_ssize_t *out_rows
        Py_ssize_t rows, depth, frequencies
        int lanes, accumulate, sign
    cdef struct mg_fft_conv_kernels:
        void (*load)(const void *x, Py_ssize_t step, void *column, Py_ssize_t count, int n) noexcept nogil
        void (*store)(const void *column, const void *bias, int relu, void *y, Py_ssize_t step, Py_ssize_t count,
                      int n) noexcept nogil
        void (*load_taps)(const void *taps, Py_ssize_t step, Py_ssize_t filter, double scale, void *column,
                          Py_ssize_t count, int n) noexcept nogil
        void (*store_taps)(const void *column, double scale, void *taps, Py_ssize_t step, Py_ssize_t count,
                           int n) noexcept nogil
        void (*product)(const mg_fft_product *p) noexcept nogil

cdef extern from "winograd.h":
    enum:
        MG_WINOGRAD_MOST_PLACES
    int MG_WINOGRAD_ROWS(Py_ssize_t item) noexcept nogil
    cdef struct mg_winograd_spread:
        int rows, columns, length, given, row_length, given_rows
        Py_ssize_t item, row_item, place
    cdef struct mg_winograd_kernels:
        void (*pixels)(int rows, int columns, const void **pixels, Py_ssize_t step, Py_ssize_t count, Py_ssize_t width,
                       void *u, Py_ssize_t place, Py_ssize_t pitch) noexcept nogil
        void (*spread)(const mg_winograd_spread *s, const void *x, Py_ssize_t step, Py_ssize_t count, Py_ssize_t width,
                       void *u, Py_ssize_t pitch) noexcept nogil
        void (*gather)(const mg_winograd_spread *s, const void *u, Py_ssize_t pitch, Py_ssize_t count, Py_ssize_t width,
                       const void *bias, int relu, void *y, Py_ssize_t step) noexcept nogil

cdef extern from "dispatch.h":
    cdef struct mg_traits:
        int vector_bytes
    cdef struct mg_isa:
        const char *name
        const mg_traits *traits
        const mg_isa *narrower
        const mg_optimizer_kernels *optimizer[2]
        const mg_activation_kernels *activation[2]
        const mg_column_kernels *column[2]
        const mg_fft_kernels *fft[2]
        const mg_filter_kernels *filter[2]
        const mg_delay_kernels *delay
        const mg_conv_row_kernels *conv_row[2]
        const mg_conv_outer_kernels *conv_outer[2]
        const mg_norm_kernels *norm[2]
        const mg_pointwise_kernels *pointwise[2]
        const mg_pool_kernels *pool[2]
        const mg_winograd_kernels *winograd[2]
        const mg_fft_conv_kernels *fft_conv[2]

cdef extern from "random.h":
    cdef struct mg_pcg64:
        uint64_t state[2]
        uint64_t inc[2]

cdef extern from "threads.h":
    ctypedef void (*mg_task)(void *context, Py_ssize_t index) noexcept nogil
    enum:
        MG_SCRATCH_JOB
        MG_SCRATCH_TASK
        MG_SCRATCH_MADE

cdef const mg_isa *active_isa() noexcept nogil
# For so many filters a group: the set's narrower relative where they fill half its lanes at most.
cdef const mg_isa *isa_for(Py_ssize_t filters, bint wide) noexcept nogil
# The job itself; and with the GIL, which it gives up, unless the job is brief.
cdef void run_job(mg_task task, void *context, Py_ssize_t count, double seconds) noexcept nogil
cdef double BRIEF                  # seconds: not worth giving the GIL up
cdef void parallel_for(mg_task task, void *context, Py_ssize_t count, double seconds) noexcept
cdef Py_ssize_t fft_frequency(int log2n, Py_ssize_t position) noexcept nogil
# The thread's memory, from here to `scratch_end`: no Python between the two, for it may take the same slot.
cdef void *scratch(int slot, size_t size) noexcept nogil
cdef void scratch_end(int slot) noexcept nogil
cdef void python_runs() noexcept nogil             # said before a user's function is called; see src_c/threads.h
# caches.pxd says when.
cdef void stream_rows(char *to, Py_ssize_t step, const char *source, Py_ssize_t rows, Py_ssize_t size) noexcept nogil
cdef void touch_rows(const char *source, Py_ssize_t step, Py_ssize_t rows, Py_ssize_t size) noexcept nogil

cdef void pcg64_advance(mg_pcg64 *generator, uint64_t steps) noexcept nogil
cdef uint64_t pcg64_next(mg_pcg64 *generator) noexcept nogil
cdef void pcg64_chances(mg_pcg64 *generator, uint64_t least, uint32_t *kept,
                        Py_ssize_t pairs) noexcept nogil

cpdef int get_num_threads() noexcept nogil
# After a job: KeyboardInterrupt if Ctrl-C ended it early, MemoryError unless there was enough scratch memory.
cdef int check_memory(bint enough) except -1
cdef bint job_ends() noexcept nogil                # asked in long tasks: whether Ctrl-C wants the job to end

cdef class Algorithm:
    """What a plan may use instead of the direct sums for a convolution or one of its gradients."""
    cdef readonly Py_ssize_t scratch_bytes      # of the hungriest operation, for one thread

    # Arrays as in ConvPlan; each overwrites its last array, and says whether there was enough scratch memory.
    cdef bint forward(self, const char *x, const char *kernel, const char *bias, char *y, bint relu) noexcept nogil
    cdef bint grad_input(self, const char *dy, const char *kernel, char *dx) noexcept nogil
    cdef bint grad_kernel(self, const char *x, const char *dy, char *dkernel) noexcept nogil
    # A call without arguments that does `forward` with the kernel as it is now and keeps `alive` alive; or None.
    cdef object freeze(self, const char *x, const char *kernel, const char *bias, char *y, bint relu, alive)


cdef class Call:
    """Work bound to its arrays for good: a call without arguments. One thread may run it at a time."""
    cdef readonly double seconds      # on one thread, about

    cdef bint run(self) noexcept nogil          # says whether there was enough scratch memory
