r"""What the docstrings of the operations share, said once and put into each of them at import.

``%(parameters)s`` stands for a paragraph on each parameter of the function, ``%(raises)s`` for its errors. A paragraph
may name words that differ from family to family, as ``%(filters)s``; a family may have paragraphs of its own, too.
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[np.float32] | NDArray[np.float64]
Sizes: TypeAlias = int | Sequence[int]                             # for all spatial axes, or for each
Padding: TypeAlias = str | Sequence[int] | Sequence[Sequence[int]]
_Function = TypeVar("_Function", bound=Callable)

PARAGRAPHS = {
    "x": r"""ndarray, (batch, \*spatial, channels)
        float32 or float64; the batch may be 0.""",
    "dy": r"""ndarray, (batch, \*spatial, %(filters)s)
        Gradient to the output of `%(op)s` (before its activation).""",
    "kernel": r"ndarray, (\*spatial, %(kernel_sizes)s)",
    "kernel_shape": r"""sequence of int
        (\*spatial, %(kernel_sizes)s).""",
    "input_shape": """sequence of int
        The shape of `%(op)s`'s x, in `data_format`.""",
    "bias": "ndarray, (%(filters)s,), optional",
    "strides": """int or sequence of int
        For all spatial axes, or for each.""",
    "padding": """{"valid", "same", "causal", "full"} or sequence of (before, after) pairs
        "same" puts the odd zero behind, as Keras does.""",
    "dilation_rate": """int or sequence of int
        For all spatial axes, or for each; it may exceed 1 together with `strides`.""",
    "activation": """{None, "linear", "relu"}
        Applied to the result.""",
    "out": """ndarray, optional
        Where the result goes; of its shape and dtype, writeable, overlapping no argument.""",
    "data_format": """{"channels_last", "channels_first"}
        The layout of maps, among them `out` and the result, and of their shapes; not of kernels.""",
    "precision": """{"fast", "plain"}
        By the algorithm that costs least, or by sums alone.""",
    "raises": """Raises
    ------
    ValueError
        If shapes do not fit, the output would be empty, or `out` cannot be used.
    TypeError
        If the arrays are not all float32 or all float64, or a size is no integer.""",
}


def documented(family: dict[str, str]) -> Callable[[_Function], _Function]:
    """Fill in the docstring, with the words and paragraphs of a `family` of operations."""
    paragraphs = PARAGRAPHS | family

    def fill(function):
        if function.__doc__:                                       # there is none under python -OO
            code = function.__code__
            named = (f"{name} : {paragraphs[name]}" for name in code.co_varnames[:code.co_argcount])
            parameters = "\n    ".join(("Parameters", "----------", *named)) % paragraphs
            function.__doc__ %= paragraphs | {"parameters": parameters}
        return function
    return fill
