"""The fused ReLU gradient against its NumPy twin."""
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mgconv
from mgconv.native import runtime
from mgconv.native.activation import ReluGrad


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
