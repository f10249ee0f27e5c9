"""Every registered class of every kind, to its configuration and back: as it is, and in the JSON that Keras writes."""
import importlib
import json

import numpy as np
import pytest
from every_class import OF_FUNCTIONS, needed, registered

from mgconv._support.registry import constructor_parameters, to_config

KINDS = ("activations", "callbacks", "constraints", "initializers", "layers", "losses", "metrics", "optimizers",
         "optimizers.schedules", "regularizers")
ROOMS = {kind: importlib.import_module(f"mgconv.{kind}") for kind in KINDS}

def has_registry(kind):
    return hasattr(ROOMS[kind], "registry")


EVERY = [(kind, cls) for kind in KINDS if has_registry(kind) for cls in registered(ROOMS[kind]).values()]
every = pytest.mark.parametrize(("kind", "cls"), EVERY, ids=[f"{kind} {cls.__name__}" for kind, cls in EVERY])


def as_keras_writes(value):
    """The configuration of an object, and all within it, with the four keys that Keras's serialization writes."""
    if isinstance(value, dict):
        value = {key: as_keras_writes(entry) for key, entry in value.items()}
        return value | {"registered_name": None} if "class_name" in value else value
    return [as_keras_writes(entry) for entry in value] if isinstance(value, list) else value


@every
def test_there_and_back(kind, cls):
    made = cls(**needed(cls))
    config = made.get_config()
    again = cls.from_config(config)
    assert type(again) is cls
    assert again.get_config() == config


@every
def test_through_json_and_the_registry(kind, cls):
    made = cls(**needed(cls))
    written = as_keras_writes({"module": f"keras.{kind}", "class_name": cls.__name__,
                               "config": json.loads(json.dumps(made.get_config()))})
    again = ROOMS[kind].get(json.loads(json.dumps(written, allow_nan=False)))
    assert type(again) is cls
    assert again.get_config() == made.get_config()


@every
def test_every_argument_is_kept_under_its_name(kind, cls):
    made = cls(**needed(cls))
    for name, parameter in constructor_parameters(cls).items():
        if parameter.kind is not parameter.VAR_KEYWORD and name not in ("layers", "batch_shape"):
            assert hasattr(made, name), name


@every
def test_by_class_and_by_all_names(kind, cls):
    room = ROOMS[kind]
    for name, entry in room.registry.named.items():
        if entry is cls:
            for spelling in (name, name.upper(), cls.__name__):
                assert room.registry.find(spelling) is cls
    if not needed(cls):
        assert type(room.get(cls)) is cls
        assert type(room.registry.get(cls.__name__)) is cls


@pytest.mark.parametrize("kind", [kind for kind in KINDS if has_registry(kind)])
def test_every_public_class_is_registered(kind):
    """All that a room shows and that can be configured, but for bases, is found by name."""
    room, base = ROOMS[kind], ROOMS[kind].registry.base
    public = {name for name in getattr(room, "__all__", vars(room)) if name[0] != "_"}
    shown = {name: value for name in public if isinstance(value := getattr(room, name), type)
             and issubclass(value, base) and value.__name__ not in OF_FUNCTIONS}
    abstract = {base.__name__, "BaseOptimizer", "Optimizer", "SecondOrder", "FullBatchOptimizer", "MonitorCallback",
                "Callback", "CallbackList", "Composite"}
    assert {value.__name__ for value in shown.values()} - abstract <= set(registered(room))


@pytest.mark.parametrize("kind", [kind for kind in KINDS if has_registry(kind)])
def test_an_unknown_name_gets_the_nearest_first(kind):
    registry = ROOMS[kind].registry
    name = max(registry.named, key=len)
    with pytest.raises(ValueError, match=f"must be one of {name}, .*Received: '{name[:-2]}'"):
        registry.get(name[:-2])


@pytest.mark.parametrize("kind", [kind for kind in KINDS if has_registry(kind)])
@pytest.mark.parametrize("bad", [3, {"class_name": 3}, {"config": {}}, {"class_name": "Dense", "config": 3}, [],
                                 object()])
def test_what_is_none_is_a_type_error(kind, bad):
    with pytest.raises(TypeError, match=f"the (configuration of a )?.*{ROOMS[kind].registry.kind}"):
        ROOMS[kind].get(bad)


@every
def test_an_argument_that_there_is_not_names_the_class_and_the_nearest(kind, cls):
    with pytest.raises(TypeError, match=f"{cls.__name__}: .*'not_there'"):
        cls(**needed(cls), not_there=1)


def test_a_class_of_ones_own_is_found_as_itself():
    class Mine(ROOMS["losses"].Loss):
        def terms(self, y_true, y_pred, grad):
            return np.zeros_like(y_pred)
    assert isinstance(ROOMS["losses"].get(Mine), Mine)
    assert to_config(Mine())["class_name"] == "Mine"
