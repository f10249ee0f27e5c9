from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from mgconv.geometry import ConvGeometry

class ConvPlan:
    geometry: ConvGeometry
    dtype: np.dtype[Any]
    input_shape: tuple[int, ...]
    kernel_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    isa: str
    def __init__(self, geometry: ConvGeometry, dtype: DTypeLike, algorithm: str | None = None) -> None: ...
    @property
    def stale(self) -> bool: ...
    @property
    def scratch_bytes(self) -> int: ...
    def forward(self, x: NDArray[Any], kernel: NDArray[Any], bias: NDArray[Any] | None, out: NDArray[Any] | None,
                activation: str | None = None) -> NDArray[Any]: ...
    def freeze(self, x: NDArray[Any], kernel: NDArray[Any], bias: NDArray[Any] | None, out: NDArray[Any],
               activation: str | None = None) -> Callable[[], None]: ...
    def bind(self, operation: str, first: NDArray[Any], second: NDArray[Any], *rest: Any) -> Callable[[], None]: ...
    def grad_input(self, dy: NDArray[Any], kernel: NDArray[Any], dx: NDArray[Any] | None) -> NDArray[Any]: ...
    def grad_kernel(self, x: NDArray[Any], dy: NDArray[Any], dkernel: NDArray[Any] | None) -> NDArray[Any]: ...
