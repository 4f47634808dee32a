"""Two periods of time compared: their intervals as pairs of blocks, so that what differs from minute to minute counts.

Before and after a change there are intervals of time, such as minutes.  Values of one minute resemble each other more
than those of another: load, caches and neighbours come and go.  An interval for the ratio that treats all values as
independent would be too narrow.  So the minutes of each period are put into consecutive blocks of about equal length,
and the k-th block of one period is paired with the k-th of the other.  The pairs are resampled, as in
`historian._compare.bootstrap`: a draw has blocks of both periods, so the spread between blocks of each of them counts.

What this cannot see is a cause that lasts longer than a block and differs between the periods: that is what the ratio
itself shows, whether the change caused it or the time of day.
"""

from __future__ import annotations

from itertools import pairwise

from ..histogram import merge
from .arguments import least_blocks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..histogram import Histogram

__all__ = ["MAX_BLOCKS", "paired"]

#: More blocks would be shorter, and more alike.
MAX_BLOCKS = 30


def paired(
    before: Sequence[Histogram], after: Sequence[Histogram], confidence: float = 0.95
) -> tuple[tuple[Histogram, Histogram], ...]:
    """Return pairs of blocks of two periods, each given as the histograms of its intervals, in the order of time.

    Intervals without values are left out.  There are as many pairs as the shorter period has intervals, at most
    `MAX_BLOCKS`; none if that is less than `least_blocks`, since resampling then says too little.  O(buckets of all).
    """
    a, b = ([one for one in period if one.count] for period in (before, after))
    count = min(len(a), len(b), MAX_BLOCKS)
    if count < least_blocks(confidence):
        return ()
    return tuple(zip(_blocks(a, count), _blocks(b, count)))


def _blocks(period: list[Histogram], count: int) -> list[Histogram]:
    """Return consecutive intervals as `count` blocks, whose numbers of intervals differ by at most one."""
    edges = [k * len(period) // count for k in range(count + 1)]
    return [merge(period[low:high]) for low, high in pairwise(edges)]
