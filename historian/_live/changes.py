"""`counted_since`: what a recorder has counted between two snapshots of it."""

from __future__ import annotations

from functools import lru_cache

from ..histogram import Histogram

__all__ = ["counted_since"]


def counted_since(before: Histogram, now: Histogram) -> Histogram | None:
    """Return the values that `now` holds more than `before`; None if `before` is not an earlier snapshot of it.

    Counts never decrease.  So if both are equal, nothing was recorded, and nothing is computed.  O(buckets).

    >>> before, now = Histogram.from_values([1.0]), Histogram.from_values([1.0, 2.0])
    >>> found = counted_since(before, now)
    >>> found.count if found else None
    1
    >>> counted_since(now, before) is None
    True
    """
    if before.unit == now.unit and before.count == now.count:
        return _nothing(now.unit)
    try:
        return now - before
    except ValueError:
        return None


def _no_values(unit: str) -> Histogram:
    return Histogram.from_values((), unit=unit)


_nothing = lru_cache(maxsize=64)(_no_values)
