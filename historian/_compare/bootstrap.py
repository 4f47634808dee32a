"""Resampling of blocks: confidence intervals from the differences between blocks.

Two programs that run in turns, A B B A in each block, run on the same machine under the same conditions: block k of A
and block k of B form a pair.  Each draw takes pairs with replacement, as many as there are pairs.  Every answer is then
computed from the sums of their counts.  Source: Efron & Tibshirani, An Introduction to the Bootstrap (1993), 8.6; for
running in turns: Bulej et al., arXiv 2001.05811.  The bounds are those of the expanded percentile interval, Hesterberg,
The American Statistician 69 (2015), 371-386, which is also correct for few blocks.
"""

from __future__ import annotations

import math
from statistics import NormalDist

from .._stats.binomial import student_quantile
from .._values.rank import LESS
from ..buckets import GROWTH, OVERFLOW_INDEX, ZERO_INDEX
from .distances import Pair

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    import numpy as np
    from numpy.typing import NDArray

    from ..histogram import Histogram

__all__ = ["Blocks", "percentile_interval"]

DRAWS = 2_000

BEYOND = 1e6  # an index beyond all buckets; it stands for values in the zero bucket (negative) and the overflow bucket


class Blocks:
    """Pairs of blocks, as counts in the same buckets, and their sums in each draw."""

    def __init__(self, pairs: Sequence[tuple[Histogram, Histogram]]) -> None:
        """Draw from `pairs`, none of which has an empty side.  O(blocks * buckets * draws), about 50 ms."""
        import numpy

        populated = [h.indices for pair in pairs for h in pair]
        first, last = min(int(i[0]) for i in populated), max(int(i[-1]) for i in populated)
        counts = numpy.zeros((2, len(pairs), last - first + 1))
        for k, pair in enumerate(pairs):
            for side, histogram in enumerate(pair):
                counts[side, k, histogram.indices - first] = histogram.counts
        draws = numpy.random.default_rng(0).multinomial(len(pairs), [1 / len(pairs)] * len(pairs), size=DRAWS)
        self.size = len(pairs)
        self._first = first
        self._ratios: dict[float, NDArray[np.float64]] = {}
        self._drawn: NDArray[np.float64] = draws @ counts  # shape (2, DRAWS, buckets)
        self._totals = self._drawn.cumsum(axis=-1)

    def ratios(self, q: float) -> NDArray[np.float64]:
        """Return the ratio of the q-quantiles, B over A, in each draw.  O(draws * buckets); kept for the next call."""
        if q not in self._ratios:
            a, b = (self._quantiles(side, q) for side in (0, 1))
            self._ratios[q] = GROWTH ** (b - a).clip(-BEYOND / 64, BEYOND / 64)
        return self._ratios[q]

    def pair(self) -> Pair:
        """Return the shares in each draw."""
        shares = self._drawn / self._totals[..., -1:]
        return Pair(shares[0], shares[1])

    def _quantiles(self, side: int, q: float) -> NDArray[np.float64]:
        """Return the q-quantile of each draw as a fractional index; values are spread evenly over their bucket."""
        import numpy

        totals, counts = self._totals[side], self._drawn[side]
        count = totals[:, -1]
        rank = numpy.ceil(q * count * LESS)  # see `historian._values.rank`
        rank = numpy.maximum(1, rank + (rank / count < q))
        slot = (totals < rank[:, None]).sum(axis=-1)
        rows = numpy.arange(len(slot))
        inside = (rank - 0.5 - totals[rows, slot] + counts[rows, slot]) / counts[rows, slot]
        index = slot + self._first
        index = numpy.where(index == ZERO_INDEX, -BEYOND, numpy.where(index == OVERFLOW_INDEX, BEYOND, index + inside))
        return numpy.asarray(index, dtype=numpy.float64)


def percentile_interval(draws: Any, size: int, confidence: float) -> tuple[float, float]:
    """Return the bounds of the expanded percentile interval of `draws`, one result for each draw of `size` blocks."""
    import numpy

    worse = student_quantile((1 + confidence) / 2, size - 1) * math.sqrt(size / (size - 1))
    alpha = NormalDist().cdf(-worse)
    ordered = numpy.sort(draws)
    position = int(alpha * (len(ordered) - 1))
    return float(ordered[position]), float(ordered[-1 - position])
