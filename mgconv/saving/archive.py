"""Zip archives, written whole, and read as if by an enemy: nothing is unpacked, and no member grows without bound.

Two kinds of files are such archives: Keras's `.keras`, and NumPy's `.npz`.
"""
from __future__ import annotations

import json
import zipfile
from typing import Any

from mgconv._support.files import whole_file

ROOM = 1 << 26                # bytes that anything may unpack to; beyond, at most GROWTH times what lies in the file:
GROWTH = 20                   # weights hardly shrink
MOST_JSON = 1 << 24
FIRST_DAY = (1980, 1, 1, 0, 0, 0)


class Archive:
    """Members of an open zip file by name, each read whole.

    Raises
    ------
    ValueError
        If they unpack to far more than the file holds, or two have one name.
    """

    def __init__(self, file: Any) -> None:
        self._zip = zipfile.ZipFile(file)
        self.names = self._zip.namelist()
        if len(set(self.names)) != len(self.names):
            raise ValueError("two members of the archive have one name.")
        members = self._zip.infolist()
        check_growth("the archive", sum(info.file_size for info in members),
                     sum(info.compress_size for info in members))

    def read(self, name: str, most: int | None = None) -> bytes:
        """The bytes of one member, `most` at most.

        Raises
        ------
        ValueError
            If it is missing or encrypted.
        """
        if name not in self.names:
            raise ValueError(f"{name} is missing in the archive. Received: "
                             f"{', '.join(self.names[:20]) or 'no members'}.")
        info = self._zip.getinfo(name)
        if info.flag_bits & 1:
            raise ValueError(f"{name} is encrypted.")
        if most is not None and info.file_size > most:
            raise ValueError(f"{name} must hold at most {most} bytes. Received: {info.file_size}.")
        return self._zip.read(info)

    def read_json(self, name: str) -> Any:
        """A member as JSON."""
        return parse_json(self.read(name, MOST_JSON), name)


def check_growth(name: str, size: int, stored: int) -> None:
    """ValueError if `size` bytes are more than what is `stored` in so many may unpack to."""
    if size > ROOM + GROWTH * stored:
        raise ValueError(f"{name} claims to be {size} bytes, of which the file holds {stored}.")


def parse_json(data: bytes | str, name: str) -> Any:
    """What the JSON text `data` says."""
    if len(data) > MOST_JSON:
        raise ValueError(f"{name} must hold at most {MOST_JSON} bytes. Received: {len(data)}.")
    try:
        return json.loads(data)
    except RecursionError:
        raise ValueError(f"{name} is nested too deeply.") from None


def write_archive(path: Any, members: dict[str, bytes]) -> None:
    """Write a zip file of `members`, stored as they are, in their order; whole or not at all."""
    with whole_file(path) as file, zipfile.ZipFile(file, "w") as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name, FIRST_DAY), data)
