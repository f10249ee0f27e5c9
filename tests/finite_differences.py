"""Central differences through a whole float64 model, the independent truth for every gradient."""
import numpy as np

import mgconv


def model_of(layers, input_shape, loss="mse", seed=0):
    """A float64 model ready for `check_gradient`: its optimizer leaves the weights alone. Biases are random too."""
    mgconv.set_random_seed(seed)
    model = mgconv.Sequential([mgconv.Input(input_shape, dtype="float64"), *layers])
    model.compile(mgconv.optimizers.SGD(0.0), loss)
    model.parameters += 0.1 * np.random.default_rng(seed).standard_normal(model.parameters.shape)
    return model


def check_gradient(model, x, y, sample_weight=None, h=1e-6, tolerance=1e-7, in_training=False):
    """Assert that the gradient of a training step is that of the loss, at up to 60 parameters chosen at random; the
    loss in training is another if `in_training`."""
    def value():
        if in_training:
            return model.train_on_batch(x, y, sample_weight)
        return model.evaluate(x, y, len(x), 0, sample_weight)

    loss = model.train_on_batch(x, y, sample_weight)
    gradient = model.gradient.copy()
    assert np.isclose(loss, value(), rtol=1e-12)
    p = model.parameters
    chosen = np.random.default_rng(1).permutation(p.size)[:60]
    for i in chosen:
        old = p[i]
        p[i] = old + h
        above = value()
        p[i] = old - h
        below = value()
        p[i] = old
        slope = (above - below) / (2 * h)
        assert abs(slope - gradient[i]) <= tolerance * max(1, np.abs(gradient).max()), (
            f"parameter {i} of {[layer.name for layer in model.layers]}: {gradient[i]} instead of {slope}")
