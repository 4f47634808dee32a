"""Coordinated omission: the waits of requests that a stalled load generator did not send, as HdrHistogram adds them.

Let E be the interval at which requests should have been sent.  A recorded value v then hides the waits v - E, v - 2E
and so on, down to the last one that is at least E.  Source: Tene, How NOT to Measure Latency (2015), and
`recordValueWithExpectedInterval` of HdrHistogram.
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

#: Upper edges of the buckets by slot, ascending, from the zero bucket to the last bucket before overflow.
UPPER = [buckets.upper(i) for i in range(FIRST_INDEX - 1, buckets.OVERFLOW_INDEX)]


def check_interval(expected_interval: _Real) -> float:
    """Return the interval as a float.  Raises TypeError or ValueError unless it is a positive, finite number."""
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
    """Return floor(value / interval).  Raises ValueError if the quotient is 2**53 or more.

    The quotient is rounded to float64.  So 100 / 0.01 is 10,000, though the float64 of 0.01 is a little above 0.01.
    """
    if value / interval >= 2.0**53:
        raise ValueError(
            f"expected_interval {interval!r} is too small for the value {value!r}: it must be above value / 2**53"
        )
    return math.floor(value / interval)


def waits(value: float, interval: float) -> tuple[list[int], list[int], float, float]:
    """Return (slots, counts, sum, minimum) of the values value - k*interval for k = 0, 1, 2, ...

    The last of them is the smallest that is at least `interval`.  `value` must be at least two intervals.

    The number of these values above an edge e follows from value - k*interval > e  <=>  k < (value - e)/interval:
    it is ceil((value - e)/interval), including k = 0.  The differences between neighbouring edges are the counts.
    O(buckets between interval and value).  Raises ValueError as `how_many` does.
    """
    number_of_waits = how_many(value, interval)
    smallest = value - (number_of_waits - 1) * interval
    first, last = slot_of(smallest), slot_of(value)
    slots, counts, left = [], [], number_of_waits  # left: the number of values above the bucket's lower edge
    above = [math.ceil((value - edge) / interval) for edge in UPPER[first:last]]
    if above:
        above[0] = min(above[0], number_of_waits - 1)  # rounding must not move the smallest value out of its bucket
    for slot, rest in enumerate(above, first):
        if rest < left:
            slots.append(slot)
            counts.append(left - rest)
            left = rest
    slots.append(last)
    counts.append(left)
    total = number_of_waits * exact(value) - number_of_waits * (number_of_waits - 1) // 2 * exact(interval)
    return slots, counts, rounded(total), smallest
