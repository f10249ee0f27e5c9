from typing import Any

from mgconv.geometry import ConvGeometry
from mgconv.native.strategy import Strategy

class Correlation:
    strategy: Strategy
    def __init__(self, wide: bool, *settings: Any) -> None: ...

class ScatterConv:
    scratch_bytes: int
    def __init__(self, geometry: ConvGeometry, wide: bool) -> None: ...
    @staticmethod
    def serves(geometry: ConvGeometry) -> bool: ...
