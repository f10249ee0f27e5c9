import numpy as np

LONGEST: int

def fft(x: np.ndarray, inverse: bool = False) -> np.ndarray: ...
