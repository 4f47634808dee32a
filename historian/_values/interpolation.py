"""Interpolated quantiles: between the edges of a bucket, in proportion to the rank.

A bucket does not tell where in it its values lie.  If they come from a smooth density, they are spread almost evenly,
since a bucket is only 1.09 % wide.  So the k-th of n values lies near lower + (k - 1/2)/n * (upper - lower), and the
q-quantile of N values, with N*q = k - 1/2 values below it, near lower + (N*q - values below the bucket)/n * (upper -
lower).  That is the definition 5 of Hyndman and Fan (The American Statistician 50, 1996), numpy's method "hazen".

The smallest and the largest value are known exactly.  In their buckets, the other values are spread over what lies
between them and the other edge.
"""

from __future__ import annotations

from .. import buckets
from .._core import FIRST_INDEX, SLOTS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .._core import Counts

__all__ = ["interpolated"]


def interpolated(
    counts: Counts, rank: int, position: float, smallest: float | None, largest: float | None
) -> float | None:
    """Return the value at `position`, a number of values from 0 to the total, within the bucket of the value `rank`.

    `rank` is the position rounded up.  `smallest` and `largest` are the exact extremes, or None if they are not known.
    Return None if there is nothing to interpolate: for a known extreme, and in the zero and the overflow bucket.  O(log
    buckets).
    """
    slot = counts.slot_at(rank)
    if slot in (0, SLOTS - 1):
        return None
    before, through = counts.through(slot - 1), counts.through(slot)
    low, high = buckets.lower(slot + FIRST_INDEX - 1), buckets.upper(slot + FIRST_INDEX - 1)
    if smallest is not None and slot == counts.first:
        low, before = smallest, 1
    if largest is not None and slot == counts.last:
        high, through = largest, through - 1
    if not before < rank <= through:
        return None
    # The rank decides the bucket: q*count, rounded, must not lead out of it.
    steps = min(max(position - before, rank - 1 - before), rank - before)
    return min(max(low + steps / (through - before) * (high - low), low), high)
