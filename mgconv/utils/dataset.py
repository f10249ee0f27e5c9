"""Data sets that give batches by number."""
from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from mgconv._support.arrays import real_array
from mgconv._support.checks import check_count
from mgconv.config import random_generator


class PyDataset:
    """Base of data sets of one's own: a subclass defines `__len__`, the number of batches, and `__getitem__`.

    `fit` calls `on_epoch_end` after each epoch. The arguments are taken for Keras's sake: batches are made where and
    when they are asked for.
    """

    def __init__(self, workers: int = 1, use_multiprocessing: bool = False, max_queue_size: int = 10) -> None:
        self.workers, self.use_multiprocessing = workers, use_multiprocessing
        self.max_queue_size = max_queue_size

    def __len__(self):
        raise NotImplementedError(f"{type(self).__name__} must define __len__().")

    def __getitem__(self, index):
        raise NotImplementedError(f"{type(self).__name__} must define __getitem__(index).")

    def __iter__(self):
        return (self[index] for index in range(len(self)))

    @property
    def num_batches(self):
        """How many batches there are."""
        return len(self)

    def on_epoch_end(self):
        """Called after every epoch."""


class _Windows(PyDataset):
    """Windows of a series and their targets, cut when they are asked for."""

    def __init__(self, data, targets, starts, offsets, batch_size):
        super().__init__()
        self.data, self.targets, self.starts, self.offsets = data, targets, starts, offsets
        self.batch_size = batch_size

    def __len__(self):
        return len(self.starts) if self.batch_size is None else -(-len(self.starts) // self.batch_size)

    def __getitem__(self, index):
        if not 0 <= index < len(self):
            raise IndexError(f"the number of a batch must be below {len(self)}. Received: {index}.")
        size = self.batch_size
        starts = self.starts[index] if size is None else self.starts[index * size:(index + 1) * size]
        x = self.data[np.add.outer(starts, self.offsets)]
        return x if self.targets is None else (x, self.targets[starts])


def timeseries_dataset_from_array(data: ArrayLike, targets: ArrayLike | None, sequence_length: int,
                                  sequence_stride: int = 1, sampling_rate: int = 1, batch_size: int | None = 128,
                                  shuffle: bool = False, seed: int | None = None, start_index: int | None = None,
                                  end_index: int | None = None) -> PyDataset:
    """Windows of a series, in batches for `fit`, `evaluate` and `predict`.

    Parameters
    ----------
    data : array_like
        (steps, ...).
    targets : array_like or None
        `targets[i]` goes with the window that begins at step i; None for windows alone.
    sequence_length : int
        Steps of a window.
    sequence_stride : int
        Steps from one window to the next.
    sampling_rate : int
        Steps from one entry of a window to the next.
    batch_size : int or None
        Windows a batch; None gives them one by one, without an axis for the batch.
    shuffle : bool
        Whether to take the windows in another order, the same in each epoch (`fit` shuffles the batches).
    seed : int, optional
        For the order; by default it follows `mgconv.set_random_seed`.
    start_index, end_index : int, optional
        The steps to use: from the first to before the second.

    Returns
    -------
    PyDataset
        Of batches x, or (x, targets). (In Keras, a data set of TensorFlow or Grain, with the same windows.)

    Raises
    ------
    ValueError
        If an argument is out of range, or there is no window.

    Examples
    --------
    >>> windows = timeseries_dataset_from_array(np.arange(10), np.arange(3, 10), 3, batch_size=4)
    >>> x, y = windows[0]
    >>> x.tolist(), y.tolist()
    ([[0, 1, 2], [1, 2, 3], [2, 3, 4], [3, 4, 5]], [3, 4, 5, 6])
    """
    series: Any = real_array("data", data)
    marks: Any = None if targets is None else real_array("targets", targets)
    length, stride, rate = (check_count(name, value, 1) for name, value in (
        ("sequence_length", sequence_length), ("sequence_stride", sequence_stride), ("sampling_rate", sampling_rate)))
    if batch_size is not None:
        check_count("batch_size", batch_size, 1)
    first = check_count("start_index", start_index or 0, 0)
    last = len(series) if end_index is None else check_count("end_index", end_index, 1)
    if not first < last <= len(series):
        raise ValueError("`start_index` must be below `end_index`, and that at most the number of steps, "
                         f"{len(series)}. Received: start_index={start_index}, end_index={end_index}.")
    count = last - first - (length - 1) * rate
    if marks is not None:
        count = min(count, len(marks) - first)
    if count < 1:
        raise ValueError(f"the steps must hold a window: {length} steps, {rate} apart. "
                         f"Received: {last - first} steps"
                         + (f", {len(marks)} targets." if marks is not None else "."))
    starts = np.arange(0, count, stride)
    if shuffle:
        random_generator(seed).shuffle(starts)
    return _Windows(series[first:last], None if marks is None else marks[first:], starts, rate * np.arange(length),
                    batch_size)
