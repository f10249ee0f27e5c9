"""Nothing is read or written outside the arrays: each one ends, or begins, at a page that the system protects."""
import ctypes
import mmap
import sys

import numpy as np
import pytest

from mgconv.geometry import conv_geometry
from mgconv.native import runtime
from mgconv.native.conv import ConvPlan

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="mprotect by its Linux signature")

PAGE = mmap.PAGESIZE
CASES = [
    ((2, 9, 1), (3, 1, 1), {}),
    ((1, 30, 1), (5, 1, 16), {}),
    ((3, 17, 3), (4, 3, 17), {"padding": "same"}),
    ((1, 40, 8), (9, 8, 3), {"padding": "full"}),
    ((2, 13, 33), (3, 33, 7), {"strides": 2, "dilation_rate": 2}),
    ((2, 7, 9, 3), (3, 3, 3, 5), {"padding": "same"}),
    ((1, 11, 5, 17), (3, 2, 17, 33), {"strides": (2, 1)}),
    ((20, 3, 3, 5), (3, 3, 5, 9), {"padding": "same"}),
    ((2, 9, 9, 20), (3, 3, 1, 20), {"padding": "same"}),
    ((2, 9, 9, 3), (3, 3, 1, 6), {"padding": "same"}),
    ((1, 19, 21, 1), (3, 3, 1, 1), {"padding": "same"}),
    ((1, 6, 9, 512), (3, 4, 1, 512), {"padding": "same"}),
    ((2, 8, 12), (3, 4, 9), {}),
    ((37, 1, 35), (1, 35, 65), {}),
]


class Fenced:
    """Copies of arrays with a protected page at their end, or at their beginning."""

    def __init__(self, at_end):
        self.at_end, self.maps = at_end, []
        self.mprotect = ctypes.CDLL(None).mprotect
        self.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]

    def __call__(self, array):
        pages = -(-array.nbytes // PAGE)
        memory = mmap.mmap(-1, (pages + 2) * PAGE)
        first = ctypes.addressof(ctypes.c_char.from_buffer(memory))
        for fence in (first, first + (pages + 1) * PAGE):
            assert self.mprotect(fence, PAGE, 0) == 0
        self.maps.append(memory)
        start = PAGE + (pages * PAGE - array.nbytes if self.at_end else 0)
        copy = np.frombuffer(memory, array.dtype, array.size, start).reshape(array.shape)
        copy[...] = array
        return copy


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("at_end", [True, False])
@pytest.mark.parametrize(("input_shape", "kernel_shape", "how"), CASES)
def test_no_operation_touches_a_protected_page(input_shape, kernel_shape, how, at_end, dtype):
    geometry = conv_geometry(input_shape, kernel_shape, **how)
    rng = np.random.default_rng(0)
    before = runtime.get_isa()
    try:
        for isa in runtime.available_isas():
            runtime.set_isa(isa)
            fenced = Fenced(at_end)
            x, kernel, bias, y = (fenced(rng.standard_normal(shape).astype(dtype)) for shape in (
                geometry.input_shape, geometry.kernel_shape, geometry.kernel_shape[-1:], geometry.output_shape))
            plan = ConvPlan(geometry, dtype)
            plan.forward(x, kernel, bias, y, "relu")
            plan.grad_input(y, kernel, fenced(np.zeros_like(x)))
            plan.grad_kernel(x, y, fenced(np.zeros_like(kernel)))
    finally:
        runtime.set_isa(before)
