"""Calls that are made a million times keep nothing; large results begin at a cache line."""
import gc
import tracemalloc

import numpy as np
import pytest

import mgconv
from mgconv import layers, ops
from mgconv._support.memory import aligned_empty

CALLS = 1000


@pytest.fixture(scope="module")
def calls():
    model = mgconv.Sequential([mgconv.Input((30, 1)), layers.Conv1D(16, 5, activation="relu"), layers.Flatten(),
                               layers.Dense(14)])
    model.compile("adam", "mse")
    answer = model.predictor()
    x, y = np.ones((1, 30, 1), np.float32), np.zeros((1, 14), np.float32)
    kernel, bias = np.ones((5, 1, 16), np.float32), np.zeros(16, np.float32)
    return {"predict": lambda: model.predict(x, verbose=0), "predictor": lambda: answer(x),
            "train_on_batch": lambda: model.train_on_batch(x, y), "conv": lambda: ops.conv(x, kernel, bias),
            "conv_grad_input": lambda: ops.conv_grad_input(np.ones((1, 26, 16), np.float32), kernel, x.shape),
            "conv_grad_kernel": lambda: ops.conv_grad_kernel(x, np.ones((1, 26, 16), np.float32), kernel.shape),
            "conv, settings in a list": lambda: ops.conv(x, kernel, bias, padding=[(2, 2)])}


@pytest.mark.thread_unsafe(reason="counts the memory of the process")
@pytest.mark.parametrize("name", ["predict", "predictor", "train_on_batch", "conv", "conv_grad_input",
                                  "conv_grad_kernel", "conv, settings in a list"])
def test_many_calls_keep_nothing(calls, name):
    call, grown = calls[name], []
    for _ in range(10):
        call()
    tracemalloc.start()
    try:
        call()
        for _ in range(3):                       # a leak is in each; without the GIL, CPython puts off what it frees
            before, _ = tracemalloc.get_traced_memory()
            for _ in range(CALLS):
                call()
            gc.collect()
            after, _ = tracemalloc.get_traced_memory()
            grown.append(after - before)
    finally:
        tracemalloc.stop()
    assert min(grown) < 8 * CALLS                # not even a pointer a call: NumPy reports its arrays, too


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_large_results_begin_at_a_cache_line(dtype):
    x, kernel = np.ones((3, 90, 101, 4), dtype), np.ones((1, 1, 4, 16), dtype)
    y = ops.conv(x, kernel)
    for result in (y, ops.conv_grad_input(y, kernel, x.shape), ops.max_pool(x, 2, strides=1)):
        assert result.ctypes.data % 64 == 0
        assert result.dtype == dtype
        assert result.flags.c_contiguous


@pytest.mark.parametrize("shape", [(), (0,), (3, 0, 2), (7,), (2, 3, 5)])
def test_aligned_arrays_have_the_shape_asked_for(shape):
    array = aligned_empty(shape, ">f8")
    array[...] = 2
    assert array.shape == shape
    assert array.dtype == ">f8"
    assert array.sum() == 2 * np.prod(shape)
