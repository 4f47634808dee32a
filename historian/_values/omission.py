"""Coordinated omission: the waits of requests that a stalled load generator did not send, as HdrHistogram adds them.

Behind a recorded value v hide v - E, v - 2E, ... for as long as they are at least E, the interval at which requests
should have been sent.  Source: Tene, How NOT to Measure Latency (2015), and `recordValueWithExpectedInterval` of
HdrHistogram.
"""

from __future__ import annotations

import math

from .. import buckets
from .._core import FIRST_INDEX, number, slot_of
from .exact import exact, rounded

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .._core import _Real

__all__ = ["UPPER", "check_interval", "how_many", "waits"]

#: Upper edges of the buckets by slot, from the zero bucket on, ascending; that of the overflow bucket is left out.
UPPER = [buckets.upper(i) for i in range(FIRST_INDEX - 1, buckets.OVERFLOW_INDEX)]


def check_interval(expected_interval: _Real) -> float:
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
