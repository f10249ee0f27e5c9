"""Winograd's convolution along one axis or two, for the plans of conv.pyx."""
from mgconv.native cimport runtime
from mgconv.native.caches cimport Reach
from mgconv.native.correlation cimport Correlation
from mgconv.native.kernel_gradient cimport KernelGradient


cdef struct WinogradPlan:
    # A correlation of x to y, along one axis (the columns) and the other (the rows), and its taps.
    const runtime.mg_winograd_kernels *kernels
    Py_ssize_t item
    Py_ssize_t batch, channels, filters
    Py_ssize_t rows, row_taps, row_rate, row_start, out_rows     # start: input of output 0, tap 0; negative: padding
    Py_ssize_t size, taps, rate, start, out
    Py_ssize_t x_image, x_row, x_step, y_image, y_row, y_step    # strides, in numbers
    Py_ssize_t tap, row_tap, tap_channel, tap_filter, first_tap  # strides of the kernel array
    Py_ssize_t outputs, row_outputs, span, row_span              # of a tile: columns, rows; of its inputs
    Py_ssize_t run, parts, depth, places                         # taps of a part; channels of all parts
    Py_ssize_t down, across                                      # tiles of an image's rows, of a line
    Py_ssize_t blocks[3]                                         # of images, of rows, of a line's tiles
    Py_ssize_t images, high, wide                                # the largest block: its rows, tiles of a line
    Py_ssize_t chunks                                            # of blocks, each with sums of its own
    Py_ssize_t x_pitch, y_pitch                                  # from position to position of a block, in numbers
    Py_ssize_t x_place, y_place                                  # from place to place, in bytes
    Py_ssize_t block_bytes
    Reach x_reach, y_reach
    double seconds


cdef struct Block:
    Py_ssize_t image, images, row, rows, tile


cdef class WinogradConv(runtime.Algorithm):
    cdef WinogradPlan towards_output, towards_input, towards_kernel
    cdef Correlation output_product, input_product
    cdef KernelGradient sum
