"""The file of a directory: create it, open it, add and drain recorders.  ``_native/file.h`` has its layout."""

from __future__ import annotations

import errno
import os
import stat
import time

from .._core import CHUNK_NBYTES, CHUNKS_AT, INDEX_AT, MAX_RECORDERS, DirectoryFile, write_header
from .._values.text import printable
from .directory import ATTEMPTS, ensure_directory, open_directory
from .header import Header, check_page, decode, encode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, MutableMapping

    from .._core import Counts
    from .._values.key import Key

    Counted = tuple[Counts, int, float, float, bool, int]  # as `DirectoryFile.read` returns it

__all__ = [
    "CorruptFileError",
    "CorruptFileWarning",
    "add_recorder",
    "drain",
    "drain_all",
    "header_of",
    "is_at_path",
    "map_file",
    "old_files",
    "open_fd",
    "open_file",
    "read_counters",
    "remove_recorder",
]

#: How long to wait for another process that has locked the file.  What needs the lock takes well below a millisecond.
LOCK_SECONDS = 10.0
#: Errors of open() that do not mean a bad file: it does not exist, or the process or system is at a limit.
_NOT_CORRUPT = (errno.ENOENT, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EROFS)
_FLAGS = os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK if hasattr(os, "O_NOFOLLOW") else 0  # none on Windows
_CAN_RESERVE = hasattr(os, "posix_fallocate")
#: Suffix of the files of former versions, one for each recorder.
_OLD_SUFFIX = ".counters"
_OLD = (
    "it was written by an older historian, which had a file for each recorder: end the processes that use this "
    "directory, then remove the file, or use another directory"
)


class CorruptFileError(ValueError):
    """The file of a directory, or a recorder in it, is not valid: `path` names it, `reason` says why.

    For a recorder, `path` ends in its place in the file: ``/dev/shm/shop/recorders[3]``.
    """

    __module__ = "historian"

    path: str
    reason: str

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path, reason)
        self.path, self.reason = path, reason

    def __str__(self) -> str:
        return printable(f"{self.path}: {self.reason}")


class CorruptFileWarning(UserWarning):
    """The file of a directory, or a recorder in it, could not be read or cleared, and was left out."""

    __module__ = "historian"


# ---- files that this process counts in ----

_open_files: MutableMapping[str, DirectoryFile] | None = None  # by path, with weak references


def open_file(path: str, create: bool, trust: bool | None = None) -> DirectoryFile:
    """Return the file at `path`, mapped to count in it.  In one process, the same file gives the same object.

    With `create`, create a missing file.  If several processes create it at the same time, one succeeds, and all open
    the same file.  The directory is created again if it was removed, also while this happens.  Raises
    FileNotFoundError, CorruptFileError, OSError, for example if the disk is full, and what `open_directory` raises.
    """
    import fcntl  # noqa: F401  `_Locked` needs it, and may run when no file descriptor is left to import it

    global _open_files
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


def _open_in(folder: int, path: str, create: bool) -> DirectoryFile:
    try:
        fd = open_fd(path, os.O_RDWR, folder)
    except FileNotFoundError:
        for problem in old_files(os.path.dirname(path), folder).values():
            raise problem from None
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
    place = file.find(encoded)
    if place >= 0:
        return place
    with _Locked(file) as fd:
        return file.add(fd, encoded + unit.encode(), len(encoded), max(0, time.time_ns()) if created is None else created)


def header_of(file: DirectoryFile, place: int, key: Key | None = None) -> Header:
    """Return the header of a recorder, whose key may be known.  Raises CorruptFileError if it is damaged or removed."""
    try:
        text = file.text(place)
        if text is None:
            raise ValueError("it was removed")
        return decode(*text) if key is None else Header(key, text[1].decode(), text[2])
    except ValueError as error:
        raise CorruptFileError(f"{file.path}[{place}]", str(error)) from None


def read_counters(file: DirectoryFile, place: int) -> Counted:
    """Return what `DirectoryFile.read` does.  Raises CorruptFileError."""
    try:
        return file.read(place)
    except ValueError as error:
        raise CorruptFileError(f"{file.path}[{place}]", str(error)) from None


def drain(file: DirectoryFile, place: int) -> Counted:
    """Return the values counted since the last drain, and remove them: each record is in the result of one drain.

    Raises FileNotFoundError if the file has been removed or replaced.  Raises OSError if there is no space for what a
    drain writes.  Raises TimeoutError, an OSError, if another process has kept the file locked for `LOCK_SECONDS`: it
    may be stopped.  Then nothing has changed.
    """
    with _Locked(file) as fd:
        try:
            return file.drain(fd, place)
        except ValueError as error:
            raise CorruptFileError(f"{file.path}[{place}]", str(error)) from None


def drain_all(
    file: DirectoryFile, chosen: Collection[Key] | None = None
) -> tuple[list[tuple[Header, Counted]], dict[str, CorruptFileError]]:
    """Drain all recorders, or those chosen; return what they held, and errors by recorder."""
    drained: list[tuple[Header, Counted]] = []
    problems = {}
    with _Locked(file) as fd:
        for place in range(len(file)):
            at = f"{file.path}[{place}]"
            try:
                text = file.text(place)
                if text is None:
                    continue
                header = decode(*text)
                if chosen is None or header.key in chosen:
                    drained.append((header, file.drain(fd, place)))
            except ValueError as error:
                problems[at] = CorruptFileError(at, str(error))
            except OSError as error:  # no space for what a drain writes
                problems[at] = CorruptFileError(at, f"it cannot be cleared: {error.strerror}")
    return drained, problems


def remove_recorder(file: DirectoryFile, place: int) -> Counted:
    """Drain a recorder, and let nobody find it any more.  Raises what `drain` raises."""
    with _Locked(file) as fd:
        try:
            held = file.drain(fd, place)
        except ValueError as error:
            raise CorruptFileError(f"{file.path}[{place}]", str(error)) from None
        file.remove(place)
        return held


class _Locked:
    """A context in which the file is locked: nobody else adds or drains recorders.  It gives a descriptor of the file.

    Raises FileNotFoundError if the file has been removed or replaced.
    """

    __slots__ = ("_fd", "_file")

    def __init__(self, file: DirectoryFile) -> None:
        self._file = file

    def __enter__(self) -> int:
        self._fd = os.open(self._file.path, os.O_RDWR | _FLAGS)  # again: flock() locks belong to an open file
        try:
            if not self._file.is_at(os.fstat(self._fd)):
                why = "the file has been replaced since it was opened: get the recorder again"
                raise FileNotFoundError(errno.ENOENT, why, self._file.path)
            _lock(self._fd, self._file.path)
        except BaseException:
            os.close(self._fd)
            raise
        return self._fd

    def __exit__(self, *error: object) -> None:
        import fcntl

        fcntl.flock(self._fd, fcntl.LOCK_UN)  # if a forked child has inherited it, closing it here does not unlock
        os.close(self._fd)


def _lock(fd: int, path: str) -> None:
    """Lock a file.  A process that is stopped may hold the lock for ever, so wait for a limited time."""
    import fcntl

    end, pause = time.monotonic() + LOCK_SECONDS, 0.0005
    while True:
        try:
            return fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= end:
                text = f"another process has kept it locked for {LOCK_SECONDS:g} s: it may be stopped; try again"
                raise TimeoutError(errno.ETIMEDOUT, text, path) from None
        time.sleep(pause)
        pause = min(2 * pause, 0.02)


# ---- opening and creating ----


def map_file(fd: int, path: str, count_at: str) -> DirectoryFile:
    """Map an open file.  `count_at` is its path if it is mapped for counting, empty if it is only read."""
    size = -1
    while True:
        try:
            return DirectoryFile(fd, count_at)
        except ValueError as error:
            # Another process may have made it larger meanwhile.  If the size is the same, the file is damaged.
            before, size = size, os.fstat(fd).st_size
            if size == before:
                raise CorruptFileError(path, str(error)) from None


def open_fd(path: str, access: int, folder: int) -> int:
    """Open the file of an open directory, and check its header; the caller closes the descriptor."""
    try:
        fd = os.open(os.path.basename(path), access | _FLAGS, dir_fd=folder)
    except OSError as error:
        error.filename = path
        if error.errno in (errno.ELOOP, errno.EMLINK):
            raise CorruptFileError(path, "it is a symbolic link, and links are not followed") from None
        if error.errno in (errno.ENXIO, errno.ENODEV):
            raise CorruptFileError(path, "it is not a regular file") from None
        if error.errno in _NOT_CORRUPT:
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
    status = os.fstat(fd)
    _, reserved, _, recorders = (int.from_bytes(word, "little") for word in _words(os.pread(fd, 32, 128)))
    nbytes = reserved * CHUNK_NBYTES
    if status.st_blocks * 512 >= nbytes or not nbytes <= status.st_size - CHUNKS_AT or not _CAN_RESERVE:
        return  # as it should be, or damaged
    try:
        os.posix_fallocate(fd, 0, INDEX_AT + 8 * min(recorders + 1, MAX_RECORDERS))
        os.posix_fallocate(fd, CHUNKS_AT, nbytes)
    except OSError as error:
        raise OSError(error.errno, f"no space for the holes in this copy: {error.strerror}", path) from None


def _words(data: bytes) -> list[bytes]:
    return [data[at : at + 8] for at in range(0, len(data), 8)]


def old_files(directory: str, folder: int) -> dict[str, CorruptFileError]:
    """Return errors for the files of former versions in an open directory, by path: one for each recorder."""
    names = sorted(os.listdir(folder))
    old = [name for name in names if name.endswith(_OLD_SUFFIX) and not name.startswith(".")]
    return {path: CorruptFileError(path, _OLD) for path in (os.path.join(directory, name) for name in old)}


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
        return os.open(hidden, os.O_CREAT | os.O_EXCL | os.O_RDWR | _FLAGS, 0o600, dir_fd=folder), hidden, hidden
    except OSError as error:
        raise OSError(error.errno, error.strerror, path) from None


def _fill(fd: int, path: str) -> None:
    os.fchmod(fd, 0o600)  # the umask may have removed bits
    try:
        write_header(fd, max(0, time.time_ns()))
    except OSError as error:
        raise OSError(error.errno, f"no space for a directory of recorders: {error.strerror}", path) from None
