"""ops.conv and its gradients against their NumPy twins, SciPy, finite differences and the adjoint identity."""
import os

import numpy as np
import pytest
import scipy.signal
import twin
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mgconv import ops
from mgconv.geometry import conv_geometry
from mgconv.native import runtime
from mgconv.native.conv import ConvPlan

EXAMPLES = int(os.environ.get("MGCONV_EXAMPLES", "120"))        # thousands: MGCONV_EXAMPLES=5000 pytest
TOLERANCE = {np.float32: 3e-5, np.float64: 1e-13}
GUARD = 64


@pytest.fixture(autouse=True)
def _settings_restored():
    isa, threads = runtime.get_isa(), runtime.get_num_threads()
    yield
    runtime.set_isa(isa)
    runtime.set_num_threads(threads)


@st.composite
def geometries(draw):
    """Any geometry: sizes around the vector and tile sizes, groups, strides and dilation together, odd padding."""
    rank = draw(st.integers(1, 2))
    groups = draw(st.sampled_from([1, 1, 1, 2, 3, 8, 17]))
    small = [1, 2, 3, 5] if groups > 3 else [1, 2, 3, 5, 8, 16, 17, 33]
    channels, filters = draw(st.sampled_from(small)), draw(st.sampled_from([*small, 1, 4, 7, 9]))
    axis = st.tuples(st.sampled_from([1, 2, 3, 5, 8, 13, 20]), st.sampled_from([1, 2, 3, 4, 5]),
                     st.sampled_from([1, 1, 2, 3, 4]), st.sampled_from([1, 1, 2, 3]))
    sizes, kernel, strides, rates = zip(*(draw(axis) for _ in range(rank)))
    pads = [(draw(st.integers(0, 5)), draw(st.integers(0, 5))) for _ in range(rank)]
    padding = draw(st.sampled_from(["valid", "same", "full", pads]))
    batch = draw(st.sampled_from([1, 1, 2, 3, 17]))
    try:
        return conv_geometry((batch, *sizes, groups * channels), (*kernel, channels, groups * filters), strides,
                             padding, rates)
    except ValueError:
        return conv_geometry((batch, *sizes, groups * channels), (*kernel, channels, groups * filters), strides,
                             "full", rates)


@st.composite
def channelwise_geometries(draw):
    """One filter a channel, one filter for all channels, or one channel for all filters, mostly 3 x 3 adjacent taps:
    rows go in pairs there, and edges leave out taps. Positions of 512 channels would crowd the cache, so those are
    copied apart."""
    def pair(values):
        return draw(st.tuples(values, values))
    kernel, strides = pair(st.sampled_from([3, 3, 3, 1, 2, 5])), pair(st.sampled_from([1, 1, 1, 2, 3]))
    sizes, rates = pair(st.integers(3, 14)), pair(st.sampled_from([1, 1, 1, 2, 3]))
    pads = pair(st.tuples(st.integers(0, 3), st.integers(0, 3)))
    assume(all(n + sum(pad) >= (k - 1) * d + 1 for n, pad, k, d in zip(sizes, pads, kernel, rates)))
    batch, channels = draw(st.integers(1, 2)), draw(st.one_of([st.integers(2, 40)] * 3 + [st.just(512)]))
    many = draw(st.sampled_from([16, 32, 48]))
    own, one_filter, one_channel = (channels, 1, channels), (many, many, 1), (1, 1, many)
    of_x, of_kernel, filters = draw(st.sampled_from([own, own, one_filter, one_channel]))
    return conv_geometry((batch, *sizes, of_x), (*kernel, of_kernel, filters), strides, pads, rates)


def arrays(geometry, dtype, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.standard_normal(shape).astype(dtype) for shape in (
        geometry.input_shape, geometry.kernel_shape, geometry.kernel_shape[-1:], geometry.output_shape)]


def guarded(shape, dtype):
    """An array of NaN at the start of a cache line between two guard zones, and a function that tells whether the zones
    are untouched."""
    size = int(np.prod(shape)) + 2 * GUARD
    memory = np.full(size + GUARD, np.nan, dtype)
    memory = memory[-memory.ctypes.data % 64 // memory.itemsize:][:size]
    memory[:GUARD] = memory[-GUARD:] = 7
    zones = memory[:GUARD], memory[-GUARD:]
    return memory[GUARD:-GUARD].reshape(shape), lambda: all((zone == 7).all() for zone in zones)


def operations(plan, geometry, x, kernel, bias, dy):
    """Name, result shape, the engine's way, the twin's way."""
    return [
        ("forward", geometry.output_shape, lambda out: plan.forward(x, kernel, bias, out),
         lambda: twin.conv(x, kernel, geometry, bias)),
        ("relu", geometry.output_shape, lambda out: plan.forward(x, kernel, None, out, "relu"),
         lambda: np.maximum(twin.conv(x, kernel, geometry), 0)),
        ("grad_input", geometry.input_shape, lambda out: plan.grad_input(dy, kernel, out),
         lambda: twin.conv_grad_input(dy, kernel, geometry)),
        ("grad_kernel", geometry.kernel_shape, lambda out: plan.grad_kernel(x, dy, out),
         lambda: twin.conv_grad_kernel(x, dy, geometry)),
    ]


@settings(max_examples=EXAMPLES)
@given(geometry=geometries() | channelwise_geometries(), dtype=st.sampled_from([np.float32, np.float64]),
       seed=st.integers(0, 99))
def test_every_operation_equals_its_twin_on_every_instruction_set_and_writes_nothing_else(geometry, dtype, seed):
    x, kernel, bias, dy = arrays(geometry, dtype, seed)
    wanted = {}
    for isa in runtime.available_isas():
        runtime.set_isa(isa)
        plan = ConvPlan(geometry, dtype)
        for name, shape, engine, slow in operations(plan, geometry, x, kernel, bias, dy):
            want = wanted.setdefault(name, slow()) if name not in wanted else wanted[name]
            out, untouched = guarded(shape, dtype)
            engine(out)
            error = np.abs(out - want).max() / max(1, np.abs(want).max())
            assert error < TOLERANCE[dtype], f"{name} on {isa}, {dtype.__name__}, {geometry}: off by {error:.1e}"
            assert untouched(), f"{name} on {isa}, {dtype.__name__}, {geometry}: wrote out of bounds"


@pytest.mark.parametrize("groups", [1, 2, 12])
@pytest.mark.parametrize(("sizes", "taps", "how"), [
    ((9,), (3,), {"padding": "same"}), ((9,), (4,), {"padding": "same", "strides": 2}),
    ((9,), (2,), {"padding": "causal"}), ((5, 9), (3, 4), {"padding": "same"}),
    ((7, 9), (2, 3), {"padding": "same", "strides": (3, 2)})])
def test_taps_that_meet_padding_alone_cost_no_memory_and_have_no_gradient(sizes, taps, how, groups):
    """Where at most one tap of an axis meets the input, farther changes nothing, and the twin can do near."""
    shapes = (2, *sizes, 12), (*taps, 12 // groups, 24)
    near = conv_geometry(*shapes, **how, dilation_rate=40)
    x, kernel, bias, dy = arrays(near, np.float64)
    for far in near, conv_geometry(*shapes, **how, dilation_rate=10**6):
        plan = ConvPlan(far, np.float64)
        assert plan.scratch_bytes < 100_000
        for name, shape, engine, slow in operations(plan, near, x, kernel, bias, dy):
            out, untouched = guarded(shape, np.float64)
            engine(out)
            np.testing.assert_allclose(out, slow(), 1e-13, 1e-13, err_msg=name)
            assert untouched(), name


# Large enough to be cut into many tasks, one for each way of cutting.
LARGE = [
    ((32, 60, 1), (5, 1, 32), {}),
    ((8, 256, 64), (3, 64, 64), {"padding": "causal", "dilation_rate": 4}),
    ((2, 4000, 1), (80, 1, 64), {"strides": 4}),
    ((4, 1024, 48), (7, 1, 48), {"padding": "same"}),
    ((2, 28, 28, 32), (3, 3, 32, 64), {"padding": "same"}),
    ((64, 4, 4, 32), (3, 3, 32, 33), {"padding": "same"}),
    ((2, 14, 14, 96), (3, 3, 96, 160), {"padding": "same", "strides": 2}),
    ((300, 1, 128), (1, 128, 100), {}),
    ((4, 64, 64, 3), (5, 5, 3, 8), {"padding": "full"}),
    ((1, 200, 200, 1), (3, 3, 1, 1), {"padding": "same"}),
    ((2, 32, 32, 32), (3, 3, 1, 64), {"padding": "same"}),
    ((2, 20, 22, 200), (5, 3, 1, 200), {"padding": "same"}),
    ((2, 30, 33, 50), (3, 3, 1, 150), {"padding": "full", "strides": (1, 2)}),
    ((2, 29, 28, 128), (3, 2, 64, 128), {"padding": "same", "strides": 2}),
    ((1, 24, 20, 64), (3, 3, 64, 256), {"padding": "full", "dilation_rate": (2, 1)}),
    ((2, 40, 40, 64), (1, 1, 64, 256), {}),
    ((2, 12, 13, 512), (5, 5, 1, 512), {"padding": "same"}),
    ((1, 100, 90, 256), (7, 7, 1, 256), {"padding": "same"}),
    ((3, 300, 1024), (4, 1, 1024), {"padding": "causal", "dilation_rate": 3}),
    ((2, 9, 31, 1024), (1, 1, 1024, 96), {}),
    ((8, 40, 44, 1), (3, 3, 1, 64), {"padding": "same"}),
    ((4, 30, 37, 32), (5, 7, 32, 1), {"padding": "full", "dilation_rate": (1, 2)}),
]


# Too large for any cache: results are written past them, in whole lines.
BEYOND_CACHES = [
    ((2, 164, 170, 48), (3, 3, 1, 48), {"padding": "same"}),
    ((3, 3500, 256), (2, 1, 256), {"padding": "causal", "dilation_rate": 5}),
    ((2, 92, 100, 48), (1, 1, 48, 240), {}),
    ((2, 92, 100, 32), (3, 3, 32, 144), {"padding": "same"}),            # these by Winograd
    ((3, 131, 75, 24), (5, 1, 24, 80), {}),
    ((5, 5000, 48), (5, 48, 112), {"dilation_rate": 3}),
    ((3, 30000, 1), (96, 1, 96), {"strides": 4}),                         # and this one by FFT
]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("input_shape", "kernel_shape", "how"), LARGE + BEYOND_CACHES)
def test_large_shapes_have_the_same_bits_for_any_number_of_threads(input_shape, kernel_shape, how, dtype):
    geometry = conv_geometry(input_shape, kernel_shape, **how)
    x, kernel, bias, dy = arrays(geometry, dtype)
    for isa in runtime.available_isas()[-2:]:
        runtime.set_isa(isa)
        plan = ConvPlan(geometry, dtype)
        for name, shape, engine, slow in operations(plan, geometry, x, kernel, bias, dy):
            results = []
            for threads in (1, 2, 3):
                runtime.set_num_threads(threads)
                out, untouched = guarded(shape, dtype)
                engine(out)
                assert untouched(), name
                results.append(out)
            assert results[0].tobytes() == results[1].tobytes() == results[2].tobytes(), name
            want = slow()
            error = np.abs(results[0] - want).max() / max(1, np.abs(want).max())
            assert error < TOLERANCE[dtype], f"{name} on {isa}: off by {error:.1e}"


@settings(max_examples=30)
@given(geometry=geometries(), seed=st.integers(0, 99))
def test_the_gradients_are_the_adjoints_of_the_forward_pass(geometry, seed):
    x, kernel, _, v = arrays(geometry, np.float64, seed)
    how = {"strides": geometry.strides, "padding": geometry.pads, "dilation_rate": geometry.dilation_rate}
    product = np.vdot(ops.conv(x, kernel, **how), v)
    size = max(1.0, np.linalg.norm(v) * np.linalg.norm(ops.conv(np.abs(x), np.abs(kernel), **how)))
    assert abs(np.vdot(x, ops.conv_grad_input(v, kernel, x.shape, **how)) - product) < 1e-13 * size
    assert abs(np.vdot(kernel, ops.conv_grad_kernel(x, v, kernel.shape, **how)) - product) < 1e-13 * size


@settings(max_examples=10)
@given(geometry=geometries(), seed=st.integers(0, 99))
def test_the_gradients_are_finite_differences_of_the_forward_pass(geometry, seed):
    x, kernel, bias, v = arrays(geometry, np.float64, seed)
    how = {"strides": geometry.strides, "padding": geometry.pads, "dilation_rate": geometry.dilation_rate}

    def loss(x, kernel, bias):
        return np.vdot(np.sin(ops.conv(x, kernel, bias, **how)), v)
    dy = np.cos(ops.conv(x, kernel, bias, **how)) * v
    gradients = (ops.conv_grad_input(dy, kernel, x.shape, **how), ops.conv_grad_kernel(x, dy, kernel.shape, **how),
                 ops.bias_grad(dy))
    rng = np.random.default_rng(seed)
    for i, gradient in enumerate(gradients):
        direction = rng.standard_normal(gradient.shape)
        direction /= np.linalg.norm(direction)
        ahead, behind = [x, kernel, bias], [x, kernel, bias]
        ahead[i], behind[i] = ahead[i] + 1e-6 * direction, behind[i] - 1e-6 * direction
        slope = (loss(*ahead) - loss(*behind)) / 2e-6
        assert abs(slope - np.vdot(gradient, direction)) < 1e-6 * max(1, np.linalg.norm(gradient), np.linalg.norm(v))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("mode", ["valid", "full"])
def test_single_maps_agree_with_scipy_correlate(mode, dtype):
    rng = np.random.default_rng(1)
    x, k = rng.standard_normal(57).astype(dtype), rng.standard_normal(6).astype(dtype)
    got = ops.conv(x.reshape(1, -1, 1), k.reshape(-1, 1, 1), padding=mode).ravel()
    np.testing.assert_allclose(got, scipy.signal.correlate(x, k, mode), rtol=1e-4, atol=TOLERANCE[dtype])
    x, k = rng.standard_normal((23, 31)).astype(dtype), rng.standard_normal((4, 5)).astype(dtype)
    got = ops.conv(x[None, ..., None], k[..., None, None], padding=mode)[0, ..., 0]
    np.testing.assert_allclose(got, scipy.signal.correlate2d(x, k, mode), rtol=1e-4, atol=TOLERANCE[dtype])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("rows", [1, 7, 8, 9, 1000, 20000])
@pytest.mark.parametrize("columns", [1, 3, 16, 33])
def test_bias_grad_is_the_sum_over_positions_with_the_same_bits_for_any_number_of_threads(rows, columns, dtype):
    dy = np.random.default_rng(2).standard_normal((rows, columns)).astype(dtype)
    want = dy.sum(axis=0, dtype=np.float64)
    results = []
    for threads in (1, 2):
        runtime.set_num_threads(threads)
        results.append(ops.bias_grad(dy.reshape(rows, 1, columns)))
    assert results[0].tobytes() == results[1].tobytes()
    np.testing.assert_allclose(results[0], want, rtol=0, atol=TOLERANCE[dtype] * np.sqrt(rows) * 3)


@pytest.mark.parametrize("multiplier", [1, 2, 3])
@pytest.mark.parametrize("channels", [1, 3, 16, 20])
def test_depthwise_is_one_convolution_a_channel(channels, multiplier):
    rng = np.random.default_rng(3)
    x, k = rng.standard_normal((2, 9, 10, channels)), rng.standard_normal((3, 2, channels, multiplier))
    how = {"strides": (1, 2), "padding": "same"}
    y = ops.depthwise_conv(x, k, **how)
    dy = rng.standard_normal(y.shape)
    dx, dk = ops.depthwise_conv_grad_input(dy, k, x.shape, **how), ops.depthwise_conv_grad_kernel(x, dy, k.shape, **how)
    for c in range(channels):
        one, filters = np.s_[..., c:c + 1], np.s_[..., c * multiplier:(c + 1) * multiplier]
        own = np.ascontiguousarray(k[:, :, c:c + 1])
        np.testing.assert_allclose(y[filters], ops.conv(x[one], own, **how), atol=1e-13)
        np.testing.assert_allclose(dx[one], ops.conv_grad_input(dy[filters], own, x[one].shape, **how), atol=1e-13)
        own_dk = ops.conv_grad_kernel(x[one], dy[filters], own.shape, **how)
        np.testing.assert_allclose(dk[:, :, c:c + 1], own_dk, atol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("isa", runtime.available_isas())
@pytest.mark.parametrize("filters", [1, 2, 3, 5, 8])
def test_an_infinite_input_gives_infinite_outputs_and_no_nan(filters, isa, dtype):
    runtime.set_isa(isa)
    x = np.ones((1, 40, 1), dtype)
    x[0, 20] = np.inf
    for taps in (2, 3, 5, 7, 9, 11, 19):
        got = ops.conv(x, np.ones((taps, 1, filters), dtype))
        touched = np.lib.stride_tricks.sliding_window_view(x[0, :, 0], taps).max(axis=1)
        want = np.where(np.isinf(touched), np.inf, taps)[None, :, None]
        np.testing.assert_array_equal(got, np.broadcast_to(want, got.shape))
