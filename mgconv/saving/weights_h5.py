"""HDF5 files of arrays by path, through h5py."""
from __future__ import annotations

import io
import math
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np

from mgconv.saving.archive import check_growth
from mgconv.saving.layout import Stored


def h5py() -> Any:
    """The library; ImportError tells what to do without it."""
    try:
        import h5py as found
    except ImportError:
        raise ImportError("files of Keras need h5py: install mgconv[keras]. Without it, models are saved to files that "
                          "end in .npz.") from None
    return found


def to_h5(contents: dict[str, tuple[str, list[np.ndarray]]]) -> bytes:
    """The bytes of a file with a group for each path, which has the name beside it and numbered arrays."""
    buffer = io.BytesIO()
    with h5py().File(buffer, "w") as file:
        for path, (name, arrays) in contents.items():
            group = file.create_group(path)
            group.attrs["name"] = name
            for number, array in enumerate(arrays):
                group.create_dataset(str(number), data=array)
    return buffer.getvalue()


@contextmanager
def opened(source: Any) -> Iterator[Any]:
    """An HDF5 file to read, from a path or bytes."""
    with h5py().File(io.BytesIO(source) if isinstance(source, bytes) else source, "r") as file:
        yield file


def stored_in(file: Any) -> dict[str, Stored]:
    """All arrays of an open file (or group) by path. Links are not followed.

    Raises
    ------
    ValueError
        If numbers lie in other files, or most of them are not there at all.
    """
    found: dict[str, Stored] = {}
    library, size, held = h5py(), 0, 0

    def visit(name, entry):
        nonlocal size, held
        if isinstance(entry, library.Dataset):
            if entry.shape is None or entry.is_virtual or entry.external:
                raise ValueError(f"{name} must hold its numbers itself.")
            size += math.prod(entry.shape) * entry.dtype.itemsize
            held += entry.id.get_storage_size()
            found[name] = Stored(entry.shape, entry.dtype, partial(entry.__getitem__, ()))
    file.visititems(visit)
    check_growth("what the file holds", size, held)
    return found
