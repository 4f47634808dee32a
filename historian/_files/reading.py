"""Recorders of a directory, read from outside: nothing is changed, and nothing in the file can do harm."""

from __future__ import annotations

import os

from ..histogram import Histogram
from .directory import open_directory
from .errors import CorruptFileError
from .file import map_file, open_fd
from .header import FILE_NAME, check_units, decode, path_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .._core import DirectoryFile
    from .._values.key import Key
    from .header import Header

__all__ = ["Reading", "read_all"]


class Reading:
    """A recorder of a directory at one moment."""

    __slots__ = ("drains", "file_id", "header", "histogram", "place", "status")

    header: Header
    histogram: Histogram  # of the values since the last drain
    drains: int  # how often it has been drained or cleared, from 0, modulo 2**32
    file_id: bytes  # tells the file from others
    place: int  # in the file
    status: os.stat_result  # of the file that was read

    def _add(self, more: Reading) -> None:
        """Add what another place holds that has the same key: there is one only if the file was damaged.

        Raises ValueError if that cannot be.
        """
        check_units(more.header, self.header)
        try:
            self.histogram += more.histogram
        except OverflowError:
            raise ValueError("another recorder has its name and labels, and they hold 2**63 values or more") from None
        self.drains = (self.drains + more.drains) % 2**32


class _Known:
    """What has been read from a file: its texts do not change."""

    __slots__ = ("headers", "id")

    def __init__(self, file_id: bytes) -> None:
        self.id = file_id  # not its inode, which another file gets when this one has been removed
        self.headers: dict[int, Header] = {}


_known: dict[str, _Known] = {}  # by path, of the last few files


def read_all(directory: str, trust: bool | None = None) -> tuple[list[Reading], dict[str, CorruptFileError]]:
    """Return all recorders of a directory, in the order of their creation, and errors by file or recorder.

    This changes nothing, and creates no directory.  Nothing is found if there is no file.  Raises OSError.
    """
    path = os.path.join(directory, FILE_NAME)
    try:
        folder = open_directory(directory, trust)
    except FileNotFoundError:  # removed just now, or never created, since recording is disabled
        return [], {}
    try:
        fd = open_fd(path, os.O_RDONLY, folder)
    except FileNotFoundError:
        return [], {}
    except CorruptFileError as error:
        return [], {path: CorruptFileError(path, error.reason)}
    finally:
        os.close(folder)
    try:
        while True:
            try:
                file = map_file(fd, path, "")
            except CorruptFileError as error:
                return [], {path: CorruptFileError(path, error.reason)}
            readings, problems = _read_mapped(file, os.fstat(fd), path)
            if not problems or not file.has_grown:  # if it has, that may be all that is wrong
                return readings, problems
    finally:
        os.close(fd)


def _read_mapped(
    file: DirectoryFile, status: os.stat_result, path: str
) -> tuple[list[Reading], dict[str, CorruptFileError]]:
    known, file_id = _known.get(path), file.id
    if known is None or known.id != file_id:
        if len(_known) > 8:
            _known.clear()
        known = _known[path] = _Known(file_id)
    headers, readings, problems = known.headers, [], {}
    known.headers = {}  # those that were removed are forgotten
    by_key: dict[Key, Reading] = {}
    for place, found in file.read_all():
        try:
            if isinstance(found, str):
                raise ValueError(found)
            header = headers.get(place)
            if header is None:
                header = decode(*file.text(place))
            known.headers[place] = header
        except FileNotFoundError:  # it was removed just now
            continue
        except ValueError as error:
            at = path_of(path, place)
            problems[at] = CorruptFileError(at, str(error))
            continue
        reading = Reading()
        reading.header, reading.drains = header, found[5]
        reading.histogram = Histogram._from_reading(found[:4], header.unit, found[4])
        reading.file_id, reading.place, reading.status = file_id, place, status
        first = by_key.setdefault(header.key, reading)
        if first is reading:
            readings.append(reading)
            continue
        try:
            first._add(reading)
        except ValueError as error:
            at = path_of(path, place)
            problems[at] = CorruptFileError(at, str(error))
    return readings, problems
