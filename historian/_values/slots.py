"""`Slots`: the populated buckets of a histogram, and where ranks and thresholds lie among them."""

from __future__ import annotations

import math

from .. import buckets
from .._core import BLOB_MAX_BOUND, BLOB_MIN_BOUND, FIRST_INDEX, slot_of
from .answers import read_only

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    import numpy as np
    from numpy.typing import NDArray

    from .._core import Counts

__all__ = ["MAX_BOUND", "MIN_BOUND", "TO_INDEX", "Slots", "edges_of"]

TO_INDEX = FIRST_INDEX - 1  # added to a slot, gives the index of its bucket

_LAST_SLOT = buckets.OVERFLOW_INDEX - TO_INDEX

# Marks of an extreme that is not known exactly, but only bounded, as in a difference of histograms.
MIN_BOUND: int = BLOB_MIN_BOUND
MAX_BOUND: int = BLOB_MAX_BOUND


class Slots:
    """Base class of `BaseHistogram`: what the counts of slots and both extremes tell, without the sum and the unit."""

    __slots__ = ("_bounds", "_counts", "_max", "_min")

    _counts: Counts
    _min: float  # in [0, max], in the lowest bucket; a bound may be its lower edge; NaN if empty
    _max: float  # in [min, 1.8e308], in the highest bucket; NaN if empty
    _bounds: int  # MIN_BOUND if the smallest value is not known, only that it is at least `_min`; likewise MAX_BOUND

    # ---- populated buckets ----

    @property
    def indices(self) -> NDArray[np.int64]:
        """Indices of the populated buckets, ascending, shape (buckets,), read-only.

        `historian.buckets` has the indices of the zero and overflow buckets.
        """
        return read_only([slot + TO_INDEX for slot in self._counts.pairs()[0]], "int64")

    @property
    def counts(self) -> NDArray[np.int64]:
        """Counts of the populated buckets, shape (buckets,), read-only.

        Called, it returns those of all bins of the axis, as `values` does: ``histogram.counts()`` belongs to the
        protocol that `axes` describes.  Type checkers know the array only.
        """
        from .uhi import CallableCounts

        return CallableCounts.of(self._counts)

    @property
    def lower(self) -> NDArray[np.float64]:
        """Lower edges of the populated buckets, in `unit`, shape (buckets,), read-only."""
        return read_only([buckets.lower(slot + TO_INDEX) for slot in self._counts.pairs()[0]], "float64")

    @property
    def upper(self) -> NDArray[np.float64]:
        """Upper edges of the populated buckets, in `unit`, shape (buckets,), read-only; infinity for overflow."""
        return read_only([buckets.upper(slot + TO_INDEX) for slot in self._counts.pairs()[0]], "float64")

    # ---- for plotting libraries and data frames ----

    @property
    def kind(self) -> str:
        """What `values` holds: ``"COUNT"``, in the words of UHI."""
        return "COUNT"

    def values(self) -> NDArray[np.float64]:
        """Return the count of each bin of the axis, shape (bins,), see `axes`.  O(bins), at most 6,146."""
        from .uhi import dense

        return dense(self._counts)

    def variances(self) -> NDArray[np.float64]:
        """Return the variance of each count if values are independent, the count itself: see `values`."""
        return self.values()

    def to_frame(self) -> dict[str, Any]:
        """Return the populated buckets as columns: ``index``, ``lower``, ``upper`` and ``count``, arrays.

        A dictionary of columns is what every library of data frames takes, without another dependency:
        ``pandas.DataFrame(h.to_frame())``, ``polars.DataFrame(h.to_frame())``, ``pyarrow.table(h.to_frame())``.  The
        edges are in the histogram's unit; that of the overflow bucket is infinity.  O(buckets).

        >>> from historian import Histogram
        >>> {name: column.tolist() for name, column in Histogram.from_values([1.0, 1.0, 2.0]).to_frame().items()}
        {'index': [-1, 63], 'lower': [0.9892280131939755, 1.978456026387951], 'upper': [1.0, 2.0], 'count': [2, 1]}
        """
        counts: Any = self.counts.view(type(self.indices))
        return {"index": self.indices, "lower": self.lower, "upper": self.upper, "count": counts}

    # ---- ranks and thresholds ----

    def _value_at(self, rank: int) -> float:
        """Return the value of a rank from 1 to `count`.  The first and last are exact if the extremes are known."""
        counts = self._counts
        if rank == 1 and self._knows_min():
            return self._min
        if rank == counts.total and self._knows_max():
            return self._max
        return self._value(counts.slot_at(rank))

    def _interpolated(self, rank: int, position: float) -> float:
        """Return the interpolated value of a position, of which `rank` is the next whole number, from 1 to `count`."""
        from .interpolation import interpolated

        smallest, largest = self._min if self._knows_min() else None, self._max if self._knows_max() else None
        value = interpolated(self._counts, rank, position, smallest, largest)
        return self._value_at(rank) if value is None else min(max(value, self._min), self._max)

    # ---- extremes: exact, or only bounds ----

    def _knows_min(self) -> bool:
        return not self._bounds & MIN_BOUND

    def _knows_max(self) -> bool:
        return not self._bounds & MAX_BOUND

    def _bounds_at(self, low: float, high: float) -> int:
        """Return which of two numbers, the extremes of a sum with this, are not proven by this."""
        is_low, is_high = self._min == low and self._knows_min(), self._max == high and self._knows_max()
        return (0 if is_low else MIN_BOUND) | (0 if is_high else MAX_BOUND)

    def _extremes_less(self, other: Slots, counts: Counts) -> tuple[float, float, int]:
        """Return minimum, maximum and bounds of `counts`, which are those of this less those of `other`, not none.

        If the maximum of `other` is lower than that of this, it is the maximum of the rest, too.  A bound is exact if
        it leaves only one number for the value: the other bound, or the other edge of its bucket.
        """
        (lower, lowest_to), (highest_from, upper) = edges_of(counts.first), edges_of(counts.last)
        low, high = max(self._min, lower), min(self._max, upper)
        is_low = low == lowest_to or (self._knows_min() and self._min < other._min)
        is_high = highest_from > 0 and high <= math.nextafter(highest_from, math.inf)
        is_high = is_high or (self._knows_max() and self._max > other._max)
        if counts.total == 1 and (is_low or is_high):
            low = high = low if is_low else high
        if low == high:
            return low, high, 0
        return low, high, (0 if is_low else MIN_BOUND) | (0 if is_high else MAX_BOUND)

    # ---- what they tell ----

    def _value(self, slot: int) -> float:
        """Return the representative of a slot's bucket, clamped to the minimum and maximum."""
        value = buckets.representative(slot + TO_INDEX)
        if value < self._min:
            return self._min
        return self._max if value > self._max else value  # noqa: FURB136 - half the time of min()

    def _edges(self, slot: int) -> tuple[float, float]:
        low, high = edges_of(slot)
        return low, self._max if high == math.inf else high

    def _above(self, t: float) -> tuple[int, int]:
        """Return the number of values above `t`: the least, without the bucket of t, and the most, with it.

        The least is the answer of `sf`, and of all questions about a threshold.
        """
        if t != t:
            raise ValueError("t must not be NaN")
        counts = self._counts
        count = counts.total
        if not self._min <= t < self._max:
            least = count if t < self._min else 0  # an empty histogram has NaN for both, and 0 values above t
            return least, least
        slot = slot_of(t)
        least = count - counts.through(slot)
        most = least if t == edges_of(slot)[1] else count - counts.through(slot - 1)
        if least == 0 and self._knows_max():
            least = 1  # the maximum is above t
        if most == count and slot == counts.first and self._knows_min():
            most = count - 1  # the minimum is at most t
        return least, most


_edges: dict[int, tuple[float, float]] = {}  # of slots that were asked for, of which there are 6,146


def edges_of(slot: int) -> tuple[float, float]:
    """Return the (lower, upper) edges of the bucket in a slot."""
    found = _edges.get(slot)
    if found is None:
        index = slot + TO_INDEX
        if 0 < slot < _LAST_SLOT:  # all but the zero and the overflow bucket
            lower, upper = buckets.EDGES[index & 63], buckets.EDGES[(index + 1) & 63]
            found = math.ldexp(lower, index >> 6), math.ldexp(upper, (index + 1) >> 6)
        else:
            found = buckets.lower(index), buckets.upper(index)
        _edges[slot] = found
    return found
