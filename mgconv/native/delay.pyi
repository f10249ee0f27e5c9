from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

MACKEY_GLASS: int
MACKEY_GLASS_REAL: int
SINE: int
RICKER: int
EXPONENTIAL: int

class PythonFunction:
    error: BaseException | None
    def __init__(self, g: Callable[[NDArray[np.float64]], Any],
                 dg: Callable[[NDArray[np.float64]], Any] | None = None) -> None: ...

class Problem:
    def __init__(self, function: int | tuple[int, int] | PythonFunction, derivative: bool,
                 equations: NDArray[np.float64], grids: NDArray[np.intp], lengths: NDArray[np.float64],
                 history: NDArray[np.float64], constant: bool, refinement: int) -> None: ...
    def sample(self, start: float, dt: float, out: NDArray[np.float64]) -> NDArray[np.float64]: ...
    def tangent_norms(self, out: NDArray[np.float64]) -> NDArray[np.float64]: ...

def exponential(values: NDArray[np.float64]) -> None: ...
