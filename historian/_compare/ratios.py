"""The ratio of a quantile of one histogram to that of another, with an interval for sampling.

Take N independent values.  The number of them at or below the true q-quantile is binomial.  So P(quantile <= edge) is a
binomial probability for every edge of the buckets, and no resampling is needed.  On logarithmic buckets, a quotient is
a difference of indices.  So the distribution of the ratio is the convolution of both distributions.

Source: David & Nagaraja, Order Statistics (2003), 7.1, for the ranks; Schultzberg & Ankargren, arXiv 2202.10992, for
the bootstrap distribution of a quantile from a binomial.  Their bootstrap never goes beyond the largest value.  Here,
the range beyond it has its probability, q^N, so that a side is open if there are too few values.

If many values are equal, as from a clock that ticks in whole milliseconds, the convolution is too narrow, because
nothing lies between two ticks.  For such ties, two one-sided tests are combined (`_between_ties`).
"""

from __future__ import annotations

import math
from typing import NamedTuple

from .._stats.beta_arrays import tails
from ..buckets import GROWTH, OVERFLOW_INDEX, ZERO_INDEX

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from ..histogram import Histogram

__all__ = ["SPREAD", "TIES", "TOO_FEW", "Asked", "Grid", "RatioOf"]

TOO_FEW = "too few samples"  # why a ratio has no interval, mostly

SPREAD = 7.0  # ranks further away than this, in standard deviations, are ignored: a probability of 1e-12

CELLS = 256  # if only a few buckets are likely, they are divided into about this many cells

TIES = 3  # so many values in a bucket, with none in the buckets beside it, count as equal values


class Grid(NamedTuple):
    """A histogram as running totals at the edges of its buckets, from the first to the last populated one."""

    edges: NDArray[np.int64]  # index of the bucket above each edge, ascending
    counts: NDArray[np.float64]  # values between each edge and the next
    totals: NDArray[np.float64]  # values below each edge, in [0, size]
    size: int  # number of values
    tied: NDArray[np.bool_]  # for each bucket, whether its values count as equal: see `TIES`

    @classmethod
    def of(cls, histogram: Histogram) -> Grid:
        """Return the grid of a histogram.  O(buckets)."""
        import numpy

        indices = histogram.indices
        counts = numpy.zeros(int(indices[-1]) - int(indices[0]) + 1)
        counts[indices - indices[0]] = histogram.counts
        return cls.counted(int(indices[0]), counts, histogram.count)

    @classmethod
    def counted(cls, first: int, counts: NDArray[np.float64], size: int) -> Grid:
        """Return the grid of `size` values, counted in consecutive buckets from `first` on; the outermost hold some."""
        import numpy

        padded = numpy.zeros(len(counts) + 2)  # with an empty bucket at each end
        padded[1:-1] = counts
        tied = (padded[1:-1] >= TIES) & (padded[:-2] + padded[2:] == 0)
        return cls(numpy.arange(first, first + len(counts) + 1), padded[1:-1], padded[:-1].cumsum(), size, tied)

    def likely(self, q: float) -> tuple[int, int]:
        """Return the positions of two edges between which the true q-quantile lies, except with probability 1e-12."""
        import numpy

        reach = SPREAD * math.sqrt(self.size * q * (1 - q)) + 10
        low = int(numpy.searchsorted(self.totals, self.size * q - reach, "right")) - 1
        high = int(numpy.searchsorted(self.totals, self.size * q + reach, "left"))
        return max(0, low), min(len(self.totals) - 1, high)


class Mass(NamedTuple):
    """The probability of the quantile to lie in each of consecutive cells, and beyond them."""

    first: int  # number of the first cell; a bucket has `parts` cells
    cells: NDArray[np.float64]
    below: float  # probability that it is below all values, or in the zero bucket
    above: float  # probability that it is above all values, or in the overflow bucket


class RatioOf:
    """The distribution of the ratio of the q-quantiles of two histograms, `b` over `a`, for bounds of any confidence.

    Values are assumed to be spread evenly over their bucket, on the logarithm.
    """

    def __init__(self, a: Grid, b: Grid, part: Part, chances: Sequence[NDArray[np.float64]]) -> None:
        """Convolve both distributions.  O(cells^2).  `chances` are those of what `part` asks."""
        import numpy

        self._parts, grids, ties = part.parts, (a, b), part.ties
        of_a, of_b = (_mass(*one, part.parts) for one in zip(grids, part.spans, chances))
        self._cells = numpy.convolve(of_b.cells, of_a.cells[::-1])
        self._first = of_b.first - (of_a.first + len(of_a.cells) - 1)  # the first difference of cells
        self._beyond = of_b.below + of_a.above, of_b.above + of_a.below  # probability of less, and of more
        tied = [Ties(g.edges[tie], most, 1 - least) for g, tie, (most, least) in zip(grids, ties, chances[2:])]
        self._ties = tied[0], tied[1]

    @staticmethod
    def each(a: Grid, b: Grid, quantiles: Sequence[float]) -> list[RatioOf]:
        """Return the distribution of the ratio of each of these quantiles.  O(cells^2) each, 0.3 ms.

        The binomial probabilities of all are computed in one call, since a call costs as much as 500 values.
        """
        return RatioOf.of_pairs([(a, b)] * len(quantiles), quantiles)

    @staticmethod
    def of_pairs(
        pairs: Sequence[tuple[Grid, Grid]],
        quantiles: Sequence[float],
        chances_of: Callable[[Sequence[Asked]], list[NDArray[np.float64]]] | None = None,
    ) -> list[RatioOf]:
        """Return the distribution of the ratio of one quantile of each pair.  See `each`.

        `chances_of` replaces `_chances`, where there is a faster way.
        """
        parts = [Part.of(a, b, q) for (a, b), q in zip(pairs, quantiles)]
        chances = iter((chances_of or _chances)([one for part in parts for one in part.asked]))
        return [RatioOf(*pair, part, [next(chances) for _ in part.asked]) for pair, part in zip(pairs, parts)]

    def bounds(self, confidence: float) -> tuple[float, float]:
        """Return the bounds of the ratio: 0 or infinity for a missing bound.  O(cells + ties^2)."""
        alpha = (1 - confidence) / 2
        low = _reached(self._cells, alpha, self._beyond[0])
        high = _reached(self._cells[::-1], alpha, self._beyond[1])
        # The difference of two cells extends one cell to each side.
        lower = float(GROWTH ** ((self._first + low - 1) / self._parts)) if low is not None else 0.0
        upper = math.inf
        if high is not None:
            upper = float(GROWTH ** ((self._first + len(self._cells) - high) / self._parts))
        least, most = _between_ties(*self._ties, alpha)
        return min(lower, least), max(upper, most)

    def level(self, *, above: bool) -> float:
        """Return the largest (1 - confidence)/2 with which `bounds` do not lie above 1, or below.  O(cells + ties^2).

        >>> from historian import Histogram
        >>> a, b = (Grid.of(Histogram.from_values([k * (1 + i / 100) for i in range(100)])) for k in (1.0, 1.1))
        >>> ratio = RatioOf.each(a, b, [0.5])[0]
        >>> level = ratio.level(above=True)
        >>> ratio.bounds(1 - 1.98 * level)[0] <= 1 < ratio.bounds(1 - 2.02 * level)[0]
        True
        """
        cells, beyond = (self._cells, self._beyond[0]) if above else (self._cells[::-1], self._beyond[1])
        within = 2 - self._first if above else self._first + len(cells) + 1  # cells of which one keeps `bounds` at 1
        return max(beyond + float(cells[: max(0, within)].sum()), _level_of_ties(*self._ties, above=above))


def _totals(grid: Grid, span: tuple[int, int], parts: int) -> NDArray[np.float64]:
    """Return the number of values below each edge of the cells in a span."""
    import numpy

    low, high = span
    where = numpy.arange((high - low) * parts + 1) / parts
    return numpy.interp(where, numpy.arange(high - low + 1), grid.totals[low : high + 1])


def _mass(grid: Grid, span: tuple[int, int], chances: NDArray[np.float64], parts: int) -> Mass:
    """Return the distribution of the quantile over the cells in a span.

    The rank is binomial.  P(rank <= total) counts values exactly at the quantile as below it, P(rank < total) as above
    it.  The cells hold the mean of both, the "mid-P" (Lancaster, J. Am. Stat. Assoc. 56, 1961).  Without it, intervals
    would cover too much if few values decide.  The range beyond all values gets the larger of both probabilities.
    """
    import numpy

    low, high = span
    most, least = chances
    cells = numpy.diff((most + least) / 2)
    below, above = float(most[0]), float(1 - least[-1])
    if grid.edges[low] == ZERO_INDEX:
        below += float(cells[:parts].sum())
        cells[:parts] = 0
    if grid.edges[high] == OVERFLOW_INDEX + 1:
        above += float(cells[-parts:].sum())
        cells[-parts:] = 0
    return Mass(int(grid.edges[low]) * parts, cells, below, above)


class Asked(NamedTuple):
    """Totals of values, of which the probabilities P(rank <= up_to) and P(rank < below) are asked."""

    up_to: NDArray[np.float64]
    below: NDArray[np.float64]
    size: int  # number of all values
    q: float  # the quantile whose rank it is


class Part(NamedTuple):
    """Where the q-quantiles of two histograms probably are, and what is asked to know their distributions."""

    spans: tuple[tuple[int, int], tuple[int, int]]  # the edges between which they lie
    parts: int  # cells of a bucket
    ties: tuple[NDArray[np.intp], NDArray[np.intp]]  # positions of buckets
    asked: list[Asked]  # of the cells of each, then of the ties of each

    @classmethod
    def of(cls, a: Grid, b: Grid, q: float) -> Part:
        """Return it for two histograms and a quantile.  O(cells)."""
        grids, spans = (a, b), (a.likely(q), b.likely(q))
        parts = max(1, CELLS // max(high - low for low, high in spans))
        ties = _where_tied(a, spans[0]), _where_tied(b, spans[1])
        totals = [_totals(grid, span, parts) for grid, span in zip(grids, spans)]
        asked = [Asked(one, one, grid.size, q) for one, grid in zip(totals, grids)]
        asked += [Asked(grid.totals[tie + 1], grid.totals[tie], grid.size, q) for grid, tie in zip(grids, ties)]
        return cls(spans, parts, ties, asked)


class Ties(NamedTuple):
    """Buckets that hold one value many times, and the probability of the quantile on each side, including the bucket.

    The probabilities are those of exact one-sided tests, without "mid-P".
    """

    indices: NDArray[np.int64]
    at_most: NDArray[np.float64]  # probability that the quantile is in this bucket or below
    at_least: NDArray[np.float64]  # probability that it is in this bucket or above


def _where_tied(grid: Grid, span: tuple[int, int]) -> NDArray[np.intp]:
    """Return the positions of the ties in a span."""
    import numpy

    where = numpy.flatnonzero(grid.tied[span[0] : span[1]]) + span[0]
    found: NDArray[np.intp] = where[(grid.edges[where] != ZERO_INDEX) & (grid.edges[where] != OVERFLOW_INDEX)]
    return found


def _chances(asked: Sequence[Asked]) -> list[NDArray[np.float64]]:
    """Return P(rank <= up_to) and P(rank < below), in two rows, for each of `asked`.  The rank is binomial."""
    import numpy

    lengths = [len(one.up_to) for one in asked]
    up_to, below = (numpy.concatenate([one[k] for one in asked]) for k in (0, 1))
    count, q = (numpy.repeat(numpy.array([one[k] for one in asked], dtype=numpy.float64), lengths) for k in (2, 3))
    of = numpy.array([count - up_to, count - below + 1]), numpy.array([up_to + 1, below])
    chances, _ = tails(numpy.array([1 - q, 1 - q]), *(numpy.maximum(one, 0.5) for one in of))
    chances[0, up_to >= count], chances[1, below <= 0] = 1.0, 0.0
    return numpy.split(chances, numpy.cumsum(lengths)[:-1], axis=1)


def _between_ties(a: Ties, b: Ties, alpha: float) -> tuple[float, float]:
    """Return the smallest and the largest ratio of two ties that is not rejected at level alpha; infinity, 0 if none.

    The hypothesis "`b` is at most one tie, and `a` at least another" has two independent tests, with p-values u and v.
    Their combined p-value is uv(1 - log uv).  Source: Fisher, Statistical Methods for Research Workers (1932), 21.1.
    O(ties^2).
    """
    apart = b.indices[:, None] - a.indices
    found = [apart[one >= alpha] for one in _chances_of_ties(a, b)]
    least = float(GROWTH ** (float(found[0].min()) - 1)) if found[0].size else math.inf
    most = float(GROWTH ** (float(found[1].max()) + 1)) if found[1].size else 0.0
    return least, most


def _chances_of_ties(a: Ties, b: Ties) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the combined p-values, by ties of `b` and of `a`: the ratio is at most theirs, or at least theirs."""
    import numpy

    def combined(of_b: NDArray[np.float64], of_a: NDArray[np.float64]) -> NDArray[np.float64]:
        both = numpy.maximum(of_b[:, None] * of_a, 5e-324)  # no logarithm of 0
        found: NDArray[np.float64] = both * (1 - numpy.log(both))
        return found

    return combined(b.at_most, a.at_least), combined(b.at_least, a.at_most)


def _level_of_ties(a: Ties, b: Ties, *, above: bool) -> float:
    """Return the level up to which `_between_ties` allows a ratio of 1 or less, or of 1 or more; 0 without ties."""
    at_most, at_least = _chances_of_ties(a, b)
    apart = b.indices[:, None] - a.indices
    known = at_most[apart <= 1] if above else at_least[apart >= -1]
    return float(known.max()) if known.size else 0.0


def _reached(cells: NDArray[np.float64], alpha: float, beyond: float) -> int | None:
    """Return the position of the cell where the cumulative probability reaches alpha; None if no cell does."""
    import numpy

    position = int(numpy.searchsorted(beyond + numpy.cumsum(cells), alpha))
    return position if beyond < alpha and position < len(cells) else None
