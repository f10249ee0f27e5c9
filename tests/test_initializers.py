"""Initial weights: ranges and moments of Keras's distributions."""
import math

import numpy as np
import pytest

import mgconv
from mgconv import initializers

SHAPE = (5, 40, 60)                    # fan_in 200, fan_out 300


@pytest.mark.parametrize(("shape", "fans"), [((7,), (7, 7)), ((3, 4), (3, 4)), ((5, 3, 8), (15, 40)),
                                             ((3, 2, 4, 6), (24, 36))])
def test_fans(shape, fans):
    assert initializers.fans(shape) == fans


@pytest.mark.parametrize(("name", "variance", "limit"), [
    ("glorot_uniform", 2 / 500, math.sqrt(6 / 500)),
    ("glorot_normal", 2 / 500, 2 * math.sqrt(2 / 500) / 0.87962566103423978),
    ("he_uniform", 2 / 200, math.sqrt(6 / 200)),
    ("he_normal", 2 / 200, 2 * math.sqrt(2 / 200) / 0.87962566103423978),
    ("lecun_uniform", 1 / 200, math.sqrt(3 / 200)),
    ("lecun_normal", 1 / 200, 2 * math.sqrt(1 / 200) / 0.87962566103423978),
    ("random_uniform", 0.1 ** 2 / 12, 0.05),
    ("random_normal", 0.05 ** 2, 1),
    ("truncated_normal", (0.05 * 0.87962566103423978) ** 2, 0.1),
    ("zeros", 0, 0),
])
def test_moments_and_range(name, variance, limit):
    mgconv.set_random_seed(1)
    w = initializers.get(name)(SHAPE, "float64")
    assert w.shape == SHAPE
    assert abs(w.mean()) <= 4 * math.sqrt(variance / w.size)
    assert w.var() == pytest.approx(variance, rel=0.05)
    assert abs(w).max() <= limit
    if "uniform" in name:
        assert abs(w).max() > 0.999 * limit


def test_constants():
    assert (initializers.Ones()((2, 3)) == 1).all()
    assert (initializers.Constant(0.5)((2, 3)) == 0.5).all()
    np.testing.assert_array_equal(initializers.Constant([[1, 2]])((1, 2)), [[1, 2]])
    with pytest.raises(ValueError, match=r"weight's shape \(2, 1\)"):
        initializers.Constant([[1, 2]])((2, 1))


def test_variance_scaling():
    mgconv.set_random_seed(1)
    w = initializers.VarianceScaling(3.0, "fan_out", "untruncated_normal")(SHAPE)
    assert w.var() == pytest.approx(3 / 300, rel=0.05)
    for arguments, name in [((0,), "scale"), ((1, "fan"), "mode"), ((1, "fan_in", "cauchy"), "distribution")]:
        with pytest.raises(ValueError, match=f"`{name}`"):
            initializers.VarianceScaling(*arguments)


@pytest.mark.parametrize("shape", [(6, 6), (9, 4), (4, 9), (3, 2, 5), (2, 2, 3, 20)])
def test_orthogonal(shape):
    w = initializers.Orthogonal(gain=2.0, seed=1)(shape, "float64").reshape(-1, shape[-1])
    gram = w.T @ w if w.shape[0] >= w.shape[1] else w @ w.T
    np.testing.assert_allclose(gram, 4 * np.eye(min(w.shape)), atol=1e-13)


def test_orthogonal_matrices_are_all_equally_likely():
    """The determinant of half of them is -1, and the mean of any entry is 0."""
    drawn = np.array([initializers.Orthogonal(seed=seed)((2, 2), "float64") for seed in range(400)])
    assert abs(np.linalg.det(drawn).mean()) < 0.2
    assert abs(drawn.mean(axis=0)).max() < 5 * 0.5 ** 0.5 / 20


def test_identity():
    np.testing.assert_array_equal(initializers.Identity(3.0)((2, 3)), [[3, 0, 0], [0, 3, 0]])
    assert initializers.get("identity_initializer").gain == 1.0


def test_what_needs_a_matrix_says_so():
    for initializer, shape in ((initializers.Identity(), (2, 2, 2)), (initializers.Orthogonal(), (3,))):
        with pytest.raises(ValueError, match="Received: the shape"):
            initializer(shape)


@pytest.mark.thread_unsafe(reason="the random seed is the process's")
def test_seeds():
    own = initializers.HeNormal(seed=3)
    np.testing.assert_array_equal(own(SHAPE), own(SHAPE))
    mgconv.set_random_seed(3)
    first, second = initializers.GlorotUniform()(SHAPE), initializers.GlorotUniform()(SHAPE)
    assert (first != second).any()
    mgconv.set_random_seed(3)
    np.testing.assert_array_equal(first, initializers.GlorotUniform()(SHAPE))


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(ValueError, match="constant, glorot_normal.* Received: 'xavier'"):
        mgconv.layers.Dense(1, kernel_initializer="xavier")


def test_bad_random_seeds():
    with pytest.raises(ValueError, match="seed=-1"):
        mgconv.set_random_seed(-1)
    with pytest.raises(TypeError):
        mgconv.set_random_seed("a")
