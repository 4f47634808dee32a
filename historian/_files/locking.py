"""The lock of a directory's file: a process that adds, drains or removes recorders holds it."""

from __future__ import annotations

import os

from .._core import REPLACED, Locked

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .._core import DirectoryFile

__all__ = ["FLAGS", "REPLACED", "locked"]

#: How long to wait for another process that has locked the file.  What needs the lock takes well below a millisecond.
LOCK_SECONDS = 10.0
#: With what files are opened.
FLAGS = os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK if hasattr(os, "O_NOFOLLOW") else 0  # none on Windows


def locked(file: DirectoryFile) -> Locked:
    """Return a context in which the file is locked: nobody else adds or drains recorders.

    It gives a descriptor of the file; or the error: a FileNotFoundError if the file has been removed or replaced, a
    TimeoutError if another process has kept it locked for `LOCK_SECONDS`, or another OSError.
    """
    return Locked(file, LOCK_SECONDS)
