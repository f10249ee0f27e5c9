"""Digits, gaps and memory: what a swap of imports must not lose."""
import tracemalloc

import numpy as np
import pytest
import scipy.signal

from mgconv import ops, signal
from mgconv.signal import arrays

RNG = np.random.default_rng(0)
KERNEL = RNG.random((13, 12))
KERNEL /= KERNEL.sum()


def far_from(at, shape, reach=16):
    """Outputs whose kernel covers neither the edges nor position `at`."""
    away = np.zeros(shape, bool)
    away[reach:-reach, reach:-reach] = True
    away[tuple(slice(i - reach, i + reach) for i in at)] = False
    return away


@pytest.mark.parametrize("operation", [
    lambda x, h: signal.convolve2d(x, h, "same"), lambda x, h: signal.correlate2d(x, h, "same", boundary="symm"),
    lambda x, h: signal.convolve2d(x, h, "same", "wrap"), lambda x, h: signal.conv2(x, h, "same"),
    lambda x, h: signal.filter2(h, x), lambda x, h: signal.conv2_grad_A(x, h, x.shape, "same")])
@pytest.mark.parametrize(("dtype", "huge", "error"), [
    ("f4", 1e5, 1e-6), ("f4", -1e9, 1e-6), ("f4", 1e20, 1e-6), ("f8", 1e7, 1e-14), ("f8", 1e100, 1e-14),
    ("c8", 1e7j, 1e-6), ("c16", 1e9j, 1e-14)])
def test_one_bright_pixel_costs_the_others_no_digit(operation, dtype, huge, error):
    image = np.ones((200, 180), dtype)
    image[90, 77] = huge
    out = operation(image, KERNEL.astype(dtype))
    assert out.dtype == dtype
    assert abs(out[far_from((90, 77), image.shape)] - 1).max() < error


def test_dark_regions_stay_exactly_dark():
    image = RNG.standard_normal((300, 300)).astype("f4")
    image[100:180, 100:180] = 0
    out = signal.convolve2d(image, RNG.random((21, 21), np.float32), "same")
    assert not out[110:170, 110:170].any()


@pytest.mark.parametrize("dtype", ["f4", "f8", "c8", "c16"])
@pytest.mark.parametrize("method", ["auto", "direct", "fft"])
def test_methods_of_images_agree(dtype, method):
    x = RNG.standard_normal((90, 70, 2)) @ [1, 1j if dtype[0] == "c" else 1]
    h = RNG.standard_normal((11, 8, 2)) @ [1, 1j if dtype[0] == "c" else 1]
    tolerance = {"rtol": 0, "atol": 3e-5 if dtype in ("f4", "c8") else 1e-12}
    ours, theirs = (x.astype(dtype), h.astype(dtype)), (x, h)
    np.testing.assert_allclose(signal.convolve2d(*ours, "same", "wrap", method=method),
                               scipy.signal.convolve2d(*theirs, "same", "wrap"), **tolerance)
    np.testing.assert_allclose(signal.correlate2d(*ours, method=method), scipy.signal.correlate2d(*theirs), **tolerance)
    np.testing.assert_allclose(signal.conv2(*ours, method=method), scipy.signal.convolve2d(*theirs), **tolerance)
    np.testing.assert_allclose(signal.filter2(ours[1], ours[0], "valid", method=method),
                               scipy.signal.convolve2d(x, h[::-1, ::-1], "valid"), **tolerance)


@pytest.mark.parametrize("call", [lambda m: signal.convolve2d(KERNEL, KERNEL, method=m),
                                  lambda m: signal.conv2(KERNEL, KERNEL, method=m),
                                  lambda m: signal.filter2(KERNEL, KERNEL, method=m)])
@pytest.mark.parametrize("method", ["fastest", "FFT", None, 1])
def test_unknown_methods_are_refused(call, method):
    with pytest.raises(ValueError, match=f"Received: method={method!r}"):
        call(method)


@pytest.mark.parametrize("mode", ["full", "same", "valid"])
@pytest.mark.parametrize(("n", "k"), [(3000, 80), (100_000, 150), (1000, 1000), (400, 400)])
def test_a_signal_keeps_its_digits_where_scipy_takes_sums(n, k, mode):
    x, h = RNG.standard_normal(n), RNG.standard_normal(k)
    if scipy.signal.choose_conv_method(x, h, mode) == "direct":
        np.testing.assert_array_equal(signal.convolve(x, h, mode), signal.convolve(x, h, mode, "direct"))


# ---- integers


@pytest.mark.parametrize(("dtypes", "expected"), [
    (("u1", "u1"), "f8"), (("?", "?"), "f8"), (("i8", "f8"), "f8"), (("i4", "f4"), "f4"), (("f8", "f4"), "f4"),
    (("?", "f4"), "f4"), (("c16", "f4"), "c8"), (("c8", "f8"), "c8"), (("c16", "i2"), "c16"), (("u2", "c8"), "c8")])
def test_matlabs_dtypes(dtypes, expected):
    a, b = (np.full((6, 5), 200).astype(dtype) for dtype in dtypes)
    vector = b[:, 0]
    for out in (signal.conv2(a, b), signal.filter2(b, a), signal.conv2(vector, vector, a),
                signal.conv2(np.zeros((0, 3), dtypes[0]), b), signal.conv2_grad_A(a, b, (6, 5), "same"),
                signal.conv2_grad_B(a, b, (6, 5), "same"), signal.filter2_grad_x(a, b, (6, 5))):
        assert out.dtype == expected
    assert signal.conv2(a, b).max() == 30 * float(a[0, 0].real) * float(b[0, 0].real)


def test_shape_names_in_any_case():
    np.testing.assert_array_equal(signal.conv2(KERNEL, KERNEL, "SAME"), signal.conv2(KERNEL, KERNEL, "same"))
    np.testing.assert_array_equal(signal.filter2(KERNEL, KERNEL, "Valid"), signal.filter2(KERNEL, KERNEL, "valid"))


@pytest.mark.parametrize("dtype", ["i1", "u1", "i2", "i4", "i8", "u8", "?"])
@pytest.mark.parametrize("taps", [3, 70])
def test_integers_strip_by_strip(dtype, taps, monkeypatch):
    monkeypatch.setattr(arrays, "CHUNK", 256)
    x, h = (RNG.integers(0, 2 if dtype == "?" else 120, size).astype(dtype) for size in (4000, taps))
    for mode in ("full", "same", "valid"):
        np.testing.assert_array_equal(signal.convolve(x, h, mode), np.convolve(x, h, mode))


@pytest.mark.parametrize("mode", ["full", "same", "valid"])
@pytest.mark.parametrize("boundary", ["fill", "wrap", "symm"])
@pytest.mark.parametrize("kernel", [(3, 3), (1, 9), (31, 7)])
def test_images_of_integers_strip_by_strip(mode, boundary, kernel, monkeypatch):
    monkeypatch.setattr(arrays, "CHUNK", 2048)
    x, h = (RNG.integers(-90, 99, size).astype("i2") for size in ((300, 140), kernel))
    np.testing.assert_array_equal(signal.correlate2d(x, h, mode, boundary, 7 if boundary == "fill" else 0),
                                  scipy.signal.correlate2d(x, h, mode, boundary, 7 if boundary == "fill" else 0))


@pytest.mark.parametrize(("shape", "kernel"), [((4_000_000,), (9,)), ((4_000_000,), (100,)), ((2000, 2000), (5, 5))])
@pytest.mark.parametrize("dtype", ["i1", "i2", "i4", "?"])
def test_filters_of_integers_need_little_beside_their_result(shape, kernel, dtype):
    x, h = np.ones(shape, dtype), np.ones(kernel, dtype)
    call = signal.convolve if x.ndim == 1 or dtype == "?" else signal.convolve2d
    if x.ndim == 2 and dtype == "?":
        pytest.skip("SciPy's")
    tracemalloc.start()
    try:
        call(x, h, "same")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 3 * x.nbytes + 2**23


# ---- gaps


def test_gaps_are_refused():
    gaps = np.ma.masked_equal(np.where(np.arange(36.0) == 17, -200, np.arange(36)), -200)
    image = gaps.reshape(6, 6)
    plain = np.ones((2, 2))
    for call in (lambda: signal.convolve(gaps, [1.0, 2.0]), lambda: signal.convolve([1.0, 2.0], gaps),
                 lambda: signal.correlate(gaps.astype("i4"), [1, 2]), lambda: signal.convolve2d(image, plain),
                 lambda: signal.correlate2d(image, plain, boundary="wrap"), lambda: signal.conv2(image, plain),
                 lambda: signal.conv2([1, 2], [1, 2], image), lambda: signal.filter2(plain, image),
                 lambda: signal.causal_conv([1.0], gaps), lambda: signal.valid_conv2(image, plain),
                 lambda: signal.convolve_grad_in1(gaps, [1.0], (36,)),
                 lambda: signal.conv2_grad_A(image, plain, (5, 5)),
                 lambda: signal.causal_conv_grad_x(gaps, [1.0]), lambda: signal.valid_conv2_grad_x(image, plain),
                 lambda: ops.conv(gaps.reshape(1, 36, 1), np.ones((2, 1, 1))),
                 lambda: ops.conv_grad_input(gaps.reshape(1, 36, 1), np.ones((2, 1, 1)), (1, 37, 1)),
                 lambda: ops.conv_grad_kernel(gaps.reshape(1, 36, 1), np.ones((1, 35, 1)), (2, 1, 1)),
                 lambda: ops.bias_grad(gaps.reshape(1, 36, 1)), lambda: ops.max_pool(gaps.reshape(1, 36, 1), 2)):
        for _ in range(2):            # a plan that is known finds its way by another road
            with pytest.raises(ValueError, match="must not be masked: fill the gaps first"):
                call()
    whole = np.ma.masked_array(np.arange(5.0))
    np.testing.assert_array_equal(signal.convolve(whole, [1.0, 1.0]), np.convolve(np.arange(5.0), [1, 1]))
