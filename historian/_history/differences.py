"""`Differences`: what recorders have counted since they were last looked at, from totals that only grow."""

from __future__ import annotations

from typing import NamedTuple

from .._live.changes import counted_since

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from .._live.snapshots import Snapshot
    from .._values.key import Key
    from ..histogram import Histogram

__all__ = ["Change", "Differences", "Total"]


class Total(NamedTuple):
    """What a recorder held at the last look."""

    source: str  # its id until the next drain; empty if it is not known
    histogram: Histogram


class Change(NamedTuple):
    """What has changed between two looks."""

    counted: Mapping[Key, Histogram]  # of the recorders that counted
    begun: Mapping[Key, str]  # ids of the sources that were not there at the look before; empty if not known
    totals: Mapping[Key, Total]  # of all recorders, now


class Differences:
    """The totals of recorders at the last look, and what has been counted since.

    A recorder that was drained, cleared, or removed and created again has another source: all that it holds is new.
    What was taken out of it since the last look is not seen.

    >>> from historian import Registry
    >>> registry = Registry()
    >>> differences = Differences()
    >>> differences.begin(registry.snapshot())
    >>> registry.recorder("query").record(0.25)
    >>> change = differences.since(registry.snapshot())
    >>> {str(key): histogram.count for key, histogram in change.counted.items()}
    {'query': 1}
    >>> differences.accept(change)
    >>> dict(differences.since(registry.snapshot()).counted)
    {}
    """

    def __init__(self) -> None:
        self.totals: dict[Key, Total] = {}

    def begin(self, snapshot: Snapshot) -> None:
        """Take what recorders hold as counted before."""
        self.totals = {key: Total(_source(snapshot, key), histogram) for key, histogram in snapshot.items()}

    def resume(self, totals: Mapping[Key, Total], snapshot: Snapshot, end: float) -> list[Key]:
        """Go on from the totals that were known at `end`, in seconds since 1970-01-01 00:00 UTC.

        Return the recorders that are not known, although they existed then: they are those of another directory, or
        could not be read.  What they hold counts as counted before.
        """
        self.totals = dict(totals)
        strangers = []
        for key, histogram in snapshot.items():
            source, start = _source(snapshot, key), snapshot.start_of(key)
            known = self.totals.get(key)
            if start is not None and start < end and (known is None or known.source not in ("", source)):
                self.totals[key] = Total(source, histogram)
                strangers.append(key)
        return strangers

    def since(self, snapshot: Snapshot) -> Change:
        """Return what has been counted since the last look that was accepted.  O(buckets of all).  It changes nothing.

        Recorders that are not in the snapshot may be unreadable for a moment: their totals are kept.
        """
        counted: dict[Key, Histogram] = {}
        begun: dict[Key, str] = {}
        totals: dict[Key, Total] = {}
        for key, now in snapshot.items():
            source, before = _source(snapshot, key), self.totals.get(key)
            found = None if before is None else _more(before, source, now)
            if found is None:
                found, begun[key] = now, source
            if found.count:
                counted[key] = found
            totals[key] = Total(source, now)
        return Change(counted, begun, totals)

    def accept(self, change: Change) -> None:
        """Go on from a change, which has been written."""
        self.totals.update(change.totals)

    def forget(self, snapshot: Mapping[Key, object]) -> None:
        """Forget the recorders that are not in a snapshot: those that were removed would be kept for ever."""
        self.totals = {key: total for key, total in self.totals.items() if key in snapshot}


def _more(before: Total, source: str, now: Histogram) -> Histogram | None:
    """Return what a recorder holds more than before; None if all that it holds is new."""
    if source and before.source and source != before.source:
        return None
    # Without an id it may hold what it held, and more: then that is not counted twice.
    found = counted_since(before.histogram, now)
    if found is None and source and before.source:
        return now - now  # the total of a source never falls: what it was is damaged, so nothing is known of the rest
    return found


def _source(snapshot: Snapshot, key: Key) -> str:
    source = snapshot.source_of(key)
    return "" if source is None else source[0]
