import math

import pytest

from mgconv.geometry import conv_geometry


@pytest.mark.parametrize(("size", "kernel", "stride", "rate"), [
    (n, k, s, d) for n in (1, 5, 8, 13) for k in (1, 2, 3, 5) for s in (1, 2, 3) for d in (1, 2)])
def test_same_padding_keeps_ceil_of_size_over_stride_with_the_odd_zero_behind(size, kernel, stride, rate):
    geometry = conv_geometry((2, size, 3), (kernel, 3, 4), stride, "same", rate)
    assert geometry.output_shape == (2, math.ceil(size / stride), 4)
    before, after = geometry.pads[0]
    assert after - before in (0, 1)


def test_valid_causal_and_full_padding_by_hand():
    assert conv_geometry((1, 10, 1), (3, 1, 1), dilation_rate=2).output_shape == (1, 6, 1)
    assert conv_geometry((1, 10, 1), (3, 1, 1), padding="causal", dilation_rate=2).pads == ((4, 0),)
    assert conv_geometry((1, 10, 1), (3, 1, 1), padding="full").output_shape == (1, 12, 1)
    assert conv_geometry((1, 4, 5, 1), (2, 3, 1, 1), padding=((1, 0), (0, 2))).output_shape == (1, 4, 5, 1)
    assert conv_geometry((1, 10, 1), (3, 1, 1), padding=(1, 2)).pads == ((1, 2),)


def test_groups_follow_from_the_shapes():
    assert conv_geometry((1, 9, 12), (3, 4, 6)).groups == 3
    assert conv_geometry((1, 9, 12), (3, 12, 6)).groups == 1


def test_an_empty_batch_is_a_geometry():
    assert conv_geometry((0, 9, 12), (3, 12, 6)).output_shape == (0, 7, 6)


@pytest.mark.parametrize(("arguments", "rule"), [
    (((4, 5), (3, 1, 1)), "rank 3"),
    (((4, 5, 1), (3, 3, 1, 1)), "rank 3"),
    (((4, 5, 1), (0, 1, 1)), "positive"),
    (((4, 5, 1), (3, 1, 0)), "positive"),
    (((4, 0, 1), (3, 1, 1)), "positive"),
    (((-1, 5, 1), (3, 1, 1)), "positive"),
    (((4, 5, 3), (3, 2, 1)), "multiple"),
    (((4, 5, 4), (3, 2, 3)), "multiple"),
    (((4, 5, 1), (6, 1, 1)), "zero or negative"),
    (((4, 5, 1), (3, 1, 1), 0), "strides"),
    (((4, 5, 1), (3, 1, 1), (1, 1)), "strides"),
    (((4, 5, 1), (3, 1, 1), 1, "valid", -1), "dilation_rate"),
    (((4, 5, 1), (3, 1, 1), 1, "reflect"), "padding"),
    (((4, 5, 1), (3, 1, 1), 1, [(1, 2), (3, 4)]), "padding"),
    (((4, 5, 1), (3, 1, 1), 1, [(-1, 2)]), "padding"),
    (((4, 5, 5, 1), (3, 3, 1, 1), 1, "causal"), "1-D"),
    (((2**40, 2**40, 1), (3, 1, 1)), "2\\*\\*48"),
    (((1, 5, 1), (3, 1, 1), 1, [(2**60, 0)]), "2\\*\\*48"),
    (((1, 5, 1), (3, 1, 1), 2**62), "2\\*\\*48"),
    (((1, 2**30, 1), (2**30, 1, 2**30)), "2\\*\\*48"),
])
def test_a_wrong_size_is_refused_with_the_rule(arguments, rule):
    with pytest.raises(ValueError, match=rule):
        conv_geometry(*arguments)


@pytest.mark.parametrize("arguments", [
    (((4, 5.0, 1), (3, 1, 1))), ((4, 5, 1), 3), ((4, 5, 1), (3, 1, 1), 1.5), ((4, 5, 1), (3, 1, 1), 1, 7),
    ((4, 5, 1), (3, 1, 1), 1, [(1.0, 2)])])
def test_a_size_that_is_no_integer_is_a_type_error(arguments):
    with pytest.raises(TypeError, match="integer"):
        conv_geometry(*arguments)
