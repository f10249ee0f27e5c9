"""Transposed and separable convolution and pooling as functions: formulas, adjoints, layouts, and what is refused."""
import inspect

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mgconv import ops

TOLERANCE = {np.float32: 1e-4, np.float64: 1e-11}


def full_transpose(x, kernel, strides, dilation_rate):
    """The transposed convolution with nothing cut off: every input adds its multiple of the kernel."""
    rank = x.ndim - 2
    sizes = [(n - 1) * s + (k - 1) * d + 1 for n, k, s, d in zip(x.shape[1:], kernel.shape, strides, dilation_rate)]
    y = np.zeros((len(x), *sizes, kernel.shape[-2]))
    for tap in np.ndindex(*kernel.shape[:rank]):
        where = tuple(slice(k * d, k * d + (n - 1) * s + 1, s)
                      for k, d, n, s in zip(tap, dilation_rate, x.shape[1:], strides))
        y[:, *where] += x.astype(float) @ kernel[tap].T.astype(float)
    return y


def window(y, starts, sizes):
    """A part of y that may reach behind its end, where there is nothing."""
    y = np.pad(y, [(0, 0), *((0, max(a + n - size, 0)) for a, n, size in zip(starts, sizes, y.shape[1:])), (0, 0)])
    return y[:, *(slice(a, a + n) for a, n in zip(starts, sizes))]


@st.composite
def transposed_problems(draw):
    rank = draw(st.integers(1, 2))

    def each(low, high):
        return tuple(draw(st.lists(st.integers(low, high), min_size=rank, max_size=rank)))
    sizes, taps, strides, dilation_rate = each(1, 9), each(1, 4), each(1, 4), each(1, 3)
    channels, filters = draw(st.integers(1, 6)), draw(st.integers(1, 6))
    how = {"strides": strides, "dilation_rate": dilation_rate, "padding": draw(st.sampled_from(["valid", "same"]))}
    if draw(st.booleans()):
        how["output_padding"] = tuple(draw(st.integers(0, s - 1)) for s in strides)
    spans = [(k - 1) * d + 1 for k, d in zip(taps, dilation_rate)]
    extra = how.get("output_padding", (None,) * rank)
    if how["padding"] == "valid":        # the rules that Keras documents
        starts = [0] * rank
        out = [(n - 1) * s + (max(m, s) if e is None else m + e) for n, s, m, e in zip(sizes, strides, spans, extra)]
    else:
        out = [n * s if e is None else (n - 1) * s + m % 2 + e for n, s, m, e in zip(sizes, strides, spans, extra)]
        starts = [max(m - s if e is None else m - m % 2 - e, 0) // 2 for s, m, e in zip(strides, spans, extra)]
    dtype = draw(st.sampled_from([np.float32, np.float64]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    x = rng.standard_normal((draw(st.integers(0, 3)), *sizes, channels)).astype(dtype)
    return x, rng.standard_normal((*taps, filters, channels)).astype(dtype), how, starts, out, rng


@settings(max_examples=150)
@given(transposed_problems())
def test_conv_transpose_equals_the_twin_and_its_gradients_are_adjoint(problem):
    x, kernel, how, starts, out, rng = problem
    if min(out) < 1:
        with pytest.raises(ValueError, match="output size would be zero or negative"):
            ops.conv_transpose(x, kernel, **how)
        return
    y = ops.conv_transpose(x, kernel, **how)
    expected = window(full_transpose(x, kernel, how["strides"], how["dilation_rate"]), starts, out)
    tolerance = TOLERANCE[x.dtype.type]
    np.testing.assert_allclose(y, expected, tolerance, tolerance)
    dy = rng.standard_normal(y.shape).astype(x.dtype)
    dx = ops.conv_transpose_grad_input(dy, kernel, x.shape, **how)
    dkernel = ops.conv_transpose_grad_kernel(x, dy, kernel.shape, **how)
    product = np.vdot(y.astype(float), dy)
    scale = tolerance * float(1 + np.linalg.norm(y) * np.linalg.norm(dy))
    assert np.vdot(x.astype(float), dx) == pytest.approx(product, abs=scale)
    assert np.vdot(kernel.astype(float), dkernel) == pytest.approx(product, abs=scale)


def test_conv_transpose_by_explicit_pairs_cuts_the_full_result():
    rng = np.random.default_rng(0)
    x, kernel = rng.standard_normal((2, 5, 3)), rng.standard_normal((4, 2, 3))
    full = full_transpose(x, kernel, (2,), (1,))
    y = ops.conv_transpose(x, kernel, strides=2, padding=(1, 2))
    np.testing.assert_allclose(y, full[:, 1:-2], 1e-12)
    y = ops.conv_transpose(x, kernel, strides=2, padding=[(3, 1)], output_padding=1)
    np.testing.assert_allclose(y, full[:, 3:], 1e-12)


def test_conv_transpose_bias_and_activation():
    rng = np.random.default_rng(0)
    x, kernel, bias = rng.standard_normal((2, 5, 6, 3)), rng.standard_normal((3, 2, 4, 3)), rng.standard_normal(4)
    plain = ops.conv_transpose(x, kernel, strides=2)
    np.testing.assert_array_equal(ops.conv_transpose(x, kernel, bias, strides=2, activation="relu"),
                                  np.maximum(plain + bias, 0))


def separable_twin(x, depthwise, pointwise, bias, **how):
    multiplier = depthwise.shape[-1]
    maps = [ops.conv(x[..., c:c + 1], depthwise[..., c:c + 1, m:m + 1], **how)
            for c in range(x.shape[-1]) for m in range(multiplier)]
    return np.concatenate(maps, -1) @ pointwise.reshape(-1, pointwise.shape[-1]) + bias


@pytest.mark.parametrize("how", [{}, {"padding": "same", "strides": 2}, {"dilation_rate": 2, "padding": "full"}])
@pytest.mark.parametrize("rank", [1, 2])
def test_separable_conv_and_its_gradients(rank, how):
    rng = np.random.default_rng(rank)
    x, depthwise = rng.standard_normal((2, *[7, 8][:rank], 3)), rng.standard_normal((*[3, 2][:rank], 3, 2))
    pointwise, bias = rng.standard_normal((*[1] * rank, 6, 4)), rng.standard_normal(4)
    y = ops.separable_conv(x, depthwise, pointwise, bias, **how)
    np.testing.assert_allclose(y, separable_twin(x, depthwise, pointwise, bias, **how), 1e-10, 1e-10)
    dy = rng.standard_normal(y.shape)
    product = np.vdot(y - bias, dy)           # linear in each of the three arguments
    assert np.vdot(x, ops.separable_conv_grad_input(dy, depthwise, pointwise, x.shape, **how)) == pytest.approx(product)
    assert np.vdot(depthwise, ops.separable_conv_grad_depthwise_kernel(
        x, dy, depthwise.shape, pointwise, **how)) == pytest.approx(product)
    assert np.vdot(pointwise, ops.separable_conv_grad_pointwise_kernel(
        x, dy, depthwise, pointwise.shape, **how)) == pytest.approx(product)


def cases():
    """Each function with arguments: (function, maps that have a layout, the other arguments, settings)."""
    rng = np.random.default_rng(5)

    def new(*shape):
        return rng.standard_normal(shape).astype("f4")
    x, kernel, depthwise, pointwise = new(2, 8, 9, 4), new(3, 3, 5, 4), new(3, 3, 4, 2), new(1, 1, 8, 5)
    t, s, pooled = new(2, 10, 11, 5), new(2, 6, 7, 5), new(2, 4, 4, 4)
    yield ops.conv_transpose, {"x": x}, {"kernel": kernel}
    yield ops.conv_transpose_grad_input, {"dy": t}, {"kernel": kernel, "input_shape": x.shape}
    yield ops.conv_transpose_grad_kernel, {"x": x, "dy": t}, {"kernel_shape": kernel.shape}
    yield ops.separable_conv, {"x": x}, {"depthwise_kernel": depthwise, "pointwise_kernel": pointwise}
    yield ops.separable_conv_grad_input, {"dy": s}, {"depthwise_kernel": depthwise, "pointwise_kernel": pointwise,
                                                     "input_shape": x.shape}
    yield ops.separable_conv_grad_depthwise_kernel, {"x": x, "dy": s}, {"depthwise_kernel_shape": depthwise.shape,
                                                                       "pointwise_kernel": pointwise}
    yield ops.separable_conv_grad_pointwise_kernel, {"x": x, "dy": s}, {"depthwise_kernel": depthwise,
                                                                       "pointwise_kernel_shape": pointwise.shape}
    yield ops.max_pool, {"x": x}, {"pool_size": 2}
    yield ops.max_pool_grad_input, {"x": x, "y": ops.max_pool(x, 2), "dy": pooled}, {"pool_size": 2}
    yield ops.average_pool, {"x": x}, {"pool_size": 2}
    yield ops.average_pool_grad_input, {"dy": pooled}, {"input_shape": x.shape, "pool_size": 2}


CASES = [pytest.param(*case, id=case[0].__name__) for case in cases()]


def first(maps):
    return {name: np.moveaxis(array, -1, 1) for name, array in maps.items()}


@pytest.mark.parametrize(("function", "maps", "rest"), CASES)
def test_layouts_agree(function, maps, rest):
    expected = function(**maps, **rest)
    strided = {name: np.repeat(array, 2, 1)[:, ::2] for name, array in maps.items()}
    np.testing.assert_array_equal(function(**strided, **rest), expected)
    fortran = {name: np.asfortranarray(array) for name, array in maps.items()}
    np.testing.assert_array_equal(function(**fortran, **rest), expected)
    turned = {name: array[:, ::-1] for name, array in maps.items()}
    np.testing.assert_array_equal(function(**turned, **rest),
                                  function(**{name: array.copy() for name, array in turned.items()}, **rest))
    for array in (*maps.values(), *rest.values()):
        if isinstance(array, np.ndarray):
            array.flags.writeable = False
    np.testing.assert_array_equal(function(**maps, **rest), expected)
    if "input_shape" in rest:
        batch, *sizes, channels = rest["input_shape"]
        rest = {**rest, "input_shape": (batch, channels, *sizes)}
    got = function(**first(maps), **rest, data_format="channels_first")
    assert got.flags.c_contiguous
    np.testing.assert_array_equal(got if "kernel" in function.__name__ else np.moveaxis(got, 1, -1), expected)


@pytest.mark.parametrize(("function", "maps", "rest"), CASES)
def test_out_is_honoured_and_checked(function, maps, rest):
    expected = function(**maps, **rest)
    out = np.full_like(expected, np.nan)
    assert function(**maps, **rest, out=out) is out
    np.testing.assert_array_equal(out, expected)
    strided = np.full((*expected.shape[:-1], 2 * expected.shape[-1]), np.nan, "f4")
    assert function(**maps, **rest, out=strided[..., ::2]) is not None
    np.testing.assert_array_equal(strided[..., ::2], expected)
    assert np.isnan(strided[..., 1::2]).all()
    with pytest.raises(ValueError, match="shape"):
        function(**maps, **rest, out=out[..., :-1])
    with pytest.raises(TypeError, match="float32"):
        function(**maps, **rest, out=expected.astype("f8"))
    out.flags.writeable = False
    with pytest.raises(ValueError, match="writeable"):
        function(**maps, **rest, out=out)
    name, array = next(iter(maps.items()))
    memory = np.zeros(array.size + expected.size, "f4")
    memory[:array.size] = array.ravel()
    overlapping = memory[array.size - 1:array.size - 1 + expected.size].reshape(expected.shape)
    with pytest.raises(ValueError, match="overlap"):
        function(**{**maps, name: memory[:array.size].reshape(array.shape)}, **rest, out=overlapping)


@pytest.mark.parametrize(("function", "maps", "rest"), CASES)
def test_wrong_types_and_shapes_are_refused(function, maps, rest):
    name, array = next(iter(maps.items()))
    for bad in (array.astype("i4"), array.astype("f2"), array.astype("c8"), array.astype(object), array.astype(">f4"),
                "text", None):
        with pytest.raises(TypeError):
            function(**{**maps, name: bad}, **rest)
    if len(maps) > 1 or any(isinstance(value, np.ndarray) for value in rest.values()):
        with pytest.raises(TypeError, match="all float64"):
            function(**{**maps, name: array.astype("f8")}, **rest)
    for bad in (array[0, 0], array[..., None], np.float32(1), array[..., :0]):
        with pytest.raises((ValueError, TypeError)):
            function(**{**maps, name: bad}, **rest)


@pytest.mark.parametrize("settings", [{"strides": 0}, {"strides": -1}, {"padding": "some"}, {"padding": "causal"},
                                      {"output_padding": -1}, {"output_padding": 1}, {"output_padding": (0, 0)},
                                      {"activation": "nothing"}, {"dilation_rate": 0}, {"bias": np.zeros(3)},
                                      {"padding": (-1, 0)}, {"padding": (3, 3)}, {"data_format": "NCHW"}])
def test_conv_transpose_refuses(settings):
    with pytest.raises(ValueError, match="Received"):
        ops.conv_transpose(np.ones((1, 5, 3)), np.ones((2, 4, 3)), **settings)


@pytest.mark.parametrize("settings", [{"pool_size": 0}, {"pool_size": -2}, {"pool_size": (2, 2)}, {"pool_size": 6},
                                      {"pool_size": 2, "strides": 0}, {"pool_size": 2, "padding": "causal"},
                                      {"pool_size": 2**62}, {"pool_size": 2, "strides": 2**62},
                                      {"pool_size": 2, "data_format": "last"}])
def test_pooling_refuses(settings):
    for function in (ops.max_pool, ops.average_pool):
        with pytest.raises(ValueError, match="Received"):
            function(np.ones((1, 5, 3)), **settings)


def test_pooling_sizes_must_be_integers():
    for size in (1.5, "2", None, (2.0,)):
        with pytest.raises(TypeError, match="pool_size"):
            ops.max_pool(np.ones((1, 5, 3)), size)


def test_a_stride_far_beyond_the_input_costs_nothing():
    dx = ops.conv_grad_input(np.ones((1, 1, 1)), np.ones((2, 1, 1)), (1, 7, 1), strides=2**40)
    assert dx.ravel().tolist() == [1, 1, 0, 0, 0, 0, 0]
    with pytest.raises((MemoryError, ValueError)):
        ops.conv_transpose(np.ones((1, 20, 17)), np.ones((1, 2, 17)), strides=2**40)


@pytest.mark.parametrize("name", ops.__all__)
def test_a_docstring_says_what_each_parameter_is(name):
    function = getattr(ops, name)
    text = inspect.getdoc(function)
    assert text is not None
    assert "%" not in text.replace("span % 2", "")
    for parameter in inspect.signature(function).parameters:
        assert f"\n{parameter} : " in text
    assert "\nRaises\n------\nValueError\n    If shapes do not fit" in text
