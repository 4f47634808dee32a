"""Recorders of a directory, read from outside: nothing is changed, and nothing in the file can do harm."""

from __future__ import annotations

import os

from ..histogram import Histogram
from .directory import open_directory
from .errors import CorruptFileError, checked
from .file import map_file, open_fd
from .former import former_file
from .header import FILE_NAME, Header, decode, fault_of_units, path_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .._core import DirectoryFile
    from .._values.key import Key

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

    def _add(self, more: Reading) -> str | None:
        """Add what another place holds that has the same key: there is one only if the file was damaged.

        Return why that cannot be; None if it is done.
        """
        fault = fault_of_units(more.header, self.header)
        if fault is None and self.histogram.count + more.histogram.count >= 2**63:
            fault = "another recorder has its name and labels, and they hold 2**63 values or more"
        if fault is not None:
            return fault
        self.histogram += more.histogram
        self.drains = (self.drains + more.drains) % 2**32
        return None


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
    folder = open_directory(directory, trust)
    if isinstance(folder, FileNotFoundError):  # removed just now, or never created, since recording is disabled
        return [], {}
    with checked(folder) as opened:
        former = former_file(directory, opened)
        fd = open_fd(path, os.O_RDONLY, opened, trust)
    refused = {} if former is None else {former.path: former}
    if isinstance(fd, FileNotFoundError):
        return [], refused
    if isinstance(fd, CorruptFileError):
        return [], {path: fd, **refused}
    with checked(fd) as opened:
        while True:
            file = map_file(opened, path, "")
            if isinstance(file, CorruptFileError):
                return [], {path: file, **refused}
            file = checked(file)
            readings, problems = _read_mapped(file, os.fstat(int(opened)), path)
            if not problems or not file.has_grown:  # if it has, that may be all that is wrong
                return readings, {**problems, **refused}


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
    of_reading = Histogram._from_reading
    for place, found, text in file.read_all(headers):
        header = decode(*text) if isinstance(text, tuple) else text
        if isinstance(header, Header):
            known.headers[place] = header
        if isinstance(found, str) or not isinstance(header, Header):
            at = path_of(path, place)
            problems[at] = CorruptFileError(at, str(found if header is None else header))
            continue
        reading = Reading()
        reading.header, reading.drains = header, found[5]
        reading.histogram = of_reading(found[:4], header.unit, found[4])
        reading.file_id, reading.place, reading.status = file_id, place, status
        first = by_key.setdefault(header.key, reading)
        if first is reading:
            readings.append(reading)
            continue
        fault = first._add(reading)
        if fault is not None:
            at = path_of(path, place)
            problems[at] = CorruptFileError(at, fault)
    return readings, problems
