"""Optimizers: each step is one pass over the flat vector that holds all parameters of a model.

Names, defaults and formulas are Keras 3's, which has no `LBFGS` and `LevenbergMarquardt`.
"""
from typing import Any

from mgconv._support.registry import Registry
from mgconv.optimizers import schedules
from mgconv.optimizers.base import Optimizer
from mgconv.optimizers.first_order import SGD, Adadelta, Adagrad, Adam, Adamax, AdamW, Ftrl, Lion, Nadam, RMSprop
from mgconv.optimizers.full_batch import LBFGS, LevenbergMarquardt
from mgconv.optimizers.state import BaseOptimizer

__all__ = ["LBFGS", "SGD", "Adadelta", "Adagrad", "Adam", "AdamW", "Adamax", "BaseOptimizer", "Ftrl",
           "LevenbergMarquardt", "Lion", "Nadam", "Optimizer", "RMSprop", "get", "schedules"]

_kinds: tuple[Any, ...] = (SGD, RMSprop, Adam, AdamW, Adagrad, Adadelta, Adamax, Nadam, Lion, Ftrl, LBFGS)
registry = Registry("optimizer", BaseOptimizer)
for _kind in _kinds:
    registry.add(_kind, name=_kind.__name__.lower())
registry.add(LevenbergMarquardt, "lm")
get = registry.get
