"""Activations against formulas of other origin, and their derivatives against central differences."""
import copy
import json
import pickle

import numpy as np
import pytest
from scipy import special

import mgconv
from mgconv import activations
from mgconv._support.registry import to_config


def sparsemax_of_row(row):
    """The projection of a row onto the simplex, by bisection of tau."""
    low, high = row.min() - 1, row.max()
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if np.maximum(row - middle, 0).sum() > 1 else (low, middle)
    return np.maximum(row - low, 0)


FORMULAS = {
    "linear": lambda x: x,
    "relu": lambda x: np.where(x > 0, x, 0),
    "relu6": lambda x: np.clip(x, 0, 6),
    "leaky_relu": lambda x: np.where(x > 0, x, 0.2 * x),
    "elu": lambda x: np.where(x > 0, x, np.exp(x) - 1),
    "selu": lambda x: 1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * (np.exp(x) - 1)),
    "sigmoid": special.expit,
    "hard_sigmoid": lambda x: np.clip(x / 6 + 0.5, 0, 1),
    "tanh": np.tanh,
    "softsign": lambda x: x / (1 + np.abs(x)),
    "softplus": lambda x: -special.log_expit(-x),
    "exponential": np.exp,
    "silu": lambda x: x * special.expit(x),
    "swish": lambda x: x * special.expit(x),
    "gelu": lambda x: x * special.ndtr(x),
    "celu": lambda x: np.where(x > 0, x, np.exp(x) - 1),
    "threshold": lambda x: np.where(x > 0, x, 0),
    "hard_silu": lambda x: x * np.clip(x + 3, 0, 6) / 6,
    "hard_swish": lambda x: x * np.clip(x + 3, 0, 6) / 6,
    "hard_tanh": lambda x: np.clip(x, -1, 1),
    "hard_shrink": lambda x: np.where((x > 0.5) | (x < -0.5), x, 0),
    "soft_shrink": lambda x: np.sign(x) * np.maximum(np.abs(x) - 0.5, 0),
    "sparse_plus": lambda x: np.select([x <= -1, x < 1], [0, (x + 1) ** 2 / 4], x),
    "sparse_sigmoid": lambda x: np.clip(0.5 * (x + 1), 0, 1),
    "log_sigmoid": special.log_expit,
    "tanh_shrink": lambda x: x - np.tanh(x),
    "squareplus": lambda x: 0.5 * (x + np.sqrt(x * x + 4)),
    "mish": lambda x: x * np.tanh(-special.log_expit(-x)),
    "sparsemax": lambda x: np.apply_along_axis(sparsemax_of_row, -1, x),
    "softmax": lambda x: special.softmax(x, axis=-1),
    "log_softmax": lambda x: special.log_softmax(x, axis=-1),
}


def test_every_name_has_a_formula_here():
    assert set(FORMULAS) == set(activations.registry.named)


@pytest.mark.parametrize("name", FORMULAS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_values(name, dtype):
    x = np.random.default_rng(0).normal(0, 4, (50, 7)).astype(dtype)
    y = activations.get(name)(x)
    assert y.dtype == dtype
    np.testing.assert_allclose(y, FORMULAS[name](x.astype(float)), rtol=2e-6 if dtype == np.float32 else 1e-12,
                               atol=2e-7 if dtype == np.float32 else 1e-15)


@pytest.mark.parametrize("name", FORMULAS)
def test_in_place(name):
    activation = activations.get(name)
    x = np.random.default_rng(0).normal(0, 4, (50, 7))
    y = x.copy()
    activation.forward(y, y)
    np.testing.assert_array_equal(y, activation(x))


WITH_SETTINGS = {
    "leaky": (activations.LeakyReLU(0.01), lambda x: np.where(x > 0, x, 0.01 * x)),
    "elu": (activations.ELU(2.0), lambda x: np.where(x > 0, x, 2 * np.exp(x) - 2)),
    "celu": (activations.CELU(0.5), lambda x: np.where(x > 0, x, 0.5 * np.exp(2 * x) - 0.5)),
    "gelu": (activations.GELU(True),
             lambda x: 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x ** 3)))),
    "relu slope": (activations.ReLU(0.25), lambda x: np.where(x > 0, x, 0.25 * x)),
    "relu max": (activations.ReLU(max_value=2), lambda x: np.clip(x, 0, 2)),
    "relu threshold": (activations.ReLU(threshold=1), lambda x: np.where(x > 1, x, 0)),
    "relu all": (activations.ReLU(0.5, 3, 1), lambda x: np.select([x >= 3, x >= 1], [3, x], 0.5 * (x - 1))),
    "threshold": (activations.Threshold(1, -2), lambda x: np.where(x > 1, x, -2)),
    "hard shrink": (activations.HardShrink(2), lambda x: np.where(np.abs(x) > 2, x, 0)),
    "soft shrink": (activations.SoftShrink(2), lambda x: np.sign(x) * np.maximum(np.abs(x) - 2, 0)),
    "squareplus": (activations.Squareplus(0.5), lambda x: 0.5 * (x + np.sqrt(x * x + 0.5))),
    "softmax": (activations.Softmax(0), lambda x: special.softmax(x, axis=0)),
    "log softmax": (activations.LogSoftmax(0), lambda x: special.log_softmax(x, axis=0)),
    "sparsemax": (activations.Sparsemax(0), lambda x: np.apply_along_axis(sparsemax_of_row, 0, x)),
}


@pytest.mark.parametrize("name", WITH_SETTINGS)
def test_settings(name):
    activation, formula = WITH_SETTINGS[name]
    x = np.random.default_rng(0).normal(0, 3, (50, 7))
    np.testing.assert_allclose(activation(x), formula(x), rtol=1e-12, atol=1e-14)
    again = activations.get(json.loads(json.dumps(to_config(activation))))
    np.testing.assert_array_equal(again(x), activation(x))
    assert again.get_config() == activation.get_config()
    np.testing.assert_array_equal(type(activation)()(x, **activation.get_config()), activation(x))


def test_settings_in_the_call():
    x = np.array([-1.0, 7.0])
    assert activations.relu(x, max_value=6).tolist() == [0, 6]
    assert activations.threshold(x, 0.0, -3.0).tolist() == [-3, 7]
    assert activations.relu.max_value is None
    with pytest.raises(TypeError, match="ReLU: .*max_val.*nearest name is `max_value`"):
        activations.relu(x, max_val=6)


@pytest.mark.parametrize("name", WITH_SETTINGS)
def test_settings_in_place(name):
    activation, _ = WITH_SETTINGS[name]
    x = np.random.default_rng(0).normal(0, 3, (50, 7))
    y = x.copy()
    activation.forward(y, y)
    np.testing.assert_array_equal(y, activation(x))


ALL = [*activations.registry.named.items(), *((name, activation) for name, (activation, _) in WITH_SETTINGS.items()
                                              if getattr(activation, "axis", -1) == -1)]


@pytest.mark.parametrize("activation", [activation for _, activation in ALL], ids=[name for name, _ in ALL])
def test_derivative(activation):
    rng = np.random.default_rng(0)
    x, dy, h = rng.normal(0, 3, (40, 5)), rng.standard_normal((40, 5)), 1e-6
    dx = dy.copy()
    activation.backward(x if activation.needs_input else activation(x), dx)
    for column in range(x.shape[1]):
        step = np.zeros(5)
        step[column] = h
        slope = (dy * (activation(x + step) - activation(x - step))).sum(axis=-1) / (2 * h)
        np.testing.assert_allclose(dx[:, column], slope, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("name", ["sigmoid", "tanh", "softplus", "elu", "selu", "silu", "gelu", "softmax",
                                  "log_softmax"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_extremes_neither_warn_nor_overflow(name, dtype):
    y = activations.get(name)(np.array([[-1e4, -100, 0, 100, 1e4]], dtype))
    assert np.isfinite(y).all()


# What the functions tend to at -inf and inf.
ENDS = {
    "linear": (-np.inf, np.inf), "relu": (0, np.inf), "relu6": (0, 6), "leaky_relu": (-np.inf, np.inf),
    "elu": (-1, np.inf), "celu": (-1, np.inf), "selu": (-1.7580993408473766, np.inf), "sigmoid": (0, 1),
    "hard_sigmoid": (0, 1), "hard_silu": (0, np.inf), "hard_tanh": (-1, 1), "hard_shrink": (-np.inf, np.inf),
    "soft_shrink": (-np.inf, np.inf), "sparse_plus": (0, np.inf), "sparse_sigmoid": (0, 1), "tanh": (-1, 1),
    "tanh_shrink": (-np.inf, np.inf), "threshold": (0, np.inf), "softsign": (-1, 1), "softplus": (0, np.inf),
    "squareplus": (0, np.inf), "exponential": (0, np.inf), "log_sigmoid": (-np.inf, 0), "silu": (0, np.inf),
    "mish": (0, np.inf), "gelu": (0, np.inf),
}


@pytest.mark.parametrize("name", ENDS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_infinities(name, dtype):
    activation = activations.get(name)
    for x in (np.array([-np.inf, np.inf], dtype), np.array([-1e30, 1e30], dtype)):
        y = activation(x)
        if x[1] == np.inf:
            assert y.tolist() == pytest.approx(ENDS[name], rel=1e-6)
        assert not np.isnan(y).any()
        dx = np.ones(2, dtype)
        activation.backward(x if activation.needs_input else y, dx)
        assert not np.isnan(dx).any()
        assert np.isfinite(dx[0])


def test_sigmoid_falls_to_nothing():
    y = activations.sigmoid(np.array([-80, -200, -1e30], np.float32))
    assert y[0] == pytest.approx(np.exp(-80.0), rel=1e-6)
    assert y[1:].tolist() == [0, 0]


@pytest.mark.parametrize("name", sorted(set(FORMULAS) - {"linear"}))
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_nan_stays_visible(name, dtype):
    y = activations.get(name)(np.array([[np.nan, 1.0]], dtype))
    assert np.isnan(y[0, 0])


def test_integers_become_float32():
    y = activations.relu([-1, 2])
    assert y.dtype == np.float32
    assert y.tolist() == [0, 2]


def test_unknown_name_lists_the_known_ones():
    with pytest.raises(ValueError, match="elu, exponential, .* Received: 'rely'"):
        mgconv.layers.Dense(1, activation="rely")


def test_plain_functions_are_refused():
    with pytest.raises(TypeError, match="activation must be a name or a mgconv.activations.Activation"):
        mgconv.layers.Dense(1, activation=np.tanh)


def test_an_activation_of_ones_own():
    class Square(activations.Activation):
        needs_input = True

        def forward(self, x, y):
            np.multiply(x, x, out=y)

        def backward(self, source, dy):
            np.multiply(dy, 2 * source, out=dy)

    layer = mgconv.layers.Dense(1, activation=Square(), kernel_initializer="ones")
    assert layer(np.array([[1.0, 2.0]])).tolist() == [[9.0]]


def test_bad_parameters():
    with pytest.raises(ValueError, match="negative_slope"):
        activations.LeakyReLU(-0.1)
    with pytest.raises(ValueError, match="alpha"):
        activations.ELU(-0.1)
    for make, name in ((activations.CELU, "alpha"), (activations.Squareplus, "b")):
        with pytest.raises(ValueError, match=f"`{name}` must be positive"):
            make(0)
    for setting in ("negative_slope", "max_value", "threshold"):
        with pytest.raises(ValueError, match=f"`{setting}` must not be negative"):
            activations.ReLU(**{setting: -1})
    with pytest.raises(TypeError, match="`axis` must be an integer"):
        activations.Softmax(None)


def test_only_the_plain_relu_is_fused():
    assert activations.relu.fused == activations.ReLU().fused == "relu"
    assert activations.ReLU(max_value=6).fused is None


@pytest.mark.parametrize("name", FORMULAS)
def test_copies_and_pickles_are_the_same_objects(name):
    activation = activations.get(name)
    assert pickle.loads(pickle.dumps(activation)) is activation
    assert copy.deepcopy(activation) is activation
    assert copy.copy(activation) is activation
