"""Layers that do something in training only."""
from functools import partial
from typing import Any

import numpy as np

from mgconv import config
from mgconv._support.checks import check_share
from mgconv._support.memory import aligned_empty
from mgconv.layers.base import Layer
from mgconv.layers.binding import Bound


class Dropout(Layer):
    """In training, sets a share `rate` of the entries to 0 and divides the others by 1 - rate; else does nothing.

    Parameters
    ----------
    rate : float
        From 0 to below 1.
    seed : int, optional
        Makes this layer's choices a function of the seed alone; by default they follow `mgconv.set_random_seed`.
    name : str, optional
        The layer's name.
    """

    columnwise = True

    def __init__(self, rate: float, seed: int | None = None, **layer: Any) -> None:
        super().__init__(**layer)
        self.rate = check_share("rate", rate, below_one=True)
        self.seed = seed
        self._generator = None if seed is None else config.random_generator(seed)

    def bind(self, x, dx=None, training=False):
        if not training or self.rate == 0:
            return Bound(x, dx, [], [])
        y, keep = aligned_empty(x.shape, x.dtype), aligned_empty(x.shape, x.dtype)

        def forward():
            generator = self._generator or config.random_generator()
            np.multiply(generator.random(x.shape, np.float32) >= self.rate, 1 / (1 - self.rate), out=keep)
            np.multiply(x, keep, out=y)

        if dx is None:
            return Bound(y, None, [forward], [])
        return Bound(y, dx, [forward], [partial(np.multiply, dx, keep, out=dx)])
