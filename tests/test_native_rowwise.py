"""The gradient of a ReLU and normalization, fused, against their NumPy twins."""
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mgconv
from mgconv.native import runtime
from mgconv.native.rowwise import ColumnNorm, ReluGrad, RowNorm, draw


@settings(max_examples=150)
@given(rows=st.integers(1, 300), columns=st.integers(1, 150), dtype=st.sampled_from(["f4", "f8"]),
       isa=st.sampled_from(runtime.available_isas()), seed=st.integers(0, 1000))
def test_equal_to_the_twin(rows, columns, dtype, isa, seed):
    rng = np.random.default_rng(seed)
    y = np.maximum(rng.standard_normal((rows, columns)), 0).astype(dtype)
    dy = rng.standard_normal((rows, columns)).astype(dtype)
    want, sums = np.where(y > 0, dy, 0), np.empty(columns, dtype)
    before = runtime.get_isa()
    runtime.set_isa(isa)
    ReluGrad(y, dy, sums)()
    runtime.set_isa(before)
    np.testing.assert_array_equal(dy, want)
    np.testing.assert_allclose(sums, want.sum(axis=0, dtype=float), rtol=0, atol=1e-4 if dtype == "f4" else 1e-12)


def test_threads_change_no_bit():
    rng = np.random.default_rng(0)
    y, dy = rng.standard_normal((2, 50_000, 33)).astype("f4")
    before, results = mgconv.get_num_threads(), []
    for threads in (1, 2, 4):
        mgconv.set_num_threads(threads)
        work, sums = dy.copy(), np.empty(33, "f4")
        ReluGrad(y, work, sums)()
        results.append((work.tobytes(), sums.tobytes()))
    mgconv.set_num_threads(before)
    assert results[0] == results[1] == results[2]


def test_arrays_that_do_not_fit_are_refused():
    a = np.zeros((3, 2), "f4")
    sums = np.zeros(2, "f4")
    for y, dy, total in [(a, a[:2], sums), (a, a, np.zeros(3, "f4")), (a, a.astype("f8"), sums)]:
        with pytest.raises(ValueError, match="one shape"):
            ReluGrad(y, dy.copy(), total)
    with pytest.raises(ValueError, match="contiguous"):
        ReluGrad(np.zeros((3, 4), "f4")[:, ::2], a, sums)


def normalized(x, mean, variance, gamma, beta, epsilon):
    return (x - mean) / np.sqrt(variance + epsilon) * (1 if gamma is None else gamma) + (0 if beta is None else beta)


def turned(x, dy, mean, variance, gamma, epsilon, axis):
    """The gradient to x of the normalization by the statistics along `axis`."""
    deviation = np.sqrt(variance + epsilon)
    normal, slope = (x - mean) / deviation, dy * (1 if gamma is None else gamma)
    return (slope - slope.mean(axis, keepdims=True)
            - normal * (slope * normal).mean(axis, keepdims=True)) / deviation


settings_of_both = {
    "rows": st.integers(1, 90), "columns": st.integers(1, 150), "dtype": st.sampled_from(["f4", "f8"]),
    "isa": st.sampled_from(runtime.available_isas()), "seed": st.integers(0, 1000), "scale": st.booleans(),
    "center": st.booleans()}


@settings(max_examples=150)
@given(by_batch=st.booleans(), relu=st.booleans(), chunks=st.sampled_from([1, 1, 40]), **settings_of_both)
def test_columns_equal_to_the_twin(rows, columns, dtype, isa, seed, scale, center, by_batch, relu, chunks):
    rng = np.random.default_rng(seed)
    rows *= chunks
    x, dy = rng.normal(3, 2, (rows, columns)).astype(dtype), rng.standard_normal((rows, columns)).astype(dtype)
    gamma, beta, mean = (rng.standard_normal(columns).astype(dtype) for _ in range(3))
    gamma, beta = gamma if scale else None, beta if center else None
    variance = rng.uniform(0.5, 2, columns).astype(dtype)
    wide = x.astype(float)
    now = (wide.mean(0), wide.var(0)) if by_batch else (mean.astype(float), variance.astype(float))
    moved = [0.75 * a + 0.25 * b for a, b in zip((mean, variance), now, strict=True)]
    want = normalized(wide, *now, gamma, beta, 0.01)
    gate = want > 0 if relu else np.ones(want.shape, bool)
    tolerance = {"rtol": 1e-3, "atol": 1e-4} if dtype == "f4" else {"rtol": 1e-10, "atol": 1e-11}
    y, dx, dgamma, dbeta = np.empty_like(x), dy.copy(), np.empty(columns, dtype), np.empty(columns, dtype)
    before = runtime.get_isa()
    runtime.set_isa(isa)
    work = ColumnNorm(x, y, dx, gamma, beta, mean, variance, dgamma, dbeta, 0.01, 0.75, by_batch, relu, True)
    work.forward()
    work.backward()
    runtime.set_isa(before)
    np.testing.assert_allclose(y, np.where(gate, want, 0), **tolerance)
    slope = np.where(gate & (y > 0) if relu else gate, dy, 0)
    if by_batch:
        np.testing.assert_allclose([mean, variance], moved, **tolerance)
        np.testing.assert_allclose(dbeta, slope.sum(0), rtol=1e-3, atol=tolerance["atol"] * rows)
        np.testing.assert_allclose(dgamma, (slope * normalized(wide, *now, None, None, 0.01)).sum(0), rtol=1e-3,
                                   atol=tolerance["atol"] * rows)
        np.testing.assert_allclose(dx, turned(wide, slope, *now, gamma, 0.01, 0), **tolerance)
    else:
        np.testing.assert_allclose(dx, slope * (1 if gamma is None else gamma) / np.sqrt(now[1] + 0.01), **tolerance)


@settings(max_examples=150)
@given(rms=st.booleans(), **settings_of_both)
def test_rows_equal_to_the_twin(rows, columns, dtype, isa, seed, scale, center, rms):
    rng = np.random.default_rng(seed)
    x, dy = rng.normal(3, 2, (rows, columns)).astype(dtype), rng.standard_normal((rows, columns)).astype(dtype)
    gamma, beta = rng.standard_normal((2, columns)).astype(dtype)
    gamma, beta = gamma if scale else np.ones(columns, dtype), beta if center else np.zeros(columns, dtype)
    wide = x.astype(float)
    mean, variance = wide.mean(1, keepdims=True), wide.var(1, keepdims=True)
    y, dx, dgamma, dbeta = np.empty_like(x), dy.copy(), np.empty(columns, dtype), np.empty(columns, dtype)
    before = runtime.get_isa()
    runtime.set_isa(isa)
    work = RowNorm(x, y, dx, gamma, beta, dgamma, dbeta, 0.01, rms, True)
    work.forward()
    work.backward()
    runtime.set_isa(before)
    value = normalized(wide, 0 if rms else mean, variance, None, None, 0.01)
    tolerance = {"rtol": 2e-3, "atol": 2e-4} if dtype == "f4" else {"rtol": 1e-10, "atol": 1e-11}
    np.testing.assert_allclose(y, value * gamma + beta, **tolerance)
    np.testing.assert_allclose(dgamma, (dy * value).sum(0), rtol=1e-3, atol=tolerance["atol"] * rows)
    np.testing.assert_allclose(dbeta, dy.sum(0, dtype=float), rtol=1e-3, atol=tolerance["atol"] * rows)
    if rms:
        normal, slope = normalized(wide, mean, variance, None, None, 0.01), dy * gamma
        want = (slope - normal * (slope * value).mean(1, keepdims=True)) / np.sqrt(variance + 0.01)
    else:
        want = turned(wide, dy, mean, variance, gamma, 0.01, 1)
    np.testing.assert_allclose(dx, want, **tolerance)


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_threads_change_no_bit_of_normalization(dtype):
    rng = np.random.default_rng(0)
    x, dy = rng.standard_normal((2, 9_000, 33)).astype(dtype)
    before, results = mgconv.get_num_threads(), []
    for threads in (1, 2, 4):
        mgconv.set_num_threads(threads)
        mean, variance, dgamma, dbeta = np.zeros((4, 33), dtype)
        y, dx, rows_y, rows_dx = np.empty_like(x), dy.copy(), np.empty_like(x), dy.copy()
        one, zero = np.ones(33, dtype), np.zeros(33, dtype)
        found = [mean, variance, y, dx, rows_y, rows_dx]
        for work in (ColumnNorm(x, y, dx, None, None, mean, variance, dgamma, dbeta, 1e-3, 0.9, True, True, True),
                     RowNorm(x, rows_y, rows_dx, one, zero, dgamma, dbeta, 1e-3, False, True)):
            work.forward()
            work.backward()
            found += [dgamma.copy(), dbeta.copy()]
        results.append([array.tobytes() for array in found])
    mgconv.set_num_threads(before)
    assert results[0] == results[1] == results[2]


def test_variance_of_numbers_far_from_zero():
    """The squares of deviations are summed, not the squares: 1e4 with deviations of 1 keeps its variance in float32."""
    x = (1e4 + np.random.default_rng(0).standard_normal((3000, 5))).astype("f4")
    mean, variance = np.zeros(5, "f4"), np.zeros(5, "f4")
    ColumnNorm(x, np.empty_like(x), None, None, None, mean, variance, None, None, 1e-3, 0.0, True, False,
               False).forward()
    np.testing.assert_allclose(variance, x.astype(float).var(0), rtol=1e-5)
    np.testing.assert_allclose(mean, x.astype(float).mean(0), rtol=1e-6)


def test_not_a_number_stays_one():
    x = np.ones((4, 3), "f4")
    x[1, 2] = np.nan
    y = np.empty_like(x)
    ColumnNorm(x, y, None, None, None, np.zeros(3, "f4"), np.ones(3, "f4"), None, None, 1e-3, 0.9, False, True,
               False).forward()
    np.testing.assert_array_equal(np.isnan(y), np.isnan(x))


@settings(max_examples=150)
@given(sizes=st.lists(st.one_of(st.integers(0, 40), st.integers(30_000, 140_000)), min_size=1, max_size=5),
       seed=st.integers(0, 1000), threads=st.sampled_from([1, 2, 3]))
def test_numbers_are_drawn_as_numpy_draws_them(sizes, seed, threads):
    """And the generator goes on from where NumPy's would, half a step left over or not."""
    ours, theirs = np.random.default_rng(seed), np.random.default_rng(seed)
    before = mgconv.get_num_threads()
    mgconv.set_num_threads(threads)
    for size in sizes:
        out = np.empty(size, "f4")
        draw(ours, out)
        np.testing.assert_array_equal(out, theirs.random(size, np.float32))
        assert ours.bit_generator.state == theirs.bit_generator.state
    mgconv.set_num_threads(before)
    assert ours.integers(1 << 60) == theirs.integers(1 << 60)


def test_other_generators_are_asked_by_numpy():
    ours, theirs = (np.random.Generator(np.random.Philox(1)) for _ in range(2))
    out = np.empty((3, 5), "f4")
    draw(ours, out)
    np.testing.assert_array_equal(out, theirs.random((3, 5), np.float32))
