from collections.abc import Callable, Iterable
from typing import Any

from numpy.typing import NDArray

class FrozenChain:
    def __init__(self, x: NDArray[Any], y: NDArray[Any], calls: Iterable[Callable[[], Any]],
                 fill: Callable[[Any], Any]) -> None: ...
    def __call__(self, x: Any) -> NDArray[Any]: ...
