"""mgconv.signal against SciPy, the lecture's printed tables and MATLAB's rules, over dtypes, modes and boundaries."""
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import scipy.signal
from hypothesis import given, settings
from hypothesis import strategies as st

import mgconv
from mgconv import signal
from mgconv.native import runtime

FLOATS = [np.float32, np.float64, np.complex64, np.complex128]
INTEGERS = [np.int8, np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.int64, np.uint64, np.bool_]
MODES = ["full", "same", "valid"]
TOLERANCE = {"f": 3e-6, "d": 1e-13, "F": 3e-6, "D": 1e-13}


def random_array(rng, shape, dtype):
    dtype = np.dtype(dtype)
    if dtype.kind in "bui":
        low, high = (0, 2) if dtype.kind == "b" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
        return rng.integers(low, high, shape, dtype if dtype.kind != "b" else np.int64).astype(dtype)
    x = rng.standard_normal(shape)
    return (x + 1j * rng.standard_normal(shape) if dtype.kind == "c" else x).astype(dtype)


def scipys(name, *args):
    with warnings.catch_warnings():   # with mixed dtypes SciPy casts memory that it has not written yet, and warns
        warnings.simplefilter("ignore")
        return getattr(scipy.signal, name)(*args)


def assert_agrees(got, want, case="", largest=None):
    """Equal but for rounding, which is relative to the sums of absolute values `largest`, or to `want`."""
    assert got.dtype == want.dtype, case
    assert got.shape == want.shape, case
    if want.dtype.kind in "bui":
        assert np.array_equal(got, want), case
    else:
        size = np.linalg.norm(want if largest is None else largest)
        assert np.linalg.norm(got - want) <= TOLERANCE[want.dtype.char] * size, case


def both_shapes(draw, rank, longest, longest_kernel, valid):
    x = tuple(draw(st.integers(1, longest)) for _ in range(rank))
    h = tuple(draw(st.integers(1, longest_kernel)) for _ in range(rank))
    if valid:
        x = tuple(map(max, x, h))
    return x, h


@st.composite
def cases(draw, ranks=(1, 2), dtypes=FLOATS):
    mode = draw(st.sampled_from(MODES))
    rank = draw(st.sampled_from(ranks))
    longest = (200, 60) if rank == 1 else (40, 12)
    x, h = both_shapes(draw, rank, *longest, mode == "valid")
    if draw(st.booleans()):
        x, h = h, x
    rng = np.random.default_rng(draw(st.integers(0, 1000)))
    dtype, other = draw(st.sampled_from(dtypes)), draw(st.sampled_from(dtypes))
    return random_array(rng, x, dtype), random_array(rng, h, other), mode


@pytest.fixture(params=runtime.available_isas())
def isa(request):
    before = runtime.get_isa()
    runtime.set_isa(request.param)
    yield request.param
    runtime.set_isa(before)


@pytest.mark.parametrize("name", ["convolve", "correlate"])
@pytest.mark.parametrize("method", ["auto", "direct", "fft"])
@settings(max_examples=60)
@given(case=cases())
def test_agrees_with_scipy(name, method, case):
    x, h, mode = case
    want = scipys(name, x, h, mode, "direct")
    assert_agrees(getattr(signal, name)(x, h, mode, method), want, (name, method, x.shape, h.shape, mode),
                  scipys(name, abs(x), abs(h), mode, "direct"))


@pytest.mark.parametrize("name", ["convolve2d", "correlate2d"])
@settings(max_examples=100)
@given(case=cases(ranks=(2,)), boundary=st.sampled_from(["fill", "wrap", "symm", "pad", "circular", "symmetric"]),
       fillvalue=st.sampled_from([0, 2, -1.5]))
def test_images_agree_with_scipy_at_every_boundary(name, case, boundary, fillvalue):
    x, h, mode = case
    want = scipys(name, x, h, mode, boundary, fillvalue)
    assert_agrees(getattr(signal, name)(x, h, mode, boundary, fillvalue), want, (x.shape, h.shape, mode, boundary),
                  scipys(name, abs(x), abs(h), mode, boundary, abs(fillvalue)))


@pytest.mark.parametrize("name", ["convolve", "correlate"])
@settings(max_examples=60)
@given(case=cases(dtypes=INTEGERS))
def test_integers_are_exact_modulo_their_size(name, case):
    x, h, mode = case
    both_bool = x.dtype == h.dtype == np.bool_
    if (both_bool and (x.ndim == 2 or x.size < h.size)) or np.result_type(x, h).kind == "f":
        return                        # SciPy refuses some booleans; int64 with uint64 gives float64
    assert_agrees(getattr(signal, name)(x, h, mode), scipys(name, x, h, mode, "direct"), (x.dtype, h.dtype))


@pytest.mark.parametrize("name", ["convolve2d", "correlate2d"])
@settings(max_examples=60)
@given(case=cases(ranks=(2,), dtypes=INTEGERS[:-1]), boundary=st.sampled_from(["fill", "wrap", "symm"]))
def test_integer_images_are_exact(name, case, boundary):
    x, h, mode = case
    if np.result_type(x, h).kind == "f":
        return
    assert_agrees(getattr(signal, name)(x, h, mode, boundary, 3), scipys(name, x, h, mode, boundary, 3))


@pytest.mark.parametrize(("dtype", "other"), [(np.int16, np.float32), (np.int64, np.complex64),
                                              (np.float64, np.float32), (np.bool_, np.int8), (np.bool_, np.float32)])
def test_dtypes_promote_as_in_scipy(dtype, other):
    rng = np.random.default_rng(0)
    x, h = random_array(rng, (9, 8), dtype) % 2, random_array(rng, (3, 2), other)
    for name in ("convolve", "correlate", "convolve2d", "correlate2d"):
        assert_agrees(getattr(signal, name)(x, h), scipys(name, x, h), name)


PRODUCTS = [np.ones((5, 7)) / 35, np.outer([1, 4, 6, 4, 1], [1, 2, 1]) / 64, [[1, 0, -1], [2, 0, -2], [1, 0, -1]],
            np.outer([0, 0, 3, 1], [0, 2, 0, 5]), np.zeros((3, 3)), np.outer([1, 2, 3], [1, 0.1, 0.3])]


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("kernel", PRODUCTS)
@pytest.mark.parametrize("boundary", ["fill", "symm"])
def test_kernels_that_are_products(isa, dtype, kernel, boundary):
    rng = np.random.default_rng(6)
    for shape in ((40, 50), (70, 1100), (3, 3)):
        x, h = random_array(rng, shape, dtype), np.asarray(kernel, dtype)
        for mode in ("full", "same"):
            assert_agrees(signal.convolve2d(x, h, mode, boundary), scipys("convolve2d", x, h, mode, boundary))


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize(("shape", "kernel"), [((30000,), (500,)), ((5000,), (4000,)), ((40,), (3,)),
                                               ((130, 70), (9, 9)), ((300, 200), (40, 31)), ((70, 900), (1, 300))])
def test_every_instruction_set_agrees_with_long_double(isa, dtype, shape, kernel):
    rng = np.random.default_rng(1)
    x, h = random_array(rng, shape, dtype), random_array(rng, kernel, dtype)
    want = scipy.signal.fftconvolve(x.astype(np.complex128), h.astype(np.complex128), "same")
    for method in ("auto", "fft"):
        got = signal.convolve(x, h, "same", method)
        assert np.linalg.norm(got - want) < TOLERANCE[got.dtype.char] * np.linalg.norm(want)


@pytest.mark.parametrize(("shape", "kernel"), [((100000,), (31,)), ((50000,), (1000,)), ((600, 500), (5, 5)),
                                               ((500, 600), (50, 50))])
def test_threads_do_not_change_a_bit(shape, kernel):
    rng = np.random.default_rng(2)
    x, h = random_array(rng, shape, np.float32), random_array(rng, kernel, np.float32)
    before = mgconv.get_num_threads()
    results = []
    for threads in (1, 2, 3):
        mgconv.set_num_threads(threads)
        results.append(signal.convolve(x, h, "same"))
    mgconv.set_num_threads(before)
    assert all(np.array_equal(results[0], other) for other in results[1:])


def test_calls_from_several_threads_do_not_meet():
    rng = np.random.default_rng(8)
    pairs = [(rng.standard_normal((90, 80 + i)), rng.standard_normal((3 + 4 * i, 5 + 3 * i))) for i in range(8)] * 4
    want = [signal.convolve(x, h) for x, h in pairs]
    with ThreadPoolExecutor(4) as pool:
        got = list(pool.map(lambda pair: signal.convolve(*pair), pairs))
    assert all(np.array_equal(a, b) for a, b in zip(got, want, strict=True))


@pytest.mark.parametrize(("dtype", "documented"), [(np.float32, 4e-7), (np.float64, 8e-16), (np.complex64, 4e-7)])
@pytest.mark.parametrize(("shape", "kernel"), [((100000,), (2047,)), ((400, 300), (63, 63))])
def test_the_ffts_documented_error(isa, dtype, documented, shape, kernel):
    rng = np.random.default_rng(7)
    x, h = random_array(rng, shape, dtype), random_array(rng, kernel, dtype)
    want = scipy.signal.fftconvolve(x.astype(np.clongdouble), h.astype(np.clongdouble))
    assert np.linalg.norm(signal.convolve(x, h, method="fft") - want) < documented * np.linalg.norm(want)


@pytest.mark.parametrize("strange", [np.nan, np.inf])
@pytest.mark.parametrize(("shape", "kernel", "at"), [((40000,), (900,), (20000,)), ((400, 300), (50, 40), (200, 100))])
def test_nan_reaches_only_what_the_kernel_covers(strange, shape, kernel, at):
    rng = np.random.default_rng(3)
    x, h = rng.standard_normal(shape), rng.standard_normal(kernel)
    want = signal.convolve(x, h, method="fft")
    x[at] = strange
    got = signal.convolve(x, h, method="fft")
    reached = np.zeros(got.shape, bool)
    reached[tuple(slice(i, i + k) for i, k in zip(at, kernel, strict=True))] = True
    assert not np.isfinite(got[reached]).any()
    assert np.allclose(got[~reached], want[~reached], rtol=0, atol=1e-10)


@pytest.mark.parametrize("dtype", [np.float32, np.complex128, np.int32])
def test_any_memory_layout(dtype):
    rng = np.random.default_rng(4)
    base, h = random_array(rng, (60, 50), dtype), random_array(rng, (5, 6), dtype)[::-1, ::2]
    unaligned = np.frombuffer(b"x" + base.tobytes(), np.uint8)[1:].view(dtype).reshape(base.shape)
    for x in (base[::2], base[:, 3:40], base[::-1], base.T, base[:, ::-3], np.asfortranarray(base), unaligned,
              base.astype(base.dtype.newbyteorder())):
        assert_agrees(signal.convolve(x, h), scipys("convolve", np.ascontiguousarray(x, dtype), h, "full", "direct"))
    base.flags.writeable = False
    assert_agrees(signal.correlate(base, h), scipys("correlate", base, h, "full", "direct"))


def test_large_images_stay_within_a_few_copies():
    import resource
    x, h = np.ones((2048, 2048), np.uint8), np.ones((3, 3), np.uint8)
    signal.convolve(x[:64], h)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert signal.convolve(x, h, "same")[1, 1] == 9
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 60_000      # KiB; a float64 copy has 32 MiB


def test_other_ranks_and_dtypes_go_to_scipy():
    rng = np.random.default_rng(5)
    x, h = rng.standard_normal((4, 5, 6)), rng.standard_normal((2, 3, 2))
    assert np.allclose(signal.convolve(x, h), scipy.signal.convolve(x, h), rtol=1e-13)
    for dtype in (np.float16, np.longdouble):
        assert_dtype = scipy.signal.convolve(np.ones(4, dtype), np.ones(2, dtype))
        got = signal.convolve(np.ones(4, dtype), np.ones(2, dtype))
        assert got.dtype == assert_dtype.dtype
        assert got.tolist() == assert_dtype.tolist()
    assert signal.convolve(np.array([1, 2], object), np.array([3, 4], object)).tolist() == [3, 10, 8]
    assert signal.convolve(3, 4) == 12
    assert signal.correlate(1j, 1j) == 1


@pytest.mark.parametrize("dtype", ["f4", "f8", "c8", "i4"])
def test_a_dtype_may_name_the_byte_order_of_the_machine(dtype):
    """As those of arrays from MATLAB's files do; a long way round would not be exact."""
    x, h = np.arange(9).reshape(3, 3).astype(dtype), np.arange(4).reshape(2, 2).astype(dtype)
    named = np.dtype(dtype).newbyteorder(sys.byteorder)
    for function in (signal.convolve, signal.correlate2d, signal.conv2):
        for order in "CF":
            assert np.array_equal(function(x.astype(named, order), h.astype(named, order)), function(x, h))


def test_a_fillvalue_counts_at_filled_edges_only():
    x, h = np.arange(12).reshape(3, 4), np.ones((2, 2), int)
    for fillvalue in ([], [1, 2], 1j, np.nan):
        for boundary in ("wrap", "symm"):
            want = scipy.signal.convolve2d(x, h, "full", boundary, fillvalue)
            assert np.array_equal(signal.convolve2d(x, h, "full", boundary, fillvalue), want)
            grad = signal.convolve2d_grad_in2(want, x, h.shape, "full", boundary, fillvalue)
            assert np.array_equal(grad, signal.convolve2d_grad_in2(want, x, h.shape, "full", boundary))


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (0, 0)])
def test_an_empty_image_cannot_be_continued(shape):
    """SciPy 1.17 divides by zero there, which ends the process."""
    for function in (signal.convolve2d, signal.correlate2d):
        for boundary in ("wrap", "symm"):
            with pytest.raises(ValueError, match="empty image"):
                function(np.ones(shape), np.ones((2, 2)), "full", boundary)
            assert function(np.ones(shape), np.ones((2, 2)), "same", boundary).shape == shape


@pytest.mark.parametrize("kind", ["M8[s]", "m8[s]", "V4", "i4,f4"])
@pytest.mark.parametrize("name", ["convolve", "correlate", "convolve2d", "correlate2d"])
def test_dates_and_records_are_refused(name, kind):
    """SciPy refuses them, too, but 1.11 crashes."""
    unusual, numbers = np.zeros((3, 3), kind), np.ones((2, 2))
    for arguments in ((unusual, numbers), (numbers, unusual)):
        with pytest.raises((TypeError, ValueError)) as caught:
            getattr(signal, name)(*arguments)
        assert "buffer" not in str(caught.value)


def test_numbers_without_axes_keep_their_types():
    for a, b in ((np.array(2), np.array(3, object)), (np.float32(2), 3j), (np.ones((), "m8[s]"), 2.0)):
        want, got = scipy.signal.convolve(a, b), signal.convolve(a, b)
        assert want == got
        assert type(want) is type(got)
    assert type(signal.correlate(2, np.array(3, object))) is int


BAD_CALLS = [
    lambda s: s.convolve([1, 2], [[1, 2]]), lambda s: s.convolve([1, 2], 3), lambda s: s.correlate([1], [[2]]),
    lambda s: s.convolve([1.0, 2.0], [1.0], "causal"),
    lambda s: s.convolve([1, 2], [1], "most"), lambda s: s.convolve([1, 2], [1], 1),
    lambda s: s.convolve([1], [1], method="x"),
    lambda s: s.convolve(np.ones((2, 3)), np.ones((3, 2)), "valid"), lambda s: s.correlate([], [1.0]),
    lambda s: s.convolve2d([1, 2], [1, 2]), lambda s: s.convolve2d(np.ones((2, 2, 2)), np.ones((2, 2))),
    lambda s: s.correlate2d([[1]], [[1]], "x"), lambda s: s.convolve2d([[1]], [[1]], "full", "edge"),
    lambda s: s.convolve2d([[1]], [[1]], "full", None), lambda s: s.convolve2d([[1]], [[1, 2]], fillvalue=1j),
    lambda s: s.convolve2d([[1]], [[1, 2]], fillvalue=[1, 2]), lambda s: s.convolve2d([[1]], [[1, 2]], fillvalue=[]),
    lambda s: s.convolve2d([[1]], [[1, 2]], fillvalue=None), lambda s: s.convolve2d([[1.0]], [[1.0]], fillvalue=2 + 0j),
    lambda s: s.convolve2d(np.ones((2, 3)), np.ones((3, 2)), "valid"),
]


@pytest.mark.parametrize("call", BAD_CALLS)
def test_refuses_what_scipy_refuses(call):
    for module in (scipy.signal, signal):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with pytest.raises(ValueError, match="."):
                call(module)
