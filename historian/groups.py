"""`Groups`: the histograms of the groups of a column, and `group`, which makes them in one pass."""

from __future__ import annotations

from collections.abc import Mapping

from ._core import Counters, record_grouped
from ._show.scale import base_unit
from ._values.codes import codes_of, combined
from ._values.units import check_unit
from .histogram import Histogram

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    from ._core import _Reals
    from ._values.codes import Codes

__all__ = ["Groups", "group"]


class Groups(Mapping["Any", Histogram]):
    """The histograms of groups of values, by label: what `group` returns.  It is immutable.

    A label is a value of the column by which values were grouped; of several columns, a tuple.  Missing labels, such as
    NaN and None, are None.

    >>> from historian import group
    >>> by_route = group([0.010, 0.250, 0.015], ["/users", "/search", "/users"])
    >>> by_route["/users"].count, by_route["/search"].max
    (2, 0.25)
    """

    __slots__ = ("_histograms", "dropped", "names")

    _histograms: dict[Any, Histogram]
    names: tuple[str, ...]  # of the columns by which values were grouped; empty if they have none
    dropped: int  # values that were left out, since they are missing, NaN, infinite or negative

    def __init__(self, histograms: Mapping[Any, Histogram], names: Sequence[str] = (), dropped: int = 0) -> None:
        self._histograms, self.names, self.dropped = dict(histograms), tuple(names), dropped

    def __getitem__(self, label: Any) -> Histogram:
        return self._histograms[label]

    def __iter__(self) -> Iterator[Any]:
        return iter(self._histograms)

    def __len__(self) -> int:
        return len(self._histograms)

    def __repr__(self) -> str:
        count = sum(histogram.count for histogram in self._histograms.values())
        by = f" by {', '.join(self.names)}" if self.names else ""
        return f"<Groups of {count:,} values: {len(self):,} groups{by}>"


def group(
    values: _Reals | Any, by: Any, *, value: str | None = None, unit: str = "s", invalid: str = "raise"
) -> Groups:
    """Return the histogram of each group of values.

    `by` has a label for each value: an array, a list, a categorical, or a column of pandas, polars or pyarrow; for
    several columns, a tuple of them.  If `value` names a column, `values` is a table, such as a data frame or a
    dictionary of columns, and `by` names the columns of labels, one name or a list::

        group(df["latency"], df["route"])
        group(df, by=["route", "method"], value="latency")

    Values are read once, in place if they are a buffer of numbers.  NaN, infinite and negative values, and those that
    are missing, raise ValueError, which says how many there are; with ``invalid="drop"`` they are left out, and
    `Groups.dropped` counts them.

    O(len), without sorting.  Takes 32 bytes for each value, at most 64 MB, beside the codes of the labels, which take 8
    bytes for each value unless they are whole numbers below 65,536 or categoricals.  Raises ValueError if there are not
    as many labels as values, and TypeError for what is not a column.

    >>> group([1, 2, 3, 4], ([0, 0, 1, 1], ["a", "b", "a", "a"]), unit="ms")[1, "a"].count
    2
    """
    names: tuple[str, ...] = ()
    columns = by if isinstance(by, tuple) else (by,)
    if value is not None:
        names = (by,) if isinstance(by, str) else tuple(by)
        values, columns = values[value], tuple(values[name] for name in names)
    if not columns:
        raise ValueError("by must name at least one column")
    codes = [codes_of(column) for column in columns]
    if len({len(one.codes) for one in codes}) > 1:
        lengths = ", ".join(f"{len(one.codes):,}" for one in codes)
        raise ValueError(f"the columns of labels must have the same length, not {lengths}")
    labelled = codes[0] if len(codes) == 1 else combined(codes)
    found: dict[Any, Histogram] = {}
    histograms, dropped = histograms_of(values, labelled, unit, invalid)
    for code, histogram in histograms.items():
        label = labelled.labels[code]
        found[label] = found[label] + histogram if label in found else histogram
    return Groups(found, names, dropped)


def histograms_of(values: Any, by: Codes, unit: str, invalid: str) -> tuple[dict[int, Histogram], int]:
    """Return the histograms of groups by code, without those that have no value, and how many values were dropped.

    Raises the errors of `group`.
    """
    if invalid not in ("raise", "drop"):
        raise ValueError(f'invalid must be "raise" or "drop", not {invalid!r}')
    unit = check_unit(unit)
    counters = [Counters() for _ in by.labels]
    bad, first, value, _ = record_grouped(counters, _numbers(values, unit), by.codes)
    if bad and invalid == "raise":
        raise ValueError(
            f"{bad:,} of {len(by.codes):,} values are missing, NaN, infinite or negative, the first one at position "
            f'{first:,}: {value!r}; pass invalid="drop" to leave them out'
        )
    readings = ((code, one._read()) for code, one in enumerate(counters))
    return {code: Histogram._from_reading(reading, unit) for code, reading in readings if reading[0].total}, bad


def ns_per_unit(unit: str) -> float | None:
    """Return the nanoseconds in a unit of time; None for other units."""
    base, factor = base_unit(unit)
    return factor if base == "ns" else None


def _numbers(values: Any, unit: str) -> Any:
    """Return values as what `Counters.record_many` takes; missing ones are NaN."""
    kind = type(values).__module__.partition(".")[0]
    if kind == "pyarrow":
        from ._values.arrow import numbers, whole

        return numbers(whole(values), ns_per_unit(unit))
    if kind == "polars":
        return values.to_numpy()
    if kind == "pandas" and hasattr(values, "to_numpy"):
        return values.to_numpy(dtype="float64", na_value=float("nan")) if values.hasnans else values.to_numpy()
    return values
