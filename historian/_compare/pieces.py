"""A series of the shares of slow calls, from the histograms of consecutive intervals."""

from __future__ import annotations

import math
from typing import NamedTuple

from .._values.slots import TO_INDEX

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from ..histogram import Histogram

__all__ = ["Pieces", "Series"]

#: Calls that a piece should have beyond its quantile, so that its share is not mostly chance and seldom 0.
BEYOND = 5

#: Parts of a period, such as the hours of a day, that are compared each with itself.
PHASES = 24


class Series(NamedTuple):
    """Ranks of pieces of time, by how large the share of their calls is that are above a typical quantile."""

    ranks: NDArray[np.float64]  # from -sqrt(3) to sqrt(3), of mean 0; of variance 1 if no two are equal
    starts: list[int]  # the first interval of each piece, ascending


class Pieces:
    """The intervals that hold calls, and the answers that the search for changes needs."""

    def __init__(self, histograms: Sequence[Histogram], q: float, period: int | None) -> None:
        import numpy

        self.q = q
        self.counts = numpy.array([h.count for h in histograms], dtype=numpy.float64)
        pairs = (h._counts.pairs() for h in histograms)
        self._buckets = [(numpy.array(slots, dtype=numpy.intp) + TO_INDEX, numpy.array(of)) for slots, of in pairs]
        parts = min(PHASES, period) if period else 1
        self._phases = [k % period * parts // period if period else 0 for k in range(len(histograms))]
        self._parts = parts

    def cut(self, start: int, end: int) -> list[int]:
        """Return the first interval of each piece: as many intervals as have enough calls beyond the quantile."""
        need = BEYOND / max(min(self.q, 1 - self.q), 1e-12)
        cuts, calls = [], math.inf
        for k in range(start, end):
            if calls >= need and self.counts[k]:
                cuts.append(k)
                calls = 0
            calls += self.counts[k]
        if len(cuts) > 1 and calls < need:
            cuts.pop()  # the last piece is too short: it belongs to the one before
        return cuts

    def series(self, start: int, end: int) -> Series:
        """Return the series of the intervals from `start` to before `end`.  O(buckets of all)."""
        import numpy

        cuts = self.cut(start, end)
        if not cuts:
            return Series(numpy.zeros(0), cuts)
        edges = self._typical(cuts, end)
        above = numpy.zeros(end - start)
        for k in range(start, end):
            above[k - start] = self.above(k, edges[self._phases[k]])
        at = numpy.array(cuts) - start
        shares = numpy.add.reduceat(above, at) / numpy.add.reduceat(self.counts[start:end], at)
        return Series(_ranks(shares), cuts)

    def above(self, k: int, edge: int) -> float:
        """Return how many calls of an interval are above a bucket; of those in it, half."""
        indices, counts = self._buckets[k]
        low, high = indices.searchsorted(edge), indices.searchsorted(edge, "right")
        return float(counts[low:].sum() + counts[high:].sum()) / 2

    def _typical(self, cuts: list[int], end: int) -> list[int]:
        """Return the bucket of the typical quantile: the median over pieces, weighted by calls; for each phase."""
        import numpy

        found: list[list[tuple[int, float]]] = [[] for _ in range(self._parts)]
        for start, stop in zip(cuts, [*cuts[1:], end]):
            found[self._phases[start]].append(self._quantile(start, stop))
        everything = [one for phase in found for one in phase]
        edges = []
        for phase in found:
            slots, weights = map(numpy.array, zip(*sorted(phase or everything)))
            totals = weights.cumsum()
            edges.append(int(slots[totals.searchsorted(totals[-1] / 2)]))
        return edges

    def _quantile(self, start: int, stop: int) -> tuple[int, float]:
        """Return the bucket of the quantile of some intervals, and their calls."""
        import numpy

        some = [one for one in self._buckets[start:stop] if len(one[0])]
        indices, counts = some[0]
        if len(some) > 1:
            indices, places = numpy.unique(numpy.concatenate([one[0] for one in some]), return_inverse=True)
            counts = numpy.bincount(places.ravel(), numpy.concatenate([one[1] for one in some]))
        totals = counts.cumsum()
        return int(indices[totals.searchsorted(self.q * totals[-1])]), float(totals[-1])


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the ranks of values, equal ones with their mean, centred and scaled as `Series` says."""
    import numpy

    _, places, numbers = numpy.unique(values, return_inverse=True, return_counts=True)
    last = numbers.cumsum()
    middle = last - (numbers - 1) / 2
    found: NDArray[np.float64] = (middle[places.ravel()] - (len(values) + 1) / 2) * math.sqrt(12) / len(values)
    return found
