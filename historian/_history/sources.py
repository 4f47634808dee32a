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

    __slots__ = ("_bins", "_sources", "ends", "starts")

    def __init__(self, sources: Sequence[Source], bins: Sequence[Bin]) -> None:
        self._sources, self._bins = sources, bins
        self.starts, self.ends = [one.start for one in bins], [one.end for one in bins]

    def load(self, i: int, keys: _Wanted | None = None) -> Snapshot:
        members = self._bins[i].members
        if len(members) == 1:
            return self._sources[members[0][0]].load(members[0][1], keys)
        return merged_by_key(self._sources[source].load(place, keys) for source, place in members)


def joined(sources: Sequence[Source], bins: Sequence[Bin]) -> Source:
    """Return a source of longer intervals.  If `sources` are such ones, it asks theirs: a sum of many stays flat."""
    flat: list[Source] = []
    moved: list[tuple[int, Joined | None]] = []  # of each source: the place of the first of its own, and itself
    for one in sources:
        inner = one if isinstance(one, Joined) else None
        moved.append((len(flat), inner))
        flat += [one] if inner is None else inner._sources
    if not any(inner for _, inner in moved):
        return Joined(sources, bins)
    found: list[Bin] = []
    for longer in bins:
        members: list[tuple[int, int]] = []
        for source, place in longer.members:
            first, inner = moved[source]
            own = [(0, place)] if inner is None else inner._bins[place].members
            members += [(first + k, at) for k, at in own]
        found.append(longer._replace(members=members))
    return Joined(flat, found)


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
