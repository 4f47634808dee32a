"""Coordinated omission: the waits of requests that a stalled load generator did not send, as HdrHistogram adds them.

Let E be the interval at which requests should have been sent.  A recorded value v then hides the waits v - E, v - 2E
and so on, down to the last one that is at least E.  Source: Tene, How NOT to Measure Latency (2015), and
`recordValueWithExpectedInterval` of HdrHistogram.
"""

from __future__ import annotations

import math

from .. import buckets
from .._core import FIRST_INDEX, slot_of
from .exact import exact

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray


__all__ = ["UPPER", "Waits", "how_many", "waits"]

#: Upper edges of the buckets by slot, ascending, from the zero bucket to the last bucket before overflow.
UPPER = [buckets.upper(i) for i in range(FIRST_INDEX - 1, buckets.OVERFLOW_INDEX)]


def how_many(value: float, interval: float) -> int:
    """Return floor(value / interval).  Raises ValueError if the quotient is 2**53 or more.

    The quotient is rounded to float64.  So 100 / 0.01 is 10,000, though the float64 of 0.01 is a little above 0.01.
    """
    if value / interval >= 2.0**53:
        raise ValueError(
            f"expected_interval {interval!r} is too small for the value {value!r}: it must be above value / 2**53"
        )
    return math.floor(value / interval)


def waits(value: float, interval: float) -> tuple[list[int], list[int], int, float]:
    """Return (slots, counts, sum, minimum) of the values value - k*interval for k = 0, 1, 2, ...

    The sum is exact, in units of 2**-1074.  The last of the values is the smallest that is at least `interval`.
    `value` must be at least two intervals.

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
    return slots, counts, total, smallest


class Waits:
    """The waits of many values at once, as `waits` finds them for one: how many there are above the edges of buckets.

    A value below two intervals has one wait, itself.
    """

    __slots__ = ("interval", "numbers", "slots", "values")

    values: NDArray[np.float64]  # ascending, in [0, inf)
    numbers: NDArray[np.float64]  # of waits of each value: whole, in [1, 2**53)
    interval: float
    slots: NDArray[np.intp]  # of each value

    def __init__(self, values: list[float], interval: float) -> None:
        """Take ascending values.  Raises ValueError as `how_many` does."""
        import numpy

        if values:
            how_many(values[-1], interval)
        self.values = numpy.array(values, dtype=numpy.float64)
        self.numbers = numpy.maximum(1.0, numpy.floor(self.values / interval))
        self.interval = interval
        self.slots = _edges().searchsorted(self.values)

    def smallest(self) -> NDArray[np.float64]:
        """Return the smallest wait of each value."""
        found: NDArray[np.float64] = self.values - (self.numbers - 1) * self.interval
        return found

    def above(
        self, first: int, last: int, rows: slice = slice(None), memory: NDArray[np.float64] | None = None
    ) -> NDArray[np.float64]:
        """Return the number of waits above the upper edges of the slots from `first` to before `last`.

        Shape (values, slots), for the values in `rows`; it lies in `memory`, if this is given.  See `waits` for the
        formula.
        """
        import numpy

        values, edges = self.values[rows], _edges()[first:last]
        size = len(values) * len(edges)
        out = None if memory is None else memory[:size].reshape(len(values), len(edges))
        found: NDArray[np.float64] = numpy.subtract.outer(values, edges, out=out)
        with numpy.errstate(over="ignore"):  # far below 0
            found /= self.interval
        numpy.ceil(found, out=found)
        if len(values):  # the number can be below 0 from the smallest value on, and too large below two intervals
            late, early = found[:, edges.searchsorted(values[0]) :], found[:, : edges.searchsorted(2 * self.interval)]
            numpy.maximum(late, 0.0, out=late)
            numpy.minimum(early, self.numbers[rows, None], out=early)
        return found

    def blocks(self) -> Iterator[tuple[slice, int, NDArray[np.float64]]]:
        """Yield (rows, first slot, `above`) for blocks of values, each up to the slot of its largest value.

        Below the first slot, all waits are above.  A block is valid until the next one, which takes its memory.
        """
        import numpy

        first = int(_edges().searchsorted(self.smallest().min()))
        memory = numpy.empty(BLOCK * (int(self.slots[-1]) + 1 - first))
        for start in range(0, len(self.values), BLOCK):
            rows = slice(start, start + BLOCK)
            above = self.above(first, int(self.slots[rows][-1]) + 1, rows, memory)
            # Rounding must not move the smallest wait out of its bucket.
            begins = _edges().searchsorted(self.smallest()[rows]) - first
            near = above[:, : int(begins.max()) + 1]
            numbers = self.numbers[rows, None]
            is_below = numpy.arange(near.shape[1]) < begins[:, None]
            near[:] = numpy.where(is_below, numbers, numpy.minimum(near, numbers - 1))
            yield rows, first, above

    def added_sum(self, counts: list[int]) -> int:
        """Return the sum of all waits but the values themselves, for values recorded `counts` times.

        It is exact, in units of 2**-1074.  Every value must be at least the interval: then it is a multiple of the
        interval's last digit, and in units of that digit all sums are whole numbers.
        """
        unit = math.frexp(math.ulp(self.interval))[1] - 1
        interval = int(math.ldexp(self.interval, -unit))
        total = 0
        for value, number_of_waits, n in zip(self.values.tolist(), map(int, self.numbers.tolist()), counts):
            one = int(math.ldexp(value, -unit))
            total += n * (number_of_waits - 1) * one - n * (number_of_waits * (number_of_waits - 1) // 2) * interval
        return total << (unit + 1074)


BLOCK = 32  # values: with 3,400 slots, a block then stays in the cache of a processor core


def _edges() -> NDArray[np.float64]:
    """Return `UPPER` and infinity, the upper edges of all slots, as an array."""
    global _upper
    if _upper is None:
        import numpy

        _upper = numpy.array([*UPPER, math.inf])
    return _upper


_upper: NDArray[np.float64] | None = None
