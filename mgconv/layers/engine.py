"""What the layers share whose work is a convolution of the engine, a bias and an activation."""
import copy
from functools import partial
from typing import Any

from numpy.typing import NDArray

from mgconv import activations, constraints, initializers, regularizers
from mgconv._support.memory import aligned_empty
from mgconv.layers.activation import activation_call, activation_grad
from mgconv.layers.base import Layer
from mgconv.layers.binding import Bound
from mgconv.layers.spatial import channels_last_edge, channels_last_shape
from mgconv.native.conv import ConvPlan


class EngineLayer(Layer):
    """A layer whose work is activation(conv(x, kernel) + bias). Shapes in its methods are channels last.

    Parameters
    ----------
    activation : str or mgconv.activations.Activation, optional
        By default none.
    use_bias : bool
        Whether to add a bias.
    bias_initializer, bias_regularizer, bias_constraint : optional
        Of the bias: what it holds at first, what it adds to the loss, and what is applied after each step; names or
        objects of mgconv.initializers, regularizers and constraints.
    """

    data_format = "channels_last"
    fuses = True              # whether the engine can apply an activation while it stores its results
    kernel: NDArray[Any]
    bias: NDArray[Any] | None
    kernel_initializer: Any
    kernel_regularizer: Any
    kernel_constraint: Any

    def __init__(self, *, activation: Any = None, use_bias: bool = True, bias_initializer: Any = "zeros",
                 bias_regularizer: Any = None, bias_constraint: Any = None, **layer: Any) -> None:
        super().__init__(**layer)
        self.activation = activation
        self.use_bias = bool(use_bias)
        self.bias_initializer = initializers.get(bias_initializer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.bias_constraint = constraints.get(bias_constraint)
        self.bias = None

    @property
    def activation(self):
        """The activation of the result; may be set."""
        return self._activation

    @activation.setter
    def activation(self, value):
        self._activation = activations.get(value)
        self.changed()

    def before_activation(self):
        if self.data_format != "channels_last":       # then it is applied along other axes than the output's
            return None
        twin = copy.copy(self)
        twin._activation = activations.linear
        return [twin], self.activation

    def kernel_shape(self, channels):
        """The kernel's shape, as Keras has it."""
        raise NotImplementedError

    def filters_for(self, channels):
        """The number of output channels."""
        raise NotImplementedError

    def geometry(self, shape):
        """The engine's geometry for an input of `shape`."""
        raise NotImplementedError

    def kernel_settings(self):
        """The kernel's initializer, regularizer and constraint."""
        return self.kernel_initializer, self.kernel_regularizer, self.kernel_constraint

    def build(self, input_shape, dtype=None):
        super().build(input_shape, dtype)
        channels = channels_last_shape(input_shape, self.data_format)[-1]
        self.add_kernels(channels)
        if self.use_bias:
            self.add_weight("bias", (self.filters_for(channels),), self.bias_initializer,
                            regularizer=self.bias_regularizer, constraint=self.bias_constraint)

    def _check_input(self, shape):
        """The weights are for some channels, and any number of places."""
        given, known = (channels_last_shape(each, self.data_format) for each in (shape, self.input_shape))
        if len(given) != len(known) or given[-1] != known[-1]:
            super()._check_input(shape)

    def add_kernels(self, channels):
        """Create the weights but for the bias."""
        initializer, regularizer, constraint = self.kernel_settings()
        self.add_weight("kernel", self.kernel_shape(channels), initializer, regularizer=regularizer,
                        constraint=constraint)

    def absorb(self, factor, offset):
        """Make the kernel and the bias those of factor (convolution + bias) + offset, with vectors (filters,). Returns
        whether the layer knows how."""
        return False

    def absorb_into(self, kernel, factor, offset):
        """`absorb` by `kernel`, a view of the layer's with its filters last."""
        kernel[...] = kernel * factor
        bias = offset if self.bias is None else self.bias * factor + offset
        vars(self)["bias"] = bias.astype(kernel.dtype)
        return True

    def bind(self, x, dx=None, training=False):
        return self._bind_at_edge(self._bind, x, dx, training)

    def bind_activated(self, function, x, dx=None, training=False):
        if function.fused is None or not self.fuses or self.activation is not activations.linear:
            return None
        return self._bind_at_edge(partial(self._bind, activation=function), x, dx, training)

    def _bind_at_edge(self, bind, x, dx, training):
        if self.data_format == "channels_first":
            return channels_last_edge(bind, x, dx, training)
        return bind(x, dx, training)

    def _bind(self, x, dx, training, activation=None):
        activation = activation or self.activation
        shape, work = self.prepare(x)
        y = aligned_empty(shape, x.dtype)
        # What the activation's derivative needs: y, unless it asks for its input.
        z = aligned_empty(shape, x.dtype) if activation.needs_input else y
        fused = activation.fused if self.fuses else None
        forward = self.forward_calls(work, x, z, fused)
        if fused is None and activation is not activations.linear:
            forward.append(activation_call(activation, z, y))
        gradients = self.gradients
        if not training or (dx is None and not gradients):
            return Bound(y, None, forward, [])

        dy = aligned_empty(shape, x.dtype)
        backward = activation_grad(activation, z, y, dy, gradients.get("bias"))
        return Bound(y, dy, forward, backward + self.backward_calls(work, x, dy, dx))

    def prepare(self, x):
        """The output's shape for the input `x`, and what the calls below need: plans, and arrays between them."""
        geometry = self.geometry(x.shape)
        return self._output_shape(geometry, x.shape), ConvPlan(geometry, x.dtype)

    def _output_shape(self, geometry, shape):
        """The output as the model sees it."""
        return geometry.output_shape

    def forward_calls(self, plan, x, z, fused):
        """The calls that fill `z` with the convolution of `x`, plus the bias, through the activation `fused`."""
        geometry = plan.geometry
        arguments = (x.reshape(geometry.input_shape), self.kernel.reshape(geometry.kernel_shape), self.bias,
                     z.reshape(geometry.output_shape), fused)
        return [self.plain_call(plan, *arguments)]

    def plain_call(self, plan, *arguments):
        """One convolution, its kernel prepared for good if the weights stay as they are."""
        return plan.freeze(*arguments) if self.constant else plan.bind("forward", *arguments)

    def backward_calls(self, plan, x, dy, dx):
        """The calls that fill the gradients of the kernels and `dx`, if there is one, from that to the sum."""
        geometry, calls = plan.geometry, []
        dy = dy.reshape(geometry.output_shape)
        if "kernel" in self.gradients:
            calls.append(plan.bind("grad_kernel", x.reshape(geometry.input_shape), dy,
                                   self.gradients["kernel"].reshape(geometry.kernel_shape)))
        if dx is not None:
            calls.append(plan.bind("grad_input", dy, self.kernel.reshape(geometry.kernel_shape),
                                   dx.reshape(geometry.input_shape)))
        return calls
