"""The FFT over independent sequences against NumPy's, on every instruction set of this machine."""
import numpy as np
import pytest

from mgconv.native import overlap, runtime


@pytest.fixture(params=runtime.available_isas())
def isa(request):
    before = runtime.get_isa()
    runtime.set_isa(request.param)
    yield request.param
    runtime.set_isa(before)


def fft(x, inverse=False):
    """The transform of each column of `x` in natural order; the inverse is not divided by the length."""
    n, columns = x.shape
    wide, log2n = x.dtype == np.complex128, n.bit_length() - 1
    lanes, order = runtime.get_lanes(wide), overlap.fft_order(log2n)
    result = np.empty_like(x)
    for first in range(0, columns, lanes):
        some = x[:, first:first + lanes]
        data = np.zeros((n, 2, lanes), x.real.dtype)
        parts = data[:, 0, :some.shape[1]], data[:, 1, :some.shape[1]]
        parts[0][:], parts[1][:] = (some[order].real, some[order].imag) if inverse else (some.real, some.imag)
        overlap.fft_column(data, wide, log2n, inverse)
        result[slice(None) if inverse else order, first:first + lanes] = parts[0] + 1j * parts[1]
    return result


def random_columns(n, columns, dtype):
    rng = np.random.default_rng(n)
    return (rng.standard_normal((n, columns)) + 1j * rng.standard_normal((n, columns))).astype(dtype)


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.complex64, 3e-7), (np.complex128, 6e-16)])
@pytest.mark.parametrize("log2n", range(13))
@pytest.mark.parametrize("columns", [1, 20])
def test_agrees_with_numpy_both_ways(isa, dtype, tolerance, log2n, columns):
    x = random_columns(1 << log2n, columns, dtype)
    want = np.fft.fft(x.astype(np.complex128), axis=0)
    got = fft(x)
    assert np.linalg.norm(got - want) < tolerance * np.linalg.norm(want)
    assert np.linalg.norm(fft(got, inverse=True) / len(x) - x) < 2 * tolerance * np.linalg.norm(x)


def test_one_lane_does_not_touch_another(isa):
    x = random_columns(256, 16, np.complex64)
    alone = np.concatenate([fft(column[:, None]) for column in x.T], axis=1)
    assert np.array_equal(fft(x), alone)
