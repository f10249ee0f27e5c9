"""Penalties against their formulas, their gradients against central differences."""
import json

import numpy as np
import pytest

from mgconv import regularizers

W = np.random.default_rng(0).standard_normal((4, 3))


def mean_cosine(rows):
    pairs = [(i, j) for i in range(len(rows)) for j in range(i)]
    return np.mean([abs(rows[i] @ rows[j]) / np.linalg.norm(rows[i]) / np.linalg.norm(rows[j]) for i, j in pairs])


CASES = [(regularizers.L1(0.3), 0.3 * abs(W).sum()), (regularizers.L2(0.2), 0.2 * (W ** 2).sum()),
         (regularizers.L1L2(0.1, 0.4), 0.1 * abs(W).sum() + 0.4 * (W ** 2).sum()), (regularizers.L1L2(), 0.0),
         (regularizers.OrthogonalRegularizer(0.7), 0.7 * mean_cosine(W)),
         (regularizers.OrthogonalRegularizer(0.7, "columns"), 0.7 * mean_cosine(W.T))]
IDS = [type(regularizer).__name__ for regularizer, _ in CASES]


@pytest.mark.parametrize(("regularizer", "want"), CASES, ids=IDS)
def test_penalty(regularizer, want):
    assert isinstance(regularizer(W), float)
    assert regularizer(W) == pytest.approx(want, rel=1e-12)
    assert regularizer(W.astype("f4")) == pytest.approx(want, rel=1e-6)


@pytest.mark.parametrize(("regularizer", "want"), CASES, ids=IDS)
def test_gradient(regularizer, want):
    h = 1e-6
    gradient = regularizer.gradient(W)
    for index in np.ndindex(W.shape):
        step = np.zeros_like(W)
        step[index] = h
        slope = (regularizer(W + step) - regularizer(W - step)) / (2 * h)
        assert gradient[index] == pytest.approx(slope, rel=1e-6, abs=1e-9)
    assert regularizer.gradient(W.astype("f4")).dtype == np.float32


def test_zeros_and_single_rows_are_finite():
    for regularizer, _ in CASES:
        for w in (np.zeros((3, 2)), np.ones((1, 1))):
            assert np.isfinite(regularizer(w))
            assert np.isfinite(regularizer.gradient(w)).all()


def test_the_example_of_the_head_of_the_module():
    class Roughness(regularizers.Regularizer):
        def __call__(self, w):
            return float(np.square(np.diff(w, axis=0)).sum())

        def gradient(self, w):
            step = 2 * np.diff(w, axis=0, prepend=w[:1], append=w[-1:])
            return step[:-1] - step[1:]
    test_gradient(Roughness(), None)


def test_get():
    assert regularizers.get(None) is None
    assert regularizers.get("l2").l2 == 0.01
    assert isinstance(regularizers.get("l1_l2"), regularizers.L1L2)
    assert isinstance(regularizers.get("L1L2"), regularizers.L1L2)
    assert regularizers.get(regularizers.L1).l1 == 0.01
    again = regularizers.get(json.loads(json.dumps({"class_name": "L2", "config": regularizers.L2(0.5).get_config()})))
    assert again.get_config() == {"l2": 0.5}
    with pytest.raises(ValueError, match="must be one of l1.* Received: 'l3'"):
        regularizers.get("l3")
    with pytest.raises(TypeError, match=r"must be a name or a mgconv\.regularizers\.Regularizer"):
        regularizers.get(np.sum)


@pytest.mark.parametrize("bad", [-0.1, float("nan"), float("inf")])
def test_bad_factors(bad):
    for make, name in ((regularizers.L1, "l1"), (regularizers.L2, "l2"),
                       (regularizers.OrthogonalRegularizer, "factor")):
        with pytest.raises(ValueError, match=f"`{name}` must"):
            make(bad)


def test_bad_shapes_and_modes():
    with pytest.raises(ValueError, match="rows, columns"):
        regularizers.OrthogonalRegularizer(mode="diagonals")
    with pytest.raises(ValueError, match=r"takes a matrix. Received: an array of shape \(3,\)"):
        regularizers.OrthogonalRegularizer()(np.ones(3))
