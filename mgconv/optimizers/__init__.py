"""Optimizers: each step is one pass over the flat vector that holds all parameters of a model.

Names, defaults and formulas are Keras 3's.
"""
from typing import Any

from mgconv._support.registry import Registry
from mgconv.optimizers import schedules
from mgconv.optimizers.base import Optimizer
from mgconv.optimizers.first_order import SGD, Adam, AdamW, RMSprop
from mgconv.optimizers.state import BaseOptimizer

__all__ = ["SGD", "Adam", "AdamW", "BaseOptimizer", "Optimizer", "RMSprop", "get", "schedules"]

_kinds: tuple[Any, ...] = (SGD, RMSprop, Adam, AdamW)
registry = Registry("optimizer", BaseOptimizer)
for _class in _kinds:
    registry.add(_class, name=_class.__name__.lower())
get = registry.get
