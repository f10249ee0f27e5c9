"""Causal models as plain programs of one sample in, one out: each convolution keeps the past that it needs."""
from __future__ import annotations

from functools import singledispatch
from typing import Any

from mgconv.layers import Concatenate, Conv1D, Dense, DepthwiseConv1D, Flatten, Layer, Residual
from mgconv.layers.composite import Composite
from mgconv.models.streaming import check_window, refuse
from mgconv.plain.lowering import activated, join, lower
from mgconv.plain.program import Program, Value


def lower_columns(program: Program, layers: Any, x: Value) -> Value:
    """Append the steps of `layers` for one new step x, (1, channels), of their input; `mgconv.models.streaming` says
    which can be."""
    waiting = list(layers)
    while waiting:
        layer = waiting.pop(0)
        if isinstance(layer, Flatten) and len(layer.input_shape) == 3:
            if not waiting or not isinstance(waiting[0], Dense) or layer.data_format != "channels_last":
                refuse(layer, "a Flatten must stand before a Dense")
            dense = waiting.pop(0)
            kernel = dense.kernel.reshape(layer.input_shape[1], -1, dense.units)
            x = _convolved(program, dense, x, kernel, valid=True)
        else:
            x = lower_column(layer, program, x)
    return x


@singledispatch
def lower_column(layer: Layer, program: Program, x: Value) -> Value:
    """Append the steps of `layer`."""
    if not layer.columnwise:
        refuse(layer, "its output at a step needs more than the input at that step and before it")
    return lower(layer, program, x)


def _convolved(program, layer, x, kernel, dilation=1, groups=1, kind="conv", valid=False):
    taps, channels = len(kernel), x.size
    length = (taps - 1) * dilation + 1
    filters = kernel.shape[2] if kind == "conv" else kernel.shape[1] * kernel.shape[2]
    past = x
    if taps > 1:
        past = program.array((length, channels))
        program.kept.add(past.array)
        program.do("advance", (past.size, channels), x, past.shape, y=past)
    sizes = (1, length if taps > 1 else 1, channels, 1, 1, filters, 1, taps, 1, 1, 1, dilation, 0, 0, groups)
    if valid and taps > 1:
        program.wait(length - 1)
    y = program.do(kind, sizes, past, (1, filters), kernel, layer.bias)
    return activated(program, layer.activation, y)


@lower_column.register
def _(layer: Conv1D, program: Program, x: Value) -> Value:
    check_window(layer)
    return _convolved(program, layer, x, layer.kernel, layer.dilation_rate[0], layer.groups,
                      valid=layer.padding == "valid")


@lower_column.register
def _(layer: DepthwiseConv1D, program: Program, x: Value) -> Value:
    check_window(layer)
    return _convolved(program, layer, x, layer.kernel, layer.dilation_rate[0], kind="depthwise",
                      valid=layer.padding == "valid")


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
