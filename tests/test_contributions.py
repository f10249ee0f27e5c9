"""contributions and receptive_field against the lecture's pictures and the Jacobian of ops.conv."""
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mgconv import ops
from mgconv.geometry import contributions, receptive_field


def numbered(reached, width):
    """Kernel entries counted from 1, row by row, by the output position: as the lecture labels them."""
    return {r.position: width * r.kernel[0] + r.kernel[1] + 1 for r in reached}


def test_the_lectures_pictures():
    assert numbered(contributions((0, 0), (10, 10), (3, 3)), 3) == {(0, 0): 1}
    assert numbered(contributions((1, 0), (10, 10), (3, 3)), 3) == {(0, 0): 4, (1, 0): 1}
    assert numbered(contributions((1, 1), (10, 10), (3, 3)), 3) == {(0, 0): 5, (0, 1): 4, (1, 0): 2, (1, 1): 1}
    inside = contributions((5, 6), (10, 10), (3, 3))
    assert [3 * r.kernel[0] + r.kernel[1] + 1 for r in inside] == [9, 8, 7, 6, 5, 4, 3, 2, 1]
    assert [r.position for r in inside] == [(i, j) for i in (3, 4, 5) for j in (4, 5, 6)]


def test_the_lectures_signal():
    """x[i] contributes to z[i] ... z[i + tau - 1] through a[tau] ... a[1], in a causal pass."""
    reached = contributions(7, 30, 5, padding="causal")
    assert [(r.position, r.kernel) for r in reached] == [((7 + k,), (4 - k,)) for k in range(5)]


@st.composite
def geometries(draw):
    rank = draw(st.sampled_from([1, 2]))

    def sizes(low, high):
        return tuple(draw(st.integers(low, high)) for _ in range(rank))

    padding = draw(st.sampled_from(["valid", "same", "full", "explicit"] + ["causal"] * (rank == 1)))
    if padding == "explicit":
        padding = tuple((draw(st.integers(0, 3)), draw(st.integers(0, 3))) for _ in range(rank))
    return sizes(1, 7), sizes(1, 3), {"strides": sizes(1, 3), "padding": padding, "dilation_rate": sizes(1, 3)}


@settings(max_examples=80)
@given(geometries())
def test_equal_to_the_jacobian_of_conv(geometry):
    input_shape, kernel_shape, options = geometry
    kernel = np.arange(1.0, np.prod(kernel_shape) + 1).reshape(*kernel_shape, 1, 1)
    try:
        ops.conv(np.zeros((1, *input_shape, 1)), kernel, **options)
    except ValueError:
        assume(False)
    seen = {}
    for at in np.ndindex(input_shape):
        x = np.zeros((1, *input_shape, 1))
        x[(0, *at, 0)] = 1
        column = ops.conv(x, kernel, **options)[0, ..., 0]
        want = {tuple(map(int, o)): column[tuple(o)] for o in np.argwhere(column)}
        reached = contributions(at, input_shape, kernel_shape, **options)
        assert {r.position: kernel[(*r.kernel, 0, 0)] for r in reached} == want
        assert [r.position for r in reached] == sorted(r.position for r in reached)
        for r in reached:
            seen.setdefault(r.position, []).append((at, r.kernel))
    for o in np.ndindex(column.shape):
        assert [tuple(r) for r in receptive_field(o, input_shape, kernel_shape, **options)] == seen.get(o, [])


def test_sizes_and_positions_may_be_arrays():
    want = contributions((4, 1), (10, 10), (3, 3))
    assert contributions(np.array([4, 1]), np.array([10, 10]), np.array([3, 3])) == want
    assert contributions(np.array(4), np.array(10), np.int64(3)) == contributions(4, 10, 3)


def test_whole_shapes_are_taken_too():
    assert contributions((3, 2), (8, 10, 10, 4), (3, 3, 2, 6)) == contributions((3, 2), (10, 10), (3, 3))


@pytest.mark.parametrize(("call", "error", "message"), [
    (lambda: contributions((10, 0), (10, 10), (3, 3)), ValueError, "lie within"),
    (lambda: contributions((-1, 0), (10, 10), (3, 3)), ValueError, "lie within"),
    (lambda: contributions(3, (10, 10), (3, 3)), ValueError, "2 spatial axes"),
    (lambda: contributions((0.5, 0), (10, 10), (3, 3)), TypeError, "integers"),
    (lambda: contributions(0, 2, 3), ValueError, "zero or negative"),
    (lambda: receptive_field(8, 10, 3), ValueError, "lie within"),
])
def test_refuses(call, error, message):
    with pytest.raises(error, match=message):
        call()
