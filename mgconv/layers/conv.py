"""Convolution in one or two dimensions, full or depthwise, and Dense: all are one operation of the engine.

Every class below says how its input and its kernel look to the engine: as arrays (batch, *spatial, channels) and
(*taps, channels of a group, filters). The rest is common: `EngineLayer`.
"""
import math
import operator
from collections.abc import Sequence
from typing import Any

from mgconv import constraints, initializers, regularizers
from mgconv._support.checks import check_choice, check_count, check_size, per_axis
from mgconv.geometry import conv_geometry
from mgconv.layers.engine import EngineLayer
from mgconv.layers.spatial import check_data_format, spatial_output_shape


class Dense(EngineLayer):
    """activation(x @ kernel + bias) along the last axis: a convolution of one tap over all other axes.

    Parameters
    ----------
    units : int
        Length of the output's last axis.
    activation : str or mgconv.activations.Activation, optional
        By default none.
    use_bias : bool
        Whether to add a bias.
    kernel_initializer, bias_initializer : str or mgconv.initializers.Initializer
        The distributions of initial weights.
    name : str, optional
        The layer's name.

    Attributes
    ----------
    kernel : ndarray
        (inputs, units)
    bias : ndarray or None
        (units,)

    Examples
    --------
    >>> from mgconv import layers
    >>> layers.Dense(2, kernel_initializer="ones")([[1.0, 2.0, 3.0]]).tolist()
    [[6.0, 6.0]]
    """

    def __init__(self, units: int, activation: Any = None, use_bias: bool = True,
                 kernel_initializer: Any = "glorot_uniform", bias_initializer: Any = "zeros",
                 kernel_regularizer: Any = None, bias_regularizer: Any = None, activity_regularizer: Any = None,
                 kernel_constraint: Any = None, bias_constraint: Any = None, **layer: Any) -> None:
        super().__init__(activation=activation, use_bias=use_bias, bias_initializer=bias_initializer,
                         bias_regularizer=bias_regularizer, activity_regularizer=activity_regularizer,
                         bias_constraint=bias_constraint, **layer)
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        if isinstance(units, bool) or not hasattr(units, "__index__") or units < 1:
            raise ValueError(f"`units` must be a positive integer. Received: units={units!r}.")
        self.units = operator.index(units)

    def compute_output_shape(self, input_shape):
        if len(input_shape) < 2 or input_shape[-1] is None:
            raise ValueError("the input of Dense must have shape (batch, ..., channels), with a known number of "
                             f"channels. Received: {tuple(input_shape)}.")
        return (*input_shape[:-1], self.units)

    def kernel_shape(self, channels):
        return channels, self.units

    def filters_for(self, channels):
        return self.units

    def absorb(self, factor, offset):
        return self.absorb_into(self.kernel, factor, offset)

    def geometry(self, shape):
        *outer, channels = shape
        rows = math.prod(outer)
        return conv_geometry((1, rows, channels) if rows else (0, 1, channels), (1, channels, self.units))

    def _output_shape(self, geometry, shape):
        return (*shape[:-1], self.units)


PADDINGS = {1: ("valid", "same", "causal"), 2: ("valid", "same")}


class Convolution(EngineLayer):
    """What the convolution layers share: taps, strides, padding, dilation and the place of the channels."""

    rank = 0                  # spatial axes

    def __init__(self, kernel_size: int | Sequence[int], strides: int | Sequence[int], padding: str,
                 data_format: str | None, dilation_rate: int | Sequence[int], **common: Any) -> None:
        super().__init__(**common)
        self.kernel_size = per_axis("kernel_size", kernel_size, self.rank)
        self.strides = per_axis("strides", strides, self.rank)
        self.dilation_rate = per_axis("dilation_rate", dilation_rate, self.rank)
        self.padding = check_choice("padding", padding, PADDINGS[self.rank], ignore_case=True)
        self.data_format = check_data_format(data_format)

    def engine_kernel_shape(self, channels):
        """The kernel's shape as the engine sees it."""
        return self.kernel_shape(channels)

    def compute_output_shape(self, input_shape):
        return spatial_output_shape(self, input_shape, self.rank, self.data_format,
                                    lambda shape: self._output_shape(self.geometry(shape), shape))

    def geometry(self, shape):
        return conv_geometry(shape, self.engine_kernel_shape(shape[-1]), self.strides, self.padding, self.dilation_rate)


class _FullConvolution(Convolution):
    """Every filter sees every channel of its group."""

    def __init__(self, filters: int, kernel_size: int | Sequence[int], strides: int | Sequence[int] = 1,
                 padding: str = "valid", data_format: str | None = None, dilation_rate: int | Sequence[int] = 1,
                 groups: int = 1, activation: Any = None, use_bias: bool = True,
                 kernel_initializer: Any = "glorot_uniform", bias_initializer: Any = "zeros",
                 kernel_regularizer: Any = None, bias_regularizer: Any = None, activity_regularizer: Any = None,
                 kernel_constraint: Any = None, bias_constraint: Any = None, **layer: Any) -> None:
        super().__init__(kernel_size, strides, padding, data_format, dilation_rate, activation=activation,
                         use_bias=use_bias, bias_initializer=bias_initializer, bias_regularizer=bias_regularizer,
                         activity_regularizer=activity_regularizer, bias_constraint=bias_constraint, **layer)
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.filters = check_size("filters", filters)
        self.groups = check_count("groups", groups, -2**63)
        if self.groups < 1:
            raise ValueError(f"The number of groups must be a positive integer. Received: groups={groups}.")
        if self.filters % self.groups:
            raise ValueError("The number of filters must be evenly divisible by the number of groups. "
                             f"Received: groups={groups}, filters={filters}.")

    def filters_for(self, channels):
        return self.filters

    def absorb(self, factor, offset):
        return self.absorb_into(self.kernel, factor, offset)

    def kernel_shape(self, channels):
        if channels % self.groups:
            raise ValueError("the input's channels must be a multiple of `groups`. "
                             f"Received: channels={channels}, groups={self.groups}.")
        return (*self.kernel_size, channels // self.groups, self.filters)


class _DepthwiseConvolution(Convolution):
    """Every channel has `depth_multiplier` filters of its own."""

    def __init__(self, kernel_size: int | Sequence[int], strides: int | Sequence[int] = 1, padding: str = "valid",
                 depth_multiplier: int = 1, data_format: str | None = None, dilation_rate: int | Sequence[int] = 1,
                 activation: Any = None, use_bias: bool = True, depthwise_initializer: Any = "glorot_uniform",
                 bias_initializer: Any = "zeros", depthwise_regularizer: Any = None, bias_regularizer: Any = None,
                 activity_regularizer: Any = None, depthwise_constraint: Any = None, bias_constraint: Any = None,
                 **layer: Any) -> None:
        super().__init__(kernel_size, strides, padding, data_format, dilation_rate, activation=activation,
                         use_bias=use_bias, bias_initializer=bias_initializer, bias_regularizer=bias_regularizer,
                         activity_regularizer=activity_regularizer, bias_constraint=bias_constraint, **layer)
        self.depthwise_initializer = initializers.get(depthwise_initializer)
        self.depthwise_regularizer = regularizers.get(depthwise_regularizer)
        self.depthwise_constraint = constraints.get(depthwise_constraint)
        self.depth_multiplier = check_size("depth_multiplier", depth_multiplier)

    def kernel_settings(self):
        return self.depthwise_initializer, self.depthwise_regularizer, self.depthwise_constraint

    def filters_for(self, channels):
        return channels * self.depth_multiplier

    def absorb(self, factor, offset):
        return self.absorb_into(self.kernel.reshape(*self.kernel_size, -1), factor, offset)

    def kernel_shape(self, channels):
        return (*self.kernel_size, channels, self.depth_multiplier)

    def engine_kernel_shape(self, channels):
        return (*self.kernel_size, 1, channels * self.depth_multiplier)


class Conv1D(_FullConvolution):
    """Convolution along one axis, over (batch, steps, channels): z[i] = sum over taps k of x[i s + k d] kernel[k].

    As in every neural network library this is a correlation: the kernel is not turned round.

    Parameters
    ----------
    filters : int
        Number of output channels.
    kernel_size, strides, dilation_rate : int or tuple of int
        Taps; positions between outputs (s); positions between taps (d). Strides and dilation may go together.
    padding : {"valid", "same", "causal"}
        No padding; zeros so that there are ceil(steps / strides) outputs; all zeros in front, so that no output sees
        what comes after it.
    data_format : {"channels_last", "channels_first"}, optional
        The place of the channels in input and output; last by default.
    groups : int
        Channels and filters are cut into this many groups that do not see each other.
    activation : str or mgconv.activations.Activation, optional
        By default none.
    use_bias : bool
        Whether to add a bias.
    kernel_initializer, bias_initializer : str or mgconv.initializers.Initializer
        The distributions of initial weights.
    name : str, optional
        The layer's name.

    Attributes
    ----------
    kernel : ndarray
        (taps, channels / groups, filters)
    bias : ndarray or None
        (filters,)

    Raises
    ------
    ValueError, TypeError
        If a parameter is out of range or of another type; when the layer is built, if the input does not fit.

    Examples
    --------
    >>> from mgconv import layers
    >>> layers.Conv1D(16, 5, padding="causal", dilation_rate=2).compute_output_shape((None, 100, 3))
    (None, 100, 16)
    """

    rank = 1


class Conv2D(_FullConvolution):
    """Convolution along two axes, over (batch, rows, cols, channels).

    The parameters are those of `Conv1D`, with one number for both spatial axes or a pair, and without "causal" padding.

    Attributes
    ----------
    kernel : ndarray
        (tap rows, tap cols, channels / groups, filters)
    bias : ndarray or None
        (filters,)

    Examples
    --------
    >>> from mgconv import layers
    >>> layers.Conv2D(32, (3, 5), strides=2, padding="same").compute_output_shape((None, 28, 28, 1))
    (None, 14, 14, 32)
    """

    rank = 2


class DepthwiseConv1D(_DepthwiseConvolution):
    """Convolution of every channel by itself, over (batch, steps, channels).

    Parameters
    ----------
    depth_multiplier : int
        Filters for each channel: output channel c * depth_multiplier + m is channel c through its filter m.
    depthwise_initializer : str or mgconv.initializers.Initializer
        The distribution of the initial kernel.

    The other parameters are those of `Conv1D`.

    Attributes
    ----------
    kernel : ndarray
        (taps, channels, depth_multiplier)
    bias : ndarray or None
        (channels * depth_multiplier,)

    Examples
    --------
    >>> from mgconv import layers
    >>> layers.DepthwiseConv1D(7, padding="same", depth_multiplier=2).compute_output_shape((None, 100, 3))
    (None, 100, 6)
    """

    rank = 1


class DepthwiseConv2D(_DepthwiseConvolution):
    """Convolution of every channel by itself, over (batch, rows, cols, channels).

    The parameters are those of `DepthwiseConv1D`, with one number for both spatial axes or a pair.

    Attributes
    ----------
    kernel : ndarray
        (tap rows, tap cols, channels, depth_multiplier)
    bias : ndarray or None
        (channels * depth_multiplier,)
    """

    rank = 2
