"""Long kernels in 1-D by FFT, for the plans of conv.pyx."""
from mgconv.native cimport runtime


cdef struct FFTPlan:
    # A correlation of x (batch, steps, channels) with taps to y (batch, out_steps, filters).
    const runtime.mg_fft_kernels *fft
    const runtime.mg_fft_conv_kernels *kernels
    Py_ssize_t itemsize, lanes
    Py_ssize_t batch, steps, channels, out_steps, filters, taps
    Py_ssize_t left                              # zeros before x; negative: crops
    Py_ssize_t tap, channel, filter              # strides of the kernel array
    Py_ssize_t last_tap
    int log2n
    Py_ssize_t n, step, segments, pairs          # inputs and outputs of a segment; segments of a signal, pairs of all
    Py_ssize_t pitch                             # numbers from column to column
    Py_ssize_t unit, block                       # pairs that fill columns; pairs a task
    Py_ssize_t *input_rows                       # offsets, see src_c/fft_conv.h
    Py_ssize_t *output_rows
    Py_ssize_t *tap_rows
    Py_ssize_t *channel_places


cdef class FFTConv(runtime.Algorithm):
    cdef FFTPlan towards_output, towards_input
