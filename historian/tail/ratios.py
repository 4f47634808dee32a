"""The ratio of a quantile of one histogram to that of another, with what sampling leaves open about it.

Of N independent values, the number at or below the q-quantile of what they were sampled from is binomial, so that
P(quantile <= edge) is a binomial probability for every edge of the buckets: nothing needs to be resampled.  On
logarithmic buckets a quotient is a difference of indices: the distribution of the ratio is the convolution of the two.

Source: David & Nagaraja, Order Statistics (2003), 7.1, for the ranks; Schultzberg & Ankargren, arXiv 2202.10992, for
reading the bootstrap distribution of a quantile off a binomial.  The bootstrap of theirs never looks beyond the
largest value; here, what lies beyond has its probability, q^N, so that too few values leave a side open.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from ..buckets import GROWTH, OVERFLOW_INDEX, ZERO_INDEX
from ._scipy import special

TYPE_CHECKING = False
if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ..histogram import Histogram

__all__ = ["Grid", "ratio_bounds"]

SPREAD = 7.0  # standard deviations of a rank beyond which nothing is looked at: a probability of 1e-12

CELLS = 256  # to which buckets are divided where only a few are likely


class Grid(NamedTuple):
    """A histogram as running totals at the edges of its buckets."""

    edges: NDArray[np.int64]  # index of the bucket above each edge, ascending, from that of the first populated on
    totals: NDArray[np.float64]  # values below each edge, from 0 to `size`
    size: int  # number of values

    @classmethod
    def of(cls, histogram: Histogram) -> Grid:
        """Return the grid of a histogram.  O(buckets)."""
        import numpy

        indices, counts = histogram.indices, histogram.counts
        first, last = int(indices[0]), int(indices[-1])
        dense = numpy.zeros(last - first + 1)
        dense[indices - first] = counts
        return cls(numpy.arange(first, last + 2), numpy.concatenate([[0.0], numpy.cumsum(dense)]), histogram.count)

    def likely(self, q: float) -> tuple[int, int]:
        """Return the positions of two edges between which the q-quantile of what was sampled surely lies."""
        import numpy

        reach = SPREAD * math.sqrt(self.size * q * (1 - q)) + 10
        low = int(numpy.searchsorted(self.totals, self.size * q - reach, "right")) - 1
        high = int(numpy.searchsorted(self.totals, self.size * q + reach, "left"))
        return max(0, low), min(len(self.totals) - 1, high)


class Mass(NamedTuple):
    """How likely the quantile is to lie in each of consecutive cells, and beyond them."""

    first: int  # number of the first cell, `parts` of which make a bucket
    cells: NDArray[np.float64]
    below: float  # probability that it is below all values, or rounded to zero
    above: float  # that it is above all values, or overflowed


def ratio_bounds(a: Grid, b: Grid, q: float, confidence: float) -> tuple[float, float]:
    """Return the ends of the interval of the q-quantile of `b` over that of `a`: 0 and infinity where there is none.

    Values are taken as spread evenly, on the logarithm, over their bucket.  O(cells^2), 0.5 ms.
    """
    import numpy

    spans = a.likely(q), b.likely(q)
    parts = max(1, CELLS // max(high - low for low, high in spans))
    of_a, of_b = _mass(a, spans[0], q, parts), _mass(b, spans[1], q, parts)
    cells = numpy.convolve(of_b.cells, of_a.cells[::-1])
    first = of_b.first - (of_a.first + len(of_a.cells) - 1)  # the first difference of cells
    alpha = (1 - confidence) / 2
    low = _reached(cells, alpha, of_b.below + of_a.above)
    high = _reached(cells[::-1], alpha, of_b.above + of_a.below)
    # The difference of two cells extends to one cell to either side.
    lower = float(GROWTH ** ((first + low - 1) / parts)) if low is not None else 0.0
    upper = float(GROWTH ** ((first + len(cells) - high) / parts)) if high is not None else math.inf
    return lower, upper


def _mass(grid: Grid, span: tuple[int, int], q: float, parts: int) -> Mass:
    """Return how the quantile is distributed over the cells between two edges.

    P(rank <= total), the rank being binomial, counts what is exactly at the quantile as below it, P(rank < total) as
    above it.  The cells hold the mean of both, the "mid-P" (Lancaster, J. Am. Stat. Assoc. 56, 1961), without which
    intervals would cover too much where few values decide; what lies beyond all values is the larger of both.
    """
    import numpy

    betainc, count = special().betainc, grid.size
    low, high = span
    where = numpy.arange((high - low) * parts + 1) / parts
    totals = numpy.interp(where, numpy.arange(high - low + 1), grid.totals[low : high + 1])
    most = numpy.where(totals < count, betainc(numpy.maximum(count - totals, 0.5), totals + 1, 1 - q), 1.0)
    least = numpy.where(totals > 0, betainc(count - totals + 1, numpy.maximum(totals, 0.5), 1 - q), 0.0)
    cells = numpy.diff((most + least) / 2)
    below, above = float(most[0]), float(1 - least[-1])
    if grid.edges[low] == ZERO_INDEX:
        below += float(cells[:parts].sum())
        cells[:parts] = 0
    if grid.edges[high] == OVERFLOW_INDEX + 1:
        above += float(cells[-parts:].sum())
        cells[-parts:] = 0
    return Mass(int(grid.edges[low]) * parts, cells, below, above)


def _reached(cells: NDArray[np.float64], alpha: float, beyond: float) -> int | None:
    """Return the position of the cell up to which there is a probability of alpha; None if it lies beyond them all."""
    import numpy

    position = int(numpy.searchsorted(beyond + numpy.cumsum(cells), alpha))
    return position if beyond < alpha and position < len(cells) else None
