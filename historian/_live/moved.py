"""Recorders whose file was removed or replaced: they count in a new file, and keep the values of the old one.

The old file stays mapped, so nothing is lost for this process.  Other processes may have it mapped, too, and count in
it until they notice.  So its counts are never copied: a snapshot adds up all files that the recorder has counted in.
Each record is in exactly one of them, so none is counted twice.  To drain the old file, a process must claim it first.
The first one gets it, so each record is in the result of exactly one drain.

    counts in F1 ---- F1 is removed ---- next snapshot: creates F2 at the same path, counts there
                                         snapshot = F2 + F1        for each process that had F1 open
                                         snapshot = F2             for processes that started later
"""

from __future__ import annotations

import math
import os

from .._core import attempt
from .._files.file import add_recorder, header_of, open_file, read_counters
from .._files.header import Header

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from .._core import Counters, Counts, DirectoryFile
    from .._files.errors import CorruptFileError
    from .._files.file import _Counted

    _Reading = tuple[Counts, int, float, float]

__all__ = ["LeftFile", "combined", "follow_path"]


class LeftFile:
    """A removed file that a recorder has counted in."""

    __slots__ = ("_file", "_place", "_taken")

    _file: DirectoryFile
    _place: int
    # What this process has drained, with the process id: a list of one item, or of none while a thread drains.
    _taken: list[tuple[int, _Counted | None]]

    def __init__(self, file: DirectoryFile, place: int) -> None:
        self._file, self._place = file, place
        self._taken = [(0, None)]

    def is_at(self, status: os.stat_result) -> bool:
        """Return whether `status` belongs to this file."""
        return self._file.is_at(status)

    def read(self) -> _Counted | OSError | CorruptFileError | None:
        """Return what has not been drained; None if there is nothing; or the error."""
        taken = self._taken[:]
        if taken and taken[0][0] == os.getpid():  # a forked child has not claimed the file
            return _less(self._read(), taken[0][1])
        return None if self._file.is_claimed(self._place) else self._read()

    def _read(self) -> _Counted | OSError | CorruptFileError:
        return read_counters(self._file, self._place)

    def drain(self) -> _Counted | OSError | CorruptFileError | None:
        """Return what has not been drained, and leave it out from then on; None if another process has claimed it."""
        try:
            owner, taken = self._taken.pop()
        except IndexError:
            return None  # another thread is draining
        try:
            if owner != os.getpid() and not self._file.claim(self._place):
                return None
            now = self._read()
            if isinstance(now, Exception):
                return now
            owner, before, taken = os.getpid(), taken if owner == os.getpid() else None, now
            return _less(taken, before)
        finally:
            self._taken.append((owner, taken))


def _less(
    reading: _Counted | OSError | CorruptFileError, taken: _Counted | None
) -> _Counted | OSError | CorruptFileError | None:
    if taken is None or isinstance(reading, Exception):
        return reading
    counts = reading[0].minus(taken[0])
    return (counts, max(0, reading[1] - taken[1]), math.nan, math.nan, *reading[4:]) if counts.total else None


def combined(readings: Iterable[_Counted | None]) -> tuple[_Reading, bool] | None:
    """Return the sum of readings, and whether some of the values are estimates; None if there are no readings."""
    found = [one for one in readings if one is not None]
    filled = [one for one in found if one[0].total]
    is_synthetic = any(one[4] for one in found)
    if len(filled) < 2:
        return ((filled or found)[0][:4], is_synthetic) if found else None
    counts, total, low, high = filled[0][:4]
    for more, more_total, more_low, more_high, *_ in filled[1:]:
        counts, total = counts.plus(more), total + more_total
        low = 0.0 if 0 in (low, more_low) else _beyond(low, more_low, -1.0)  # nothing is below 0
        high = _beyond(high, more_high, 1.0)
    return (counts, total, low, high), is_synthetic


def _beyond(a: float, b: float, sign: float) -> float:
    """Return the higher of two extremes, or the lower one for sign -1.

    NaN, an unknown extreme, stays.  A bound is negative; if it is equal to an exact extreme, that one is right.
    """
    if a != a or b != b:
        return math.nan
    return max(a, b, key=lambda x: (sign * abs(x), x))


def follow_path(recorder: Counters, file: DirectoryFile, place: int, header: Header) -> None:
    """Have a recorder count in the file that is at the path of `file` now; create it if there is none.

    If that is not possible, the recorder goes on counting in `file`, which stays mapped.
    """
    new = open_file(file.path, True)
    if isinstance(new, Exception) or new is file:
        return
    at = add_recorder(new, header.key, header.unit, header.created)
    if isinstance(at, Exception):
        return
    found = header_of(new, at)
    if not isinstance(found, Exception) and found.unit == header.unit:
        attempt(recorder._move, file, new, at, LeftFile(file, place))
