"""From layers to ONNX nodes; a layer's kind says how, by `convert`."""
from __future__ import annotations

import math
from functools import singledispatch
from typing import Any

import numpy as np

from mgconv.layers import (
    activation,
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
    spatial,
    transposed,
    upsampling,
)
from mgconv.layers.batch_normalization import BatchNormalization
from mgconv.layers.input import InputLayer
from mgconv.onnx.activations import activated
from mgconv.onnx.graph import Graph, Value


def convert_all(graph: Graph, layers: Any, x: Value) -> Value:
    """Append the nodes of `layers`, one on top of the other."""
    for layer in layers:
        outer, graph.layer = graph.layer, layer.name or type(layer).__name__
        x = convert(layer, graph, x)
        graph.layer = outer
    return x


@singledispatch
def convert(layer: base.Layer, graph: Graph, x: Value) -> Value:
    """Append the nodes of `layer` for the input x; its output.

    Raises
    ------
    ValueError
        If there is no form of it in ONNX.
    """
    raise no_form(layer)


def no_form(layer, setting=None):
    """The error for a layer, or one of its settings, without a form in ONNX."""
    return ValueError(f"the layer {layer.name} ({type(layer).__name__}) has no form in ONNX"
                      f"{f' with {setting}' if setting else ''}.")


@convert.register(InputLayer)
@convert.register(regularization._Noise)
@convert.register(regularization.ActivityRegularization)
def _(layer: Any, graph: Graph, x: Value) -> Value:
    return x


@convert.register
def _(layer: composite.Composite, graph: Graph, x: Value) -> Value:
    return convert_all(graph, layer.layers, x)


# ---------------------------------------------------------------------------------------------------- convolutions


def at_edge(graph, layer, x, work):
    """`work(x)` on values whose shape is channels last; a layer with its channels first has its axes renamed around."""
    if layer.data_format == "channels_last":
        return work(x)
    x = graph.last(x)                                  # as the model sees it, which is channels first in fact
    y = work(Value(x.name, (x.shape[0], *x.shape[2:], x.shape[1]), True))
    y = graph.channels_first(y)
    return Value(y.name, (y.shape[0], y.shape[-1], *y.shape[1:-1]))


def sized(shape):
    """A shape without open sizes, which stand for large ones."""
    some = spatial.SOME_SIZE[len(shape) - 2]
    return (1, *(some if size is None else size for size in shape[1:]))


def output_shape(layer, x):
    """The output's shape, channels last, for an input whose shape is so."""
    shape = layer.compute_output_shape(x.shape if layer.data_format == "channels_last" else
                                       (x.shape[0], x.shape[-1], *x.shape[1:-1]))
    return shape if layer.data_format == "channels_last" else (shape[0], *shape[2:], shape[1])


def padding(layer, geometry, x, dilations=None):
    """The attributes for the zeros around x."""
    open_sizes = None in x.shape[1:-1]
    if open_sizes and layer.padding == "same" and max(geometry.strides) > 1:
        if dilations is not None and max(dilations) > 1:
            raise no_form(layer, 'padding="same", strides and dilation along an axis whose size is open')
        return {"auto_pad": "SAME_UPPER"}
    return {"pads": [before for before, _ in geometry.pads] + [after for _, after in geometry.pads]}


def convolved(graph, layer, x, kernel, bias, group):
    """A Conv node; `kernel` is (taps, channels of a group, filters)."""
    x, geometry = graph.channels_first(x), layer.geometry(sized(x.shape))
    weights = graph.constant(np.moveaxis(kernel, (-1, -2), (0, 1)))
    inputs = [x.name, weights] if bias is None else [x.name, weights, graph.constant(bias)]
    rank = kernel.ndim - 2
    name = graph.node("Conv", inputs, kernel_shape=kernel.shape[:rank], strides=geometry.strides, group=group,
                      dilations=geometry.dilation_rate, **padding(layer, geometry, x, geometry.dilation_rate))
    return Value(name, (*output_shape(layer, x)[:-1], kernel.shape[-1]), True)


@convert.register
def _(layer: conv._FullConvolution, graph: Graph, x: Value) -> Value:
    return at_edge(graph, layer, x, lambda x: activated(graph, layer.activation, convolved(
        graph, layer, x, layer.kernel, layer.bias, layer.groups), layer.data_format))


def depthwise(graph, layer, x, kernel, bias):
    """Every channel by itself; `kernel` is (taps, channels, filters of a channel)."""
    channels = x.shape[-1]
    return convolved(graph, layer, x, kernel.reshape(*layer.kernel_size, 1, -1), bias, channels)


@convert.register
def _(layer: conv._DepthwiseConvolution, graph: Graph, x: Value) -> Value:
    return at_edge(graph, layer, x, lambda x: activated(graph, layer.activation, depthwise(
        graph, layer, x, layer.kernel, layer.bias), layer.data_format))


@convert.register
def _(layer: separable._SeparableConvolution, graph: Graph, x: Value) -> Value:
    def work(x):
        hidden = depthwise(graph, layer, x, layer.depthwise_kernel, None)
        weights = graph.constant(np.moveaxis(layer.pointwise_kernel, (-1, -2), (0, 1)))
        inputs = [hidden.name, weights] if layer.bias is None else [hidden.name, weights, graph.constant(layer.bias)]
        name = graph.node("Conv", inputs, kernel_shape=(1,) * layer.rank)
        return activated(graph, layer.activation, Value(name, (*hidden.shape[:-1], layer.filters), True),
                         layer.data_format)
    return at_edge(graph, layer, x, work)


@convert.register
def _(layer: transposed._TransposedConvolution, graph: Graph, x: Value) -> Value:
    def work(x):
        x = graph.channels_first(x)
        # Sizes that are open grow alike, so one that is large will do.
        shape = (1, *(1 << 10 if size is None else size for size in x.shape[1:]))
        geometry = layer.geometry(shape)                   # of the convolution that this one turns round
        spans = [(taps - 1) * rate + 1 for taps, rate in zip(layer.kernel_size, geometry.dilation_rate, strict=True)]
        more = [out - ((size - 1) * stride + span - sum(pads)) for out, size, stride, span, pads in zip(
            geometry.input_shape[1:-1], shape[1:-1], geometry.strides, spans, geometry.pads, strict=True)]
        pads = [[before, after - extra] if extra < 0 else [before, after] for (before, after), extra in zip(
            geometry.pads, more, strict=True)]
        extras = [max(extra, 0) for extra in more]
        weights = graph.constant(np.moveaxis(layer.kernel, (-1, -2), (0, 1)))
        inputs = [x.name, weights] if layer.bias is None else [x.name, weights, graph.constant(layer.bias)]
        name = graph.node("ConvTranspose", inputs, kernel_shape=layer.kernel_size, strides=geometry.strides,
                          dilations=geometry.dilation_rate, output_padding=extras,
                          pads=[before for before, _ in pads] + [after for _, after in pads])
        return activated(graph, layer.activation, Value(name, output_shape(layer, x), True), layer.data_format)
    return at_edge(graph, layer, x, work)


@convert.register
def _(layer: conv.Dense, graph: Graph, x: Value) -> Value:
    x = graph.last(x)
    name = graph.node("MatMul", [x.name, graph.constant(layer.kernel)])
    if layer.bias is not None:
        name = graph.node("Add", [name, graph.constant(layer.bias)])
    return activated(graph, layer.activation, Value(name, (*x.shape[:-1], layer.units)), "channels_last")


# ---------------------------------------------------------------------------------------------------------- pooling


@convert.register
def _(layer: pooling._Pooling, graph: Graph, x: Value) -> Value:
    def work(x):
        x, geometry = graph.channels_first(x), layer.geometry(sized(x.shape))
        around = padding(layer, geometry, x)
        how = {"kernel_shape": layer.pool_size, "strides": layer.strides}
        shape = output_shape(layer, x)
        if isinstance(layer, pooling._MaxPooling):
            name = x.name
            if "pads" in around and any(around["pads"]):       # padded apart: some evaluators drop a pool's own
                rank = layer.rank
                pads = [0, 0, *around["pads"][:rank], 0, 0, *around["pads"][rank:]]
                name = graph.node("Pad", [name, graph.constant(pads, np.int64), graph.constant(-np.inf)])
                around = {}
            return Value(graph.node("MaxPool", [name], **how, **around), shape, True)
        return Value(graph.node("AveragePool", [x.name], count_include_pad=0, **how, **around), shape, True)
    return at_edge(graph, layer, x, work)


@convert.register
def _(layer: global_pooling._GlobalPooling, graph: Graph, x: Value) -> Value:
    x = graph.last(x)
    axes = range(1, layer.rank + 1) if layer.data_format == "channels_last" else range(2, layer.rank + 2)
    largest = isinstance(layer, global_pooling._GlobalMaxPooling)
    name = graph.reduce("ReduceMax" if largest else "ReduceMean", x.name, axes)
    shape = layer.compute_output_shape(x.shape)
    if not layer.keepdims:
        name = graph.node("Squeeze", [name, graph.constant(list(axes), np.int64)])
    return Value(name, shape)


# ------------------------------------------------------------------------------------------------ shapes and blocks


def reshaped(graph, x, shape):
    """x as (batch, *shape)."""
    if None in shape[1:]:
        raise ValueError(f"a reshape in ONNX needs known sizes but for the batch. Received: {shape}.")
    return Value(graph.node("Reshape", [x.name, graph.constant([-1, *shape[1:]], np.int64)]), shape)


@convert.register
def _(layer: reshaping.Reshape, graph: Graph, x: Value) -> Value:
    x = graph.last(x)
    shape = layer.compute_output_shape(x.shape)
    if shape.count(None) == 2:                          # the batch, and one that follows from the others
        sizes = [0, *(-1 if size is None else size for size in shape[1:])]
        return Value(graph.node("Reshape", [x.name, graph.constant(sizes, np.int64)]), shape)
    return reshaped(graph, x, shape)


@convert.register
def _(layer: reshaping.Flatten, graph: Graph, x: Value) -> Value:
    x = graph.last(x)
    if layer.data_format == "channels_first" and len(x.shape) > 2:
        order = [0, *range(2, len(x.shape)), 1]
        x = Value(graph.node("Transpose", [x.name], perm=order), tuple(x.shape[axis] for axis in order))
    return Value(graph.node("Flatten", [x.name], axis=1), layer.compute_output_shape(x.shape))


@convert.register
def _(layer: reshaping.Permute, graph: Graph, x: Value) -> Value:
    x = graph.last(x)
    return Value(graph.node("Transpose", [x.name], perm=[0, *layer.dims]), layer.compute_output_shape(x.shape))


@convert.register
def _(layer: reshaping.RepeatVector, graph: Graph, x: Value) -> Value:
    thin = graph.node("Unsqueeze", [x.name, graph.constant([1], np.int64)])
    tiled = graph.node("Tile", [thin, graph.constant([1, layer.n, 1], np.int64)])
    return Value(tiled, layer.compute_output_shape(x.shape))


@convert.register
def _(layer: margins._Margins, graph: Graph, x: Value) -> Value:
    def work(x):
        around = layer.margins()
        place = 2 if x.first else 1                        # of the first spatial axis
        shape = output_shape(layer, x)
        if layer.sign > 0:
            before, after = [0] * len(x.shape), [0] * len(x.shape)
            for axis, (first, second) in enumerate(around, place):
                before[axis], after[axis] = first, second
            return Value(graph.node("Pad", [x.name, graph.constant(before + after, np.int64)]), shape, x.first)
        starts, ends = [first for first, _ in around], [-second if second else 2 ** 31 - 1 for _, second in around]
        axes = list(range(place, place + layer.rank))
        inputs = [x.name, *(graph.constant(each, np.int64) for each in (starts, ends, axes))]
        return Value(graph.node("Slice", inputs), shape, x.first)
    return at_edge(graph, layer, x, work)


@convert.register
def _(layer: upsampling._UpSampling, graph: Graph, x: Value) -> Value:
    if layer.interpolation not in ("nearest", "bilinear"):
        raise no_form(layer, f'interpolation="{layer.interpolation}"')

    def work(x):
        x = graph.channels_first(x)
        how = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
        if layer.interpolation == "bilinear":
            how = {"mode": "linear", "coordinate_transformation_mode": "half_pixel"}
        scales = graph.constant([1, 1, *layer.factors()])
        return Value(graph.node("Resize", [x.name, "", scales], **how), output_shape(layer, x), True)
    return at_edge(graph, layer, x, work)


@convert.register
def _(layer: blocks.Residual, graph: Graph, x: Value) -> Value:
    main = convert_all(graph, layer.layers[:len(layer.layers) - len(layer.shortcut)], x)
    side = convert_all(graph, layer.shortcut, x)
    if main.first != side.first:
        main, side = graph.last(main), graph.last(side)
    return Value(graph.node("Add", [main.name, side.name]), main.shape, main.first)


@convert.register
def _(layer: blocks.Concatenate, graph: Graph, x: Value) -> Value:
    parts = [graph.last(convert_all(graph, branch, x)) for branch in layer.branches]
    shape = layer.compute_output_shape(x.shape)
    return Value(graph.node("Concat", [part.name for part in parts], axis=layer.axis % len(shape)), shape)


# ---------------------------------------------------------------------------------------------------- normalization


def scaled(graph, x, factor, offset):
    """x factor + offset, by NumPy's rules on values whose channels are last."""
    x = graph.last(x)
    if factor is not None:
        x = Value(graph.node("Mul", [x.name, graph.constant(factor)]), x.shape)
    if offset is not None:
        x = Value(graph.node("Add", [x.name, graph.constant(offset)]), x.shape)
    return x


def along(values, axes, rank):
    """`values`, which lie along `axes`, with axes of size 1 for the others behind the batch."""
    if values is None:
        return None
    sizes = iter(np.shape(values))
    return np.reshape(values, [next(sizes) if axis in axes else 1 for axis in range(1, rank)])


@convert.register
def _(layer: BatchNormalization, graph: Graph, x: Value) -> Value:
    rank = len(x.shape)
    factor, offset = layer.factor_and_offset()
    return scaled(graph, x, *(along(each, layer.axes(rank), rank) for each in (factor, offset)))


def standardized(graph, x, axes, epsilon):
    """x less its mean along `axes`, over the root of its variance and `epsilon`."""
    away = graph.node("Sub", [x.name, graph.reduce("ReduceMean", x.name, axes)])
    spread = graph.reduce("ReduceMean", graph.node("Mul", [away, away]), axes)
    root = graph.node("Sqrt", [graph.node("Add", [spread, graph.constant(epsilon)])])
    return Value(graph.node("Div", [away, root]), x.shape)


@convert.register
def _(layer: normalization.LayerNormalization, graph: Graph, x: Value) -> Value:
    x = graph.last(x)
    if layer.rms_scaling:
        raise no_form(layer, "rms_scaling")
    rank = len(x.shape)
    axes = layer.axes(rank)
    y = standardized(graph, x, axes, layer.epsilon)
    return scaled(graph, y, along(layer.gamma, axes, rank), along(layer.beta, axes, rank))


@convert.register
def _(layer: normalization.GroupNormalization, graph: Graph, x: Value) -> Value:
    x = graph.last(x)
    axis, = layer.axes(len(x.shape))
    rank, channels = len(x.shape), x.shape[axis]
    if axis != rank - 1:
        raise no_form(layer, f"axis={layer.axis}")
    groups = channels if layer.groups == -1 else layer.groups
    if None in x.shape[1:]:
        raise no_form(layer, "sizes that are open")
    split = reshaped(graph, x, (None, *x.shape[1:-1], groups, channels // groups))
    normal = standardized(graph, split, [*range(1, rank - 1), rank], layer.epsilon)
    return scaled(graph, reshaped(graph, normal, x.shape), layer.gamma, layer.beta)


@convert.register
def _(layer: normalization.UnitNormalization, graph: Graph, x: Value) -> Value:
    x = graph.last(x)
    axes = normalization.normal_axes(layer, layer.axis, len(x.shape))
    square = graph.node("Mul", [x.name, x.name])
    count = math.prod(x.shape[axis] or 0 for axis in axes)
    if not count:
        raise no_form(layer, "sizes that are open")
    total = graph.node("Mul", [graph.reduce("ReduceMean", square, axes), graph.constant(count)])
    length = graph.node("Max", [graph.node("Sqrt", [total]), graph.constant(1e-12)])
    return Value(graph.node("Div", [x.name, length]), x.shape)


@convert.register
def _(layer: preprocessing.Rescaling, graph: Graph, x: Value) -> Value:
    return scaled(graph, x, *layer._numbers)


@convert.register
def _(layer: preprocessing.Normalization, graph: Graph, x: Value) -> Value:
    rank = len(x.shape)
    kept = layer.kept_axes(rank)
    mean, spread = (np.reshape(each, [x.shape[axis] or 1 if axis in kept else 1 for axis in range(rank)]).astype(float)
                    for each in (layer.mean, np.maximum(np.sqrt(layer.variance), 1e-7)))
    if layer.invert:
        return scaled(graph, x, spread, mean)
    return scaled(graph, x, 1 / spread, -mean / spread)


@convert.register
def _(layer: activation._Activating, graph: Graph, x: Value) -> Value:
    return activated(graph, layer.function, x, "channels_last")


@convert.register
def _(layer: activation.PReLU, graph: Graph, x: Value) -> Value:
    x = graph.last(x)
    return Value(graph.node("PRelu", [x.name, graph.constant(layer.alpha)]), x.shape)
