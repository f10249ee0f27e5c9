"""Keras's own figures, to float32 rounding; tools/golden/losses_metrics.py wrote them and says with which versions."""
import json
from pathlib import Path

import numpy as np
import pytest

from mgconv import activations, constraints, initializers, losses, metrics, regularizers

GOLDEN = json.loads((Path(__file__).parent / "golden" / "losses_metrics.json").read_text(encoding="utf-8"))


def title(case):
    return " ".join([case.get("class") or case["name"], *(f"{key}={value}" for key, value in case["settings"].items()),
                     case.get("data", "")])


def over(section):
    return pytest.mark.parametrize("case", GOLDEN[section], ids=title)


def data_of(case):
    y, p, w = GOLDEN["data"][case["data"]]
    y, p = np.array(y), np.array(p)
    return y if y.dtype.kind == "i" else y.astype("f4"), p if p.dtype.kind == "i" else p.astype("f4"), np.array(w, "f4")


def close(got, want, atol=3e-7, rtol=3e-6):
    np.testing.assert_allclose(got, want, rtol=rtol, atol=atol)


@over("losses")
def test_losses(case):
    y, p, w = data_of(case)
    for key, want in case["results"].items():
        reduction, weighted = key.split()
        loss = getattr(losses, case["class"])(**case["settings"], reduction=reduction)
        weight = w if weighted == "weighted" else None
        close(loss(y, p, weight), want["value"])
        if "gradient" in want:
            grad = np.empty_like(p)
            loss.value_and_grad(loss.prepare(y, p.shape, p.dtype), p, grad, weight)
            close(grad, want["gradient"])


def test_every_loss_has_golden_values():
    assert {case["class"] for case in GOLDEN["losses"]} == {
        cls.__name__ for cls in losses.registry.named.values()} - {"FunctionLoss"}


# What Keras defines otherwise, or not at all: see the classes.
OURS = {"MeanLoss", "MeanMetricWrapper", "Mean", "Sum"}


@over("metrics")
def test_metrics(case):
    y, p, w = data_of(case)
    for key, want in case["results"].items():
        metric = getattr(metrics, case["class"])(**case["settings"])
        for part in (slice(0, 3), slice(3, None)):
            metric.update_state(y[part], p[part], w[part] if key == "weighted" else None)
        # Keras's R2 is the difference of two large sums in float32.
        close(metric.result(), want, atol=1e-6, rtol=3e-5 if case["class"] == "R2Score" else 3e-6)
        parts = metric.result()
        metric.reset_state()
        assert np.all(metric(y, p, w if key == "weighted" else None) == metric.result())
        close(metric.result(), parts, atol=1e-12)


def test_every_metric_has_golden_values():
    assert {case["class"] for case in GOLDEN["metrics"]} == {
        cls.__name__ for cls in metrics.registry.named.values()} - OURS


@over("activations")
def test_activations(case):
    x, dy = np.array(GOLDEN["x"], "f4"), np.array(GOLDEN["dy"], "f4")
    plain = activations.get(case["name"])
    activation = type(plain)(**case["settings"])
    y = activation(x)
    close(y, case["y"])
    activation.backward(x if activation.needs_input else y, dy)
    close(dy, case["dx"], atol=1e-6)


def test_every_activation_has_golden_values():
    assert {case["name"] for case in GOLDEN["activations"]} == set(activations.registry.named) - {
        "swish", "hard_swish", "sparsemax"}         # the last is wrong in Keras: see the script


@over("regularizers")
def test_regularizers(case):
    regularizer = getattr(regularizers, case["class"])(**case["settings"])
    w = np.array(GOLDEN["weights"][case["weights"]])
    close(regularizer(w.astype("f4")), case["value"])
    close(regularizer.gradient(w.astype("f4")), case["gradient"])


@over("constraints")
def test_constraints(case):
    w = np.array(GOLDEN["weights"][case["weights"]], "f4")
    close(getattr(constraints, case["class"])(**case["settings"])(w), case["value"])


@over("initializers")
def test_moments_and_ranges_of_initializers(case):
    """Two samples of 48000: their means, deviations and, for bounded distributions, ends agree."""
    shape = tuple(GOLDEN["drawn"])
    seed = {} if case["class"] in ("Zeros", "Ones", "Constant") else {"seed": 1}
    values = getattr(initializers, case["class"])(**case["settings"], **seed)(shape).astype(float)
    spread = case["std"]
    assert values.mean() == pytest.approx(case["mean"], abs=6 * spread / values.size ** 0.5 + 1e-7)
    assert values.std() == pytest.approx(spread, rel=0.02, abs=1e-7)
    bounded = "Normal" not in case["class"] and case["settings"].get("distribution") != "untruncated_normal"
    if case["class"] != "Orthogonal":
        for end in ("min", "max"):
            assert getattr(values, end)() == pytest.approx(case[end], abs=(0.02 if bounded else 2) * spread + 1e-7)


def test_every_initializer_has_golden_values():
    assert {case["class"] for case in GOLDEN["initializers"]} == {
        cls.__name__ for cls in initializers.registry.named.values()} - {"Identity"}
