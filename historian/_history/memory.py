"""`MemoryLog`: the last intervals, in this process' memory."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from .._live.snapshots import Snapshot
from ..histogram import Histogram

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from .._values.key import Key
    from .differences import Change, Total
    from .intervals import _Wanted

__all__ = ["MemoryLog", "MemorySource"]


class _Kept(NamedTuple):
    """An interval: histograms as bytes, since an object for each takes four times the memory."""

    start: int
    end: int
    blobs: Mapping[Key, bytes]


class MemoryLog:
    """The intervals of the last `keep` nanoseconds."""

    needs_state = False

    def __init__(self, keep: int) -> None:
        self._keep = keep
        self._kept: deque[_Kept] = deque()
        self.end = 0
        self.totals: Mapping[Key, Total] | None = None

    def append(self, start: int, end: int, change: Change) -> None:
        """Keep an interval; forget those that are too old."""
        self._kept.append(_Kept(start, end, {key: one.to_bytes() for key, one in change.counted.items()}))
        self.end = end
        while self._kept[0].end <= end - self._keep:
            self._kept.popleft()

    def keep(self, totals: Mapping[Key, Total], end: int) -> None:
        """Do nothing: memory does not outlive what it describes."""

    def source(self) -> MemorySource:
        """Return the intervals that are kept now."""
        return MemorySource(self._kept.copy())

    def close(self) -> None:
        """Do nothing: what is kept stays readable."""

    leave = close


class MemorySource:
    """Intervals in memory, oldest first.  A histogram is made when it is asked for."""

    def __init__(self, kept: Collection[_Kept]) -> None:
        self._blobs = [one.blobs for one in kept]
        self.starts: Sequence[int] = [one.start for one in kept]
        self.ends: Sequence[int] = [one.end for one in kept]

    def load(self, i: int, keys: _Wanted | None = None) -> Snapshot:
        """Return what was counted in interval i, of some keys or of all."""
        blobs = self._blobs[i]
        return Snapshot({key: Histogram.from_bytes(blob) for key, blob in blobs.items() if keys is None or keys(key)})
