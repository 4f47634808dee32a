"""`BaseHistogram`: counts of buckets with their unit and sum; what is recorded, added and subtracted."""

from __future__ import annotations

import math

from .. import buckets
from .._core import Counters, Counts
from .distribution import Distribution
from .exact import rounded
from .exemplar import latest, populated
from .origin import Origin
from .slots import MAX_BOUND, MIN_BOUND, TO_INDEX
from .units import NS_PER_UNIT, check_unit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, TypeVar

    from typing_extensions import Self

    from .._core import _Reals, _Wholes
    from .exemplar import Exemplar
    from .uhi import Axis

    _H = TypeVar("_H", bound="BaseHistogram")

__all__ = ["MAX_FLOAT", "BaseHistogram", "Origin", "make"]

_EMPTY = Counts.of([], [])


class BaseHistogram(Distribution):
    """Base class of `historian.Histogram`, for the modules that `Histogram` itself calls and that cannot import it.

    Methods that return a new histogram return one of the same class.
    """

    __slots__ = ("__weakref__", "_exemplars", "_sum", "_synthetic", "_unit")

    _exemplars: tuple[Exemplar, ...]  # at most one of each octave, ascending by value
    _unit: str  # label only
    _sum: int  # exact, in units of 2**-1074, so that merging is associative to the last bit
    _synthetic: bool | Origin  # False if empty; where a corrected histogram comes from, if that is known

    def __init__(self) -> None:
        self._counts, self._unit, self._sum, self._min, self._max = _EMPTY, "s", 0, math.nan, math.nan
        self._synthetic, self._bounds, self._exemplars = False, 0, ()

    @classmethod
    def from_values(cls, values: _Reals, *, counts: _Wholes | None = None, unit: str = "s") -> Self:
        """Return the histogram of a one-dimensional array-like, as `Recorder.record_many` would count it.

        With `counts`, as many whole numbers from 0 on, each value counts as if it came that often.  O(len).  Raises
        ValueError for a NaN, infinite or negative value, for a negative count, and if there are not as many counts as
        values.  Raises TypeError for a value that is not a number, for a count that is not a whole number, and for a
        mapping.  Raises OverflowError if the counts add up to 2**63.

        >>> from historian import Histogram
        >>> Histogram.from_values([1, 2, 3], unit="ms").mean
        2.0
        >>> times = {0.010: 980, 0.250: 20}                           # values and how often they came
        >>> Histogram.from_values(times.keys(), counts=times.values()).count
        1000
        """
        unit = check_unit(unit)
        counters = Counters(NS_PER_UNIT.get(unit, 0.0))
        counters.record_many(values, counts=counts)
        return cls._from_reading(counters._read(), unit)

    @classmethod
    def _from_reading(cls, reading: tuple[Counts, int, float, float], unit: str, synthetic: bool = False) -> Self:
        """Return the histogram of a result of `Counters._read`.

        If a record was in flight, its extreme may be unknown (NaN).  Then a bucket edge replaces it, as a bound.
        """
        counts, total, low, high = reading
        bounds = 0
        if counts.total:
            if not low >= 0:
                low, bounds = buckets.lower(counts.first + TO_INDEX) if low != low else -low, MIN_BOUND
            if not high >= 0:
                high = min(buckets.upper(counts.last + TO_INDEX), MAX_FLOAT) if high != high else -high
                bounds |= MAX_BOUND
        return make(cls, counts, unit, total, low, high, synthetic, bounds)

    # ---- facts ----

    @property
    def sum(self) -> float:
        """Sum of the recorded values: the float nearest to the true sum; infinity if beyond float64.

        The sum is kept as a whole number of units of 2**-1074, of which every float is a multiple.  So it is exact for
        any values in any order, and through `+`, `-`, `merge`, bytes, dictionaries and pickles.  Only this property
        rounds it, once: the error is at most half a unit in the last place, 1.2e-16 of the sum.  There is one
        exception: if a process is killed while it records into a file, the sum may contain a value, or a part of an
        array, that no bucket contains.
        """
        return rounded(self._sum)

    @property
    def mean(self) -> float:
        """Mean of the recorded values: the float nearest to the true mean (see `sum`); NaN if empty.

        A mean does not tell how long users wait: use quantiles for that.
        """
        return rounded(self._sum, self.count) if self.count else math.nan

    @property
    def stddev(self) -> float:
        """Population standard deviation, computed from the representatives of the buckets.  O(buckets)."""
        if not self.count:
            return math.nan
        mean = self.mean
        slots, counts = self._counts.pairs()
        squares = (n * (self._value(slot) - mean) ** 2 for slot, n in zip(slots, counts))
        return math.sqrt(math.fsum(squares) / self.count)

    @property
    def min(self) -> float:
        """Smallest recorded value, exact; in a difference of histograms it may be a lower bound (see ``-``)."""
        return self._min

    @property
    def max(self) -> float:
        """Largest recorded value, exact; in a difference of histograms it may be an upper bound (see ``-``)."""
        return self._max

    @property
    def unit(self) -> str:
        """Label of the unit that all values are in."""
        return self._unit

    @property
    def zero_count(self) -> int:
        """Number of values in the zero bucket, [0, 2**-32]."""
        return self._counts.through(0)

    @property
    def overflow_count(self) -> int:
        """Number of values above the last bucket, 2**64."""
        return self.count - self._counts.through(_OVERFLOW_SLOT - 1)

    @property
    def synthetic(self) -> bool:
        """Whether some of the counts are estimates (see `corrected`), here or in a merged histogram.

        Equality of histograms does not depend on it: it changes intervals, but no quantile and no share.
        """
        return bool(self._synthetic)

    @property
    def exemplars(self) -> tuple[Exemplar, ...]:
        """Single values that were recorded with labels, such as the id of a trace: the latest of each octave.

        They are ascending, and lead from a percentile to what was slow: see ``exemplar`` of `Recorder.record`.  `+`,
        `merge`, `scaled` and `corrected` keep the latest of each octave; a difference keeps those that were recorded
        since.  Dictionaries, pickles, and files of `historian.snapshot` have them; bytes have not.  Equality of
        histograms does not depend on them.  A recorder in a directory keeps them in the memory of the process that
        recorded them, so snapshots of other processes do not have them.

        >>> from historian import Recorder
        >>> latency = Recorder("checkout")
        >>> for value, trace in [(0.010, "a1"), (1.5, "b2"), (1.7, "c3")]:
        ...     latency.record(value, exemplar={"trace_id": trace})
        >>> [(slow.value, slow.labels["trace_id"]) for slow in latency.snapshot().exemplars]
        [(0.01, 'a1'), (1.7, 'c3')]
        """
        return self._exemplars

    def _with(self, exemplars: Iterable[Exemplar]) -> Self:
        """Return this histogram with further exemplars, those whose bucket holds values."""
        return self._replaced(latest([*self._exemplars, *populated(exemplars, self._counts)]))

    def _replaced(self, exemplars: tuple[Exemplar, ...]) -> Self:
        """Return this histogram with these exemplars only."""
        low, high, synthetic = self._min, self._max, self._synthetic
        return make(type(self), self._counts, self._unit, self._sum, low, high, synthetic, self._bounds, exemplars)

    @property
    def axes(self) -> tuple[Axis]:
        """The axis of all bins from the lowest to the highest populated bucket, in a tuple.

        With `values`, `variances`, ``counts()`` and `kind` it makes a histogram a `PlottableHistogram` of UHI, which
        mplhep draws: ``mplhep.histplot(h)``.  ``hist.Hist(h)`` makes a copy that hist draws.  Bins have the edges of
        buckets; those between populated ones have the count 0.  The zero bucket begins at 0, the overflow bucket ends
        at the maximum, so every value is in a bin.  Bins are narrow: for a picture, see `plot`.  O(bins), at most
        6,146.

        There is no ``__array__``: ``numpy.asarray(h)`` could mean the counts, the edges or the values, and a wrong
        guess would give wrong numbers without an error.  Ask for `values`, `counts` or `to_frame`.

        >>> from historian import Histogram
        >>> h = Histogram.from_values([1.0, 1.0, 1.02])
        >>> h.axes[0], h.values()
        (<Axis of 3 bins from 0.989228 to 1.0219, value (s)>, array([2., 0., 1.]))
        """
        from .uhi import axis_of

        return (axis_of(self._counts, self._max, self._unit),)

    def _to_uhi_(self) -> dict[str, Any]:
        from .uhi import schema

        return schema(self.axes[0], self.values())

    # ---- merging ----

    def __add__(self, other: BaseHistogram) -> Self:
        """Return the histogram of both sets of values: exact, associative and commutative.

        O(buckets).  Raises ValueError if the units differ; an empty ``Histogram()`` can be added to any unit.  Raises
        OverflowError if the count would reach 2**63.
        """
        if not isinstance(other, BaseHistogram):
            return NotImplemented
        unit = _common_unit(self, other)
        counts = self._counts.plus(other._counts)
        # The extremes of an empty histogram are NaN, and NaN fails every comparison: then the other extreme is used.
        low = self._min if self._min <= other._min or other._min != other._min else other._min
        high = self._max if self._max >= other._max or other._max != other._max else other._max
        synthetic: bool | Origin = self._synthetic or other._synthetic
        if synthetic and self._counts.total and other._counts.total:
            synthetic = True  # the measured values of a part are not those of the whole
        bounds = 0
        if self._bounds or other._bounds:  # seldom
            bounds = self._bounds_at(low, high) & other._bounds_at(low, high)
        kept = self._exemplars
        if other._exemplars:
            kept = latest([*kept, *other._exemplars])
        return make(type(self), counts, unit, self._sum + other._sum, low, high, synthetic, bounds, kept)

    def __sub__(self, other: BaseHistogram) -> Self:
        """Return the values recorded since `other`, an earlier snapshot of the same recorder.

        Counts and sum are exact, however large the earlier values were.  The extremes are exact if they follow from
        those of both sides: a maximum that `other` has not reached was recorded since.  If not, `min` and `max` are
        bounds, and equal to an edge of the lowest or highest bucket, or to the extreme of the left-hand side if that is
        closer.  The result remembers which extremes are bounds.  O(buckets).  Raises ValueError if a count would become
        negative or the units differ.

        >>> from historian import Histogram
        >>> before = Histogram.from_values([1.0, 3.0])
        >>> (Histogram.from_values([1.0, 3.0, 5.0]) - before).max
        5.0
        >>> (Histogram.from_values([1.0, 3.0, 2.5]) - before).max       # at most
        2.510761514049382
        """
        if not isinstance(other, BaseHistogram):
            return NotImplemented
        unit = _common_unit(self, other)
        if not other.count:
            return self
        counts = self._counts.minus(other._counts)
        if not counts.total:
            return make(type(self), counts, unit, 0, math.nan, math.nan)
        synthetic = bool(self._synthetic or other._synthetic)
        low, high, bounds = self._extremes_less(other, counts)
        kept = self._exemplars
        if kept:
            kept = latest(populated(set(kept).difference(other._exemplars), counts))
        return make(type(self), counts, unit, max(0, self._sum - other._sum), low, high, synthetic, bounds, kept)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, BaseHistogram):
            return NotImplemented
        return self._identity() == other._identity()

    def __hash__(self) -> int:
        return hash(self._identity())

    def _identity(self) -> tuple[Counts, str, float, float, float, int]:
        """Return the data that equality compares.

        They decide all that `quantile`, `cdf` and `sf` answer.  So whether an extreme is exact belongs to them.
        """
        low, high = (self._min, self._max) if self.count else (0.0, 0.0)  # NaN is not equal to itself
        return self._counts, self._unit, self.sum, low, high, self._bounds


_OVERFLOW_SLOT = buckets.OVERFLOW_INDEX - TO_INDEX
MAX_FLOAT = 1.7976931348623157e308  # the largest finite float64
_new = object.__new__


def make(
    cls: type[_H],
    counts: Counts,
    unit: str,
    total: int,
    low: float,
    high: float,
    synthetic: bool | Origin = False,
    bounds: int = 0,
    exemplars: tuple[Exemplar, ...] = (),
) -> _H:
    """Return a histogram of class `cls`.  `total` is the sum of its values in units of 2**-1074."""
    histogram = _new(cls)
    histogram._counts = counts
    histogram._unit = unit
    histogram._sum = total
    histogram._min = low
    histogram._max = high
    histogram._synthetic = synthetic if counts.total else False
    histogram._bounds = bounds
    histogram._exemplars = exemplars
    return histogram


def _common_unit(a: BaseHistogram, b: BaseHistogram) -> str:
    """Return the common unit.  An empty histogram in the default unit, such as ``Histogram()``, fits any unit."""
    if a._unit == b._unit or (b._unit == "s" and not b.count):
        return a._unit
    if a._unit == "s" and not a.count:
        return b._unit
    raise ValueError(f"cannot combine histograms in {a._unit!r} and {b._unit!r}: record both in one unit")
