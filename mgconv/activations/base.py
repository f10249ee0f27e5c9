"""The base of all activations, and their table of names."""
import numpy as np

from mgconv._support.registry import Configurable, Registry


class Activation(Configurable):
    """Base of all: `forward` and `backward` side by side. A subclass of one's own works like any other.

    Attributes
    ----------
    needs_input : bool
        Whether `backward` is given x; otherwise y.
    fused : str or None
        The name by which the convolution engine applies the function while it stores its results.
    """

    needs_input = False
    fused: str | None = None

    def __call__(self, x, *settings, **named_settings):
        """The function of an array of any shape, as a fresh array; integers become float32.

        Further arguments are those of the class: ``activations.relu(x, max_value=6)``.
        """
        if settings or named_settings:
            return type(self)(*settings, **named_settings)(x)
        x = np.asarray(x)
        if x.dtype not in (np.float32, np.float64):
            x = x.astype(np.float32)
        y = np.empty_like(x)
        self.forward(x, y)
        return y

    def __reduce_ex__(self, protocol):
        """Copies and pickles of this package's activations are the same objects: layers and their kernels know them."""
        return self._short_config() or super().__reduce_ex__(protocol)

    def _short_config(self):
        return next((name for name, known in registry.named.items() if known is self), None)

    def forward(self, x, y):
        """Write the function of `x` to `y`, an array of the same shape and dtype, which may be `x` itself."""
        raise NotImplementedError(f"{type(self).__name__} must define forward(x, y).")

    def backward(self, source, dy):
        """Turn `dy`, the gradient to y, into the gradient to x, in place; `source` is y (or x: see `needs_input`)."""
        raise NotImplementedError(f"{type(self).__name__} must define backward(source, dy).")


registry = Registry("activation", Activation)


def get(identifier):
    """The activation that a name, a configuration, an `Activation` or None (linear) means.

    Raises
    ------
    ValueError
        For an unknown name; the message lists the known ones.
    TypeError
        For anything else: a plain function has no derivative to train with.
    """
    return registry.get("linear" if identifier is None else identifier)
