"""The algorithms that plans take instead of direct sums, against the plain sums of twin.py.

What they round is bounded by the sums of absolute values conv(|x|, |kernel|): Winograd's transforms add a few numbers
and multiply them by 32 at most, so that its error stays within a few roundings of those sums (random data: at most 9;
the worst case grows with the number of channels, as it does for a plain sum). An FFT spreads its error evenly: 2e-7 of
the result's norm in float32, which is below a rounding of those sums.
"""
import contextlib
import functools
from unittest import mock

import numpy as np
import pytest
import twin
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from mgconv.geometry import conv_geometry
from mgconv.native import choice, runtime
from mgconv.native.conv import ConvPlan
from mgconv.native.correlation import ScatterConv
from mgconv.native.fft_conv import FFTConv
from mgconv.native.winograd import WinogradConv

ROUNDINGS = 12

widths = st.sampled_from([1, 2, 3, 7, 8, 16, 17, 31, 33, 40, 64, 67])
series = st.builds(lambda batch, steps, taps, channels, filters, before, after:
                   conv_geometry((batch, steps + taps, channels), (taps, channels, filters), padding=(before, after)),
                   st.integers(1, 5), st.integers(0, 200), st.integers(1, 50), widths, widths, st.integers(0, 60),
                   st.integers(0, 60))


@st.composite
def maps(draw, most_taps, channels, filters, most_stride=1):
    """Any dilation and padding, along one axis or two, up to some strides."""
    rank = draw(st.integers(1, 2))

    def each(least, most):
        return tuple(draw(st.integers(least, most)) for _ in range(rank))
    taps, rates = each(1, most_taps // rank), each(1, 3)
    sizes = tuple((count - 1) * rate + more for count, rate, more in zip(taps, rates, each(1, 50 if rank == 1 else 9)))
    padding = draw(st.one_of(st.sampled_from(["valid", "same", "full"]), st.tuples(*[
        st.tuples(st.integers(0, 5), st.integers(0, 5))] * rank)))
    channels, filters = draw(st.sampled_from(channels)), draw(st.sampled_from(filters))
    return conv_geometry((draw(st.integers(1, 3)), *sizes, channels), (*taps, channels, filters), each(1, most_stride),
                         padding, rates)


images = st.builds(lambda batch, rows, cols, channels, filters, padding:
                   conv_geometry((batch, rows, cols, channels), (3, 3, channels, filters), padding=padding),
                   st.integers(1, 3), st.integers(3, 18), st.integers(3, 18), widths, widths,
                   st.sampled_from(["valid", "same", "full", ((0, 3), (4, 1))]))
few_channels = maps(11, [1, 2, 3, 5, 8], [2, 3, 8, 16, 17, 33], 4)
every_isa = pytest.mark.parametrize("isa", runtime.available_isas())


@contextlib.contextmanager
def settings_of(isa, threads):
    """Use an instruction set and a number of threads for a while."""
    before = runtime.get_isa(), runtime.get_num_threads()
    runtime.set_isa(isa)
    runtime.set_num_threads(threads)
    try:
        yield
    finally:
        runtime.set_isa(before[0])
        runtime.set_num_threads(before[1])


def run(plan, x, kernel, bias, dy):
    """All three operations, for 1, 2 and 3 threads, which must agree bit by bit."""
    results = []
    for threads in (1, 2, 3):
        found = [np.full(shape, np.nan, x.dtype) for shape in (dy.shape, x.shape, kernel.shape)]
        with settings_of(plan.isa, threads):
            plan.forward(x, kernel, bias, found[0])
            plan.grad_input(dy, kernel, found[1])
            plan.grad_kernel(x, dy, found[2])
        results.append(found)
    for one, *others in zip(*results):
        assert all(np.array_equal(one, other) for other in others), "the number of threads changes bits"
    return results[0]


@functools.lru_cache(maxsize=8)
def case(geometry, dtype, seed):
    """Random arrays; each operation's result, and how large the numbers become that are rounded on the way: sums of
    absolute values, and the norms that bound a transform (a product of spectra carries the rounding of all of both)."""
    rng = np.random.default_rng(seed)
    x, kernel, bias, dy = arrays = [rng.standard_normal(shape).astype(dtype) for shape in (
        geometry.input_shape, geometry.kernel_shape, geometry.kernel_shape[-1:], geometry.output_shape)]

    def norm(array, *axes):
        return np.sqrt((array.astype(np.float64) ** 2).sum(axis=axes)).max()

    positions, taps = tuple(range(x.ndim - 1)), tuple(range(kernel.ndim - 2))
    return arrays, [
        (twin.conv(x, kernel, geometry, bias), max(twin.conv(abs(x), abs(kernel), geometry, abs(bias)).max(),
                                                   abs(x).max() * norm(kernel, *taps, -2))),
        (twin.conv_grad_input(dy, kernel, geometry), max(twin.conv_grad_input(abs(dy), abs(kernel), geometry).max(),
                                                         abs(dy).max() * norm(kernel, *taps, -1))),
        (twin.conv_grad_kernel(x, dy, geometry), max(twin.conv_grad_kernel(abs(x), abs(dy), geometry).max(),
                                                     norm(x, *positions) * norm(dy, *positions)))]


def check(geometry, dtype, isa, algorithm, seed):
    arrays, wanted = case(geometry, dtype, seed)
    with settings_of(isa, 1):
        plan = ConvPlan(geometry, dtype, algorithm)
    found = run(plan, *arrays)
    for name, got, (want, scale) in zip(("forward", "grad_input", "grad_kernel"), found, wanted):
        assert np.abs(got - want).max() <= ROUNDINGS * np.finfo(dtype).eps * scale, f"{name} of {geometry}"


def check_winograd(geometry, dtype, isa, form):
    with mock.patch.object(choice, "winograd_forms", return_value=[form]):
        check(geometry, dtype, isa, "winograd", 0)


@every_isa
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@settings(max_examples=50)
@given(geometry=st.one_of(images, maps(14, [2, 3, 7, 16, 17, 33], [2, 3, 8, 16, 17, 40])), data=st.data())
def test_winograd_agrees_with_plain_sums(isa, dtype, geometry, data):
    assume(WinogradConv.serves(geometry))
    check_winograd(geometry, dtype, isa, data.draw(st.sampled_from(list(
        choice.winograd_forms(geometry, np.dtype(dtype).itemsize)))))


@st.composite
def foldable(draw):
    """Strides along the last axis that divide its sizes; beside them any taps, dilation and padding along rows."""
    stride = draw(st.integers(2, 5))
    taps, before, after = stride * draw(st.integers(1, 8)), stride * draw(st.integers(0, 3)), draw(st.integers(0, 9))
    size, sizes, how = taps + stride * draw(st.integers(0, 40)), (), {}
    if draw(st.booleans()):
        sizes = draw(st.integers(7, 15)),
        how = {"strides": (1, stride), "dilation_rate": (draw(st.integers(1, 3)), 1)}
    rows = tuple(draw(st.integers(1, 3)) for _ in sizes)
    channels, filters = draw(st.sampled_from([1, 2, 3, 16])), draw(st.sampled_from([2, 3, 16, 33]))
    return conv_geometry((draw(st.integers(1, 3)), *sizes, size, channels), (*rows, taps, channels, filters), **{
        "strides": stride, "padding": ((0, 1),) * len(sizes) + ((before, after),)} | how)


@every_isa
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@settings(max_examples=30)
@given(geometry=foldable())
def test_strides_that_divide_all_sizes_are_folded_into_channels(isa, dtype, geometry):
    folded = choice.fold(geometry)
    assert folded.output_shape == geometry.output_shape
    for algorithm in ("winograd", "fft"):
        with settings_of(isa, 1):
            served = {"winograd": WinogradConv, "fft": FFTConv}[algorithm].serves(folded)
        if served:
            check(geometry, dtype, isa, algorithm, 0)


@pytest.mark.parametrize("how", [
    {"strides": 1}, {"strides": 3}, {"padding": (1, 1)}, {"input_shape": (2, 31, 4)}, {"dilation_rate": 2},
    {"kernel_shape": (6, 2, 8)}], ids=["none", "taps left", "padding left", "inputs left", "dilation", "groups"])
def test_strides_that_leave_something_are_not_folded(how):
    geometry = conv_geometry(**{"input_shape": (2, 30, 4), "kernel_shape": (8, 4, 8), "strides": 2} | how)
    assert choice.fold(geometry) == geometry


@every_isa
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("geometry", "form"), [
    (conv_geometry((3, 41, 39, 96), (3, 3, 96, 70), padding="same"), (0, 6, 3, True)),
    (conv_geometry((3, 41, 39, 20), (5, 4, 20, 33), padding="same", dilation_rate=(2, 1)), (1, 6, 4, False)),
    (conv_geometry((70, 6, 7, 24), (3, 3, 24, 20), padding="full"), (0, 6, 5, False)),
    (conv_geometry((2, 9001, 9), (4, 9, 20), padding="causal", dilation_rate=3), (0, 6, 4, False)),
    (conv_geometry((1, 2600, 9), (3, 9, 12), padding="same", dilation_rate=800), (0, 6, 3, False)),
    (conv_geometry((3, 22, 5, 16), (1, 5, 16, 64), padding="same", dilation_rate=(50, 2)), (1, 6, 5, False)),
    (conv_geometry((9, 70, 24), (11, 24, 20), padding="same"), (0, 8, 6, False)),
    (conv_geometry((2, 30, 33, 130), (3, 3, 130, 90), padding="same"), (1, 6, 3, True))],
    ids=["both axes", "rows beside rows", "many images", "parts of a row", "lines of one tile", "shared filters",
         "eight points", "taps from afar"])
def test_winograd_in_many_blocks(isa, dtype, geometry, form):
    check_winograd(geometry, dtype, isa, form)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("geometry", "form"), [
    (conv_geometry((2, 28, 28, 64), (3, 3, 64, 64), padding="same"), (1, 6, 3, True)),
    (conv_geometry((2, 28, 28, 64), (3, 3, 64, 64), padding="same"), (1, 6, 3, False)),
    (conv_geometry((4, 128, 64), (5, 64, 64)), (0, 6, 5, False)),
    (conv_geometry((4, 128, 64), (5, 64, 64)), (0, 8, 5, False))], ids=["both axes", "one axis", "1-D", "eight points"])
def test_winograd_rounds_as_documented(dtype, geometry, form):
    arrays, wanted = case(geometry, dtype, 0)
    with mock.patch.object(choice, "winograd_forms", return_value=[form]):
        found = run(ConvPlan(geometry, dtype, "winograd"), *arrays)
    for got, (want, _) in zip(found, wanted):
        assert np.abs(got - want).max() <= {"float32": 2e-6, "float64": 6e-15}[dtype] * np.abs(want).max()


def test_forms_of_winograd():
    def forms(kernel, **how):
        geometry = conv_geometry((1, 99, 99, 4), (*kernel, 4, 4), **how)
        return {(axis, both) for axis, *_, both in choice.winograd_forms(geometry, 4)}

    assert forms((3, 3)) == {(0, False), (0, True), (1, False), (1, True)}
    assert forms((3, 5)) == {(0, False), (1, False), (1, True)}
    assert forms((1, 3)) == {(1, False)}
    assert forms((3, 3), dilation_rate=(2, 1)) == {(0, False), (0, True), (1, False)}


@every_isa
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@settings(max_examples=25)
@given(geometry=series, seed=st.integers(0, 99))
@example(geometry=conv_geometry((1, 1, 1), (1, 1, 1), padding=(54, 0)), seed=1)
def test_fft_agrees_with_plain_sums(isa, dtype, geometry, seed):
    check(geometry, dtype, isa, "fft", seed)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@every_isa
@pytest.mark.parametrize(("channels", "filters", "taps"), [(1, 1, 1025), (40, 24, 33), (3, 20, 130)])
def test_fft_in_many_blocks_and_chunks(isa, dtype, channels, filters, taps):
    check(conv_geometry((3, 3000, channels), (taps, channels, filters), padding="same"), dtype, isa, "fft", 0)


@every_isa
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@settings(max_examples=50)
@given(geometry=few_channels.filter(lambda geometry: ScatterConv.serves(geometry)), seed=st.integers(0, 99))
def test_scattered_gradients_agree_with_plain_sums(isa, dtype, geometry, seed):
    check(geometry, dtype, isa, "scatter", seed)


@every_isa
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("geometry", [
    conv_geometry((2, 6001, 1), (80, 1, 20), 4), conv_geometry((2, 97, 101, 3), (4, 4, 3, 20), 2, "same"),
    conv_geometry((1, 3001, 2), (9, 2, 20), 3, "causal", 5)], ids=["rate 4", "two axes", "dilated"])
def test_scattered_gradients_in_many_tasks_and_chunks(isa, dtype, geometry):
    check(geometry, dtype, isa, "scatter", 0)


@every_isa
@pytest.mark.parametrize("taps", [(3, 3), (4,)])
def test_winograd_fuses_bias_and_relu(isa, taps):
    geometry = conv_geometry((2, *(9, 7)[:len(taps)], 5), (*taps, 5, 20))
    rng = np.random.default_rng(0)
    x, kernel, bias = (rng.standard_normal(shape) for shape in (geometry.input_shape, geometry.kernel_shape, (20,)))
    y = np.empty(geometry.output_shape)
    with settings_of(isa, 1):
        ConvPlan(geometry, "float64", "winograd").forward(x, kernel, bias, y, "relu")
    np.testing.assert_allclose(y, np.maximum(twin.conv(x, kernel, geometry, bias), 0), atol=1e-12)


@every_isa
def test_fft_fuses_bias_and_relu(isa):
    geometry = conv_geometry((2, 200, 5), (40, 5, 20), padding="causal")
    rng = np.random.default_rng(0)
    x, kernel, bias = (rng.standard_normal(shape) for shape in (geometry.input_shape, geometry.kernel_shape, (20,)))
    y = np.empty(geometry.output_shape)
    with settings_of(isa, 1):
        ConvPlan(geometry, "float64", "fft").forward(x, kernel, bias, y, "relu")
    np.testing.assert_allclose(y, np.maximum(twin.conv(x, kernel, geometry, bias), 0), atol=1e-11)


@pytest.mark.parametrize(("algorithm", "input_shape", "kernel_shape"), [
    ("winograd", (3, 12, 13, 5), (3, 3, 5, 4)), ("fft", (3, 150, 5), (30, 5, 4)),
    ("scatter", (3, 12, 13, 5), (3, 3, 5, 4))])
def test_a_bad_sample_spoils_no_other(algorithm, input_shape, kernel_shape):
    geometry = conv_geometry(input_shape, kernel_shape, padding="same")
    rng = np.random.default_rng(0)
    x, kernel = (rng.standard_normal(shape).astype("float32") for shape in (input_shape, kernel_shape))
    plan, results = ConvPlan(geometry, "float32", algorithm), []
    for bad in (0.0, 1e30, np.nan):
        x[1, 5] = bad
        y, dx = np.empty(geometry.output_shape, "float32"), np.empty(input_shape, "float32")
        plan.forward(x, kernel, None, y)
        plan.grad_input(np.ascontiguousarray(x[..., :4]), kernel, dx)
        results.append((y[::2], dx[::2]))
    for other in results[1:]:
        assert np.array_equal(results[0][0], other[0])
        assert np.array_equal(results[0][1], other[1])


@pytest.mark.parametrize("how", [
    {"strides": 2}, {"kernel_shape": (3, 3, 2, 4)}, {"kernel_shape": (1, 1, 4, 4)}, {"kernel_shape": (3, 3, 4, 1)},
    {"padding": "same", "dilation_rate": 9}],
    ids=["strides", "groups", "one tap", "one filter", "taps that meet padding alone"])
def test_what_winograd_cannot_do_is_refused(how):
    with pytest.raises(ValueError, match="does not serve"):
        ConvPlan(conv_geometry((1, 9, 9, 4), **{"kernel_shape": (3, 3, 4, 4)} | how), "float32", "winograd")


@pytest.mark.parametrize("how", [{"strides": 4}, {"dilation_rate": 2}])
def test_what_they_cannot_do_is_refused(how):
    with pytest.raises(ValueError, match="does not serve"):
        ConvPlan(conv_geometry((1, 90, 4), (9, 4, 4), **how), "float32", "fft")
    with pytest.raises(ValueError, match="does not serve"):
        ConvPlan(conv_geometry((1, 90, 4), (9, 2, 4), **how), "float32", "scatter")


def test_unknown_algorithm():
    with pytest.raises(ValueError, match="one of direct, winograd, fft"):
        ConvPlan(conv_geometry((1, 9, 9, 4), (3, 3, 4, 4)), "float32", "magic")


@every_isa
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shapes", [((1, 28, 32), (5, 32, 32)), ((1, 9, 9, 48), (3, 3, 48, 40)),
                                    ((1, 6, 3), (2, 3, 4))])
def test_a_frozen_pass_keeps_its_kernel_and_follows_its_input(isa, dtype, shapes):
    geometry = conv_geometry(*shapes)
    (x, kernel, bias, dy), _ = case(geometry, dtype, 0)
    x, kernel, bias, y, want = x.copy(), kernel.copy(), bias.copy(), np.empty_like(dy), np.empty_like(dy)
    with settings_of(isa, 2):
        plan = ConvPlan(geometry, dtype)
        frozen = plan.freeze(x, kernel, bias, y, "relu")
        kept = kernel.copy(), bias.copy()
        kernel[...], bias[...], y[...] = np.nan, np.nan, np.nan
        x *= -2
        frozen()
        plan.forward(x, *kept, want, "relu")
    np.testing.assert_allclose(y, want, atol=2000 * np.finfo(dtype).eps)


def test_frozen_taps_are_transformed_where_that_pays():
    with settings_of(runtime.available_isas()[-1], 1):
        assert isinstance(choice.choose_frozen(conv_geometry((1, 28, 32), (5, 32, 32)), False), WinogradConv)
        assert choice.choose_frozen(conv_geometry((1, 30, 1), (5, 1, 16)), False) is None


@every_isa
@pytest.mark.parametrize("filters", [1, 7, 16, 24, 33])
def test_one_position_sums_in_several_chains(isa, filters):
    rng = np.random.default_rng(filters)
    for channels in (1, 7, 8, 9, 11, 64, 99):
        x, kernel = rng.standard_normal((1, 1, channels)), rng.standard_normal((1, channels, filters))
        y = np.empty((1, 1, filters))
        with settings_of(isa, 1):
            ConvPlan(conv_geometry(x.shape, kernel.shape), "float64").forward(x, kernel, None, y)
        np.testing.assert_allclose(y[0, 0], x[0, 0] @ kernel[0], atol=1e-13)
