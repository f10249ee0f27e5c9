"""Transposed convolution: the convolution of the engine turned round, its gradient to the input being the output here.

mgconv/ops/transposed.py draws how the output is cut.
"""
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from mgconv import constraints, initializers, regularizers
from mgconv._support.checks import check_choice, check_size, integers
from mgconv.geometry import transposed_geometry
from mgconv.layers.conv import Convolution
from mgconv.native.conv import ConvPlan


class _TransposedConvolution(Convolution):
    fuses = False

    def __init__(self, filters: int, kernel_size: int | Sequence[int], strides: int | Sequence[int] = 1,
                 padding: str = "valid", output_padding: int | Sequence[int] | None = None,
                 data_format: str | None = None, dilation_rate: int | Sequence[int] = 1, activation: Any = None,
                 use_bias: bool = True, kernel_initializer: Any = "glorot_uniform", bias_initializer: Any = "zeros",
                 kernel_regularizer: Any = None, bias_regularizer: Any = None, activity_regularizer: Any = None,
                 kernel_constraint: Any = None, bias_constraint: Any = None, **layer: Any) -> None:
        super().__init__(kernel_size, strides, check_choice("padding", padding, ("valid", "same"), ignore_case=True),
                         data_format, dilation_rate, activation=activation, use_bias=use_bias,
                         bias_initializer=bias_initializer, bias_regularizer=bias_regularizer,
                         activity_regularizer=activity_regularizer, bias_constraint=bias_constraint, **layer)
        self.filters = check_size("filters", filters)
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        if isinstance(output_padding, int):
            output_padding = (output_padding,) * self.rank
        self.output_padding = None if output_padding is None else integers("output_padding", output_padding)
        if max(self.strides) > 1 and max(self.dilation_rate) > 1:
            raise ValueError("`strides > 1` not supported in conjunction with `dilation_rate > 1`. Received: "
                             f"strides={self.strides} and dilation_rate={self.dilation_rate}.")
        self.geometry((1, *self.kernel_size, 1))              # checks `output_padding`

    def filters_for(self, channels):
        return self.filters

    def absorb(self, factor, offset):
        return self.absorb_into(self.kernel.swapaxes(-1, -2), factor, offset)

    def kernel_shape(self, channels):
        return (*self.kernel_size, self.filters, channels)

    def geometry(self, shape):
        return transposed_geometry(shape, self.kernel_shape(shape[-1]), self.strides, self.padding,
                                   self.output_padding, self.dilation_rate)

    def _output_shape(self, geometry, shape):
        return geometry.input_shape

    def forward_calls(self, plan: ConvPlan, x, z, fused):
        calls = [plan.bind("grad_input", x, self.kernel, z)]
        if self.bias is not None:
            calls.append(partial(np.add, z, self.bias, out=z))
        return calls

    def backward_calls(self, plan, x, dy, dx):
        calls = []
        if "kernel" in self.gradients:
            calls.append(plan.bind("grad_kernel", dy, x, self.gradients["kernel"]))
        if dx is not None:
            calls.append(self.plain_call(plan, dy, self.kernel, None, dx))
        return calls


class Conv1DTranspose(_TransposedConvolution):
    """Convolution turned round, over (batch, steps, channels): x[i] adds x[i] kernel[k] to output i s + k d.

    Parameters
    ----------
    filters : int
        Number of output channels.
    kernel_size, strides, dilation_rate : int or tuple of int
        Taps; outputs between the shares of neighbouring inputs (s); outputs between taps (d). Not both s and d may
        exceed 1.
    padding : {"valid", "same"}
        All outputs that are reached, and at least steps * strides; or steps * strides of them, cut at both ends.
    output_padding : int or tuple of int, optional
        Sets the number of outputs, less than `strides` more than the least: see `mgconv.ops.conv_transpose`.
    data_format : {"channels_last", "channels_first"}, optional
        The place of the channels in input and output; last by default.
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
        (taps, filters, channels)
    bias : ndarray or None
        (filters,)

    Raises
    ------
    ValueError, TypeError
        If a parameter is out of range or of another type; when the layer is built, if the input does not fit.

    Examples
    --------
    >>> from mgconv import layers
    >>> layers.Conv1DTranspose(8, 3, strides=2, padding="same").compute_output_shape((None, 50, 3))
    (None, 100, 8)
    """

    rank = 1


class Conv2DTranspose(_TransposedConvolution):
    """Convolution turned round, over (batch, rows, cols, channels).

    The parameters are those of `Conv1DTranspose`, with one number for both spatial axes or a pair.

    Attributes
    ----------
    kernel : ndarray
        (tap rows, tap cols, filters, channels)
    bias : ndarray or None
        (filters,)

    Examples
    --------
    >>> from mgconv import layers
    >>> layers.Conv2DTranspose(8, 3, strides=(2, 1)).compute_output_shape((None, 10, 10, 3))
    (None, 21, 12, 8)
    """

    rank = 2
