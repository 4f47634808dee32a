"""Recorders of a directory are drained or removed: each record is in the result of one drain."""

from __future__ import annotations

import os

from .directory import open_directory
from .errors import CorruptFileError
from .file import open_file
from .header import FILE_NAME, check_units, decode, path_of
from .locking import Locked

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection

    from .._core import DirectoryFile
    from .._values.key import Key
    from .file import _Counted
    from .header import Header

__all__ = ["Drained", "drain", "drain_directory", "free_recorder", "remove_recorder"]


class Drained:
    """What a recorder of a directory held before it was drained."""

    __slots__ = ("counted", "file_id", "header", "place")

    header: Header
    counted: _Counted
    place: int  # in the file
    file_id: bytes

    def __init__(self, header: Header, counted: _Counted, place: int, file_id: bytes) -> None:
        self.header, self.counted, self.place, self.file_id = header, counted, place, file_id


def drain(file: DirectoryFile, place: int) -> _Counted:
    """Return the values counted since the last drain, and remove them: each record is in the result of one drain.

    Raises FileNotFoundError if the file has been removed or replaced.  Raises OSError if there is no space for what a
    drain writes.  Raises TimeoutError, an OSError, if another process has kept the file locked for `LOCK_SECONDS`: it
    may be stopped.  Then nothing has changed.
    """
    with Locked(file) as fd:
        try:
            return file.drain(fd, place)
        except ValueError as error:
            raise CorruptFileError(path_of(file.path, place), str(error)) from None


def drain_directory(
    directory: str, chosen: Collection[Key] | None = None, trust: bool | None = None
) -> tuple[list[Drained], dict[str, CorruptFileError]]:
    """Drain all recorders of a directory, or those chosen, in the order of their creation.

    Return what they held, and errors by file or recorder: those that are damaged are left out.  Nothing is found if
    there is no file.  Raises OSError if there is no space for what a drain writes, if the file may not be written, or
    if another process has kept it locked; then nothing has been drained.  Raises what `open_directory` raises.
    """
    path = os.path.join(directory, FILE_NAME)
    try:
        os.close(open_directory(directory, trust))
        file = open_file(path, False, trust)
        with Locked(file) as fd:
            return _drain_locked(file, fd, chosen)
    except FileNotFoundError:  # removed just now, or never created
        return [], {}
    except CorruptFileError as error:
        return [], {path: CorruptFileError(path, error.reason)}


def _drain_locked(
    file: DirectoryFile, fd: int, chosen: Collection[Key] | None
) -> tuple[list[Drained], dict[str, CorruptFileError]]:
    found, drained, problems = [], [], {}
    first: dict[Key, Header] = {}
    for place in file.places():
        at = path_of(file.path, place)
        try:
            header = decode(*file.text(place))
            if chosen is None or header.key in chosen:
                check_units(header, first.setdefault(header.key, header))
                found.append((header, place))
        except ValueError as error:
            problems[at] = CorruptFileError(at, str(error))
    file.prepare(fd, [place for _, place in found])  # if there is no space, nothing has been drained yet
    for header, place in found:
        try:
            drained.append(Drained(header, file.drain(fd, place, prepared=True), place, file.id))
        except ValueError as error:
            at = path_of(file.path, place)
            problems[at] = CorruptFileError(at, str(error))
    return drained, problems


def remove_recorder(file: DirectoryFile, place: int) -> _Counted:
    """Drain a recorder, and hide it while it holds nothing.  Raises what `drain` raises.

    It needs no space if nobody else has the recorder open, so this is how to gain some on a full file system.
    """
    with Locked(file) as fd:
        try:
            held = file.drain(fd, place, to_free=True)
        except ValueError as error:
            raise CorruptFileError(path_of(file.path, place), str(error)) from None
        file.remove(place)
        return held


def free_recorder(file: DirectoryFile, place: int) -> None:
    """Let the space of a removed recorder be used again, if no process has it open.

    Otherwise, and if the file cannot be locked, this is done when a recorder is next added or removed.
    """
    try:
        with Locked(file) as fd:
            file.free(fd, place)
    except OSError:
        pass
