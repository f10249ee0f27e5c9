"""One way in: classes found by name, alias or configuration, and configurations that follow from constructors.

A `Configurable` keeps every argument of its constructor as an attribute of the same name. So `get_config` reads the
signature, `from_config` calls the constructor, and no class writes either. Its metaclass holds the arguments against
the signature before anything is made: a misspelt one is refused in the name of the class that the user wrote.

A `Registry` is a table of the classes of one kind (losses, layers, ...) by their names; capitals and underscores do not
count, so that "MeanSquaredError" and "mean_squared_error" are one name.
"""
from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable
from functools import cache, wraps
from typing import Any

FORMER = {"lr": "`learning_rate`", "input_shape": "an `Input` as the model's first entry",
          "input_dim": "an `Input` as the model's first entry", "batch_input_shape": "an `Input` with `batch_size`",
          "decay": "a schedule as `learning_rate`", "nb_epoch": "`epochs`", "weights": "`set_weights`",
          "nb_filter": "`filters`", "subsample": "`strides`", "border_mode": "`padding`", "output_dim": "`units`",
          "show_accuracy": "`metrics` of `compile`", "samples_per_epoch": "`steps_per_epoch`",
          "sample_weight_mode": "`sample_weight` of `fit`", "generator": "`x`",
          "init": "`kernel_initializer`", "W_regularizer": "`kernel_regularizer`", "momentum_": "`momentum`"}


def names_former(method):
    """A decorator: a keyword that the method does not take is answered with what took its place, or the nearest."""
    @wraps(method)
    def checked(self, *args, **kwargs):
        try:
            return method(self, *args, **kwargs)
        except TypeError:
            unknown = next((name for name in kwargs if name not in names), None)
            if unknown is None:
                raise
        hint = (f"In place of `{unknown}` there is {FORMER[unknown]}." if unknown in FORMER
                else f"The nearest name is `{nearest(unknown, names)[0]}`.")
        raise TypeError(f"`{method.__name__}` takes no argument `{unknown}`. {hint}")
    code = method.__code__
    names = frozenset(code.co_varnames[1:code.co_argcount + code.co_kwonlyargcount])
    return checked


def snake_case(name: str) -> str:
    """A class's name as Keras writes it for layers, losses and metrics.

    Examples
    --------
    >>> snake_case("MaxPooling1D"), snake_case("PReLU"), snake_case("R2Score")
    ('max_pooling1d', 'p_re_lu', 'r2_score')
    """
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()


def nearest(name: str, known: Iterable[str]) -> list[str]:
    """`known` by their likeness to `name`, the most alike first."""
    from difflib import SequenceMatcher
    return sorted(known, key=lambda other: (-SequenceMatcher(None, name.lower(), other.lower()).ratio(), other))


@cache
def constructor_parameters(cls):
    """The parameters of the constructor by name; `**kwargs` stand for those of the base class's constructor."""
    import inspect
    found: dict[str, inspect.Parameter] = {}
    for depth, base in enumerate(base for base in cls.__mro__[:-1] if "__init__" in vars(base)):
        takes_more = False
        for name, parameter in list(inspect.signature(base.__init__).parameters.items())[1:]:
            if parameter.kind is parameter.VAR_KEYWORD:
                takes_more = True
            elif name not in found:
                found[name] = parameter.replace(kind=parameter.KEYWORD_ONLY) if depth else parameter
        if not takes_more:
            break
    return found


@cache
def _signature(cls):
    import inspect
    parameters = constructor_parameters(cls).values()
    return inspect.Signature(sorted(parameters, key=lambda parameter: parameter.kind))


class _ChecksArguments(type):
    """Holds the arguments of a constructor against its signature, and lets no attribute be added after it."""

    @property
    def __signature__(cls):
        return _signature(cls)

    def __call__(cls, *args, **kwargs):
        try:
            _signature(cls).bind(*args, **kwargs)
        except TypeError as error:
            raise TypeError(f"{cls.__name__}: {error}.{_hint(cls, kwargs)}") from None
        made = super().__call__(*args, **kwargs)
        made.__dict__["_sealed"] = _is_ours(cls)
        return made


@cache
def _is_ours(cls):
    """Whether the class is one of this package, rather than a user's, an example's."""
    module = cls.__module__
    return module.partition(".")[0] == "mgconv" and getattr(sys.modules.get(module), cls.__name__, None) is cls


def _hint(cls, given):
    known = constructor_parameters(cls)
    for name in given:
        if name not in known:
            if name in FORMER:
                return f" In place of `{name}` there is {FORMER[name]}."
            near = nearest(name, known)
            return f" The nearest name is `{near[0]}`." if near else ""
    return ""


class Configurable(metaclass=_ChecksArguments):
    """Base of what a configuration describes. A subclass keeps each constructor argument under its own name.

    Attributes of the package's own classes are settled when they are made: what nobody would look at cannot be set.
    """

    _settled = False              # whether what the constructor was given cannot be set later

    def __setattr__(self, name, value):
        if self.__dict__.get("_sealed") and not name.startswith("_"):
            self._check_attribute(name)
        super().__setattr__(name, value)

    def _check_attribute(self, name):
        kind, given = type(self).__name__, constructor_parameters(type(self))
        if getattr(getattr(type(self), name, None), "fset", None) is not None:        # a property that can be set
            return
        if name in given and self._settled:
            raise AttributeError(f"`{name}` of {kind} is settled when it is made: make another.")
        if name not in given and not hasattr(self, name):
            known = [key for key in (*self.__dict__, *dir(type(self))) if not key.startswith("_")]
            raise AttributeError(f"{kind} has no attribute `{name}` to set. The nearest name is "
                                 f"`{nearest(name, known)[0]}`.")

    def _short_config(self):
        """A name that stands for the object in configurations, or None."""
        return None

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments by name, made of what JSON holds."""
        return {name: to_config(getattr(self, name)) for name in constructor_parameters(type(self))}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """An object made anew from what `get_config` gave, or Keras's: None under an unknown name is what others leave
        out."""
        known = constructor_parameters(cls)
        return cls(**{name: value for name, value in config.items() if name in known or value is not None})


def to_config(value: Any) -> Any:
    """`value` as JSON has it: a configurable object becomes a dict of its class's name and its configuration."""
    if isinstance(value, Configurable):
        short = value._short_config()
        if short is not None:
            return short
        return {"module": _room(type(value)), "class_name": type(value).__name__, "config": value.get_config()}
    if isinstance(value, dict):
        return {key: to_config(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(to_config(entry) for entry in value)
    if hasattr(value, "tolist"):              # NumPy's arrays and numbers
        return value.tolist()
    return value


class Registry:
    """The classes of one kind by name.

    Parameters
    ----------
    kind : str
        For messages: "loss".
    base : type
        What all of them are instances of.
    """

    def __init__(self, kind: str, base: type[Configurable]) -> None:
        self.kind: str = kind
        self.base: Any = base
        self.named: dict[str, Any] = {}       # as written in messages, to a class or an instance
        self._by_key: dict[str, Any] = {}

    def add(self, entry: Any, *aliases: str, name: str | None = None) -> Any:
        """Know a class, or an instance under `name`, also by `aliases`. Returns it, so that it decorates a class."""
        for alias in (name or snake_case(entry.__name__), *aliases):
            self.named[alias] = entry
            self._by_key[_key(alias)] = entry
        if isinstance(entry, type):
            self._by_key[_key(entry.__name__)] = entry
        return entry

    def known_as(self, *aliases: str) -> Callable[[Any], Any]:
        """A decorator of a class that has `aliases` beside its own name."""
        return lambda entry: self.add(entry, *aliases)

    def find(self, name: str) -> Any:
        """The entry called `name`.

        Raises
        ------
        ValueError
            If there is none; the message lists the known ones, the nearest first.
        """
        entry = self._by_key.get(_key(name))
        if entry is None:
            first = nearest(name, self.named)[0]
            others = sorted(other for other in self.named if other != first)
            raise ValueError(f"the {self.kind} must be one of {', '.join((first, *others))}. Received: {name!r}.")
        return entry

    def __contains__(self, name: str) -> bool:
        return _key(name) in self._by_key

    def get(self, identifier: Any) -> Any:
        """What a name, an alias, a class, a configuration or an instance means; classes are made with their defaults.

        Raises
        ------
        ValueError
            For an unknown name.
        TypeError
            For anything else, or arguments in a configuration that the class does not take.
        """
        if isinstance(identifier, str):
            identifier = self.find(identifier)
        elif isinstance(identifier, dict):
            identifier = self.from_config(identifier)
        if isinstance(identifier, type) and issubclass(identifier, self.base):
            identifier = identifier()
        if not isinstance(identifier, self.base):
            raise TypeError(f"the {self.kind} must be a name or a {_room(self.base)}.{self.base.__name__}. "
                            f"Received: {identifier!r}.")
        return identifier

    def from_config(self, config: dict[str, Any]) -> Any:
        """The object that a dict with "class_name" and "config" describes, as `to_config` and Keras write it."""
        if not isinstance(config.get("class_name"), str) or not isinstance(config.get("config", {}), dict):
            raise TypeError(f'the configuration of a {self.kind} must be a dict with "class_name" and "config". '
                            f"Received: {config!r}.")
        entry: Any = self.find(config["class_name"])
        settings = config.get("config", {})
        if not isinstance(entry, type) and settings in ({}, entry.get_config()):
            return entry
        made: Any = entry if isinstance(entry, type) else type(entry)
        return made.from_config(settings)


def _room(cls):
    """The public module of a class: that of the package whose file it stands in."""
    return ".".join(cls.__module__.split(".")[:2])


def _key(name):
    return name.replace("_", "").replace(" ", "").lower()
