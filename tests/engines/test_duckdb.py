"""Histograms of DuckDB's relations, against the real engine."""

from __future__ import annotations

import datetime
import sys
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from engine_data import INVALID, keyed, peak_growth

from historian import Groups, Histogram

db = pytest.importorskip("duckdb", reason="duckdb is not installed")
pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
duckdb = pytest.importorskip("historian.engines.duckdb", reason="pyarrow is not installed")


@pytest.fixture
def connection():
    with db.connect() as connection:
        yield connection


def read(relation) -> dict[object, Histogram]:
    """Return the histograms of a relation of keys and blobs."""
    assert relation.columns[-1] == "histogram"
    rows = relation.fetchall()
    found = {tuple(keys): Histogram.from_bytes(blob) for *keys, blob in rows}
    assert len(found) == len(rows)
    return {key[0] if len(key) == 1 else key: histogram for key, histogram in found.items()}


def test_edges_fall_into_the_buckets_of_the_core(connection) -> None:
    keys, values, expected = keyed()
    table = pa.table({"key": keys, "value": values})
    found = duckdb.histograms(connection.from_arrow(table), value="value", by="key")
    assert isinstance(found, Groups)
    assert dict(found) == expected
    assert (found.names, found.dropped) == (("key",), 0)


def test_many_batches_are_one_histogram(connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duckdb, "ROWS", 1000)
    keys, values, expected = keyed()
    assert dict(duckdb.histograms(connection.from_arrow(pa.table({"k": keys, "v": values})), "v", ["k"])) == expected


def test_several_keys_and_missing_ones(connection) -> None:
    rows = "(VALUES ('/a', 1, 1.0), ('/a', 2, 2.0), (NULL, 1, 3.0), (NULL, NULL, 4.0), (NULL, NULL, 5.0)) t(a, b, v)"
    found = duckdb.histograms(connection.sql(f"FROM {rows}"), "v", ["a", "b"], unit="ms")
    assert dict(found) == {
        key: Histogram.from_values(values, unit="ms")
        for key, values in {
            ("/a", 1): [1.0],
            ("/a", 2): [2.0],
            (None, 1): [3.0],
            (None, None): [4.0, 5.0],
        }.items()
    }
    assert found.names == ("a", "b")


def test_without_keys_there_is_one_group(connection) -> None:
    found = duckdb.histograms(connection.sql("FROM range(1, 4) t(v)"), "v")
    assert dict(found) == {(): Histogram.from_values([1, 2, 3])}


def test_names_need_no_quotes(connection) -> None:
    table = pa.table({'the "key"': ["x"], "select a.b": [1.5]})
    found = duckdb.histograms(connection.from_arrow(table), "select a.b", ['the "key"'])
    assert dict(found) == {"x": Histogram.from_values([1.5])}


def test_names_may_differ_in_case_as_in_duckdb(connection) -> None:
    found = duckdb.histograms(connection.sql("SELECT 'x' AS Route, 1.5 AS Latency"), "latency", "ROUTE")
    assert (dict(found), found.names) == ({"x": Histogram.from_values([1.5])}, ("ROUTE",))
    blobs = connection.from_arrow(pa.table({"Route": ["x"], "Histogram": [found["x"].to_bytes()]}))
    assert duckdb.merge(blobs, "route").columns == ["route", "histogram"]


def test_nothing_gives_no_groups(connection) -> None:
    relation = connection.sql("SELECT 'x' AS key, 1.0 AS value WHERE false")
    assert dict(duckdb.histograms(relation, "value", "key")) == {}
    blobs = connection.sql("SELECT 'x' AS key, 'y'::BLOB AS histogram WHERE false")
    merged = duckdb.merge(blobs, "key")
    assert (merged.columns, merged.fetchall()) == (["key", "histogram"], [])
    assert merged.types == blobs.types


@pytest.mark.parametrize(
    ("sql", "values"),
    [
        ("SELECT unnest([1, 2, 250])::UTINYINT AS v", [1, 2, 250]),
        ("SELECT unnest([1, 2])::HUGEINT AS v", [1, 2]),
        ("SELECT unnest([0.1, 0.7, 12345678.9])::DECIMAL(18, 3) AS v", [0.1, 0.7, 12345678.9]),
        ("SELECT unnest([0.1, 0.25])::FLOAT AS v", [float(np.float32(0.1)), 0.25]),
    ],
)
def test_numbers_of_any_type(connection, sql: str, values: list[float]) -> None:
    assert duckdb.histograms(connection.sql(sql), "v")[()] == Histogram.from_values(values)


@pytest.mark.parametrize("sql", ["'0.5'", "true", "[1.0]", "DATE '2026-01-01'"])
def test_what_is_no_number_is_refused(connection, sql: str) -> None:
    with pytest.raises(TypeError, match="must be numbers"):
        duckdb.histograms(connection.sql(f"SELECT {sql} AS v"), "v")


def test_labels_of_many_types(connection) -> None:
    for sql, label in (
        ("TIMESTAMP '2026-01-02 03:04:05'", datetime.datetime(2026, 1, 2, 3, 4, 5)),
        ("DATE '2026-01-02'", datetime.date(2026, 1, 2)),
        ("true", True),
        ("1.5::DECIMAL(4, 2)", Decimal("1.50")),
        ("'b'::ENUM('a', 'b')", "b"),
        ("'nan'::DOUBLE", None),
    ):
        assert list(duckdb.histograms(connection.sql(f"SELECT {sql} AS k, 1.0 AS v"), "v", "k")) == [label], sql


@pytest.mark.parametrize("bad", INVALID)
def test_invalid_values_raise_or_are_dropped(connection, bad: float | None) -> None:
    table = pa.table({"key": ["a", "a", "b", "c"], "value": pa.array([1.0, bad, 2.0, bad])})
    relation = connection.from_arrow(table)
    with pytest.raises(
        ValueError, match=r"^2 of 4 values are missing, NaN, infinite or negative, the first one at .* 1:"
    ):
        duckdb.histograms(relation, "value", "key")
    found = duckdb.histograms(relation, "value", "key", invalid="drop")
    assert dict(found) == {"a": Histogram.from_values([1.0]), "b": Histogram.from_values([2.0])}
    assert found.dropped == 2


def test_times_that_python_cannot_hold_are_labels_of_numpy(connection) -> None:
    dates = connection.sql("SELECT unnest(['infinity', '2026-11-27', NULL]::DATE[]) AS day, 1.0 AS v")
    day = np.datetime64(2**31 - 1, "D")  # how Arrow's days stand for infinity
    assert set(duckdb.histograms(dates, "v", "day")) == {day, datetime.date(2026, 11, 27), None}


def test_an_invalid_value_raises_when_its_batch_comes(connection) -> None:
    rows = "SELECT CASE WHEN i = 70_000 THEN NULL ELSE 1.0 END AS v FROM range(100_000_000_000) t(i)"  # takes hours
    with pytest.raises(ValueError, match=r"^1 of .* the first one at position 70,000: nan"):
        duckdb.histograms(connection.sql(rows), "v")


@pytest.mark.parametrize("arguments", [{"invalid": "ignore"}, {"unit": ""}])
def test_wrong_arguments_are_refused(connection, arguments: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=next(iter(arguments))):
        duckdb.histograms(connection.sql("SELECT 1.0 AS v"), "v", **arguments)


def test_errors_of_a_query_are_duckdbs(connection) -> None:
    query = "SELECT CASE WHEN i = 200_000 THEN error('out of order') ELSE i END AS v FROM range(1_000_000) t(i)"
    with pytest.raises(Exception, match="out of order") as raised:  # its class depends on versions of pyarrow
        duckdb.histograms(connection.sql(query), "v")
    assert "Traceback" not in str(raised.value)


def test_unknown_columns_are_duckdbs_error(connection) -> None:
    with pytest.raises(db.BinderException, match="latency"):
        duckdb.histograms(connection.sql("SELECT 1.0 AS v"), "latency")


def test_sums_are_exact(connection) -> None:
    values = [1e300, 1.0, 1e-300, 2.0**53] * 1000
    found = duckdb.histograms(connection.from_arrow(pa.table({"v": values})), "v")[()]
    assert found.sum == Histogram.from_values(values).sum
    assert found == Histogram.from_values(values)


def parts(keys: np.ndarray, values: np.ndarray, size: int) -> pa.Table:
    """Return keys and blobs of the histograms of each `size` values."""
    rows = [
        (int(key), Histogram.from_values(values[start : start + size][keys[start : start + size] == key]).to_bytes())
        for start in range(0, len(values), size)
        for key in np.unique(keys[start : start + size])
    ]
    return pa.table({"k": [key for key, _ in rows], "histogram": pa.array([blob for _, blob in rows], pa.binary())})


def test_blobs_are_merged_to_the_histogram_of_all(connection, monkeypatch: pytest.MonkeyPatch) -> None:
    keys, values, expected = keyed()
    blobs = connection.from_arrow(parts(keys, values, 100))
    merged = duckdb.merge(blobs, "k")
    assert read(merged) == expected
    assert merged.types == blobs.types
    monkeypatch.setattr(duckdb, "BLOBS", 50)  # rows of a batch
    assert read(duckdb.merge(blobs, ["k"])) == expected
    typed = duckdb.arrow.merge(blobs.to_arrow_table(), "k")  # its blobs have the type of histograms
    assert read(duckdb.merge(connection.from_arrow(typed), "k")) == expected
    total = sum(expected.values(), Histogram())
    assert read(duckdb.merge(blobs)) == {(): total}


def test_a_merged_relation_belongs_to_its_connection(connection) -> None:
    connection.execute(
        "CREATE TABLE blobs AS SELECT 1 AS k, ?::BLOB AS histogram", [Histogram.from_values([1]).to_bytes()]
    )
    merged = duckdb.merge(connection.table("blobs"), "k")
    joined = merged.set_alias("a").join(
        connection.table("blobs").set_alias("b"), "a.k = b.k AND a.histogram = b.histogram"
    )
    assert len(joined.fetchall()) == 1
    merged.create("merged")
    assert connection.sql("SELECT k FROM merged").fetchall() == [(1,)]


@pytest.mark.parametrize(("damaged", "reason"), [(b"damaged", "it does not begin"), (None, "it is missing")])
def test_a_damaged_blob_is_named_by_its_row(
    connection, monkeypatch: pytest.MonkeyPatch, damaged: bytes | None, reason: str
) -> None:
    blob = Histogram.from_values([1.0]).to_bytes()
    table = pa.table({"k": [1] * 9000, "histogram": pa.array([blob] * 8000 + [damaged] + [blob] * 999, pa.binary())})
    with pytest.raises(ValueError, match=f"^row 8,000 of the column histogram has no histogram: {reason}"):
        duckdb.merge(connection.from_arrow(table), "k")
    monkeypatch.setattr(duckdb, "BLOBS", 2048)
    with pytest.raises(ValueError, match=f"^row 8,000 .* {reason}"):
        duckdb.merge(connection.from_arrow(table), "k")


def test_other_units_are_not_merged(connection) -> None:
    blobs = [Histogram.from_values([1.0], unit=unit).to_bytes() for unit in ("s", "ms")]
    with pytest.raises(ValueError, match="cannot combine histograms in 's' and 'ms'"):
        duckdb.merge(connection.from_arrow(pa.table({"histogram": pa.array(blobs, pa.binary())})))


def test_quantiles_in_expressions_and_in_sql(connection) -> None:
    duckdb.register(connection)
    duckdb.register(connection)  # does nothing
    histograms = [Histogram.from_values(np.arange(1, n)) for n in range(2, 5000)]
    blobs = [one.to_bytes() for one in histograms] + [None, Histogram().to_bytes()]
    table = pa.table({"n": range(len(blobs)), "histogram": pa.array(blobs, pa.binary())})
    relation = connection.from_arrow(table)
    expected = [one.quantile(0.99) for one in histograms] + [None, None]
    found = relation.select("n", duckdb.quantile("histogram", 0.99).alias("p99")).order("n")
    assert (found.types[1], [p99 for _, p99 in found.fetchall()]) == ("DOUBLE", expected)
    column = db.ColumnExpression("histogram")
    assert [p for (p,) in relation.select(duckdb.quantile(column, 0.99)).fetchall()] == expected
    rows = relation.query("t", "SELECT histogram_quantile(histogram, 0.99) FROM t ORDER BY n").fetchall()
    assert [p99 for (p99,) in rows] == expected
    varying = relation.query("t", "SELECT n, histogram_quantile(histogram, n / 5000) FROM t WHERE n < 4998 ORDER BY n")
    assert [p for _, p in varying.fetchall()] == [one.quantile(n / 5000) for n, one in enumerate(histograms)]
    assert connection.sql("SELECT histogram_quantile(NULL, 0.5)").fetchall() == [(None,)]


def test_sums_in_sql(connection) -> None:
    duckdb.register(connection)
    keys, values, expected = keyed()
    relation = connection.from_arrow(parts(keys, values, 1000))
    merged = relation.query("t", "SELECT k, histogram_merge(list(histogram)) AS histogram FROM t GROUP BY k")
    assert read(merged) == expected
    found = connection.sql("SELECT histogram_merge([]), histogram_merge(NULL), histogram_merge([NULL])").fetchall()
    assert found == [(None, None, None)]


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("histogram_quantile('damaged'::BLOB, 0.5)", "not the bytes of a histogram: it does not begin with"),
        (
            "histogram_merge(['damaged'::BLOB])",
            "row 0 of the column histogram has no histogram: it does not begin with",
        ),
        (f"histogram_quantile(unhex('{Histogram().to_bytes().hex()}'), 1.5)", "1.5"),
    ],
)
def test_damaged_blobs_in_sql_raise_duckdbs_error(connection, sql: str, reason: str) -> None:
    duckdb.register(connection)
    with pytest.raises(db.InvalidInputException, match=reason):
        connection.sql(f"SELECT {sql}").fetchall()


@pytest.mark.parametrize("q", [-0.1, 1.1, float("nan")])
def test_quantiles_are_from_0_to_1(q: float) -> None:
    with pytest.raises(ValueError, match=r"q must be in 0\.\.1"):
        duckdb.quantile("histogram", q)


PROGRAM = """
import duckdb as db
from historian.engines import duckdb
connection = db.connect(config={{"threads": 2}})
def run(path):
    found = duckdb.histograms(connection.read_parquet(path), "v", "k")
    print(sum(one.count for one in found.values()))
def warm(): run({small!r})
def main(): run({large!r})
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from /proc")
def test_files_may_be_larger_than_the_memory_that_is_used(connection, tmp_path: Path) -> None:
    for name, rows in (("small", 1_000_000), ("large", 24_000_000)):
        query = f"SELECT (i % 100)::INTEGER AS k, random() AS v FROM range({rows}) t(i)"
        connection.execute(f"COPY ({query}) TO '{tmp_path / name}.parquet'")
    assert (tmp_path / "large.parquet").stat().st_size > 150e6
    program = PROGRAM.format(small=f"{tmp_path}/small.parquet", large=f"{tmp_path}/large.parquet")
    grown = peak_growth(program)
    assert 0 < grown < 75e6  # columns take 288 MB
