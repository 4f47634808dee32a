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
from ._statements import BUCKET, COLUMNS, COUNT, MAX, MIN, SUM

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

__all__ = ["Found", "values_of"]

#: The octaves of bits: from those of floats below 2**-1022 to that of the largest float.
LOWEST, HIGHEST = -1023 * 64, 1024 * 64

LAST_SLOT = buckets.OVERFLOW_INDEX - TO_INDEX


class Found:
    """The histograms of groups, which grow with each row of a result."""

    def __init__(self) -> None:
        self._groups: dict[Any, _Group] = {}
        self.invalid = 0  # values that have no bucket
        self.count = 0  # of all values

    def add(self, label: Any, values: Sequence[Any]) -> None:
        """Add a row: its values in the order of COLUMNS.  Raises ValueError, with the reason, for impossible values."""
        bucket, count, low, high, total, unit = values
        count = count if type(count) is int else _whole(count, COUNT)
        if count < 1:
            raise ValueError(f"{COUNT} must be at least 1, not {count}")
        if _is_missing(bucket):
            self.invalid += count
        else:
            group = self._groups.get(label)
            if group is None:
                group = self._groups[label] = _Group(check_unit(unit))
            elif group.unit != unit:
                raise ValueError(f"its unit is {unit!r}, and that of others of its group is {group.unit!r}")
            group.add(bucket if type(bucket) is int else _whole(bucket, BUCKET), count, low, high, total)
        self.count += count

    def histograms(self) -> dict[Any, Histogram]:
        """Return the histogram of each group."""
        return {label: group.histogram() for label, group in self._groups.items()}


class _Group:
    def __init__(self, unit: str) -> None:
        self.unit = unit
        self.counts: dict[int, int] = {}  # by slot
        self.low, self.high = math.inf, 0.0
        self.total = 0  # the sum, in units of 2**-1075, half of the smallest float

    def add(self, bucket: int, count: int, low: Any, high: Any, total: Any) -> None:
        if not LOWEST <= bucket < HIGHEST:
            raise ValueError(f"{BUCKET} {bucket} is impossible")
        low, high = _number(low, MIN), _number(high, MAX)
        slot = bucket - TO_INDEX
        if not 0 <= slot <= LAST_SLOT:
            slot = 0 if slot < 0 else LAST_SLOT
        lower, upper = edges_of(slot)
        if not ((lower < low or low == lower == 0) and low <= high <= upper and high < math.inf):
            raise ValueError(
                f"{MIN} {low!r} and {MAX} {high!r} do not lie in bucket {bucket}: were digits lost on the way?"
            )
        self.total += _sum(total, bucket, count, low, high)
        self.counts[slot] = self.counts.get(slot, 0) + count
        if low < self.low:
            self.low = low
        if high > self.high:
            self.high = high

    def histogram(self) -> Histogram:
        slots = sorted(self.counts)
        counts = Counts.of(slots, [self.counts[slot] for slot in slots])
        return make(Histogram, counts, self.unit, self.total >> 1, self.low, self.high)


def _sum(value: Any, bucket: int, count: int, low: float, high: float) -> int:
    """Return the sum of a bucket in units of 2**-1075.  One that the engine has rounded is kept between its bounds."""
    if type(value) is str and value.startswith("~"):
        least, most = exact(low) * count, exact(high) * count
        return 2 * min(max(exact(_number(value[1:], SUM, finite=False)), least), most)
    steps, octave = _whole(value, SUM), bucket >> 6
    if buckets.MIN_INDEX <= bucket <= buckets.MAX_INDEX:
        total, least, most = steps, int(math.ldexp(low, 52 - octave)), int(math.ldexp(high, 52 - octave))
    else:
        total, least, most = steps << octave + (1075 - 52), 2 * exact(low), 2 * exact(high)
    if not least * count <= total <= most * count:
        raise ValueError(f"{SUM} {value} is impossible for these values: were digits lost on the way?")
    return steps << octave + (1075 - 52)


def _is_missing(value: Any) -> bool:
    return value is None or value != value or (type(value) is str and value.strip() in ("", "NULL", "\\N"))


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


def values_of(rows: Any, by: Sequence[str]) -> Iterator[tuple[Any, Sequence[Any]]]:
    """Yield the label of each row, and its values in the order of COLUMNS.  Raises TypeError and ValueError."""
    names, found = _rows(rows)
    wanted = [*by, *COLUMNS]
    order = positions_of(names, wanted) if names is not None else list(range(len(wanted)))
    for number, row in enumerate(found):
        if type(row) is not tuple and (isinstance(row, Mapping) or (names is None and hasattr(row, "keys"))):
            own = list(row.keys())
            values: Sequence[Any] = list(row.values()) if isinstance(row, Mapping) else list(row)
            places = positions_of(own, wanted)
        elif isinstance(row, (str, bytes)) or not isinstance(row, Iterable):
            raise TypeError(f"row {number:,} of the result must be a tuple or a mapping, not {type(row).__name__}")
        else:
            values, places = row if type(row) is tuple else list(row), order
            if len(values) <= max(places):
                raise ValueError(f"row {number:,} of the result has {len(values)} of {len(wanted)} columns")
        picked = [values[place] for place in places]
        keys = [None if key != key else key for key in picked[: len(by)]]
        yield (keys[0] if len(by) == 1 else tuple(keys)), picked[len(by) :]


def positions_of(names: Sequence[str], wanted: Sequence[str]) -> list[int]:
    """Return where the columns are.  Raises ValueError for one that is missing.

    Case matters only if it must.  A name in quotation marks, as for Snowflake, may have lost them.
    """
    lowered = [name.lower() for name in names]
    found = []
    for name in wanted:
        if name in names:
            found.append(list(names).index(name))
        elif name[1:-1] in names and name[0] == name[-1] == '"':
            found.append(list(names).index(name[1:-1]))
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
