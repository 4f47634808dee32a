"""Histograms by a query, for engines where no Python runs: its rows are the counts of buckets.

`query` returns the query for a dialect, and `histograms` reads its rows::

    from historian.engines import sql

    rows = connection.execute(sql.query("postgres", column="latency", by="route", table="requests"))
    by_route = sql.histograms(rows, by="route")

The result has the columns `by`, and then:

====================  ==========================================================================================
``histogram_bucket``  index of the bucket, see `historian.buckets`; missing for values that have none
``histogram_count``   number of values in it
``histogram_min``     smallest of them
``histogram_max``     largest of them
``histogram_sum``     their sum, as a whole number of units of ``2**(histogram_bucket // 64 - 52)``, as text
``histogram_unit``    unit of all of them
====================  ==========================================================================================

Counts, minimum, maximum and sum are exactly those of `historian.group`, on each engine: no logarithm decides about a
bucket.  There is one exception.  On Spark, BigQuery and Snowflake, which do not give the bits of a number, the sum of
the values above 2**64, and of those from 2**-32 down, is the engine's own: ``~`` marks it.

On DuckDB, ClickHouse and PostgreSQL an index may be below -2049 or above 4096, where an octave goes on: `histograms`
counts these values in the zero or the overflow bucket, where they belong.

Rows of several results may be read together: those of one group and bucket are added up.
"""

from __future__ import annotations

from .._values.units import check_unit
from ..groups import Groups
from ._dialects import DIALECTS as _KNOWN
from ._dialects import dialect_of
from ._results import Found, values_of
from ._statements import statement

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

__all__ = ["DIALECTS", "histograms", "query"]

#: Names of the dialects that `query` writes.
DIALECTS: tuple[str, ...] = tuple(_KNOWN)


def query(
    dialect: str,
    *,
    column: str,
    by: str | Sequence[str] = (),
    table: str | Sequence[str] = "your_table",
    unit: str = "s",
    invalid: str = "count",
) -> str:
    r"""Return the query that counts the values of a column in buckets, for each group of values of the columns `by`.

    `dialect` is one of ``duckdb``, ``spark``, ``clickhouse``, ``postgres``, ``bigquery`` and ``snowflake``.  A `table`
    may have dots between its parts; a sequence of parts may have dots within them.  DuckDB also reads the file of that
    name.  Values are taken to be in `unit`, which the result names.

    Names are quoted, so that whatever they contain is a name.  A name must be written as the engine stores it.  On
    Snowflake, one of lower-case letters is taken for the name in capitals, as in queries; put ``"`` around it if it is
    stored in lower case.

    Values that are missing, NaN, infinite or negative have no bucket.  With ``invalid="count"``, rows without a bucket
    count them, so that `histograms` can tell how many there are.  With ``"drop"`` they are left out.  With ``"raise"``
    the query fails if there is one, with a message that says how many there are.

    Raises ValueError for other dialects, for an empty name, and for a name of `by` that is given twice or begins with
    ``histogram_``.

    >>> print("\n".join(query("clickhouse", column="latency", by="route", table="requests").splitlines()[1:4]))
    WITH numbers AS (
      SELECT t.`route` AS key_1, toFloat64(t.`latency`) AS v
      FROM `requests` AS t
    """
    found, names = dialect_of(dialect), _names(by)
    if invalid not in ("count", "drop", "raise"):
        raise ValueError(f'invalid must be "count", "drop" or "raise", not {invalid!r}')
    exception = "" if found.bits else ",\n-- except sums of values above 2**64 and of those from 2**-32 down"
    comment = (
        f"-- Counts of values in historian's buckets, for {found.title}.  Exact: counts, min, max and sum{exception}.\n"
    )
    return comment + statement(found, column, names, table, check_unit(unit), invalid) + "\n"


def histograms(rows: Any, by: str | Sequence[str] = (), *, invalid: str = "raise") -> Groups:
    """Return the histogram of each group, from the result of a `query` with the same `by`.

    `rows` is what has executed the query: a cursor, a relation of DuckDB, a data frame of pandas, polars or Spark, a
    table of Arrow, a result of SQLAlchemy; or an iterable of rows, each a mapping, or a tuple in the order of the
    query.  Text, such as rows of `csv.DictReader`, is read as the numbers that it stands for.

    The label of a group is the value of `by`; of several columns, or none, a tuple.

    O(rows).  Raises ValueError for values that had no bucket, and says how many there were; with ``invalid="drop"``
    `Groups.dropped` counts them.  Raises ValueError, which names the row, counted from 0, for numbers that no such
    query returns, and TypeError for an object that holds no rows.

    >>> rows = [("/users", -1, 2, 1.0, 1.0, str(2 * 2**53), "s")]
    >>> histograms(rows, by="route")["/users"].sum
    2.0
    """
    names = _names(by)
    if invalid not in ("raise", "drop"):
        raise ValueError(f'invalid must be "raise" or "drop", not {invalid!r}')
    found = Found()
    for number, (label, row) in enumerate(values_of(rows, names)):
        try:
            found.add(label, row)
        except (ValueError, TypeError) as error:
            raise ValueError(f"row {number:,} of the result: {error}") from None
    if found.invalid and invalid == "raise":
        raise ValueError(
            f"{found.invalid:,} of {found.count:,} values are missing, NaN, infinite or negative; "
            'pass invalid="drop" to leave them out'
        )
    return Groups(found.histograms(), names, found.invalid)


def _names(by: str | Sequence[str]) -> list[str]:
    """Return the names of columns as a list."""
    names = [by] if isinstance(by, str) else list(by)
    for name in names:
        if not isinstance(name, str):
            raise TypeError(f"by must be the name of a column, or a sequence of names, not {type(name).__name__}")
    lowered = [name.lower() for name in names]
    if len(set(lowered)) < len(lowered):
        raise ValueError(f"by must not name a column twice: {', '.join(map(repr, names))}")
    reserved = next((name for name, low in zip(names, lowered) if low.strip('"').startswith("histogram_")), None)
    if reserved is not None:
        raise ValueError(
            f"by must not name a column like those of the result, which begin with 'histogram_': {reserved!r}"
        )
    return names
