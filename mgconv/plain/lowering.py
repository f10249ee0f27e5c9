"""From layers to plain kernels, for one sample of a known shape; a layer's kind says how, by `lower`."""
from __future__ import annotations

import math
from functools import singledispatch
from typing import Any

import numpy as np

from mgconv import activations
from mgconv.layers import activation as activation_layers
from mgconv.layers import (
    base,
    blocks,
    composite,
    conv,
    global_pooling,
    margins,
    normalization,
    pooling,
    preprocessing,
    regularization,
    reshaping,
    separable,
    transposed,
    upsampling,
)
from mgconv.layers.batch_normalization import BatchNormalization
from mgconv.layers.input import InputLayer
from mgconv.plain.program import Program, Value


def lower_all(program: Program, layers: Any, x: Value) -> Value:
    """Append the steps of `layers`, one on top of the other."""
    for layer in layers:
        x = lower(layer, program, x)
    return x


@singledispatch
def lower(layer: base.Layer, program: Program, x: Value) -> Value:
    """Append the steps of `layer` for the input `x`; its output.

    Raises
    ------
    ValueError
        If there is no plain form of it.
    """
    raise no_form(layer)


def no_form(layer, setting=None):
    """The error for a layer, or one of its settings, without a plain form."""
    return ValueError(f"the layer {layer.name} ({type(layer).__name__}) has no form in plain sums"
                      f"{f' with {setting}' if setting else ''}.")


@lower.register
def _(layer: InputLayer, program: Program, x: Value) -> Value:
    return x


@lower.register(regularization._Noise)
@lower.register(regularization.ActivityRegularization)
def _(layer: Any, program: Program, x: Value) -> Value:
    return x


@lower.register
def _(layer: composite.Composite, program: Program, x: Value) -> Value:
    return lower_all(program, layer.layers, x)


# ---------------------------------------------------------------------------------------------------- convolutions


def window(geometry, groups=1):
    """The sizes that kernels with windows take; series have one row."""
    def two(values, one=1):
        return (one, *values) if len(values) == 1 else tuple(values)
    return (*two(geometry.input_shape[1:-1]), geometry.input_shape[-1], *two(geometry.output_shape[1:-1]),
            geometry.output_shape[-1], *two(geometry.kernel_shape[:-2]), *two(geometry.strides),
            *two(geometry.dilation_rate), *two([before for before, _ in geometry.pads], 0), groups)


def channels_last(program, x, layer, work):
    """`work(x)` on channels last, with the axes moved before and after if the layer has them first."""
    if layer.data_format == "channels_last":
        return work(x)
    y = work(move_channels(program, x, last=True))
    return move_channels(program, y, last=False)


def move_channels(program, x, last):
    """x with its first axis moved last, or its last one moved first."""
    shape = (*x.shape[1:], x.shape[0]) if last else (x.shape[-1], *x.shape[:-1])
    if last:
        positions, channels = math.prod(x.shape[1:]), x.shape[0]
        return program.do("permute", (1, positions, channels, 0, 1, positions), x, shape)
    positions, channels = math.prod(x.shape[:-1]), x.shape[-1]
    return program.do("permute", (1, channels, positions, 0, 1, channels), x, shape)


@lower.register(conv._FullConvolution)
@lower.register(conv._DepthwiseConvolution)
def _(layer: Any, program: Program, x: Value) -> Value:
    kind = "conv" if isinstance(layer, conv._FullConvolution) else "depthwise"

    def work(x):
        return activated(program, layer.activation, convolved(program, kind, layer, x, layer.kernel, layer.bias))
    return channels_last(program, x, layer, work)


def convolved(program, kind, layer, x, kernel, bias):
    """The kernel `kind` with the geometry of `layer`."""
    geometry = layer.geometry((1, *x.shape))
    return program.do(kind, window(geometry, geometry.groups), x, geometry.output_shape[1:], kernel, bias)


@lower.register
def _(layer: separable._SeparableConvolution, program: Program, x: Value) -> Value:
    def work(x):
        hidden = convolved(program, "depthwise", layer, x, layer.depthwise_kernel, None)
        mixture = layer.pointwise_kernel.reshape(layer.pointwise_kernel.shape[-2:])
        return activated(program, layer.activation, dense(program, hidden, mixture, layer.bias))
    return channels_last(program, x, layer, work)


@lower.register
def _(layer: transposed._TransposedConvolution, program: Program, x: Value) -> Value:
    def work(x):
        forward = layer.geometry((1, *x.shape))               # of the convolution whose gradient to the input this is
        rows, columns, filters, out_rows, out_columns, channels, *rest = window(forward)
        sizes = (out_rows, out_columns, channels, rows, columns, filters, *rest)
        y = program.do("conv_transposed", sizes, x, forward.input_shape[1:], layer.kernel, layer.bias)
        return activated(program, layer.activation, y)
    return channels_last(program, x, layer, work)


@lower.register
def _(layer: conv.Dense, program: Program, x: Value) -> Value:
    y = dense(program, x, layer.kernel, layer.bias)
    return activated(program, layer.activation, y)


def dense(program, x, kernel, bias):
    """x @ kernel + bias along the last axis."""
    inputs, units = kernel.shape
    rows = x.size // inputs
    sizes = (1, rows, inputs, 1, rows, units, 1, 1, 1, 1, 1, 1, 0, 0, 1)
    return program.do("conv", sizes, x, (*x.shape[:-1], units), kernel, bias)


@lower.register
def _(layer: pooling.Windows, program: Program, x: Value) -> Value:
    largest = isinstance(layer, (pooling._MaxPooling, global_pooling._GlobalMaxPooling))

    def work(x):
        geometry = layer.geometry((1, *x.shape))
        return program.do("max_pool" if largest else "average_pool", window(geometry), x, geometry.output_shape[1:])
    y = channels_last(program, x, layer, work)
    return y.reshape(*layer.compute_output_shape((None, *x.shape))[1:])


# ---------------------------------------------------------------------------------------------- shapes and blocks


@lower.register
def _(layer: reshaping.Reshape, program: Program, x: Value) -> Value:
    return x.reshape(*layer.compute_output_shape((None, *x.shape))[1:])


@lower.register
def _(layer: reshaping.Flatten, program: Program, x: Value) -> Value:
    if layer.data_format == "channels_first" and len(x.shape) > 1:
        x = move_channels(program, x, last=True)
    return x.reshape(x.size)


@lower.register
def _(layer: reshaping.Permute, program: Program, x: Value) -> Value:
    shape = tuple(x.shape[axis - 1] for axis in layer.dims)
    if len(shape) > 3:
        raise ValueError(f"the plain form of Permute has at most 3 axes. Received: {len(shape)}.")
    strides = [math.prod(x.shape[axis:]) for axis in layer.dims]
    fill = 3 - len(shape)
    return program.do("permute", (*(1,) * fill, *shape, *(0,) * fill, *strides), x, shape)


@lower.register
def _(layer: reshaping.RepeatVector, program: Program, x: Value) -> Value:
    y = program.array((layer.n, x.size))
    program.do("permute", (1, layer.n, x.size, 0, 0, 1), x, y.shape, y=y)
    return y


@lower.register
def _(layer: margins._Margins, program: Program, x: Value) -> Value:
    def work(x):
        (top, below), (left, right) = [(0, 0), *layer.margins()][-2:]
        *sizes, channels = x.shape
        rows, columns = [1, *sizes][-2:]
        out = rows + layer.sign * (top + below), columns + layer.sign * (left + right)
        moved = (rows, columns, channels, *out, channels, 1, 1, 1, 1, 1, 1, layer.sign * top, layer.sign * left, 1)
        return program.do("place", moved, x, (*out[-len(sizes):], channels))
    return channels_last(program, x, layer, work)


@lower.register(upsampling._UpSampling)
def _(layer: Any, program: Program, x: Value) -> Value:
    if layer.interpolation != "nearest":
        raise no_form(layer, f'interpolation="{layer.interpolation}"')

    def work(x):
        *sizes, channels = x.shape
        rows, columns = [1, *sizes][-2:]
        factors = layer.size if isinstance(layer.size, tuple) else (layer.size,)
        down, right = [1, *factors][-2:]
        out = rows * down, columns * right
        return program.do("repeat", (rows, columns, channels, *out, channels, 1, 1, down, right, 1, 1, 0, 0, 1), x,
                          (*out[-len(sizes):], channels))
    return channels_last(program, x, layer, work)


@lower.register
def _(layer: blocks.Residual, program: Program, x: Value) -> Value:
    side = lower_all(program, layer.shortcut, x)
    main = lower_all(program, layer.layers[:len(layer.layers) - len(layer.shortcut)], x)
    return program.do("add", (main.size,), main, main.shape, side)


@lower.register
def _(layer: blocks.Concatenate, program: Program, x: Value) -> Value:
    parts = [lower_all(program, branch, x) for branch in layer.branches]
    shape = layer.compute_output_shape((None, *x.shape))[1:]
    return join(program, parts, shape, layer.axis - 1 if layer.axis > 0 else layer.axis % len(shape))


def join(program, parts, shape, axis):
    """`parts` side by side along `axis`."""
    y = program.array(shape)
    rows, width, begin = math.prod(shape[:axis]), math.prod(shape[axis:]), 0
    for part in parts:
        own = part.size // rows
        program.do("join", (rows, own, width, begin), part, shape, y=y)
        begin += own
    return y


# --------------------------------------------------------------------------------------------------- normalization


def scaled(program, x, factor, offset, axis=-1):
    """x factor + offset, with vectors along `axis`."""
    inner = math.prod(x.shape[axis:][1:]) if axis != -1 else 1
    size = x.shape[axis] * inner
    return program.do("scale", (x.size // size, size), x, x.shape, np.repeat(factor, inner), np.repeat(offset, inner))


@lower.register
def _(layer: BatchNormalization, program: Program, x: Value) -> Value:
    axis, = layer.axes(len(x.shape) + 1)
    factor, offset = layer.factor_and_offset()
    return scaled(program, x, factor, offset, axis - 1 - len(x.shape))


@lower.register
def _(layer: normalization.LayerNormalization, program: Program, x: Value) -> Value:
    axes = layer.axes(len(x.shape) + 1)
    if axes != list(range(len(x.shape) + 1 - len(axes), len(x.shape) + 1)) or layer.rms_scaling:
        raise no_form(layer, f"axis={layer.axis}, rms_scaling={layer.rms_scaling}")
    size = math.prod(x.shape[axis - 1] for axis in axes)
    y = program.do("standardize", (x.size // size, size), x, x.shape, np.array([layer.epsilon]))
    if layer.gamma is None and layer.beta is None:
        return y
    factor = np.ones(size) if layer.gamma is None else layer.gamma.reshape(-1)
    offset = np.zeros(size) if layer.beta is None else layer.beta.reshape(-1)
    return program.do("scale", (x.size // size, size), y, x.shape, factor, offset)


@lower.register
def _(layer: preprocessing.Rescaling, program: Program, x: Value) -> Value:
    factor, offset = (np.broadcast_to(value, x.shape[-1:]) for value in (layer.scale, layer.offset))
    return scaled(program, x, factor, offset)


# ---------------------------------------------------------------------------------------------------- activations

WITHOUT_SETTINGS = {"Sigmoid": "sigmoid", "LogSigmoid": "log_sigmoid", "Tanh": "tanh_of", "Exponential": "exp_of",
                    "Softplus": "softplus", "Softsign": "softsign", "SiLU": "silu", "Mish": "mish",
                    "HardSiLU": "hard_silu"}


@lower.register
def _(layer: activation_layers._Activating, program: Program, x: Value) -> Value:
    return activated(program, layer.function, x)


@lower.register
def _(layer: activation_layers.PReLU, program: Program, x: Value) -> Value:
    alpha = np.broadcast_to(layer.alpha, x.shape)
    return program.do("prelu", (1, x.size), x, x.shape, alpha)


def activated(program, activation, x):
    """`activation` of x."""
    kind = type(activation).__name__
    if kind == "Linear":
        return x
    if kind in ("Softmax", "LogSoftmax"):
        axis = activation.axis
        if axis not in (-1, len(x.shape)):
            raise ValueError(f"the plain form of {kind} goes along the last axis. Received: axis={axis}.")
        kernel = "softmax" if kind == "Softmax" else "log_softmax"
        return program.do(kernel, (x.size // x.shape[-1], x.shape[-1]), x, x.shape)
    if kind in WITHOUT_SETTINGS:
        return program.do(WITHOUT_SETTINGS[kind], (x.size,), x, x.shape)
    kernel, settings = _with_settings(activation, kind)
    return program.do(kernel, (x.size,), x, x.shape, np.array(settings))


def _with_settings(activation, kind):
    """The kernel of an activation that has settings, and these."""
    largest = math.inf
    if kind == "ReLU":
        top = largest if activation.max_value is None else activation.max_value
        return "relu", (activation.negative_slope, top, activation.threshold)
    if kind == "ReLU6":
        return "relu", (0, 6, 0)
    if kind == "LeakyReLU":
        return "relu", (activation.negative_slope, largest, 0)
    if kind == "ELU":
        return "elu", (activation.alpha, 1, 1)
    if kind == "CELU":
        return "elu", (activation.alpha, 1 / activation.alpha, 1)
    if kind == "SELU":
        return "elu", (activation.scale * activation.alpha, 1, activation.scale)
    if kind == "HardSigmoid":
        return "ramp", (1 / 6, 0.5, 0, 1)
    if kind == "SparseSigmoid":
        return "ramp", (0.5, 0.5, 0, 1)
    if kind == "HardTanh":
        return "ramp", (1, 0, -1, 1)
    if kind == "GELU":
        return ("gelu_tanh" if activation.approximate else "gelu"), ()
    name = next((name for name, known in activations.registry.named.items() if known is activation), kind)
    raise ValueError(f"the activation {name} has no form in plain sums.")
