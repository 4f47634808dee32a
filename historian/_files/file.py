"""The file of a directory: create it, open it, add recorders and read them.  ``_native/file.h`` has its layout."""

from __future__ import annotations

import errno
import os
import stat
import time

from .._core import CHUNK_NBYTES, CHUNKS_AT, INDEX_AT, MAX_RECORDERS, DirectoryFile, fill_holes, write_header
from .directory import ATTEMPTS, ensure_directory, open_directory
from .errors import CorruptFileError
from .header import Header, check_page, decode, encode, path_of
from .locking import FLAGS, REPLACED, Locked, prepare_locks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import MutableMapping

    from .._core import Counts
    from .._values.key import Key

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
]

#: Errors of open() that do not mean a bad file: it does not exist, or the process or system is at a limit.
_NOT_CORRUPT = (errno.ENOENT, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EROFS)


# ---- files that this process counts in ----

_open_files: MutableMapping[str, DirectoryFile] | None = None  # by path, with weak references


def open_file(path: str, create: bool, trust: bool | None = None) -> DirectoryFile:
    """Return the file at `path`, mapped to count in it.  In one process, the same file gives the same object.

    With `create`, create a missing file.  If several processes create it at the same time, one succeeds, and all open
    the same file.  The directory is created again if it was removed, also while this happens.  Raises
    FileNotFoundError, CorruptFileError, OSError, for example if the disk is full, and what `open_directory` raises.
    """
    global _open_files
    prepare_locks()
    if _open_files is None:
        from weakref import WeakValueDictionary

        _open_files = WeakValueDictionary()
    found = _open_files.get(path)
    if found is not None and is_at_path(found):
        return found
    for _ in range(ATTEMPTS):
        directory = os.path.dirname(path)
        folder = ensure_directory(directory)[0] if create else open_directory(directory, trust)
        try:
            file = _open_in(folder, path, create)
            break
        except FileNotFoundError:  # removed at this moment
            if not create:
                raise
        finally:
            os.close(folder)
    else:
        raise FileNotFoundError(errno.ENOENT, "it is removed each time it is created", path)
    # Another thread may have done the same.
    if found is None:
        return _open_files.setdefault(path, file)
    _open_files[path] = file
    return file


def mapped_file(path: str) -> DirectoryFile | None:
    """Return the file that this process has mapped from `path`, if any.  It may have been removed or replaced since."""
    return _open_files.get(path) if _open_files is not None else None


def _open_in(folder: int, path: str, create: bool) -> DirectoryFile:
    try:
        fd = open_fd(path, os.O_RDWR, folder)
    except FileNotFoundError:
        if not create:
            raise
        _create(folder, path)
        fd = open_fd(path, os.O_RDWR, folder)
    try:
        _reserve_again(fd, path)
        return map_file(fd, path, path)
    finally:
        os.close(fd)


def is_at_path(file: DirectoryFile) -> bool:
    """Return whether a file is still found at its path, as far as the system can tell."""
    try:
        return file.is_at(os.stat(file.path, follow_symlinks=False))
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:  # the disk fails, or the folders above it cannot be searched: the file may still be there
        return True


def add_recorder(file: DirectoryFile, key: Key, unit: str, created: int | None = None) -> int:
    """Return the place of a recorder in a file; add it if it is not there.

    Raises OSError if there is no space, FileNotFoundError if the file has been removed or replaced.
    """
    encoded = encode(key)
    place = file.find(encoded, removed=False)
    if place >= 0:
        if not is_at_path(file):
            raise FileNotFoundError(errno.ENOENT, REPLACED, file.path)
        return place
    with Locked(file) as fd:
        created = max(0, time.time_ns()) if created is None else created  # a clock may be before 1970
        return file.add(fd, encoded + unit.encode(), len(encoded), created)


def header_of(file: DirectoryFile, place: int, key: Key | None = None) -> Header:
    """Return the header of a recorder, whose key may be known.

    Raises FileNotFoundError if it was removed, CorruptFileError if it is damaged.
    """
    try:
        text = file.text(place)
        return decode(*text) if key is None else Header(key, text[1].decode(), text[2])
    except ValueError as error:
        raise CorruptFileError(path_of(file.path, place), str(error)) from None


def read_counters(file: DirectoryFile, place: int) -> _Counted:
    """Return what `DirectoryFile.read` does.  Raises CorruptFileError."""
    try:
        return file.read(place)
    except ValueError as error:
        raise CorruptFileError(path_of(file.path, place), str(error)) from None


# ---- opening and creating ----


def map_file(fd: int, path: str, count_at: str) -> DirectoryFile:
    """Map an open file.  `count_at` is its path if it is mapped for counting, empty if it is only read."""
    size = -1
    while True:
        try:
            return DirectoryFile(fd, count_at)
        except OSError as error:
            error.filename = path
            raise
        except ValueError as error:
            # Another process may have made it larger meanwhile.  If the size is the same, the file is damaged.
            before, size = size, os.fstat(fd).st_size
            if size == before:
                raise CorruptFileError(path, str(error)) from None


def open_fd(path: str, access: int, folder: int) -> int:
    """Open the file of an open directory, and check its header; the caller closes the descriptor.

    Raises CorruptFileError if it is not valid, or cannot be read.  Raises OSError if it cannot be written.
    """
    try:
        fd = os.open(os.path.basename(path), access | FLAGS, dir_fd=folder)
    except OSError as error:
        error.filename = path
        if error.errno in (errno.ELOOP, errno.EMLINK):
            raise CorruptFileError(path, "it is a symbolic link, and links are not followed") from None
        if error.errno in (errno.ENXIO, errno.ENODEV):
            raise CorruptFileError(path, "it is not a regular file") from None
        if error.errno in _NOT_CORRUPT or (access == os.O_RDWR and error.errno != errno.EISDIR):
            raise
        raise CorruptFileError(path, f"it cannot be opened: {error.strerror}") from None
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise ValueError("it is not a regular file")
        check_page(_first_page(fd))
        return fd
    except ValueError as error:
        os.close(fd)
        raise CorruptFileError(path, str(error)) from None
    except BaseException:
        os.close(fd)
        raise


def _first_page(fd: int) -> bytes:
    try:
        return os.pread(fd, 4096, 0)
    except OSError as error:
        raise ValueError(f"it cannot be read: {error.strerror}") from None


def _reserve_again(fd: int, path: str) -> None:
    """Reserve the space of a file that has holes, such as a sparse copy: else writing to it might kill the process."""
    status, words = os.fstat(fd), os.pread(fd, 32, 128)
    reserved, recorders = (int.from_bytes(words[at : at + 8], "little") for at in (8, 24))
    index, nbytes = INDEX_AT + 8 * min(recorders + 1, MAX_RECORDERS), reserved * CHUNK_NBYTES
    if status.st_blocks * 512 >= _in_pages(index) + _in_pages(nbytes) or nbytes > status.st_size - CHUNKS_AT:
        return  # as it should be, or damaged
    try:
        fill_holes(fd, 0, index)
        fill_holes(fd, CHUNKS_AT, nbytes)
    except OSError as error:
        raise OSError(error.errno, f"no space for the holes in this copy: {error.strerror}", path) from None


def _in_pages(nbytes: int) -> int:
    return -(-nbytes // 4096) * 4096


def _create(folder: int, path: str) -> None:
    """Create a complete file in an open directory, unless another process has created it in the meantime.

    The file is written without a name and then linked into the directory.  So a process that is killed while it writes
    leaves nothing behind.  Where the file system cannot create files without a name, a hidden name is used.
    """
    fd, source, hidden = _create_unlinked(folder, path)
    try:
        _fill(fd, path)
        name = os.path.basename(path)
        os.link(source, name, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=hidden is None)
    except FileExistsError:
        pass  # another process was first
    except OSError as error:
        error.filename, error.filename2 = path, None
        raise
    finally:
        os.close(fd)
        if hidden:
            _remove(folder, hidden)


def _remove(folder: int, hidden: str) -> None:
    try:
        os.unlink(hidden, dir_fd=folder)
    except FileNotFoundError:
        pass  # the whole directory has been removed


def _create_unlinked(folder: int, path: str) -> tuple[int, str, str | None]:
    """Create a file in the folder; return its descriptor, a path to link it from, and its hidden name, if any."""
    try:
        fd = os.open(".", os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600, dir_fd=folder)
        source = f"/proc/self/fd/{fd}"
        if os.path.exists(source):
            return fd, source, None
        os.close(fd)  # a chroot may have no /proc, and the file cannot be linked without it
    except (AttributeError, OSError):
        pass
    hidden = f".{os.urandom(8).hex()}.new"
    try:
        return os.open(hidden, os.O_CREAT | os.O_EXCL | os.O_RDWR | FLAGS, 0o600, dir_fd=folder), hidden, hidden
    except OSError as error:
        raise OSError(error.errno, error.strerror, path) from None


def _fill(fd: int, path: str) -> None:
    os.fchmod(fd, 0o600)  # the umask may have removed bits
    try:
        write_header(fd, max(0, time.time_ns()), os.urandom(16))
    except OSError as error:
        raise OSError(error.errno, f"no space for a directory of recorders: {error.strerror}", path) from None
