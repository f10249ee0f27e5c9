"""Separable convolution: every channel by itself, then a mixture of the channels at each position."""
from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray

from mgconv import constraints, initializers, regularizers
from mgconv._support.checks import check_size
from mgconv._support.memory import aligned_empty
from mgconv.geometry import conv_geometry
from mgconv.layers.conv import Convolution
from mgconv.native.conv import ConvPlan


class _SeparableConvolution(Convolution):
    depthwise_kernel: NDArray[Any]
    pointwise_kernel: NDArray[Any]

    def __init__(self, filters: int, kernel_size: int | Sequence[int], strides: int | Sequence[int] = 1,
                 padding: str = "valid", data_format: str | None = None, dilation_rate: int | Sequence[int] = 1,
                 depth_multiplier: int = 1, activation: Any = None, use_bias: bool = True,
                 depthwise_initializer: Any = "glorot_uniform", pointwise_initializer: Any = "glorot_uniform",
                 bias_initializer: Any = "zeros", depthwise_regularizer: Any = None, pointwise_regularizer: Any = None,
                 bias_regularizer: Any = None, activity_regularizer: Any = None, depthwise_constraint: Any = None,
                 pointwise_constraint: Any = None, bias_constraint: Any = None, **layer: Any) -> None:
        super().__init__(kernel_size, strides, padding, data_format, dilation_rate, activation=activation,
                         use_bias=use_bias, bias_initializer=bias_initializer, bias_regularizer=bias_regularizer,
                         activity_regularizer=activity_regularizer, bias_constraint=bias_constraint, **layer)
        self.filters = check_size("filters", filters)
        self.depth_multiplier = check_size("depth_multiplier", depth_multiplier)
        self.depthwise_initializer = initializers.get(depthwise_initializer)
        self.depthwise_regularizer = regularizers.get(depthwise_regularizer)
        self.depthwise_constraint = constraints.get(depthwise_constraint)
        self.pointwise_initializer = initializers.get(pointwise_initializer)
        self.pointwise_regularizer = regularizers.get(pointwise_regularizer)
        self.pointwise_constraint = constraints.get(pointwise_constraint)

    def filters_for(self, channels):
        return self.filters

    def absorb(self, factor, offset):
        return self.absorb_into(self.pointwise_kernel, factor, offset)

    def add_kernels(self, channels):
        hidden = channels * self.depth_multiplier
        self.add_weight("depthwise_kernel", (*self.kernel_size, channels, self.depth_multiplier),
                        self.depthwise_initializer, regularizer=self.depthwise_regularizer,
                        constraint=self.depthwise_constraint)
        self.add_weight("pointwise_kernel", (*(1,) * self.rank, hidden, self.filters), self.pointwise_initializer,
                        regularizer=self.pointwise_regularizer, constraint=self.pointwise_constraint)

    def engine_kernel_shape(self, channels):
        return (*self.kernel_size, 1, channels * self.depth_multiplier)

    def _output_shape(self, geometry, shape):
        return (*geometry.output_shape[:-1], self.filters)

    def prepare(self, x):
        geometry = self.geometry(x.shape)
        depthwise = ConvPlan(geometry, x.dtype)
        pointwise = ConvPlan(conv_geometry(geometry.output_shape, self.pointwise_kernel.shape), x.dtype)
        return pointwise.output_shape, (depthwise, pointwise, aligned_empty(geometry.output_shape, x.dtype))

    def forward_calls(self, work, x, z, fused):
        depthwise, pointwise, hidden = work
        return [self.plain_call(depthwise, x, self.depthwise_kernel.reshape(depthwise.kernel_shape), None, hidden),
                self.plain_call(pointwise, hidden, self.pointwise_kernel, self.bias, z, fused)]

    def backward_calls(self, work, x, dy, dx):
        depthwise, pointwise, hidden = work
        gradients, calls = self.gradients, []
        if "pointwise_kernel" in gradients:
            calls.append(pointwise.bind("grad_kernel", hidden, dy, gradients["pointwise_kernel"]))
        if dx is None and "depthwise_kernel" not in gradients:
            return calls
        dhidden = aligned_empty(hidden.shape, hidden.dtype)
        calls.append(pointwise.bind("grad_input", dy, self.pointwise_kernel, dhidden))
        if "depthwise_kernel" in gradients:
            calls.append(depthwise.bind("grad_kernel", x, dhidden,
                                        gradients["depthwise_kernel"].reshape(depthwise.kernel_shape)))
        if dx is not None:
            calls.append(depthwise.bind("grad_input", dhidden,
                                        self.depthwise_kernel.reshape(depthwise.kernel_shape), dx))
        return calls


class SeparableConv1D(_SeparableConvolution):
    """Convolution of every channel by itself, then a mixture of all at each step, over (batch, steps, channels).

    Chollet, "Xception", 2017. It takes far fewer weights and operations than `Conv1D` where there are many channels.

    Parameters
    ----------
    filters : int
        Number of output channels.
    kernel_size, strides, dilation_rate : int or tuple of int
        Of the first part, as in `Conv1D`.
    padding : {"valid", "same", "causal"}
        Likewise.
    data_format : {"channels_last", "channels_first"}, optional
        The place of the channels in input and output; last by default.
    depth_multiplier : int
        Filters for each channel in the first part.
    activation : str or mgconv.activations.Activation, optional
        Of the result; by default none.
    use_bias : bool
        Whether to add a bias to the result.
    depthwise_initializer, pointwise_initializer, bias_initializer : str or mgconv.initializers.Initializer
        The distributions of initial weights.
    name : str, optional
        The layer's name.

    Attributes
    ----------
    depthwise_kernel : ndarray
        (taps, channels, depth_multiplier)
    pointwise_kernel : ndarray
        (1, channels * depth_multiplier, filters)
    bias : ndarray or None
        (filters,)

    Raises
    ------
    ValueError, TypeError
        If a parameter is out of range or of another type; when the layer is built, if the input does not fit.

    Examples
    --------
    >>> from mgconv import layers
    >>> layer = layers.SeparableConv1D(16, 5, padding="causal")
    >>> layer.build((None, 100, 8))
    >>> layer.output_shape, layer.count_params()
    ((None, 100, 16), 184)
    """

    rank = 1


class SeparableConv2D(_SeparableConvolution):
    """Convolution of every channel by itself, then a mixture of all at each place, over (batch, rows, cols, channels).

    The parameters are those of `SeparableConv1D`, with one number for both spatial axes or a pair, and without "causal"
    padding.

    Attributes
    ----------
    depthwise_kernel : ndarray
        (tap rows, tap cols, channels, depth_multiplier)
    pointwise_kernel : ndarray
        (1, 1, channels * depth_multiplier, filters)
    bias : ndarray or None
        (filters,)
    """

    rank = 2
