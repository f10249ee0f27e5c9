"""The short way of ops.convolution: the plain call's result, None for any other, and errors are not swallowed."""
import numpy as np
import pytest

from mgconv import ops
from mgconv.native import bias_gradient, conv_calls

X, KERNEL, BIAS = np.arange(24.0).reshape(2, 6, 2), np.arange(18.0).reshape(3, 2, 3), np.arange(3.0)
SETTINGS = 1, "valid", 1


@pytest.fixture(autouse=True)
def known():
    return ops.conv(X, KERNEL, BIAS)                          # from now on the plan is known


def misaligned(array):
    memory = np.zeros(array.nbytes + 1, "u1")[1:].view(array.dtype).reshape(array.shape)
    memory[...] = array
    return memory


def read_only(array):
    array.flags.writeable = False
    return array


def test_plain_calls(known):
    out = np.empty_like(known)
    assert conv_calls.conv(X, KERNEL, BIAS, *SETTINGS, None, out) is out
    np.testing.assert_array_equal(out, known)
    assert conv_calls.conv_grad_input(known, KERNEL, X.shape, *SETTINGS, None).shape == X.shape
    assert conv_calls.conv_grad_kernel(X, known, KERNEL.shape, *SETTINGS, None).shape == KERNEL.shape
    np.testing.assert_array_equal(bias_gradient.new_bias_grad(known), known.sum((0, 1)))


@pytest.mark.parametrize("x", [X.tolist(), X[:, ::-1], X.astype("f4"), X.astype(">f8"), X[:1], misaligned(X), None,
                               np.zeros(X.shape, "M8[s]")])
def test_other_arrays(x):
    assert conv_calls.conv(x, KERNEL, BIAS, *SETTINGS, None, None) is None


@pytest.mark.parametrize("dy", [X.tolist(), X[:, ::-1], X.astype("i4"), X.astype(">f8"), misaligned(X), X[0, 0, 0]])
def test_other_gradients(dy):
    assert bias_gradient.new_bias_grad(dy) is None


@pytest.mark.parametrize("bias", [BIAS.tolist(), BIAS[:2], BIAS.astype("f4"), 1.0])
def test_other_biases(bias):
    assert conv_calls.conv(X, KERNEL, bias, *SETTINGS, None, None) is None


@pytest.mark.parametrize("out", [np.empty((2, 4, 2)), np.empty((2, 4, 3), "f4"), np.empty((2, 4, 6))[..., ::2],
                                 read_only(np.empty((2, 4, 3))), X.reshape(-1)[:24].reshape(2, 4, 3), [1]])
def test_other_results(out):
    before = X.copy()
    assert conv_calls.conv(X, KERNEL, BIAS, *SETTINGS, None, out) is None
    np.testing.assert_array_equal(X, before)


@pytest.mark.parametrize(("strides", "padding", "dilation_rate", "activation"), [
    ([1], "valid", 1, None), (1.0, "valid", 1, None), (True, "valid", 1, None), (2**70, "valid", 1, None),
    (0, "valid", 1, None), ((1, 1, 1), "valid", 1, None), (1, ["valid"], 1, None), (1, "valide", 1, None),
    (1, "valid", 2, None), (1, "valid", None, None), (1, "valid", 1, "tanh"), (1, "valid", 1, 3)])
def test_other_settings(strides, padding, dilation_rate, activation):
    assert conv_calls.conv(X, KERNEL, BIAS, strides, padding, dilation_rate, activation, None) is None


@pytest.mark.parametrize("shape", [list(X.shape), (2, 6, 2.0), (2, 6, 2**70), (2, 6), (2,) * 9, None])
def test_other_shapes(known, shape):
    assert conv_calls.conv_grad_input(known, KERNEL, shape, *SETTINGS, None) is None
    assert conv_calls.conv_grad_kernel(X, known, shape, *SETTINGS, None) is None


def test_an_error_inside_is_not_tried_again():
    compared = []

    class Faulty(str):
        def __ne__(self, other):
            compared.append(other)
            raise KeyError("a bug")

    with pytest.raises(KeyError, match="a bug"):
        ops.conv(X, KERNEL, BIAS, activation=Faulty("linear"))
    assert len(compared) == 1
