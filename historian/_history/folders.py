"""`FolderLog`: a folder of history, in which old intervals are replaced by fewer, longer ones."""

from __future__ import annotations

import os
from typing import NamedTuple

from .._core import attempt
from .coarsening import coarsen
from .frames import FIRST_FRAME, is_begun
from .locks import lock, unlock
from .reading import FileSource
from .retention import spans
from .scanning import OpenFile, scan
from .segments import LOCK, TEMPORARY, fault_of_folder, number_of, path_of, segments_in, sync_folder
from .writing import FLAGS, FileLog, totals_in

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from .._values.key import Key
    from .differences import Change, Total
    from .retention import Tier

__all__ = ["FolderLog"]


class _Segment(NamedTuple):
    """A file of the folder."""

    path: str
    id: bytes
    tier: int
    start: int  # of its first interval, nanoseconds since 1970-01-01 00:00 UTC
    end: int  # of its last interval


class FolderLog:
    """A folder of history, locked for this writer.

    The latest intervals are appended to a file.  When all intervals of the files of a tier in a span of time are older
    than that tier is kept, a file of the next tier replaces them: it is written under another name, says which files it
    replaces, and is then renamed.  So at each moment readers find each interval once: see `segments_in`.

    Raises BlockingIOError if another writer has the folder, ValueError if it holds other files, OSError.
    """

    def __init__(self, path: str, tiers: Sequence[Tier], *, sync: bool = True) -> None:
        self.path = path
        self._tiers, self._spans, self._sync = tuple(tiers), spans(tiers), sync
        if not os.path.isdir(path):
            os.mkdir(path, 0o700)
        fault = fault_of_folder(path)
        if fault is not None:
            raise ValueError(f"{path}: {fault}: pass another path, or that of an empty one")
        self._fd = os.open(os.path.join(path, LOCK), FLAGS | os.O_CREAT, 0o600)
        self._log: FileLog | None = None
        self._work: Iterator[None] = iter(())
        try:
            lock(self._fd, path)
            self._open()
        except BaseException:
            self.close()
            raise

    def _open(self) -> None:
        for name in os.listdir(self.path):
            if name.startswith(".") and name.endswith(TEMPORARY):
                os.unlink(os.path.join(self.path, name))
        paths = segments_in(self.path)
        self._next = max(map(number_of, paths), default=0) + 1
        paths = [path for path in paths if not _removed(path)]
        files = [OpenFile(path) for path in paths]
        try:
            scans = [scan(file, path) for file, path in zip(files, paths)]
            replaced = frozenset[bytes]().union(*(found.replaces for found in scans))
            kept = [one for one in zip(files, scans, paths) if one[1].header.id not in replaced]
            self._segments = [
                _Segment(path, found.header.id, self._tier(found.header.step), at[0].start, at[-1].end)
                for _, found, path in kept
                if (at := found.intervals)
            ]
            # Coarser files are newer, but their intervals are older.
            written = [(file, found) for file, found, _ in kept if not found.replaces]
            self.totals: Mapping[Key, Total] | None = totals_in(written)
        finally:
            for file in files:
                file.close()
        self.end = max((one.end for one in self._segments), default=0)
        newest = next((one for one in reversed(kept) if not one[1].replaces), None)
        for _, found, path in zip(files, scans, paths):
            is_empty = not found.intervals and (newest is None or path != newest[2])
            if found.header.id in replaced or is_empty:
                attempt(os.unlink, path)  # Windows keeps a file that somebody reads: it is tried again next time
        if newest is not None and newest[1].header.step == self._tiers[0].step:
            at = newest[1].intervals
            if not at or self.end < self._window_end(at[0].start):
                self._log = FileLog(newest[2], sync=self._sync)
                self._begun = at[0].start if at else 0

    _begun = 0  # start of the first interval in the file that is written to; 0 if it has none

    def append(self, start: int, end: int, change: Change) -> None:
        """Write an interval, and a little of a coarser file if one is due.  Raises OSError; then nothing is written."""
        assert self._log is not None  # `keep` comes first
        self._log.append(start, end, change)
        self.end, self._begun = end, self._begun or start
        self._note(_Segment(self._log.path, self._log.id, 0, self._begun, end))
        self._go_on()

    def _go_on(self) -> None:
        """Do a part of the work on old intervals.

        If there is no space for it, say, nothing is lost, and it is tried again: the interval has been written.
        """
        try:
            if next(self._work, self) is self:
                self._work = self._tidy()
                next(self._work, None)
            self.fault = None
        except OSError as error:
            self.fault = error

    fault: OSError | None = None  # why old intervals could not be replaced at the last attempt

    @property
    def needs_state(self) -> bool:
        """Whether a new file is due, or so much has been written since the last state that reading it takes long."""
        return self._log is None or self._log.needs_state or self._is_full

    @property
    def _is_full(self) -> bool:
        return bool(self._begun) and self.end >= self._window_end(self._begun)

    def keep(self, totals: Mapping[Key, Total], end: int) -> None:
        """Write what recorders hold at the end of an interval; each file begins with it.  Raises OSError."""
        if self._log is None or self._is_full:
            path = path_of(self.path, self._next)
            log = FileLog(path, step=self._tiers[0].step, sync=self._sync)
            try:
                log.keep(totals, end)
            except BaseException:
                log.close()
                attempt(os.unlink, path)
                raise
            self._next += 1
            if self._log is not None:
                self._log.close()
            self._log, self._begun = log, 0
        else:
            self._log.keep(totals, end)

    def close(self) -> None:
        """Let other writers have the folder."""
        self._stop()
        if self._log is not None:
            self._log.close()
        if self._fd >= 0:
            unlock(self._fd)
            os.close(self._fd)
            self._fd = -1

    def leave(self) -> None:
        """Close the files in a forked process; the lock stays with its parent."""
        for log in (self._log, self._coarse):
            if log is not None:
                log.leave()
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    # ---- old intervals ----

    _coarse: FileLog | None = None  # the coarser file that is being written

    def _stop(self) -> None:
        """Give up a coarser file that is not complete: it will be written again."""
        log, self._coarse = self._coarse, None
        if log is not None:
            log.close()
            attempt(os.unlink, log.path)

    def _tidy(self) -> Iterator[None]:
        """Replace what is too old; yield after each part of the work."""
        for tier in range(len(self._tiers) - 1):
            windows: dict[int, list[_Segment]] = {}
            for one in self._segments:
                if one.tier == tier and (self._log is None or one.path != self._log.path):
                    windows.setdefault(one.start // self._spans[tier + 1], []).append(one)
            for found in windows.values():
                if max(one.end for one in found) <= self.end - self._tiers[tier].keep:
                    yield from self._replace(found, tier + 1)
        for one in list(self._segments):
            is_written = self._log is not None and one.path == self._log.path
            if one.tier == len(self._tiers) - 1 and one.end <= self.end - self._tiers[-1].keep and not is_written:
                self._drop([one])

    def _replace(self, found: list[_Segment], tier: int) -> Iterator[None]:
        """Write a file of the next tier, and remove those that it replaces."""
        scans = []
        for one in found:
            with OpenFile(one.path) as file:
                scans.append((one.path, scan(file, one.path)))
        source = FileSource(scans)
        temporary = os.path.join(self.path, f".{os.urandom(8).hex()}{TEMPORARY}")
        log = self._coarse = FileLog(temporary, step=self._tiers[tier].step, sync=False)
        try:
            log.replace(one.id for one in found)
            yield from coarsen(source, log, self._tiers[tier].step)
            log.flush()
        except GeneratorExit:
            raise
        except BaseException:
            self._stop()
            raise
        self._coarse = None
        log.close()
        path = path_of(self.path, self._next)
        os.replace(temporary, path)
        sync_folder(self.path)
        self._next += 1
        self._drop(found)
        if source.starts:
            self._note(_Segment(path, log.id, tier, source.starts[0], source.ends[-1]))
        else:
            attempt(os.unlink, path)

    def _drop(self, found: Sequence[_Segment]) -> None:
        for one in found:
            attempt(os.unlink, one.path)
            self._segments.remove(one)

    def _note(self, segment: _Segment) -> None:
        self._segments = [one for one in self._segments if one.path != segment.path]
        self._segments.append(segment)

    def _tier(self, step: int) -> int:
        """Return the tier of a file, also of one that was written with other tiers."""
        return next((k for k, tier in enumerate(self._tiers) if step <= tier.step), len(self._tiers) - 1)

    def _window_end(self, start: int) -> int:
        return start - start % self._spans[0] + self._spans[0]


def _removed(path: str) -> bool:
    """Remove a file whose writer was killed before it had written a header; return whether it is one of these."""
    with OpenFile(path) as file:
        begun = is_begun(file.read(0, FIRST_FRAME))
    if begun:
        attempt(os.unlink, path)
    return begun
