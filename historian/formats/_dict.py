"""Histograms as dictionaries that JSON can store, for `Histogram.to_dict` and `Histogram.from_dict`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from operator import index

from .._core import BLOB_SUM_TOP, Counts, real
from .._values.base import MAX_FLOAT, BaseHistogram, make
from .._values.exact import exact, from_hex, rounded, to_hex
from .._values.exemplar import MAX_EXEMPLARS, Exemplar, latest
from .._values.own import is_own
from .._values.slots import MAX_BOUND, MIN_BOUND, TO_INDEX, edges_of
from .._values.units import check_unit

TYPE_CHECKING = False
if TYPE_CHECKING:
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

    class _ExemplarDict(TypedDict):
        value: float
        labels: dict[str, str]
        timestamp: float

    class _HistogramDict(_Always, total=False):
        bounds: list[str]
        exact_sum: str
        synthetic: bool
        exemplars: list[_ExemplarDict]


__all__ = ["FORMAT", "from_dict", "to_dict"]

#: Name of the layout of the data.  Later versions must read every layout that was ever written.
FORMAT = "historian/1"

_BOUNDS = {"min": MIN_BOUND, "max": MAX_BOUND}


def to_dict(histogram: BaseHistogram) -> _HistogramDict:
    """Return a histogram as a dictionary.

    The sum is None if it is beyond float64.  If the float nearest to the sum is not the sum, `exact_sum` is the sum in
    hexadecimal.  Minimum and maximum are None if the histogram is empty.  If one of them is not known exactly, but only
    a bound of it, `bounds` names it.  `exemplars` is missing if there are none.
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
    if histogram.exemplars:
        data["exemplars"] = [
            {"value": one.value, "labels": one.labels, "timestamp": one.timestamp} for one in histogram.exemplars
        ]
    return data


def from_dict(cls: type[_H], data: Mapping[str, Any]) -> _H:
    """Return the histogram that `to_dict` described.  Raises ValueError, with the reason, for other data.

    What the caller's own mappings, lists and numbers raise passes as it is.
    """
    form, unit = _field(data, "format"), _field(data, "unit")
    if form != FORMAT:
        raise ValueError(f"cannot read format {form!r}: this version reads {FORMAT!r}")
    if not isinstance(unit, str):
        raise _refused(f"unit must be a string such as 's' or 'bytes', not {type(unit).__name__}")
    unit = check_unit(unit)
    slots = [i - TO_INDEX for i in _wholes(data, "indices")]
    counts, count = Counts.of(slots, _wholes(data, "counts")), _field(data, "count")
    if isinstance(count, bool) or counts.total != count:
        raise ValueError(f"count {count!r} is not the sum of the counts, {counts.total}")
    low = _number(data, "min") if counts.total else math.nan
    high = _number(data, "max") if counts.total else math.nan
    synthetic = data.get("synthetic", False)
    if not isinstance(synthetic, bool) or (synthetic and not counts.total):
        raise ValueError(f"synthetic must be true or false, and false for a count of 0, not {synthetic!r}")
    exact_sum = _sum(data, counts.total)
    marks = _marks(data.get("bounds", []), counts, low)
    if counts.total:
        (low_from, low_to), (high_from, high_to) = edges_of(counts.first), edges_of(counts.last)
        is_high = high_from < high <= min(high_to, MAX_FLOAT) or high == high_from == 0
        if not (low_from <= low <= low_to and is_high and low <= high):
            raise ValueError(f"min {low!r} and max {high!r} do not lie in the lowest and highest populated bucket")
    exemplars = _exemplars(data) if "exemplars" in data else ()
    if exemplars and not counts.total:
        raise ValueError("exemplars are impossible for a count of 0")
    return make(cls, counts, unit, exact_sum, low, high, synthetic, marks, exemplars)


def _exemplars(data: Mapping[str, Any]) -> tuple[Exemplar, ...]:
    """Return the exemplars, at most one of each octave."""
    listed = _field(data, "exemplars")
    if not isinstance(listed, list) or len(listed) > MAX_EXEMPLARS:
        raise _refused(f"exemplars must be a list of at most {MAX_EXEMPLARS}")
    found = []
    for one in listed:
        labels = _field(one, "labels")
        if not isinstance(labels, Mapping) or not all(isinstance(text, str) for text in labels.values()):
            raise _refused("labels of an exemplar must map strings to strings")
        try:
            found.append(Exemplar(_number(one, "value"), labels, _number(one, "timestamp")))
        except TypeError as error:
            if not is_own(error):
                raise
            raise _refused(str(error)) from None
    return latest(found)


def _refused(reason: str) -> ValueError:
    return ValueError(f"not the data of a histogram: {reason}")


def _field(data: Mapping[str, Any], name: str) -> Any:
    """Return a value that must be there."""
    if not isinstance(data, Mapping):
        raise _refused(f"it must be a mapping, not {type(data).__name__}")
    try:
        return data[name]
    except KeyError as error:
        if error.args != (name,):
            raise  # another look-up in the caller's own code has failed
    raise _refused(f"{name!r} is missing")


def _wholes(data: Mapping[str, Any], name: str) -> list[int]:
    """Return a list of whole numbers, which are not true or false."""
    values = _field(data, name)
    if not hasattr(type(values), "__iter__") or isinstance(values, (str, bytes, bytearray)):
        raise _refused(f"{name} must be a list, not {type(values).__name__}")
    values = list(values)
    kinds = set(map(type, values))
    if bool in kinds:
        raise _refused(f"{name} must be whole numbers, not true or false")
    for kind in kinds:
        if not hasattr(kind, "__index__"):
            raise _refused(f"{name} must be whole numbers, not {kind.__name__}")
    return list(map(index, values))


def _number(data: Mapping[str, Any], name: str) -> float:
    """Return a number.  Text and a truth value, which `float` would take, are none."""
    value = _field(data, name)
    number = None if isinstance(value, bool) else real(value)
    if number is None:
        raise _refused(f"{name} must be a number, not {value!r}")
    if math.isinf(number) and isinstance(value, int):
        raise _refused(f"{name} is too large for a float64")
    return number


def _sum(data: Mapping[str, Any], count: int) -> int:
    """Return the exact sum of so many values."""
    total = math.inf if _field(data, "sum") is None else _number(data, "sum")
    if not (total >= 0 if count else total == 0):
        raise ValueError(f"sum {total!r} is impossible for a count of {count}")
    if "exact_sum" not in data:
        return exact(total)
    text = data["exact_sum"]
    if not isinstance(text, str):
        raise _refused(f"exact_sum must be a string, not {type(text).__name__}")
    exact_sum = from_hex(text)
    if rounded(exact_sum) != total:
        return exact(total)  # a program that changes the sum need not know that there is an exact one
    if exact_sum >> 8 * BLOB_SUM_TOP >= max(1, count):
        raise ValueError(f"exact_sum {text} is impossible for a count of {count}")
    return exact_sum


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
