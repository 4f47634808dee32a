"""The lock of a directory's file: a process that adds, drains or removes recorders holds it."""

from __future__ import annotations

import errno
import os
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .._core import DirectoryFile

__all__ = ["FLAGS", "REPLACED", "Locked", "prepare_locks"]

#: How long to wait for another process that has locked the file.  What needs the lock takes well below a millisecond.
LOCK_SECONDS = 10.0
#: Why a file cannot be locked that is no longer at its path.
REPLACED = "the file has been replaced since it was opened: get the recorder again"
#: With what files are opened.
FLAGS = os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK if hasattr(os, "O_NOFOLLOW") else 0  # none on Windows

_fcntl: Any = None  # the module; imported with the first file, since `import historian` must stay cheap


def prepare_locks() -> None:
    """Import what `Locked` needs.  Later, no file descriptor may be left for that, or the interpreter may be ending."""
    global _fcntl
    if _fcntl is None:
        import fcntl

        _fcntl = fcntl


class Locked:
    """A context in which the file is locked: nobody else adds or drains recorders.  It gives a descriptor of the file.

    Raises FileNotFoundError if the file has been removed or replaced.
    """

    __slots__ = ("_fd", "_file")

    def __init__(self, file: DirectoryFile) -> None:
        self._file = file

    def __enter__(self) -> int:
        self._fd = os.open(self._file.path, os.O_RDWR | FLAGS)  # again: flock() locks belong to an open file
        try:
            if not self._file.is_at(os.fstat(self._fd)):
                raise FileNotFoundError(errno.ENOENT, REPLACED, self._file.path)
            _lock(self._fd, self._file.path)
        except BaseException:
            os.close(self._fd)
            raise
        return self._fd

    def __exit__(self, *error: object) -> None:
        # The work is done: if a system call fails now, what was drained must not be lost.
        try:
            _fcntl.flock(
                self._fd, _fcntl.LOCK_UN
            )  # if a forked child has inherited it, closing it here does not unlock
        except OSError:
            pass
        try:
            os.close(self._fd)
        except OSError:
            pass


def _lock(fd: int, path: str) -> None:
    """Lock a file.  A process that is stopped may hold the lock for ever, so wait for a limited time."""
    end, pause = None, 0.0005
    while True:
        try:
            _fcntl.flock(fd, _fcntl.LOCK_EX | _fcntl.LOCK_NB)
            return
        except BlockingIOError:
            now = time.monotonic()
            end = now + LOCK_SECONDS if end is None else end
            if now >= end:
                text = f"another process has kept it locked for {LOCK_SECONDS:g} s: it may be stopped; try again"
                raise TimeoutError(errno.ETIMEDOUT, text, path) from None
        time.sleep(pause)
        pause = min(2 * pause, 0.02)
