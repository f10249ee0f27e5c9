"""What `mgconv.signal` has beside SciPy's arguments: borders, axes, half precision, lags; and FFTs by name."""
import numpy as np
import pytest
import scipy.ndimage
import scipy.signal

from mgconv import signal

RNG = np.random.default_rng(0)
NDIMAGE = {"nearest": "nearest", "mirror": "mirror", "reflect": "reflect", "symm": "reflect", "wrap": "grid-wrap"}


@pytest.mark.parametrize("border", NDIMAGE)
@pytest.mark.parametrize("dtype", ["f4", "f8", "c16", "u1", "i8"])
@pytest.mark.parametrize(("shape", "taps"), [((9, 12), (3, 3)), ((5, 6), (5, 1)), ((40, 33), (13, 15)),
                                             ((1, 7), (3, 5)), ((3, 4), (9, 11))])
def test_borders_are_those_of_ndimage(border, dtype, shape, taps):
    x, h = (RNG.integers(0, 9, size).astype(dtype) for size in (shape, taps))
    want = scipy.ndimage.correlate(x.astype(complex if dtype == "c16" else float), h.real.astype(float),
                                   mode=NDIMAGE[border])
    want = want.astype("i8") if x.dtype.kind in "ui" else want
    got = signal.correlate2d(x, h, "same", border)
    np.testing.assert_allclose(got, want.astype(dtype), rtol=1e-4 if dtype == "f4" else 1e-12)
    assert got.dtype == dtype
    turned = signal.convolve2d(x, np.flip(h), "same", border)
    np.testing.assert_allclose(turned, got, rtol=1e-4 if dtype == "f4" else 1e-12)


@pytest.mark.parametrize("border", ["nearest", "mirror", "reflect"])
@pytest.mark.parametrize("name", ["convolve2d", "correlate2d"])
def test_booleans_are_counted_in_float32_at_every_border(border, name):
    x, h = RNG.integers(0, 2, (5, 6)), RNG.integers(0, 2, (3, 4))
    for mode in ("full", "same", "valid"):
        want = getattr(signal, name)(x, h, mode, border)
        got = getattr(signal, name)(x > 0, h > 0, mode, border)
        assert got.dtype == np.float32
        assert (got == want).all()
    if border != "reflect":
        with pytest.raises(ValueError, match="empty image"):
            getattr(signal, name)(x[:0], h, "same", border)


@pytest.mark.parametrize("border", ["nearest", "mirror", "reflect"])
def test_gradients_at_every_border_are_adjoint(border):
    x, h = RNG.standard_normal((7, 9)), RNG.standard_normal((4, 3))
    y = signal.convolve2d(x, h, "full", border)
    dy = RNG.standard_normal(y.shape)
    dx = signal.convolve2d_grad_in1(dy, h, x.shape, "full", border)
    dh = signal.convolve2d_grad_in2(dy, x, h.shape, "full", border)
    assert np.vdot(dx, x) == pytest.approx(np.vdot(dy, y), rel=1e-12)
    assert np.vdot(dh, h) == pytest.approx(np.vdot(dy, y), rel=1e-12)


@pytest.mark.parametrize("axes", [(0, 1), (-2, 0), (1, 2)])
def test_each_image_along_the_other_axes_is_filtered_by_itself(axes):
    x, h = RNG.standard_normal((6, 7, 8)), RNG.standard_normal((3, 2))
    got = signal.convolve2d(x, h, "same", "symm", axes=axes)
    assert got.shape == x.shape
    other, = {0, 1, 2} - {axis % 3 for axis in axes}
    for i in range(x.shape[other]):
        image, result = x.take(i, other), got.take(i, other)
        if axes == (-2, 0):                      # rows are the second axis, columns the first
            image, result = image.T, result.T
        np.testing.assert_allclose(result, scipy.signal.convolve2d(image, h, "same", "symm"), atol=1e-12)


def test_axes_are_two_different_ones_that_there_are():
    for axes in ((0,), (0, 0), (0, -3), (0, 3), (0, 1, 2)):
        with pytest.raises(ValueError, match="`axes` must be two axes"):
            signal.correlate2d(np.ones((4, 4, 3)), np.ones((2, 2)), axes=axes)
    with pytest.raises(ValueError, match="must hold an image"):
        signal.correlate2d(np.ones((4, 4, 0)), np.ones((2, 2)), axes=(0, 1))


def test_half_precision_images_are_computed_in_single():
    x, h = RNG.random((20, 30)).astype(np.float16), RNG.random((3, 4)).astype(np.float16)
    want = scipy.signal.convolve2d(x.astype(float), h.astype(float))
    for got in (signal.convolve2d(x, h), signal.conv2(x, h), signal.convolve2d(x.astype(bool) * x, h)):
        assert got.dtype == np.float32
        np.testing.assert_allclose(got, want, rtol=1e-6)
    assert signal.convolve2d(x > 0.5, h).dtype == np.float32


@pytest.mark.parametrize("mode", ["full", "same", "valid"])
def test_lags_are_those_at_which_correlate_finds_a_delta(mode):
    for n in range(1, 9):
        for k in range(1, 9):
            lags, unmet = signal.correlation_lags(n, k, mode), 0
            assert len(lags) == len(signal.correlate(np.ones(n), np.ones(k), mode))
            for at in range(n):
                for tap in range(k):
                    found = signal.correlate(np.eye(n)[at], np.eye(k)[tap], mode, "direct")
                    unmet += not found.any()
                    assert list(lags[found > 0.5]) == ([at - tap] if found.any() else [])
            assert mode != "full" or not unmet
            if mode != "same":
                np.testing.assert_array_equal(lags, scipy.signal.correlation_lags(n, k, mode))


@pytest.mark.parametrize("name", ["fftconvolve", "oaconvolve"])
@pytest.mark.parametrize("dtype", ["f4", "f8", "c8", "i2", "?"])
@pytest.mark.parametrize("mode", ["full", "same", "valid"])
def test_ffts_by_name_are_scipy_s(name, dtype, mode):
    for x_shape, h_shape in (((500,), (40,)), ((9,), (30,)), ((40, 50), (12, 7)), ((3, 4, 5), (2, 2, 2))):
        x, h = (RNG.integers(0, 5, shape).astype(dtype) for shape in (x_shape, h_shape))
        want = getattr(scipy.signal, name)(x, h, mode)
        got = getattr(signal, name)(x, h, mode)
        assert got.dtype == want.dtype
        np.testing.assert_allclose(got, want, atol=1e-6 * abs(want).max() + 1e-12)
    with pytest.raises(ValueError, match="dimensionality"):
        getattr(signal, name)([1.0], [[1.0]])
