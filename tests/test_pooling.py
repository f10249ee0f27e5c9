"""Pooling and its gradients against a plain twin, for every dtype, instruction set and number of threads."""
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mgconv
from mgconv import ops
from mgconv.geometry import conv_geometry
from mgconv.native import runtime
from mgconv.native.pooling import PoolPlan


@pytest.fixture(autouse=True)
def _restore():
    threads, isa = mgconv.get_num_threads(), runtime.get_isa()
    yield
    mgconv.set_num_threads(threads)
    runtime.set_isa(isa)


def windows(geometry):
    """Each output position with the slices of the inputs that its window covers, padding left out."""
    axes = list(zip(geometry.strides, geometry.pads, geometry.kernel_shape, geometry.input_shape[1:], strict=False))
    for position in np.ndindex(*geometry.output_shape[1:-1]):
        inside = (slice(max(o * s - p, 0), min(o * s - p + k, n))
                  for o, (s, (p, _), k, n) in zip(position, axes, strict=True))
        yield (slice(None), *position), (slice(None), *inside)


def twin(geometry, x, dy):
    """Maximum and mean with their gradients: a window at a time, in double precision."""
    y_max, y_mean = np.empty((2, *geometry.output_shape))
    dx_max, dx_mean = np.zeros((2, *geometry.input_shape))
    for output, window in windows(geometry):
        inputs = x[window].astype(float)
        size = int(np.prod(inputs.shape[1:-1]))
        flat, sent = inputs.reshape(len(x), size, x.shape[-1]), np.zeros((len(x), size, x.shape[-1]))
        y_max[output], y_mean[output] = flat.max(1), flat.mean(1)
        np.put_along_axis(sent, flat.argmax(1)[:, None], dy[output][:, None], 1)     # argmax: the first of equals
        dx_max[window] += sent.reshape(inputs.shape)
        dx_mean[window] += np.broadcast_to((dy[output] / size)[:, None], sent.shape).reshape(inputs.shape)
    return y_max, y_mean, dx_max, dx_mean


def run(geometry, x, dy):
    """The same by a plan; what it must overwrite is full of NaN before."""
    plan = PoolPlan(geometry, x.dtype)
    y_max, y_mean = (np.full(geometry.output_shape, np.nan, x.dtype) for _ in range(2))
    dx_max, dx_mean = (np.full(geometry.input_shape, np.nan, x.dtype) for _ in range(2))
    plan.max(x, y_max)
    plan.average(x, y_mean)
    plan.max_grad_input(x, y_max, dy, dx_max)
    plan.average_grad_input(dy, dx_mean)
    return y_max, y_mean, dx_max, dx_mean


@st.composite
def problems(draw):
    """A geometry, an input with many equal numbers, a gradient."""
    rank = draw(st.integers(1, 2))
    sizes = draw(st.lists(st.integers(1, 50 if rank == 1 else 20), min_size=rank, max_size=rank))
    padding = draw(st.sampled_from(["valid", "same"]))
    pool = [draw(st.integers(1, 6 if padding == "same" else min(size, 6))) for size in sizes]
    strides = draw(st.one_of(st.just(pool), st.lists(st.integers(1, 5), min_size=rank, max_size=rank)))
    channels = draw(st.sampled_from([1, 1, 2, 3, 5, 8, 16, 17, 33]))
    geometry = conv_geometry((draw(st.integers(0, 3)), *sizes, channels), (*pool, 1, channels), strides, padding)
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    dtype = draw(st.sampled_from([np.float32, np.float64]))
    x = rng.integers(-3, 3, geometry.input_shape) if draw(st.booleans()) else rng.standard_normal(geometry.input_shape)
    return geometry, x.astype(dtype), rng.standard_normal(geometry.output_shape).astype(dtype)


@settings(max_examples=300)
@given(problems())
def test_equals_the_twin(problem):
    geometry, x, dy = problem
    expected = twin(geometry, x, dy)
    tolerance = 40 * np.finfo(x.dtype).eps
    for isa in runtime.available_isas():
        runtime.set_isa(isa)
        for got, want in zip(run(geometry, x, dy), expected, strict=True):
            np.testing.assert_allclose(got, want, tolerance, tolerance, err_msg=f"{geometry} {x.dtype} {isa}")


@pytest.mark.parametrize("isa", runtime.available_isas())
@pytest.mark.parametrize("pool", [(3, 2), (4, 2), (5, 3), (5, 2)])
@pytest.mark.parametrize("height", [1, 2, 3, 9])
def test_windows_whose_part_inside_is_a_square(height, pool, isa):
    runtime.set_isa(isa)
    geometry = conv_geometry((2, height, 11, 33), (*pool, 1, 33), 1, "same")
    rng = np.random.default_rng(0)
    x, dy = rng.standard_normal((2, 2, height, 11, 33))
    for got, want in zip(run(geometry, x, dy), twin(geometry, x, dy), strict=True):
        np.testing.assert_allclose(got, want, 1e-14, 1e-14)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("shape", "pool", "strides"), [((5, 90, 70, 3), (3, 2), (2, 1)), ((16, 40, 40, 16), (2, 2), 2),
                                                        ((1, 70000, 1), (3,), 2), ((2, 9000, 24), (4,), 3)])
def test_same_bits_for_any_number_of_threads(shape, pool, strides, dtype):
    geometry = conv_geometry(shape, (*pool, 1, shape[-1]), strides, "same")
    rng = np.random.default_rng(0)
    x, dy = (rng.standard_normal(s).astype(dtype) for s in (geometry.input_shape, geometry.output_shape))
    results = []
    for threads in (1, 2, 3):
        mgconv.set_num_threads(threads)
        results.append(b"".join(array.tobytes() for array in run(geometry, x, dy)))
    assert results[0] == results[1] == results[2]


@pytest.mark.parametrize("isa", runtime.available_isas())
@pytest.mark.parametrize("channels", [1, 20])
@pytest.mark.parametrize("place", [(0, 0), (0, 1), (1, 0), (1, 1)])
def test_a_window_with_a_nan_has_no_maximum_and_no_mean(place, channels, isa):
    runtime.set_isa(isa)
    geometry = conv_geometry((1, 2, 80, channels), (2, 2, 1, channels), 2)
    x = np.ones(geometry.input_shape, "float32")
    x[0, place[0], 6 + place[1]] = np.nan
    for y in run(geometry, x, np.ones(geometry.output_shape, "float32"))[:2]:
        assert np.isnan(y[0, 0, 3]).all()
        assert np.isnan(y).sum() == channels


@pytest.mark.parametrize("isa", runtime.available_isas())
@pytest.mark.parametrize("channels", [1, 20])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_a_window_with_a_nan_gives_its_gradient_to_its_first_entry(stride, channels, isa):
    runtime.set_isa(isa)
    geometry = conv_geometry((1, 9, 60, channels), (3, 3, 1, channels), stride)
    x = np.random.default_rng(0).standard_normal(geometry.input_shape).astype("float32")
    x[0, 4, 30] = np.nan
    y, _, dx, _ = run(geometry, x, np.ones(geometry.output_shape, "float32"))
    want = np.zeros((9, 60))
    for output, window in windows(geometry):
        first = 0 if np.isnan(y[output][0, 0]) else x[window][0, ..., 0].argmax()
        want[window[1:3]][np.unravel_index(first, (3, 3))] += 1
    np.testing.assert_array_equal(dx[0, ..., 0], want)


@pytest.mark.parametrize("isa", runtime.available_isas())
def test_infinities_have_a_maximum_and_a_gradient(isa):
    runtime.set_isa(isa)
    geometry = conv_geometry((1, 200, 1), (2, 1, 1), 2, "same")
    x = np.resize(np.array([-np.inf, -np.inf, np.inf, np.inf, 0, np.inf], "float32"), (1, 200, 1))
    dy = np.full(geometry.output_shape, np.inf, "float32")
    y, _, dx, _ = run(geometry, x, dy)
    assert y.ravel().tolist()[:3] == [-np.inf, np.inf, np.inf]
    assert dx.ravel().tolist()[:6] == [np.inf, 0, np.inf, 0, 0, np.inf]


def test_plans_refuse_arrays_that_do_not_fit():
    geometry = conv_geometry((2, 8, 3), (2, 1, 3), 2)
    plan, x, y = PoolPlan(geometry, np.dtype("f4")), np.zeros((2, 8, 3), "f4"), np.zeros((2, 4, 3), "f4")
    for bad in (x.astype("f8"), x[:1], x.astype("i4")):
        with pytest.raises(ValueError, match="expected 48 numbers of 4 bytes"):
            plan.max(bad, y)
    y.flags.writeable = False
    with pytest.raises((ValueError, BufferError)):
        plan.max(x, y)
    with pytest.raises((ValueError, BufferError)):
        plan.max(x[:, ::-1], y)


def test_the_gradient_refuses_windows_of_more_entries_than_float32_counts():
    plan = PoolPlan(conv_geometry((1, 2**25, 1), (2**24 + 1, 1, 1), 2**25), np.dtype("f4"))
    with pytest.raises(ValueError, match="windows of at most"):
        plan.max_grad_input(None, None, None, None)


def test_plans_refuse_a_geometry_whose_windows_may_be_empty():
    with pytest.raises(ValueError, match="pads shorter than its windows"):
        PoolPlan(conv_geometry((2, 8, 3), (2, 1, 3), 1, (2, 0)), np.dtype("f4"))
    with pytest.raises(ValueError, match="no dilation"):
        PoolPlan(conv_geometry((2, 8, 3), (2, 1, 3), 1, "valid", 2), np.dtype("f4"))


@pytest.mark.parametrize("stride", [11, 10**6])
def test_strides_beyond_the_map_cost_nothing(stride):
    x = np.random.default_rng(0).standard_normal((2, 10, 7, 3))
    for shape in ((2, 70, 3), (2, 10, 7, 3)):
        mapped = x.reshape(shape)
        corner = mapped[(slice(None), *[slice(0, 2)] * (len(shape) - 2))].reshape(2, -1, 3)
        one = (2, *[1] * (len(shape) - 2), 3)
        step = max(stride, 80)
        np.testing.assert_array_equal(ops.max_pool(mapped, 2, strides=step), corner.max(1).reshape(one))
        np.testing.assert_allclose(ops.average_pool(mapped, 2, strides=step), corner.mean(1).reshape(one))
        dx = ops.average_pool_grad_input(np.ones(one), shape, 2, strides=step)
        assert dx.sum() == pytest.approx(6)
