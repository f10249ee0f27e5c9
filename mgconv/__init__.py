"""Fast convolution, back-propagation and delay equations on a CPU, with a Keras-like `Sequential`.

Every public name resolves at its first use, so that `import mgconv` stays a matter of milliseconds.
"""
import importlib

from mgconv.config import get_num_threads, set_num_threads, set_random_seed, show_config

__version__ = "0.1.0"

_SUBMODULES = {"activations", "callbacks", "constraints", "datasets", "dde", "forecast", "geometry", "initializers",
               "layers", "losses", "metrics", "models", "onnx", "ops", "optimizers", "plot", "regularizers", "saving",
               "signal", "utils"}
_ATTRIBUTES = {"Input": "mgconv.models.sequential", "Sequential": "mgconv.models.sequential",
               "load_model": "mgconv.saving"}

__all__ = ["__version__", "get_num_threads", "set_num_threads", "set_random_seed", "show_config",
           *sorted(_SUBMODULES), *sorted(_ATTRIBUTES)]


def __getattr__(name):
    if name in _SUBMODULES:
        return importlib.import_module(f"mgconv.{name}")
    if name in _ATTRIBUTES:
        value = getattr(importlib.import_module(_ATTRIBUTES[name]), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'mgconv' has no attribute {name!r}")


def __dir__():
    return __all__
