"""What the functions of mgconv.ops accept, and what they refuse before anything is written."""
import itertools
import sys
import threading

import numpy as np
import pytest
import twin

from mgconv import layers, ops
from mgconv.geometry import conv_geometry
from mgconv.native import runtime
from mgconv.native.conv import ConvPlan

RNG = np.random.default_rng(0)
X = RNG.standard_normal((3, 10, 11, 4))
KERNEL = RNG.standard_normal((2, 3, 4, 5))
BIAS = RNG.standard_normal(5)
Y = ops.conv(X, KERNEL, BIAS)
DX = ops.conv_grad_input(Y, KERNEL, X.shape)
DK = ops.conv_grad_kernel(X, Y, KERNEL.shape)


def test_arrays_need_not_be_contiguous_writeable_or_aligned():
    x = np.zeros((3, 10, 22, 4))[:, :, ::2]
    x[...] = X
    kernel = np.asfortranarray(KERNEL)
    kernel.flags.writeable = False
    memory = bytearray(Y.nbytes + 4)
    dy = np.frombuffer(memory, np.uint8)[4:].view(np.float64).reshape(Y.shape)
    dy[...] = Y
    np.testing.assert_array_equal(ops.conv(x, kernel, BIAS[::-1][::-1]), Y)
    np.testing.assert_array_equal(ops.conv_grad_input(dy, kernel, X.shape), DX)
    np.testing.assert_array_equal(ops.conv_grad_kernel(x, dy, KERNEL.shape), DK)


def test_channels_first_is_the_same_convolution_with_its_channels_moved():
    def first(a):
        return np.ascontiguousarray(np.moveaxis(a, -1, 1))
    how = {"data_format": "channels_first"}
    y = ops.conv(first(X), KERNEL, BIAS, **how)
    np.testing.assert_array_equal(y, first(Y))
    assert y.flags.c_contiguous
    np.testing.assert_array_equal(ops.conv_grad_input(first(Y), KERNEL, first(X).shape, **how), first(DX))
    np.testing.assert_array_equal(ops.conv_grad_kernel(first(X), first(Y), KERNEL.shape, **how), DK)
    np.testing.assert_array_equal(ops.bias_grad(first(Y), **how), ops.bias_grad(Y))
    depthwise = RNG.standard_normal((2, 2, 4, 3))
    np.testing.assert_array_equal(ops.depthwise_conv(first(X), depthwise, **how),
                                  first(ops.depthwise_conv(X, depthwise)))


@pytest.mark.parametrize("layout", ["plain", "strided", "channels_first"])
def test_out_is_written_and_returned(layout):
    data_format = "channels_first" if layout == "channels_first" else "channels_last"
    y = np.moveaxis(Y, -1, 1) if layout == "channels_first" else Y
    out = np.empty((*y.shape[:-1], 2 * y.shape[-1]))[..., ::2] if layout == "strided" else np.empty(y.shape)
    x = np.moveaxis(X, -1, 1) if layout == "channels_first" else X
    assert ops.conv(x, KERNEL, BIAS, out=out, data_format=data_format) is out
    np.testing.assert_array_equal(out, y)


def test_a_dtype_may_name_the_byte_order_of_the_machine():
    """As those of arrays from MATLAB's files do: an equal dtype, but another buffer format."""
    named = np.dtype("f8").newbyteorder(sys.byteorder)
    x, kernel, bias, y = (a.astype(named, order) for a, order in ((X, "C"), (KERNEL, "F"), (BIAS, "C"), (Y, "F")))
    out = np.empty(Y.shape, named)
    np.testing.assert_array_equal(ops.conv(x, kernel, bias), Y)
    assert ops.conv(X, KERNEL, BIAS, out=out) is out
    np.testing.assert_array_equal(out, Y)
    np.testing.assert_array_equal(ops.conv_grad_input(y, kernel, X.shape), DX)
    np.testing.assert_array_equal(ops.conv_grad_kernel(x, y, KERNEL.shape), DK)
    np.testing.assert_array_equal(ops.max_pool(x, 2), ops.max_pool(X, 2))
    np.testing.assert_array_equal(ops.average_pool(x, 2, out=np.empty((3, 5, 5, 4), named)), ops.average_pool(X, 2))
    layer = layers.Conv2D(5, 3)
    layer.build(X.shape, named)
    assert layer(x).dtype == np.float64


def test_out_serves_every_gradient():
    dx, dk, db = np.empty_like(X), np.empty_like(KERNEL), np.empty_like(BIAS)
    assert ops.conv_grad_input(Y, KERNEL, X.shape, out=dx) is dx
    assert ops.conv_grad_kernel(X, Y, KERNEL.shape, out=dk) is dk
    assert ops.bias_grad(Y, out=db) is db
    np.testing.assert_array_equal(dx, DX)
    np.testing.assert_array_equal(dk, DK)
    np.testing.assert_allclose(db, Y.sum((0, 1, 2)))


def test_an_unusable_out_is_refused():
    read_only = np.empty_like(Y)
    read_only.flags.writeable = False
    overlapping = np.zeros(X.size + Y.size)
    with pytest.raises(ValueError, match="writeable"):
        ops.conv(X, KERNEL, out=read_only)
    with pytest.raises(ValueError, match="shape"):
        ops.conv(X, KERNEL, out=np.empty((1, 2, 3, 4)))
    with pytest.raises(TypeError, match="dtype"):
        ops.conv(X, KERNEL, out=np.empty(Y.shape, np.float32))
    with pytest.raises(TypeError, match="out"):
        ops.conv(X, KERNEL, out=[1.0])
    x = overlapping[:X.size].reshape(X.shape)
    with pytest.raises(ValueError, match="overlap"):
        ops.conv(x, KERNEL, out=overlapping[X.size - 1:X.size - 1 + Y.size].reshape(Y.shape))
    ops.conv(x, KERNEL, out=overlapping[X.size:X.size + Y.size].reshape(Y.shape))


@pytest.mark.parametrize("bad", [X.astype(np.float32), X.astype(np.int64), X.astype(np.float16), X.astype(">f8"),
                                 X.astype(complex), "text"])
def test_dtypes_that_are_not_alike_are_type_errors(bad):
    with pytest.raises(TypeError, match="float32"):
        ops.conv(bad, KERNEL)
    with pytest.raises(TypeError, match="float32"):
        ops.conv_grad_kernel(bad, Y, KERNEL.shape)
    with pytest.raises(TypeError, match="float32"):
        ops.conv(X, KERNEL.astype(np.float32))
    with pytest.raises(TypeError, match="float32"):
        ops.conv(X, KERNEL, BIAS.astype(np.float32))


@pytest.mark.parametrize("call", [
    lambda: ops.conv(X, KERNEL, BIAS[:4]),
    lambda: ops.conv(X, KERNEL, BIAS[None]),
    lambda: ops.conv(X, KERNEL[0]),
    lambda: ops.conv(X, KERNEL, padding="causal"),
    lambda: ops.conv(X, KERNEL, strides=0),
    lambda: ops.conv(X, KERNEL, activation="nonsense"),
    lambda: ops.conv(X, KERNEL, data_format="sideways"),
    lambda: ops.conv(X[:, :1], KERNEL),
    lambda: ops.conv_grad_input(Y[:, :-1], KERNEL, X.shape),
    lambda: ops.conv_grad_input(Y, KERNEL, (3, 10, 11)),
    lambda: ops.conv_grad_kernel(X[:-1], Y, KERNEL.shape),
    lambda: ops.conv_grad_kernel(X, Y, (2, 3, 3, 5)),
    lambda: ops.depthwise_conv(X, KERNEL[:, :, :2]),
    lambda: ops.bias_grad(np.float64(1)),
])
def test_shapes_that_do_not_fit_are_value_errors(call):
    with pytest.raises(ValueError, match="Received"):
        call()


def test_shapes_that_are_no_integers_are_type_errors():
    with pytest.raises(TypeError, match="integers"):
        ops.conv_grad_input(Y, KERNEL, "none")
    with pytest.raises(TypeError, match="integers"):
        ops.conv_grad_kernel(X, Y, (2.5, 3, 4, 5))


def test_settings_may_be_lists():
    got = ops.conv(X, KERNEL, strides=[1, 2], padding=[(1, 0), [2, 1]], dilation_rate=[2, 1])
    want = ops.conv(X, KERNEL, strides=(1, 2), padding=((1, 0), (2, 1)), dilation_rate=(2, 1))
    np.testing.assert_array_equal(got, want)


def test_settings_may_be_arrays():
    two = np.array([2, 3])
    np.testing.assert_array_equal(ops.conv(X, KERNEL, strides=two), ops.conv(X, KERNEL, strides=(2, 3)))
    np.testing.assert_array_equal(ops.max_pool(X, two, two), ops.max_pool(X, (2, 3), (2, 3)))
    kernel, extra = KERNEL.swapaxes(2, 3)[..., :4], np.array([1, 0])
    np.testing.assert_array_equal(ops.conv_transpose(X, kernel, strides=2, output_padding=extra),
                                  ops.conv_transpose(X, kernel, strides=2, output_padding=(1, 0)))


def test_a_pointwise_kernel_takes_all_channels():
    depthwise, pointwise = np.ones((2, 2, 4, 2)), np.ones((1, 1, 4, 6))          # of 8 channels
    dy = np.ones((3, 9, 10, 6))
    for call in (lambda: ops.separable_conv(X, depthwise, pointwise),
                 lambda: ops.separable_conv_grad_input(dy, depthwise, pointwise, X.shape),
                 lambda: ops.separable_conv_grad_depthwise_kernel(X, dy, depthwise.shape, pointwise),
                 lambda: ops.separable_conv_grad_pointwise_kernel(X, dy, depthwise, pointwise.shape)):
        with pytest.raises(ValueError, match=r"channels \* multiplier"):
            call()


def test_an_empty_batch_gives_empty_results_and_zero_gradients():
    x, dy = X[:0], Y[:0]
    assert ops.conv(x, KERNEL).shape == dy.shape
    assert ops.conv_grad_input(dy, KERNEL, x.shape).shape == x.shape
    assert not ops.conv_grad_kernel(x, dy, KERNEL.shape).any()
    assert not ops.bias_grad(dy).any()


def test_relu_keeps_nan_and_padding_meets_no_infinity():
    x = np.full((1, 40, 3), np.nan)
    assert np.isnan(ops.conv(x, np.ones((3, 3, 5)), activation="relu")).all()
    y = ops.conv(np.ones((1, 9, 2)), np.full((3, 2, 17), np.inf), padding="valid")
    assert np.isinf(y).all()


@pytest.mark.thread_unsafe(reason="the instruction set is the process's")
def test_plans_follow_the_instruction_set():
    before = runtime.get_isa()
    try:
        for isa in runtime.available_isas():
            runtime.set_isa(isa)
            np.testing.assert_allclose(ops.conv(X, KERNEL, BIAS), Y, atol=1e-12)
            assert ConvPlan(conv_geometry(X.shape, KERNEL.shape), "float64").isa == isa
    finally:
        runtime.set_isa(before)


def test_a_number_that_is_no_integer_is_refused_after_an_equal_one_was_taken():
    x, kernel = np.ones((2, 9, 3)), np.ones((3, 3, 4))
    dy, y = ops.conv(x, kernel, strides=2), ops.max_pool(x, 2)
    for call in (lambda two: ops.conv(x, kernel, strides=two),
                 lambda two: ops.conv(x, kernel, dilation_rate=two),
                 lambda two: ops.conv_grad_input(dy, kernel, x.shape, strides=two),
                 lambda two: ops.conv_grad_kernel(x, dy, kernel.shape, strides=two),
                 lambda two: ops.depthwise_conv(x, kernel, strides=two),
                 lambda two: ops.max_pool(x, two), lambda two: ops.average_pool(x, 2, two),
                 lambda two: ops.max_pool_grad_input(x, y, y, two),
                 lambda two: ops.conv_transpose(dy, kernel, strides=two),
                 lambda two: ops.conv_transpose(dy, kernel, strides=2, output_padding=two - 1)):
        call(2)
        with pytest.raises(TypeError, match="integer"):
            call(2.0)
        with pytest.raises(TypeError, match="integer"):
            call(np.float32(2))


def test_every_call_finds_the_plan_of_its_own_settings():
    settings = list(itertools.product((1, 2, (1, 2), (2, 1)), ("valid", "same", "full"), (1, 2, (1, 2), (2, 1))))
    for how in 2 * settings:                          # once to make the plans, once to find them
        geometry = conv_geometry(X.shape, KERNEL.shape, *how)
        y = twin.conv(X, KERNEL, geometry)
        np.testing.assert_allclose(ops.conv(X, KERNEL, None, *how), y, atol=1e-12)
        np.testing.assert_allclose(ops.conv_grad_input(y, KERNEL, X.shape, *how),
                                   twin.conv_grad_input(y, KERNEL, geometry), atol=1e-11)
        np.testing.assert_allclose(ops.conv_grad_kernel(X, y, KERNEL.shape, *how),
                                   twin.conv_grad_kernel(X, y, geometry), atol=1e-11)


@pytest.mark.parametrize("call", [
    lambda huge: ops.conv(X, KERNEL, strides=huge), lambda huge: ops.conv(X, KERNEL, dilation_rate=(1, huge)),
    lambda huge: ops.conv_grad_input(Y, KERNEL, (3, 10, huge, 4)),
    lambda huge: ops.conv_grad_kernel(X, Y, (2, huge, 4, 5))])
def test_sizes_that_no_machine_has_are_value_errors(call):
    for huge in (2**62, 2**70):
        with pytest.raises(ValueError, match="2\\*\\*48|zero or negative"):
            call(huge)


def test_more_shapes_than_plans_are_kept():
    kernel = np.array([1.0, -1.0]).reshape(2, 1, 1)
    for steps in 2 * list(range(2, 600)):
        x = np.arange(float(steps)).reshape(1, -1, 1)
        np.testing.assert_array_equal(ops.conv(x, kernel), np.full((1, steps - 1, 1), -1.0))


def test_any_buffer_is_an_input():
    assert np.array_equal(ops.conv(memoryview(X), memoryview(KERNEL), memoryview(BIAS)), Y)
    out = memoryview(np.empty_like(Y))
    with pytest.raises(TypeError, match="`out` must be an array"):
        ops.conv(X, KERNEL, BIAS, out=out)


def test_a_plan_refuses_what_is_not_its_own():
    plan = ConvPlan(conv_geometry(X.shape, KERNEL.shape), np.float64)
    y = np.empty_like(Y)
    with pytest.raises(ValueError, match="shape"):
        plan.forward(X[:2], KERNEL, None, y)
    with pytest.raises(TypeError, match="float64"):
        plan.forward(X, KERNEL.astype(np.float32), None, y)
    with pytest.raises(ValueError, match="activation"):
        plan.forward(X, KERNEL, None, y, "tanh")
    with pytest.raises((ValueError, BufferError)):
        plan.forward(X[:, ::-1], KERNEL, None, y)
    with pytest.raises(TypeError, match="float32 or float64"):
        ConvPlan(plan.geometry, np.int32)
    assert plan.scratch_bytes > 0


def test_threads_share_plans():
    results = [None] * 8

    def work(i):
        for _ in range(20):
            results[i] = ops.conv(X, KERNEL, BIAS)
    threads = [threading.Thread(target=work, args=(i,)) for i in range(len(results))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(np.array_equal(result, Y) for result in results)


@pytest.mark.parametrize(("x_shape", "kernel_shape", "how"), [
    ((32, 64, 32), (3, 32, 32), {}),                                   # Winograd's otherwise
    ((3, 4000, 1), (65, 1, 1), {"padding": "same"}),                   # an FFT otherwise
    ((32, 14, 2), (7, 2, 2), {"strides": 2, "padding": "same"}),       # tiles along the images, in large batches
    ((14, 19, 11, 33), (5, 7, 33, 8), {"padding": "same"}),
    ((20, 23, 14, 3), (2, 5, 3, 1), {"strides": 2}),
    ((0, 9, 2), (3, 2, 4), {})])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_plain_sums_depend_on_their_own_sample_and_taps_alone(x_shape, kernel_shape, how, dtype):
    how = how | {"precision": "plain"}
    x = RNG.standard_normal(x_shape).astype(dtype)
    kernel = RNG.standard_normal(kernel_shape).astype(dtype)
    y = ops.conv(x, kernel, **how)
    dy = RNG.standard_normal(y.shape).astype(dtype)
    dx = ops.conv_grad_input(dy, kernel, x.shape, **how)
    dkernel = ops.conv_grad_kernel(x, dy, kernel.shape, **how)
    for size in (1, 2, 3):
        np.testing.assert_array_equal(ops.conv(x[:size], kernel, **how), y[:size])
        np.testing.assert_array_equal(ops.conv_grad_input(dy[:size], kernel, x[:size].shape, **how), dx[:size])
    # The adjoint identities tie each gradient to the forward pass.
    close = {"rtol": 1e-4 if dtype == "float32" else 1e-12, "atol": 1e-3 if dtype == "float32" else 1e-10}
    exact = ops.conv(x.astype(float), kernel.astype(float), **how)
    np.testing.assert_allclose(y, exact, **close)
    np.testing.assert_allclose(np.vdot(dx.astype(float), x), np.vdot(dy.astype(float), exact), **close)
    np.testing.assert_allclose(np.vdot(dkernel.astype(float), kernel), np.vdot(dy.astype(float), exact), **close)


@pytest.mark.parametrize("code", [9999.0, 1e30, np.nan, np.inf])
def test_plain_sums_keep_their_bits_beside_any_value_that_no_tap_meets(code):
    x, kernel = RNG.standard_normal((4, 64, 32)).astype("f4"), RNG.standard_normal((3, 32, 32)).astype("f4")
    y = ops.conv(x, kernel, precision="plain")
    x[:, 30] = code
    marred = ops.conv(x, kernel, precision="plain")
    np.testing.assert_array_equal(np.delete(marred, slice(28, 31), 1), np.delete(y, slice(28, 31), 1))


def test_precision_is_one_of_two_words_and_batches_of_gradients_fit():
    with pytest.raises(ValueError, match="`precision` must be one of fast, plain"):
        ops.conv(X, KERNEL, precision="exact")
    for precision in ("fast", "plain"):
        with pytest.raises(ValueError, match="`dy` must have the batch"):
            ops.conv_grad_input(Y[:2], KERNEL, X.shape, precision=precision)
