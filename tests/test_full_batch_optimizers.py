"""LBFGS and Levenberg-Marquardt on a small network written in NumPy, against SciPy's minimizers."""
import copy
import pickle
from itertools import pairwise

import numpy as np
import pytest
from scipy.optimize import check_grad, least_squares, minimize, rosen, rosen_der

import mgconv
from mgconv import layers, optimizers

UNITS = 2
X = np.linspace(-2, 2, 40)


def network(weights, x=X):
    a, b, c = weights[:3 * UNITS].reshape(3, UNITS)
    return np.tanh(np.outer(x, a) + b) @ c + weights[-1]


def slopes(weights, x=X):
    a, b, c = weights[:3 * UNITS].reshape(3, UNITS)
    inner = np.tanh(np.outer(x, a) + b)
    outer = (1 - inner ** 2) * c
    return np.hstack([outer * x[:, None], outer, inner, np.ones((len(x), 1))])


class Evaluate:
    """What `fit` gives to optimizers that want all samples: the loss is the mean of squares."""

    def __init__(self, parameters, target):
        self.parameters, self.target, self.calls = parameters, target, 0

    def __call__(self, weights=None, gradient=True):
        self.calls += 1
        if weights is not None:
            self.parameters[:] = weights
        r = self.residuals()
        return r @ r, 2 * self.jacobian().T @ r if gradient else None

    def residuals(self):
        return (network(self.parameters.astype(float)) - self.target) / np.sqrt(len(self.target))

    def jacobian(self):
        return slopes(self.parameters.astype(float)) / np.sqrt(len(self.target))


def problem(seed, noise=0.0, dtype=float):
    """A start, and an `Evaluate` for a target that some weights meet but for noise."""
    rng = np.random.default_rng(seed)
    target = network(rng.standard_normal(3 * UNITS + 1)) + noise * rng.standard_normal(len(X))
    parameters = rng.standard_normal(3 * UNITS + 1).astype(dtype)
    return parameters.copy(), Evaluate(parameters, target)


def run(optimizer, evaluate, steps):
    optimizer.build(evaluate.parameters, np.zeros_like(evaluate.parameters))
    losses = []
    for _ in range(steps):
        optimizer.step(evaluate)
        losses.append(evaluate()[0])
    return losses


def test_the_network_of_these_tests_has_the_right_slopes():
    start, evaluate = problem(0)
    assert check_grad(lambda w: evaluate(w)[0], lambda w: evaluate(w)[1], start) < 1e-6


@pytest.mark.parametrize(("seed", "noise"), [(1, 0), (2, 0), (5, 0), (1, 0.1), (2, 0.1)])
def test_levenberg_marquardt_ends_in_scipys_minimum(seed, noise):
    start, evaluate = problem(seed, noise)
    want = least_squares(lambda w: network(w) - evaluate.target, start, slopes, method="lm", xtol=1e-14, ftol=1e-14,
                         gtol=1e-14)
    losses = run(optimizers.LevenbergMarquardt(), evaluate, 200)
    assert all(after <= before for before, after in pairwise(losses))
    assert losses[-1] == pytest.approx(2 * want.cost / len(X), rel=1e-9, abs=1e-25)
    np.testing.assert_allclose(network(evaluate.parameters), network(want.x), atol=1e-6)


def test_damping_falls_after_a_good_step_and_grows_before_one():
    """Steps by the book (Madsen, Nielsen and Tingleff, algorithm 3.16), which minimizes half the sum of squares."""
    start, evaluate = problem(1, noise=0.1)
    twin = Evaluate(start.copy(), evaluate.target)
    optimizer = optimizers.LevenbergMarquardt(0.01)
    optimizer.build(evaluate.parameters, np.zeros_like(start))
    x, mu = start.copy(), None
    grown = fallen = 0
    for _ in range(25):
        optimizer.step(evaluate)
        twin.parameters[:] = x
        r, jacobian = twin.residuals(), twin.jacobian()
        mu, nu = 0.01 * max(np.diag(jacobian.T @ jacobian)) if mu is None else mu, 2
        while True:
            h = np.linalg.lstsq(np.vstack([jacobian, np.sqrt(mu) * np.eye(len(x))]), np.append(-r, 0 * x))[0]
            twin.parameters[:] = x + h
            if r @ r > twin.residuals() @ twin.residuals():
                break
            mu, nu, grown = mu * nu, 2 * nu, grown + 1
        x = twin.parameters.copy()
        rho = (r @ r - twin.residuals() @ twin.residuals()) / (h @ (mu * h - jacobian.T @ r))
        mu, fallen = mu * max(1 / 3, 1 - (2 * rho - 1) ** 3), fallen + (rho > 0.5)
        np.testing.assert_allclose(evaluate.parameters, x, rtol=1e-5, atol=1e-7)
        np.testing.assert_allclose(optimizer.state["damping"], mu, rtol=1e-3)
    assert grown
    assert fallen


@pytest.mark.parametrize("seed", [0, 1, 2, 5])
def test_lbfgs_ends_in_scipys_minimum(seed):
    start, evaluate = problem(seed, noise=0.1)
    twin = Evaluate(start.copy(), evaluate.target)
    want = minimize(twin, start, method="L-BFGS-B", jac=True, options={"maxiter": 500, "ftol": 1e-14, "gtol": 1e-9})
    losses = run(optimizers.LBFGS(), evaluate, 25)
    assert all(after <= before for before, after in pairwise(losses))
    assert losses[-1] == pytest.approx(want.fun, rel=1e-5)
    assert evaluate.calls < 2 * twin.calls


def test_lbfgs_needs_no_more_gradients_than_scipys_for_many_parameters():
    """Rosenbrock's function of 50 numbers."""
    start, calls = np.tile([-1.2, 1.0], 25), []

    def evaluate(x, gradient=True):
        calls.append(1)
        return rosen(x), rosen_der(x)
    want = minimize(evaluate, start, method="L-BFGS-B", jac=True, options={"maxiter": 1000, "ftol": 0, "gtol": 1e-6})
    scipys = len(calls)
    calls.clear()
    optimizer, p = optimizers.LBFGS(tolerance_grad=1e-6, tolerance_change=0), start.copy()
    optimizer.build(p, np.zeros(50))
    while np.abs(rosen_der(p)).max() > 1e-6 and optimizer.iterations < 50:
        optimizer.step(evaluate)
    np.testing.assert_allclose(p, 1, atol=1e-5)
    np.testing.assert_allclose(want.x, 1, atol=1e-5)
    assert len(calls) < 1.5 * scipys


def test_lbfgs_by_the_book():
    """The pairs of changes make a dense inverse Hessian by the update formula of BFGS (Nocedal and Wright, 6.17)."""
    _, evaluate = problem(0, noise=0.1)
    optimizer = optimizers.LBFGS(max_iter=1, history_size=3)
    run(optimizer, evaluate, 6)
    changes = list(zip(optimizer.state["position_change"], optimizer.state["gradient_change"]))
    inverse = np.eye(len(changes[0][0])) * (changes[-1][0] @ changes[-1][1]) / (changes[-1][1] @ changes[-1][1])
    for s, y in changes:
        left = np.eye(len(s)) - np.outer(s, y) / (s @ y)
        inverse = left @ inverse @ left.T + np.outer(s, s) / (s @ y)
    before, slope = evaluate.parameters.copy(), evaluate()[1]
    optimizer.step(evaluate)
    moved, direction = evaluate.parameters - before, -inverse @ slope
    np.testing.assert_allclose(moved / np.linalg.norm(moved), direction / np.linalg.norm(direction), rtol=1e-6)
    np.testing.assert_allclose(optimizer.state["position_change"][-1], moved, rtol=1e-9)
    np.testing.assert_allclose(optimizer.state["gradient_change"][-1], evaluate()[1] - slope, rtol=1e-9, atol=1e-15)


def test_lbfgs_forgets_what_misleads_it():
    start, evaluate = problem(0, noise=0.1)
    optimizer = optimizers.LBFGS()
    optimizer.build(evaluate.parameters, np.zeros_like(start))
    optimizer.state["gradient_change"] = -np.ones((10, start.size))
    optimizer.state["position_change"] = np.ones((10, start.size))
    before = evaluate()[0]
    optimizer.step(evaluate)
    assert evaluate()[0] < before
    assert (np.sum(optimizer.state["gradient_change"] * optimizer.state["position_change"], axis=1) >= 0).all()


@pytest.mark.parametrize("make", [optimizers.LBFGS, optimizers.LevenbergMarquardt])
class TestBoth:
    def test_float32(self, make):
        _, evaluate = problem(0, dtype="float32")
        losses = run(make(), evaluate, 30)
        assert losses[-1] < 1e-4
        assert all(after <= before * 1.0001 for before, after in pairwise(losses))

    @pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda o: pickle.loads(pickle.dumps(o))])
    def test_a_copy_goes_on_with_the_same_bits(self, make, copied):
        _, evaluate = problem(1, noise=0.1)
        optimizer = make()
        run(optimizer, evaluate, 3)
        twin, other = copied(optimizer), Evaluate(evaluate.parameters.copy(), evaluate.target)
        for _ in range(3):
            optimizer.step(evaluate)
        run(twin, other, 3)
        assert evaluate.parameters.tobytes() == other.parameters.tobytes()
        assert optimizer.iterations == twin.iterations == 6
        third, last = make(), Evaluate(evaluate.parameters.copy(), evaluate.target)
        third.build(last.parameters, np.zeros_like(last.parameters))
        third.set_weights(optimizer.variables)
        third.step(last)
        optimizer.step(evaluate)
        assert evaluate.parameters.tobytes() == last.parameters.tobytes()

    def test_configurations(self, make):
        optimizer = make(name="best")
        config = {"class_name": make.__name__, "config": optimizer.get_config()}
        assert optimizers.get(config).get_config() == optimizer.get_config()
        assert type(optimizers.get(make.__name__.lower())) is make

    def test_it_stays_in_a_minimum_and_where_all_is_nan(self, make):
        start, evaluate = problem(2)
        evaluate.target = network(start)
        run(make(), evaluate, 2)
        np.testing.assert_array_equal(evaluate.parameters, start)
        evaluate.target = np.full_like(evaluate.target, np.nan)
        run(make(), evaluate, 2)
        np.testing.assert_array_equal(evaluate.parameters, start)

    def test_without_a_training_set(self, make):
        optimizer = make()
        optimizer.build(np.zeros(3), np.zeros(3))
        with pytest.raises(ValueError, match="works on the whole training set: use `fit`"):
            optimizer.step()

    def test_it_has_no_learning_rate(self, make):
        with pytest.raises(TypeError, match="learning_rate"):
            make(learning_rate=0.1)
        with pytest.raises(AttributeError, match="has no attribute `learning_rate`"):
            make().learning_rate = 0.1


@pytest.mark.parametrize(("make", "message"), [
    (lambda: optimizers.LBFGS(0), "`max_iter` must be at least 1"),
    (lambda: optimizers.LBFGS(tolerance_grad=-1), "`tolerance_grad` must not be negative"),
    (lambda: optimizers.LevenbergMarquardt(0), "`damping` must be positive"),
])
def test_bad_settings(make, message):
    with pytest.raises(ValueError, match=message):
        make()


# ------------------------------------------------------------------------------------------------- in `fit`

def same_network(start, optimizer, dtype="float64"):
    """The network of these tests as a model: its weights lie in the same order."""
    model = mgconv.Sequential([mgconv.Input((1,), dtype=dtype), layers.Dense(UNITS, "tanh"), layers.Dense(1)])
    model.compile(optimizer=optimizer, loss="mse")
    model.parameters[:] = start
    return model


def test_fit_with_lbfgs_makes_the_same_steps():
    start, evaluate = problem(1, noise=0.1)
    model = same_network(start, optimizers.LBFGS(max_iter=5))
    history = model.fit(X[:, None], evaluate.target, epochs=4, verbose=0).history
    losses = run(optimizers.LBFGS(max_iter=5), evaluate, 4)
    np.testing.assert_allclose(history["loss"], losses, rtol=1e-6)
    np.testing.assert_allclose(model.parameters, evaluate.parameters, rtol=1e-6)


def test_fit_with_levenberg_marquardt_ends_in_scipys_minimum():
    start, evaluate = problem(1, noise=0.1)
    model = same_network(start, "levenberg_marquardt")
    model.fit(X[:, None], evaluate.target, epochs=60, batch_size=7, verbose=0)
    want = least_squares(lambda w: network(w) - evaluate.target, start, slopes, method="lm")
    assert model.evaluate(X[:, None], evaluate.target, verbose=0) == pytest.approx(2 * want.cost / len(X), rel=1e-7)


@pytest.mark.parametrize("name", ["lbfgs", "lm"])
def test_a_fit_in_float32_goes_on_in_a_copy_with_the_same_bits(name):
    start, evaluate = problem(5, noise=0.1)
    model = same_network(start, name, "float32")
    first = model.fit(X[:, None], evaluate.target, epochs=3, verbose=0).history["loss"]
    twin = copy.deepcopy(model)
    histories = [one.fit(X[:, None], evaluate.target, epochs=5, verbose=0).history for one in (model, twin)]
    assert histories[0]["loss"] == histories[1]["loss"]
    assert model.parameters.tobytes() == twin.parameters.tobytes()
    assert histories[0]["loss"][-1] < first[0]
    assert model.optimizer.iterations == 8


def test_the_average_takes_the_parameters_place_after_fit():
    model = same_network(np.ones(3 * UNITS + 1), optimizers.SGD(0.1, use_ema=True, ema_momentum=0.5))
    model.fit(X[:, None], X ** 2, epochs=3, batch_size=10, verbose=0)
    np.testing.assert_array_equal(model.parameters, model.optimizer.state["average"])
