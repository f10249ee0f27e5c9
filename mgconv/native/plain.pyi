from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray

class PlainProgram:
    def __init__(self, steps: Sequence[tuple[Any, ...]], start: NDArray[Any], x_bytes: int, y_bytes: int,
                 item: int) -> None: ...
    def __call__(self, x: NDArray[Any], y: NDArray[Any]) -> None: ...
