"""Recorders whose file was removed or replaced: they count in a new file, and keep the values of the old one.

The old file stays mapped, so nothing is lost for this process.  Other processes may have it mapped, too, and count in
it until they notice.  So its counts are never copied: a snapshot adds up all files that the recorder has counted in.
Each record is in exactly one of them, so none is counted twice.

    counts in F1 ---- F1 is removed ---- next snapshot: creates F2 at the same path, counts there
                                         snapshot = F2 + F1        for each process that had F1 open
                                         snapshot = F2             for processes that started later
                 ---- F1 is moved back ---- next snapshot: counts in F1 again
                                         snapshot = F1 + F2        for each process that had F2 open
                                         snapshot = F1             for processes that started later

What is drained of a file is written down in that file, wherever it is.  So each record is in the result of one drain,
of any process, whichever file is at the path then.  Only if a file that was moved away has no space for this, one
process claims it, and remembers what it has drained until it can be written down.
"""

from __future__ import annotations

import math

from .._core import attempt
from .._files.draining import settle
from .._files.file import add_recorder, header_of, is_at_path, open_file, read_counters, said_of
from .._files.header import Header
from ..histogram import Histogram

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from collections.abc import Iterable
    from typing import Any, Protocol

    from typing_extensions import Self

    from .._core import Counts, DirectoryFile, _Taken
    from .._files.errors import CorruptFileError
    from .._files.file import _Counted

    _Reading = tuple[Counts, int, float, float]

    class _Recorder(Protocol):  # what is used here of a `Recorder`, which uses this module
        _header: Header | None
        _keeps: bool
        _unit: str

        @classmethod
        def _of(cls, name: None, unit: str, file: DirectoryFile, place: int, header: Header) -> Self: ...
        def _move(self, before: DirectoryFile, file: DirectoryFile, place: int, left: tuple[Any, ...], /) -> bool: ...
        def _exemplars(self, pid: int, make: bool = False, /) -> dict[int, Any] | None: ...
        def _take_exemplars(self, pid: int, taken: list[_Taken], /) -> dict[int, Any] | None: ...
        @property
        def _file(self) -> DirectoryFile | None: ...
        @property
        def _files(self) -> tuple[DirectoryFile | None, int, tuple[Any, ...]]: ...
        @property
        def name(self) -> str: ...


__all__ = ["LeftFile", "combined", "drain_left", "follow_path", "read_left"]


class LeftFile:
    """A removed file that a recorder has counted in."""

    __slots__ = ("file", "place")

    file: DirectoryFile
    place: int

    def __init__(self, file: DirectoryFile, place: int) -> None:
        self.file, self.place = file, place

    def is_at(self, status: os.stat_result) -> bool:
        """Return whether `status` belongs to this file."""
        return self.file.is_at(status)

    def read(self) -> _Counted | OSError | CorruptFileError | None:
        """Return what has not been drained; None if another process has claimed it; or the error."""
        return said_of(self.file, self.place, attempt(self.file.read_left, self.place))

    def drain(self, taken: list[_Taken]) -> _Counted | OSError | CorruptFileError | None:
        """Return what has not been drained, and leave it out from then on; None if another process has claimed it.

        What is drained is added to `taken`: see `give_back`.  Or return the error.
        """
        return said_of(self.file, self.place, attempt(self.file.drain_left, self.place, taken))


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


def follow_path(recorder: _Recorder) -> bool:
    """Have a recorder count in the file that is at its path now; return whether this is possible."""
    file, place, _ = recorder._files
    if file is None or recorder._header is None or is_at_path(file):
        return True
    _move_to_path(recorder, file, place, recorder._header)
    return is_at_path(recorder._file or file)


def _move_to_path(recorder: _Recorder, file: DirectoryFile, place: int, header: Header) -> None:
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
        # It may be a file that was moved away, and is back: then it is no file that has been left any more.
        left = [one for one in recorder._files[2] if one.file is not new or one.place != at]
        if attempt(recorder._move, file, new, at, (*left, LeftFile(file, place))) is True and new.has_claimed(at):
            settle(new, at)


def read_left(recorder: _Recorder, seen: os.stat_result | None) -> Histogram | OSError | ValueError | None:
    """Return the values in files that are not at the path any more: a reader of the directory does not see them.

    `seen` belongs to the file that the reader has read, which may have been removed since.  Return the error if one
    cannot be read, None if there are no such values.
    """
    file, place, left = recorder._files
    readings = [one.read() for one in left if seen is None or not one.is_at(seen)]
    if file is not None and (not file.is_at(seen) if seen is not None else not is_at_path(file)):
        readings.append(read_counters(file, place))
    return _sum_of(readings, recorder._unit)


def drain_left(recorder: _Recorder, taken: list[_Taken]) -> Histogram | OSError | ValueError | None:
    """Drain the files that are not at the path any more; return the values they held, None if there were none.

    What is drained is added to `taken`: see `give_back`.  Return the error if one cannot be read.
    """
    return _sum_of([one.drain(taken) for one in recorder._files[2]], recorder._unit)


def _sum_of(
    readings: Iterable[_Counted | OSError | ValueError | None], unit: str
) -> Histogram | OSError | ValueError | None:
    found: list[_Counted | None] = []
    for one in readings:
        if isinstance(one, (OSError, ValueError)):
            return one
        found.append(one)
    whole = combined(found)
    return None if whole is None else Histogram._from_reading(whole[0], unit, whole[1])
