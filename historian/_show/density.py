"""The density of a histogram on a logarithmic axis: its shares in columns of equal width, for a picture."""

from __future__ import annotations

import math
from itertools import pairwise

from .._core import slot_of
from .._values.slots import edges_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .._values.base import BaseHistogram
    from .axis import Axis

__all__ = ["LOWEST", "column_shares", "columns_for", "is_drawn", "share_below", "smallest"]

LEAST, MOST = 16, 120  # columns


LOWEST = 2.0**-32  # a picture has no values at or below this one: they are in the zero bucket


def is_drawn(histogram: BaseHistogram) -> bool:
    """Return whether a histogram has values above the zero bucket, for a picture to show."""
    return histogram.max > LOWEST


def smallest(histogram: BaseHistogram) -> float:
    """Return the smallest value above the zero bucket, or the lower edge of its bucket."""
    first = histogram._counts.slot_at(histogram.zero_count + 1)
    return max(histogram.min, edges_of(first)[0])


def share_below(histogram: BaseHistogram, factor: float = 1.0) -> Callable[[Sequence[float]], Sequence[float]]:
    """Return a function that tells the shares of values at or below each of some times, smooth inside a bucket.

    Inside a bucket, values count as spread evenly on the logarithm, between minimum and maximum.  At the edges of
    buckets, the share is exact.  The times are the recorded values times `factor`.  O(log buckets) each.
    """
    counts, count = histogram._counts, histogram.count
    least, most = histogram.min, histogram.max

    def below(t: float) -> float:
        if not least <= t < most:
            return 0.0 if t < least else 1.0
        slot = slot_of(t)
        low, high = edges_of(slot)
        low, high = max(low, least), min(high, most)
        before, through = counts.through(slot - 1), counts.through(slot)
        part = 1.0 if low == high or through == before or not low else math.log(t / low) / math.log(high / low)
        return (before + part * (through - before)) / count

    return lambda times: [below(t / factor) for t in times]


def column_shares(below: Callable[[Sequence[float]], Sequence[float]], axis: Axis, columns: int) -> list[float]:
    """Return the share of values in each of so many columns of equal width, from the low end of `axis` to the high end.

    Divided by the width of a column, these are the density.  `below` is as `share_below`, or of another distribution.
    O(columns).
    """
    first = axis.low * (1 - 1e-12)  # so that values equal to the low end are in the first column
    shares = below([first, *(axis.value(k / columns) for k in range(1, columns)), axis.high])
    return [max(0.0, b - a) for a, b in pairwise(shares)]


def columns_for(count: float) -> int:
    """Return the number of columns that `count` values support: with more, a picture would show noise.

    It grows with the cube root of the count, as in Rice's rule.  Four times as many as there let two modes be seen.

    >>> columns_for(10), columns_for(1_000), columns_for(1e9)
    (16, 40, 120)
    """
    return int(min(MOST, max(LEAST, round(4 * count ** (1 / 3))))) if count < 1e9 else MOST
