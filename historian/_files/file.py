"""Files of recorders: create, open, read and drain them.  Their layout is in ``_native/file.h``."""

from __future__ import annotations

import errno
import os
import stat

from .._core import BLOCK_NBYTES, FILE_HEADER_NBYTES, CounterFile, reserve
from .._values.text import printable
from .directory import ATTEMPTS, ensure_directory, open_directory
from .header import Header, decode, encode, file_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .._core import Counts

__all__ = [
    "CorruptFileError",
    "CorruptFileWarning",
    "Reading",
    "check_counters",
    "drain",
    "open_file",
    "open_or_create",
    "read",
    "read_counters",
]

#: Size of a new file: the header and the block of counters that all processes share.
NEW_NBYTES = 4096 + BLOCK_NBYTES
#: How long a drain waits for another process that drains the same file.  A drain takes well below a millisecond.
LOCK_SECONDS = 10.0
#: Errors of open() that do not mean a bad file: it does not exist, or the process or system is at a limit.
_NOT_CORRUPT = (errno.ENOENT, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EROFS)
_FLAGS = os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK if hasattr(os, "O_NOFOLLOW") else 0  # none on Windows


class CorruptFileError(ValueError):
    """A file in a registry's directory is not a valid file of a recorder: `path` names it, `reason` says why."""

    __module__ = "historian"

    path: str
    reason: str

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path, reason)
        self.path, self.reason = path, reason

    def __str__(self) -> str:
        return printable(f"{self.path}: {self.reason}")


class CorruptFileWarning(UserWarning):
    """A file in a registry's directory could not be read or cleared, and was left out."""

    __module__ = "historian"


def open_or_create(path: str, header: Header) -> tuple[CounterFile, Header]:
    """Open the file at `path` for counting; create it with `header` if it does not exist.  Return it and its header.

    If several processes create it at the same time, one succeeds, and all open the same file.  The directory is created
    again if it was removed, also while this happens.  Raises OSError if the disk is full.  Raises CorruptFileError if
    the path is not a valid file of this recorder; on a file system that ignores case, it may be the file of another
    recorder.  Raises what `ensure_directory` raises.
    """
    for _ in range(ATTEMPTS):
        folder, _ = ensure_directory(os.path.dirname(path))
        try:
            try:
                return _open_in(folder, path)
            except FileNotFoundError:
                _create(folder, path, header)
            return _open_in(folder, path)
        except FileNotFoundError:  # removed at this moment
            continue
        finally:
            os.close(folder)
    raise FileNotFoundError(errno.ENOENT, "it is removed each time it is created", path)


def open_file(path: str, trust: bool | None = None) -> tuple[CounterFile, Header]:
    """Open the file at `path` for counting.  Return it and its header.

    Raises FileNotFoundError, CorruptFileError, OSError, and what `open_directory` raises.
    """
    folder = open_directory(os.path.dirname(path), trust)
    try:
        return _open_in(folder, path)
    finally:
        os.close(folder)


def _open_in(folder: int, path: str) -> tuple[CounterFile, Header]:
    import fcntl  # noqa: F401  `drain` needs it, and may run when no file descriptor is left to import it

    fd, header = open_fd(path, os.O_RDWR, folder)
    try:
        return map_file(fd, path, path)[0], header  # this also reads the counts, so that damage is found now
    finally:
        os.close(fd)


def check_counters(file: CounterFile) -> None:
    """Raise CorruptFileError if an open file is damaged, or has been truncated."""
    try:
        file.check()
    except ValueError as error:
        raise CorruptFileError(file.path, str(error)) from None


def read_counters(file: CounterFile) -> tuple[Counts, int, float, float]:
    """Return the counts, sum, minimum and maximum in an open file.  Raises CorruptFileError."""
    try:
        return file.read()
    except ValueError as error:
        raise CorruptFileError(file.path, str(error)) from None


class Reading:
    """The contents of a recorder's file at one moment."""

    __slots__ = ("counted", "drains", "header", "inode", "status", "synthetic")

    header: Header
    counted: tuple[Counts, int, float, float]  # since the last drain, as `Counters._read` returns it
    drains: int  # how often the file has been drained or cleared, from 0
    inode: int  # if it changes, the path is another file
    status: os.stat_result  # of the file that was read
    synthetic: bool  # whether some of the values are estimates

    def __init__(self, fd: int, path: str, header: Header) -> None:
        self.header, self.status = header, os.fstat(fd)
        self.inode = self.status.st_ino
        drains = _drains(fd)
        while True:  # counts and number of drains must match: if a drain comes in between, read again
            file, self.counted = map_file(fd, path)
            self.synthetic = file.is_synthetic()
            self.drains, drains = drains, _drains(fd)
            if self.drains == drains:
                return


def read(path: str, folder: int | None = None) -> Reading:
    """Read a file without changing anything; `folder` is a descriptor of its directory, if that is open.

    Raises FileNotFoundError, CorruptFileError, OSError.
    """
    fd, header = open_fd(path, os.O_RDONLY, folder)
    try:
        return Reading(fd, path, header)
    finally:
        os.close(fd)


def _drains(fd: int) -> int:
    return int.from_bytes(os.pread(fd, 8, FILE_HEADER_NBYTES), "little")


def map_file(fd: int, path: str, count_at: str = "") -> tuple[CounterFile, tuple[Counts, int, float, float]]:
    """Map an open file and read it.  Return the `CounterFile` and its counts, sum, minimum and maximum.

    `count_at` is the path of the file if it is mapped for counting, empty if it is only read.  Raises
    CorruptFileError, OSError.
    """
    size = -1
    while True:
        try:
            file = CounterFile(fd, count_at)
            return file, file.read()
        except ValueError as error:
            # Another process may have added a block after CounterFile took the size.  If the size is the same, the
            # file is damaged.
            before, size = size, os.fstat(fd).st_size
            if size == before:
                raise CorruptFileError(path, str(error)) from None


def drain(file: CounterFile) -> tuple[Counts, int, float, float]:
    """Return the values counted since the last drain, and remove them: each record is in the result of one drain.

    Raises FileNotFoundError if the file has been removed or replaced.  Raises OSError if there is no space for the
    blocks that a drain needs.  Raises TimeoutError, an OSError, if another process has been draining the file for
    `LOCK_SECONDS`: it may be stopped.  Then nothing has changed.
    """
    import fcntl

    fd = os.open(file.path, os.O_RDWR | _FLAGS)  # open it again: flock() locks belong to an open file
    try:
        if not file.is_at(os.fstat(fd)):
            raise FileNotFoundError(
                errno.ENOENT, "the file has been replaced since it was opened: get the recorder again", file.path
            )
        _lock(fd, file.path)
        try:
            return file.drain(fd)
        except ValueError as error:
            raise CorruptFileError(file.path, str(error)) from None
        finally:
            fcntl.flock(fd, fcntl.LOCK_UN)  # if a forked child has inherited fd, closing it here does not unlock
    finally:
        os.close(fd)


def _lock(fd: int, path: str) -> None:
    """Lock a file.  A process that is stopped may hold the lock for ever, so wait for a limited time."""
    import fcntl
    import time

    end, pause = time.monotonic() + LOCK_SECONDS, 0.0005
    while True:
        try:
            return fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= end:
                text = f"another process has been draining it for {LOCK_SECONDS:g} s: it may be stopped; try again"
                raise TimeoutError(errno.ETIMEDOUT, text, path) from None
        time.sleep(pause)
        pause = min(2 * pause, 0.02)


def open_fd(path: str, access: int, folder: int | None) -> tuple[int, Header]:
    """Open a recorder's file; return its descriptor and its header.

    The caller closes the descriptor.  Raises what `read` raises.
    """
    try:
        fd = os.open(os.path.basename(path) if folder is not None else path, access | _FLAGS, dir_fd=folder)
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
        header = decode(_first_page(fd))
        if os.path.basename(path) != file_name(header.key):
            raise ValueError(f"it is a copy: the file of {str(header.key)!r} must be called {file_name(header.key)}")
        return fd, header
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


def _create(folder: int, path: str, header: Header) -> None:
    """Create a complete file in an open directory, unless another process has created it in the meantime.

    The file is written without a name and then linked into the directory.  So a process that is killed while it writes
    leaves nothing behind.  Where the file system cannot create files without a name, a hidden name is used.
    """
    page = encode(header)
    fd, source, hidden = _create_unlinked(folder, path)
    try:
        _fill(fd, page, path)
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


def _fill(fd: int, page: bytes, path: str) -> None:
    os.fchmod(fd, 0o600)  # the umask may have removed bits
    try:
        reserve(fd, NEW_NBYTES)
        os.pwrite(fd, page, 0)
    except OSError as error:
        raise OSError(error.errno, f"no space for a recorder of {NEW_NBYTES:,} bytes: {error.strerror}", path) from None
