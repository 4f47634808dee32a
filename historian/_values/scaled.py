"""`scaled`: all values of a histogram times a factor, such as seconds to milliseconds.

The recorded values are not known, only their buckets.  So each value counts as the representative r of its bucket, the
smallest and the largest as themselves, and f*r is counted again.  The error follows from two steps.  Let g be 2**(1/64)
and e = (g - 1)/(g + 1), 0.5415 % (see `historian.buckets`).

1.  r lies within a factor of 1 - e to 1 + e of the recorded value v; so does f*r of f*v.
2.  The representative of the bucket that holds f*r lies within a factor of 1 - e to 1 + e of f*r.

A quantile of the result is therefore within (1 + e)**2 - 1 = 2*e + e**2, 1.0860 %, of f times a recorded value: one
bucket more than without scaling.  Multiplying keeps the order of the values, so it is the value of the same rank.  In a
difference of histograms the largest value may not be known; then it counts as a representative, too.

If f is a power of two, 64 buckets are exactly an octave: every count moves by whole buckets, and nothing is lost, as
long as no value enters or leaves the zero bucket or the overflow bucket.  These two have no representative that is
near: values in the zero bucket, at most 2**-32, count as 0 (the smallest as itself), and values in the overflow bucket
count as the maximum.
"""

from __future__ import annotations

import math

from .._core import Counts, slot_of
from .base import Origin, make
from .checks import check_positive
from .exact import exact, rounded
from .exemplar import latest
from .slots import edges_of
from .units import check_unit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeVar

    from .._core import _Real
    from .base import BaseHistogram

    _H = TypeVar("_H", bound=BaseHistogram)

__all__ = ["scaled"]


def scaled(histogram: _H, factor: _Real, unit: str) -> _H:
    """Return the histogram of all values times `factor`, in `unit`.  O(buckets).  See `Histogram.scaled`."""
    times = check_positive("factor", factor)
    check_unit(unit)
    if not histogram.count:
        return make(type(histogram), histogram._counts, unit, 0, math.nan, math.nan)
    high = histogram._max * times
    if high == math.inf:
        raise ValueError(f"factor {times!r} is too large: the maximum {histogram._max!r} times it is beyond float64")
    counts = _move(histogram, times)
    # An extreme that is only a bound must bound the bucket of the scaled representative.
    low = max(histogram._min * times, edges_of(counts.first)[0])
    high = min(high, edges_of(counts.last)[1])
    total, synthetic = _times(histogram._sum, times), _origin(histogram._synthetic, times, unit)
    kept = latest([one._scaled(times) for one in histogram._exemplars]) if histogram._exemplars else ()
    return make(type(histogram), counts, unit, total, low, high, synthetic, histogram._bounds, kept)


def _origin(synthetic: bool | Origin, factor: float, unit: str) -> bool | Origin:
    """Return where a corrected histogram comes from, scaled as well: its intervals stay."""
    if not isinstance(synthetic, Origin):
        return synthetic
    interval = synthetic.interval * factor
    return Origin(scaled(synthetic.measured, factor, unit), interval) if 0 < interval < math.inf else True


def _move(histogram: BaseHistogram, factor: float) -> Counts:
    """Return the counts of all values times the factor."""
    slots, counts = histogram._counts.pairs()
    counts = list(counts)
    moved: dict[int, int] = {}
    if histogram._knows_max():
        counts[-1] -= 1
        moved[slot_of(histogram._max * factor)] = 1
    if histogram._knows_min() and counts[0]:
        counts[0] -= 1
        slot = slot_of(histogram._min * factor)
        moved[slot] = moved.get(slot, 0) + 1
    for slot, count in zip(slots, counts):
        if count:
            to = slot_of(histogram._value(slot) * factor)
            moved[to] = moved.get(to, 0) + count
    ascending = sorted(moved)
    return Counts.of(ascending, [moved[slot] for slot in ascending])


def _times(total: int, factor: float) -> int:
    """Return a sum in units of 2**-1074 times the factor, rounded once, to the nearest float64.

    A sum beyond float64 stays there, because it may be a stand-in for a larger one.
    """
    if rounded(total) == math.inf:
        return total
    numerator, denominator = factor.as_integer_ratio()
    return exact(rounded(total * numerator, denominator))
