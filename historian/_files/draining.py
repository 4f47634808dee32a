"""Recorders of a directory are drained or removed: each record is in the result of one drain."""

from __future__ import annotations

import os

from .._core import attempt, give_back
from .directory import open_directory
from .errors import CorruptFileError, checked
from .file import header_of, open_file, said_of
from .former import former_file
from .header import FILE_NAME, Header, fault_of_units, path_of
from .locking import locked

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection

    from .._core import DirectoryFile, _Taken
    from .._values.key import Key
    from .file import _Counted

__all__ = [
    "Drained", "drain", "drain_directory", "free_recorder", "hide_recorder", "remove_recorder", "settle",
]  # fmt: skip


class Drained:
    """What a recorder of a directory held before it was drained."""

    __slots__ = ("counted", "file_id", "header", "place")

    header: Header
    counted: _Counted
    place: int  # in the file
    file_id: bytes

    def __init__(self, header: Header, counted: _Counted, place: int, file_id: bytes) -> None:
        self.header, self.counted, self.place, self.file_id = header, counted, place, file_id


def drain(file: DirectoryFile, place: int, taken: list[_Taken]) -> _Counted | OSError | CorruptFileError:
    """Return the values counted since the last drain, and remove them: each record is in the result of one drain.

    Or return the error: FileNotFoundError if the file has been removed or replaced; OSError if there is no space for
    what a drain writes; TimeoutError, an OSError, if another process has kept the file locked for `LOCK_SECONDS`: it
    may be stopped.  Then nothing has changed.  What is drained is added to `taken`: see `give_back`.
    """
    with locked(file) as fd:
        return fd if isinstance(fd, OSError) else said_of(file, place, attempt(file.drain, fd, place, taken))


def drain_directory(
    directory: str, chosen: Collection[Key] | None, trust: bool | None, taken: list[_Taken]
) -> tuple[list[Drained], dict[str, CorruptFileError]]:
    """Drain all recorders of a directory, or those chosen, in the order of their creation.

    Return what they held, and errors by file or recorder: those that are damaged are left out.  Nothing is found if
    there is no file.  What is drained is added to `taken`: see `give_back`.  Raises OSError if there is no space for
    what a drain writes, if the file may not be written, or if another process has kept it locked; then nothing has been
    drained.  Raises what `open_directory` returns.
    """
    path = os.path.join(directory, FILE_NAME)
    folder = open_directory(directory, trust)
    if isinstance(folder, FileNotFoundError):  # removed just now, or never created
        return [], {}
    with checked(folder) as opened:
        former = former_file(directory, opened)
    refused = {} if former is None else {former.path: former}
    file = open_file(path, False, trust)
    if isinstance(file, FileNotFoundError):
        return [], refused
    if isinstance(file, CorruptFileError):
        return [], {path: file, **refused}
    file = checked(file)
    with locked(file) as fd:
        if isinstance(fd, FileNotFoundError):
            return [], refused
        drained, problems = _drain_locked(file, checked(fd), chosen, taken)
    return drained, {**problems, **refused}


def _drain_locked(
    file: DirectoryFile, fd: int, chosen: Collection[Key] | None, taken: list[_Taken]
) -> tuple[list[Drained], dict[str, CorruptFileError]]:
    found, drained, problems = [], [], {}
    first: dict[Key, Header] = {}
    for place in file.places():
        header = header_of(file, place)
        at = path_of(file.path, place)
        if isinstance(header, FileNotFoundError):
            continue
        if isinstance(header, CorruptFileError):
            problems[at] = header
            continue
        header = checked(header)
        if chosen is None or header.key in chosen:
            fault = fault_of_units(header, first.setdefault(header.key, header))
            if fault is None:
                found.append((header, place))
            else:
                problems[at] = CorruptFileError(at, fault)
    prepared = attempt(file.prepare, fd, [place for _, place in found])  # without space, nothing has been drained yet
    if isinstance(prepared, ValueError):
        return [], {file.path: CorruptFileError(file.path, str(prepared)), **problems}
    checked(prepared)
    for header, place in found:
        counted = said_of(file, place, attempt(file.drain, fd, place, taken, prepared=True))
        if isinstance(counted, CorruptFileError):
            problems[counted.path] = counted
        else:
            drained.append(Drained(header, checked(counted), place, file.id))
    return drained, problems


def remove_recorder(file: DirectoryFile, place: int, taken: list[_Taken]) -> _Counted | OSError | CorruptFileError:
    """Drain a recorder, and hide it while it holds nothing.  Return what `drain` returns.

    It needs no space if nobody else has the recorder open, so this is how to gain some on a full file system.
    """
    with locked(file) as fd:
        if isinstance(fd, OSError):
            return fd
        held = said_of(file, place, attempt(file.drain, fd, place, taken, to_free=True))
        if not isinstance(held, Exception):
            file.remove(place)
        return held


def settle(file: DirectoryFile, place: int) -> None:
    """Write into a file that is back at its path what this process has drained of a recorder and remembers.

    There was no space for it.  What has been counted since is drained, too, and counted again.
    """
    taken: list[_Taken] = []
    try:
        with locked(file) as fd:
            if not isinstance(fd, OSError):
                attempt(file.drain, fd, place, taken)
    finally:
        give_back(taken)


def hide_recorder(file: DirectoryFile, place: int) -> None:
    """Hide a recorder while it holds nothing.  Raises what `drain` returns."""
    with locked(file) as fd:
        checked(fd)
        file.remove(place)


def free_recorder(file: DirectoryFile, place: int) -> None:
    """Let the space of a removed recorder be used again, if no process has it open.

    Otherwise, and if the file cannot be locked, this is done when a recorder is next added or removed.
    """
    with locked(file) as fd:
        if not isinstance(fd, OSError):
            attempt(file.free, fd, place)
