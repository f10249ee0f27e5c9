"""The choice of kernels, the thread pool and scratch memory, for every compiled module; see runtime.pxd."""
import _signal
import os

cdef extern from "cpu.h":
    cdef struct mg_cpu_ "mg_cpu":
        char vendor[13]
        int family
        Py_ssize_t l2_bytes
    mg_cpu_ mg_cpu() nogil

cdef extern from "dispatch.h":
    const mg_isa *mg_isa_available(int *count) nogil
    const mg_isa *mg_isa_active() nogil
    int mg_isa_select(const char *name) nogil
    const char *mg_compiler() nogil

cdef extern from "fft.h":
    void mg_fft_init() nogil
    Py_ssize_t mg_fft_frequency(int log2n, Py_ssize_t position) nogil

cdef extern from "threads.h":
    void mg_parallel_for(mg_task task, void *context, Py_ssize_t count, double seconds) nogil
    void *mg_scratch(int slot, size_t size) nogil
    void mg_scratch_end(int slot) nogil
    void mg_scratch_none_held() nogil
    void mg_set_end_wanted(int (*wanted)() noexcept) nogil
    int mg_job_ends() nogil
    int mg_job_ended() nogil
    int mg_get_num_threads() nogil
    void mg_set_num_threads(int threads) nogil

cdef extern from "random.h":
    void mg_pcg64_advance(mg_pcg64 *generator, uint64_t steps) nogil
    uint64_t mg_pcg64_next(mg_pcg64 *generator) nogil
    void mg_pcg64_chances(mg_pcg64 *generator, uint64_t least, uint32_t *kept, Py_ssize_t pairs) nogil

cdef extern from "stream.h":
    void mg_stream_rows(char *to, Py_ssize_t step, const char *source, Py_ssize_t rows, Py_ssize_t size) nogil
    void mg_touch_rows(const char *source, Py_ssize_t step, Py_ssize_t rows, Py_ssize_t size) nogil


FFT_MAX_LOG2 = MG_FFT_MAX_LOG2

cdef double BRIEF = 2e-6       # not worth the 70 ns of giving the GIL up; below SHORT_SECONDS, so no worker is awaited


cdef const mg_isa *active_isa() noexcept nogil:
    return mg_isa_active()


cdef const mg_isa *isa_for(Py_ssize_t filters, bint wide) noexcept nogil:
    cdef const mg_isa *isa = mg_isa_active()
    cdef int lanes = isa.traits.vector_bytes // (8 if wide else 4)
    return isa.narrower if isa.narrower != NULL and 1 < filters <= lanes // 2 else isa


cdef void run_job(mg_task task, void *context, Py_ssize_t count, double seconds) noexcept nogil:
    mg_parallel_for(task, context, count, seconds)


cdef void parallel_for(mg_task task, void *context, Py_ssize_t count, double seconds) noexcept:
    if seconds < BRIEF:
        mg_parallel_for(task, context, count, seconds)
    else:
        with nogil:
            mg_parallel_for(task, context, count, seconds)


cdef Py_ssize_t fft_frequency(int log2n, Py_ssize_t position) noexcept nogil:
    return mg_fft_frequency(log2n, position)


cdef void *scratch(int slot, size_t size) noexcept nogil:
    return mg_scratch(slot, size)


cdef void pcg64_advance(mg_pcg64 *generator, uint64_t steps) noexcept nogil:
    mg_pcg64_advance(generator, steps)


cdef uint64_t pcg64_next(mg_pcg64 *generator) noexcept nogil:
    return mg_pcg64_next(generator)


cdef void pcg64_chances(mg_pcg64 *generator, uint64_t least, uint32_t *kept,
                        Py_ssize_t pairs) noexcept nogil:
    mg_pcg64_chances(generator, least, kept, pairs)


cdef void scratch_end(int slot) noexcept nogil:
    mg_scratch_end(slot)


cdef void python_runs() noexcept nogil:
    mg_scratch_none_held()


cdef void stream_rows(char *to, Py_ssize_t step, const char *source, Py_ssize_t rows, Py_ssize_t size) noexcept nogil:
    mg_stream_rows(to, step, source, rows, size)


cdef void touch_rows(const char *source, Py_ssize_t step, Py_ssize_t rows, Py_ssize_t size) noexcept nogil:
    mg_touch_rows(source, step, rows, size)


cdef extern from "Python.h":
    int PyErr_CheckSignals() except -1
    void PyErr_SetInterrupt()
    int PyGC_Disable()
    int PyGC_Enable()
    int PyOS_InterruptOccurred()

cdef object getsignal = _signal.getsignal, stopping = _signal.default_int_handler
cdef int SIGINT = _signal.SIGINT


cdef int interrupted() noexcept with gil:
    """Whether Ctrl-C is to end the job. No Python code runs here, for scratch memory is held: the handler waits."""
    cdef bint collecting = PyGC_Disable(), ours = getsignal(SIGINT) is stopping and PyOS_InterruptOccurred()
    if collecting:
        PyGC_Enable()
    if ours:
        PyErr_SetInterrupt()          # the question has forgotten it
    return ours


cdef bint job_ends() noexcept nogil:
    return mg_job_ends()


cdef int check_memory(bint enough) except -1:
    if mg_job_ended():
        PyErr_CheckSignals()
        raise KeyboardInterrupt
    if not enough:
        raise MemoryError("no memory for the scratch of a convolution")
    return 0


cdef class Algorithm:
    # choice.py takes an algorithm only for what it can do.
    cdef bint forward(self, const char *x, const char *kernel, const char *bias, char *y, bint relu) noexcept nogil:
        return False

    cdef bint grad_input(self, const char *dy, const char *kernel, char *dx) noexcept nogil:
        return False

    cdef bint grad_kernel(self, const char *x, const char *dy, char *dkernel) noexcept nogil:
        return False

    cdef object freeze(self, const char *x, const char *kernel, const char *bias, char *y, bint relu, alive):
        return None


cdef class Call:
    cdef bint run(self) noexcept nogil:
        return True

    def __call__(self):
        cdef bint enough
        if self.seconds < BRIEF:
            enough = self.run()
        else:
            with nogil:
                enough = self.run()
        check_memory(enough)


def available_isas():
    """The instruction sets that are compiled in and that this processor runs, best last."""
    cdef int count
    cdef const mg_isa *sets = mg_isa_available(&count)
    return [sets[i].name.decode() for i in range(count)]


def get_isa():
    """The instruction set in use."""
    return mg_isa_active().name.decode()


def set_isa(str name):
    """Use the instruction set `name` from now on; ValueError if this processor or this build lacks it."""
    if mg_isa_select(name.encode()) != 0:
        raise ValueError(f"the instruction set must be one of {', '.join(available_isas())}. Received: {name!r}.")


def get_lanes(bint wide):
    """How many numbers a vector holds: float64 if `wide`, else float32."""
    return mg_isa_active().traits.vector_bytes // (8 if wide else 4)


def processor():
    """The processor's family by CPUID and a core's second-level cache, as "AuthenticAMD 25, 1024 KB": AMD's 25 has 512
    in Zen 3 and 1024 in Zen 4, and all Intel's are of family 6. "" where nobody says."""
    cdef mg_cpu_ cpu = mg_cpu()
    return f"{cpu.vendor.decode()} {cpu.family}, {cpu.l2_bytes // 1024} KB" if cpu.family else ""


cpdef int get_num_threads() noexcept nogil:
    """The size of the pool, the calling thread included."""
    return mg_get_num_threads()


def set_num_threads(int threads):
    """Make the pool `threads` large; waits for the job that is running, if any."""
    with nogil:
        mg_set_num_threads(threads)


def compiler():
    """Name and version of the C compiler that built this module."""
    return mg_compiler().decode()


mg_fft_init()
mg_set_end_wanted(interrupted)

if os.environ.get("MGCONV_ISA"):
    try:
        set_isa(os.environ["MGCONV_ISA"])
    except ValueError as error:
        raise ImportError(f"MGCONV_ISA: {error}") from None
