"""The files that recorders count in: made, opened, read, drained.  Their layout is in ``_native/file.h``."""

from __future__ import annotations

import errno
import os
import stat

from .._core import BLOCK_NBYTES, FILE_HEADER_NBYTES, CounterFile
from .header import Header, decode, encode, file_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .._core import Counts

__all__ = [
    "CorruptFileError",
    "CorruptFileWarning",
    "Reading",
    "drain",
    "open_file",
    "open_or_create",
    "read",
    "read_counters",
]

#: Bytes of a new file: the header, and the counters that all processes share.
NEW_NBYTES = 4096 + BLOCK_NBYTES
#: What says nothing about the file to be opened: it is not there, or the process or the system is at a limit.
_NOT_OF_THE_FILE = (errno.ENOENT, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EROFS)
_FLAGS = os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK if hasattr(os, "O_NOFOLLOW") else 0  # none on Windows


class CorruptFileError(ValueError):
    """A file in a registry's directory cannot be read as that of a recorder.  `path` names it, `reason` says why."""

    __module__ = "historian"

    path: str
    reason: str

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path, reason)
        self.path, self.reason = path, reason

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


class CorruptFileWarning(UserWarning):
    """A file in a registry's directory could not be read, and was left out."""

    __module__ = "historian"


def open_or_create(path: str, header: Header) -> tuple[CounterFile, Header]:
    """Return the file of that path for counting, and the header it has: that given, if the file was not there.

    Of processes that create it at the same time one succeeds, and all open its file.  Raises OSError if the disk is
    full, CorruptFileError if there is something else in the file's place, such as the file of another recorder where
    file names ignore case.
    """
    try:
        return open_file(path)
    except FileNotFoundError:
        _create(path, header)
    return open_file(path)


def open_file(path: str) -> tuple[CounterFile, Header]:
    """Return the file of that path for counting, and its header.

    Raises FileNotFoundError, CorruptFileError, OSError.
    """
    import fcntl  # noqa: F401  which `drain` needs, perhaps when there is no descriptor left to load it by

    fd, header = open_fd(path, os.O_RDWR)
    try:
        return map_file(fd, path, path)[0], header  # read, too: now is the time to find out about damage
    finally:
        os.close(fd)


def read_counters(file: CounterFile) -> tuple[Counts, tuple[float, ...], float, float]:
    """Return what is counted in a file that is open.  Raises CorruptFileError."""
    try:
        return file.read()
    except ValueError as error:
        raise CorruptFileError(file.path, str(error)) from None


class Reading:
    """A recorder's file as it was at a time."""

    __slots__ = ("counted", "drains", "header", "inode")

    header: Header
    counted: tuple[Counts, tuple[float, ...], float, float]  # since the last drain, as `Counters._read` returns it
    drains: int  # how often it had been drained or cleared
    inode: int  # another one is another file

    def __init__(self, fd: int, path: str, header: Header) -> None:
        self.header, self.inode = header, os.fstat(fd).st_ino
        drains = _drains(fd)
        while True:  # counts and number of drains belong together: if somebody drains it in between, all is read again
            self.counted = map_file(fd, path)[1]
            self.drains, drains = drains, _drains(fd)
            if self.drains == drains:
                return


def read(path: str) -> Reading:
    """Read a file without changing anything.  Raises FileNotFoundError, CorruptFileError, OSError."""
    fd, header = open_fd(path, os.O_RDONLY)
    try:
        return Reading(fd, path, header)
    finally:
        os.close(fd)


def _drains(fd: int) -> int:
    return int.from_bytes(os.pread(fd, 8, FILE_HEADER_NBYTES), "little")


def map_file(
    fd: int, path: str, count_at: str = ""
) -> tuple[CounterFile, tuple[Counts, tuple[float, ...], float, float]]:
    """Return an open file, mapped for counting if `count_at` names it, and what is counted in it.

    Raises CorruptFileError, OSError.
    """
    size = -1
    while True:
        try:
            file = CounterFile(fd, count_at)
            return file, file.read()
        except ValueError as error:
            # Another process may have added a block since the file was measured.  What does not grow is damaged.
            before, size = size, os.fstat(fd).st_size
            if size == before:
                raise CorruptFileError(path, str(error)) from None


def drain(file: CounterFile) -> tuple[Counts, tuple[float, ...], float, float]:
    """Return what is counted in a file, and take it out: of all processes that drain it, one gets each record.

    Raises FileNotFoundError if the file is no longer where it was opened, OSError if there is no space for keeping the
    books; then nothing has changed.
    """
    import fcntl

    fd = os.open(file.path, os.O_RDWR | _FLAGS)  # anew: the lock is that of an open file
    try:
        if not file.is_at(os.fstat(fd)):
            raise FileNotFoundError(errno.ENOENT, "the file has been replaced since it was opened", file.path)
        fcntl.flock(fd, fcntl.LOCK_EX)
        try:
            return file.drain(fd)
        except ValueError as error:
            raise CorruptFileError(file.path, str(error)) from None
        finally:
            fcntl.flock(fd, fcntl.LOCK_UN)  # closing is not enough if a child has inherited it
    finally:
        os.close(fd)


def open_fd(path: str, access: int) -> tuple[int, Header]:
    """Return a descriptor of a recorder's file, which the caller closes, and its header.  Raises as `read` does."""
    try:
        fd = os.open(path, access | _FLAGS)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.EMLINK):
            raise CorruptFileError(path, "it is a symbolic link, which is not followed") from None
        if error.errno in (errno.ENXIO, errno.ENODEV):
            raise CorruptFileError(path, "it is not a regular file") from None
        if error.errno in _NOT_OF_THE_FILE:
            raise
        raise CorruptFileError(path, f"it cannot be opened: {error.strerror}") from None
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise ValueError("it is not a regular file")
        header = decode(_first_page(fd))
        if os.path.basename(path) != file_name(header.key):
            raise ValueError(f"it is a copy: the file of {str(header.key)!r} is called {file_name(header.key)}")
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


def _create(path: str, header: Header) -> None:
    """Put a new file in place, whole, unless there is one meanwhile.

    It is written without a name, so that whoever dies on the way leaves nothing behind; where the file system has no
    such files, under a hidden name.
    """
    directory, name = os.path.split(path)
    page = encode(header)
    folder = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fd, source, aside = _open_aside(folder, path)
        try:
            _fill(fd, page, path)
            os.link(source, name, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=aside is None)
        except FileExistsError:
            pass  # another process was first
        finally:
            os.close(fd)
            if aside:
                os.unlink(aside, dir_fd=folder)
    finally:
        os.close(folder)


def _open_aside(folder: int, path: str) -> tuple[int, str, str | None]:
    """Return the descriptor of a new file in the folder, a path to it, and its name in the folder, if it has one."""
    try:
        fd = os.open(".", os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600, dir_fd=folder)
        source = f"/proc/self/fd/{fd}"
        if os.path.exists(source):
            return fd, source, None
        os.close(fd)  # there is no /proc in many a chroot, and no other way to it
    except (AttributeError, OSError):
        pass
    aside = f".{os.urandom(8).hex()}.new"
    try:
        return os.open(aside, os.O_CREAT | os.O_EXCL | os.O_RDWR | _FLAGS, 0o600, dir_fd=folder), aside, aside
    except OSError as error:
        raise OSError(error.errno, error.strerror, path) from None


def _fill(fd: int, page: bytes, path: str) -> None:
    os.fchmod(fd, 0o600)  # whatever the umask
    try:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(fd, 0, NEW_NBYTES)
        else:
            os.pwrite(fd, bytes(NEW_NBYTES), 0)
        os.pwrite(fd, page, 0)
    except OSError as error:
        raise OSError(error.errno, f"no room for a recorder: {error.strerror}", path) from None
