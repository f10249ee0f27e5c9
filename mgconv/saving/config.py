"""Models as the JSON that Keras 3 reads, every release from 3.0.5 on.

Keras takes a configuration as arguments of a constructor and refuses unknown ones, so a key that a release added
shuts out those before it. What is None by default is therefore left out.
"""
from __future__ import annotations

import json
import warnings
from typing import Any

from mgconv._support.registry import Configurable, constructor_parameters
from mgconv.layers.composite import Composite
from mgconv.layers.input import InputLayer
from mgconv.optimizers import schedules

# What is ours alone, or means something else in Keras.
OURS = {"Residual", "Concatenate", "FunctionLoss", "MeanLoss", "LBFGS", "LevenbergMarquardt"}
# Activations that are layers in Keras, and may stand for one with arguments.
LAYERS = {"ReLU": ("negative_slope", "max_value", "threshold"), "LeakyReLU": ("negative_slope",), "ELU": ("alpha",),
          "Softmax": ("axis",)}


def model_json(model: Any, compiled: bool = True) -> dict[str, Any]:
    """`model` as it stands in config.json; says in a warning what Keras will not take."""
    described, foreign = _layer(model), sorted(set(_foreign(model)))
    if compiled and model._training is not None:
        described["compile_config"] = compile_json(model._training)
        text = json.dumps(described["compile_config"])
        foreign += sorted(name for name in OURS if f'"{name}"' in text)
    if foreign:
        warnings.warn(f"Keras will refuse this file, mgconv will not: Keras has no {', '.join(foreign)}.", UserWarning,
                      stacklevel=4)
    return described


def compile_json(training: Any) -> dict[str, Any]:
    """What `compile` was given."""
    plain, weighted = training.wanted
    return {"optimizer": _described(training.optimizer), "loss": _described(training.loss),
            "loss_weights": None if training.factor == 1 else training.factor, "metrics": _metrics(plain),
            "weighted_metrics": _metrics(weighted), "run_eagerly": False,
            "steps_per_execution": 1, "jit_compile": False}


def _metrics(wanted):
    return [_described(metric) for metric in wanted] if wanted else None


def _layer(layer):
    config = _described(layer)
    if layer.trainable or not layer.weights:          # some layers without weights do not take it in Keras
        config["config"].pop("trainable", None)
    if not isinstance(layer, InputLayer) and layer.input_shape is not None:
        config["build_config"] = {"input_shape": list(layer.input_shape)}
    return config


def _described(value):
    """An object as Keras describes it; names stay what they are."""
    if value is None or isinstance(value, str):
        return value
    if not isinstance(value, Configurable):
        return _plain(value)
    config = value.get_config()
    if isinstance(value, Composite):
        config = {key: entry for key, entry in config.items() if key != "layers"} | _inner(value)
    kind = type(value)
    return _entry(kind.__module__, kind.__name__, config, constructor_parameters(kind))


def _inner(value):
    if value.stacked:
        inputs = [] if value._input is None else [value._input]
        return {"layers": [_layer(layer) for layer in (*inputs, *value.layers)]}
    return {key: entry for key, entry in value.get_config().items() if key == "layers"}


def _entry(module, name, config, parameters=None):
    parameters = parameters or {}
    kept = {key: _plain(entry) for key, entry in config.items()
            if entry is not None or key not in parameters or parameters[key].default is not None}
    if not (config.get("renorm") or config.get("synchronized")):
        kept = {key: entry for key, entry in kept.items() if key not in LATER}
    package, _, room = module.partition(".")
    room = room.partition(".")[0]
    if package != "mgconv":
        return {"module": module, "class_name": name, "config": kept, "registered_name": f"Custom>{name}"}
    if room == "activations":
        return _activation(name, config)
    if room == "models":
        module = "keras"
    elif name in OURS:
        return {"module": f"mgconv.{room}", "class_name": name, "config": kept, "registered_name": f"mgconv>{name}"}
    else:
        module = f"keras.{'optimizers.schedules' if name in _SCHEDULES else room}"
    return {"module": module, "class_name": name, "config": kept, "registered_name": None}


def _plain(value):
    """Configurations within a configuration, as Keras describes them."""
    if isinstance(value, dict) and "registered_name" in value:             # done
        return value
    if isinstance(value, dict) and isinstance(value.get("class_name"), str):
        from mgconv.saving.objects import class_of
        cls = class_of(value)
        return _entry(value["module"], value["class_name"], value["config"],
                      None if cls is None else constructor_parameters(cls))
    if isinstance(value, dict):
        return {key: _plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(entry) for entry in value]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    name = getattr(value, "__name__", "")
    if not name.isidentifier() or isinstance(value, type):
        raise ValueError("only functions with a name and objects with a configuration can be saved. "
                         f"Received: {value!r}.")
    # By its name alone: whoever loads the file says what it means.
    return {"module": "builtins", "class_name": "function", "config": name, "registered_name": "function"}


def _activation(name, config):
    if name in LAYERS and all(config[key] is None or key in LAYERS[name] for key in config):
        return {"module": "keras.layers", "class_name": name, "config": config, "registered_name": None}
    return {"module": "mgconv.activations", "class_name": name, "config": config, "registered_name": f"mgconv>{name}"}


# Of BatchNormalization, and of newer releases than 3.0: written where they mean something.
LATER = {"renorm", "renorm_clipping", "renorm_momentum", "synchronized"}
_SCHEDULES = {cls.__name__ for cls in schedules.registry.named.values()}


def _foreign(model):
    """What of a model Keras does not have, or refuses."""
    for layer in model.flattened():
        name = type(layer).__name__
        if type(layer).__module__.partition(".")[0] == "mgconv":
            if name in OURS:
                yield f"layer {name}"
            if getattr(layer, "renorm", False):
                yield f"{name} with renorm before 3.14"
            strides, dilation = getattr(layer, "strides", None), getattr(layer, "dilation_rate", None)
            if strides and dilation and max(strides) > 1 and max(dilation) > 1:
                yield f"{name} with strides and dilation both above 1"
        activation = getattr(layer, "activation", None)
        if isinstance(activation, Configurable) and activation._short_config() is None:
            before = " before 3.14" if type(activation).__name__ in LAYERS else ""
            yield f"activation {type(activation).__name__} with arguments{before}"
