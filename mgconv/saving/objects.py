"""What Keras's JSON describes, as objects of mgconv. No code of a file runs, nothing that it names is imported."""
from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

from mgconv._support.registry import constructor_parameters

ROOMS = ("layers", "initializers", "regularizers", "constraints", "optimizers", "optimizers.schedules", "losses",
         "metrics", "activations")
MODELS = ("Sequential", "Functional", "Model")
# Keys of Keras without a counterpart here: whatever they say, results are the same.
IGNORED = {"jit_compile", "is_legacy_optimizer", "autocast",
           "shared_object_id", "sparse", "ragged", "optional", "batch_input_shape", "_using_default_loss"}
FORMER = {"LeakyReLU": {"alpha": "negative_slope"}}
_ABSENT = object()


def class_of(config: Mapping[str, Any]) -> Any:
    """The class of mgconv that `config` names, or None."""
    wanted, name = str(config.get("module") or ""), config["class_name"]
    for room in sorted(ROOMS, key=lambda room: room.rpartition(".")[2] not in wanted):     # the one that it says first
        registry = importlib.import_module(f"mgconv.{room}").registry
        if name in registry:
            entry = registry.find(name)
            return entry if isinstance(entry, type) else type(entry)
    return None


class Reader:
    """Turns descriptions into what mgconv's constructors take.

    Parameters
    ----------
    custom : mapping of str to class or function
        What descriptions may mean beside mgconv's own.
    """

    def __init__(self, custom: Mapping[str, Any]) -> None:
        self.custom = custom

    def model(self, config: Any) -> Any:
        """The model, with weights that wait for values; ValueError if it is none, or no chain of layers."""
        if not isinstance(config, dict) or config.get("class_name") not in MODELS:
            name = config.get("class_name") if isinstance(config, dict) else config
            raise ValueError(f"a model must be {' or '.join(MODELS)} of layers one on top of the other. "
                             f"Received: {str(name)[:80]!r}.")
        from mgconv.models.sequential import Sequential
        settings = config["config"]
        layers = settings["layers"] if isinstance(settings, dict) else settings       # so in the first files of Keras
        settings = settings if isinstance(settings, dict) else {}
        if config["class_name"] != "Sequential":
            from mgconv.saving.functional import chain_of
            layers = chain_of(settings)
        made = [self.read(layer) for layer in _with_input(layers)]
        model = Sequential(made, settings.get("name"), bool(settings.get("trainable", True)))
        shape = settings.get("build_input_shape") or (config.get("build_config") or {}).get("input_shape")
        if not model.built and shape is not None and model.layers:
            model.build(shape)
        return model

    def read(self, value: Any) -> Any:
        """Whatever `value` describes."""
        if isinstance(value, list):
            return [self.read(entry) for entry in value]
        if not isinstance(value, dict):
            return value
        if "class_name" in value:
            return self._object(value)
        return {key: self.read(entry) for key, entry in value.items()}

    def _object(self, config):
        name, settings = config["class_name"], config.get("config", {})
        if not isinstance(name, str):
            raise ValueError(f"a class must have a name. Received: {name!r}.")
        found = self.custom.get(config.get("registered_name") or name, self.custom.get(name, _ABSENT))
        if name == "function":
            return self._function(config)
        if found is not _ABSENT:
            return found.from_config(self.read(settings)) if hasattr(found, "from_config") else found
        if name in ("DTypePolicy", "Policy"):
            return settings["name"]
        if name in ("__numpy__", "__tensor__", "__tuple__", "TensorShape"):
            return self.read(settings["value"] if settings else config.get("items"))
        if name == "SeedGenerator":
            return settings.get("seed")
        if name in ("__lambda__", "Lambda") or "__lambda__" in str(settings)[:1000]:
            raise ValueError("the file holds the code of a function, which is not run: give a class that does the same "
                             "by custom_objects={'Lambda': ...}.")
        if name in MODELS:
            return self.model(config)
        if not isinstance(settings, dict):
            raise ValueError(f"the settings of {name} must be a dict. Received: {str(settings)[:80]}.")
        cls = class_of(config)
        if cls is None:
            raise ValueError(f"there is no {name} here: give the class by custom_objects={{{name!r}: ...}}.")
        return self._made(cls, name, settings, str(config.get("module") or ""))

    def _made(self, cls, name, settings, module):
        known, given = constructor_parameters(cls), {}
        for key, entry in settings.items():
            key = FORMER.get(name, {}).get(key, key)
            if key == "activation" and isinstance(entry, dict) and "class_name" in entry:
                entry = entry | {"module": "activations"}         # Keras writes a layer
            if key in known:
                given[key] = self.read(entry)
            elif key not in IGNORED and entry not in (None, False, 0):
                if key == "name" or (key in ("trainable", "dtype") and ".activations" in cls.__module__):
                    continue
                raise ValueError(f"{name} has no {key} here. Received: {key}={str(entry)[:80]}.")
        if given.get("reduction") == "auto":
            given["reduction"] = "sum_over_batch_size"
        if "normalization" in cls.__module__ and isinstance(given.get("axis"), list) and len(given["axis"]) == 1:
            given["axis"] = given["axis"][0]
        return cls.from_config(given)

    def _function(self, config):
        name = config.get("config")
        if name in self.custom:
            return self.custom[name]
        if isinstance(name, str) and str(config.get("module")).partition(".")[0] in ("keras", "activations"):
            return name
        raise ValueError(f"there is no function {str(name)[:80]!r} here: give it by custom_objects={{{name!r}: ...}}.")


def _with_input(layers):
    """Descriptions of layers; an old file has the input's shape in that of the first."""
    if not isinstance(layers, list) or not all(isinstance(layer, dict) for layer in layers):
        raise ValueError(f"the layers must be a list of descriptions. Received: {str(layers)[:80]}.")
    first = layers[0].get("config", {}) if layers else {}
    if layers and layers[0].get("class_name") == "InputLayer":
        shape = first.get("batch_shape", first.get("batch_input_shape"))
        return [{"class_name": "InputLayer", "config": {"batch_shape": shape, "dtype": first.get("dtype"),
                                                        "name": first.get("name")}}, *layers[1:]]
    if isinstance(first, dict) and first.get("batch_input_shape"):
        return [{"class_name": "InputLayer", "config": {"batch_shape": first["batch_input_shape"],
                                                        "dtype": first.get("dtype")}}, *layers]
    return layers
