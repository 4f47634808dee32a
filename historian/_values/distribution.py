"""`Distribution`: quantiles, and shares of values at or below a threshold, from the counts of buckets."""

from __future__ import annotations

import math

from .answers import each, each_pair, is_one, refuse_share
from .rank import rank_of, rank_of_percentile
from .slots import Slots

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, overload

    import numpy as np
    from numpy.typing import NDArray

    from .answers import _Numbers, _Scalar
else:

    def overload(function):
        return function


__all__ = ["Distribution"]


class Distribution(Slots):
    """Base class of `BaseHistogram`: the questions that need neither the sum nor the unit."""

    __slots__ = ()

    @property
    def count(self) -> int:
        """Number of recorded values."""
        return self._counts.total

    @overload
    def quantile(self, q: _Scalar, *, interpolated: bool = False) -> float: ...
    @overload
    def quantile(self, q: _Numbers, *, interpolated: bool = False) -> NDArray[np.float64]: ...
    def quantile(self, q: _Scalar | _Numbers, *, interpolated: bool = False) -> float | NDArray[np.float64]:
        """Return the q-quantile: the smallest recorded value whose cumulative share is at least `q`, within 0.5415 %.

        `q` is a number in 0..1, or an array-like of any shape; then the result is an array of that shape.  The
        definition is that of ``numpy.quantile(..., method="inverted_cdf")``, with q read as the decimal that was
        written: 0.999 of 1,000 values is the 999th, also as a ``numpy.float32``.  The smallest and the largest value
        are exact, and every result lies between them.  In a difference of histograms they may not be known; then they
        are within 0.5415 %, too.  In the overflow bucket the result is the maximum.  O(log buckets) each.  Raises
        ValueError for q outside 0..1.

        With ``interpolated=True``, the result is in the same bucket, at the place that fits its rank.  Use it for
        smooth curves, and to compare quantiles of smooth distributions.  For 100,000 values or more from one of these,
        it is typically within 0.05 % of the recorded value, from p1 to p99.  At worst, such as for whole milliseconds,
        it is 1.09 % off, the width of a bucket.  This is twice the error that is guaranteed without it.  It is monotone
        in q.

        >>> from historian import Histogram
        >>> Histogram.from_values(range(1, 101)).quantile([0.5, 0.99]).round()
        array([50., 99.])
        >>> h = Histogram.from_values(range(100_001))
        >>> round(h.quantile(0.123)), round(h.quantile(0.123, interpolated=True))
        (12296, 12300)
        """
        if type(q) is float or is_one(q):
            if not 0 <= q <= 1:
                refuse_share(q, "q", 1)
            counts = self._counts
            count = counts.total
            if not count:
                return math.nan
            rank = rank_of(q, count)
            if interpolated:
                return self._interpolated(rank, q * count)
            return self._value(counts.slot_at(rank)) if 1 < rank < count else self._value_at(rank)
        return each(
            (lambda one: self.quantile(one, interpolated=True)) if interpolated else self.quantile, q, written=True
        )

    @overload
    def percentile(self, p: _Scalar, *, interpolated: bool = False) -> float: ...
    @overload
    def percentile(self, p: _Numbers, *, interpolated: bool = False) -> NDArray[np.float64]: ...
    def percentile(self, p: _Scalar | _Numbers, *, interpolated: bool = False) -> float | NDArray[np.float64]:
        """Return the p-th percentile: the quantile of exactly p/100, with p read as the decimal that was written.

        `p` is a number in 0..100, or an array-like.  `interpolated` is that of `quantile`.  Raises ValueError for p
        outside 0..100.

        >>> from historian import Histogram
        >>> round(Histogram.from_values(range(1, 101)).percentile(99))
        99
        """
        if type(p) is float or is_one(p):
            if not 0 <= p <= 100:
                refuse_share(p, "p", 100)
            counts = self._counts
            count = counts.total
            if not count:
                return math.nan
            rank = rank_of_percentile(p, count)
            if interpolated:
                return self._interpolated(rank, p * count / 100)
            return self._value(counts.slot_at(rank)) if 1 < rank < count else self._value_at(rank)
        return each(
            (lambda one: self.percentile(one, interpolated=True)) if interpolated else self.percentile, p, written=True
        )

    @overload
    def quantile_bounds(self, q: _Scalar) -> tuple[float, float]: ...
    @overload
    def quantile_bounds(self, q: _Numbers) -> tuple[NDArray[np.float64], NDArray[np.float64]]: ...
    def quantile_bounds(self, q: Any) -> Any:
        """Return the edges (lower, upper) of the bucket that holds the q-quantile.

        The quantile is above `lower` and at most `upper`.  In the zero bucket it may be equal to the lower edge, 0.
        In the overflow bucket the upper edge is the exact maximum.  O(log buckets) each.  Raises ValueError for q
        outside 0..1.

        >>> from historian import Histogram
        >>> Histogram.from_values([1.0, 2.0]).quantile_bounds(1.0)
        (1.978456026387951, 2.0)
        """
        if type(q) is not float and not is_one(q):
            return each_pair(self.quantile_bounds, q, written=True)
        if not 0 <= q <= 1:
            refuse_share(q, "q", 1)
        return self._edges(self._counts.slot_at(rank_of(q, self.count))) if self.count else (math.nan, math.nan)

    @overload
    def cdf(self, t: _Scalar) -> float: ...
    @overload
    def cdf(self, t: _Numbers) -> NDArray[np.float64]: ...
    def cdf(self, t: _Scalar | _Numbers) -> float | NDArray[np.float64]:
        """Return the share of values at or below `t`, a number or an array-like.

        All values in the bucket of `t` count as at or below `t`, as in HdrHistogram.  So a recorded value that is used
        as a threshold lies on the right side.  The share is exact if `t` is a bucket edge, below the minimum, or at
        least the maximum.  `cdf_bounds` tells how far off it can be.  O(1) each.  Raises ValueError for NaN.

        It is the inverse of `quantile`: ``cdf(quantile(q)) >= q``, and for a recorded value t, ``quantile(cdf(t))`` is
        in the bucket of t.

        >>> from historian import Histogram
        >>> Histogram.from_values([3] * 60 + [5] * 39 + [9]).cdf(3)
        0.6
        """
        if type(t) is float or is_one(t):
            above = self._above(t)[0]
            return (self.count - above) / self.count if self.count else math.nan
        return each(self.cdf, t)

    @overload
    def cdf_bounds(self, t: _Scalar) -> tuple[float, float]: ...
    @overload
    def cdf_bounds(self, t: _Numbers) -> tuple[NDArray[np.float64], NDArray[np.float64]]: ...
    def cdf_bounds(self, t: Any) -> Any:
        """Return the bounds (lower, upper) of the share of values at or below `t`.

        They are the shares without and with the values in the bucket of `t`.  The true share of the recorded values
        lies between them, and `cdf` is the upper one.  Both are equal where `cdf` is exact.  `t` is a number or an
        array-like; then the bounds are arrays.  O(1) each.  Raises ValueError for NaN.

        >>> from historian import Histogram
        >>> Histogram.from_values([0.1, 1.0, 1.001, 1.002, 9.0]).cdf_bounds(1.001)
        (0.4, 0.8)
        """
        if type(t) is not float and not is_one(t):
            return each_pair(self.cdf_bounds, t)
        low, high = self._above(t)
        count = self.count
        return ((count - high) / count, (count - low) / count) if count else (math.nan, math.nan)

    @overload
    def sf(self, t: _Scalar) -> float: ...
    @overload
    def sf(self, t: _Numbers) -> NDArray[np.float64]: ...
    def sf(self, t: _Scalar | _Numbers) -> float | NDArray[np.float64]:
        """Return the share of values above `t` (the survival function).

        It is computed from the count above `t`, not as ``1 - cdf(t)``, so small shares are accurate.  `t` is a number
        or an array-like.  Values in the bucket of `t` are treated as in `cdf`.  O(1) each.  Raises ValueError for NaN.

        >>> from historian import Histogram
        >>> Histogram.from_values([1.0, 2.0, 4.0, 8.0]).sf(4.0)
        0.25
        """
        if type(t) is float or is_one(t):
            above = self._above(t)[0]
            return above / self.count if self.count else math.nan
        return each(self.sf, t)

    @overload
    def sf_bounds(self, t: _Scalar) -> tuple[float, float]: ...
    @overload
    def sf_bounds(self, t: _Numbers) -> tuple[NDArray[np.float64], NDArray[np.float64]]: ...
    def sf_bounds(self, t: Any) -> Any:
        """Return the bounds (lower, upper) of the share of values above `t`.

        They are the shares without and with the values in the bucket of `t`; `sf` is the lower one.  See `cdf_bounds`.

        >>> from historian import Histogram
        >>> Histogram.from_values([0.1, 1.0, 1.001, 1.002, 9.0]).sf_bounds(1.001)
        (0.2, 0.6)
        """
        if type(t) is not float and not is_one(t):
            return each_pair(self.sf_bounds, t)
        low, high = self._above(t)
        return (low / self.count, high / self.count) if self.count else (math.nan, math.nan)
