"""Counts in HdrHistogram's buckets to counts in historian's, and back.

HdrHistogram keeps whole numbers, and an index stands for those from its lowest to its highest value.  Their middle m is
counted in historian's bucket of m.  That bucket holds m, so its representative is within e = 0.5415 % of m; a recorded
value v of the index is at most w/2 from m, w the width of the index.  So a quantile is within (1 + e)(1 + w/2v) - 1 of
a recorded value.  Of the lowest and of the highest index one value may be counted at its edge, up to w from v.
"""

from __future__ import annotations

import math
from array import array
from fractions import Fraction
from functools import lru_cache

from ... import buckets
from ..._core import Counters, looked_up, slot_of
from ..._show.scale import base_unit
from ..._values.base import make
from ..._values.exact import exact
from ..._values.slots import MAX_BOUND, MIN_BOUND, TO_INDEX, edges_of
from ..._values.units import check_unit
from ...histogram import Histogram
from ._encoding import Parts
from ._layout import MAX_VALUE, Layout

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "added",
    "conversion",
    "extremes",
    "from_histogram",
    "mean",
    "percentile",
    "relative_error",
    "stddev",
    "to_histogram",
]

#: Middles of indices that are remembered for each layout and unit.
REMEMBERED = 1 << 16


@lru_cache(maxsize=64)
def conversion(values: str, unit: str | None) -> tuple[int, int, str]:
    """Return numerator and denominator of the factor from one unit to another, and the other.  Raises ValueError."""
    base, factor = base_unit(values)
    if unit is None:
        unit = "s" if base == "ns" else values
    other, divisor = base_unit(check_unit(unit))
    if base != other:
        raise ValueError(f"values in {values!r} cannot be converted to {unit!r}")
    ratio = Fraction(factor) / Fraction(divisor)
    return ratio.numerator, ratio.denominator, unit


def _as_bytes(code: str, numbers: Sequence[int]) -> bytes:
    """Return numbers as bytes, of a type of `array`.  What was read from an encoding is a view of such bytes."""
    if isinstance(numbers, memoryview) and isinstance(numbers.obj, bytes):
        return numbers.obj
    return array(code, numbers).tobytes()


class _Indices:
    """The middles of the indices of a layout, in a unit: computed once, since logs have many histograms of one kind."""

    def __init__(self, layout: Layout, factor: Fraction, width: int) -> None:
        self._layout = layout
        self._factor = factor.numerator, factor.denominator
        self._width = width  # added to a width: 1 for doubles, of which each integer stands for many
        size = layout.length if layout.length <= REMEMBERED else 0
        self._middles = array("d", [math.nan]) * size  # times the factor; NaN if not known yet
        self._errors = array("d", [0.0]) * size  # relative distance to a value of the index
        self._known: dict[int, tuple[float, float]] = {}  # of layouts with more indices

    def of(self, indices: Sequence[int]) -> tuple[Sequence[float], float]:
        """Return the middles of indices, and the largest relative distance to a value of theirs."""
        if not self._middles:
            return self._of_many(indices)
        found = looked_up(_as_bytes("i", indices), self._middles, self._errors)
        if found is None:
            for index in indices:
                if self._middles[index] != self._middles[index]:
                    middle, self._errors[index] = self._computed(index)
                    self._middles[index] = middle  # last: another thread may read it
            return self.of(indices)
        return memoryview(found[0]).cast("d"), found[1]

    def _of_many(self, indices: Sequence[int]) -> tuple[Sequence[float], float]:
        if len(self._known) + len(indices) > REMEMBERED:
            self._known.clear()
        found = []
        for index in indices:
            pair = self._known.get(index)
            if pair is None:
                pair = self._computed(index)
                if len(self._known) < REMEMBERED:
                    self._known[index] = pair
            found.append(pair)
        return array("d", [middle for middle, _ in found]), max(error for _, error in found)

    def _computed(self, index: int) -> tuple[float, float]:
        low, high = self._layout.range(index)
        middle, high = self._layout.middle(index), high + self._width
        multiplier, divisor = self._factor
        return middle * multiplier / divisor, max(middle - low, high - middle) / low if low else 0.0


@lru_cache(maxsize=8)
def _indices(layout: Layout, numerator: int, denominator: int, double: float) -> tuple[_Indices, Fraction]:
    """Return the indices of a layout, and the factor of their values; `double` is 0 for a histogram of integers."""
    factor = Fraction(numerator, denominator) * (Fraction(double) if double else 1)
    return _Indices(layout, factor, 1 if double else 0), factor


def to_histogram(parts: Parts, numerator: int, denominator: int, unit: str) -> tuple[Histogram, float]:
    """Return counts in historian's buckets, and the relative error.

    The factor of the values is numerator / denominator.  One value is counted at the lowest edge and one at the
    highest, because the extremes of a histogram lie in its lowest and highest populated bucket.  The sum is that of the
    middles.
    """
    if not parts.counts:
        return Histogram.from_values([], unit=unit), 0.0
    double = parts.double_ratio is not None
    known, factor = _indices(parts.layout, numerator, denominator, parts.factor if double else 0.0)
    counters = Counters()
    try:
        middles, error = known.of(parts.indices)
        low, high = _edges(parts, factor)
    except OverflowError:
        raise ValueError(f"values times {numerator}/{denominator} are beyond float64") from None
    counts = array("q", _as_bytes("q", parts.counts))
    single = len(counts) == 1 and counts[0] == 1
    if not single:
        counts[0] -= 1
        counts[-1] -= 1
        counters.record(low)
        counters.record(high)
    counters.record_many(middles, counts=counts)
    slots, total, _, _ = counters._read()
    if single:  # its index may reach into two buckets
        low, high = max(low, math.nextafter(edges_of(slots.first)[0], math.inf)), min(high, edges_of(slots.last)[1])
        low, high = min(low, middles[0]), max(high, middles[0])
    else:
        total += exact(middles[0]) + exact(middles[-1]) - exact(low) - exact(high)
    bounds = (0 if _is_exact(parts, 0) else MIN_BOUND) | (0 if _is_exact(parts, -1) else MAX_BOUND)
    return make(Histogram, slots, unit, total, low, high, False, bounds), _error(parts, error)


def _edges(parts: Parts, factor: Fraction) -> tuple[float, float]:
    """Return bounds of the smallest and the largest value."""
    low, high = parts.layout.range(parts.indices[0])[0], parts.layout.range(parts.indices[-1])[1]
    if parts.double_ratio is not None:
        high += 1  # a double between two integers has the lower one's index
    return low * factor.numerator / factor.denominator, high * factor.numerator / factor.denominator


def _is_exact(parts: Parts, end: int) -> bool:
    """Return whether the first index, or the last one, holds one value only."""
    low, high = parts.layout.range(parts.indices[end])
    return low == high and parts.double_ratio is None


def _error(parts: Parts, error: float) -> float:
    """Return the error of a quantile, of which `error` is the part of indices whose middles were counted; see above."""
    for end in (0, -1):
        low, high = parts.layout.range(parts.indices[end])
        high += parts.double_ratio is not None
        error = max(error, (high - low) / low if low else 0.0)
    return (1 + buckets.RELATIVE_ERROR) * (1 + error) - 1


def extremes(parts: Parts) -> tuple[float, float]:
    """Return the lowest and the highest value that the counts allow; 0 if there are none."""
    if not parts.counts:
        return 0, 0
    low, high = parts.layout.range(parts.indices[0])[0], parts.layout.range(parts.indices[-1])[1]
    if parts.double_ratio is None:
        return low, high
    return low * parts.factor, math.nextafter((high + 1) * parts.factor, 0)


def mean(parts: Parts) -> float:
    """Return the mean of the middles; 0 if there are no counts."""
    total, count = 0.0, 0
    for index, number in zip(parts.indices, parts.counts):  # in the order, and with the rounding, of Java
        total += float(parts.layout.middle(index) * number)
        count += number
    return total / count * (1.0 if parts.double_ratio is None else parts.factor) if count else 0.0


def stddev(parts: Parts) -> float:
    """Return the standard deviation of the middles; 0 if there are no counts."""
    if not parts.counts:
        return 0.0
    center, total = mean(parts._replace(double_ratio=None)), 0.0
    for index, number in zip(parts.indices, parts.counts):
        deviation = float(parts.layout.middle(index)) - center
        total += deviation * deviation * number
    return math.sqrt(total / sum(parts.counts)) * (1.0 if parts.double_ratio is None else parts.factor)


def percentile(parts: Parts, p: float) -> float:
    """Return the highest value of the index that holds the rank of a percentile; for p = 0 its lowest value."""
    if not 0 <= p <= 100:
        raise ValueError(f"p must be in 0..100, not {p!r}")
    count = sum(parts.counts)
    if not count:
        return 0
    rank = max(1, math.ceil(math.nextafter(p, -math.inf) * count / 100.0)) if p else 1
    seen = 0
    at = 0
    for at, number in enumerate(parts.counts):  # noqa: B007
        seen += number
        if seen >= rank:
            break
    found = parts.layout.range(parts.indices[at])[1 if p else 0]
    return found if parts.double_ratio is None else found * parts.factor


def relative_error(parts: Parts) -> float:
    """Return the largest relative error of a quantile of `to_histogram`; see above."""
    if not parts.counts:
        return 0.0
    double = parts.double_ratio is not None
    known, _ = _indices(parts.layout, 1, 1, parts.factor if double else 0.0)
    return _error(parts, known.of(parts.indices)[1])


def added(one: Parts, other: Parts) -> Parts:
    """Return the counts of both.  Raises ValueError if their indices do not mean the same."""
    (first, second), doubles = (
        (one.layout, other.layout),
        (one.double_ratio is not None, other.double_ratio is not None),
    )
    if (first.digits, first.lowest) != (second.digits, second.lowest) or doubles[0] != doubles[1]:
        raise ValueError(
            f"cannot add histograms of {first.digits} digits from {first.lowest} and of {second.digits} digits from "
            f"{second.lowest}: their indices do not mean the same"
        )
    if doubles[0] and one.factor != other.factor:
        raise ValueError(f"cannot add doubles of different factors, {one.factor!r} and {other.factor!r}")
    total = dict(zip(one.indices, one.counts))
    for index, count in zip(other.indices, other.counts):
        total[index] = total.get(index, 0) + count
    if sum(total.values()) > MAX_VALUE:
        raise ValueError("the counts of both add up to 2**63 or more")
    indices = tuple(sorted(total))
    larger = max(one, other, key=lambda parts: parts.layout.highest)
    length = max(one.length, other.length)
    return larger._replace(indices=indices, counts=tuple(total[k] for k in indices), length=length)


# ---- from historian's buckets ----


def from_histogram(histogram: Histogram, values: str, digits: int, lowest: int, highest: int | None) -> Parts:
    """Return counts in HdrHistogram's buckets, of whole numbers in the unit `values`."""
    if not isinstance(histogram, Histogram):
        hint = ": pass its .snapshot()" if hasattr(histogram, "snapshot") else ""
        raise TypeError(f"a Histogram is needed, not {type(histogram).__name__}{hint}")
    numerator, denominator, _ = conversion(check_unit(histogram.unit), values)
    factor = Fraction(numerator, denominator)
    most = 0
    if histogram.count:
        most = round(Fraction(histogram.max) * factor)
        if most > MAX_VALUE:
            raise ValueError(
                f"the maximum {histogram.max!r} {histogram.unit} is above 2**63 - 1 {values}: name a larger unit"
            )
    layout = Layout.of(digits, lowest, _highest(most, values, digits, lowest) if highest is None else highest)
    if most and layout.index(most) >= layout.length:
        raise ValueError(f"the maximum, {most} {values}, is above the highest trackable value {highest}")
    placed: dict[int, int] = {}
    for value, slot, count in _placed(histogram):
        index = _index(layout, Fraction(value) * factor, slot, factor)
        placed[index] = placed.get(index, 0) + count
    indices = tuple(sorted(placed))
    return Parts(
        layout, indices, tuple(placed[k] for k in indices), indices[-1] + 1 if indices else 1, 0, 1.0, None, False
    )


def _highest(most: int, values: str, digits: int, lowest: int) -> int:
    """Return a highest trackable value: an hour, or enough for `most`."""
    base, factor = base_unit(values)
    hour = int(36e11 / factor) if base == "ns" else 0
    least = Layout.of(digits, lowest, MAX_VALUE)
    return max(hour, 2 * lowest, least.range(least.index(most))[1])


def _placed(histogram: Histogram) -> list[tuple[float, int, int]]:
    """Return the (value, slot, count) of each bucket; the smallest and the largest value are themselves."""
    slots, counts = histogram._counts.pairs()
    counts = list(counts)
    alone: list[tuple[float, int, int]] = []
    for edge, end in ((histogram.max, -1), (histogram.min, 0)):
        if counts and counts[end]:
            counts[end] -= 1
            alone.append((edge, slots[end], 1))
    return [(histogram._value(slot), slot, count) for slot, count in zip(slots, counts) if count] + alone


def _index(layout: Layout, value: Fraction, slot: int, factor: Fraction) -> int:
    """Return the index for a value: the nearest one, or its neighbour, that lies wholly in the value's bucket."""
    nearest = min(layout.index(min(round(value), MAX_VALUE)), layout.length - 1)
    center = buckets.representative(slot + TO_INDEX)
    towards = 1 if value < Fraction(center if center < math.inf else 0) * factor else -1

    def slots(index: int) -> set[int]:
        return {slot_of(value * factor.denominator / factor.numerator) for value in layout.range(index)}

    candidates = [index for index in (nearest, nearest + towards) if 0 <= index < layout.length]
    return next((index for index in candidates if slots(index) == {slot}), nearest)
