"""Files that appear whole or not at all."""
import contextlib
import os
from pathlib import Path


@contextlib.contextmanager
def whole_file(path):
    """A binary file to write to, which takes its place at `path` only when the block ends without an error.

    Until then it is a hidden neighbour of `path`: the same folder, so that the last step is one rename, which no reader
    can see half done. If the block fails, the neighbour is removed and whatever was at `path` stays.

    Parameters
    ----------
    path : str or os.PathLike
        Its folder must exist.

    Yields
    ------
    io.BufferedWriter

    Raises
    ------
    OSError
        If the folder cannot be written to, or `path` is a folder.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from mgconv.files import whole_file
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with whole_file(Path(folder) / "a.txt") as f:
    ...         _ = f.write(b"all of it")
    ...     [p.name for p in Path(folder).iterdir()]
    ['a.txt']
    """
    path = Path(path)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.unfinished")
    try:
        with open(unfinished, "wb") as f:
            yield f
        os.replace(unfinished, path)
    except BaseException:
        with contextlib.suppress(OSError):
            unfinished.unlink()
        raise
