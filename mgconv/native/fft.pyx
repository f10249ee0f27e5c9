"""The FFT of src_c/fft.h on arrays: for tests, and to look at what long kernels are computed with."""
import numpy as np

from mgconv.native cimport runtime

LONGEST = 1 << runtime.MG_FFT_MAX_LOG2


def fft(x, bint inverse=False):
    """The discrete Fourier transform of each column of `x`, in natural order; the inverse is not divided by n.

    Parameters
    ----------
    x : ndarray, shape (n, columns), complex64 or complex128
        n is a power of two, at most 4096.
    inverse : bool

    Returns
    -------
    ndarray like `x`
    """
    n, columns = x.shape
    if n & (n - 1) or not 1 <= n <= LONGEST:
        raise ValueError(f"The length must be a power of two up to {LONGEST}. Received: x.shape={x.shape}.")
    if x.dtype not in (np.complex64, np.complex128):
        raise TypeError(f"`x` must be complex64 or complex128. Received: {x.dtype}.")
    cdef int log2n = n.bit_length() - 1
    cdef bint wide = x.dtype == np.complex128
    cdef const runtime.mg_fft_kernels *kernels = runtime.active_isa().fft[wide]
    cdef unsigned char[::1] memory
    order = [runtime.fft_frequency(log2n, i) for i in range(n)]
    result = np.empty_like(x)
    for first in range(0, columns, kernels.lanes):
        lanes = min(kernels.lanes, columns - first)
        data = np.zeros((n, 2, kernels.lanes), x.real.dtype)
        some = x[:, first:first + lanes][order] if inverse else x[:, first:first + lanes]
        data[:, 0, :lanes], data[:, 1, :lanes] = some.real, some.imag
        memory = data.reshape(-1).view(np.uint8)
        if inverse:
            kernels.inverse(&memory[0], log2n, 2 * kernels.lanes)
            result[:, first:first + lanes] = data[:, 0, :lanes] + 1j * data[:, 1, :lanes]
        else:
            kernels.forward(&memory[0], log2n, 2 * kernels.lanes)
            result[order, first:first + lanes] = data[:, 0, :lanes] + 1j * data[:, 1, :lanes]
    return result
