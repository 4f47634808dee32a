"""Histograms as dictionaries that JSON can store, for `Histogram.to_dict` and `Histogram.from_dict`."""

from __future__ import annotations

import math

from .._core import BLOB_SUM_TOP, Counts
from .._values.base import MAX_FLOAT, BaseHistogram, make
from .._values.exact import exact, from_hex, rounded, to_hex
from .._values.slots import MAX_BOUND, MIN_BOUND, TO_INDEX, edges_of
from .._values.units import check_unit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, TypedDict, TypeVar

    _H = TypeVar("_H", bound=BaseHistogram)

    class _Always(TypedDict):
        format: str
        unit: str
        count: int
        sum: float | None
        min: float | None
        max: float | None
        indices: list[int]
        counts: list[int]

    class _HistogramDict(_Always, total=False):
        bounds: list[str]
        exact_sum: str
        synthetic: bool


__all__ = ["FORMAT", "from_dict", "to_dict"]

#: Name of the layout of the data.  Later versions must read every layout that was ever written.
FORMAT = "historian/1"

_BOUNDS = {"min": MIN_BOUND, "max": MAX_BOUND}


def to_dict(histogram: BaseHistogram) -> _HistogramDict:
    """Return a histogram as a dictionary.

    The sum is None if it is beyond float64.  If the float nearest to the sum is not the sum, `exact_sum` is the sum in
    hexadecimal.  Minimum and maximum are None if the histogram is empty.  If one of them is not known exactly, but only
    a bound of it, `bounds` names it.
    """
    slots, counts = histogram._counts.pairs()
    data: _HistogramDict = {
        "format": FORMAT,
        "unit": histogram.unit,
        "count": histogram.count,
        "sum": histogram.sum if math.isfinite(histogram.sum) else None,
        "min": histogram.min if counts else None,
        "max": histogram.max if counts else None,
        "indices": [slot + TO_INDEX for slot in slots],
        "counts": counts,
    }
    if data["sum"] is None or exact(data["sum"]) != histogram._sum:
        data["exact_sum"] = to_hex(histogram._sum)
    if histogram._bounds:
        data["bounds"] = [name for name, mark in _BOUNDS.items() if histogram._bounds & mark]
    if histogram.synthetic:
        data["synthetic"] = True
    return data


def from_dict(cls: type[_H], data: Mapping[str, Any]) -> _H:
    """Return the histogram that `to_dict` described.  Raises ValueError, with the reason, for other data."""
    try:
        if data["format"] != FORMAT:
            raise ValueError(f"cannot read format {data['format']!r}: this version reads {FORMAT!r}")
        unit = check_unit(data["unit"])
        indices, numbers, count = list(data["indices"]), list(data["counts"]), data["count"]
        if bool in {*map(type, indices), *map(type, numbers)}:
            raise TypeError("indices and counts must be integers, not true or false")
        counts = Counts.of([i - TO_INDEX for i in indices], numbers)
        total = math.inf if data["sum"] is None else _number(data, "sum")
        exact_sum = from_hex(data["exact_sum"]) if "exact_sum" in data else None
        low = _number(data, "min") if counts.total else math.nan
        high = _number(data, "max") if counts.total else math.nan
        synthetic, bounds = data.get("synthetic", False), data.get("bounds", [])
    except KeyError as error:
        raise ValueError(f"not the data of a histogram: {error} is missing") from None
    except (TypeError, AttributeError, OverflowError) as error:
        raise ValueError(f"not the data of a histogram: {error}") from None
    if counts.total != count or isinstance(count, bool):
        raise ValueError(f"count {count!r} is not the sum of the counts, {counts.total}")
    if not isinstance(synthetic, bool) or (synthetic and not count):
        raise ValueError(f"synthetic must be true or false, and false for a count of 0, not {synthetic!r}")
    if not (total >= 0 if count else total == 0):
        raise ValueError(f"sum {total!r} is impossible for a count of {count}")
    if exact_sum is None or rounded(exact_sum) != total:
        exact_sum = exact(total)  # a program that changes the sum need not know that there is an exact one
    elif exact_sum >> 8 * BLOB_SUM_TOP >= max(1, count):
        raise ValueError(f"exact_sum {data['exact_sum']} is impossible for a count of {count}")
    marks = _marks(bounds, counts, low)
    if count:
        (low_from, low_to), (high_from, high_to) = edges_of(counts.first), edges_of(counts.last)
        is_high = high_from < high <= min(high_to, MAX_FLOAT) or high == high_from == 0
        if not (low_from <= low <= low_to and is_high and low <= high):
            raise ValueError(f"min {low!r} and max {high!r} do not lie in the lowest and highest populated bucket")
    return make(cls, counts, unit, exact_sum, low, high, synthetic, marks)


def _number(data: Mapping[str, Any], name: str) -> float:
    """Return a number.  Raises TypeError for text and for a truth value, which `float` would take."""
    value = data[name]
    if isinstance(value, (bool, str, bytes, bytearray)):
        raise TypeError(f"{name} must be a number, not {value!r}")
    return float(value)


def _marks(bounds: object, counts: Counts, low: float) -> int:
    """Return the marks of the extremes that `bounds` names.  A minimum at the lower edge of its bucket is a bound."""
    if (
        not isinstance(bounds, list)
        or bounds not in ([], ["min"], ["max"], ["min", "max"])
        or (bounds and not counts.total)
    ):
        raise ValueError(f"bounds must be a list of 'min', 'max' or both, and empty for a count of 0, not {bounds!r}")
    marks = sum(_BOUNDS[name] for name in bounds)
    is_edge = counts.total > 0 and low == edges_of(counts.first)[0] > 0
    return marks | MIN_BOUND if is_edge else marks
