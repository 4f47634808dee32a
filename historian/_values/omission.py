"""Coordinated omission: the waits of requests that a stalled load generator did not send, as HdrHistogram adds them.

Behind a recorded value v hide v - E, v - 2E, ... for as long as they are at least E, the interval at which requests
should have been sent.  Source: Tene, How NOT to Measure Latency (2015), and `recordValueWithExpectedInterval` of
HdrHistogram.
"""

from __future__ import annotations

import math

from .. import buckets
from .._core import FIRST_INDEX, Counts, number, slot_of
from .exact import exact, rounded

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .base import Histogram

__all__ = ["check_interval", "corrected", "waits"]

#: Upper edges of the buckets by slot, from the zero bucket on, ascending; that of the overflow bucket is left out.
UPPER = [buckets.upper(i) for i in range(FIRST_INDEX - 1, buckets.OVERFLOW_INDEX)]


def check_interval(expected_interval: float) -> float:
    """Return the interval as a float if it is positive and finite; else raise."""
    try:
        interval = number(expected_interval)
    except TypeError:
        raise TypeError(f"expected_interval must be a number, not {expected_interval!r}") from None
    except ValueError:
        interval = math.nan
    if not interval > 0:
        raise ValueError(f"expected_interval must be positive and finite, not {expected_interval!r}")
    return interval


def how_many(value: float, interval: float) -> int:
    """Return floor(value / interval).  Raises ValueError from 2**53 on.

    The quotient is that of float64: 100 s are 10,000 times 0.01 s, though the float64 of 0.01 is a little more.
    """
    if value / interval >= 2.0**53:
        raise ValueError(
            f"expected_interval {interval!r} is too small: the values added to {value!r} could not be counted"
        )
    return math.floor(value / interval)


def waits(value: float, interval: float) -> tuple[list[int], list[int], float, float]:
    """Return (slots, counts, sum, minimum) of value - k*interval, k from 0 on while that is at least `interval`.

    For a value of two intervals or more.  How many lie above an edge e?  value - k*interval > e  <=>
    k < (value - e)/interval, that is ceil((value - e)/interval) of them, counting k = 0.  The differences between
    neighbouring edges are the counts.  O(buckets between interval and value).  Raises ValueError as `how_many` does.
    """
    number_of_waits = how_many(value, interval)
    smallest = value - (number_of_waits - 1) * interval
    first, last = slot_of(smallest), slot_of(value)
    slots, counts, left = [], [], number_of_waits  # left: those above the lower edge of the bucket
    above = [math.ceil((value - edge) / interval) for edge in UPPER[first:last]]
    if above:
        above[0] = min(above[0], number_of_waits - 1)  # rounding must not move the smallest out of its bucket
    for slot, rest in enumerate(above, first):
        if rest < left:
            slots.append(slot)
            counts.append(left - rest)
            left = rest
    slots.append(last)
    counts.append(left)
    total = number_of_waits * exact(value) - number_of_waits * (number_of_waits - 1) // 2 * exact(interval)
    return slots, counts, rounded(total), smallest


def corrected(histogram: Histogram, expected_interval: float) -> Histogram:
    """Answer `Histogram.corrected`."""
    from .base import make

    interval = check_interval(expected_interval)
    if histogram.synthetic:
        raise ValueError(
            "the histogram is synthetic, so it, or a part of it, has been corrected already: correct what was measured"
        )
    long = [(value, n) for value, n in _recorded(histogram) if value >= 2 * interval]
    if histogram.count + sum(n * (how_many(value, interval) - 1) for value, n in reversed(long)) >= 2**63:
        raise ValueError(f"expected_interval {interval!r} is too small: the count would reach 2**63")
    added = [0] * (len(UPPER) + 1)
    total, low = histogram._sum, histogram.min
    for value, n in long:
        slots, counts, sum_of_waits, smallest = waits(value, interval)
        counts[-1] -= 1  # the value itself
        for slot, count in zip(slots, counts):
            added[slot] += n * count
        total += n * (exact(sum_of_waits) - exact(value))
        low = min(low, smallest)
    populated = [slot for slot, count in enumerate(added) if count]
    counted = histogram._counts.plus(Counts.of(populated, [added[slot] for slot in populated]))
    return make(counted, histogram.unit, total, low, histogram.max, True)


def _recorded(histogram: Histogram) -> list[tuple[float, int]]:
    """Return each value that a histogram stands for, ascending, and how often it occurs: what quantiles would answer.

    The representative of each bucket, within minimum and maximum; the first and the last are exact, if known.
    """
    slots, counts = histogram._counts.pairs()
    if not slots:
        return []
    values = [(histogram._value(slot), n) for slot, n in zip(slots, counts)]
    first, last = histogram._value_at(1), histogram._value_at(histogram.count)
    values[0] = values[0][0], values[0][1] - 1
    values[-1] = values[-1][0], values[-1][1] - 1
    one = [(first, 1), *values, (last, 1)] if histogram.count > 1 else [(first, 1)]
    return [(value, n) for value, n in one if n > 0]
