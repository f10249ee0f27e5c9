"""Transposed and separable convolution and pooling beside Keras and PyTorch: run with `pytest -m peers`."""
import importlib.util
import itertools
import os

import numpy as np
import pytest

from mgconv import ops

pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("ignore")]
RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def keras():
    if importlib.util.find_spec("jax"):        # Keras's PyTorch backend clamps output_padding
        os.environ.setdefault("KERAS_BACKEND", "jax")
    return pytest.importorskip("keras")


@pytest.fixture(scope="module")
def torch():
    return pytest.importorskip("torch")


def close(got, expected):
    np.testing.assert_allclose(got, np.asarray(expected), 1e-4, 1e-4)


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize(("taps", "strides", "dilation_rate"), [(1, 1, 1), (2, 2, 1), (3, 2, 1), (3, 1, 2), (4, 3, 1),
                                                               (5, 2, 1), (2, 4, 1)])
@pytest.mark.parametrize("output_padding", [None, 0, 1])
@pytest.mark.parametrize("sizes", [(7,), (6, 5)])
def test_conv_transpose(keras, sizes, output_padding, taps, strides, dilation_rate, padding):
    if output_padding is not None and output_padding >= strides:
        pytest.skip("refused")
    x = RNG.standard_normal((2, *sizes, 3)).astype("f4")
    kernel = RNG.standard_normal((*[taps] * len(sizes), 4, 3)).astype("f4")
    how = {"strides": strides, "padding": padding, "output_padding": output_padding, "dilation_rate": dilation_rate}
    expected = np.asarray(keras.ops.conv_transpose(x, kernel, data_format="channels_last", **how))
    if expected.size:
        close(ops.conv_transpose(x, kernel, **how), expected)


@pytest.mark.parametrize("sizes", [(11,), (9, 8)])
@pytest.mark.parametrize("padding", ["valid", "same"])
def test_separable_conv(keras, sizes, padding):
    rank = len(sizes)
    x = RNG.standard_normal((2, *sizes, 3)).astype("f4")
    depthwise = RNG.standard_normal((*[3] * rank, 3, 2)).astype("f4")
    pointwise = RNG.standard_normal((*[1] * rank, 6, 5)).astype("f4")
    close(ops.separable_conv(x, depthwise, pointwise, strides=2, padding=padding), keras.ops.separable_conv(
        x, depthwise, pointwise, strides=2, padding=padding, data_format="channels_last"))


@pytest.mark.parametrize(("sizes", "pool", "strides", "padding", "channels"), [
    (sizes, pool, strides, padding, channels)
    for (sizes, pool), strides, padding, channels in itertools.product(
        [((41,), 3), ((40,), (2,)), ((12, 37), 2), ((13, 36), (3, 2))], [None, 1, 2], ["valid", "same"], [1, 3, 20])])
def test_pooling(keras, sizes, pool, strides, padding, channels):
    x = RNG.standard_normal((2, *sizes, channels)).astype("f4")
    pool = (pool,) * len(sizes) if isinstance(pool, int) else pool
    how = {"strides": (strides,) * len(sizes) if strides else pool, "padding": padding, "data_format": "channels_last"}
    close(ops.max_pool(x, pool, **how), keras.ops.max_pool(x, pool, **how))
    close(ops.average_pool(x, pool, **how), keras.ops.average_pool(x, pool, **how))


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize(("pool", "strides"), [(2, 2), (3, 2), (3, 1), (2, 3)])
@pytest.mark.parametrize("channels", [1, 3, 20])
def test_pooling_gradients(torch, channels, pool, strides, ties):
    shape = (2, 13, 38, channels)
    x = RNG.standard_normal(shape) if not ties else RNG.integers(0, 3, shape).astype(float)
    inputs = torch.from_numpy(np.moveaxis(x, -1, 1).copy()).requires_grad_()
    y = torch.nn.functional.max_pool2d(inputs, pool, strides)
    dy = RNG.standard_normal(ops.max_pool(x, pool, strides).shape)
    y.backward(torch.from_numpy(np.moveaxis(dy, -1, 1).copy()))
    close(ops.max_pool_grad_input(x, ops.max_pool(x, pool, strides), dy, pool, strides),
          np.moveaxis(inputs.grad.numpy(), 1, -1))
    inputs.grad = None
    torch.nn.functional.avg_pool2d(inputs, pool, strides).backward(torch.from_numpy(np.moveaxis(dy, -1, 1).copy()))
    close(ops.average_pool_grad_input(dy, x.shape, pool, strides), np.moveaxis(inputs.grad.numpy(), 1, -1))
