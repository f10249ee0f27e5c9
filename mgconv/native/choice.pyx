"""Which algorithm a plan takes for each operation: by shape, dtype and instruction set alone."""
from mgconv.native.fft_conv import FFTConv
from mgconv.native.winograd import WinogradConv

ALGORITHMS = {"winograd": WinogradConv, "fft": FFTConv}


def choose(geometry, bint wide, algorithm=None):
    """The algorithms for forward, gradient to the input and gradient to the kernel; None means the direct sums.

    `algorithm` forces one for all three: "direct", or a name in ALGORITHMS, which must serve the geometry.
    """
    if algorithm is None or algorithm == "direct":
        return None, None, None
    if algorithm not in ALGORITHMS:
        raise ValueError(f"`algorithm` must be one of {', '.join(['direct', *ALGORITHMS])}. "
                         f"Received: algorithm={algorithm!r}.")
    if not ALGORITHMS[algorithm].serves(geometry):
        raise ValueError(f"{algorithm!r} does not serve this geometry. Received: {geometry}.")
    return (ALGORITHMS[algorithm](geometry, wide),) * 3
