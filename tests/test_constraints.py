"""Constraints: what holds for the projected weights, and what is left alone."""
import numpy as np
import pytest

from mgconv import constraints

W = np.random.default_rng(0).standard_normal((3, 4, 5))


def norms(w, axis):
    return np.sqrt((w ** 2).sum(axis=axis))


def test_non_negative():
    np.testing.assert_array_equal(constraints.NonNeg()(W), np.where(W > 0, W, 0))


@pytest.mark.parametrize("axis", [0, -1, [0, 1], (0, 1, 2)])
def test_norms(axis):
    along = axis if isinstance(axis, int) else tuple(axis)
    before = norms(W, along)
    np.testing.assert_allclose(norms(constraints.UnitNorm(axis)(W), along), 1, rtol=1e-6)
    np.testing.assert_allclose(norms(constraints.MaxNorm(1.5, axis)(W), along), np.minimum(before, 1.5), rtol=1e-6)
    np.testing.assert_allclose(norms(constraints.MinMaxNorm(1, 2, 0.25, axis)(W), along),
                               0.25 * np.clip(before, 1, 2) + 0.75 * before, rtol=1e-6)


def test_directions_dtype_and_the_weights_themselves_stay():
    for constraint in (constraints.MaxNorm(0.5), constraints.UnitNorm(), constraints.MinMaxNorm(1, 2)):
        w = W.astype("f4")
        projected = constraint(w)
        assert projected.dtype == np.float32
        np.testing.assert_array_equal(w, W.astype("f4"))
        ratio = projected / w
        np.testing.assert_allclose(ratio, np.broadcast_to(ratio[:1], ratio.shape), rtol=1e-5)


def test_zeros_stay_zeros():
    for constraint in (constraints.MaxNorm(), constraints.UnitNorm(), constraints.MinMaxNorm(1, 2)):
        assert (constraint(np.zeros((3, 2))) == 0).all()


def test_get():
    assert constraints.get(None) is None
    assert constraints.get("max_norm").max_value == 2
    assert isinstance(constraints.get("NonNeg"), constraints.NonNeg)
    config = constraints.MaxNorm(3, (0, 1)).get_config()
    assert config == {"max_value": 3, "axis": [0, 1]}
    assert constraints.get({"class_name": "MaxNorm", "config": config}).get_config() == config
    with pytest.raises(ValueError, match="must be one of max_norm.* Received: 'maxnom'"):
        constraints.get("maxnom")
    with pytest.raises(TypeError, match=r"must be a name or a mgconv\.constraints\.Constraint"):
        constraints.get(abs)


@pytest.mark.parametrize(("make", "message"), [
    (lambda: constraints.MaxNorm(-1), "`max_value` must not be negative"),
    (lambda: constraints.MinMaxNorm(2, 1), "`min_value` must not be above"),
    (lambda: constraints.MinMaxNorm(rate=2), "`rate` must be from 0 to 1"),
])
def test_bad_settings(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_bad_axes():
    with pytest.raises(TypeError, match="`axis` must hold integers"):
        constraints.UnitNorm("rows")
