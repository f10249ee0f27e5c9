"""Convolution and pooling as functions: array in, array out.

Arrays are channels last unless `data_format="channels_first"`: x is (batch, steps, channels) in 1-D and (batch, rows,
cols, channels) in 2-D, a kernel (\\*spatial, channels / groups, filters). All arrays of a call are float32 or all are
float64. They may be read-only and need not be contiguous.

The gradient of `op` to its argument `a` is `op_grad_a`.
"""
from mgconv.ops.convolution import bias_grad, conv, conv_grad_input, conv_grad_kernel
from mgconv.ops.depthwise import depthwise_conv, depthwise_conv_grad_input, depthwise_conv_grad_kernel
from mgconv.ops.pooling import average_pool, average_pool_grad_input, max_pool, max_pool_grad_input
from mgconv.ops.separable import (
    separable_conv,
    separable_conv_grad_depthwise_kernel,
    separable_conv_grad_input,
    separable_conv_grad_pointwise_kernel,
)
from mgconv.ops.transposed import conv_transpose, conv_transpose_grad_input, conv_transpose_grad_kernel

__all__ = ["average_pool", "average_pool_grad_input", "bias_grad", "conv", "conv_grad_input", "conv_grad_kernel",
           "conv_transpose", "conv_transpose_grad_input", "conv_transpose_grad_kernel", "depthwise_conv",
           "depthwise_conv_grad_input", "depthwise_conv_grad_kernel", "max_pool", "max_pool_grad_input",
           "separable_conv", "separable_conv_grad_depthwise_kernel", "separable_conv_grad_input",
           "separable_conv_grad_pointwise_kernel"]
