"""Sources that are made of other ones, and read them when they are asked: a part, a selection, longer intervals."""

from __future__ import annotations

from .._live.snapshots import Snapshot
from .._values.key import Key
from .merging import merged_by_key

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from .alignment import Bin
    from .intervals import Source, _Wanted

__all__ = ["Joined", "Part", "Selected", "joined", "keys_of"]

#: How often a source may be made of others that are made of others: Python limits calls within calls.
DEEPEST = 32


class Part:
    """The intervals of a source from one place to another."""

    __slots__ = ("_first", "_of", "ends", "starts")

    def __init__(self, of: Source, first: int, stop: int) -> None:
        self._of, self._first = of, first
        self.starts, self.ends = of.starts[first:stop], of.ends[first:stop]

    def load(self, i: int, keys: _Wanted | None = None) -> Snapshot:
        return self._of.load(self._first + i, keys)


class Selected:
    """All intervals of a source, with those of its keys that are wanted."""

    __slots__ = ("_of", "_wanted", "ends", "starts")

    def __init__(self, of: Source, wanted: _Wanted) -> None:
        answers: dict[Key, bool] = {}  # the same few keys are asked for in each interval

        def remembered(key: Key) -> bool:
            found = answers.get(key)
            if found is None:
                found = answers[key] = wanted(key)
            return found

        self._of, self._wanted = of, remembered
        self.starts, self.ends = of.starts, of.ends

    def load(self, i: int, keys: _Wanted | None = None) -> Snapshot:
        wanted = self._wanted
        return self._of.load(i, wanted if keys is None else lambda key: wanted(key) and keys(key))


class Joined:
    """Longer intervals, each of one or more intervals of some sources."""

    __slots__ = ("_bins", "_sources", "depth", "ends", "starts")

    def __init__(self, sources: Sequence[Source], bins: Sequence[Bin]) -> None:
        self._sources, self._bins = sources, bins
        self.starts, self.ends = [one.start for one in bins], [one.end for one in bins]
        self.depth: int = 1 + max((one.depth for one in sources if isinstance(one, Joined)), default=0)

    def load(self, i: int, keys: _Wanted | None = None) -> Snapshot:
        members = self._bins[i].members
        if len(members) == 1:
            return self._sources[members[0][0]].load(members[0][1], keys)
        return merged_by_key(self._sources[source].load(place, keys) for source, place in members)


def joined(sources: Sequence[Source], bins: Sequence[Bin]) -> Source:
    """Return a source of longer intervals.  O(intervals); of a sum of n sources O(n) each time it gets too deep."""
    found = Joined(sources, bins)
    return found if found.depth <= DEEPEST else _flat(found)


def _flat(deep: Joined) -> Joined:
    """Return the same intervals, made of those sources that are not made of others."""
    sources: list[Source] = []
    numbers: dict[int, int] = {}  # by id

    def expand(source: Source, place: int, members: list[tuple[int, int]]) -> None:
        if isinstance(source, Joined):
            for inner, at in source._bins[place].members:
                expand(source._sources[inner], at, members)
            return
        if id(source) not in numbers:
            numbers[id(source)] = len(sources)
            sources.append(source)
        members.append((numbers[id(source)], place))

    bins: list[Bin] = []
    for place, longer in enumerate(deep._bins):
        members: list[tuple[int, int]] = []
        expand(deep, place, members)
        bins.append(longer._replace(members=members))
    return Joined(sources, bins)


def keys_of(source: Source) -> frozenset[Key]:
    """Return the keys that occur in a source, without decoding a histogram where the source can do without.

    O(keys of all intervals).
    """
    found: set[Key] = set()

    def note(key: Key) -> bool:
        found.add(key)
        return False

    for i in range(len(source.starts)):
        source.load(i, note)
    return frozenset(found)
