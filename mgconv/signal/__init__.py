"""Convolution and correlation of signals and images, with SciPy's, MATLAB's and the lecture's meaning.

- As SciPy: `convolve`, `correlate`, `convolve2d`, `correlate2d`, `fftconvolve`, `oaconvolve`, `correlation_lags`.
- As MATLAB: `conv2`, `filter2`.
- As the lecture: `causal_conv`, z[i] = sum a[k] x[i - tau + k], and `valid_conv2`, its my_valid_conv2.
- Gradients of all of them, named ``<function>_grad_<argument>``.

float32, float64, complex64 and complex128 are computed in their own precision; integers and booleans exactly (integers
modulo the size of their type), by conv2 and filter2 in float64. Short kernels and ``method="direct"`` are plain sums.
Long kernels may go through an FFT whose error is about 2e-7 (single precision) or 4e-16 (double) of the norm of the
full result, but by default only where SciPy would lose those digits too, or none are lost. Infinities and NaN of a
signal reach the outputs whose kernel covers them, and no others; those of a kernel meet the zeros beyond the edges too.
Results do not depend on the number of threads.
"""
from mgconv.signal.convolution import (
    convolve,
    convolve2d,
    correlate,
    correlate2d,
    correlation_lags,
    fftconvolve,
    oaconvolve,
)
from mgconv.signal.gradients import (
    causal_conv_grad_a,
    causal_conv_grad_x,
    conv2_grad_A,
    conv2_grad_B,
    convolve2d_grad_in1,
    convolve2d_grad_in2,
    convolve_grad_in1,
    convolve_grad_in2,
    correlate2d_grad_in1,
    correlate2d_grad_in2,
    correlate_grad_in1,
    correlate_grad_in2,
    filter2_grad_h,
    filter2_grad_x,
    valid_conv2_grad_K,
    valid_conv2_grad_x,
)
from mgconv.signal.lecture import causal_conv, valid_conv2
from mgconv.signal.matlab import conv2, filter2

__all__ = [
    "causal_conv", "causal_conv_grad_a", "causal_conv_grad_x", "conv2", "conv2_grad_A", "conv2_grad_B", "convolve",
    "convolve2d", "convolve2d_grad_in1", "convolve2d_grad_in2", "convolve_grad_in1", "convolve_grad_in2",
    "correlate", "correlate2d", "correlate2d_grad_in1", "correlate2d_grad_in2", "correlate_grad_in1",
    "correlate_grad_in2", "correlation_lags", "fftconvolve", "filter2", "filter2_grad_h", "filter2_grad_x",
    "oaconvolve", "valid_conv2", "valid_conv2_grad_K", "valid_conv2_grad_x",
]
