from typing import Any

from numpy.typing import NDArray

class FlatStep:
    def __init__(self, kernel: str, *arrays: NDArray[Any] | None) -> None: ...
    def __call__(self, keep: float, coefficients: tuple[float, ...]) -> None: ...
