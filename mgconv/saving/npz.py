"""NumPy's `.npz` files of arrays by path: the same as HDF5, without a further library."""
from __future__ import annotations

import io
import math
from functools import partial
from typing import Any

import numpy as np
from numpy.lib import format as npy

from mgconv._support.files import whole_file
from mgconv.saving.archive import Archive
from mgconv.saving.layout import Stored

ARCHITECTURE = "architecture"


def write_npz(path: Any, contents: dict[str, tuple[str, list[np.ndarray]]], architecture: bytes | None = None) -> None:
    """Write a file of arrays, and the JSON text `architecture` as one of bytes; whole or not at all."""
    arrays = {f"{group}/{number}": array for group, (_, members) in contents.items()
              for number, array in enumerate(members)}
    if architecture is not None:
        arrays[ARCHITECTURE] = np.frombuffer(architecture, np.uint8)
    with whole_file(path) as file:
        np.savez(file, **arrays)          # type: ignore[arg-type]


def stored_in_npz(file: Any) -> dict[str, Stored]:
    """All arrays of an open file by path. Every header is read, nothing else."""
    archive, found = Archive(file), {}
    for name in archive.names:
        if not name.endswith(".npy"):
            raise ValueError(f"every member must be an array. Received: {name}.")
        data = archive.read(name)
        found[name.removesuffix(".npy")] = _array_in(name, data)
    return found


def _array_in(name, data):
    file = io.BytesIO(data)
    version = npy.read_magic(file)
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f"{name} is of version {version}.")
    header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, columns_first, dtype = header(file)
    if dtype.hasobject or math.prod(shape) * dtype.itemsize != len(data) - file.tell():
        raise ValueError(f"{name} must hold {shape} numbers. Received: {len(data) - file.tell()} bytes of {dtype}.")
    array = np.frombuffer(data, dtype, offset=file.tell()).reshape(shape, order="F" if columns_first else "C")
    return Stored(shape, dtype, partial(array.view))
