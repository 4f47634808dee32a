"""Merging over time and over keys: exact, in little memory however many intervals there are."""

from __future__ import annotations

from .._live.snapshots import Snapshot
from ..histogram import Histogram, merge
from .times import time_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from .._values.key import Key

__all__ = ["all_keys", "in_one_unit", "merged_by_key"]

#: Histograms of a key that wait until they are merged together.
MOST_PENDING = 64


def merged_by_key(snapshots: Iterable[Mapping[Key, Histogram]]) -> Snapshot:
    """Return the histograms of all snapshots by key.  O(buckets of all).

    Raises ValueError if a key has different units.
    """
    pending: dict[Key, list[Histogram]] = {}
    for snapshot in snapshots:
        for key, histogram in snapshot.items():
            held = pending.get(key)
            if held is None:
                pending[key] = [histogram]
            else:
                held.append(histogram)
                if len(held) >= MOST_PENDING:
                    held[:] = [merge(held)]
    return Snapshot({key: merge(held) if len(held) > 1 else held[0] for key, held in pending.items()})


def all_keys(histograms: Mapping[Key, Histogram]) -> Histogram:
    """Return the histogram of all keys of an interval.  Raises ValueError, which says what to do, if units differ."""
    held = list(histograms.values())
    if len(held) == 1:
        return held[0]
    units = list(dict.fromkeys(one.unit for one in held if one.count or one.unit != "s"))
    if len(units) > 1:
        names = {one.unit: str(key) for key, one in reversed(list(histograms.items()))}
        raise ValueError(
            f"{names[units[0]]} is in {units[0]!r}, {names[units[1]]} in {units[1]!r}, which cannot be merged: ask "
            "select() for keys of one unit first"
        )
    return merge(held)


def in_one_unit(intervals: tuple[Histogram, ...], starts: Sequence[int]) -> tuple[Histogram, ...]:
    """Return the histograms of intervals.  Raises ValueError if their units differ."""
    first: tuple[str, int] | None = None
    for one, start in zip(intervals, starts):
        if not one.count:
            continue
        first = first or (one.unit, start)
        if one.unit != first[0]:
            raise ValueError(
                f"the interval from {time_text(first[1])} is in {first[0]!r}, that from {time_text(start)} in "
                f"{one.unit!r}, which cannot be merged: cut the history by between() first"
            )
    return intervals
