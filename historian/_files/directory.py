"""The directory of a registry: made, checked, listed."""

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
    """Make a directory for recorders' files, of mode 0700, or check the one that is there.

    Raises PermissionError if others may write to it, who could put anything into their place, unless `trust`.
    """
    if not hasattr(os, "O_NOFOLLOW"):
        raise OSError(errno.ENOSYS, "recorders in a directory need a POSIX system", directory)
    try:
        os.makedirs(directory, 0o700)
        os.chmod(directory, 0o700)  # whatever the umask
    except FileExistsError:
        pass
    status = os.stat(directory)
    if not stat.S_ISDIR(status.st_mode):
        raise NotADirectoryError(errno.ENOTDIR, "not a directory", directory)
    if trust:
        return
    remedy = "make it private (chmod go-w), or pass trust=True if they may"
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        mode = stat.S_IMODE(status.st_mode)
        raise PermissionError(errno.EPERM, f"others may write to it, its mode is {mode:04o}: {remedy}", directory)
    if status.st_uid not in (os.geteuid(), 0):
        raise PermissionError(errno.EPERM, f"it belongs to another user, uid {status.st_uid}: {remedy}", directory)


def files_in(directory: str) -> Iterator[str]:
    """Yield the paths of the recorders' files in a directory, sorted."""
    for name in sorted(os.listdir(directory)):
        if name.endswith(SUFFIX) and not name.startswith("."):
            yield os.path.join(directory, name)
