"""The directory of a registry: create it, check it, list its files."""

from __future__ import annotations

import errno
import os
import stat

from .header import SUFFIX

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["files_in", "prepare_directory"]


def prepare_directory(directory: str, trust: bool) -> None:
    """Create a directory for the files of recorders, with mode 0700, or check an existing one.

    Raises PermissionError if other users may write to it or own it, unless `trust` is true: they could replace the
    files.  Raises NotADirectoryError if the path is not a directory, OSError on a system that is not POSIX.
    """
    if not hasattr(os, "O_NOFOLLOW"):
        raise OSError(errno.ENOSYS, "recorders in a directory need a POSIX system", directory)
    try:
        os.makedirs(directory, 0o700)
        os.chmod(directory, 0o700)  # the umask may have removed bits
    except FileExistsError:
        pass
    status = os.stat(directory)
    if not stat.S_ISDIR(status.st_mode):
        raise NotADirectoryError(errno.ENOTDIR, "not a directory", directory)
    if trust:
        return
    remedy = "make it private (chmod go-w), or pass trust=True to allow it"
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        mode = stat.S_IMODE(status.st_mode)
        raise PermissionError(errno.EPERM, f"other users may write to it, its mode is {mode:04o}: {remedy}", directory)
    if status.st_uid not in (os.geteuid(), 0):
        remedy = "use a directory of your own, or pass trust=True to allow it"
        raise PermissionError(errno.EPERM, f"it belongs to another user, uid {status.st_uid}: {remedy}", directory)


def files_in(directory: str) -> Iterator[str]:
    """Yield the paths of the files of recorders in a directory, sorted."""
    for name in sorted(os.listdir(directory)):
        if name.endswith(SUFFIX) and not name.startswith("."):
            yield os.path.join(directory, name)
