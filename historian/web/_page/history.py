"""`History`: what recorders have counted in each of the last intervals of time, in bounded memory.

All recorders are kept for as long as there is room: so somebody who chooses another one sees its past at once.  After
that, only those that were asked for are kept, until they are too old.  With 1,000 recorders that each count 100 values
a second, there is room for a minute or two of all; with 20, for five minutes.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import NamedTuple

from ...histogram import Histogram

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ..._values.key import Key

__all__ = ["History", "Interval"]

SECONDS = 300.0  # that are kept
MAX_NBYTES = 32 << 20  # of histograms and of what holds them
MAX_CHOSEN = 16  # recorders that are kept when others are not
PART_NBYTES = 140  # of Python's objects around the bytes of one histogram


class Interval(NamedTuple):
    """What one recorder has counted in an interval of time."""

    number: int  # of the look that ended it
    begin: float  # in seconds since 1970-01-01 00:00 UTC
    end: float
    histogram: Histogram | None  # None if it counted nothing


class _Kept(NamedTuple):
    """What is kept of an interval: the histograms of recorders that counted, as bytes."""

    number: int
    begin: float
    end: float
    parts: dict[Key, bytes]


class History:
    """Intervals, oldest first.  It is not for several threads at a time."""

    def __init__(self, seconds: float = SECONDS, max_nbytes: int = MAX_NBYTES, max_chosen: int = MAX_CHOSEN) -> None:
        self._seconds, self._max_nbytes, self._max_chosen = seconds, max_nbytes, max_chosen
        self._chosen: OrderedDict[Key, int] = OrderedDict()  # with the first interval that is known; last asked is last
        self._thin: deque[_Kept] = deque()  # which have only the chosen recorders
        self._whole: deque[_Kept] = deque()  # after them, those which have all
        self._next = 1  # the number of the next interval, at least
        self.nbytes = 0  # of all parts, in [0, max_nbytes] after each call

    def add(self, number: int, begin: float, end: float, recent: Mapping[Key, Histogram]) -> None:
        """Keep an interval; forget what is too old or too much.  O(buckets of all)."""
        parts = {key: histogram.to_bytes() for key, histogram in recent.items()}
        self._whole.append(_Kept(number, begin, end, parts))
        self._next = number + 1
        self.nbytes += sum(map(_nbytes, parts.values()))
        for kept in (self._thin, self._whole):
            while kept and kept[0].end < end - self._seconds:
                self._drop(kept.popleft().parts)
        while self.nbytes > self._max_nbytes:
            if self._whole:
                self._thin.append(self._thinned(self._whole.popleft()))
            else:
                self._drop(self._thin.popleft().parts)

    def of(self, key: Key, after: int = 0) -> Iterator[Interval]:
        """Yield the intervals of a recorder whose number is above `after`, and keep it from now on."""
        first = self._choose(key)
        for kept in (*self._thin, *self._whole):
            if kept.number > after and kept.number >= first:
                data = kept.parts.get(key)
                histogram = None if data is None else Histogram.from_bytes(data)
                yield Interval(kept.number, kept.begin, kept.end, histogram)

    def clear(self) -> None:
        """Forget everything."""
        self._thin.clear()
        self._whole.clear()
        self._chosen.clear()
        self.nbytes = 0

    def _choose(self, key: Key) -> int:
        """Keep a recorder when others are not; return the number of the first interval in which it is known."""
        if key not in self._chosen:
            if len(self._chosen) == self._max_chosen:
                oldest, _ = self._chosen.popitem(last=False)
                for kept in self._thin:
                    self._drop({oldest: kept.parts.pop(oldest)} if oldest in kept.parts else {})
            self._chosen[key] = self._whole[0].number if self._whole else self._next
        self._chosen.move_to_end(key)
        return self._chosen[key]

    def _thinned(self, kept: _Kept) -> _Kept:
        chosen = {key: data for key, data in kept.parts.items() if key in self._chosen}
        self._drop({key: data for key, data in kept.parts.items() if key not in chosen})
        return kept._replace(parts=chosen)

    def _drop(self, parts: Mapping[Key, bytes]) -> None:
        self.nbytes -= sum(map(_nbytes, parts.values()))


def _nbytes(data: bytes) -> int:
    return len(data) + PART_NBYTES
