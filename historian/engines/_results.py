"""Rows of results of queries: what cursors, tables and lists hold, and the histograms that the rows make up."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from .. import buckets
from .._core import Counts
from .._values.base import make
from .._values.exact import exact
from .._values.slots import TO_INDEX, edges_of
from .._values.units import check_unit
from ..histogram import Histogram
from ._statements import BUCKET, COLUMNS, COUNT, MAX, MIN, SUM, UNIT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

__all__ = ["Found", "values_of"]

#: Buckets of values above 0 and of finite ones: those of the octaves 2**-1075 and 2**1023.
LOWEST, HIGHEST = -1075 * 64, 1024 * 64


class Found:
    """The histograms of groups, which grow with each row of a result."""

    def __init__(self) -> None:
        self._groups: dict[Any, _Group] = {}
        self.invalid = 0  # values that have no bucket
        self.count = 0  # of all values

    def add(self, label: Any, row: Mapping[str, Any]) -> None:
        """Add a row, which maps COLUMNS to values.  Raises ValueError, with the reason, for impossible values."""
        count = _whole(row[COUNT], COUNT)
        if count < 1:
            raise ValueError(f"{COUNT} must be at least 1, not {count}")
        if _is_missing(row[BUCKET]):
            self.invalid += count
        else:
            unit = check_unit(row[UNIT])
            group = self._groups.setdefault(label, _Group(unit))
            if group.unit != unit:
                raise ValueError(f"its unit is {unit!r}, and that of others of its group is {group.unit!r}")
            group.add(_whole(row[BUCKET], BUCKET), count, row)
        self.count += count

    def histograms(self) -> dict[Any, Histogram]:
        """Return the histogram of each group."""
        return {label: group.histogram() for label, group in self._groups.items()}


class _Group:
    def __init__(self, unit: str) -> None:
        self.unit = unit
        self.counts: dict[int, int] = {}  # by slot
        self.low, self.high = math.inf, 0.0
        self.total = 0  # the sum, in units of 2**-1074

    def add(self, bucket: int, count: int, row: Mapping[str, Any]) -> None:
        if not LOWEST <= bucket < HIGHEST:
            raise ValueError(f"{BUCKET} {bucket} is impossible")
        low, high = (_number(row[name], name) for name in (MIN, MAX))
        slot = min(max(bucket, buckets.ZERO_INDEX), buckets.OVERFLOW_INDEX) - TO_INDEX
        lower, upper = edges_of(slot)
        if not ((lower < low or low == lower == 0) and low <= high <= upper and high < math.inf):
            raise ValueError(
                f"{MIN} {low!r} and {MAX} {high!r} do not lie in bucket {bucket}: were digits lost on the way?"
            )
        self.total += _sum(row[SUM], bucket, exact(low) * count, exact(high) * count)
        self.counts[slot] = self.counts.get(slot, 0) + count
        self.low, self.high = min(self.low, low), max(self.high, high)

    def histogram(self) -> Histogram:
        slots = sorted(self.counts)
        counts = Counts.of(slots, [self.counts[slot] for slot in slots])
        return make(Histogram, counts, self.unit, self.total, self.low, self.high)


def _sum(value: Any, bucket: int, least: int, most: int) -> int:
    """Return the sum of a bucket in units of 2**-1074.  One that the engine has rounded is kept between its bounds."""
    if isinstance(value, str) and value.startswith("~"):
        return min(max(exact(_number(value[1:], SUM, finite=False)), least), most)
    steps, shift = _whole(value, SUM), (bucket >> 6) - 52 + 1074
    total = steps << shift if shift >= 0 else steps >> -shift
    if not least <= total <= most:
        raise ValueError(f"{SUM} {value} is impossible for these values: were digits lost on the way?")
    return total


def _is_missing(value: Any) -> bool:
    return value is None or value != value or (isinstance(value, str) and value.strip() in ("", "NULL", "\\N"))


def _whole(value: Any, name: str) -> int:
    """Return a whole number, which may have come as text, or, in a column with missing ones, as a float."""
    try:
        number = int(value)
        if isinstance(value, (str, bytes)) or number == value:
            return number
    except (TypeError, ValueError, OverflowError):
        pass
    raise ValueError(f"{name} must be a whole number, not {value!r}")


def _number(value: Any, name: str, *, finite: bool = True) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not number >= 0 or (finite and number == math.inf):
        raise ValueError(f"{name} must be a number from 0 on, not {value!r}")
    return number + 0.0  # -0.0 becomes 0.0


# ---- rows ----


def values_of(rows: Any, by: Sequence[str]) -> Iterator[tuple[Any, dict[str, Any]]]:
    """Yield label, and values by the names of COLUMNS, of each row.  Raises TypeError and ValueError."""
    names, found = _rows(rows)
    wanted = [*by, *COLUMNS]
    positions: list[int] | None = None
    for number, row in enumerate(found):
        if isinstance(row, Mapping) or (names is None and hasattr(row, "keys")):
            own, values = list(row.keys()), list(row.values()) if isinstance(row, Mapping) else list(row)
            order = positions_of(own, wanted)
        else:
            if positions is None:
                positions = positions_of(names, wanted) if names is not None else list(range(len(wanted)))
            if isinstance(row, (str, bytes)) or not isinstance(row, Iterable):
                raise TypeError(f"row {number:,} of the result must be a tuple or a mapping, not {type(row).__name__}")
            values, order = list(row), positions
            if len(values) <= max(order):
                raise ValueError(f"row {number:,} of the result has {len(values)} of {len(wanted)} columns")
        picked = [values[position] for position in order]
        keys = [None if key != key else key for key in picked[: len(by)]]
        yield (keys[0] if len(by) == 1 else tuple(keys)), dict(zip(COLUMNS, picked[len(by) :]))


def positions_of(names: Sequence[str], wanted: Sequence[str]) -> list[int]:
    """Return where the columns are.  Raises ValueError for one that is missing.  Case matters only if it must."""
    lowered = [name.lower() for name in names]
    found = []
    for name in wanted:
        if name in names:
            found.append(list(names).index(name))
        elif lowered.count(name.lower()) == 1:
            found.append(lowered.index(name.lower()))
        else:
            raise ValueError(f"the result has no column {name!r}: its columns are {', '.join(map(repr, names))}")
    return found


def _rows(data: Any) -> tuple[Sequence[str] | None, Iterable[Any]]:
    """Return the names of columns, if the data have names, and the rows."""
    if hasattr(data, "description") and hasattr(data, "fetchall"):  # cursors, and DuckDB's relations
        if data.description is None:
            raise ValueError("the cursor has no result: execute the query first")
        return [column[0] for column in data.description], data.fetchall()
    if hasattr(data, "itertuples"):  # pandas
        return list(data.columns), data.itertuples(index=False, name=None)
    if hasattr(data, "iter_rows"):  # polars
        return data.columns, data.iter_rows()
    if hasattr(data, "toLocalIterator"):  # Spark
        return data.columns, data.collect()
    if hasattr(data, "result_rows"):  # clickhouse_connect
        return data.column_names, data.result_rows
    if hasattr(data, "__arrow_c_stream__") or hasattr(data, "to_pylist"):
        from ._pyarrow import pa

        table = data if isinstance(data, pa.Table) else pa.table(data)
        return table.column_names, zip(*(column.to_pylist() for column in table.columns))
    if isinstance(data, (Mapping, str, bytes)) or not isinstance(data, Iterable):
        raise TypeError(f"rows must be a cursor, a table or an iterable of rows, not {type(data).__name__}")
    names = data.keys() if hasattr(data, "keys") else None  # SQLAlchemy
    return (list(names) if names is not None else None), data
