"""What can be shown where standard output goes, which may be a terminal, a notebook, a file, or nothing."""
from __future__ import annotations

import sys


def drawable():
    """Whether what is printed can be drawn over: on a terminal, in a notebook."""
    out = sys.stdout
    return out is not None and not getattr(out, "closed", False) and (
        type(out).__module__.partition(".")[0] == "ipykernel" or bool(getattr(out, "isatty", lambda: False)()))


def encodes(text):
    """Whether standard output has a sign for each of these."""
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def say(text, end="\n"):
    """Print, if there is where to; with other signs for frames and bars that standard output does not have."""
    if not encodes(text):
        text = text.translate(str.maketrans("━─│┌┬┐├┼┤└┴┘…", "=.|+++++++++~"))
    print(text, end=end, flush=True)
