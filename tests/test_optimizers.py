"""Optimizers against NumPy twins of their formulas, over instruction sets, dtypes, lengths and threads."""
import copy
import json
import math
import pickle

import numpy as np
import pytest

import mgconv
from mgconv import optimizers
from mgconv._support.registry import to_config
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


def twin_adagrad(p, gradients, rate=0.001, start=0.1, epsilon=1e-7, decay=0.0):
    for count in range(1, len(gradients) + 1):
        squares = start + (gradients[:count] ** 2).sum(0)
        p = p - decay * rate * p - rate * gradients[count - 1] / np.sqrt(squares + epsilon)
    return p


def twin_adadelta(p, gradients, rate=0.001, rho=0.95, epsilon=1e-7):
    square, steps = 0, 0
    for g in gradients:
        square = rho * square + (1 - rho) * g * g
        step = np.sqrt((steps + epsilon) / (square + epsilon)) * g
        steps = rho * steps + (1 - rho) * step * step
        p = p - rate * step
    return p


def twin_adamax(p, gradients, rate=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-7, decay=0.0):
    m, u = 0, 0
    for t, g in enumerate(gradients, 1):
        p = p - decay * rate * p
        m, u = beta_1 * m + (1 - beta_1) * g, np.maximum(beta_2 * u, np.abs(g))
        p = p - rate / (1 - beta_1 ** t) * m / (u + epsilon)
    return p


def twin_nadam(p, gradients, rate=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-7, decay=0.0):
    m, v = 0, 0
    shares = [beta_1 * (1 - 0.5 * 0.96 ** t) for t in range(1, len(gradients) + 2)]
    for t, g in enumerate(gradients, 1):
        p = p - decay * rate * p
        m, v = beta_1 * m + (1 - beta_1) * g, beta_2 * v + (1 - beta_2) * g * g
        ahead = shares[t] * m / (1 - math.prod(shares[:t + 1])) + (1 - shares[t - 1]) * g / (1 - math.prod(shares[:t]))
        p = p - rate * ahead / (np.sqrt(v / (1 - beta_2 ** t)) + epsilon)
    return p


def twin_lion(p, gradients, rate=0.001, beta_1=0.9, beta_2=0.99, decay=0.0):
    m = 0
    for g in gradients:
        p = p - decay * rate * p - rate * np.sign(beta_1 * m + (1 - beta_1) * g)
        m = beta_2 * m + (1 - beta_2) * g
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
    "adagrad": (optimizers.Adagrad(0.1, weight_decay=0.1), twin_adagrad, {"rate": 0.1, "decay": 0.1}),
    "adadelta": (optimizers.Adadelta(0.5, 0.8, 1e-3), twin_adadelta, {"rate": 0.5, "rho": 0.8, "epsilon": 1e-3}),
    "adamax": (optimizers.Adamax(0.1, 0.8, 0.9, weight_decay=0.1), twin_adamax,
               {"rate": 0.1, "beta_1": 0.8, "beta_2": 0.9, "decay": 0.1}),
    "nadam": (optimizers.Nadam(0.1, weight_decay=0.1), twin_nadam, {"rate": 0.1, "decay": 0.1}),
    "lion": (optimizers.Lion(0.1, 0.8, 0.7, weight_decay=0.1), twin_lion,
             {"rate": 0.1, "beta_1": 0.8, "beta_2": 0.7, "decay": 0.1}),
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
    (lambda: optimizers.RMSprop(epsilon=float("nan")), "`epsilon` must be a number"),
    (lambda: optimizers.Adam(clipnorm=1, clipvalue=1), "only one of"),
    (lambda: optimizers.get("adan"), "adam, .*sgd. Received: 'adan'."),
    (lambda: schedules.CosineDecay(0.1, 0), "`decay_steps` must be positive"),
    (lambda: schedules.PiecewiseConstantDecay([1], [1]), "`values`"),
    (lambda: schedules.CosineDecayRestarts(0.1, 10, 0.5), "`t_mul` must be at least 1. Received: t_mul=0.5."),
    (lambda: schedules.PolynomialDecay(-0.1, 10), "`initial_learning_rate` must not be negative"),
    (lambda: optimizers.Adam({"class_name": "CosineDecoy", "config": {}}), "one of cosine_decay, .*'CosineDecoy'"),
])
def test_bad_settings(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_flat_step_refuses_arrays_that_differ():
    from mgconv.native.optimizer import FlatStep
    with pytest.raises(ValueError, match="one length"):
        FlatStep("sgd", np.zeros(3), np.zeros(4), None)
    with pytest.raises(ValueError, match="mismatch"):
        FlatStep("sgd", np.zeros(3), np.zeros(3, "f4"), None)
    with pytest.raises(ValueError, match=r"sgd works on 3 arrays. Received: 2."):
        FlatStep("sgd", np.zeros(3), np.zeros(3))
    with pytest.raises(ValueError, match="no kernel for the optimizer 'adan'"):
        FlatStep("adan", np.zeros(3), np.zeros(3))
    with pytest.raises(ValueError, match="sgd takes 3 coefficients behind `keep`. Received: 1."):
        FlatStep("sgd", np.zeros(3), np.zeros(3), None)(1.0, (0.1,))


# ------------------------------------------------------------------------------------------------- state

def optimizer_with_work(optimizer, size=50, dtype="f4", calls=3):
    """The optimizer after some steps, its parameters, and gradients for more."""
    rng = np.random.default_rng(1)
    p, gradients = rng.standard_normal(size).astype(dtype), rng.standard_normal((2 * calls, size)).astype(dtype)
    g = np.empty_like(p)
    optimizer.build(p, g, [g[:20], g[20:]])
    go_on(optimizer, g, gradients[:calls])
    return optimizer, p, gradients[calls:]


def go_on(optimizer, g, gradients):
    for gradient in gradients:
        g[:] = gradient
        optimizer.step()


SLOTS = {
    "sgd": (lambda: optimizers.SGD(0.1), ()),
    "sgd momentum": (lambda: optimizers.SGD(0.1, 0.9), ("momentum",)),
    "rmsprop": (lambda: optimizers.RMSprop(0.1), ("velocity",)),
    "rmsprop all": (lambda: optimizers.RMSprop(0.1, momentum=0.5, centered=True),
                    ("velocity", "momentum", "average_gradient")),
    "adam": (lambda: optimizers.Adam(0.1), ("momentum", "velocity")),
    "adagrad": (lambda: optimizers.Adagrad(0.1), ("accumulator",)),
    "adadelta": (lambda: optimizers.Adadelta(0.1), ("accumulated_grad", "accumulated_delta_var")),
    "adamax": (lambda: optimizers.Adamax(0.1), ("momentum", "norm")),
    "nadam": (lambda: optimizers.Nadam(0.1), ("momentum", "velocity")),
    "lion": (lambda: optimizers.Lion(0.1), ("momentum",)),
    "ftrl": (lambda: optimizers.Ftrl(0.1), ("accumulator", "linear")),
    "amsgrad, averaged": (lambda: optimizers.Adam(0.1, amsgrad=True, use_ema=True, gradient_accumulation_steps=2),
                          ("average", "gradient_accumulator", "momentum", "velocity", "velocity_hat")),
}


@pytest.mark.parametrize("name", SLOTS)
def test_slots_have_names(name):
    make, slots = SLOTS[name]
    optimizer, p, _ = optimizer_with_work(make())
    assert tuple(optimizer.state) == slots
    assert all(vector.shape == p.shape and vector.dtype == p.dtype for vector in optimizer.state.values())


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda o: pickle.loads(pickle.dumps(o)),
                                    lambda o: pickle.loads(pickle.dumps(copy.deepcopy(o)))])
@pytest.mark.parametrize("name", SLOTS)
def test_training_goes_on_after_a_copy_with_the_same_bits(name, copied):
    optimizer, p, gradients = optimizer_with_work(SLOTS[name][0]())
    twin, q, g = copied(optimizer), p.copy(), np.empty_like(p)
    go_on(optimizer, optimizer._gradient, gradients)
    twin.build(q, g)
    go_on(twin, g, gradients)
    assert q.tobytes() == p.tobytes()
    assert twin.iterations == optimizer.iterations
    twin.build(q, g)                                       # another build begins anew
    assert twin.iterations == 0
    fresh = SLOTS[name][0]()
    fresh.build(q, g)
    assert all((twin.state[slot] == vector).all() for slot, vector in fresh.state.items())


def test_a_state_restored_is_taken_over_once_or_at_once():
    optimizer, p, gradients = optimizer_with_work(optimizers.Adam(0.1))
    late, at_once = optimizers.Adam(0.1), optimizers.Adam(0.1)
    q, r, g = p.copy(), p.copy(), np.empty_like(p)
    late.restore(optimizer.iterations, optimizer.state)
    late.build(q, g)
    at_once.build(r, g)
    at_once.restore(optimizer.iterations, optimizer.state)
    go_on(optimizer, optimizer._gradient, gradients)
    go_on(late, g, gradients)
    go_on(at_once, g, gradients)
    assert p.tobytes() == q.tobytes() == r.tobytes()


def test_a_restored_state_does_not_fit_other_vectors():
    optimizer, _, _ = optimizer_with_work(optimizers.Adam(0.1))
    twin = copy.copy(optimizer)
    twin.build(np.zeros(7), np.zeros(7))
    assert twin.iterations == 0
    assert not twin.state["momentum"].any()


def test_setting_the_state_copies_into_it():
    optimizer, p, _ = optimizer_with_work(optimizers.SGD(0.5, 0.5), dtype="f8")
    values = np.arange(50.0)
    optimizer.state["momentum"] = values
    optimizer.state = {"momentum": optimizer.state["momentum"] + 1}
    before = p.copy()
    go_on(optimizer, optimizer._gradient, [np.zeros(50)])
    np.testing.assert_allclose(p - before, 0.5 * (values + 1))
    assert values[0] == 0
    optimizer.iterations = 7
    assert optimizer.iterations == 7


def test_a_setting_changed_after_build_has_its_slots():
    optimizer, p, _ = optimizer_with_work(optimizers.SGD(0.5), dtype="f8")
    optimizer.momentum = 0.5
    before = p.copy()
    go_on(optimizer, optimizer._gradient, np.ones((2, 50)))
    np.testing.assert_allclose(before - p, 0.5 + 0.75)
    assert optimizer.iterations == 5


@pytest.mark.parametrize(("act", "message"), [
    (lambda o: o.state.__setitem__("velocity", 1), r"one of the optimizer's \(momentum\). Received: 'velocity'"),
    (lambda o: o.state.__setitem__("momentum", np.zeros(3)), r"must have shape \(50,\). Received: \(3,\)"),
    (lambda o: o.restore(1, {"velocity": np.zeros(50)}), "a slot must be one of"),
    (lambda o: o.restore(-1, {}), "`iterations` must be at least 0"),
])
def test_a_state_that_does_not_fit(act, message):
    optimizer, _, _ = optimizer_with_work(optimizers.SGD(0.5, 0.5))
    with pytest.raises(ValueError, match=message):
        act(optimizer)


# ------------------------------------------------------------------------------------------------- update in NumPy

def plain(kind):
    """A class that makes the same steps by its `update`."""
    return type(kind.__name__, (kind,), {"kernel": None})


@pytest.mark.parametrize("name", CASES)
def test_updates_in_numpy_equal_the_compiled_steps(name):
    fast = CASES[name][0]
    slow = plain(type(fast)).from_config(fast.get_config())
    rng = np.random.default_rng(3)
    start, gradients = rng.standard_normal(30), rng.standard_normal((4, 30))
    want = run(slow, start, gradients)
    assert fast.kernel
    assert slow.kernel is None
    np.testing.assert_allclose(run(fast, start, gradients), want, rtol=1e-13, atol=1e-15)


def test_a_subclass_that_redefines_update_is_heard():
    class Reversed(optimizers.SGD):
        def update(self, p, g, state, rate):
            p += rate * g
    np.testing.assert_allclose(run(Reversed(0.5, weight_decay=1.0), np.ones(3), np.ones((1, 3))), 0.5 + 0.5)


def test_an_optimizer_of_ones_own():
    class Signs(optimizers.Optimizer):
        slots = ("momentum",)

        def update(self, p, g, state, rate):
            state["momentum"] = 0.5 * state["momentum"] + g
            p -= rate * np.sign(state["momentum"])
    p = run(Signs(0.25), np.zeros(2), np.array([[2.0, -1.0], [-0.5, -1.0], [-3.0, 9.0]]))
    np.testing.assert_array_equal(p, [-0.25, 0.25])


# ------------------------------------------------------------------------------------------------- averages, and more

def test_the_moving_average_takes_the_parameters_place():
    optimizer, p = optimizers.SGD(0.1, use_ema=True, ema_momentum=0.75), np.ones(1)
    g = np.empty(1)
    optimizer.build(p, g)
    go_on(optimizer, g, np.ones((3, 1)))
    np.testing.assert_allclose(p, 0.7)
    want = 0.75 * (0.75 * 0.9 + 0.25 * 0.8) + 0.25 * 0.7
    np.testing.assert_allclose(optimizer.state["average"], want)
    optimizer.finalize()
    np.testing.assert_allclose(p, want)


def test_the_moving_average_overwrites_after_so_many_steps():
    optimizer = optimizers.SGD(0.1, use_ema=True, ema_momentum=0.75, ema_overwrite_frequency=2)
    p = run(optimizer, np.ones(1), np.ones((3, 1)))
    np.testing.assert_allclose(p, 0.75 * 0.9 + 0.25 * 0.8 - 0.1)


def test_gradients_are_accumulated():
    optimizer = optimizers.SGD(1.0, gradient_accumulation_steps=3, clipvalue=5.0)
    p = run(optimizer, np.zeros(2), np.array([[1.0, 20.0], [2.0, 1.0], [6.0, 3.0], [100.0, 100.0]]))
    np.testing.assert_allclose(p, [-3, -5])
    assert optimizer.iterations == 1


def test_the_scale_of_the_loss_is_taken_out_of_gradients_that_are_given():
    optimizer, x = optimizers.SGD(1.0, loss_scale_factor=8.0), np.zeros(1)
    optimizer.apply([np.ones(1)], [x])
    assert x == -1 / 8
    assert optimizer.scale_loss(3.0) == 24


@pytest.mark.parametrize("settings", [{}, {"weight_decay": 0.1, "clipnorm": 1.0, "use_ema": True}])
def test_applied_gradients_make_the_same_steps(settings):
    rng = np.random.default_rng(2)
    gradients = rng.standard_normal((4, 50)).astype("f4")
    p, g = np.ones(50, "f4"), np.empty(50, "f4")
    flat = optimizers.Adam(0.1, **settings)
    flat.build(p, g, [g[:20].reshape(4, 5), g[20:]])
    go_on(flat, g, gradients)
    arrays, optimizer = [np.ones((4, 5), "f4"), np.ones(30, "f4")], optimizers.Adam(0.1, **settings)
    for gradient in gradients:
        done = optimizer.apply_gradients(zip([gradient[:20].reshape(4, 5), gradient[20:]], arrays))
    assert done == 4
    assert np.concatenate([array.ravel() for array in arrays]).tobytes() == p.tobytes()
    built = optimizers.Adam(0.1, **settings)
    q = np.ones(50, "f4")
    built.build(q, g, [g[:20].reshape(4, 5), g[20:]])
    for gradient in gradients:
        built.apply([gradient[:20].reshape(4, 5), gradient[20:]])
    assert q.tobytes() == p.tobytes()


def test_gradients_applied_to_the_weights_of_a_model():
    from mgconv import layers
    model = mgconv.Sequential([mgconv.Input((2,)), layers.Dense(2, kernel_constraint="non_neg")])
    model.set_weights([np.full((2, 2), 0.5), np.zeros(2)])
    model.compile(optimizers.SGD(1.0), "mse")
    model.train_on_batch(np.zeros((1, 2)), np.zeros((1, 2)))
    for optimizer in (model.optimizer, optimizers.SGD(1.0)):       # built by the model, or for its weights
        model.set_weights([np.full((2, 2), 0.5), np.zeros(2)])
        for _ in range(2):
            optimizer.apply([np.array([[1.0, 0.25], [0, 0]]), np.ones(2)], model.trainable_weights)
        np.testing.assert_array_equal(model.get_weights()[0], [[0, 0], [0.5, 0.5]])
        np.testing.assert_array_equal(model.get_weights()[1], [-2, -2])


@pytest.mark.parametrize(("act", "message"), [
    (lambda o: o.apply([np.ones(2)]), "needs `weights`"),
    (lambda o: o.apply([np.ones(2)], [np.ones(3)]), r"must have the shapes \[\(3,\)\]. Received: \[\(2,\)\]."),
    (lambda o: [o.apply([np.ones(2)], [np.ones(2)]) for _ in range(2)], "built for other weights"),
    (lambda o: o.build([]), "`build` needs"),
    (lambda o: o.build(np.ones(3)), "`build` needs"),
])
def test_gradients_that_do_not_fit(act, message):
    with pytest.raises(ValueError, match=message):
        act(optimizers.SGD())


@pytest.mark.parametrize("setting", ["clipnorm", "clipvalue", "global_clipnorm"])
def test_clipping_at_0_is_off_as_in_keras(setting):
    np.testing.assert_array_equal(run(optimizers.SGD(1.0, **{setting: 0.0}), np.zeros(1), np.ones((1, 1))), -1)


def test_some_weights_do_not_decay():
    class Named:
        def __init__(self, name):
            self.name = name
    weights = [Named("kernel"), Named("bias"), Named("kernel")]
    for optimizer in (optimizers.AdamW(0.5, 0.5), plain(optimizers.AdamW)(0.5, 0.5)):
        p, g = np.ones(6), np.zeros(6)
        optimizer.exclude_from_weight_decay(var_list=weights[2:], var_names=["bi.s"])
        optimizer.build(p, g, [g[:3].reshape(1, 3), g[3:5], g[5:]], weights)
        optimizer.step()
        np.testing.assert_array_equal(p, [0.75, 0.75, 0.75, 1, 1, 1])
        with pytest.raises(ValueError, match="built with the weights"):
            optimizer.build(p, g, [g])


# ------------------------------------------------------------------------------------------------- as files have it

def test_variables_stand_in_the_order_of_keras():
    optimizer, _, _ = optimizer_with_work(optimizers.Adam(0.25, amsgrad=True, use_ema=True))
    state = optimizer.state
    want = [3, 0.25, *(state["average"][part] for part in (slice(20), slice(20, None)))]
    for part in (slice(20), slice(20, None)):
        want += [state["momentum"][part], state["velocity"][part]]
    want += [state["velocity_hat"][:20], state["velocity_hat"][20:]]
    assert len(optimizer.variables) == len(want)
    for have, value in zip(optimizer.variables, want):
        np.testing.assert_array_equal(have, value)
    rmsprop, _, _ = optimizer_with_work(optimizers.RMSprop(schedules.ExponentialDecay(0.1, 10, 0.5), momentum=0.5))
    state = rmsprop.state
    for have, value in zip(rmsprop.variables, [3, state["velocity"][:20], state["velocity"][20:],
                                               state["momentum"][:20], state["momentum"][20:]], strict=True):
        np.testing.assert_array_equal(have, value)


@pytest.mark.parametrize("name", SLOTS)
def test_variables_there_and_back(name):
    optimizer, p, gradients = optimizer_with_work(SLOTS[name][0]())
    twin, q, g = SLOTS[name][0](), p.copy(), np.empty_like(p)
    twin.build(q, g, [g[:20], g[20:]])
    twin.set_weights(optimizer.variables)
    go_on(optimizer, optimizer._gradient, gradients)
    go_on(twin, g, gradients)
    assert p.tobytes() == q.tobytes()


def test_variables_of_another_optimizer():
    optimizer, _, _ = optimizer_with_work(optimizers.SGD(0.5, 0.5))
    with pytest.raises(ValueError, match=r"must have the shapes \[\(\), \(\), \(20,\), \(30,\)\]. Received: \[\(\)\]"):
        optimizer.set_weights([np.array(3)])
    with pytest.raises(ValueError, match="after `build`"):
        optimizers.SGD().set_weights([np.array(3), np.array(0.1)])


# ------------------------------------------------------------------------------------------------- configurations

@pytest.mark.parametrize("make", [
    *(make for make, _ in SLOTS.values()),
    lambda: optimizers.AdamW(schedules.CosineDecay(0.1, 10, warmup_target=0.2, warmup_steps=3), clipnorm=1.0, name="w"),
    lambda: optimizers.SGD(schedules.PiecewiseConstantDecay([1, 2], [0.3, 0.2, 0.1]), 0.5, True),
])
def test_configurations_there_and_back(make):
    first = make()
    config = json.loads(json.dumps(to_config(first)))
    second = optimizers.get(config)
    assert type(second) is type(first)
    assert second.get_config() == first.get_config()
    gradients = np.random.default_rng(0).standard_normal((4, 30))
    assert run(first, np.ones(30), gradients).tobytes() == run(second, np.ones(30), gradients).tobytes()


def test_the_configuration_has_the_present_rate():
    optimizer = optimizers.Adam(0.1)
    optimizer.learning_rate = 0.05
    assert optimizer.get_config()["learning_rate"] == 0.05
