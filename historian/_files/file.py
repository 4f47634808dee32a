"""The file of a directory: create it, open it, add recorders and read them.  ``_native/file.h`` has its layout."""

from __future__ import annotations

import errno
import os
import stat
import time

from .._core import (
    CHUNK_NBYTES,
    CHUNKS_AT,
    INDEX_AT,
    MAX_RECORDERS,
    Descriptor,
    DirectoryFile,
    attempt,
    fill_holes,
    open_file_at,
    write_header,
)
from .directory import ATTEMPTS, distrust, ensure_directory, is_trusted, open_directory
from .errors import CorruptFileError
from .former import former_file
from .header import Header, decode, encode, fault_of_page, path_of
from .locking import FLAGS, REPLACED, locked

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import MutableMapping
    from typing import TypeVar

    from .._core import Counts
    from .._values.key import Key

    _T = TypeVar("_T")
    _Counted = tuple[Counts, int, float, float, bool, int]  # as `DirectoryFile.read` returns it

__all__ = [
    "add_recorder",
    "header_of",
    "is_at_path",
    "map_file",
    "mapped_file",
    "open_fd",
    "open_file",
    "read_counters",
    "said_of",
]

#: Errors of open() that do not mean a bad file: it does not exist, or the process or system is at a limit.
_NOT_CORRUPT = (errno.ENOENT, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EROFS)


# ---- files that this process counts in ----

_open_files: MutableMapping[str, DirectoryFile] | None = None  # by path, with weak references
_mapped_files: MutableMapping[tuple[str, tuple[int, int]], DirectoryFile] = {}  # by path and inode; then likewise weak


def open_file(path: str, create: bool, trust: bool | None = None) -> DirectoryFile | OSError | ValueError:
    """Return the file at `path`, mapped to count in it, or the error.  In one process, a file gives the same object.

    With `create`, create a missing file.  If several processes create it at the same time, one succeeds, and all open
    the same file.  The directory is created again if it was removed, also while this happens.  The error is a
    FileNotFoundError, a CorruptFileError, an OSError such as that of a full disk, or what `open_directory` returns.
    """
    global _open_files, _mapped_files
    if _open_files is None:
        from weakref import WeakValueDictionary

        _mapped_files, _open_files = WeakValueDictionary(), WeakValueDictionary()
    found = _open_files.get(path)
    if found is not None and is_at_path(found):
        return found
    for _ in range(ATTEMPTS):
        directory = os.path.dirname(path)
        folder = ensure_directory(directory)[0] if create else open_directory(directory, trust)
        if not isinstance(folder, Descriptor):
            return folder
        with folder:
            file = _open_in(folder, path, create, trust)
        if create and isinstance(file, FileNotFoundError):  # removed at this moment
            continue
        if isinstance(file, DirectoryFile):
            file = _mapped_files.setdefault((path, file.inode), file)
            # Another thread may have done the same.
            if found is None:
                return _open_files.setdefault(path, file)
            _open_files[path] = file
        return file
    return FileNotFoundError(errno.ENOENT, "it is removed each time it is created", path)


def mapped_file(path: str) -> DirectoryFile | None:
    """Return the file that this process has mapped from `path`, if any.  It may have been removed or replaced since."""
    return _open_files.get(path) if _open_files is not None else None


def _open_in(folder: Descriptor, path: str, create: bool, trust: bool | None) -> DirectoryFile | OSError | ValueError:
    fd = open_fd(path, os.O_RDWR, folder, trust)
    if isinstance(fd, FileNotFoundError) and create:
        error = former_file(os.path.dirname(path), folder) or _create(folder, path)
        if error is not None:
            return error
        fd = open_fd(path, os.O_RDWR, folder, trust)
    if not isinstance(fd, Descriptor):
        return fd
    with fd:
        status = os.fstat(int(fd))
        # One that was moved away, and is back, may still be mapped.
        known = _mapped_files.get((path, (status.st_dev, status.st_ino)))
        return known if known is not None else _reserve_again(fd, path) or map_file(fd, path, path)


def is_at_path(file: DirectoryFile) -> bool:
    """Return whether a file is still found at its path, as far as the system can tell."""
    status = attempt(os.stat, file.path, follow_symlinks=False)
    if isinstance(status, Exception):
        # If the disk fails, or the folders above it cannot be searched, the file may still be there.
        return not isinstance(status, (FileNotFoundError, NotADirectoryError))
    return file.is_at(status)


def add_recorder(file: DirectoryFile, key: Key, unit: str, created: int | None = None) -> int | OSError | ValueError:
    """Return the place of a recorder in a file; add it if it is not there.

    Or return the error: OSError if there is no space, FileNotFoundError if the file has been removed or replaced.
    """
    encoded = encode(key)
    place = file.find(encoded, removed=False)
    if place >= 0:
        return place if is_at_path(file) else FileNotFoundError(errno.ENOENT, REPLACED, file.path)
    with locked(file) as fd:
        if isinstance(fd, OSError):
            return fd
        created = max(0, time.time_ns()) if created is None else created  # a clock may be before 1970
        return attempt(file.add, fd, encoded + unit.encode(), len(encoded), created)


def header_of(file: DirectoryFile, place: int, key: Key | None = None) -> Header | OSError | CorruptFileError:
    """Return the header of a recorder, whose key may be known.

    Or return the error: FileNotFoundError if it was removed, CorruptFileError if it is damaged.
    """
    text = said_of(file, place, attempt(file.text, place))
    if isinstance(text, Exception):
        return text
    header = decode(*text, key)
    return CorruptFileError(path_of(file.path, place), header) if isinstance(header, str) else header


def read_counters(file: DirectoryFile, place: int) -> _Counted | OSError | CorruptFileError:
    """Return what `DirectoryFile.read` does, or the error."""
    return said_of(file, place, attempt(file.read, place))


def said_of(file: DirectoryFile, place: int, outcome: _T | OSError | ValueError) -> _T | OSError | CorruptFileError:
    """Return what a method of a file has returned for a recorder; a ValueError as a CorruptFileError."""
    if isinstance(outcome, ValueError):
        return CorruptFileError(path_of(file.path, place), str(outcome))
    return outcome


# ---- opening and creating ----


def map_file(fd: Descriptor, path: str, count_at: str) -> DirectoryFile | OSError | CorruptFileError:
    """Map an open file.  `count_at` is its path if it is mapped for counting, empty if it is only read."""
    size = -1
    while True:
        file = attempt(DirectoryFile, fd, count_at)
        if isinstance(file, ValueError):
            # Another process may have made it larger meanwhile.  If the size is the same, the file is damaged.
            before, size = size, os.fstat(int(fd)).st_size
            if size != before:
                continue
            return CorruptFileError(path, str(file))
        if isinstance(file, OSError):
            file.filename = path
        return file


def open_fd(path: str, access: int, folder: Descriptor, trust: bool | None) -> Descriptor | OSError | ValueError:
    """Open the file of an open directory, and check it.  Return its descriptor, or the error.

    The error is a CorruptFileError if it is not valid, or cannot be read; an OSError if it cannot be written.  It is a
    PermissionError if other users may write to the file or own it, unless the directory is trusted: see
    `open_directory`.  A directory that only this user writes to may have such a file, whose counts are not its own.
    """
    fd = open_file_at(os.path.basename(path), access | FLAGS, dir_fd=folder)
    if isinstance(fd, OSError):
        fd.filename = path
        if fd.errno in (errno.ELOOP, errno.EMLINK):
            return CorruptFileError(path, "it is a symbolic link, and links are not followed")
        if fd.errno in (errno.ENXIO, errno.ENODEV):
            return CorruptFileError(path, "it is not a regular file")
        if fd.errno not in _NOT_CORRUPT and (access != os.O_RDWR or fd.errno == errno.EISDIR):
            return CorruptFileError(path, f"it cannot be opened: {fd.strerror}")
    if not isinstance(fd, Descriptor):
        return fd
    if not (is_trusted(os.path.dirname(path)) if trust is None else trust):
        refused = distrust(path, os.fstat(int(fd)))
        if refused is not None:
            return refused
    fault = _fault_of(fd)
    return fd if fault is None else CorruptFileError(path, fault)


def _fault_of(fd: Descriptor) -> str | None:
    """Return why an open file is not one of recorders, if it is not."""
    if not stat.S_ISREG(os.fstat(int(fd)).st_mode):
        return "it is not a regular file"
    page = attempt(os.pread, int(fd), 4096, 0)
    if isinstance(page, OSError):
        return f"it cannot be read: {page.strerror}"
    assert isinstance(page, bytes)
    return fault_of_page(page)


def _reserve_again(fd: Descriptor, path: str) -> OSError | ValueError | None:
    """Reserve the space of a file that has holes, such as a sparse copy: else writing to it might kill the process.

    Return the error if there is none.
    """
    status, words = os.fstat(int(fd)), attempt(os.pread, int(fd), 32, 128)
    if isinstance(words, Exception):
        return words
    reserved, recorders = (int.from_bytes(words[at : at + 8], "little") for at in (8, 24))
    index, nbytes = INDEX_AT + 8 * min(recorders + 1, MAX_RECORDERS), reserved * CHUNK_NBYTES
    if status.st_blocks * 512 >= _in_pages(index) + _in_pages(nbytes) or nbytes > status.st_size - CHUNKS_AT:
        return None  # as it should be, or damaged
    error = attempt(fill_holes, fd, 0, index) or attempt(fill_holes, fd, CHUNKS_AT, nbytes)
    if isinstance(error, OSError):
        return OSError(error.errno, f"no space for the holes in this copy: {error.strerror}", path)
    return error


def _in_pages(nbytes: int) -> int:
    return -(-nbytes // 4096) * 4096


def _create(folder: Descriptor, path: str) -> OSError | ValueError | None:
    """Create a complete file in an open directory, unless another process has created it in the meantime.

    The file is written without a name and then linked into the directory.  So a process that is killed while it writes
    leaves nothing behind.  Where the file system cannot create files without a name, a hidden name is used.  Return the
    error, if there is one.
    """
    fd, source, hidden = _create_unlinked(folder)
    if not isinstance(fd, Descriptor):
        return OSError(fd.errno, fd.strerror, path) if isinstance(fd, OSError) else fd
    with fd:
        try:
            error = _fill(fd, path) or attempt(
                os.link,
                source,
                os.path.basename(path),
                src_dir_fd=int(folder),
                dst_dir_fd=int(folder),
                follow_symlinks=hidden is None,
            )
        finally:
            if hidden is not None:
                attempt(os.unlink, hidden, dir_fd=int(folder))  # the whole directory may have been removed
    if isinstance(error, FileExistsError):
        return None  # another process was first
    if isinstance(error, OSError):
        return OSError(error.errno, error.strerror, path)
    return error


def _create_unlinked(folder: Descriptor) -> tuple[Descriptor | OSError | ValueError, str, str | None]:
    """Create a file in the folder; return its descriptor, a path to link it from, and its hidden name, if any."""
    if hasattr(os, "O_TMPFILE"):
        fd = open_file_at(".", os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600, dir_fd=folder)
        source = f"/proc/self/fd/{int(fd)}" if isinstance(fd, Descriptor) else ""
        # A chroot may have no /proc, and the file cannot be linked without it.
        if source and os.access(source, os.F_OK):
            return fd, source, None
    hidden = f".{os.urandom(8).hex()}.new"
    fd = open_file_at(hidden, os.O_CREAT | os.O_EXCL | os.O_RDWR | FLAGS, 0o600, dir_fd=folder)
    return fd, hidden, hidden


def _fill(fd: Descriptor, path: str) -> OSError | ValueError | None:
    error = attempt(os.fchmod, int(fd), 0o600)  # the umask may have removed bits
    if error is not None:
        return error
    error = attempt(write_header, fd, max(0, time.time_ns()), os.urandom(16))
    if isinstance(error, OSError):
        return OSError(error.errno, f"no space for a directory of recorders: {error.strerror}", path)
    return error
