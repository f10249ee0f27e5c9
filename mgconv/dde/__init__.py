"""Delay differential equations: series accurate to the last digits, ensembles, Lyapunov exponents, a general solver."""
from mgconv.dde.engine import mackey_glass, series
from mgconv.dde.history import Samples
from mgconv.dde.systems import MackeyGlass

__all__ = ["MackeyGlass", "Samples", "mackey_glass", "series"]
