"""`FileSource`: the intervals in files of history, each read when it is asked for."""

from __future__ import annotations

import errno
import os
from typing import NamedTuple

from .._files.errors import CorruptFileError, CorruptFileWarning
from .._live.snapshots import Snapshot
from .bodies import Part, histogram_of, read_part
from .frames import FIRST_FRAME, FRAME_NBYTES, body_of, is_begun, read_frame
from .scanning import OpenFile, scan
from .segments import fault_of_folder, segments_in
from .times import time_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from .._values.key import Key
    from ..histogram import Histogram
    from .frames import Frame
    from .intervals import _Wanted
    from .scanning import Scan

__all__ = ["FileSource", "open_source"]

#: How often a folder is looked at again, because a file in it was replaced by a coarser one meanwhile.
TRIES = 100


class _Place(NamedTuple):
    """Where an interval is."""

    path: str
    id: bytes  # of the file
    frame: Frame
    keys: Mapping[int, Key]  # of the file


class FileSource:
    """The intervals in a file of history, or in a folder of them, as they were when it was opened.

    It holds no file open.  What is appended later is not seen: open the file again.
    """

    starts: Sequence[int]  # nanoseconds since 1970-01-01 00:00 UTC, ascending
    ends: Sequence[int]  # likewise; each at most the next start
    problems: tuple[CorruptFileError, ...]  # what is damaged, and was left out

    def __init__(self, scans: Iterable[tuple[str, Scan]]) -> None:
        places: list[_Place] = []
        problems: list[CorruptFileError] = []
        for path, found in scans:
            problems += found.problems
            places += [_Place(path, found.header.id, one, found.keys) for one in found.intervals]
        places.sort(key=lambda place: place.frame.start)
        self._places: list[_Place] = []
        last = 0
        for place in places:
            if place.frame.start < last:
                problems.append(CorruptFileError(place.path, f"{_named(place.frame)} overlaps another"))
                continue
            self._places.append(place)
            last = place.frame.end
        self.starts = [place.frame.start for place in self._places]
        self.ends = [place.frame.end for place in self._places]
        self.problems = tuple(problems)
        self._asked: tuple[_Wanted | None, dict[bytes, dict[int, bool]]] = (None, {})

    def load(self, i: int, keys: _Wanted | None = None) -> Snapshot:
        """Return what was counted in interval i, of some keys or of all.  O(bytes of the interval).

        If it is damaged, warn with a `CorruptFileWarning` and return nothing.  Raises OSError if the file has been
        removed, or replaced by a coarser one.
        """
        place = self._places[i]
        found = self._read(place, keys)
        if isinstance(found, str):
            import warnings

            warnings.warn(f"{place.path}: {_named(place.frame)} {found} (left out)", CorruptFileWarning, stacklevel=2)
            return Snapshot()
        return found

    def blobs(self, i: int) -> dict[Key, bytes]:
        """Return what was counted in interval i as bytes; nothing if it is damaged."""
        place = self._places[i]
        part = self._part(place, None)
        return {} if isinstance(part, str) else {place.keys[number]: blob for number, blob in part.blobs.items()}

    def _part(self, place: _Place, keys: _Wanted | None) -> Part | str:
        """Return an interval as bytes, or what is wrong with it."""
        try:
            file = OpenFile(place.path)
        except FileNotFoundError:
            why = "it has been removed since, or replaced by a file of longer intervals: open the history again"
            raise FileNotFoundError(errno.ENOENT, why, place.path) from None
        with file:
            data = file.read(place.frame.offset, FRAME_NBYTES + place.frame.stored)
        if read_frame(place.id, data[:FRAME_NBYTES], place.frame.offset) != place.frame:
            return "is not there any more"
        body = body_of(place.frame, data[FRAME_NBYTES:])
        part = None if body is None else read_part(body, self._numbers(place, keys))
        if part is None:
            return "is damaged"
        if part.blobs.keys() - place.keys.keys():
            return "has recorders whose names are damaged"
        return part

    def _numbers(self, place: _Place, keys: _Wanted | None) -> Callable[[int], bool] | None:
        """Return which numbers are wanted: also those without a key, so that it is noticed.

        The last function is asked once for each key of a file: intervals are read one after the other.
        """
        if keys is None:
            return None
        asked = self._asked
        if asked[0] is not keys:
            asked = self._asked = keys, {}
        known, names = asked[1].setdefault(place.id, {}), place.keys

        def is_wanted(number: int) -> bool:
            found = known.get(number)
            if found is None:
                found = known[number] = number not in names or bool(keys(names[number]))
            return found

        return is_wanted

    def _read(self, place: _Place, keys: _Wanted | None) -> Snapshot | str:
        """Return an interval, or what is wrong with it."""
        part = self._part(place, keys)
        if isinstance(part, str):
            return part
        histograms: dict[Key, Histogram] = {}
        for number, blob in part.blobs.items():
            found = histogram_of(blob)
            if isinstance(found, str):
                return f"is not valid: {found}"
            histograms[place.keys[number]] = found
        return Snapshot(histograms)


def open_source(path: str | os.PathLike[str]) -> FileSource:
    """Return the intervals in a file of history, or in a folder of them.  O(intervals): no histogram is read.

    Warns with a `CorruptFileWarning` of what is damaged, which is left out; a last frame that is not complete, as a
    crash leaves it and as it is for a moment while it is written, is only among the `problems`.  Raises OSError, and
    ValueError for a file that is not one of history.
    """
    path = os.fsdecode(os.fspath(path))
    scans = _folder(path) if os.path.isdir(path) else [(path, _scanned(path))]
    source = FileSource(scans)
    for problem in source.problems:
        if "not complete" not in problem.reason:
            import warnings

            warnings.warn(f"{problem} (left out)", CorruptFileWarning, stacklevel=3)
    return source


def _scanned(path: str) -> Scan:
    with OpenFile(path) as file:
        return scan(file, path)


def _segment(path: str) -> Scan | None:
    """Return what a file of a folder holds; None if its writer has just created it, or was killed then."""
    with OpenFile(path) as file:
        return None if is_begun(file.read(0, FIRST_FRAME)) else scan(file, path)


def _folder(path: str) -> list[tuple[str, Scan]]:
    """Return what the files of a folder hold, without those that a coarser one replaces."""
    fault = fault_of_folder(path)
    if fault is not None:
        raise ValueError(f"{path}: {fault}")
    for tries in range(TRIES):
        names = segments_in(path)
        try:
            scans = [(name, found) for name in names if (found := _segment(name)) is not None]
        except FileNotFoundError:  # it was replaced by a coarser one, which is there now
            if tries == TRIES - 1:
                raise
            continue
        if segments_in(path) != names:
            continue
        replaced = frozenset[bytes]().union(*(found.replaces for _, found in scans))
        return [(name, found) for name, found in scans if found.header.id not in replaced]
    raise BlockingIOError(f"{path}: its files were replaced {TRIES} times while it was opened: try again")


def _named(one: Frame) -> str:
    return f"the interval from {time_text(one.start)} to {time_text(one.end)}"
