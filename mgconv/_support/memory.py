"""Where arrays begin, and who may use their memory again.

Arrays begin at a multiple of 64 bytes, so that no vector straddles a cache line. NumPy's own begin anywhere at 16:
writing 12 MB of results takes up to a third longer so.

While `Buffers` are entered, `aligned_empty` takes its arrays from their blocks, one after the other. Layers that are
bound again, for a smaller batch, ask for as many arrays in the same order, and so get the same blocks: one set of
memory, sized for the largest batch, serves all of them. Hence nothing survives in such an array from one run to the
next, but what the calls of the same run wrote.
"""
import math
import threading

import numpy as np

CACHE_LINE = 64
LARGE = 1 << 16                # elements that repay the microseconds that aligning takes

_entered = threading.local()


class Buffers:
    """Blocks of memory that arrays take in turn; enter it to begin with the first again.

    Attributes
    ----------
    grown : bool
        Whether a block was too small for an array since it was entered last, and gave way to a larger one.
    """

    def __init__(self):
        self._blocks = []
        self._next = 0
        self._outer = None
        self.grown = False

    def __enter__(self):
        self._next, self.grown = 0, False
        self._outer = getattr(_entered, "buffers", None)
        _entered.buffers = self
        return self

    def __exit__(self, *error):
        _entered.buffers = self._outer

    def block(self, size):
        """The next block, of at least `size` bytes."""
        index, self._next = self._next, self._next + 1
        if index == len(self._blocks):
            self._blocks.append(np.empty(size, np.uint8))
        elif self._blocks[index].size < size:
            self._blocks[index] = np.empty(size, np.uint8)
            self.grown = True
        return self._blocks[index]


def aligned_empty(shape, dtype):
    """An uninitialized array that begins at a cache line."""
    dtype = np.dtype(dtype)
    size = math.prod(shape) * dtype.itemsize + CACHE_LINE
    buffers = getattr(_entered, "buffers", None)
    memory = np.empty(size, np.uint8) if buffers is None else buffers.block(size)
    return np.ndarray(shape, dtype, memory, -memory.ctypes.data % CACHE_LINE)


def empty_result(shape, dtype):
    """An uninitialized array for what an operation returns; a large one is aligned."""
    return np.empty(shape, dtype) if math.prod(shape) < LARGE else aligned_empty(shape, dtype)
