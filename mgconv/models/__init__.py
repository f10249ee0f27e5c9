"""Models: `Sequential` holds layers and weights, `Training` what `compile` adds; see also mgconv.layers.binding."""
from mgconv.models.sequential import Input, Sequential

__all__ = ["Input", "Sequential"]
