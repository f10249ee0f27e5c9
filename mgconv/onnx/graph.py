"""An ONNX graph in the making: nodes, constants, and where the channels of each value stand."""
from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np


class Value(NamedTuple):
    """A value of the graph. `shape` is channels last, as layers see it, batch first, None for sizes that are free; if
    `first`, the value itself has its channels behind the batch, as convolutions want them."""

    name: str
    shape: tuple[int | None, ...]
    first: bool = False


class Graph:
    """Nodes and constants. Everything is float32 but for sizes and axes."""

    def __init__(self, opset: int) -> None:
        self.opset = opset
        self.nodes: list[Any] = []
        self.constants: dict[tuple[Any, ...], tuple[str, Any]] = {}
        self.layer = "model"

    def constant(self, values: Any, dtype: Any = np.float32) -> str:
        """The name of a constant; equal ones are kept once."""
        array = np.ascontiguousarray(values, dtype)
        key = array.shape, array.dtype.str, array.tobytes()
        return self.constants.setdefault(key, (f"c{len(self.constants)}", array))[0]

    def node(self, operator: str, inputs: Any, **attributes: Any) -> str:
        """Append a node; the name of its output."""
        from onnx import helper
        name = f"{self.layer}/{operator}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, list(inputs), [name], name, **attributes))
        return name

    def reduce(self, operator: str, x: str, axes: Any) -> str:
        """ReduceMean or ReduceMax, which take their axes as an input from opset 18 on."""
        if self.opset >= 18:
            return self.node(operator, [x, self.constant(axes, np.int64)], keepdims=1)
        return self.node(operator, [x], axes=list(axes), keepdims=1)

    def last(self, x: Value) -> Value:
        """x with its channels last."""
        if not x.first:
            return x
        rank = len(x.shape)
        return Value(self.node("Transpose", [x.name], perm=[0, *range(2, rank), 1]), x.shape)

    def channels_first(self, x: Value) -> Value:
        """x with its channels behind the batch."""
        if x.first:
            return x
        rank = len(x.shape)
        return Value(self.node("Transpose", [x.name], perm=[0, rank - 1, *range(1, rank - 1)]), x.shape, True)
