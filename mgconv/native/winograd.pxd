"""Convolution of 3x3 taps with unit stride by Winograd's F(2x2, 3x3), for the plans of conv.pyx."""
from mgconv.native cimport runtime


cdef struct Pass:
    # A correlation of x (batch, rows, columns, channels) with 3x3 taps to y (batch, out_rows, out_columns, filters).
    const runtime.mg_winograd_kernels *kernels
    Py_ssize_t itemsize
    Py_ssize_t batch, rows, columns, channels
    Py_ssize_t out_rows, out_columns, filters
    Py_ssize_t top, left                         # zeros before the rows and columns of x; negative: crops
    Py_ssize_t tap, channel, filter              # strides of the kernel array
    Py_ssize_t first_tap
    Py_ssize_t down, across, tiles               # tiles of an image, and of all
    Py_ssize_t depths, panels                    # blocks of channels and of filters
    Py_ssize_t block, shares                     # tiles a task; tasks that share a block's panels


cdef class WinogradConv(runtime.Algorithm):
    cdef Pass towards_output, towards_input
