"""The lock of a file of history: it has one writer at a time, on this machine."""

from __future__ import annotations

import os
import sys

__all__ = ["lock", "unlock"]

#: Where Windows locks a byte: far behind all that is written, since nobody can read a byte that is locked.
LOCKED_AT = 1 << 40


def lock(fd: int, path: str) -> None:
    """Lock an open file.  Raises BlockingIOError at once if another writer has it."""
    try:
        if sys.platform == "win32":
            import msvcrt

            os.lseek(fd, LOCKED_AT, os.SEEK_SET)
            msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            # Not that of lockf: a process loses those when it closes another descriptor of the file, after reading it.
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        import errno

        raise BlockingIOError(
            errno.EAGAIN, "this or another program is writing this history: stop it, or write to another file", path
        ) from None


def unlock(fd: int) -> None:
    """Unlock a file, for all processes that have inherited it."""
    if sys.platform == "win32":
        import msvcrt

        os.lseek(fd, LOCKED_AT, os.SEEK_SET)
        msvcrt.locking(fd, msvcrt.LK_UNLCK, 1)
    else:
        import fcntl

        fcntl.flock(fd, fcntl.LOCK_UN)
