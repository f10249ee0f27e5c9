from typing import Any

from numpy.typing import NDArray

class ReluGrad:
    def __init__(self, y: NDArray[Any], dy: NDArray[Any], sums: NDArray[Any]) -> None: ...
    def __call__(self) -> None: ...
