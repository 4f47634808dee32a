"""Resampling of blocks: confidence intervals from the differences between blocks.

Two programs that run in turns, A B B A in each block, run on the same machine under the same conditions: block k of A
and block k of B form a pair.  Each draw takes pairs with replacement, as many as there are pairs.  Every answer is then
computed from the sums of their counts.  Source: Efron & Tibshirani, An Introduction to the Bootstrap (1993), 8.6; for
running in turns: Bulej et al., arXiv 2001.05811.  The bounds are those of the expanded percentile interval, Hesterberg,
The American Statistician 69 (2015), 371-386, which is also correct for few blocks.

Blocks are drawn as if they were independent.  A burst that outlasts a block makes neighbours alike.  If the influence
of neighbours on an answer is correlated, its interval is widened by what their long-run variance is larger: see
`historian._compare.neighbours`.
"""

from __future__ import annotations

import functools
import math
from typing import NamedTuple

from .._stats.binomial import student_quantile
from .._stats.normal import normal_quantile
from .._values.rank import LESS
from ..buckets import OVERFLOW_INDEX, ZERO_INDEX
from .distances import STEP
from .neighbours import Neighbours
from .ratios import TIES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    import numpy as np
    from numpy.typing import NDArray

    from ..histogram import Histogram

__all__ = ["Blocks", "Interval", "percentile_interval"]

DRAWS = 2_000

CHUNK = 100  # draws whose shares are computed at once, so that they fit into the cache of the processor

TAIL = 10  # draws beyond a bound that are enough to place it

EXACT = 2**24  # up to this, float32 holds all whole numbers

SINGLE = 2**18  # multiplications in a product of matrices that OpenBLAS does not divide between threads

BEYOND = 1e6  # an index beyond all buckets; it stands for values in the zero bucket (negative) and the overflow bucket


class Interval(NamedTuple):
    """An interval of an answer."""

    low: float
    high: float
    wider: float  # times that it is wider than for independent blocks; at least 1


class Blocks:
    """Pairs of blocks, as counts in the same buckets, and their sums in each draw.

    It answers the questions of `historian._compare.distances.Pair`, with one answer for each draw.
    """

    def __init__(self, pairs: Sequence[tuple[Histogram, Histogram]]) -> None:
        """Draw from `pairs`, none of which has an empty side.  O(blocks * buckets * draws), about 15 ms."""
        import numpy

        indices = [[h.indices for h in pair] for pair in pairs]
        self._indices = numpy.unique(numpy.concatenate([one for pair in indices for one in pair]))
        most = len(pairs) * max(h.count for pair in pairs for h in pair)
        kind = numpy.float32 if most < EXACT else numpy.float64
        counts = numpy.zeros((2, len(pairs), len(self._indices) + 1), dtype=kind)  # the first column stays 0
        for k, pair in enumerate(pairs):
            for side, histogram in enumerate(pair):
                counts[side, k, self._indices.searchsorted(indices[k][side]) + 1] = histogram.counts
        self.size = len(pairs)
        self._counts = counts[..., 1:]  # of each block, shape (2, blocks, buckets)
        self._below = counts.cumsum(axis=-1)  # of each block: values below the edge before each bucket, and in total
        self._draws = _draws(self.size).astype(kind)
        self._totals = [_product(self._draws, one) for one in self._below]  # of each draw, shape (DRAWS, buckets + 1)
        self._found: NDArray[np.float64] | None = None
        self._tied = [_tied(self._indices, totals[-1]) for totals in self._counts.cumsum(axis=1)]
        self._ratios: dict[float, tuple[NDArray[np.float64], NDArray[np.float64]]] = {}
        self._wider: dict[float, tuple[float, float]] = {}  # see `dependence`

    def ratios(self, q: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the bounds of the logarithm of the ratio of the q-quantiles, B over A, in each draw.

        O(draws); kept.  Values are spread evenly over their bucket, so both bounds are the same.  Where all values of a
        bucket are equal, they may be anywhere in it.
        """
        if q not in self._ratios:
            a, b = (self._quantiles(side, q) for side in (0, 1))
            low, high = ((one - other).clip(-BEYOND, BEYOND) for one, other in ((b[0], a[1]), (b[1], a[0])))
            self._ratios[q] = STEP * low, STEP * high
        return self._ratios[q]

    def ratio_interval(self, q: float, confidence: float) -> Interval:
        """Return the interval of the logarithm of the ratio of the q-quantiles."""
        if q not in self._wider:
            self._wider[q] = self._dependences(*self.ratios(q))
        return self._interval(*self.ratios(q), confidence, self._wider[q])

    def interval(self, lows: NDArray[Any], highs: NDArray[Any], confidence: float) -> Interval:
        """Return the interval of an answer, from its lower and its upper bound in each draw."""
        return self._interval(lows, highs, confidence, self._dependences(lows, highs))

    def _interval(
        self, lows: NDArray[Any], highs: NDArray[Any], confidence: float, wider: tuple[float, float]
    ) -> Interval:
        import numpy

        found = []
        for end, (draws, times) in enumerate(zip((lows, highs), wider)):
            bound = percentile_interval(draws, self.size, confidence)[end]
            if times > 1:
                middle = float(numpy.median(draws))
                bound = middle + (bound - middle) * times
            found.append(bound)
        return Interval(found[0], found[1], max(wider))

    def _dependences(self, lows: NDArray[Any], highs: NDArray[Any]) -> tuple[float, float]:
        low = self.dependence(lows)
        return low, low if (lows == highs).all() else self.dependence(highs)

    def dependence(self, draws: NDArray[Any]) -> float:
        """Return how many times wider an interval must be because blocks that follow each other are alike; at least 1.

        The influence of a block on an answer is the slope of the answer by the number of times that the block is drawn.
        The interval is wider only if the influences of neighbours are correlated at a level of 5 %.
        """
        import numpy

        slopes = numpy.einsum("dk,d->k", self._draws, draws - draws.mean())  # of no matter which length
        return math.sqrt(Neighbours.of(slopes.astype(numpy.float64) - slopes.mean(), DRAWS).ratio)

    def influences(self, q: float) -> NDArray[np.float64]:
        """Return the influence of each block on the logarithm of the ratio of the q-quantiles, of mean 0.

        A block moves the quantile of its side by its values below it, less the share q of its values, divided by the
        density.  The two densities are those that fit the draws best.  So there is no noise of the draws, as in slopes.
        """
        import numpy

        sides = []
        for below in self._below:
            totals = below.sum(axis=0, dtype=numpy.float64)
            rank = q * totals[-1]
            at = int(totals.searchsorted(rank))  # the bucket of the quantile begins at edge at - 1
            inside = (rank - totals[at - 1]) / (totals[at] - totals[at - 1])
            sides.append((1 - inside) * below[:, at - 1] + inside * below[:, at] - q * below[:, -1])
        of_blocks = numpy.stack(sides, axis=1)
        low, high = self.ratios(q)
        answers = (low + high) / 2
        of_draws = numpy.einsum("dk,ks->ds", self._draws, of_blocks)
        densities = numpy.linalg.lstsq(of_draws - of_draws.mean(axis=0), answers - answers.mean(), rcond=None)[0]
        found: NDArray[np.float64] = of_blocks @ densities
        found -= found.mean()
        return found

    def below(self) -> tuple[Any, Any]:
        """Return the share of pairs in which b is in a lower bucket than a, and the share in the same bucket.

        Both numbers of pairs are sums over pairs of blocks, and each draw only weights them.  O(draws * blocks^2).
        """
        import numpy

        of_a, of_b = self._counts.astype(numpy.float64)
        above_a = self._below[0, :, -1:] - self._below[0, :, 1:]
        draws = self._draws.astype(numpy.float64)
        pairs = self._totals[0][:, -1] * self._totals[1][:, -1].astype(numpy.float64)
        strictly, ties = ((_product(draws, _product(of_b, one.T)) * draws).sum(axis=1) for one in (above_a, of_a))
        return strictly / pairs, ties / pairs

    def largest_difference(self) -> tuple[Any, Any]:
        """Return the largest difference of the distribution functions at bucket edges, and its upper bound anywhere."""
        return self._distances()[0], self._distances()[1]

    def mean_shift(self) -> Any:
        """Return the area between the two distribution functions, on the natural logarithm of the value."""
        return self._distances()[2]

    def _distances(self) -> NDArray[np.float64]:
        """Return `largest_difference` and `mean_shift` of each draw: shape (3, DRAWS).  O(draws * buckets); kept."""
        import numpy

        if self._found is None:
            self._found = numpy.empty((3, DRAWS))
            widths = STEP * numpy.diff(self._indices)
            for start in range(0, DRAWS, CHUNK):
                some = slice(start, start + CHUNK)
                a, b = (numpy.divide(one[some], one[some, -1:], dtype=numpy.float64) for one in self._totals)
                larger = (a[:, 1:] - b[:, :-1]).max(axis=1), (b[:, 1:] - a[:, :-1]).max(axis=1)
                self._found[1, some] = numpy.maximum(*larger)
                apart = numpy.abs(numpy.subtract(a, b, out=a), out=a)
                self._found[0, some] = apart.max(axis=1)
                self._found[2, some] = (apart[:, 1:-1] * widths).sum(axis=1)
        return self._found

    def _quantiles(self, side: int, q: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return bounds of the q-quantile of each draw as a fractional index; see `ratios`."""
        import numpy

        totals = self._totals[side]
        count = totals[:, -1].astype(numpy.float64)
        rank = numpy.ceil(q * count * LESS)  # see `historian._values.rank`
        rank = numpy.maximum(1, rank + (rank / count < q))
        low, high = numpy.zeros(len(rank), dtype=numpy.intp), numpy.full(len(rank), totals.shape[1] - 1)
        rows = numpy.arange(len(rank))
        for _ in range(totals.shape[1].bit_length()):  # bisection: values below low < rank <= values below high
            middle = (low + high) // 2
            reached = totals[rows, middle] >= rank
            low, high = numpy.where(reached, low, middle), numpy.where(reached, middle, high)
        before = totals[rows, high - 1].astype(numpy.float64)
        inside = (rank - 0.5 - before) / (totals[rows, high] - before)
        index, tied = self._indices[high - 1].astype(numpy.float64), self._tied[side][high - 1]
        low, high = index + numpy.where(tied, 0, inside), index + numpy.where(tied, 1, inside)
        for one in (low, high):
            one[index == ZERO_INDEX], one[index == OVERFLOW_INDEX] = -BEYOND, BEYOND
        return low, high


def _product(left: NDArray[Any], right: NDArray[Any]) -> NDArray[Any]:
    """Return ``left @ right``, in pieces that OpenBLAS computes in this thread.

    They take 3 ms for 100 blocks.  With two threads, the calculation would take as long as the busier processor.
    """
    import numpy

    result = numpy.empty((len(left), right.shape[1]), dtype=left.dtype)
    rows = 40
    columns = max(8, SINGLE // (rows * len(right)))
    for row in range(0, len(left), rows):
        some = slice(row, row + rows)
        for column in range(0, right.shape[1], columns):
            part = slice(column, column + columns)
            numpy.matmul(left[some], right[:, part], out=result[some, part])
    return result


def _find_reach(size: int, confidence: float) -> float:
    """Return how many standard deviations of the draws a bound is away from the median, for so many blocks."""
    return student_quantile((1 + confidence) / 2, size - 1) * math.sqrt(size / (size - 1))


_reach = functools.lru_cache(maxsize=64)(_find_reach)  # not a decorator: stubtest cannot check its result


def _tied(indices: NDArray[np.int64], counts: NDArray[Any]) -> NDArray[np.bool_]:
    """Return for each bucket whether its values count as equal: see `historian._compare.ratios.TIES`."""
    import numpy

    there = numpy.flatnonzero(counts)
    gaps = numpy.diff(indices[there], prepend=ZERO_INDEX - 2, append=OVERFLOW_INDEX + 2)
    tied = numpy.zeros(len(indices), dtype=numpy.bool_)
    tied[there] = (counts[there] >= TIES) & (gaps[:-1] > 1) & (gaps[1:] > 1)
    return tied


def _draws(size: int) -> NDArray[np.float64]:
    """Return how often each of `size` blocks is drawn, shape (DRAWS, size).  The same in each call."""
    import numpy

    drawn = numpy.random.default_rng(0).integers(0, size, (DRAWS, size))
    drawn += size * numpy.arange(DRAWS)[:, None]
    return numpy.bincount(drawn.ravel(), minlength=DRAWS * size).reshape(DRAWS, size).astype(numpy.float64)


def percentile_interval(draws: Any, size: int, confidence: float) -> tuple[float, float]:
    """Return the bounds of the expanded percentile interval of `draws`, one result for each draw of `size` blocks.

    A high confidence asks for bounds beyond which lie fewer than `TAIL` draws.  The draws cannot place them.  The
    bounds with `TAIL` draws beyond are then moved away from the median, in proportion to the normal quantiles.  A few
    draws may be still further away, if blocks are of two kinds.
    """
    import numpy

    worse = _reach(size, confidence)
    alpha, least = math.erfc(worse / math.sqrt(2)) / 2, TAIL / (len(draws) - 1)
    ordered = numpy.sort(draws)
    position = int(alpha * (len(ordered) - 1))
    low, high = float(ordered[position]), float(ordered[-1 - position])
    if alpha < least:
        middle, times = float(numpy.median(ordered)), worse / -normal_quantile(least)
        low = min(low, middle - (middle - float(ordered[TAIL])) * times)
        high = max(high, middle + (float(ordered[-1 - TAIL]) - middle) * times)
    return low, high
