"""Delay differential equations: series accurate to the last digits, ensembles, Lyapunov exponents, a general solver."""
from mgconv.dde.engine import mackey_glass, series
from mgconv.dde.exponents import Exponent, lyapunov
from mgconv.dde.general import Solution, solve
from mgconv.dde.history import Samples
from mgconv.dde.systems import Blowflies, Hutchinson, Ikeda, LasotaWazewska, MackeyGlass, System

__all__ = ["Blowflies", "Exponent", "Hutchinson", "Ikeda", "LasotaWazewska", "MackeyGlass", "Samples", "Solution",
           "System", "lyapunov", "mackey_glass", "series", "solve"]
