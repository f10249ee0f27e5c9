"""Standard chaotic series by name, made on the spot with certified accuracy; nothing is downloaded."""
from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mgconv.dde import mackey_glass


class Dataset(NamedTuple):
    """One series, split in two.

    Attributes
    ----------
    x_training, x_testing : float64 arrays of shape (training,) and (testing,)
        Samples 1 ... training, and those that follow at once.
    interval : float
        Time between two samples.
    name : str
        The set's name.
    description : str
        The equation and its parameters.
    lyapunov_time : float
        The inverse of the largest Lyapunov exponent, in units of time.
    """
    x_training: NDArray[np.float64]
    x_testing: NDArray[np.float64]
    interval: float
    name: str
    description: str
    lyapunov_time: float

    def __repr__(self) -> str:
        return (f"{self.name}: {self.description}\n{len(self.x_training)} samples to learn from, "
                f"{len(self.x_testing)} to predict; Lyapunov time {self.lyapunov_time:.4g}")


# name: tau, Lyapunov exponent in nats per unit of time (Farmer 1982 and later authors; `mgconv.dde.lyapunov` agrees)
_SETS = {"MG17": (17.0, 0.00514), "MG30": (30.0, 0.00707)}


def names() -> list[str]:
    """The names that `load` knows.

    Examples
    --------
    >>> from mgconv import datasets
    >>> datasets.names()
    ['MG17', 'MG30']
    """
    return sorted(_SETS)


def load(name: str, *, training: int = 800, testing: int = 14, interval: float = 1.0, discard: float = 0.0,
         history: float = 1.2) -> Dataset:
    """A standard series: Mackey and Glass's equation with a = 0.2, b = 0.1, c = 10 and tau = 17 or 30.

    Parameters
    ----------
    name : {"MG17", "MG30"}
        Which set; upper or lower case.
    training, testing : int
        How many samples to learn from, and how many to predict: by default numbers 1-800 and 801-814.
    interval : float
        Time between two samples.
    discard : float
        Time of the first sample.
    history : float
        x(t) until t = 0.

    Returns
    -------
    Dataset
        x_training, x_testing and what they are.

    Raises
    ------
    ValueError
        If the name is unknown, a number of samples negative, or the interval not positive.

    Examples
    --------
    >>> from mgconv import datasets
    >>> mg30 = datasets.load("MG30")
    >>> mg30.x_training.shape, mg30.x_testing.shape
    ((800,), (14,))
    >>> mg30
    MG30: Mackey-Glass series, tau=30, a=0.2, b=0.1, c=10, x(t<=0)=1.2, every 1
    800 samples to learn from, 14 to predict; Lyapunov time 141.4
    """
    known = _SETS.get(str(name).upper())
    if known is None:
        raise ValueError(f"`name` must be one of {', '.join(names())}. Received: name={name!r}.")
    if training < 0 or testing < 0:
        raise ValueError("`training` and `testing` must not be negative. "
                         f"Received: training={training}, testing={testing}.")
    tau, exponent = known
    x = mackey_glass(training + testing, dt=interval, tau=tau, history=history, discard=discard)
    return Dataset(x[:training], x[training:], float(interval), str(name).upper(),
                   f"Mackey-Glass series, tau={tau:g}, a=0.2, b=0.1, c=10, x(t<=0)={history:g}, every {interval:g}",
                   1 / exponent)
