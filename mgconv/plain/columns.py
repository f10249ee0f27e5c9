"""Causal models as plain programs of one sample in, one out: each convolution keeps the past that it needs."""
from __future__ import annotations

from functools import singledispatch
from typing import Any

from mgconv.layers import Concatenate, Conv1D, Dense, DepthwiseConv1D, Layer, Residual, SeparableConv1D
from mgconv.layers.composite import Composite
from mgconv.models.streaming import refuse, windows
from mgconv.plain.lowering import activated, join, lower
from mgconv.plain.program import Program, Value


def lower_columns(program: Program, layers: Any, x: Value) -> Value:
    """Append the steps of `layers` for one new step x, (1, channels), of their input; `mgconv.models.streaming` says
    which can be."""
    for layer, wait, flat in windows(layers):
        if flat:
            x = _convolved(program, x, layer.kernel.reshape(flat, -1, layer.units), layer.bias, wait=flat - 1)
            x = activated(program, layer.activation, x)
        elif wait is None:
            x = lower_column(layer, program, x)
        else:
            x = activated(program, layer.activation, lower_window(layer, program, x, wait))
    return x


@singledispatch
def lower_column(layer: Layer, program: Program, x: Value) -> Value:
    """Append the steps of `layer`."""
    if not layer.columnwise:
        refuse(layer, "its output at a step needs more than the input at that step and before it")
    return lower(layer, program, x)


def _convolved(program, x, kernel, bias, dilation=1, groups=1, kind="conv", wait=0):
    taps, channels = len(kernel), x.size
    length = (taps - 1) * dilation + 1
    filters = kernel.shape[2] if kind == "conv" else kernel.shape[1] * kernel.shape[2]
    past = x
    if taps > 1:
        past = program.array((length, channels))
        program.kept[past.array] = 0
        program.do("advance", (past.size, channels), x, past.shape, y=past)
    if wait:
        program.wait(wait)
    sizes = (1, length if taps > 1 else 1, channels, 1, 1, filters, 1, taps, 1, 1, 1, dilation, 0, 0, groups)
    return program.do(kind, sizes, past, (1, filters), kernel, bias)


@singledispatch
def lower_window(layer: Any, program: Program, x: Value, wait: int) -> Value:
    """Append the steps of a convolution but for its activation; its first output comes after `wait` samples."""
    raise NotImplementedError(type(layer).__name__)


@lower_window.register
def _(layer: Conv1D, program: Program, x: Value, wait: int) -> Value:
    return _convolved(program, x, layer.kernel, layer.bias, layer.dilation_rate[0], layer.groups, wait=wait)


@lower_window.register
def _(layer: DepthwiseConv1D, program: Program, x: Value, wait: int) -> Value:
    return _convolved(program, x, layer.kernel, layer.bias, layer.dilation_rate[0], kind="depthwise", wait=wait)


@lower_window.register
def _(layer: SeparableConv1D, program: Program, x: Value, wait: int) -> Value:
    hidden = _convolved(program, x, layer.depthwise_kernel, None, layer.dilation_rate[0], kind="depthwise", wait=wait)
    return _convolved(program, hidden, layer.pointwise_kernel, layer.bias)


@lower_column.register
def _(layer: Dense, program: Program, x: Value) -> Value:
    return lower(layer, program, x)


@lower_column.register
def _(layer: Composite, program: Program, x: Value) -> Value:
    return lower_columns(program, layer.layers, x)


def _path(layer, program, path, x):
    late = program.late
    y = lower_columns(program, path, x)
    if program.late > late:
        refuse(layer, 'within a block convolutions must be causal, not "valid"')
    return y


@lower_column.register
def _(layer: Residual, program: Program, x: Value) -> Value:
    side = _path(layer, program, layer.shortcut, x)
    main = _path(layer, program, layer.layers[:len(layer.layers) - len(layer.shortcut)], x)
    return program.do("add", (main.size,), main, main.shape, side)


@lower_column.register
def _(layer: Concatenate, program: Program, x: Value) -> Value:
    if layer.axis not in (-1, len(layer.input_shape) - 1):
        refuse(layer, "its branches must be joined along the channels")
    parts = [_path(layer, program, branch, x) for branch in layer.branches]
    return join(program, parts, (1, sum(part.size for part in parts)), 1)
