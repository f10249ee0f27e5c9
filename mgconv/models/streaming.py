"""Models fed sample by sample: each new sample costs one new column of every layer's output.

A layer can be streamed if its output at a step depends on the input at that step and before it: convolutions that are
causal, or valid (their first outputs then come as late as their window is long, less the zeros that a ZeroPadding1D
puts in front), with strides of 1; what works on each
step by itself (`Layer.columnwise`); a Flatten before a Dense, which together are a valid convolution over all steps;
and what is made of these. The past that they need is kept in rings (mgconv/native/streaming.pyx).
"""
from __future__ import annotations

from functools import partial, singledispatch
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mgconv import activations
from mgconv._support.arrays import real_array
from mgconv.layers import (
    Concatenate,
    Conv1D,
    Dense,
    DepthwiseConv1D,
    Flatten,
    Layer,
    Residual,
    SeparableConv1D,
    ZeroPadding1D,
)
from mgconv.layers.binding import StreamConv, StreamProgram
from mgconv.layers.composite import Composite

WINDOWS = (Conv1D, DepthwiseConv1D, SeparableConv1D)


class Streamed(NamedTuple):
    """A layer bound to one step of its input: its output vector, the calls that fill it, and how many steps late."""

    y: NDArray[Any]
    steps: list[Any]
    late: int


class Stream:
    """A model that is fed sample by sample. Made by `Sequential.stream`.

    It keeps a copy of the weights as they are now. **The array that it returns is overwritten by its next call**: copy
    what you keep. One thread may use it at a time.

    Attributes
    ----------
    late : int
        How many samples must have come before there is a first output: 0 if all convolutions are causal.
    """

    def __init__(self, layers, channels, dtype):
        self._layers = layers
        x = np.zeros(channels, dtype)
        bound = stream_all(layers, x)
        self.late, self._steps = bound.late, bound.steps
        self._convolutions = [step for step in bound.steps if isinstance(step, StreamConv)]
        self._x = x

        def fill(sample):
            sample = real_array("x", sample)
            if sample.size != x.size or sample.ndim > 1:
                raise ValueError(f"`x` must be one sample of {x.size} channels, of shape {x.shape}. "
                                 f"Received: {sample.shape}.")
            x[...] = sample.reshape(x.shape)
        self._push = StreamProgram(x, bound.y, bound.steps, fill)

    def __call__(self, x: ArrayLike) -> NDArray[Any] | None:
        """Take one sample in.

        Parameters
        ----------
        x : array_like, (channels,)
            The sample; a number will do for one channel.

        Returns
        -------
        ndarray or None
            The model's output for the sequence so far, at its newest step: (channels of the output,); None for the
            first `late` samples.

        Raises
        ------
        ValueError, TypeError
            If the sample has another shape, or holds no real numbers; then nothing is taken in.
        """
        return self._push(x)

    def run(self, x: ArrayLike) -> NDArray[Any]:
        """Take samples in one after the other.

        Parameters
        ----------
        x : array_like, (samples, channels)
            (samples,) will do for one channel.

        Returns
        -------
        ndarray
            All outputs, (samples, channels of the output); without those that were still `late`.

        Raises
        ------
        ValueError, TypeError
            If `x` has another shape, or holds no real numbers; then nothing is taken in.
        """
        outputs = [y.copy() for sample in self._samples(x) if (y := self(sample)) is not None]
        return np.stack(outputs) if outputs else np.empty((0, *self._push.y.shape), self._x.dtype)

    def _samples(self, x):
        x = real_array("x", x)
        channels = self._x.size
        if x.ndim == 1 and channels == 1:
            x = x[:, None]
        if x.ndim != 2 or x.shape[1] != channels:
            raise ValueError(f"`x` must be samples of shape (samples, {channels}). Received: {x.shape}.")
        return np.ascontiguousarray(x, self._x.dtype)

    def reset(self) -> None:
        """Forget all samples."""
        for convolution in self._convolutions:
            convolution.reset()

    def preset(self, x: ArrayLike) -> None:
        """Begin anew as if the samples `x`, as for `run`, had come after zeros; errors as there change nothing."""
        samples = self._samples(x)
        self.reset()
        for sample in samples:
            self(sample)

    def copy(self) -> Stream:
        """Another stream with the same weights and the same past, which goes its own way."""
        twin = Stream(self._layers, self._x.shape[0], self._x.dtype)
        for mine, its in zip(self._convolutions, twin._convolutions, strict=True):
            its.restore(mine.state())
        return twin

    __copy__ = copy

    def __repr__(self):
        past = sum(len(convolution.state()[0]) for convolution in self._convolutions)
        return (f"<Stream of {self._x.size} channels to {self._push.y.size}, {self.late} samples late, "
                f"{past} bytes of past>")


def stream_of(model):
    """A stream of a built model, with the weights as they are now."""
    if len(model.input_shape) != 3:
        raise ValueError("`stream` needs a model of sequences, (batch, steps, channels). "
                         f"Received: inputs of shape {model.input_shape}.")
    return Stream(model.constant_twins(), model.input_shape[-1], model.dtype)


def stream_all(layers, x):
    """Bind `layers` one on top of the other to one step."""
    steps, late, y = [], 0, x
    for layer, wait, flat in windows(layers):
        if flat:
            bound = _dense(layer, y, flat)
        elif wait is None:
            bound = streamed(layer, y)
        else:
            bound = streamed_window(layer, y, wait)
        y = bound.y
        steps += bound.steps
        late += bound.late
    return Streamed(y, steps, late)


def windows(layers):
    """The layers to bind, one on top of the other, each with the samples to wait for, if it is a convolution of one's
    own window, else None; and the steps that a Flatten before it makes one row of, or 0."""
    waiting = list(layers)
    while waiting:
        layer, zeros, padding = waiting.pop(0), 0, None
        if isinstance(layer, ZeroPadding1D):
            (zeros, behind), padding = layer.padding, layer
            if behind or not waiting or not isinstance(waiting[0], WINDOWS) or waiting[0].padding != "valid":
                refuse(padding, "zeros must stand in front of all samples, and before a valid convolution")
            layer = waiting.pop(0)
        if isinstance(layer, Flatten) and len(layer.input_shape) == 3:
            if not waiting or not isinstance(waiting[0], Dense) or layer.data_format != "channels_last":
                refuse(layer, "a Flatten must stand before a Dense")
            yield waiting.pop(0), None, layer.input_shape[1]
        elif isinstance(layer, WINDOWS):
            check_window(layer)
            span = (layer.kernel_size[0] - 1) * layer.dilation_rate[0]
            if zeros > span:
                refuse(padding, f"there must be no more zeros than the {span} that the next layer looks back")
            yield layer, span - zeros if layer.padding == "valid" else 0, 0
        else:
            yield layer, None, 0


def refuse(layer, reason):
    """Say why a layer cannot be streamed."""
    raise ValueError(f"the layer {layer.name} ({type(layer).__name__}) cannot be streamed: {reason}.")


@singledispatch
def streamed(layer: Layer, x: NDArray[Any]) -> Streamed:
    """Bind `layer` to the vector `x`, one step of its input."""
    if not layer.columnwise:
        refuse(layer, "its output at a step needs more than the input at that step and before it")
    bound = layer.bind(x.reshape(1, 1, -1) if len(layer.input_shape) == 3 else x.reshape(1, -1))
    return Streamed(bound.y.reshape(-1), bound.forward, 0)


def _convolved(x, kernel, bias, activation, dilation=1, groups=1, channelwise=False, wait=0):
    """A convolution and an activation; `kernel` as StreamConv takes it."""
    z = np.empty(kernel.shape[1] * kernel.shape[2] if channelwise else kernel.shape[2], x.dtype)
    relu = activation is activations.relu
    steps: list[Any] = [StreamConv(x, np.ascontiguousarray(kernel), bias, z, dilation, groups, channelwise, relu, wait)]
    y = z
    if not relu and activation is not activations.linear:
        y = np.empty_like(z)
        steps.append(partial(activation.forward, z[None], y[None]))
    return Streamed(y, steps, wait)


def check_window(layer):
    """Refuse a convolution whose outputs do not come one a sample."""
    if layer.data_format != "channels_last":
        refuse(layer, f'a sample holds the channels of a step, which data_format="{layer.data_format}" spreads out')
    if layer.strides != (1,):
        refuse(layer, f"its strides are {layer.strides}, so that not every sample has an output")
    if layer.padding == "same" and layer.kernel_size != (1,):
        refuse(layer, 'padding="same" looks ahead; "causal" does not')


@singledispatch
def streamed_window(layer: Any, x: NDArray[Any], wait: int) -> Streamed:
    """Bind a convolution, whose first output comes after `wait` samples."""
    raise NotImplementedError(type(layer).__name__)


@streamed_window.register
def _(layer: Conv1D, x: NDArray[Any], wait: int) -> Streamed:
    return _convolved(x, layer.kernel, layer.bias, layer.activation, layer.dilation_rate[0], layer.groups, wait=wait)


@streamed_window.register
def _(layer: DepthwiseConv1D, x: NDArray[Any], wait: int) -> Streamed:
    return _convolved(x, layer.kernel, layer.bias, layer.activation, layer.dilation_rate[0], channelwise=True,
                      wait=wait)


@streamed_window.register
def _(layer: SeparableConv1D, x: NDArray[Any], wait: int) -> Streamed:
    hidden = _convolved(x, layer.depthwise_kernel, None, activations.linear, layer.dilation_rate[0], channelwise=True,
                        wait=wait)
    mixed = _convolved(hidden.y, layer.pointwise_kernel, layer.bias, layer.activation)
    return Streamed(mixed.y, hidden.steps + mixed.steps, wait)


def _dense(layer, x, steps):
    return _convolved(x, layer.kernel.reshape(steps, -1, layer.units), layer.bias, layer.activation, wait=steps - 1)


@streamed.register
def _(layer: Dense, x: NDArray[Any]) -> Streamed:
    return _dense(layer, x, 1)


@streamed.register
def _(layer: Composite, x: NDArray[Any]) -> Streamed:
    return stream_all(layer.layers, x)


def _paths(layer, paths, x):
    bounds = [stream_all(path, x) for path in paths]
    if any(bound.late for bound in bounds):
        refuse(layer, 'within a block convolutions must be causal, not "valid"')
    return [bound.y for bound in bounds], [step for bound in bounds for step in bound.steps]


@streamed.register
def _(layer: Residual, x: NDArray[Any]) -> Streamed:
    (main, side), steps = _paths(layer, [layer.layers[:len(layer.layers) - len(layer.shortcut)], layer.shortcut], x)
    y = np.empty_like(main)
    return Streamed(y, [*steps, partial(np.add, main, side, y)], 0)


@streamed.register
def _(layer: Concatenate, x: NDArray[Any]) -> Streamed:
    if layer.axis not in (-1, len(layer.input_shape) - 1):
        refuse(layer, "its branches must be joined along the channels")
    outputs, steps = _paths(layer, layer.branches, x)
    y = np.empty(sum(map(len, outputs)), x.dtype)
    return Streamed(y, [*steps, partial(np.concatenate, outputs, 0, y)], 0)
