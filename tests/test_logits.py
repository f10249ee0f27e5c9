"""A model that ends in softmax or sigmoid hands cross-entropy the logits: gradients stay where probabilities round."""
import numpy as np
import pytest

import mgconv
from mgconv import layers, losses, optimizers

X = np.ones((2, 1), "f4")
SURE = np.array([[20.0, -20.0]])


def model(*stack, loss, weights=SURE):
    made = mgconv.Sequential([mgconv.Input((1,)), *stack])
    made.set_weights([weights])
    made.compile(optimizers.SGD(1.0), loss)
    return made


ENDS = {
    "dense": lambda name: [layers.Dense(2, use_bias=False, activation=name)],
    "activation": lambda name: [layers.Dense(2, use_bias=False), layers.Activation(name)],
    "nested": lambda name: [mgconv.Sequential([layers.Dense(2, use_bias=False, activation=name)])],
}
LOSSES = {                              # the activation, the loss, targets of two samples, gradient, loss
    "sparse": ("softmax", losses.SparseCategoricalCrossentropy(), [1, 1], [1, -1], 40),
    "categorical": ("softmax", losses.CategoricalCrossentropy(), [[0, 1], [0, 1]], [1, -1], 40),
    "binary": ("sigmoid", losses.BinaryCrossentropy(), [[0, 1], [0, 1]], [0.5, -0.5], 20),
}


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("loss", LOSSES)
def test_sure_and_wrong(end, loss):
    activation, function, y, gradient, value = LOSSES[loss]
    made = model(*ENDS[end](activation), loss=function)
    assert made.evaluate(X, np.array(y), verbose=0) == pytest.approx(value, rel=1e-6)
    assert made.train_on_batch(X, np.array(y)) == pytest.approx(value, rel=1e-6)
    np.testing.assert_allclose(made.gradient, gradient, atol=1e-6)


def test_metrics_and_predictions_are_of_probabilities():
    made = model(*ENDS["dense"]("softmax"), loss="sparse_categorical_crossentropy", weights=np.array([[1.0, -1.0]]))
    made.compile("sgd", "sparse_categorical_crossentropy", metrics=["sparse_categorical_crossentropy", "accuracy"])
    loss, entropy, accuracy = made.evaluate(X, np.array([1, 1]), verbose=0)
    p = 1 / (1 + np.exp(-2.0))
    np.testing.assert_allclose(made.predict(X, verbose=0)[0], [p, 1 - p], rtol=1e-6)
    assert loss == pytest.approx(-np.log(1 - p), rel=1e-6)
    assert entropy == pytest.approx(loss, rel=1e-6)
    assert accuracy == 0


@pytest.mark.parametrize(("activation", "loss"), [("sigmoid", "sparse_categorical_crossentropy"), ("softmax", "mse"),
                                                  ("tanh", "binary_crossentropy")])
def test_others_are_left_alone(activation, loss):
    assert losses.get(loss).from_activation(activation) is None


def test_channels_first_is_left_alone():
    """Its softmax runs along axis 1, the loss along the last."""
    made = mgconv.Sequential([mgconv.Input((2, 5)), layers.Conv1D(3, 1, data_format="channels_first",
                                                                  activation="softmax")])
    made.compile("sgd", losses.CategoricalCrossentropy(axis=-1))
    x, y = np.ones((1, 2, 5)), np.eye(5)[[0, 1, 2]][None]
    p = made.predict(x, verbose=0)
    assert made.evaluate(x, y, verbose=0) == pytest.approx(losses.CategoricalCrossentropy()(y, p), rel=1e-6)


def test_a_penalty_of_the_output_is_of_probabilities():
    made = model(layers.Dense(2, use_bias=False, activation="softmax", activity_regularizer="l2"),
                 loss="sparse_categorical_crossentropy", weights=np.array([[1.0, -1.0]]))
    p = 1 / (1 + np.exp(-2.0))
    want = -np.log(1 - p) + 0.01 * (p ** 2 + (1 - p) ** 2)
    assert made.evaluate(X, np.array([1, 1]), verbose=0) == pytest.approx(want, rel=1e-5)
