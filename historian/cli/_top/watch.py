"""`Watch`: what the recorders in a directory have counted between one look and the next."""

from __future__ import annotations

import os
import time
from typing import NamedTuple

from ..._core import FILE_HEADER_NBYTES
from ..._files.file import CorruptFileError, files_in, map_file, open_fd
from ..._values.base import Histogram

__all__ = ["Change", "Look", "Watch"]


class Change(NamedTuple):
    """What one recorder has counted lately."""

    name: str
    total: Histogram  # since it was made or cleared
    lately: Histogram  # since the look before, or since it was cleared, if that came later
    is_whole: bool  # False if it was cleared since the look before


class Look(NamedTuple):
    """All recorders at a time."""

    seconds: float  # since the look before; NaN for the first one
    changes: list[Change]  # of recorders that hold anything, by file name
    problems: dict[str, CorruptFileError]


class Reading(NamedTuple):
    """A recorder's file as it was at a time."""

    inode: int  # another one is another file
    drains: int  # how often it had been drained or cleared
    histogram: Histogram


class Watch:
    """A directory of recorders, looked at again and again.  It only reads."""

    def __init__(self, directory: str) -> None:
        self._directory = directory
        self._before: dict[str, Reading] = {}  # by path
        self._looked_at = float("nan")  # seconds

    def look(self) -> Look:
        """Return what has happened since the last look.  O(buckets of all files)."""
        now = time.monotonic()
        changes, readings, problems = [], {}, {}
        for path in self._files():
            try:
                name, reading = _read(path)
            except FileNotFoundError:  # removed since the directory was listed
                continue
            except CorruptFileError as error:
                problems[path] = error
                continue
            readings[path] = reading
            if reading.histogram.count:
                changes.append(Change(name, reading.histogram, *_since(self._before.get(path), reading)))
        seconds, self._looked_at, self._before = now - self._looked_at, now, readings
        return Look(seconds, changes, problems)

    def _files(self) -> list[str]:
        try:
            return list(files_in(self._directory))
        except FileNotFoundError:  # removed; whoever records next makes it anew
            return []


def _since(before: Reading | None, now: Reading) -> tuple[Histogram, bool]:
    """Return what was counted between two readings, and whether that is all of it."""
    if before is None or before.inode != now.inode:
        return now.histogram, True
    if before.drains == now.drains:
        try:
            return now.histogram - before.histogram, True
        except ValueError:  # counts never shrink: somebody has written a file anew, in its place
            pass
    return now.histogram, False


def _read(path: str) -> tuple[str, Reading]:
    """Return the name of the recorder in a file, and the reading.

    Counts and the number of drains belong together: if somebody has drained the file in between, all is read again.
    """
    fd, header = open_fd(path, os.O_RDONLY)
    try:
        drains = _drains(fd)
        while True:
            histogram = Histogram._from_reading(map_file(fd, path)[1], header.unit)
            before, drains = drains, _drains(fd)
            if before == drains:
                return str(header.key), Reading(os.fstat(fd).st_ino, drains, histogram)
    finally:
        os.close(fd)


def _drains(fd: int) -> int:
    return int.from_bytes(os.pread(fd, 8, FILE_HEADER_NBYTES), "little")
