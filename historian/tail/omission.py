"""`corrected`: add the waits that coordinated omission hid to a recorded histogram."""

from __future__ import annotations

from .._core import Counts
from .._values.base import BaseHistogram, make
from .._values.exact import exact
from .._values.omission import UPPER, check_interval, how_many, waits

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeVar

    _H = TypeVar("_H", bound=BaseHistogram)

__all__ = ["corrected"]


def corrected(histogram: _H, expected_interval: float) -> _H:
    """Answer `Histogram.corrected`."""
    interval = check_interval(expected_interval)
    if histogram.synthetic:
        raise ValueError(
            "the histogram is synthetic: all or part of it has been corrected already; correct the measured one instead"
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
    return make(type(histogram), counted, histogram.unit, total, low, histogram.max, True)


def _recorded(histogram: BaseHistogram) -> list[tuple[float, int]]:
    """Return (value, count) for each value that quantiles of the histogram can return, ascending.

    A value is the representative of its bucket, within minimum and maximum.  The first and the last are exact, if
    known.
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
