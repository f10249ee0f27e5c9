import numpy as np

MODES: dict[str, int]
BOUNDARIES: dict[str, int]
METHODS: dict[str, int]
FASTEST_METHOD: int

def apply(
    x: object,
    h: object,
    mode: int,
    flip: bool,
    late: int = 0,
    conjugate: bool = False,
    method: int = 0,
    boundary: int = 0,
    fill: np.ndarray | None = None,
    window: tuple[tuple[int, int], ...] | None = None,
) -> np.ndarray | None: ...
