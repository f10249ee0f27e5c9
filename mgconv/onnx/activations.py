"""Activation functions as ONNX nodes, of operators that opset 13 has."""
from __future__ import annotations

import math
from typing import Any

from mgconv.onnx.graph import Graph, Value


def activated(graph: Graph, function: Any, x: Value, data_format: str) -> Value:
    """The activation `function` of x. Softmax goes along an axis of the layer's own order.

    Raises
    ------
    ValueError
        If there is no form of it in ONNX.
    """
    kind = type(function).__name__
    if kind == "Linear":
        return x
    if kind in ("Softmax", "LogSoftmax"):
        return _shares(graph, function, x, data_format)
    make = MADE.get(kind)
    if make is None:
        raise ValueError(f"the activation {kind} has no form in ONNX.")
    return Value(make(graph, function, x.name), x.shape, x.first)


def _shares(graph, function, x, data_format):
    axes = [function.axis] if isinstance(function.axis, int) else list(function.axis)
    if data_format != "channels_last" or len(axes) > 1:
        raise ValueError(f"{type(function).__name__} has no form in ONNX along several axes, or within a layer that "
                         f"has its channels first. Received: axis={function.axis}.")
    x = graph.last(x)
    name = graph.node("Softmax" if type(function).__name__ == "Softmax" else "LogSoftmax", [x.name], axis=axes[0])
    return Value(name, x.shape)


def _relu(graph, f, x):
    if f.threshold == 0 and f.negative_slope == 0:
        top = [] if f.max_value is None else ["", graph.constant(f.max_value)]
        return graph.node("Min", [graph.node("Relu", [x]), top[1]]) if top else graph.node("Relu", [x])
    above = graph.node("Greater", [x, graph.constant(f.threshold)])
    low = graph.node("Mul", [graph.node("Sub", [x, graph.constant(f.threshold)]), graph.constant(f.negative_slope)])
    high = x if f.max_value is None else graph.node("Min", [x, graph.constant(f.max_value)])
    return graph.node("Where", [above, high, low])


def _clip(low, high):
    return lambda graph, f, x: graph.node("Clip", [x, graph.constant(low), graph.constant(high)])


def _plain(operator, **attributes):
    return lambda graph, f, x: graph.node(operator, [x], **attributes)


def _gelu(graph, f, x):
    if f.approximate:
        cube = graph.node("Mul", [graph.node("Mul", [x, x]), x])
        inner = graph.node("Add", [x, graph.node("Mul", [cube, graph.constant(0.044715)])])
        bent = graph.node("Tanh", [graph.node("Mul", [inner, graph.constant(math.sqrt(2 / math.pi))])])
    else:
        bent = graph.node("Erf", [graph.node("Mul", [x, graph.constant(math.sqrt(0.5))])])
    half = graph.node("Mul", [x, graph.constant(0.5)])
    return graph.node("Mul", [half, graph.node("Add", [bent, graph.constant(1)])])


def _celu(graph, f, x):
    return graph.node("Celu", [x], alpha=float(f.alpha))


def _times(inner):
    return lambda graph, f, x: graph.node("Mul", [x, inner(graph, f, x)])


MADE = {
    "ReLU": _relu,
    "ReLU6": _clip(0, 6),
    "LeakyReLU": lambda graph, f, x: graph.node("LeakyRelu", [x], alpha=float(f.negative_slope)),
    "ELU": lambda graph, f, x: graph.node("Elu", [x], alpha=float(f.alpha)),
    "CELU": _celu,
    "SELU": lambda graph, f, x: graph.node("Selu", [x], alpha=f.alpha, gamma=f.scale),
    "Sigmoid": _plain("Sigmoid"),
    "LogSigmoid": lambda graph, f, x: graph.node("Neg", [graph.node("Softplus", [graph.node("Neg", [x])])]),
    "Tanh": _plain("Tanh"),
    "TanhShrink": lambda graph, f, x: graph.node("Sub", [x, graph.node("Tanh", [x])]),
    "Softplus": _plain("Softplus"),
    "Softsign": _plain("Softsign"),
    "Exponential": _plain("Exp"),
    "HardSigmoid": _plain("HardSigmoid", alpha=1 / 6, beta=0.5),
    "HardSiLU": _times(_plain("HardSigmoid", alpha=1 / 6, beta=0.5)),
    "HardTanh": _clip(-1, 1),
    "SparseSigmoid": _plain("HardSigmoid", alpha=0.5, beta=0.5),
    "HardShrink": lambda graph, f, x: graph.node("Shrink", [x], lambd=float(f.threshold), bias=0.0),
    "SoftShrink": lambda graph, f, x: graph.node("Shrink", [x], lambd=float(f.threshold), bias=float(f.threshold)),
    "Threshold": lambda graph, f, x: graph.node("Where", [
        graph.node("Greater", [x, graph.constant(f.threshold)]), x, graph.constant(f.default_value)]),
    "SiLU": _times(_plain("Sigmoid")),
    "Mish": _times(lambda graph, f, x: graph.node("Tanh", [graph.node("Softplus", [x])])),
    "GELU": _gelu,
}
