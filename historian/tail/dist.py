"""`Dist`: a distribution of waiting times at the edges of the buckets, with its uncertainty.

It is stored as the survival, S(t) = P(T > t), at every edge.  Far in the tail, the survival keeps all its digits, but
1 - CDF loses them.  A last column stands for t = infinity: it holds the share that never returns, such as a time-out
without a retry.  Every operation works on three rows: a lower bound of S, its value, and an upper bound.  For a
histogram, sampling makes them differ.  At an edge, bucket width adds no uncertainty.  Between two edges, the survival
lies between its values at both, because it never grows.

The extremes of a histogram are exact, but lie inside a bucket.  So four more points of the survival are stored: at the
smallest and at the largest value, and just below each (see `points`).  Every operation computes them, too.

A sum also keeps its value between the edges, for sums that it is a part of: see `historian.tail.fine`.
"""

from __future__ import annotations

import functools
import math
from functools import partial

from .._stats.arrays import each_number, shares, times
from .._stats.beta_family import quantiles_of_counts
from .._stats.beyond import collected, warn_beyond, warn_once
from .._stats.checks import check_confidence, check_share, number
from .._stats.estimate import NO_DATA, Estimate, nines, no_data
from .._values.answers import is_many
from ..buckets import BUCKETS_PER_OCTAVE, GROWTH, MIN_INDEX, representative
from ._inverse import bisect, bisect_one, inverse
from .between import mass_below
from .columns import COLUMNS, LOWER, UPPER, VALUE, column_of, edges
from .fine import Fine, interpolate, places, spread, within
from .fine import place as place_in
from .observed import measured_count, survival_bounds
from .sampling import effective_sample_size, sampled, warn_if_uncertain, windows_of
from .shares import ROUNDING, tail_of

TYPE_CHECKING = False
if not TYPE_CHECKING:

    def overload(function):
        return function

else:
    from collections.abc import Callable, Iterable
    from typing import Any, overload

    import numpy as np
    from numpy.typing import NDArray

    from .._stats.estimates import Estimates
    from .._stats.windows import Effective
    from .._values.answers import _Numbers, _Scalar
    from .._values.base import BaseHistogram

__all__ = [
    "AT_LEAST",
    "AT_MOST",
    "BELOW_LEAST",
    "BELOW_MOST",
    "COLUMNS",
    "LOWER",
    "UPPER",
    "VALUE",
    "Dist",
    "Load",
    "edges",
    "from_histogram",
    "from_sf",
    "points",
    "unknown",
]

BELOW_LEAST, AT_LEAST, BELOW_MOST, AT_MOST = range(4)  # columns of `Dist._ends`

Load = tuple[float, float, float, float]  # calls by hedges and retries: lower bound, value, upper bound; others


class Dist:
    """A distribution of times: from `Histogram.dist`, or composed by the functions of `historian.tail.algebra`.

    Every share and every time is an `Estimate`, except `min` and `max`; the answer to an array-like is `Estimates` of
    its shape.  Their confidence is that of the parts, the lowest if they differ.  A `Dist` is immutable and equal only
    to itself, so it can be a key of a mapping.

    >>> from historian import Histogram
    >>> x = Histogram.from_values([0.010] * 9_900 + [1.0] * 100).dist()
    >>> print(x.sf(0.5))
    0.0100 (0.00814 to 0.0121)
    >>> x.unit, x.count
    ('s', 10000)
    """

    __slots__ = ("_confidence", "_count", "_extremes", "_fine", "_load", "_stages", "_survival", "_unit", "_why")
    __module__ = "historian.tail"

    _survival: tuple[NDArray[np.float64], NDArray[np.float64]] | Callable[[], tuple[NDArray[np.float64], Fine | None]]
    _fine: Fine | Callable[[], Fine] | None  # the value between the edges; None if it is interpolated
    _stages: dict[Dist, int] | None  # of a sum of independent stages: each stage with its number
    _extremes: tuple[float, float]  # smallest and largest finite time: in [0, inf], ascending; NaN without data
    _load: Load
    _why: tuple[str, ...]  # the sources of the rows' differences, and the assumptions
    _unit: str  # label
    _count: float  # values, in [0, inf]; 0 if a part has no data: then nothing is known
    _confidence: float | None  # the lowest of all parts, in (0, 1); None if no interval allows for sampling

    def __init__(
        self,
        sf: NDArray[np.float64] | Callable[[], tuple[NDArray[np.float64], Fine | None]],
        *,
        extremes: tuple[float, float],
        unit: str,
        count: float,
        why: tuple[str, ...],
        load: Load,
        confidence: float | None = None,
        fine: Fine | Callable[[], Fine] | None = None,
        stages: dict[Dist, int] | None = None,
    ) -> None:
        """Take the survival at the edges, followed by that at the `points`: shape (3, COLUMNS + 4).

        A function that computes it, and the finer grid, is called when an answer needs it.
        """
        self._extremes = extremes
        self._survival = sf if callable(sf) else _ordered(sf, extremes)
        self._fine, self._stages = fine, stages
        self._load, self._why = load, tuple(dict.fromkeys(why))
        self._unit, self._count, self._confidence = unit, count, confidence

    @property
    def _sf(self) -> NDArray[np.float64]:
        """The survival at the edges: (3, COLUMNS), read-only, rows ascending, columns descending, in [0, 1]."""
        return self._computed()[0]

    @property
    def _ends(self) -> NDArray[np.float64]:
        """The survival at `points(_extremes)`: shape (3, 4), read-only, rows ascending, in [0, 1]."""
        return self._computed()[1]

    def _computed(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        survival = self._survival
        if callable(survival):
            sf, self._fine = survival()
            survival = _ordered(sf, self._extremes)
            self._survival = survival
        return survival

    @property
    def _is_fine(self) -> bool:
        """Whether the value between the edges is kept."""
        return callable(self._survival) or self._fine is not None

    def _finer(self) -> Fine:
        """Return the value of the survival on the finer grid."""
        if callable(self._survival):
            self._computed()
        fine = self._fine() if callable(self._fine) else self._fine
        if fine is None:
            fine = spread(self._sf[VALUE])
        if fine is not self._fine:
            ends = self._ends[VALUE]
            fine = within(fine, self._extremes, (ends[BELOW_LEAST], ends[BELOW_MOST], ends[AT_MOST]))
        if self._fine is not None:
            self._fine = fine
        return fine

    @property
    def unit(self) -> str:
        """The unit of all times: a label."""
        return self._unit

    @property
    def count(self) -> float:
        """The number of values in the smallest sample of all parts; infinity if no part comes from a sample."""
        return self._count

    @overload
    def sf(self, t: _Scalar) -> Estimate: ...
    @overload
    def sf(self, t: _Numbers) -> Estimates: ...
    def sf(self, t: Any) -> Estimate | Estimates:
        """Return the share that takes longer than `t`.  O(1).  Raises ValueError for NaN.

        All times in the bucket of t count as at or below `t`, as in `Histogram.sf`; the bounds are the shares without
        and with them.  It is exact if t is a bucket edge, below the smallest time, or at least the largest.  Only if no
        part comes from a sample (see `from_sf`), it is interpolated between two edges (see `historian.tail.between`).
        """
        if type(t) is not float and is_many(t):
            return self._sf_of_many(t)
        t = _time(t)
        if not self._count:
            return no_data(0.0, 1.0)
        low, value, high = self._at(t).tolist()
        return self._estimate(value, low, high)

    @overload
    def cdf(self, t: _Scalar) -> Estimate: ...
    @overload
    def cdf(self, t: _Numbers) -> Estimates: ...
    def cdf(self, t: Any) -> Estimate | Estimates:
        """Return the share that takes `t` or less, ``1 - sf(t)``.  O(1).  Raises ValueError for NaN."""
        if type(t) is not float and is_many(t):
            from .._stats.estimates import complement

            return complement(self._sf_of_many(t))
        t = _time(t)
        if not self._count:
            return no_data(0.0, 1.0)
        low, value, high = self._at(t).tolist()
        return self._estimate(1 - value, 1 - high, 1 - low)

    @overload
    def quantile(self, q: _Scalar) -> Estimate: ...
    @overload
    def quantile(self, q: _Numbers) -> Estimates: ...
    def quantile(self, q: Any) -> Estimate | Estimates:
        """Return the q-quantile, ``isf(1 - q)``, in the same bucket as `Histogram.quantile`.  Raises as `isf` does.

        `ppf` is the same function, by the name that scipy gives it.
        """
        if type(q) is not float and is_many(q):
            q = shares("q", q)
            return self._quantiles(each_number(tail_of, q, shape=q.shape), lambda k: _for_quantile(q.flat[k]))
        q = check_share("q", q)
        return self._quantile(tail_of(q), _for_quantile(q))

    #: The same, by the name of scipy's distributions, whose `isf` has no other name.
    ppf = quantile

    @overload
    def isf(self, p: _Scalar) -> Estimate: ...
    @overload
    def isf(self, p: _Numbers) -> Estimates: ...
    def isf(self, p: Any) -> Estimate | Estimates:
        """Return the smallest time, from `min` on, that a share of at most `p` exceeds; infinity if more never return.

        Its bounds are edges of buckets, or the exact smallest or largest time.  O(log buckets).  Warns (`TailWarning`)
        if there are too few values for an upper bound, which is then infinity.  Raises ValueError for p outside 0..1.
        """
        if type(p) is not float and is_many(p):
            p = shares("p", p)
            return self._quantiles(p, lambda k: _for_share(p.flat[k]))
        p = check_share("p", p)
        return self._quantile(p, _for_share(p))

    @property
    def min(self) -> float:
        """The smallest time, as `Histogram.min`; NaN without data."""
        return self._extremes[0]

    @property
    def max(self) -> float:
        """The largest time that ever returns, as `Histogram.max`; NaN without data."""
        return self._extremes[1]

    @property
    def mean(self) -> Estimate:
        """The mean; infinity if a share never returns.  O(buckets).

        If values can be arbitrarily large, no sample gives an upper bound of their mean (Bahadur & Savage, Annals of
        Mathematical Statistics 27, 1956).  So an interval that allows for sampling has no upper bound here.
        """
        if not self._count:
            return no_data(0.0, math.inf, unit=self.unit)
        low, value, high = self._areas()
        value = min(max(math.inf if self._sf[VALUE, -1] else value, low), high)
        is_open = math.isinf(high) > math.isinf(value)
        why = ["no sample gives an upper bound of a mean"] if is_open else []
        return self._estimate(value, low, high, *why, unit=self.unit)

    def _areas(self) -> tuple[float, float, float]:
        """Return the mean of the finite times and its bounds: the areas under the survival.

        The bounds of the survival are constant between two edges.  Only in the buckets of the extremes, the extremes
        divide this time.
        """
        import numpy

        (least, most), edge, values = self._extremes, edges(), _values()
        (low, _, high), widths = self._sf, _widths()
        mass = self.mass
        mean = float(mass[:-1] @ values) + (float(mass[-1]) * most if mass[-1] else 0.0)
        below, above = low[:-1] @ widths, widths[0] + high[:-2] @ widths[1:]
        starts: list[float] = []
        ends: list[float] = []
        for column in {column_of(end) for end in (least, most) if end < math.inf}:
            start, end = float(edge[column - 1]) if column else 0.0, float(edge[column])
            if end < math.inf:
                plain = float(values[column])
                mean += float(mass[column]) * (min(max(plain, least), most) - plain)
                below -= float(low[column]) * (end - start)
                above -= (float(high[column - 1]) if column else 1.0) * (end - start)
            cuts = [start, *(t for t in (least, most) if start < t < end), *([end] if end < math.inf else [])]
            starts, ends = starts + cuts[:-1], ends + cuts[1:]
        last = max(float(edge[-2]), most if most < math.inf else 0.0)
        inside = self._at(numpy.array([*((a + b) / 2 for a, b in zip(starts, ends)), math.nextafter(last, math.inf)]))
        of = numpy.subtract(ends, starts)
        below, above = below + inside[LOWER, :-1] @ of, above + inside[UPPER, :-1] @ of
        return math.inf if low[-1] else float(below), mean, math.inf if inside[UPPER, -1] else float(above)

    @property
    def never(self) -> Estimate:
        """The share that never returns."""
        if not self._count:
            return no_data(0.0, 1.0)
        low, value, high = self._sf[:, -1].tolist()
        return self._estimate(value, low, high)

    @property
    def extra_load(self) -> Estimate:
        """The calls that hedges and retries add, as a share of all other calls: 0.05 is one more in twenty.

        It is assumed that this load does not slow down any call.
        """
        if not self._count:
            return no_data(0.0, math.inf)
        low, value, high, plain = self._load
        return self._estimate(value / plain, low / plain, high / plain)

    @property
    def mass(self) -> NDArray[np.float64]:
        """The share in each bucket, zero first, overflow last, shape (6146,); with `never` they add up to 1."""
        import numpy

        mass: NDArray[np.float64] = -numpy.diff(self._sf[VALUE], prepend=1.0)
        return mass

    def __reduce__(self) -> tuple[Any, ...]:
        import numpy

        create = partial(
            Dist,
            extremes=self._extremes,
            unit=self.unit,
            count=self.count,
            why=self._why,
            load=self._load,
            confidence=self._confidence,
            fine=self._finer() if self._is_fine else None,
        )
        return create, (numpy.hstack([self._sf, self._ends]),)

    def __repr__(self) -> str:
        if not self._count:
            return "<Dist: no data>"
        p50, p99 = (collected(partial(self._quantile, p, ""))[0] for p in (0.5, 0.01))
        return f"<Dist: p50 {p50}, p99 {p99}>"

    def _with(self, extremes: tuple[float, float]) -> NDArray[np.float64]:
        """Return the survival at all edges, followed by that at the `points` of other extremes: (3, COLUMNS + 4)."""
        import numpy

        return numpy.hstack([self._sf, self._at_extremes(extremes)])

    def _at_extremes(self, extremes: tuple[float, float]) -> NDArray[np.float64]:
        """Return the survival at the `points` of some extremes: (3, 4)."""
        import numpy

        return self._ends if extremes == self._extremes else self._at(numpy.array(points(extremes)))

    def _at(self, t: Any, *, smooth: bool | None = None) -> NDArray[np.float64]:
        """Return the survival at times of any shape, with a new first axis: lower bound, value, upper bound.

        With `smooth`, interpolate the value between two edges, as `sf` does if no part comes from a sample.
        """
        import numpy

        edge = edges()
        after = numpy.searchsorted(edge, t)  # the first edge at t or later
        rows = self._sf[:, after]
        before = numpy.where(after > 0, self._sf[:, after - 1], 1.0)
        on_edge = edge[after] == t
        low, value, high = rows[LOWER], rows[VALUE], numpy.where(on_edge, rows[UPPER], before[UPPER])
        if self.count == math.inf if smooth is None else smooth:
            value = numpy.where(on_edge, value, self._between(t, after, before[VALUE]))
        for column, point in enumerate(points(self._extremes)):
            ends, earlier, later = self._ends[:, column], numpy.less_equal(t, point), numpy.greater_equal(t, point)
            low = numpy.where(earlier, numpy.maximum(low, ends[LOWER]), low)
            high = numpy.where(later, numpy.minimum(high, ends[UPPER]), high)
            if column != AT_LEAST:  # where the whole bucket counts: no more than its upper edge says
                value = numpy.where(earlier, numpy.maximum(value, ends[VALUE]), value)
                value = numpy.where(later, numpy.minimum(value, ends[VALUE]), value)
        result = numpy.stack([low, numpy.clip(value, low, high), high])
        return numpy.where(numpy.less(t, 0), 1.0, result)

    def _between(self, t: Any, after: Any, before: Any) -> Any:
        """Return the interpolated value at `t`, for the first edges after t and the values at the edges before."""
        import numpy

        if self._is_fine:
            between = interpolate(self._finer(), t)
        else:
            with numpy.errstate(divide="ignore", invalid="ignore"):
                part = numpy.clip(numpy.log2(t / edges()[after - 1]) * BUCKETS_PER_OCTAVE, 0, 1)
            between = before - mass_below(part, *self._masses_at(after))
        between = numpy.where(
            after == COLUMNS - 1, before, between
        )  # values beyond the last edge count as infinite ...
        between = numpy.where(after == 0, self._sf[VALUE, after], between)  # ... and those in the zero bucket as 0
        return numpy.clip(between, self._sf[VALUE, after], before)

    def _quantile(self, p: float, what: str) -> Estimate:
        if not self._count:
            return no_data(0.0, math.inf, unit=self.unit)
        edge, most_p = edges(), p * (1 + ROUNDING)
        low, at, high = (_first_at_most(row, most_p) for row in self._sf)
        lower_bound = 0.0 if low == 0 else float(edge[low - 1])
        upper_bound = math.inf if high >= COLUMNS - 1 else float(edge[high])
        if at == 0 or at >= COLUMNS - 1:
            value = 0.0 if at == 0 else math.inf
        else:
            place = self._place(at, p)
            value = float(edge[at - 1]) * GROWTH**place if place < 1 else float(edge[at])
        (least, most), exceeds = self._extremes, self._ends > most_p
        for row, column, extreme in ((LOWER, BELOW_LEAST, least), (LOWER, BELOW_MOST, most)):
            lower_bound = max(lower_bound, extreme) if exceeds[row, column] else lower_bound
            value = max(value, extreme) if exceeds[VALUE, column] else value
        for column, extreme in ((AT_LEAST, least), (AT_MOST, most)):
            upper_bound = upper_bound if exceeds[UPPER, column] else min(upper_bound, extreme)
        value = value if exceeds[VALUE, AT_MOST] else min(value, most)
        value, upper_bound = max(value, least), max(upper_bound, least)  # for p = 1, where a survival of 1 is enough
        why = []
        if upper_bound > value and math.isinf(upper_bound) and self.count < math.inf:
            why.append("too few values: no upper bound")
            warn_beyond(self._too_few(what), stacklevel=3)
        value = min(max(value, lower_bound), upper_bound)
        return self._estimate(value, lower_bound, upper_bound, *why, unit=self.unit)

    def _sf_of_many(self, t: Any) -> Estimates:
        from .._stats.estimates import Estimates, unknown_of

        t = times("t", t)
        if not self._count:
            return unknown_of(t.shape, 0.0, 1.0)
        low, value, high = self._at(t)
        return Estimates(value, low, high, "; ".join(self._why), confidence=self._confidence, method=self._method)

    def _quantiles(self, p: NDArray[np.float64], what: Callable[[int], str]) -> Estimates:
        """Return `_quantile` for an array; `what(k)` says what the k-th is."""
        from .._stats.estimates import Estimates, one_or_each, unknown_of

        if not self._count:
            return unknown_of(p.shape, 0.0, math.inf, unit=self.unit)
        low, value, high = inverse(p.ravel(), self._sf, self._ends, self._extremes, edges(), self._places)
        beyond = (high > value) & (high == math.inf) & (self.count < math.inf)
        if beyond.any():
            warn_once(p.size, int(beyond.sum()), self._too_few(what(int(beyond.argmax()))), stacklevel=4)
        reasons = [(*self._why, *(["too few values: no upper bound"] if one else [])) for one in beyond.tolist()]
        why = one_or_each(["; ".join(one) for one in reasons], p.shape)
        low, value, high = (one.reshape(p.shape) for one in (low, value, high))
        kept: Any = {"unit": self.unit, "confidence": self._confidence, "method": self._method}
        return Estimates(value, low, high, why, **kept)

    def _too_few(self, what: str) -> str:
        return f"beyond the data: {self.count:,.0f} values are too few for {what} and give no upper bound"

    def _masses_at(self, column: Any) -> tuple[Any, Any, Any]:
        """Return the masses of the bucket that ends at each column, of the one before and of the one after."""
        import numpy

        around = numpy.clip(numpy.add.outer((-2, -1, 0, 1), column), 0, COLUMNS - 1)
        survival = self._sf[VALUE, around]
        before, mass, after = survival[:-1] - survival[1:]
        return mass, before, after

    def _place(self, column: int, p: float) -> float:
        """Return one of the `_places`."""
        if self._sf[VALUE, column] == p:
            return 1.0
        if self._is_fine:
            return place_in(self._finer(), column, p)
        mass, before, after = (float(mass) for mass in self._masses_at(column))
        return bisect_one(float(self._sf[VALUE, column - 1]) - p, (mass, before, after))

    def _places(self, p: NDArray[np.float64], columns: NDArray[np.intp]) -> NDArray[np.float64]:
        """Return where the survival falls to `p` in the buckets that end at `columns`, 0..1."""
        import numpy

        if self._is_fine:
            found = places(self._finer(), columns, p)
        else:
            found = bisect(self._sf[VALUE, columns - 1] - p, self._masses_at(columns))
        return numpy.where(self._sf[VALUE, columns] == p, 1.0, found)  # exactly: the slope may be 0 there

    def _estimate(self, value: float, low: float, high: float, *why: str, unit: str = "") -> Estimate:
        """Return an answer; `why` are its reasons beside those of every answer."""
        reasons = "; ".join([*self._why, *why])
        return Estimate(value, low, high, reasons, unit=unit, confidence=self._confidence, method=self._method)

    @property
    def _method(self) -> str:
        return "bucket edges" if self._confidence is None else "Clopper-Pearson"


def from_histogram(
    histogram: BaseHistogram, confidence: float | None, windows: Iterable[BaseHistogram] | None = None
) -> Dist:
    """Answer `Histogram.dist`; the intervals of its shares are those of Clopper & Pearson."""
    import numpy

    if confidence is not None:
        confidence = check_confidence(confidence)
    if not histogram.count:
        return unknown(histogram.unit)
    parts = None if windows is None else windows_of(histogram, windows)
    counts = numpy.zeros(COLUMNS, dtype=numpy.int64)
    counts[histogram.indices - (MIN_INDEX - 1)] = histogram.counts
    total = histogram.count
    above = numpy.append(counts[:0:-1].cumsum()[::-1], 0)
    extremes = histogram.min, histogram.max
    least, most = (numpy.append(above, ends) for ends in zip(*map(histogram._above, points(extremes))))
    why: tuple[str, ...] = ("bucket width",)
    low, value, high = least / total, least / total, most / total
    if confidence is not None:
        reason = sampled(histogram)
        if parts is not None:
            low, high, reason = _bounds_in_windows(histogram, parts, confidence)
        elif histogram.synthetic:
            low, high = survival_bounds(histogram, edges(), points(extremes), confidence)
        else:
            distinct = numpy.unique(numpy.append(least, most[COLUMNS:]))  # few: it is constant between buckets
            bounds = _intervals(distinct, total, confidence)
            low, high = (bound[distinct.searchsorted(some)] for bound, some in zip(bounds, (least, most)))
        why = (reason, *why)
    rows, load = numpy.stack([low, value, high]), (0.0, 0.0, 0.0, 1.0)
    number = measured_count(histogram)
    return Dist(rows, extremes=extremes, unit=histogram.unit, count=number, why=why, load=load, confidence=confidence)


def _bounds_in_windows(
    histogram: BaseHistogram, windows: list[BaseHistogram], confidence: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], str]:
    """Return the bounds of `survival_bounds` by windows, and the reason.  Warn if too few windows are independent.

    The degrees of freedom differ from time to time.  Their median decides.
    """
    sizes: dict[float, Effective] = {}

    def size_at(t: float) -> float:
        if t not in sizes:
            sizes[t] = effective_sample_size(histogram, windows, t, confidence)
        return sizes[t].size

    extremes = points((histogram.min, histogram.max))
    low, high = survival_bounds(histogram, edges(), extremes, confidence, size_at)
    middle = sorted(sizes.values(), key=lambda one: one.freedom)[len(sizes) // 2]
    warn_if_uncertain(middle, stacklevel=5)
    few = ", too few independent ones" if middle.is_uncertain else ""
    return low, high, f"{sampled(histogram)}, in {len(windows)} windows{few}"


def unknown(unit: str) -> Dist:
    """Return the distribution of an empty histogram, and of every request with such a part: it answers "no data"."""
    import numpy

    rows, load = numpy.array([0.0, math.nan, 1.0])[:, None].repeat(COLUMNS + 4, axis=1), (0.0, math.nan, math.inf, 1.0)
    return Dist(rows, extremes=(math.nan, math.nan), unit=unit, count=0, why=(NO_DATA,), load=load)


def from_sf(sf: Callable[[float], float], *, unit: str = "s") -> Dist:
    """Return an exactly known distribution: `sf(t)` is the share that takes longer than t, in `unit`.

    The function is called for every edge of a bucket and for infinity, 6,146 times.  Raises ValueError if a result is
    outside 0..1 or larger than the one before.

    >>> import math
    >>> print(from_sf(lambda t: math.exp(-t)).ppf(0.5))   # log 2 = 0.693
    693 ms (692 to 699 ms)
    """
    import numpy

    answers = numpy.array([sf(t) for t in edges().tolist()], dtype=numpy.float64)
    if not (answers[0] <= 1 and answers[-1] >= 0 and bool((numpy.diff(answers) <= 0).all())):
        raise ValueError("sf must return shares in 0..1 that do not grow with t")
    rows = numpy.stack([numpy.append(answers, [1.0, answers[0], answers[-2], answers[-1]])] * 3)
    rows[UPPER, COLUMNS + AT_LEAST], rows[LOWER, COLUMNS + BELOW_MOST] = 1.0, answers[-1]  # they are no values
    why, load = ("bucket width",), (0.0, 0.0, 0.0, 1.0)
    return Dist(rows, extremes=(0.0, math.inf), unit=unit, count=math.inf, why=why, load=load)


def points(extremes: tuple[float, float]) -> list[float]:
    """Return the times at which `Dist._ends` holds the survival: just below each extreme, and at it."""
    return [time for extreme in extremes for time in (math.nextafter(extreme, -1.0), extreme)]


def _find_values() -> NDArray[np.float64]:
    """Return the value that stands for each bucket, except the overflow bucket."""
    import numpy

    return numpy.append(0.0, edges()[:-2] * representative(0))


def _find_widths() -> NDArray[np.float64]:
    """Return the width of each bucket, except the overflow bucket."""
    import numpy

    return numpy.diff(edges()[:-1], prepend=0.0)


# not decorators: stubtest cannot check their result
_values = functools.lru_cache(maxsize=1)(_find_values)
_widths = functools.lru_cache(maxsize=1)(_find_widths)


def _intervals(above: NDArray[np.int64], total: int, confidence: float) -> tuple[NDArray[np.float64], ...]:
    """Return the bounds of Clopper and Pearson's intervals of the shares `above` of a total."""
    import numpy

    counts = numpy.concatenate([above[above > 0], total - above[above < total]]).astype(numpy.float64)
    share, other = quantiles_of_counts((1 - confidence) / 2, counts, float(total))
    low, high = numpy.zeros(len(above)), numpy.ones(len(above))
    seen = numpy.count_nonzero(above)
    low[above > 0], high[above < total] = share[:seen], other[seen:]  # an upper bound is 1 - the rest's lower bound
    return low, high


def _ordered(sf: NDArray[np.float64], extremes: tuple[float, float]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the survival at the edges and at the `points`, without what rounding errors have reversed."""
    import numpy

    sf = numpy.clip(sf, 0, 1)
    rows, ends = sf[:, :COLUMNS], sf[:, COLUMNS:]
    _clamp(rows, ends, extremes)
    if (rows[:, 1:] > rows[:, :-1]).any():
        numpy.minimum.accumulate(rows, axis=1, out=rows)
    numpy.minimum(sf[LOWER], sf[VALUE], out=sf[LOWER])
    numpy.maximum(sf[UPPER], sf[VALUE], out=sf[UPPER])
    rows.flags.writeable = ends.flags.writeable = False
    return rows, ends


def _clamp(rows: NDArray[np.float64], ends: NDArray[np.float64], extremes: tuple[float, float]) -> None:
    """Let the survival at the edges and at both extremes agree, in place: it does not grow from one to the next."""
    import numpy

    if extremes[0] < extremes[1]:
        ends[:UPPER] = numpy.maximum.accumulate(ends[:UPPER, ::-1], axis=1)[:, ::-1]
        ends[UPPER] = numpy.minimum.accumulate(ends[UPPER])
    for below, at, extreme in ((BELOW_LEAST, AT_LEAST, extremes[0]), (BELOW_MOST, AT_MOST, extremes[1])):
        column = column_of(extreme)
        for row, end in zip(rows, ends):  # a loop, because arrays and numbers are faster than arrays of two shapes
            numpy.maximum(row[:column], end[below], out=row[:column])
            numpy.minimum(row[column:], end[at], out=row[column:])


def _first_at_most(row: NDArray[np.float64], p: float) -> int:
    """Return the first column of a descending row that is at most `p`; the number of columns if there is none."""
    return int(row.shape[0] - row[::-1].searchsorted(p, side="right"))


def _time(t: float) -> float:
    t = number("t", t)
    if t != t:
        raise ValueError("t must not be NaN")
    return t


def _for_quantile(q: float) -> str:
    return f"the {nines(q)}-quantile"


def _for_share(p: float) -> str:
    return f"the time that a share of {p:.9g} exceeds"
