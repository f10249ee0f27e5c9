"""The FFT over independent sequences against NumPy's, on every instruction set of this machine."""
import numpy as np
import pytest

from mgconv.native import fft, runtime


@pytest.fixture(params=runtime.available_isas())
def isa(request):
    before = runtime.get_isa()
    runtime.set_isa(request.param)
    yield request.param
    runtime.set_isa(before)


def random_columns(n, columns, dtype):
    rng = np.random.default_rng(n)
    return (rng.standard_normal((n, columns)) + 1j * rng.standard_normal((n, columns))).astype(dtype)


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.complex64, 3e-7), (np.complex128, 6e-16)])
@pytest.mark.parametrize("log2n", range(13))
@pytest.mark.parametrize("columns", [1, 20])
def test_agrees_with_numpy_both_ways(isa, dtype, tolerance, log2n, columns):
    x = random_columns(1 << log2n, columns, dtype)
    want = np.fft.fft(x.astype(np.complex128), axis=0)
    got = fft.fft(x)
    assert np.linalg.norm(got - want) < tolerance * np.linalg.norm(want)
    assert np.linalg.norm(fft.fft(got, inverse=True) / len(x) - x) < 2 * tolerance * np.linalg.norm(x)


def test_one_lane_does_not_touch_another(isa):
    x = random_columns(256, 16, np.complex64)
    alone = np.concatenate([fft.fft(column[:, None]) for column in x.T], axis=1)
    assert np.array_equal(fft.fft(x), alone)


@pytest.mark.parametrize("n", [0, 3, 8192])
def test_refuses_other_lengths(n):
    with pytest.raises(ValueError, match="power of two"):
        fft.fft(np.zeros((n, 1), np.complex64))


def test_refuses_real_input():
    with pytest.raises(TypeError, match="complex64 or complex128"):
        fft.fft(np.zeros((4, 1)))
