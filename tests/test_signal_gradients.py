"""Gradients of mgconv.signal: the adjoint identity, finite differences, and the lecture's formulas."""
import numpy as np
import pytest
import scipy.signal

from mgconv import signal

MODES = ["full", "same", "valid"]
SHAPES_1D = [((17,), (4,)), ((9,), (5,)), ((3,), (6,)), ((5,), (5,))]
SHAPES_2D = [((7, 8), (3, 4)), ((6, 6), (2, 3)), ((3, 2), (4, 5)), ((1, 5), (1, 2))]


def random_array(rng, shape, dtype):
    x = rng.standard_normal(shape)
    return x + 1j * rng.standard_normal(shape) if dtype is complex else x


def assert_adjoint(forward, x, h, grad_x, grad_h, dtype):
    """A bilinear map: <dy, f(x, h)> = <grad_x, x> = <grad_h, h>; a conjugated kernel is matched by <conj, conj>."""
    rng = np.random.default_rng(0)
    dy = random_array(rng, forward(x, h).shape, dtype)
    value = np.vdot(dy, forward(x, h))
    scale = np.linalg.norm(dy) * np.linalg.norm(forward(x, h)) + 1
    assert abs(value - np.vdot(grad_x(dy), x)) < 1e-12 * scale
    by_kernel = np.vdot(grad_h(dy), h)
    assert min(abs(value - by_kernel), abs(value.conjugate() - by_kernel)) < 1e-12 * scale
    assert grad_x(dy).shape == x.shape
    assert grad_h(dy).shape == h.shape


def assert_finite_differences(forward, x, grad):
    """L = sum dy f(x) is linear in x, so a difference over a long step is exact but for rounding."""
    rng = np.random.default_rng(1)
    dy = random_array(rng, forward(x).shape, float)
    got, base = grad(dy), np.sum(dy * forward(x))
    for at in np.ndindex(x.shape):
        moved = x.copy()
        moved[at] += 1
        assert abs(np.sum(dy * forward(moved)) - base - got[at]) < 1e-11


@pytest.mark.parametrize("dtype", [float, complex])
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", ["convolve", "correlate"])
@pytest.mark.parametrize(("shape", "kernel"), SHAPES_1D + SHAPES_2D)
def test_convolve_and_correlate(name, mode, dtype, shape, kernel):
    if mode == "valid" and not all(map(int.__ge__, shape, kernel)) and not all(map(int.__le__, shape, kernel)):
        return
    rng = np.random.default_rng(2)
    x, h = random_array(rng, shape, dtype), random_array(rng, kernel, dtype)
    grad1, grad2 = getattr(signal, f"{name}_grad_in1"), getattr(signal, f"{name}_grad_in2")

    def forward(x, h):
        return getattr(scipy.signal, name)(x, h, mode)

    assert_adjoint(forward, x, h, lambda dy: grad1(dy, h, shape, mode), lambda dy: grad2(dy, x, kernel, mode), dtype)
    if dtype is float:
        assert_finite_differences(lambda x: forward(x, h), x, lambda dy: grad1(dy, h, shape, mode))
        assert_finite_differences(lambda h: forward(x, h), h, lambda dy: grad2(dy, x, kernel, mode))


@pytest.mark.parametrize("boundary", ["fill", "wrap", "symm"])
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", ["convolve2d", "correlate2d"])
@pytest.mark.parametrize(("shape", "kernel"), [*SHAPES_2D[:2], SHAPES_2D[3], ((2, 3), (5, 7))])
def test_images_at_every_boundary(name, mode, boundary, shape, kernel):
    rng = np.random.default_rng(3)
    x, h = rng.standard_normal(shape), rng.standard_normal(kernel)
    grad1, grad2 = getattr(signal, f"{name}_grad_in1"), getattr(signal, f"{name}_grad_in2")

    def forward(x, h):
        return getattr(scipy.signal, name)(x, h, mode, boundary, 0.5)

    assert_finite_differences(lambda x: forward(x, h), x, lambda dy: grad1(dy, h, shape, mode, boundary))
    assert_finite_differences(lambda h: forward(x, h), h, lambda dy: grad2(dy, x, kernel, mode, boundary, 0.5))


@pytest.mark.parametrize("shape", MODES)
def test_matlabs_functions(shape):
    rng = np.random.default_rng(4)
    a, b = rng.standard_normal((6, 7)), rng.standard_normal((2, 3))
    assert_adjoint(lambda a, b: signal.conv2(a, b, shape), a, b, lambda dy: signal.conv2_grad_A(dy, b, a.shape, shape),
                   lambda dy: signal.conv2_grad_B(dy, a, b.shape, shape), float)
    assert_adjoint(lambda a, b: signal.filter2(b, a, shape), a, b,
                   lambda dy: signal.filter2_grad_x(dy, b, a.shape, shape),
                   lambda dy: signal.filter2_grad_h(dy, a, b.shape, shape), float)


def test_the_lectures_back_propagation():
    rng = np.random.default_rng(5)
    a, x, v = rng.standard_normal(5), rng.standard_normal(12), rng.standard_normal(12)
    tau, padded = 5, np.concatenate([v, np.zeros(4)])
    u = [sum(a[tau - k] * padded[i + k - 1] for k in range(1, tau + 1)) for i in range(12)]
    assert np.allclose(signal.causal_conv_grad_x(v, a), u, rtol=1e-13)
    assert_adjoint(lambda x, a: signal.causal_conv(a, x), x, a, lambda dy: signal.causal_conv_grad_x(dy, a),
                   lambda dy: signal.causal_conv_grad_a(dy, x, 5), float)
    kernel, image, v = rng.standard_normal((3, 3)), rng.standard_normal((10, 10)), rng.standard_normal((8, 8))
    assert np.allclose(signal.valid_conv2_grad_x(v, kernel), scipy.signal.convolve2d(v, kernel), rtol=1e-12)
    assert np.allclose(signal.conv2_grad_A(v, kernel, (6, 6)), scipy.signal.correlate2d(v, kernel, "valid"), rtol=1e-12)
    assert_adjoint(signal.valid_conv2, image, kernel, lambda dy: signal.valid_conv2_grad_x(dy, kernel),
                   lambda dy: signal.valid_conv2_grad_K(dy, image), float)


@pytest.mark.parametrize(("a", "b"), [((3, 3), (4, 4)), ((3, 3), (0, 0)), ((0, 3), (2, 2)), ((2, 5), (2, 0))])
@pytest.mark.parametrize("shape", MODES)
def test_matlabs_empty_results_have_gradients_of_zeros(a, b, shape):
    A, B = np.ones(a), np.ones(b)
    dy = np.ones_like(signal.conv2(A, B, shape))
    if a == (3, 3) and b == (4, 4) and shape != "valid":
        return
    for got, want in ((signal.conv2_grad_A(dy, B, a, shape), a), (signal.conv2_grad_B(dy, A, b, shape), b),
                      (signal.filter2_grad_x(dy, B, a, shape), a), (signal.filter2_grad_h(dy, A, b, shape), b)):
        assert got.shape == want
        assert not got.any()


@pytest.mark.parametrize("call", [
    lambda: signal.convolve_grad_in1(np.ones(4), np.ones(2), 3.0),
    lambda: signal.conv2_grad_A(np.ones((4, 4)), np.ones((2, 2)), "33"),
    lambda: signal.causal_conv_grad_a(np.ones(4), np.ones(4), 2.5),
])
def test_sizes_that_are_no_integers_are_type_errors(call):
    with pytest.raises(TypeError, match="integers"):
        call()


@pytest.mark.parametrize("call", [
    lambda: signal.convolve2d_grad_in1(np.ones((1, 4)), np.ones((2, 2)), (0, 3), "full", "wrap"),
    lambda: signal.convolve2d_grad_in2(np.ones((0, 3)), np.ones((0, 3)), (2, 2), "same", "symm"),
    lambda: signal.convolve_grad_in2(np.ones(0), np.ones(0), (3,), "same"),
    lambda: signal.convolve_grad_in1(np.ones(4), np.ones(2), (-3,)),
    lambda: signal.conv2_grad_A(np.ones((4, 4)), np.ones((2, 2)), (3,)),
    lambda: signal.causal_conv_grad_a(np.ones(4), np.ones(4), -1),
    lambda: signal.convolve_grad_in1(np.ones(3), np.ones(2), (5,)),
    lambda: signal.convolve_grad_in2(np.ones(3), np.ones(2), (5, 5)),
    lambda: signal.convolve_grad_in1(np.ones(3), np.ones(2), (2,), "most"),
    lambda: signal.convolve2d_grad_in1(np.ones(3), np.ones(2), (2,)),
    lambda: signal.convolve2d_grad_in1(np.ones((3, 3)), np.ones((2, 2)), (2, 2), "full", "edge"),
    lambda: signal.conv2_grad_A(np.ones((3, 3)), np.ones((2, 2)), (5, 5)),
    lambda: signal.causal_conv_grad_a(np.ones(3), np.ones(4), 2),
    lambda: signal.causal_conv_grad_x(np.ones((3, 1)), np.ones(4)),
    lambda: signal.valid_conv2_grad_K(np.ones((5, 5)), np.ones((4, 4))),
])
def test_refuses_what_does_not_fit(call):
    with pytest.raises(ValueError, match="Received|Acceptable"):
        call()
