"""`Classic`: the edges of classic buckets, a coarse and stable subset of historian's own."""

from __future__ import annotations

import math
import struct
from bisect import bisect_left

from ... import buckets
from ..._core import SLOTS, slot_of
from ..._values.slots import TO_INDEX

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ..._values.base import BaseHistogram
    from ..._values.exemplar import Exemplar

__all__ = ["Classic", "chosen"]

#: Exponents of 2 of the edges for seconds: 1 us to 256 s.  Most requests lie in the middle, where edges are closest.
SECONDS = (*range(-20, -12, 2), *range(-12, 5), 6, 8)
#: What to add to them for other units of time, 64 times the logarithm of 2 rounded: milliseconds are shifted by 2^10.
SHIFTS = {"s": 0, "ms": 10, "us": 20, "ns": 30, "min": -6, "h": -12}
BYTES = range(6, 41, 2)  # 64 B to 1 TiB
OTHERS = range(0, 41, 2)  # 1 to 2^40
LARGEST = 500  # buckets; each is a series of its own for each recorder


class Classic:
    """The classic buckets of one unit, without the last one, which has no upper bound."""

    __slots__ = ("_bounds", "_packed_bounds", "_packed_slots", "_slots", "bounds")

    bounds: tuple[float, ...]  # upper edges, ascending
    _slots: tuple[int, ...]  # the last slot that each of them counts
    _packed_slots: bytes  # the same as int32
    _packed_bounds: bytes  # upper bounds as fields of protobuf

    def __init__(self, indices: Iterable[int]) -> None:
        ordered = sorted(set(indices))
        self.bounds = tuple(map(buckets.upper, ordered))
        self._slots = tuple(index - TO_INDEX for index in ordered)
        self._packed_slots = struct.pack(f"={len(ordered)}i", *self._slots)
        self._packed_bounds = b"".join(b"\x11" + struct.pack("<d", bound) for bound in self.bounds)

    def counts(self, histogram: BaseHistogram) -> list[int]:
        """Return how many values lie at or below each upper bound.  Exact.  O(buckets)."""
        return list(map(histogram._counts.through, self._slots))

    def packed(self, histogram: BaseHistogram) -> bytes:
        """Return the classic and the native buckets as fields of a histogram in protobuf.  O(buckets)."""
        from ..._core import native_buckets

        return native_buckets(histogram._counts, self._packed_slots, self._packed_bounds)

    def native(self, histogram: BaseHistogram) -> bytes:
        """Return the native buckets alone, as `packed` does."""
        from ..._core import native_buckets

        return native_buckets(histogram._counts, b"", b"")

    def exemplars(self, histogram: BaseHistogram) -> dict[int, Exemplar]:
        """Return the latest exemplar of each bucket that has one, by position; the last one ends at infinity."""
        found: dict[int, Exemplar] = {}
        for one in sorted(histogram.exemplars, key=lambda one: one.timestamp):
            found[bisect_left(self._slots, slot_of(one.value))] = one
        return found


def chosen(unit: str, thresholds: Mapping[str, Iterable[float]]) -> Classic:
    """Return the classic buckets for a unit: those of `thresholds`, or the defaults.

    Each threshold becomes the upper edge of its bucket, which is at most 1.1 % above it: there, counts are exact.

    >>> chosen("s", {"s": [0.1, 0.25]}).bounds, chosen("ms", {}).bounds[:3]
    ((0.10065564574682839, 0.25), (0.0009765625, 0.00390625, 0.015625))
    """
    if unit in thresholds:
        return Classic(_index(threshold, unit) for threshold in thresholds[unit])
    if unit in SHIFTS:
        exponents: Iterable[int] = (exponent + SHIFTS[unit] for exponent in SECONDS)
    else:
        exponents = BYTES if unit == "bytes" else OTHERS
    return Classic(exponent * buckets.BUCKETS_PER_OCTAVE - 1 for exponent in exponents)


def check(thresholds: Mapping[str, Iterable[float]]) -> dict[str, tuple[float, ...]]:
    """Return the thresholds of a user.  Raises TypeError or ValueError."""
    if not hasattr(thresholds, "items"):
        raise TypeError(f"buckets must map a unit to upper bounds, as in {{'s': [0.1, 1]}}, not {thresholds!r}")
    found = {unit: tuple(bounds) for unit, bounds in thresholds.items()}
    for unit, bounds in found.items():
        if not 1 <= len(bounds) <= LARGEST:
            raise ValueError(f"buckets must have 1 to {LARGEST} upper bounds for {unit!r}, not {len(bounds)}")
        for bound in bounds:
            _index(bound, unit)
    return found


def _index(threshold: float, unit: str) -> int:
    if not isinstance(threshold, (int, float)) or isinstance(threshold, bool):
        raise TypeError(f"an upper bound of a bucket for {unit!r} must be a number, not {threshold!r}")
    if not 0 < threshold <= math.ldexp(1.0, 64):  # NaN, too
        raise ValueError(f"an upper bound of a bucket for {unit!r} must be in (0, 2**64], not {threshold!r}")
    found = buckets.index(threshold)
    assert TO_INDEX <= found < SLOTS + TO_INDEX
    return found
