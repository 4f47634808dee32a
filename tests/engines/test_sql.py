"""Queries as text, and rows of results from all that may hold them.  No engine is needed."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterator
from typing import Any

import pytest

from historian import Histogram, group
from historian.engines import sql

NAMES = ["route", "histogram_bucket", "histogram_count", "histogram_min", "histogram_max", "histogram_sum",
         "histogram_unit"]  # fmt: skip
ONE = 2**53  # 1.0 is in the octave (2**-1, 2**0], whose units are 2**-53
#: Of 1.0, 1.0, 1.5 and two values that are not valid; 1.5 is 3 * 2**51 units of 2**-52.
ROWS: list[tuple[Any, ...]] = [
    ("/a", -1, 2, 1.0, 1.0, str(2 * ONE), "s"),
    ("/b", 37, 1, 1.5, 1.5, str(3 * 2**51), "s"),
    ("/b", None, 2, math.nan, None, "0", "s"),
]
EXPECTED = {"/a": Histogram.from_values([1.0, 1.0]), "/b": Histogram.from_values([1.5])}


def read(rows: Any) -> dict[Any, Histogram]:
    found = sql.histograms(rows, by="route", invalid="drop")
    assert found.dropped == 2
    assert found.names == ("route",)
    return dict(found)


def test_tuples_and_lists() -> None:
    assert read(ROWS) == EXPECTED
    assert read(list(map(list, ROWS))) == EXPECTED
    assert read(iter(ROWS)) == EXPECTED
    assert {key: one.to_bytes() for key, one in read(ROWS).items()} == {
        key: one.to_bytes() for key, one in EXPECTED.items()
    }


def test_mappings_in_any_order() -> None:
    assert read([dict(zip(NAMES, row)) for row in ROWS]) == EXPECTED
    assert read([dict(reversed(list({**dict(zip(NAMES, row)), "more": 1}.items()))) for row in ROWS]) == EXPECTED


def test_names_in_capitals() -> None:
    """Check names as Snowflake gives them: a name in the case that was asked for goes first."""
    capital = [name.upper() for name in NAMES]
    assert read([dict(zip(capital, row)) for row in ROWS]) == EXPECTED
    rows = [{**dict(zip(capital, row)), "route": "/mine"} for row in ROWS]
    assert list(read(rows)) == ["/mine"]


def test_names_in_quotation_marks() -> None:
    """Check names by which Snowflake is asked for a column in lower case: the result has them without the marks."""
    query = sql.query("snowflake", column='"latency"', by=['"route"', "code"])
    assert 't."latency"' in query
    assert 't."route" AS key_1' in query
    assert 't.key_1 AS "route"' in query
    assert 't."CODE" AS key_2' in query
    assert 't.key_2 AS "code"' in query
    found = sql.histograms([dict(zip(NAMES, row)) for row in ROWS], by='"route"', invalid="drop")
    assert dict(found) == EXPECTED


def test_text_of_csv() -> None:
    text = io.StringIO()
    csv.writer(text).writerows([NAMES, *ROWS])
    text.seek(0)
    assert read(csv.DictReader(text)) == EXPECTED


class Cursor:
    """As PEP 249 has it."""

    def __init__(self) -> None:
        self.description: Any = [(name, None, None, None, None, None, None) for name in NAMES]

    def fetchall(self) -> list[tuple[Any, ...]]:
        return ROWS


class Result:
    """As SQLAlchemy has it."""

    def keys(self) -> Iterator[str]:
        return iter(NAMES)

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        return iter(ROWS)


class Row:
    """A row as BigQuery has it: it has keys and values, but is no mapping."""

    def __init__(self, values: tuple[Any, ...]) -> None:
        self._values = values

    def keys(self) -> list[str]:
        return NAMES

    def __iter__(self) -> Iterator[Any]:
        return iter(self._values)


class ClickHouseResult:
    """As clickhouse_connect has it."""

    column_names, result_rows = NAMES, ROWS


def test_cursors_and_results() -> None:
    assert read(Cursor()) == EXPECTED
    assert read(Result()) == EXPECTED
    assert read(map(Row, ROWS)) == EXPECTED
    assert read(ClickHouseResult()) == EXPECTED
    idle = Cursor()
    idle.description = None
    with pytest.raises(ValueError, match="has no result: execute the query first"):
        sql.histograms(idle, by="route")


def test_sqlite() -> None:
    import sqlite3

    connection = sqlite3.connect(":memory:")
    connection.execute(f"CREATE TABLE result ({', '.join(NAMES)})")
    connection.executemany("INSERT INTO result VALUES (?, ?, ?, ?, ?, ?, ?)", ROWS)
    assert read(connection.execute("SELECT * FROM result")) == EXPECTED
    connection.row_factory = sqlite3.Row
    assert read(connection.execute("SELECT * FROM result")) == EXPECTED
    assert read(list(connection.execute("SELECT * FROM result"))) == EXPECTED
    connection.close()


def test_data_frames_and_tables() -> None:
    """Check tables; in that of pandas, whole numbers are floats, since one of them is missing."""
    columns = {name: list(values) for name, values in zip(NAMES, zip(*ROWS))}
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    assert read(pandas.DataFrame(columns)) == EXPECTED
    polars = pytest.importorskip("polars", reason="polars is not installed")
    assert read(polars.DataFrame(columns)) == EXPECTED
    pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    assert read(pa.table(columns)) == EXPECTED
    assert read(pa.table(columns).to_batches()[0]) == EXPECTED
    assert read(pa.table(columns).to_reader()) == EXPECTED


def test_groups_of_no_and_of_several_columns() -> None:
    assert dict(sql.histograms([row[1:] for row in ROWS[:2]])) == {(): EXPECTED["/a"] + EXPECTED["/b"]}
    found = sql.histograms([(404, *row) for row in ROWS[:2]], by=["code", "route"])
    assert dict(found) == {(404, "/a"): EXPECTED["/a"], (404, "/b"): EXPECTED["/b"]}
    assert dict(sql.histograms([(404, *row) for row in ROWS[:2]], by=("code", "route"))) == dict(found)


def test_missing_keys_are_none() -> None:
    rows = [(math.nan, *ROWS[0][1:]), (None, *ROWS[1][1:])]
    assert dict(sql.histograms(rows, by="route")) == {None: EXPECTED["/a"] + EXPECTED["/b"]}


def test_results_are_added_up() -> None:
    assert dict(sql.histograms([*ROWS[:2], *ROWS[:2]], by="route")) == {key: h + h for key, h in EXPECTED.items()}


def test_no_row() -> None:
    assert dict(sql.histograms([], by="route")) == {}
    assert sql.histograms([]).dropped == 0


def test_invalid_values() -> None:
    with pytest.raises(ValueError, match=r'^2 of 5 values are missing, NaN, infinite or negative; pass invalid="drop"'):
        sql.histograms(ROWS, by="route")


def test_indices_beyond_are_zero_and_overflow() -> None:
    """Check what engines return that have the bits: below -2049 and above 4096, octaves go on.

    5e-324 is 2**-1074, the upper edge of its bucket and of the octave (2**-1075, 2**-1074], which in bits is -1023: two
    units of 2**(-1023 - 52).
    """
    rows = [
        (-2049, 1, 0.0, 0.0, "0", "s"),
        (-1023 * 64, 1, 5e-324, 5e-324, "2", "s"),
        (100 * 64 - 1, 1, 2.0**100, 2.0**100, str(ONE), "s"),
    ]
    assert sql.histograms(rows)[()].to_bytes() == Histogram.from_values([0.0, 5e-324, 2.0**100]).to_bytes()


def test_sums_of_the_engine_stay_between_their_bounds() -> None:
    rows = [(4096, 2, 2.0**65, 2.0**66, "~1.1e20", "s"), (-2049, 3, -0.0, 0.0, "~-0.0", "s")]
    assert sql.histograms(rows)[()].sum == 1.1e20
    rows = [(4096, 2, 1.7e308, 1.7e308, "~Infinity", "s")]
    assert sql.histograms(rows)[()].to_bytes() == Histogram.from_values([1.7e308] * 2).to_bytes()
    assert sql.histograms([(-2049, 2, 0.0, 1e-10, "~0.0", "s")])[()].sum == 0.0


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (1, 0, "histogram_min 1.0 and histogram_max 1.0 do not lie in bucket 0: were digits lost on the way"),
        (1, 1.5, "histogram_bucket must be a whole number, not 1.5"),
        (1, "x", "histogram_bucket must be a whole number, not 'x'"),
        (1, 70_000, "histogram_bucket 70000 is impossible"),
        (2, 0, "histogram_count must be at least 1, not 0"),
        (2, None, "histogram_count must be a whole number, not None"),
        (2, math.inf, "histogram_count must be a whole number, not inf"),
        (3, "about 1", "histogram_min must be a number from 0 on, not 'about 1'"),
        (3, 0.98, "histogram_min 0.98 and histogram_max 1.0 do not lie in bucket -1"),
        (4, 0.9899, "histogram_min 1.0 and histogram_max 0.9899 do not lie in bucket -1"),
        (4, math.nan, "histogram_max must be a number from 0 on, not nan"),
        (5, str(2 * ONE + 1), f"histogram_sum {2 * ONE + 1} is impossible for these values: were digits lost"),
        (5, "1.8e16", "histogram_sum must be a whole number, not '1.8e16'"),
        (5, "~nan", "histogram_sum must be a number from 0 on, not 'nan'"),
        (6, "", "its unit is '', and that of others of its group is 's'"),
    ],
)
def test_impossible_rows(place: int, value: Any, message: str) -> None:
    wrong = list(ROWS[0])
    wrong[place] = value
    with pytest.raises(ValueError, match=f"^row 1 of the result: {re.escape(message)}"):
        sql.histograms([ROWS[0], wrong], by="route")


def test_units_of_a_group_must_be_the_same() -> None:
    with pytest.raises(
        ValueError, match="row 1 of the result: its unit is 'ms', and that of others of its group is 's'"
    ):
        sql.histograms([ROWS[0], (*ROWS[0][:-1], "ms")], by="route")


def test_units_are_labels() -> None:
    with pytest.raises(ValueError, match="row 0 of the result: unit must be a printable label such as 's' or 'bytes'"):
        sql.histograms([(*ROWS[0][:-1], "")], by="route")
    with pytest.raises(ValueError, match="row 0 of the result: unit must be a string such as 's' or 'bytes', not int"):
        sql.histograms([(*ROWS[0][:-1], 1)], by="route")


def test_sums_beyond_are_checked() -> None:
    """Check buckets of bits that hold other values than the index says."""
    for bucket, value in ((-1023 * 64, 2.0**-33), (1023 * 64, 2.0**65), (-2049, 1e-300)):
        with pytest.raises(ValueError, match="row 0 of the result: histogram_sum 9007199254740992 is impossible"):
            sql.histograms([(bucket, 1, value, value, str(ONE), "s")])


def test_what_are_no_rows() -> None:
    for wrong in ("text", b"bytes", 5, {"route": []}):
        with pytest.raises(TypeError, match="rows must be a cursor, a table or an iterable of rows"):
            sql.histograms(wrong, by="route")
    with pytest.raises(TypeError, match="row 0 of the result must be a tuple or a mapping, not str"):
        sql.histograms(["text"], by="route")
    with pytest.raises(ValueError, match="row 0 of the result has 6 of 7 columns"):
        sql.histograms([ROWS[0][1:]], by="route")
    with pytest.raises(
        ValueError, match="the result has no column 'method': its columns are 'route', 'histogram_bucket'"
    ):
        sql.histograms(Cursor(), by="method")
    with pytest.raises(ValueError, match='invalid must be "raise" or "drop", not \'count\''):
        sql.histograms(ROWS, by="route", invalid="count")


# ---- queries ----


@pytest.mark.parametrize("dialect", sql.DIALECTS)
def test_bad_names_are_refused(dialect: str) -> None:
    for wrong in ("", "a\0b", "\ud800"):
        for arguments in ({"column": wrong}, {"column": "a", "by": wrong}, {"column": "a", "table": wrong}):
            with pytest.raises(ValueError, match="not the name of a column"):
                sql.query(dialect, **arguments)
    with pytest.raises(ValueError, match="not the name of a column: ''"):
        sql.query(dialect, column="a", table="b..c")
    with pytest.raises(ValueError, match="by must not name a column twice: 'a', 'A'"):
        sql.query(dialect, column="a", by=["a", "A"])
    with pytest.raises(ValueError, match=r"by must not name a column like those of the result.*'Histogram_Sum'"):
        sql.query(dialect, column="a", by="Histogram_Sum")
    with pytest.raises(TypeError, match="by must be the name of a column, or a sequence of names, not int"):
        sql.query(dialect, column="a", by=[1])  # type: ignore[list-item]
    with pytest.raises(TypeError, match="the name of a column must be a string, not int"):
        sql.query(dialect, column=1)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match='invalid must be "count", "drop" or "raise"'):
        sql.query(dialect, column="a", invalid="skip")
    with pytest.raises(ValueError, match="unit must be a printable label"):
        sql.query(dialect, column="a", unit="a\nb")


def test_another_dialect_is_refused() -> None:
    with pytest.raises(ValueError, match=r"dialect must be one of duckdb, clickhouse, .*, not 'oracle'"):
        sql.query("oracle", column="a")


@pytest.mark.parametrize("dialect", sql.DIALECTS)
def test_comment_says_what_is_exact(dialect: str) -> None:
    comment = sql.query(dialect, column="a").split("WITH")[0]
    assert "Exact: counts, min, max and sum" in comment
    assert ("except sums of values above 2**64" in comment) == (dialect in ("spark", "bigquery", "snowflake"))
    assert all(line.startswith("-- ") for line in comment.splitlines())


def test_tables() -> None:
    def source(dialect: str, table: Any) -> str:
        text = sql.query(dialect, column="a", table=table)
        return text.split("FROM ", 1)[1].split(" AS t", 1)[0]

    assert source("postgres", "public.requests") == '"public"."requests"'
    assert source("postgres", ["public", "my.requests"]) == '"public"."my.requests"'
    assert source("bigquery", "my-project.logs.requests") == "`my-project`.`logs`.`requests`"
    assert source("snowflake", "db.Public.requests") == '"DB"."Public"."REQUESTS"'
    assert source("snowflake", ['"requests"']) == '"requests"'
    assert source("duckdb", "requests.parquet") == "'requests.parquet'"
    assert source("duckdb", "it's/*.csv") == "'it''s/*.csv'"
    assert source("duckdb", "main.requests") == '"main"."requests"'
    assert source("spark", "parquet./data") == "`parquet`.`/data`"


def test_the_docstring_of_the_module_tells_the_columns() -> None:
    assert sql.__doc__ is not None
    assert all(name in sql.__doc__ for name in NAMES[1:])


def test_group_is_what_rows_are() -> None:
    """Check the rows above against the core: they are what a query must return."""
    assert dict(group([1.0, 1.5, 1.0], ["/a", "/b", "/a"])) == EXPECTED
