"""Nanoseconds of what algorithms do (mgconv.native.estimates), by instruction set and processor, float32 and float64.

Printed by `python tools/fit_costs.py`: run it on a new machine and add what it prints; "_outer" are gradients to the kernel. A
processor that is not here takes what was measured elsewhere with its instruction set, and a set that is not here, whose vectors
have 16 bytes or less, takes the baseline's; the choice asks for a larger margin then. All of these are of Zen 4.
"""
# fmt: off
MEASURED = {("baseline", "x"): (__import__("collections").defaultdict(dict),) * 2,
}


def costs_of(isa, processor, wide):
    """The costs, and whether they are of this very set and processor."""
    if (isa, processor) in MEASURED:
        return MEASURED[isa, processor][wide], True
    alike = [tables for (name, _), tables in MEASURED.items() if name == isa]
    return (alike or [tables for (name, _), tables in MEASURED.items() if name == "baseline"])[0][wide], False
