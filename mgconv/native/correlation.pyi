from mgconv.geometry import ConvGeometry

class ScatterConv:
    scratch_bytes: int
    def __init__(self, geometry: ConvGeometry, wide: bool) -> None: ...
    @staticmethod
    def serves(geometry: ConvGeometry) -> bool: ...
