"""Optimizers: each step is one pass over the flat vector that holds all parameters of a model.

Names, defaults and formulas are Keras 3's.
"""
from typing import Any

from mgconv._support.registry import Registry
from mgconv.optimizers import schedules
from mgconv.optimizers.base import Optimizer
from mgconv.optimizers.first_order import SGD, Adadelta, Adagrad, Adam, Adamax, AdamW, Ftrl, Lion, Nadam, RMSprop
from mgconv.optimizers.state import BaseOptimizer

__all__ = ["SGD", "Adadelta", "Adagrad", "Adam", "AdamW", "Adamax", "BaseOptimizer", "Ftrl", "Lion", "Nadam",
           "Optimizer", "RMSprop", "get", "schedules"]

_kinds: tuple[Any, ...] = (SGD, RMSprop, Adam, AdamW, Adagrad, Adadelta, Adamax, Nadam, Lion, Ftrl)
registry = Registry("optimizer", BaseOptimizer)
for _kind in _kinds:
    registry.add(_kind, name=_kind.__name__.lower())
get = registry.get
