"""What every optimizer has: the vector that it moves, named slots beside it, and a count of its steps."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from mgconv._support.checks import check_count
from mgconv._support.registry import Configurable, nearest, snake_case


class State(dict[str, Any]):
    """Flat vectors by the name of their slot. Setting one copies into the vector."""

    def __setitem__(self, slot, values):
        if slot not in self:
            raise ValueError(_unknown(slot, self))
        values = np.asarray(values)
        if values.shape != self[slot].shape:
            raise ValueError(f"the slot {slot!r} must have shape {self[slot].shape}. Received: {values.shape}.")
        np.copyto(self[slot], values, casting="same_kind")

    def __reduce__(self):
        return State, (dict(self),)


def _unknown(slot, known):
    names = ", ".join(nearest(slot, known)) or "none: it was not built yet, or has no state"
    return f"a slot must be one of the optimizer's ({names}). Received: {slot!r}."


class BaseOptimizer(Configurable):
    """What `fit` knows of an optimizer. A subclass defines `step`.

    Parameters
    ----------
    name : str, optional
        By default the class's name in snake case.

    Attributes
    ----------
    slots : tuple of str
        The names of the vectors that it may keep beside the parameters.
    state : dict of str to ndarray
        Those that its settings need, flat. `state[slot] = values` copies into the vector.
    iterations : int
        Steps done so far.
    full_batch : bool
        Whether it wants all samples at every step.
    needs : {"gradient", "jacobian"}
        What it asks of the loss.

    Notes
    -----
    Copies and pickles keep `state` and `iterations`, and so does the next `build` on a vector of the same length:
    training goes on where it was. Any other `build` begins anew.
    """

    slots: tuple[str, ...] = ()
    full_batch = False
    needs = "gradient"
    _alternating = 1              # in files, so many slots (the first ones) stand weight by weight, as Keras's do

    def __init__(self, name: str | None = None) -> None:
        self.name = name or snake_case(type(self).__name__)
        self._calls = 0
        self._state = State()
        self._restored = False    # whether the next `build` takes over what there is
        self._parameters: Any = None
        self._gradient: Any = None
        self._parts: list[Any] = []

    def __getstate__(self):
        return self.__dict__ | {
            "_state": State((slot, vector.copy()) for slot, vector in self._state.items()),
            "_restored": self._restored or self._parameters is not None,
            "_parameters": None, "_gradient": None, "_parts": []}

    # ---------------------------------------------------------------------------------------------- its vectors

    def build(self, parameters, gradient, parts=()):
        """Start on the flat vector `parameters`, whose gradient will be in `gradient`.

        `parts` are views of `gradient`, one for each weight array.
        """
        self.__dict__ = dict(self.__dict__)    # CPython 3.11 reads attributes twice as fast there as in a shared dict
        restored = self._state if self._restored else State()
        self._parameters, self._gradient, self._parts = parameters, gradient, list(parts)
        if not self._restored or any(restored[slot].shape != vector.shape for slot, vector in self._new_slots()
                                     if slot in restored):
            self._calls, restored = 0, State()
        self._restored = False
        self._lay(restored)

    def _lay(self, values):
        """Make the vectors of the state, with `values` where they have any."""
        self._state = State(self._new_slots())
        for slot in values:
            if slot in self._state:
                self._state[slot] = values[slot]

    def _new_slots(self):
        return [(slot, self.new_slot(slot, self._parameters)) for slot in self.wanted_slots()]

    def wanted_slots(self):
        """The slots that the settings need."""
        return self.slots

    def new_slot(self, slot, parameters):
        """What `slot` begins with."""
        return np.zeros_like(parameters)

    def moves(self, parameters):
        """Whether it works on this vector: the one that it was last built for."""
        return self._parameters is parameters

    # ---------------------------------------------------------------------------------------------- its state

    @property
    def iterations(self):
        return self._calls

    @iterations.setter
    def iterations(self, value):
        self._calls = check_count("iterations", value, 0)
        self._restored = self._parameters is None

    @property
    def state(self):
        return self._state

    @state.setter
    def state(self, values):
        self.restore(self.iterations, values)

    def restore(self, iterations: int, state: Mapping[str, Any]) -> None:
        """Go on from here: at once, or from the next `build` on.

        Parameters
        ----------
        iterations : int
            Steps done.
        state : mapping of str to array_like
            Flat vectors by the names of their slots, copied.

        Raises
        ------
        ValueError
            For a slot that the settings do not need, or a vector of another shape.
        """
        wanted = self.wanted_slots()
        for slot in state:
            if slot not in wanted:
                raise ValueError(_unknown(slot, wanted))
        if self._parameters is None:
            self._state = State((slot, np.array(vector)) for slot, vector in state.items())
        else:
            for slot, vector in state.items():
                self._state[slot] = vector
        self.iterations = iterations

    # ---------------------------------------------------------------------------------------------- its work

    def step(self, evaluate=None):
        """Move the parameters once.

        The gradient vector holds the gradient at the present parameters, and may be overwritten. `evaluate()` computes
        it anew, at parameters that have changed, and returns the loss.
        """
        raise NotImplementedError(f"{type(self).__name__} must define step(evaluate).")

    def finalize(self):
        """Called once after training."""
