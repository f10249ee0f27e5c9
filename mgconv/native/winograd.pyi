from mgconv.geometry import ConvGeometry

class WinogradConv:
    scratch_bytes: int
    def __init__(self, geometry: ConvGeometry, wide: bool, axis: int, run: int, both: bool) -> None: ...
    @staticmethod
    def serves(geometry: ConvGeometry) -> bool: ...
