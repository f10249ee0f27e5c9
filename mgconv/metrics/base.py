"""What all metrics share, and means and sums of plain values and of users' functions."""
from typing import Any

import numpy as np

from mgconv._support.arrays import append_axes, as_sample_weight, check_length, real_array
from mgconv._support.registry import Configurable, Registry, snake_case


class Metric(Configurable):
    """Base of all metrics; by itself, the mean of what `values` gives.

    A subclass defines `values(y_true, y_pred)`; or, for a figure that is no mean, `reset_state`, `update_state` and
    `result`. Figures are kept in double precision.

    Parameters
    ----------
    name : str, optional
        The key in a history; by default the class's name in snake case.
    dtype : str, optional
        Kept for Keras's configurations; it changes nothing.

    Attributes
    ----------
    direction : {"up", "down"} or None
        Whether larger figures are better, or smaller ones; None: nobody knows.
    """

    direction: str | None = None

    def __init__(self, name: str | None = None, dtype: str | None = None) -> None:
        self.name = name or snake_case(type(self).__name__)
        self.dtype = dtype
        self.reset_state()

    def __call__(self, *args, **kwargs):
        """`update_state` with these arguments, then `result`."""
        self.update_state(*args, **kwargs)
        return self.result()

    def reset_state(self) -> None:
        """Forget what was seen."""
        self.total = self.count = 0.0

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Take in a batch of targets and predictions, each sample with its weight.

        Parameters
        ----------
        y_true, y_pred : array_like
            (batch, ...), of the shapes that the metric compares.
        sample_weight : array_like, optional
            A factor for each sample (batch,), or for each of its rows.

        Raises
        ------
        ValueError, TypeError
            If the shapes do not match, or something is no array of real numbers.
        """
        y_true, y_pred = as_pair(y_true, y_pred)
        values = np.asarray(self.values(y_true, y_pred), float)
        self._add(values, sample_weight, y_pred.shape)

    def result(self) -> Any:
        """The mean so far, as a Python float; 0 before anything was seen."""
        return float(self.total / self.count) if self.count else 0.0

    def values(self, y_true, y_pred):
        """What is averaged: an array, batch first."""
        raise NotImplementedError(f"{type(self).__name__} must define values(y_true, y_pred).")

    def _add(self, values, sample_weight, shape, counted=None):
        """Add `values`, where `counted`, to the mean; weights are those of predictions of `shape`."""
        weight = 1.0 if counted is None else counted.astype(float)
        if sample_weight is not None:
            weight = weight * append_axes(checked_weight(sample_weight, shape), values.ndim)
        elif counted is None:
            self.total += values.sum()
            self.count += values.size
            return
        weight = np.broadcast_to(weight, values.shape)
        self.total += (weight * values).sum()
        self.count += weight.sum()


def as_pair(y_true, y_pred):
    """Both as arrays of real numbers, with an entry for each sample."""
    y_true, y_pred = real_array("y_true", y_true), real_array("y_pred", y_pred)
    for name, array in (("y_true", y_true), ("y_pred", y_pred)):
        if array.ndim < 1:
            raise ValueError(f"`{name}` must have an entry for each sample. Received: {array!r}.")
    check_length("y_true", y_true, y_pred)
    return y_true, y_pred


def checked_weight(sample_weight, shape):
    """`sample_weight` in double precision, for predictions of `shape`."""
    weight = as_sample_weight(sample_weight, (None, *shape[1:]), float)
    if len(weight) != shape[0]:
        raise ValueError("`sample_weight` and `y_pred` must have the same number of samples. "
                         f"Received: {len(weight)} and {shape[0]}.")
    return weight


class Sum(Metric):
    """The sum of all values.

    Examples
    --------
    >>> Sum()([1, 2, 3], sample_weight=[1, 0, 1])
    4.0
    """

    def __init__(self, name: str | None = None, dtype: str | None = None) -> None:
        super().__init__(name, dtype)

    def update_state(self, values, sample_weight=None):  # type: ignore[override]
        """Take in an array of any shape, and a weight for each value, or for each row of leading axes."""
        values = real_array("values", values).astype(float)
        weight: Any = np.ones(())
        if sample_weight is not None:
            weight = real_array("sample_weight", sample_weight).astype(float)
            if weight.ndim == values.ndim + 1 and weight.shape[-1] == 1:
                weight = weight[..., 0]
        weight = np.broadcast_to(append_axes(weight, values.ndim), values.shape)
        self.total += (weight * values).sum()
        self.count += weight.sum()

    def result(self):
        """The sum so far, as a Python float."""
        return float(self.total)


class Mean(Sum):
    """The mean of all values, each with its weight.

    Examples
    --------
    >>> Mean()([1, 2, 6], sample_weight=[1, 0, 1])
    3.5
    """

    def result(self):
        """The mean so far, as a Python float; 0 before anything was seen."""
        return Metric.result(self)


class MeanMetricWrapper(Metric):
    """The mean of a plain function.

    Parameters
    ----------
    fn : callable
        `fn(y_true, y_pred)` gives a number for each sample (batch,), for each of its rows or entries, or one for the
        batch, which then counts as one value, as in Keras: a short last batch counts as much as the others.
    name : str, optional
        By default the function's.
    dtype : str, optional
        See `Metric`.

    Examples
    --------
    >>> import numpy as np
    >>> def worst(y_true, y_pred):
    ...     return np.abs(y_true - y_pred).max(axis=-1)
    >>> MeanMetricWrapper(worst)([[0, 0], [0, 0]], [[1, -3], [1, 0]])
    2.0
    """

    def __init__(self, fn: Any, name: str | None = None, dtype: str | None = None) -> None:
        if not callable(fn):
            raise TypeError(f"`fn` must be a function of y_true and y_pred. Received: fn={fn!r}.")
        super().__init__(name or getattr(fn, "__name__", None), dtype)
        self.fn = fn

    def values(self, y_true, y_pred):
        return self.fn(y_true, y_pred)


registry = Registry("metric", Metric)
for _class in (Sum, Mean, MeanMetricWrapper):
    registry.add(_class)
