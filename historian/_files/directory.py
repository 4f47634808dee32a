"""The directory of a registry: create it, check it, list its files."""

from __future__ import annotations

import errno
import os
import stat
import sys

from .._values.text import printable
from .header import SUFFIX

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["RegistryWarning", "ensure_directory", "files_in", "prepare_directory", "warn_user"]

_known: dict[str, tuple[int, int]] = {}  # device and inode of each directory when it was prepared
_trusted: set[str] = set()  # directories that were prepared with `trust`


class RegistryWarning(UserWarning):
    """Recorders count somewhere else than expected: their directory was removed, or HISTORIAN_DIR was set too late."""

    __module__ = "historian"


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
        _trusted.add(directory)
    else:
        _check_private(directory, status)
    _known[directory] = status.st_dev, status.st_ino


def ensure_directory(directory: str) -> bool:
    """Create a directory again if it was removed while in use, and warn.  Return whether it had been removed.

    If another process has created it again, it is checked as in `prepare_directory`, whose errors this raises.
    """
    before = _known.get(directory)
    try:
        status = os.stat(directory)
    except FileNotFoundError:
        pass
    else:
        if before == (status.st_dev, status.st_ino):
            return False
        if before is None:
            prepare_directory(directory, directory in _trusted)
            return False
    prepare_directory(directory, directory in _trusted)
    warn_user(
        f"{directory} was removed while in use, and has been created again: its recorders count in new files, and only "
        "processes that had them open still see the values of the old ones; to start from zero use registry.clear()"
    )
    return True


def warn_user(text: str, kind: type[Warning] = RegistryWarning) -> None:
    """Warn with a warning that points at the caller of the package."""
    from warnings import warn

    level, frame = 1, sys._getframe()
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] == "historian":
        level, frame = level + 1, frame.f_back
    warn(printable(text), kind, stacklevel=level)


def _check_private(directory: str, status: os.stat_result) -> None:
    remedy = "make it private (chmod go-w), or pass trust=True to allow it"
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        mode = stat.S_IMODE(status.st_mode)
        raise PermissionError(errno.EPERM, f"other users may write to it, its mode is {mode:04o}: {remedy}", directory)
    if status.st_uid not in (os.geteuid(), 0):
        remedy = "use a directory of your own, or pass trust=True to allow it"
        raise PermissionError(errno.EPERM, f"it belongs to another user, uid {status.st_uid}: {remedy}", directory)


def files_in(directory: str) -> Iterator[str]:
    """Yield the paths of the files of recorders in a directory, sorted; none if there is no directory."""
    try:
        names = sorted(os.listdir(directory))
    except FileNotFoundError:  # removed just now, or never created, since recording is disabled
        return
    for name in names:
        if name.endswith(SUFFIX) and not name.startswith("."):
            yield os.path.join(directory, name)
