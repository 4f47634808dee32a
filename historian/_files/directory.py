"""The directory of a registry: create it, check it, notice that it was removed."""

from __future__ import annotations

import errno
import os
import stat
import sys

from .._core import Descriptor, attempt, open_file_at
from .._values.text import printable
from .errors import checked

__all__ = [
    "ATTEMPTS",
    "RegistryWarning",
    "compare_environment",
    "distrust",
    "ensure_directory",
    "is_trusted",
    "is_unchanged",
    "open_directory",
    "prepare_directory",
    "trust_directory",
    "warn_user",
]

#: How often to create what another process removes at the same time, before giving up.
ATTEMPTS = 100
#: {0: device and inode} of each directory when it was last found.  The thread that first finds it gone takes them out.
_known: dict[str, dict[int, tuple[int, int]]] = {}
_trusted: set[str] = set()  # directories that were prepared with `trust`
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC if hasattr(os, "O_DIRECTORY") else 0  # none on Windows
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


class RegistryWarning(UserWarning):
    """Recorders count somewhere else than expected.

    Their directory was removed, HISTORIAN_DIR was set too late, or a family has no space for another recorder.
    """

    __module__ = "historian"


def prepare_directory(directory: str, trust: bool) -> None:
    """Create a directory for the files of recorders, with mode 0700, or check an existing one.

    Missing folders above it get the same mode.  Raises PermissionError if other users may write to it or own it, or if
    it is a symbolic link that they could have placed, unless `trust` is true: they could replace the files.  Raises
    NotADirectoryError if the path is not a directory, OSError on a system that is not POSIX.
    """
    if not hasattr(os, "O_NOFOLLOW"):
        raise OSError(errno.ENOSYS, "recorders in a directory need a POSIX system", directory)
    with checked(_open_or_make(directory, trust)) as folder:
        _known[directory] = {0: _identity(folder)}
    if trust:
        trust_directory(directory)


def ensure_directory(
    directory: str, trust: bool | None = None
) -> tuple[Descriptor, bool] | tuple[OSError | ValueError, bool]:
    """Open a directory; create it again if it was removed while in use, and warn.

    Return its descriptor, and whether this call was the first to find that it was removed.  Instead of the descriptor,
    return the error that `open_directory` returns.
    """
    before = _known.get(directory)
    folder = _open_or_make(directory, trust)
    if not isinstance(folder, Descriptor):
        return folder, False
    now = {0: _identity(folder)}
    if before is None:
        _known.setdefault(directory, now)
    if before is None or before == now:
        return folder, False
    _known[directory] = now
    if before.pop(0, None) is None:  # another thread has found it
        return folder, False
    warn_user(
        f"{directory} was removed while in use, and has been created again: its recorders count in a new file, and "
        "only processes that had the old one open still see its values; to start from zero use "
        "registry.clear()"
    )
    return folder, True


def is_unchanged(directory: str, trust: bool) -> bool:
    """Return whether a directory is the one that was found last, and still private (or trusted), by one system call.

    False says only that it must be looked at more closely, as `ensure_directory` does.
    """
    status = attempt(os.stat, directory, follow_symlinks=False)
    if isinstance(status, Exception):
        return False
    if _known.get(directory) != {0: (status.st_dev, status.st_ino)} or not stat.S_ISDIR(status.st_mode):
        return False
    return trust or _is_private(status)


def open_directory(directory: str, trust: bool | None = None) -> Descriptor | OSError | ValueError:
    """Open an existing directory; return its descriptor, or the error.

    What is checked is what was opened: whatever is at the path later, files are looked for in this directory.  `trust`
    omits the check; by default, a directory that was prepared with `trust` is trusted.  The error is a
    FileNotFoundError, NotADirectoryError, PermissionError or another OSError.
    """
    trust = is_trusted(directory) if trust is None else trust
    folder = open_file_at(directory, _FOLDER) if trust else _open_unlinked(directory)
    if trust or not isinstance(folder, Descriptor):
        return folder
    return distrust(directory, os.fstat(int(folder))) or folder


def trust_directory(directory: str) -> None:
    """Omit the check of this directory in this process from now on."""
    _trusted.add(directory)


def is_trusted(directory: str) -> bool:
    """Return whether a directory was prepared with `trust` in this process."""
    return directory in _trusted


def _open_or_make(directory: str, trust: bool | None) -> Descriptor | OSError | ValueError:
    for _ in range(ATTEMPTS):
        folder = open_directory(directory, trust)
        if not isinstance(folder, FileNotFoundError):
            return folder
        error = _make(directory)
        if error is not None:
            return error
    return FileNotFoundError(errno.ENOENT, "it cannot be created here, or is removed each time", directory)


def _open_unlinked(directory: str) -> Descriptor | OSError | ValueError:
    """Open a directory that is not a symbolic link, or is a link in a folder that only this user and root change."""
    found = open_file_at(directory, _FOLDER | os.O_NOFOLLOW)
    if not isinstance(found, OSError) or found.errno not in (errno.ELOOP, errno.ENOTDIR, errno.EMLINK):
        return found
    above, name = os.path.split(directory)
    folder = open_file_at(above, _FOLDER | getattr(os, "O_PATH", 0))
    if not isinstance(folder, Descriptor):
        return folder
    with folder:
        link, holder = attempt(os.stat, name, dir_fd=int(folder), follow_symlinks=False), os.fstat(int(folder))
        if isinstance(link, Exception):
            return link
        if not stat.S_ISLNK(link.st_mode):
            return NotADirectoryError(errno.ENOTDIR, "not a directory", directory)
        if holder.st_mode & _OTHERS_WRITE or not {link.st_uid, holder.st_uid} <= {os.geteuid(), 0}:
            return PermissionError(
                errno.EPERM,
                "it is a symbolic link that another user may have placed: use the path that it leads to, or pass "
                "trust=True to allow it",
                directory,
            )
        found = open_file_at(name, _FOLDER, dir_fd=folder)
    if isinstance(found, NotADirectoryError):
        return NotADirectoryError(errno.ENOTDIR, "not a directory", directory)
    return found


def _make(directory: str) -> OSError | ValueError | None:
    """Create a directory and the missing folders above it, with mode 0700, whatever the umask is.  Return the error."""
    made = attempt(os.mkdir, directory, 0o700)
    if isinstance(made, FileExistsError):
        return None
    if isinstance(made, FileNotFoundError):
        above = os.path.dirname(directory)
        return made if above == directory else _make(above)  # the caller tries again
    if made is not None:
        return made
    status = attempt(os.stat, directory, follow_symlinks=False)
    if isinstance(status, Exception):
        made = status
    elif stat.S_IMODE(status.st_mode) & 0o700 != 0o700:
        made = attempt(os.chmod, directory, 0o700)  # the umask has removed bits
    return None if isinstance(made, FileNotFoundError) else made  # removed again


def _identity(folder: Descriptor) -> tuple[int, int]:
    status = os.fstat(int(folder))
    return status.st_dev, status.st_ino


def warn_user(text: str, kind: type[Warning] = RegistryWarning) -> None:
    """Warn with a warning that points at the caller of the package."""
    try:
        from warnings import warn
    except ImportError:  # the interpreter is ending
        return
    level, frame = 1, sys._getframe()
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] == "historian":
        level, frame = level + 1, frame.f_back
    warn(printable(text), kind, stacklevel=level)


def compare_environment(named: str, directory: str | None) -> None:
    """Warn if HISTORIAN_DIR has been set since the import.  Then it was `named`, and recorders count in `directory`."""
    now = os.environ.get("HISTORIAN_DIR", "")
    if not now or now == named:
        return
    where = f"in {directory}" if directory is not None else "in memory"
    warn_user(
        f"HISTORIAN_DIR was set to {now!r} after historian was imported, and is ignored: the default registry "
        f"counts {where}; set it before the import, or use historian.Registry(directory)"
    )


def _is_private(status: os.stat_result) -> bool:
    return not status.st_mode & _OTHERS_WRITE and status.st_uid in (os.geteuid(), 0)


def distrust(path: str, status: os.stat_result) -> PermissionError | None:
    """Return why a directory, or a file in it, is not trusted, if it is not: other users may write to it or own it."""
    remedy = "make it private (chmod go-w), or pass trust=True to allow it"
    if status.st_mode & _OTHERS_WRITE:
        mode = stat.S_IMODE(status.st_mode)
        return PermissionError(errno.EPERM, f"other users may write to it, its mode is {mode:04o}: {remedy}", path)
    if status.st_uid not in (os.geteuid(), 0):
        remedy = "use a directory of your own, or pass trust=True to allow it"
        return PermissionError(errno.EPERM, f"it belongs to another user, uid {status.st_uid}: {remedy}", path)
    return None
