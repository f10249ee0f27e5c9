"""Files that appear whole or not at all."""
import contextlib
import os
import shutil


@contextlib.contextmanager
def whole_file(path):
    """A binary file to write to, which takes its place at `path` only when the block ends without an error.

    Until then it is a hidden neighbour of `path`: the same folder, so that the last step is one rename, which no reader
    can see half done. If the block fails, the neighbour is removed and whatever was at `path` stays. A link is
    followed, a file that is replaced hands on its permissions, and what is no file (a pipe) is written to as it is.

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
        If the folder cannot be written to, or `path` is a folder; it names `path`.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from mgconv._support.files import whole_file
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with whole_file(Path(folder) / "a.txt") as f:
    ...         _ = f.write(b"all of it")
    ...     [p.name for p in Path(folder).iterdir()]
    ['a.txt']
    """
    real = os.path.realpath(path)
    through = os.path.exists(real) and not os.path.isfile(real) and not os.path.isdir(real)
    # Named after nothing, for the name of `path` may be as long as names can be.
    unfinished = real if through else os.path.join(os.path.dirname(real), f".{os.urandom(8).hex()}.unfinished")
    try:
        with open(unfinished, "wb") as f:
            yield f
        if not through:
            if os.path.isfile(real):
                shutil.copymode(real, unfinished)
            os.replace(unfinished, real)
    except BaseException as error:
        if not through:
            with contextlib.suppress(OSError):
                os.unlink(unfinished)
        if isinstance(error, OSError) and error.errno and error.filename in (None, unfinished):
            raise OSError(error.errno, error.strerror, os.fspath(path)) from error
        raise
