"""`replace`: write a file completely or not at all."""

from __future__ import annotations

import errno
import os
import stat

from .._core import attempt, open_file_at
from .errors import checked

__all__ = ["replace"]

MAX_LINKS = 40  # as Linux has it
_HAS_FOLDERS = hasattr(os, "O_DIRECTORY")  # not on Windows
_FOLDER = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_CLOEXEC if _HAS_FOLDERS else 0
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)


def replace(path: str | os.PathLike[str], data: bytes) -> None:
    """Write a file in one step: write a temporary file in the same directory, then rename it.

    Other processes see either the old file or the new one.  The user's own file keeps its permissions.  A symbolic link
    of the user or of root is followed: it stays, and the file that it leads to is replaced.  A link of another user is
    refused, as that user could have any file overwritten.  If the path is not a regular file, such as a pipe, the data
    is written directly to it, unless it is another user's.  Raises OSError; then a regular file has not changed.
    """
    path = os.fsdecode(path)
    for _ in range(MAX_LINKS):
        above, name = os.path.split(path)
        if _HAS_FOLDERS:
            with checked(open_file_at(above or ".", _FOLDER)) as folder:
                link = _written(int(folder), name, path, data)
        else:
            link = _written(None, path, path, data)
        if not link:
            return
        path = os.path.join(above, link)
    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)


def _written(folder: int | None, name: str, path: str, data: bytes) -> str:
    """Write the file `name` in an open folder; or return where it leads to, if it is a link to a regular file."""
    found = attempt(os.stat, name, dir_fd=folder, follow_symlinks=False)
    if isinstance(found, FileNotFoundError):
        _replace(folder, name, data, None)
        return ""
    before = checked(found)
    is_link = stat.S_ISLNK(before.st_mode)
    if not stat.S_ISREG(before.st_mode) and _HAS_FOLDERS and before.st_uid not in (os.geteuid(), 0):
        what = "a symbolic link" if is_link else "not a regular file, and"
        raise PermissionError(errno.EPERM, f"it is {what} of another user, uid {before.st_uid}: use another path", path)
    if is_link and _leads_to_a_file(folder, name):
        return os.readlink(name, dir_fd=folder)
    if stat.S_ISREG(before.st_mode):
        _replace(folder, name, data, before)
    else:
        with open(os.open(name, os.O_WRONLY | getattr(os, "O_CLOEXEC", 0), dir_fd=folder), "wb") as stream:
            stream.write(data)  # the name of a pipe behind /dev/stdout is no path
    return ""


def _leads_to_a_file(folder: int | None, name: str) -> bool:
    found = attempt(os.stat, name, dir_fd=folder)
    # If there is none, a file is created where the link leads to.
    return isinstance(found, FileNotFoundError) or stat.S_ISREG(checked(found).st_mode)


def _replace(folder: int | None, name: str, data: bytes, before: os.stat_result | None) -> None:
    # A short random name, because adding to a long name could make it too long for the file system.
    temporary = os.path.join(os.path.dirname(name), f".{os.urandom(8).hex()}.new")
    try:
        with checked(open_file_at(temporary, _NEW, 0o666, dir_fd=folder)) as fd:
            with open(int(fd), "wb", closefd=False) as stream:
                stream.write(data)
            os.fsync(int(fd))
            if before is not None and _HAS_FOLDERS and before.st_uid == os.geteuid():
                os.fchmod(int(fd), before.st_mode & 0o777)
        os.replace(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        attempt(os.unlink, temporary, dir_fd=folder)
        raise
