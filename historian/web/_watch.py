"""`Watch`: what recorders hold, and what they count between two looks, read only as often as somebody looks."""

from __future__ import annotations

import math
import os
import threading
import time
from typing import NamedTuple

from .._live.changes import counted_since
from ._history import History
from ._names import Names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Protocol

    from .._live.snapshots import Snapshot
    from .._values.key import Key
    from ..histogram import Histogram
    from ._history import Interval

    class _Recorders(Protocol):
        """A `Registry`, or what reads a directory as one does."""

        def snapshot(self) -> Snapshot: ...


__all__ = ["Look", "Watch"]

LEAST_SECONDS = 0.7  # between two looks: pages that ask more often, or several of them, share one
PAUSE = 10.0  # between two looks, in processor times of a look: so 10,000 recorders are read less often
MOST_SECONDS = 10.0  # between two looks whose difference is shown: after more, nobody has looked


class Look(NamedTuple):
    """All recorders at one time."""

    number: int  # from 1
    time: float  # in seconds since 1970-01-01 00:00 UTC
    seconds: float  # since the previous look; NaN for the first one, and if that is long ago
    totals: Mapping[Key, Histogram]  # of all recorders
    recent: Mapping[Key, Histogram]  # what was counted since the previous look, by those that did
    names: Names


_NONE = Look(0, 0.0, math.nan, {}, {}, Names())


class Watch:
    """Looks at recorders when it is asked, at most about once a second, and remembers the last few minutes.

    Between two questions it does nothing.  Several threads may ask.
    """

    def __init__(
        self,
        recorders: _Recorders,
        clock: Callable[[], float] = time.monotonic,
        worked: Callable[[], float] = time.thread_time,
    ) -> None:
        self._recorders = recorders
        self._clock = clock
        self._worked = worked
        self._lock = threading.Lock()
        self._history = History()
        self._look = _NONE
        self._looked_at = -math.inf  # by the clock
        self._pause = LEAST_SECONDS  # until the next look, in [LEAST_SECONDS, MOST_SECONDS / 2]
        self._sources: dict[Key, str] = {}  # ids of recorders at the last look, which change when one is drained
        self.run = os.urandom(8).hex()  # tells the numbers of this object from those of another process

    def look(self) -> Look:
        """Return what there is: read now, or a moment ago.  O(buckets of all recorders).  Raises OSError."""
        with self._lock:
            now = self._clock()
            if now - self._looked_at >= self._pause:
                began = self._worked()
                self._take(now)
                self._pause = min(max(LEAST_SECONDS, PAUSE * (self._worked() - began)), MOST_SECONDS / 2)
            return self._look

    def intervals(self, key: Key, after: int) -> list[Interval]:
        """Return what a recorder has counted between looks whose number is above `after`, oldest first."""
        with self._lock:
            return list(self._history.of(key, after))

    def forget(self) -> None:
        """Give back the memory, until somebody looks again."""
        with self._lock:
            self._history.clear()
            self._look = _NONE._replace(number=self._look.number)
            self._looked_at = -math.inf
            self._sources = {}

    def _take(self, now: float) -> None:
        snapshot, at = self._recorders.snapshot(), time.time()
        before, seconds = self._look, now - self._looked_at
        sources = {key: source[0] for key, source in snapshot._sources.items()}
        recent: dict[Key, Histogram] = {}
        if seconds > MOST_SECONDS:
            seconds = math.nan
        else:
            for key, total in snapshot.items():
                earlier = before.totals.get(key)
                found = None
                if earlier is not None and self._sources.get(key) == sources.get(key):
                    found = counted_since(earlier, total)
                found = total if found is None else found  # it is new, or was drained
                if found.count:
                    recent[key] = found
            self._history.add(before.number + 1, before.time, at, recent)
        self._look = Look(before.number + 1, at, seconds, snapshot, recent, before.names.updated(snapshot))
        self._looked_at, self._sources = now, sources
