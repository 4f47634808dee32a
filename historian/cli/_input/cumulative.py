"""`Cumulative`: recorders that were read, of which the latest of several snapshots counts."""

from __future__ import annotations

from typing import NamedTuple

from ...formats._lines import is_later
from ...histogram import Histogram

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..._values.key import Key
    from ...formats._lines import Source

__all__ = ["Cumulative"]


class _Kept(NamedTuple):
    """The latest histogram of one recorder and source."""

    total: int  # its count
    time: float
    where: str
    group: Key
    data: bytes


class Cumulative:
    """The latest histogram of each recorder and source.  Kept as bytes, less than 1 KB each."""

    def __init__(self) -> None:
        self._kept: dict[tuple[Key, str], _Kept] = {}

    def add(self, key: Key, histogram: Histogram, where: str, group: Key, source: Source) -> None:
        """Keep a histogram, unless a later one of the same recorder is known."""
        name, time = source
        before = self._kept.get((key, name))
        if before is None or is_later(histogram.count, time, before[:2]):
            self._kept[key, name] = _Kept(histogram.count, time, where, group, histogram.to_bytes())

    def taken(self) -> Iterator[tuple[Histogram, str, Key]]:
        """Yield (histogram, where it was, group) of each, in the order in which the recorders first appeared."""
        kept, self._kept = self._kept, {}
        for one in kept.values():
            yield Histogram.from_bytes(one.data), one.where, one.group

    def sources(self) -> dict[Key, Source]:
        """Return the source of each group that is a recorder, and has one source only."""
        found: dict[Key, Source | None] = {}
        for (key, name), one in self._kept.items():
            is_first = one.group not in found and one.group == key
            found[one.group] = (name, one.time) if is_first else None
        return {group: source for group, source in found.items() if source is not None}
