from mgconv.geometry import ConvGeometry

class FFTConv:
    scratch_bytes: int
    def __init__(self, geometry: ConvGeometry, wide: bool, log2n: int) -> None: ...
    @staticmethod
    def serves(geometry: ConvGeometry) -> bool: ...
