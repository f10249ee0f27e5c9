"""Optimizers against NumPy twins of their formulas, over instruction sets, dtypes, lengths and threads."""
import math

import numpy as np
import pytest

import mgconv
from mgconv import optimizers
from mgconv.native import runtime
from mgconv.optimizers import schedules

pytestmark = pytest.mark.thread_unsafe(reason="optimizers come as parameters, and have a state")


def twin_sgd(p, gradients, rate=0.01, momentum=0.0, nesterov=False, decay=0.0):
    velocity = 0
    for g in gradients:
        p = p - decay * rate * p
        velocity = momentum * velocity - rate * g
        p = p + (momentum * velocity - rate * g if nesterov else velocity)
    return p


def twin_rmsprop(p, gradients, rate=0.001, rho=0.9, momentum=0.0, epsilon=1e-7, centered=False, decay=0.0):
    square, mean, velocity = 0, 0, 0
    for g in gradients:
        p = p - decay * rate * p
        square = rho * square + (1 - rho) * g * g
        mean = rho * mean + (1 - rho) * g
        velocity = momentum * velocity + rate * g / np.sqrt(square - (mean * mean if centered else 0) + epsilon)
        p = p - velocity
    return p


def twin_adam(p, gradients, rate=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-7, amsgrad=False, decay=0.0):
    m, v, largest = 0, 0, 0
    for t, g in enumerate(gradients, 1):
        p = p - decay * rate * p
        m = beta_1 * m + (1 - beta_1) * g
        v = beta_2 * v + (1 - beta_2) * g * g
        largest = np.maximum(largest, v) if amsgrad else v
        p = p - rate * math.sqrt(1 - beta_2 ** t) / (1 - beta_1 ** t) * m / (np.sqrt(largest) + epsilon)
    return p


CASES = {
    "sgd": (optimizers.SGD(), twin_sgd, {}),
    "sgd momentum": (optimizers.SGD(0.1, 0.9), twin_sgd, {"rate": 0.1, "momentum": 0.9}),
    "sgd nesterov": (optimizers.SGD(0.1, 0.9, True, weight_decay=0.1), twin_sgd,
                     {"rate": 0.1, "momentum": 0.9, "nesterov": True, "decay": 0.1}),
    "rmsprop": (optimizers.RMSprop(), twin_rmsprop, {}),
    "rmsprop momentum": (optimizers.RMSprop(0.01, 0.8, 0.5), twin_rmsprop, {"rate": 0.01, "rho": 0.8, "momentum": 0.5}),
    "rmsprop centered": (optimizers.RMSprop(centered=True, momentum=0.3, weight_decay=0.1), twin_rmsprop,
                         {"centered": True, "momentum": 0.3, "decay": 0.1}),
    "adam": (optimizers.Adam(), twin_adam, {}),
    "adam amsgrad": (optimizers.Adam(0.01, 0.8, 0.9, 1e-3, True), twin_adam,
                     {"rate": 0.01, "beta_1": 0.8, "beta_2": 0.9, "epsilon": 1e-3, "amsgrad": True}),
    "adamw": (optimizers.AdamW(), twin_adam, {"decay": 0.004}),
}


@pytest.fixture(params=runtime.available_isas())
def isa(request):
    before = runtime.get_isa()
    runtime.set_isa(request.param)
    yield request.param
    runtime.set_isa(before)


def run(optimizer, start, gradients):
    p, g = start.copy(), np.empty_like(start)
    optimizer.build(p, g)
    for gradient in gradients:
        g[:] = gradient
        optimizer.step()
    return p


@pytest.mark.parametrize("size", [1, 7, 16, 33, 40_000])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", CASES)
def test_steps_equal_the_formula(isa, name, dtype, size):
    optimizer, twin, settings = CASES[name]
    rng = np.random.default_rng(size)
    start, gradients = rng.standard_normal(size).astype(dtype), rng.standard_normal((5, size)).astype(dtype)
    want = twin(start.astype(float), gradients.astype(float), **settings)
    np.testing.assert_allclose(run(optimizer, start, gradients), want, rtol=1e-5 if dtype == np.float32 else 1e-12,
                               atol=1e-5 if dtype == np.float32 else 1e-12)


@pytest.mark.parametrize("name", CASES)
def test_threads_change_no_bit(name):
    rng = np.random.default_rng(0)
    start, gradients = rng.standard_normal(200_001).astype("f4"), rng.standard_normal((2, 200_001)).astype("f4")
    before, results = mgconv.get_num_threads(), []
    for threads in (1, 2, 3):
        mgconv.set_num_threads(threads)
        results.append(run(CASES[name][0], start, gradients))
    mgconv.set_num_threads(before)
    assert results[0].tobytes() == results[1].tobytes() == results[2].tobytes()


def test_clipping():
    start, gradient = np.zeros(6), np.array([[3.0, 4.0, 0.0, 0.1, -6.0, 8.0]])

    def clipped(**how):
        p, g = start.copy(), gradient[0].copy()
        optimizer = optimizers.SGD(1.0, **how)
        optimizer.build(p, g, [g[:2].reshape(1, 2), g[2:]])
        optimizer.step()
        return -p
    np.testing.assert_allclose(clipped(clipvalue=1.0), [1, 1, 0, 0.1, -1, 1])
    norm = math.hypot(0.1, 6, 8)
    np.testing.assert_allclose(clipped(clipnorm=1.0), [0.6, 0.8, 0, 0.1 / norm, -6 / norm, 8 / norm])
    np.testing.assert_allclose(clipped(global_clipnorm=2.0), 2 * gradient[0] / np.linalg.norm(gradient[0]))
    np.testing.assert_allclose(clipped(global_clipnorm=100.0), gradient[0])


def test_schedules_are_asked_for_every_step():
    asked = []

    def rate(step):
        asked.append(step)
        return 0.5 ** step
    p = run(optimizers.SGD(rate), np.zeros(1), -np.ones((3, 1)))
    assert p[0] == 1.75
    assert asked == [0, 1, 2]


def test_learning_rate_can_be_set_unless_it_is_scheduled():
    optimizer = optimizers.get("adam")
    assert optimizer.learning_rate == 0.001
    optimizer.learning_rate = 0.1
    assert optimizer.learning_rate == 0.1
    scheduled = optimizers.SGD(schedules.ExponentialDecay(0.1, 10, 0.5))
    assert scheduled.learning_rate == 0.1
    with pytest.raises(TypeError, match="schedule"):
        scheduled.learning_rate = 0.2


def test_schedule_formulas():
    decay = schedules.ExponentialDecay(0.2, 10, 0.5)
    assert [decay(t) for t in (0, 10, 15)] == pytest.approx([0.2, 0.1, 0.2 * 0.5 ** 1.5])
    assert schedules.ExponentialDecay(0.2, 10, 0.5, staircase=True)(19) == pytest.approx(0.1)
    cosine = schedules.CosineDecay(0.2, 100, alpha=0.1)
    assert [cosine(t) for t in (0, 50, 100, 1000)] == pytest.approx([0.2, 0.11, 0.02, 0.02])
    warm = schedules.CosineDecay(0.0, 100, warmup_target=0.2, warmup_steps=10)
    assert [warm(t) for t in (0, 5, 10, 60, 110, 500)] == pytest.approx([0, 0.1, 0.2, 0.1, 0, 0])
    steps = schedules.PiecewiseConstantDecay([10, 20], [1.0, 0.5, 0.1])
    assert [steps(t) for t in (0, 10, 11, 20, 21)] == [1.0, 1.0, 0.5, 0.5, 0.1]


@pytest.mark.parametrize(("make", "message"), [
    (lambda: optimizers.SGD(-1), "`learning_rate` must not be negative. Received: learning_rate=-1."),
    (lambda: optimizers.SGD(momentum=2), "`momentum` must be from 0 to 1. Received: momentum=2."),
    (lambda: optimizers.Adam(beta_1=1), "`beta_1` must be from 0 to below 1."),
    (lambda: optimizers.Adam(weight_decay=-1), "`weight_decay`"),
    (lambda: optimizers.Adam(epsilon=-1), "`epsilon` must not be negative"),
    (lambda: optimizers.RMSprop(epsilon=float("nan")), "`epsilon` must not be negative"),
    (lambda: optimizers.Adam(clipnorm=1, clipvalue=1), "only one of"),
    (lambda: optimizers.get("adan"), "adam, .*sgd. Received: 'adan'."),
    (lambda: schedules.CosineDecay(0.1, 0), "`decay_steps` must be positive"),
    (lambda: schedules.PiecewiseConstantDecay([1], [1]), "`values`"),
])
def test_bad_settings(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_flat_step_refuses_arrays_that_differ():
    from mgconv.native.optimizer import FlatStep
    with pytest.raises(ValueError, match="one length"):
        FlatStep(np.zeros(3), np.zeros(4))
    with pytest.raises(ValueError, match="mismatch"):
        FlatStep(np.zeros(3), np.zeros(3, "f4"))
