"""`Interval`: what was recorded from one time to another; and `Source`, a sequence of them that is read lazily."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from operator import index
from typing import Protocol

from .._live.snapshots import Snapshot
from .._values.key import Key
from .._values.text import counted
from ..histogram import Histogram
from .times import NS, check_time, time_ns, time_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any, TypeAlias

    from .times import _Time

    #: Whether a key is wanted.
    _Wanted: TypeAlias = Callable[[Key], bool]

__all__ = ["Interval", "Source", "listed", "loaded"]


class Source(Protocol):
    """Intervals in the order of time, which do not overlap, and whose histograms are read when they are asked for.

    Gaps are allowed.  It does not change while a History has it: what is recorded later belongs to another one.
    Edges of intervals should be whole multiples of their length since 1970, as far as possible: then `resample`
    needs no intervals that cross an edge, and the intervals of several machines nest.
    """

    @property
    def starts(self) -> Sequence[int]:
        """Start of each interval, in nanoseconds since 1970-01-01 00:00 UTC, ascending."""

    @property
    def ends(self) -> Sequence[int]:
        """End of each interval, in the same unit; after its start, and not after the next start."""

    def load(self, i: int, keys: _Wanted | None = None) -> Snapshot:
        """Return what was recorded in the i-th interval, of those keys only for which `keys` is true.

        A key for which `keys` is false need not be decoded.  So a function that notes the keys it is asked for, and
        is always false, finds out which there are.  Histograms without values may be left out.
        """


class Interval:
    """What was recorded from `start` to `end`: a histogram for each key.  It is immutable.

    `start` and `end` are whole nanoseconds since 1970-01-01 00:00 UTC; a value at `end` belongs to the next interval.
    Both can be passed as a `datetime` with an offset, as ``datetime64``, or as text of ISO 8601 with an offset, too.
    `histograms` maps keys, or names, to histograms; those without values are left out.  It supports ``==``, ``hash``
    and pickle.  O(keys).

    Raises TypeError for other objects, and for a float, which could mean seconds or nanoseconds.  Raises ValueError
    unless the start is before the end.

    >>> interval = Interval("2026-11-27T05:30Z", "2026-11-27T05:31Z", {"lookup": Histogram.from_values([0.010, 0.25])})
    >>> interval
    <Interval from 2026-11-27T05:30Z to 2026-11-27T05:31Z: 1 key, 2 values>
    >>> interval.start, interval.seconds, interval.total().max
    (1795757400000000000, 60.0, 0.25)
    """

    __slots__ = ("_end", "_histograms", "_start")
    __module__ = "historian"

    _start: int  # ns since 1970-01-01 00:00 UTC, in (-2**63, 2**63)
    _end: int  # likewise, after `_start`
    _histograms: Mapping[Key, Histogram]  # each of them holds values

    def __init__(
        self, start: int | _Time, end: int | _Time, histograms: Mapping[Key, Histogram] | Mapping[str, Histogram]
    ) -> None:
        first, last = _edge("start", start), _edge("end", end)
        if first >= last:
            raise ValueError(f"an interval must end after its start, not from {time_text(first)} to {time_text(last)}")
        if not isinstance(histograms, Mapping):
            raise TypeError(
                f"histograms must map keys or names to histograms, as {{'lookup': histogram}}, not {histograms!r}"
            )
        self._start, self._end, self._histograms = first, last, _checked(histograms)

    @classmethod
    def _of(cls, start: int, end: int, histograms: Mapping[Key, Histogram]) -> Interval:
        """Return an interval of arguments that need no check; `histograms` must not change."""
        made = cls.__new__(cls)
        made._start, made._end = start, end
        made._histograms = histograms if all(one.count for one in histograms.values()) else _filled(histograms)
        return made

    @property
    def start(self) -> int:
        """When it begins, in nanoseconds since 1970-01-01 00:00 UTC."""
        return self._start

    @property
    def end(self) -> int:
        """When it ends, in nanoseconds since 1970-01-01 00:00 UTC."""
        return self._end

    @property
    def seconds(self) -> float:
        """How long it is, in seconds."""
        return (self._end - self._start) / NS

    @property
    def histograms(self) -> Snapshot:
        """The histograms by key: a copy, which may be changed."""
        return Snapshot(self._histograms)

    @property
    def count(self) -> int:
        """Number of values of all keys."""
        return sum(one.count for one in self._histograms.values())

    def total(self) -> Histogram:
        """Return the histogram of all values.  O(buckets of all).  Raises ValueError if units differ."""
        return Snapshot(self._histograms).total()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Interval):
            return NotImplemented
        return (self._start, self._end, self._histograms) == (other._start, other._end, other._histograms)

    def __hash__(self) -> int:
        return hash((self._start, self._end, frozenset(self._histograms.items())))

    def __reduce__(self) -> tuple[Any, ...]:
        return Interval, (self._start, self._end, dict(self._histograms))

    def __repr__(self) -> str:
        held = f"{counted(len(self._histograms), 'key')}, {counted(self.count, 'value')}"
        return f"<Interval from {time_text(self._start)} to {time_text(self._end)}: {held}>"


def _edge(name: str, given: Any) -> int:
    """Return an edge of an interval: a whole number is one of nanoseconds."""
    if hasattr(type(given), "__index__") and not isinstance(given, bool):
        return check_time(index(given), name)
    if hasattr(given, "__float__") and getattr(getattr(given, "dtype", None), "kind", "") not in ("m", "M"):
        raise TypeError(f"{name} must be a whole number of nanoseconds since 1970, or a time with an offset: {given!r}")
    return time_ns(given, name)


def _checked(histograms: Mapping[Any, Any]) -> dict[Key, Histogram]:
    found: dict[Key, Histogram] = {}
    for key, histogram in histograms.items():
        if not isinstance(histogram, Histogram):
            raise TypeError(f"an interval maps keys to histograms, not {key!r} to {type(histogram).__name__}")
        if not isinstance(key, (Key, str)):
            raise TypeError(f"an interval maps keys or names to histograms, not {key!r}")
        if histogram.count:
            found[key if isinstance(key, Key) else Key(key)] = histogram
    return found


def _filled(histograms: Mapping[Key, Histogram]) -> dict[Key, Histogram]:
    return {key: one for key, one in histograms.items() if one.count}


class Listed:
    """A source in memory."""

    __slots__ = ("_held", "ends", "starts")

    def __init__(self, intervals: Sequence[Interval]) -> None:
        self._held = intervals
        self.starts = [one._start for one in intervals]
        self.ends = [one._end for one in intervals]

    def load(self, i: int, keys: _Wanted | None = None) -> Snapshot:
        held = self._held[i]._histograms
        return Snapshot(held if keys is None else {key: one for key, one in held.items() if keys(key)})


def listed(intervals: Iterable[Interval]) -> Source:
    """Return intervals, in any order, as a source.  O(n log n).

    Raises TypeError for what is not an interval, and ValueError if two of them overlap.
    """
    found = list(intervals)
    for one in found:
        if not isinstance(one, Interval):
            raise TypeError(f"a history consists of intervals, Interval(start, end, histograms), not of {one!r}")
    found.sort(key=lambda one: one._start)
    for former, one in pairwise(found):
        if one._start < former._end:
            raise ValueError(
                f"intervals must not overlap, as those from {time_text(former._start)} to {time_text(former._end)} and "
                f"from {time_text(one._start)} do: make a history of each machine, and add the histories"
            )
    return Listed(found)


def loaded(source: Source, i: int) -> Interval:
    """Return the i-th interval of a source."""
    return Interval._of(source.starts[i], source.ends[i], source.load(i))
