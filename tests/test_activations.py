"""Activations against formulas of other origin, and their derivatives against central differences."""
import numpy as np
import pytest
from scipy import special

import mgconv
from mgconv import activations

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


ALL = [*activations.registry.named.values(), activations.LeakyReLU(0.01), activations.ELU(2.0), activations.GELU(True)]


@pytest.mark.parametrize("activation", ALL, ids=lambda a: type(a).__name__)
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


@pytest.mark.parametrize("name", ["relu", "sigmoid", "tanh", "gelu", "relu6", "elu"])
def test_nan_stays_visible(name):
    assert np.isnan(activations.get(name)(np.array([np.nan, 1.0]))[0])


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
