"""`Dist`: a distribution of waiting times at the edges of the buckets, with its uncertainty.

It is stored as the survival, S(t) = P(T > t), at every edge.  Far in the tail, the survival keeps all its digits, but
1 - CDF loses them.  A last column stands for t = infinity: it holds the share that never returns, such as a time-out
without a retry.  Every operation works on three rows: a lower bound of S, its value, and an upper bound.  For a
histogram, sampling makes them differ.  At an edge, bucket width adds no uncertainty.  Between two edges, the survival
lies between its values at both, because it never grows.

The extremes of a histogram are exact, but lie inside a bucket.  So four more points of the survival are stored: at the
smallest and at the largest value, and just below each (see `historian.tail.extremes`).  Every operation computes them,
too.

A sum also keeps its value between the edges, for sums that it is a part of: see `historian.tail.grid`.
"""

from __future__ import annotations

import math
from functools import partial

from .._show.shown import in_html, in_rich, in_terminal
from .._stats.arrays import each_number, shares, times
from .._stats.beyond import collected, warn_beyond, warn_once
from .._stats.checks import check_share, number
from .._stats.estimate import NO_DATA, Estimate, no_data, quantile_name
from .._values.answers import is_many
from .._values.text import counted
from ..buckets import GROWTH
from .columns import COLUMNS, LOWER, UPPER, VALUE, edges
from .extremes import AT_LEAST, AT_MOST, BELOW_LEAST, BELOW_MOST, ordered
from .grid import Fine
from .inverse import inverse
from .shares import ROUNDING, tail_of
from .survival import Survival
from .tree import Node

TYPE_CHECKING = False
if not TYPE_CHECKING:

    def overload(function):
        return function

else:
    from collections.abc import Callable, Mapping
    from typing import Any, overload

    import numpy as np
    from numpy.typing import NDArray

    from .._show.view import View
    from .._stats.estimates import Estimates
    from .._values.answers import _Numbers, _Scalar
    from .blame import Blame

__all__ = ["EDGES_METHOD", "Dist", "Load", "from_sf", "unknown"]

EDGES_METHOD = "bucket edges"  # of bounds that are certain

TINY = 2.0**-20  # a sum of times in zero buckets, at most 2**-32 each, is less

Load = tuple[float, float, float, float]  # calls by hedges and retries: lower bound, value, upper bound; others


class Dist(Survival):
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

    __slots__ = ("_confidence", "_load", "_method", "_stages", "_tree", "_unit", "_why")
    __module__ = "historian.tail"

    _stages: dict[Dist, int] | None  # of a sum of independent stages: each stage with its number
    _tree: Node | None  # the operation and its parts; None for a leaf
    _load: Load
    _why: tuple[str, ...]  # the sources of the rows' differences, and the assumptions
    _unit: str  # label
    _confidence: float | None  # the lowest of all parts, in (0, 1); None if no interval allows for sampling
    _method: str  # how the intervals of the parts were computed; "" if that is not known

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
        method: str = EDGES_METHOD,
        fine: tuple[int, NDArray[np.float64]] | Callable[[], Fine] | None = None,
        stages: dict[Dist, int] | None = None,
        tree: tuple[str, tuple[tuple[Dist, Any], ...], dict[str, Any]] | None = None,
    ) -> None:
        """Take the survival at the edges, followed by that at the `points`: shape (3, COLUMNS + 4).

        A function that computes it, and the finer grid, is called when an answer needs it.
        """
        self._extremes = extremes
        self._survival = sf if callable(sf) else ordered(sf, extremes)
        self._fine = Fine(*fine) if isinstance(fine, tuple) else fine
        self._stages = stages
        self._tree = Node(*tree) if tree is not None else None
        self._load, self._why = load, tuple(dict.fromkeys(why))
        self._unit, self._count, self._confidence, self._method = unit, count, confidence, method

    @property
    def unit(self) -> str:
        """The unit of all times: a label."""
        return self._unit

    @overload
    def sf(self, t: _Scalar) -> Estimate: ...
    @overload
    def sf(self, t: _Numbers) -> Estimates: ...
    def sf(self, t: Any) -> Estimate | Estimates:
        """Return the share that takes longer than `t`.  O(1).  Raises ValueError for NaN.

        All times in the bucket of t count as at or below `t`, as in `Histogram.sf`; the bounds are the shares without
        and with them.  It is exact if t is a bucket edge, below the smallest time, or at least the largest.  Only if no
        part comes from a sample (see `from_sf`), it is interpolated between two edges (see
        `historian.tail.interpolation`).
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
        """The smallest time, as `Histogram.min`; infinity if nothing ever returns, NaN without data."""
        return self._extremes[0]

    @property
    def max(self) -> float:
        """The largest time that ever returns, as `Histogram.max`; infinity if nothing does, NaN without data."""
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
        low, high = min(low, high), max(low, high)  # rounding may have reversed bounds that are equal
        value = min(max(math.inf if self._sf[VALUE, -1] else value, low), high)
        is_open = math.isinf(high) > math.isinf(value)
        why = ["no sample gives an upper bound of a mean"] if is_open else []
        return self._estimate(value, low, high, *why, unit=self.unit)

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

    def blame(
        self,
        q: float | None = None,
        *,
        t: float | None = None,
        instead: Mapping[Dist, Dist] | None = None,
        names: Mapping[Dist, str] | None = None,
    ) -> Blame:
        """Return which leaf makes requests slow: those as slow as the q-quantile or slower, or slower than `t`.

        A leaf is a distribution that no operation made; the same object in several places is the same leaf.  For each
        leaf it is asked in which share of the slow requests it has the longest call, which share would not be slow if
        it took no time, and which if it took its median, or if it were like another distribution: `instead` maps leaves
        to these.  `names` maps leaves to names; others are numbered.  Calls are assumed to be independent, and shares
        of `choice` to be exact.  See `historian.tail.blame` for formulas, intervals and sources.

        O(leaves^2 log leaves) transforms for each bucket that matters; a second or two for three leaves, five for ten.
        Raises TypeError unless either q or t is given, and ValueError if no request is slow.

        >>> from historian import Histogram
        >>> from historian.tail import seq
        >>> page, db = (Histogram.from_values([t] * 9_800 + [9 * t] * 200).dist() for t in (0.002, 0.010))
        >>> found = seq(page, db).blame(0.99, names={page: "page", db: "db"})
        >>> print(found["db"].necessary)
        1.0000 (0.9816 to 1.0000)
        """
        from .blame import blame

        return blame(self, q, t, instead, names)

    def __reduce__(self) -> tuple[Any, ...]:
        import numpy

        fine, tree = self._finer() if self._is_fine else None, self._tree
        create = partial(
            Dist,
            extremes=self._extremes,
            unit=self.unit,
            count=self.count,
            why=self._why,
            load=self._load,
            confidence=self._confidence,
            method=self._method,
            fine=(fine.first, fine.row) if fine else None,  # as `Fine`, it would name an inner module
            tree=(tree.name, tree.parts, tree.arguments) if tree else None,  # as `fine`
        )
        return create, (numpy.hstack([self._sf, self._ends]),)

    def __repr__(self) -> str:
        if not self._count:
            return "<Dist: no data>"
        p50, p99 = (collected(partial(self._quantile, p, ""))[0] for p in (0.5, 0.01))
        return f"<Dist: p50 {p50}, p99 {p99}>"

    def _view(self) -> View:
        from .views import dist_view

        return dist_view(self)

    _repr_html_, _repr_pretty_ = in_html, in_terminal

    def __rich__(self) -> object:
        """Return what rich prints."""
        return in_rich(self)

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
        value, upper_bound = max(value, least), max(upper_bound, self._least_at_most() if most_p >= 1 else least)
        why = []
        if upper_bound > value and math.isinf(upper_bound) and self.count < math.inf:
            why.append("too few values: no upper bound")
            warn_beyond(self._too_few(what), stacklevel=3)
        value = min(max(value, lower_bound), upper_bound)
        return self._estimate(value, lower_bound, upper_bound, *why, unit=self.unit)

    def _least_at_most(self) -> float:
        """Return the largest time that the smallest one may be: more than `min`, if that is only a bound.

        It is then in the bucket of `min`, or in the next one for a sum.  Times in zero buckets may add up to more.
        """
        least = self._extremes[0]
        if self._ends[UPPER, AT_LEAST] < 1 or self.count == math.inf or least == math.inf:
            return least
        column = min(_first_at_most(self._sf[UPPER], math.nextafter(1.0, 0.0)), COLUMNS - 1)
        found = float(edges()[column])
        return found if least < TINY else min(found, least * GROWTH)

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
        known = (self._sf, self._ends, self._extremes, self._least_at_most())
        low, value, high = inverse(p.ravel(), *known, edges(), self._places)
        beyond = (high > value) & (high == math.inf) & (self.count < math.inf)
        if beyond.any():
            warn_once(p.size, int(beyond.sum()), self._too_few(what(int(beyond.argmax()))), stacklevel=4)
        reasons = [(*self._why, *(["too few values: no upper bound"] if one else [])) for one in beyond.tolist()]
        why = one_or_each(["; ".join(one) for one in reasons], p.shape)
        low, value, high = (one.reshape(p.shape) for one in (low, value, high))
        kept: Any = {"unit": self.unit, "confidence": self._confidence, "method": self._method}
        return Estimates(value, low, high, why, **kept)

    def _too_few(self, what: str) -> str:
        few, give = counted(self.count, "value is", "values are"), "gives" if self.count == 1 else "give"
        return f"beyond the data: {few} too few for {what} and {give} no upper bound"

    def _estimate(self, value: float, low: float, high: float, *why: str, unit: str = "") -> Estimate:
        """Return an answer; `why` are its reasons beside those of every answer."""
        reasons = "; ".join([*self._why, *why])
        return Estimate(value, low, high, reasons, unit=unit, confidence=self._confidence, method=self._method)


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


def _first_at_most(row: NDArray[np.float64], p: float) -> int:
    """Return the first column of a descending row that is at most `p`; the number of columns if there is none."""
    return int(row.shape[0] - row[::-1].searchsorted(p, side="right"))


def _time(t: float) -> float:
    t = number("t", t)
    if t != t:
        raise ValueError("t must not be NaN")
    return t


def _for_quantile(q: float) -> str:
    return quantile_name(q)


def _for_share(p: float) -> str:
    return f"the time that a share of {p:.9g} exceeds"
