"""Checks of arguments that are no arrays: `check_...(name, value, ...)` gives the value back, or raises an error that
states the rule and what came. Those of layers say it as Keras does. Arrays are looked at in arrays.py."""
from __future__ import annotations

import math
import operator
from typing import Any


def check_count(name: str, value: Any, least: int, most: int | None = None) -> int:
    """`value` as an int of at least `least`, and at most `most`."""
    try:
        count = None if isinstance(value, bool) else operator.index(value)
    except TypeError:
        count = None
    if count is None:
        raise TypeError(f"`{name}` must be an integer. Received: {name}={value!r}.")
    if count < least:
        raise ValueError(f"`{name}` must be at least {least}. Received: {name}={value}.")
    if most is not None and count > most:
        raise ValueError(f"`{name}` must be at most {most}. Received: {name}={value}.")
    return count


def check_number(name: str, value: Any) -> float:
    """`value`, which is a real number; NaN is none."""
    if isinstance(value, (str, bytes)) or not hasattr(value, "__float__"):
        raise TypeError(f"`{name}` must be a number. Received: {name}={value!r}.")
    if math.isnan(value):
        raise ValueError(f"`{name}` must be a number. Received: {name}={value}.")
    return value


def check_positive(name: str, value: Any) -> float:
    """`value`, a number above 0."""
    if not check_number(name, value) > 0:
        raise ValueError(f"`{name}` must be positive. Received: {name}={value}.")
    return value


def check_finite_positive(name: str, value: Any) -> float:
    """`value`, a finite number above 0."""
    if not 0 < check_number(name, value) < math.inf:
        raise ValueError(f"`{name}` must be positive and finite. Received: {name}={value}.")
    return value


def check_not_negative(name: str, value: Any) -> float:
    """`value`, a number of at least 0."""
    if not check_number(name, value) >= 0:
        raise ValueError(f"`{name}` must not be negative. Received: {name}={value}.")
    return value


def check_share(name: str, value: Any, below_one: bool = False) -> float:
    """`value`, a number from 0 to 1, or to below 1."""
    if not 0 <= check_number(name, value) <= 1 or (below_one and value == 1):
        raise ValueError(f"`{name}` must be from 0 to {'below ' * below_one}1. Received: {name}={value}.")
    return value


def check_choice(name: str, value: Any, choices: tuple[str, ...], ignore_case: bool = False) -> str:
    """`value`, one of `choices`."""
    found = value.lower() if ignore_case and isinstance(value, str) else value
    if not isinstance(found, str) or found not in choices:
        raise ValueError(f"`{name}` must be one of {', '.join(choices)}. Received: {name}={value!r}.")
    return found


def check_verbose(verbose: Any) -> int:
    """0, 1 or 2 for what Keras takes as `verbose`; "auto" is 1."""
    if verbose not in ("auto", 0, 1, 2):
        raise ValueError(f'`verbose` must be "auto", 0, 1 or 2. Received: verbose={verbose!r}.')
    return 1 if verbose == "auto" else int(verbose)


def integers(name: str, values: Any) -> tuple[int, ...]:
    """`values` as a tuple of int."""
    try:
        return tuple(operator.index(value) for value in values)
    except TypeError:
        raise TypeError(f"`{name}` must hold integers. Received: {name}={values!r}.") from None


def per_axis(name: str, value: Any, rank: int) -> tuple[int, ...]:
    """`value`, a positive integer or one for each of `rank` axes, as a tuple of `rank`."""
    try:
        values = (operator.index(value),) * rank
    except TypeError:
        values = integers(name, value)
    if len(values) != rank or min(values) < 1:
        wrong = {each for each in values if each < 1}
        which = f", including values {wrong} that do not satisfy `value > 0`" if wrong else ""
        raise ValueError(f"The `{name}` argument must be a tuple of {rank} integers. Received {name}={value!r}{which}.")
    return values


def check_size(name: str, value: Any) -> int:
    """`value` as a positive int: units, filters."""
    if check_count(name, value, -2**63) < 1:
        raise ValueError(f"Invalid value for argument `{name}`. Expected a strictly positive value. "
                         f"Received {name}={value}.")
    return operator.index(value)


def check_repeats(name: str, value: Any) -> int:
    """`value` as a positive int: how often something is repeated."""
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise TypeError(f"Expected an integer value for `{name}`. Received: {name}={value!r}.")
    if value < 1:
        raise ValueError(f"Argument `{name}` should be a positive integer. Received: {name}={value}.")
    return operator.index(value)


def check_margins(name: str, value: Any, rank: int) -> tuple[tuple[int, int], ...]:
    """(before, after) for each of `rank` axes, from one number for all, or one number or pair for each; none below 0.
    In one dimension the pair itself."""
    try:
        if hasattr(value, "__index__"):
            pairs: Any = ((operator.index(value),) * 2,) * rank
        elif rank == 1:
            pairs = (integers(name, value),)
        else:
            pairs = tuple((operator.index(each),) * 2 if hasattr(each, "__index__") else integers(name, each)
                          for each in value)
    except TypeError:
        pairs = ()
    if len(pairs) != rank or any(len(pair) != 2 or min(pair) < 0 for pair in pairs):
        each = "or a (before, after) pair" if rank == 1 else f"or {rank} of them, or {rank} (before, after) pairs"
        raise ValueError(f"`{name}` should be an integer of at least 0, {each}. Received: {name}={value!r}.")
    return pairs
