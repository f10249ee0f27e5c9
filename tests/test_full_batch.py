"""The loss over the whole training set: value, gradient, residuals and Jacobian against plain sums and differences."""
from functools import partial

import numpy as np
import pytest

import mgconv
from mgconv import layers, losses, optimizers, regularizers
from mgconv.models.chains import Pool, filled
from mgconv.models.data import as_training_data
from mgconv.models.full_batch import FullBatch

RNG = np.random.default_rng(3)
X, Y, WEIGHT = RNG.standard_normal((13, 8, 2)), RNG.standard_normal((13, 2)), RNG.uniform(0.5, 2, 13)


def evaluator(loss="mse", y=Y, weight=None, regularizer=None, last=2, activation="linear"):
    mgconv.set_random_seed(0)
    model = mgconv.Sequential([mgconv.Input((8, 2), dtype="float64"), layers.Conv1D(3, 3, activation="tanh"),
                               layers.Flatten(),
                               layers.Dense(last, activation=activation, kernel_regularizer=regularizer)])
    model.compile("sgd", loss)
    data = as_training_data(model, model.loss, X, y, weight)
    data.size = 5
    training = model._training
    return model, FullBatch(model, model.loss, data,
                            lambda data: filled(Pool(), partial(training._bind, True), data))


def differences(function, at, h=1e-6):
    columns = []
    for i in range(at.size):
        step = np.zeros(at.size)
        step[i] = h
        columns.append((np.asarray(function(at + step)) - function(at - step)) / (2 * h))
    return np.stack(columns, axis=-1)


IGNORING = losses.SparseCategoricalCrossentropy(ignore_class=1)


@pytest.mark.parametrize("settings", [
    {}, {"weight": WEIGHT}, {"loss": losses.MeanSquaredError("sum"), "weight": WEIGHT},
    {"loss": losses.MeanSquaredError("mean_with_sample_weight"), "weight": WEIGHT}, {"loss": "mae"},
    {"regularizer": regularizers.L1L2(0.01, 0.1)},
    {"loss": IGNORING, "y": np.arange(13) % 3, "last": 3, "activation": "softmax"}])
def test_loss_and_gradient_do_not_depend_on_the_batches(settings):
    model, evaluate = evaluator(**settings)
    loss, gradient = evaluate()
    penalty = sum(weight.regularizer(weight.value) for weight in model.trainable_weights if weight.regularizer)
    want = model.loss(settings.get("y", Y), model.predict(X, verbose=0), settings.get("weight")) + penalty
    assert loss == pytest.approx(want, rel=1e-12)
    here = model.parameters.copy()
    np.testing.assert_allclose(gradient, differences(lambda at: evaluate(at, gradient=False)[0], here), rtol=1e-6,
                               atol=1e-8)
    assert evaluate(here, gradient=False) == (loss, None)
    np.testing.assert_array_equal(model.parameters, here)
    np.testing.assert_array_equal(evaluate()[1], gradient)


@pytest.mark.parametrize("settings", [
    {}, {"weight": WEIGHT}, {"loss": losses.MeanSquaredError("sum"), "weight": WEIGHT},
    {"loss": losses.MeanSquaredError("mean_with_sample_weight"), "weight": WEIGHT},
    {"regularizer": regularizers.L2(0.1)}])
def test_residuals_and_their_derivatives(settings):
    model, evaluate = evaluator(**settings)
    loss, gradient = evaluate()
    residuals, jacobian = evaluate.residuals(), evaluate.jacobian()
    assert residuals.dtype == jacobian.dtype == np.float64
    assert residuals @ residuals == pytest.approx(loss, rel=1e-12)
    np.testing.assert_allclose(2 * jacobian.T @ residuals, gradient, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(jacobian, differences(evaluate.residuals, model.parameters.copy()), atol=1e-8)


def test_what_is_no_sum_of_squares_is_refused():
    _, evaluate = evaluator("mae", regularizer="l1")
    with pytest.raises(ValueError, match="loss mean_squared_error.*Received: MeanAbsoluteError, L1 of dense/kernel."):
        evaluate.jacobian()


class Downhill(optimizers.BaseOptimizer):
    """Gradient descent on the whole set."""

    full_batch = True

    def step(self, evaluate=None):
        _, gradient = evaluate()
        self._parameters -= 0.1 * gradient
        self._calls += 1


@pytest.mark.thread_unsafe(reason="the random seed is the process's")
def test_a_full_batch_optimizer_steps_once_an_epoch():
    """Whatever the batches, it is gradient descent with one batch; the figures are those after the step."""
    results = []
    for optimizer, size in ((Downhill(), 4), (Downhill(), 13), (optimizers.SGD(0.1), 13)):
        mgconv.set_random_seed(0)
        model = mgconv.Sequential([mgconv.Input((8, 2), dtype="float64"), layers.Flatten(), layers.Dense(2)])
        model.compile(optimizer, "mse", metrics=["mae"])
        seen = []
        spy = mgconv.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs, seen=seen: seen.append(batch))
        history = model.fit(X, Y, batch_size=size, epochs=3, verbose=0, callbacks=[spy])
        assert seen == [0, 0, 0]
        results.append((model.parameters.copy(), history.history["loss"], model.evaluate(X, Y, verbose=0)))
    for parameters, losses_, (after, _) in results[:2]:
        np.testing.assert_allclose(parameters, results[2][0], rtol=1e-12)
        np.testing.assert_allclose(losses_[:2], results[2][1][1:], rtol=1e-12)
        assert losses_[-1] == pytest.approx(after, rel=1e-12)
    model.compile(Downhill(), "mse")
    with pytest.raises(ValueError, match="Downhill wants all samples at every step"):
        model.fit(iter([(X, Y)]), verbose=0)
