"""`FileLog`: a file of history that is written to, by one writer at a time."""

from __future__ import annotations

import os
import time

from .._values.key import check_key
from .._values.own import is_own
from ..histogram import Histogram
from .bodies import Held, Part, histogram_of, keys_body, part_body, read_part, read_state, state_body
from .differences import Total
from .frames import (
    FIRST_FRAME,
    FRAME_NBYTES,
    INTERVAL,
    KEYS,
    REPLACES,
    STATE,
    FileHeader,
    body_of,
    file_header,
    frame,
    is_begun,
)
from .locks import lock, unlock
from .scanning import OpenFile, Scan, scan
from .segments import sync_folder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from .._values.key import Key
    from .differences import Change
    from .frames import Frame

__all__ = ["FLAGS", "FileLog", "totals_in"]

FLAGS = (
    os.O_RDWR | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOINHERIT", 0)
)  # fmt: skip
#: A state is written once the intervals since the last one take so many times its bytes: so states take 5 % at most.
INTERVALS_TO_STATE = 20

#: Keys whose numbers a damaged file may have lost: as many as a directory can have recorders.
MAX_LOST_KEYS = 1 << 18


class FileLog:
    """A file of history, locked for this writer.

    What the file holds already stays; a last frame that is not complete is cut off.  Raises BlockingIOError if another
    writer has it, ValueError if it is not a file of history, OSError.
    """

    def __init__(self, path: str, *, step: int = 0, sync: bool = True) -> None:
        self.path = path
        self._sync = sync
        self._fd = os.open(path, FLAGS | os.O_CREAT, 0o600)
        try:
            lock(self._fd, path)
            self._open(step)
        except BaseException:
            self.close()
            raise

    def _open(self, step: int) -> None:
        with OpenFile(self.path) as file:
            head = file.read(0, FIRST_FRAME)
            if is_begun(head):
                header = FileHeader(os.urandom(16), time.time_ns(), step)
                self._tail, self._next, self._unused = 0, 0, 0
                self._numbers: dict[Key, int] = {}
                self._once: dict[Key, int] = {}
                self._write(file_header(header))
                if self._sync:
                    sync_folder(os.path.dirname(self.path))
                self.id, self.end, self.totals = header.id, 0, None
                self._since_state, self._state_nbytes = 0, 0
                return
            found = scan(file, self.path)
            self.id = found.header.id
            self.end = found.intervals[-1].end if found.intervals else 0  # nanoseconds, of the last interval
            self.totals = totals_in([(file, found)])  # of the recorders at that time; None if they are not known
        self._tail, self._next = found.tail, found.next
        self._numbers = {key: number for number, key in found.keys.items()}
        self._once = dict(self._numbers)  # what stood behind the last interval may be cut off
        self._unused = max(found.keys, default=-1) + 1 + (MAX_LOST_KEYS if found.problems else 0)
        self._since_state = self._state_nbytes = 0
        os.ftruncate(self._fd, self._tail)

    def append(self, start: int, end: int, change: Change) -> None:
        """Write an interval.  O(bytes).  Raises OSError; then the file is as it was.

        New keys are written before the interval, and again after it: damage at one place does not cost them.  So is
        each key by a writer that goes on in a file: its first writer may have been killed between both.
        """
        new = self._new([*change.counted, *change.begun])
        numbers = {**self._numbers, **new}
        part = Part(
            {numbers[key]: histogram.to_bytes() for key, histogram in change.counted.items()},
            {numbers[key]: source for key, source in change.begun.items()},
        )
        bodies = self._keys(new)
        self._frames([*bodies, (INTERVAL, part_body(part), start, end), *bodies])
        self._know(new)
        self.end = end
        self._since_state += sum(map(len, part.blobs.values()))

    def keep(self, totals: Mapping[Key, Total], end: int) -> None:
        """Write what recorders hold at the end of an interval, so that another writer can go on from there."""
        new = self._new(totals)
        numbers = {**self._numbers, **new}
        held = {numbers[key]: Held(total.source, total.histogram.to_bytes()) for key, total in totals.items()}
        body = state_body(held)
        bodies = self._keys(new)
        self._frames([*bodies, (STATE, body, end, end), *bodies])
        self._know(new)
        self._since_state, self._state_nbytes = 0, len(body)

    @property
    def needs_state(self) -> bool:
        """Whether so much has been written since the last state that reading it takes long."""
        return self._since_state > INTERVALS_TO_STATE * self._state_nbytes

    def replace(self, ids: Iterable[bytes]) -> None:
        """Write the ids of the files that this one replaces."""
        self._frames([(REPLACES, b"".join(ids), 0, 0)])

    def copy(self, start: int, end: int, blobs: Mapping[Key, bytes]) -> None:
        """Write an interval of histograms that are bytes already.  Raises OSError."""
        new = self._new(blobs)
        numbers = {**self._numbers, **new}
        bodies = self._keys(new)
        part = Part({numbers[key]: blob for key, blob in blobs.items()}, {})
        self._frames([*bodies, (INTERVAL, part_body(part), start, end), *bodies])
        self._know(new)
        self.end = end

    def flush(self) -> None:
        """Have all that is written on the disk."""
        os.fsync(self._fd)

    def close(self) -> None:
        """Let other writers have the file."""
        if self._fd >= 0:
            unlock(self._fd)
            self.leave()

    def leave(self) -> None:
        """Close the file in a forked process; the lock stays with its parent."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def _new(self, keys: Iterable[Key]) -> dict[Key, int]:
        """Return numbers for the keys that have none yet."""
        unknown = dict.fromkeys(key for key in keys if key not in self._numbers)
        for key in unknown:
            check_key(key)
        return {key: number for number, key in enumerate(unknown, self._unused)}

    def _keys(self, new: Mapping[Key, int]) -> list[tuple[int, bytes, int, int]]:
        """Return the frames before and after what needs new keys, also those that may be in the file only once."""
        keys = {**self._once, **new}
        return [(KEYS, keys_body(keys), 0, 0)] if keys else []

    def _know(self, new: Mapping[Key, int]) -> None:
        self._once = {}
        self._numbers.update(new)
        self._unused += len(new)

    def _frames(self, bodies: Iterable[tuple[int, bytes, int, int]]) -> None:
        numbered = enumerate(bodies, self._next)
        data = [frame(self.id, kind, number, body, start, end) for number, (kind, body, start, end) in numbered]
        self._write(b"".join(data))
        self._next += len(data)

    def _write(self, data: bytes) -> None:
        """Write at the end of the file, all or nothing."""
        try:
            os.lseek(self._fd, self._tail, os.SEEK_SET)
            view = memoryview(data)
            while view:
                view = view[os.write(self._fd, view) :]
            if self._sync:
                os.fsync(self._fd)
        except BaseException:  # of a signal handler, too
            os.ftruncate(self._fd, self._tail)
            raise
        self._tail += len(data)


def totals_in(files: Iterable[tuple[OpenFile, Scan]]) -> dict[Key, Total] | None:
    """Return what recorders held at the end of the last interval; None if the files, oldest first, do not tell.

    From the last state that is valid on, the intervals are added up.  What damage has cost is missing in the totals, so
    it is counted when the recorders are looked at again.
    """
    files = list(files)
    for position in range(len(files) - 1, -1, -1):
        file, found = files[position]
        for state in reversed(found.states):
            body = _body(file, state)
            held = None if body is None else read_state(body)
            if held is None:
                continue
            totals: dict[Key, Total] = {}
            for number, (source, blob) in held.items():
                one = histogram_of(blob)
                if number in found.keys and isinstance(one, Histogram):
                    totals[found.keys[number]] = Total(source, one)
            _add_all(totals, file, found, state.offset)
            for later, more in files[position + 1 :]:
                _add_all(totals, later, more, 0)
            return totals
    return None


def _add_all(totals: dict[Key, Total], file: OpenFile, found: Scan, after: int) -> None:
    """Add the intervals behind an offset."""
    for interval in found.intervals:
        body = _body(file, interval) if interval.offset > after else None
        part = None if body is None else read_part(body)
        if part is None:
            continue
        for number, source in part.sources.items():
            if number in found.keys:
                totals[found.keys[number]] = Total(source, Histogram())
        for number, blob in part.blobs.items():
            more = histogram_of(blob)
            if number in found.keys and isinstance(more, Histogram):
                key = found.keys[number]
                totals[key] = _plus(totals.get(key), more)


def _plus(before: Total | None, more: Histogram) -> Total:
    """Return a total and what was counted since; of no known source if both do not fit, since damage is between."""
    if before is None:
        return Total("", more)
    try:
        return Total(before.source, before.histogram + more)
    except (ValueError, OverflowError) as error:
        if not is_own(error):
            raise
        return Total("", more)


def _body(file: OpenFile, one: Frame) -> bytes | None:
    return body_of(one, file.read(one.offset + FRAME_NBYTES, one.stored))
