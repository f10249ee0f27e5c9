"""What can be shown where standard output goes, which may be a terminal, a notebook, a file, closed, or nothing."""
from __future__ import annotations

import contextlib
import sys


def drawable():
    """Whether what is printed can be drawn over: on a terminal, in a notebook."""
    out = sys.stdout
    try:
        return type(out).__module__.partition(".")[0] == "ipykernel" or out.isatty()
    except (AttributeError, OSError, ValueError):             # nothing, what stands in for it, or closed
        return False


def encodes(text):
    """Whether standard output has a sign for each of these."""
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def say(text, end="\n"):
    """Print at once, if there is somebody to read; with other signs for frames and bars that cannot be encoded."""
    if not encodes(text):
        text = text.translate(str.maketrans("━─│┌┬┐├┼┤└┴┘…", "=.|+++++++++~"))
    with contextlib.suppress(AttributeError, OSError, ValueError):
        print(text, end=end, flush=True)
