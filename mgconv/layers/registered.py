"""The table of all layers by name; `get` finds one by class, name, configuration or as it is."""
from mgconv._support.registry import Registry
from mgconv.layers.base import Layer

registry = Registry("layer", Layer)
get = registry.get
