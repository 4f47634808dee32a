"""Queries of `historian.engines.sql`, executed: their rows are the histograms that the core makes of these values."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import historian
from historian import Histogram, buckets
from historian.engines import sql

pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
pytest.importorskip("sqlglot", reason="sqlglot is not installed")

from query_engines import ENGINES  # noqa: E402 - it needs pyarrow

EDGES = np.array([buckets.upper(i) for i in range(-2049, 4096)])
#: The upper edges of the zero bucket and of 6,144 others, and the floats beside them.
NEAR_EDGES = np.concatenate([EDGES, np.nextafter(EDGES, 0), np.nextafter(EDGES, np.inf)])
#: Values in the zero and in the overflow bucket: 0, floats below 2**-1022, the largest of them, the largest of all.
EXTREME = [0.0, -0.0, 5e-324, 1e-320, math.nextafter(2.0**-1022, 0), 2.0**-1022, 1e-30, 2.0**-32, 2.0**64, 2.0**65,
           1e300, math.nextafter(math.inf, 0)]  # fmt: skip
HAVE_BITS = ("duckdb", "clickhouse", "postgres")


@pytest.fixture(scope="module", params=sorted(ENGINES))
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Any]]:
    found = ENGINES[request.param](tmp_path_factory.mktemp(request.param))
    try:
        yield request.param, found
    finally:
        found.end()


def column(dialect: str, name: str) -> str:
    """Return how a query names the tests have created.  In Snowflake, names are in capitals."""
    return f'"{name}"' if dialect == "snowflake" else name


def histograms(engine: tuple[str, Any], table: pa.Table, by: list[str], **options: Any) -> historian.Groups:
    """Return what a query counts.  It must have the names that the table has."""
    dialect, running = engine
    running.load(table, "requests")
    asked = sql.query(
        dialect,
        column=column(dialect, "latency"),
        by=[column(dialect, name) for name in by],
        table=[column(dialect, "requests")],
        **options,
    )
    return sql.histograms(running.rows(asked), by=[column(dialect, name) for name in by])


def assert_same(found: historian.Groups, expected: historian.Groups) -> None:
    """Compare all that bytes hold: counts, minimum, maximum, unit, and the sum to its last bit."""
    assert {label: one.to_bytes() for label, one in found.items()} == {
        label: one.to_bytes() for label, one in expected.items()
    }


def test_edges_fall_into_the_buckets_of_the_core(engine: tuple[str, Any]) -> None:
    keys = np.arange(len(NEAR_EDGES)) % 3
    inside = (NEAR_EDGES > 2.0**-32) & (NEAR_EDGES <= 2.0**64)
    assert inside.sum() == 3 * 6144  # one below the lowest edge and one above the highest are not, two beside them are
    found = histograms(engine, pa.table({"route": keys[inside], "latency": NEAR_EDGES[inside]}), ["route"])
    assert_same(found, historian.group(NEAR_EDGES[inside], keys[inside]))


def test_each_edge_in_a_row_of_its_own(engine: tuple[str, Any]) -> None:
    """Check each value by itself: in a group of many, two mistakes could cancel out."""
    dialect, running = engine
    running.load(pa.table({"latency": NEAR_EDGES}), "requests")
    name = column(dialect, "latency")
    asked = sql.query(dialect, column=name, by=[name], table=[column(dialect, "requests")])
    found = sql.histograms(running.rows(asked), by=[name])
    assert len(found) == len(NEAR_EDGES)
    wrong = [value for value, one in found.items() if one.indices.tolist() != [buckets.index(value)]]
    assert not wrong
    assert all(one.sum == one.min == one.max == value for value, one in found.items())


def test_lognormal_values(engine: tuple[str, Any]) -> None:
    random = np.random.default_rng(16)
    values = random.lognormal(-3, 2, 20_000)
    routes = [f"/{number}" for number in random.integers(0, 5, len(values))]
    codes = random.integers(200, 203, len(values))
    found = histograms(
        engine, pa.table({"route": routes, "code": codes, "latency": values}), ["route", "code"], unit="ms"
    )
    assert_same(found, historian.group(values, (routes, codes.tolist()), unit="ms"))


def test_zero_and_overflow(engine: tuple[str, Any]) -> None:
    values = np.array([*EXTREME, 1.0])
    found = histograms(engine, pa.table({"latency": values}), [])[()]
    expected = Histogram.from_values(values)
    if engine[0] in HAVE_BITS:
        assert found.to_bytes() == expected.to_bytes()
    else:
        assert (found.min, found.max, found.count) == (expected.min, expected.max, expected.count)
        assert found.to_dict()["counts"] == expected.to_dict()["counts"]
        assert found.indices.tolist() == expected.indices.tolist()
        assert found.sum == pytest.approx(expected.sum, rel=1e-14)


def test_zeros_alone_have_an_exact_sum(engine: tuple[str, Any]) -> None:
    found = histograms(engine, pa.table({"latency": [0.0, -0.0, 0.0]}), [])[()]
    assert found.to_bytes() == Histogram.from_values([0.0] * 3).to_bytes()


def test_no_row(engine: tuple[str, Any]) -> None:
    empty = pa.table({"route": pa.array([], pa.string()), "latency": pa.array([], pa.float64())})
    assert dict(histograms(engine, empty, ["route"])) == {}
    assert dict(histograms(engine, empty, [])) == {}


def test_missing_keys_are_a_group(engine: tuple[str, Any]) -> None:
    table = pa.table({"route": ["/a", None, None, "/a"], "latency": [1.0, 2.0, 3.0, 4.0]})
    found = histograms(engine, table, ["route"])
    assert found == {"/a": Histogram.from_values([1.0, 4.0]), None: Histogram.from_values([2.0, 3.0])}


BAD = pa.table({
    "route": ["/a"] * 4 + ["/b"] * 4,
    "latency": [1.0, None, math.nan, -1.0, -5e-324, math.inf, -math.inf, 2.0],
})  # fmt: skip


def test_invalid_values_are_counted(engine: tuple[str, Any]) -> None:
    dialect, running = engine
    with pytest.raises(
        ValueError, match=r"^6 of 8 values are missing, NaN, infinite or negative; pass invalid=\"drop\""
    ):
        histograms(engine, BAD, ["route"])
    names = [column(dialect, name) for name in ("latency", "route", "requests")]
    rows = running.rows(sql.query(dialect, column=names[0], by=names[1], table=[names[2]]))
    found = sql.histograms(rows, by=names[1], invalid="drop")
    assert found == {"/a": Histogram.from_values([1.0]), "/b": Histogram.from_values([2.0])}
    assert found.dropped == 6


def test_invalid_values_are_left_out_by_the_query(engine: tuple[str, Any]) -> None:
    found = histograms(engine, BAD, ["route"], invalid="drop")
    assert found == {"/a": Histogram.from_values([1.0]), "/b": Histogram.from_values([2.0])}
    assert found.dropped == 0


def test_invalid_values_make_the_query_fail(engine: tuple[str, Any]) -> None:
    with pytest.raises(engine[1].error, match="historian: 6 of 8 values are missing, NaN, infinite or negative"):
        histograms(engine, BAD, ["route"], invalid="raise")
    good = pa.table({"route": ["/a", "/b"], "latency": [1.0, 2.0]})
    assert histograms(engine, good, ["route"], invalid="raise")["/b"] == Histogram.from_values([2.0])


#: Names that would change the query if they were not quoted, or that the query itself uses.
NAMES = ["v", "t", "bucket", "key_1", "n", "select", "a b", 'a"b', "a`b", "a'b", "a\\b", "a\\", "x -- y", "/* x",
         "\u00e9", "a\nb", '"; DROP TABLE requests; --', "`; DROP TABLE requests; --"]  # fmt: skip


def unread(dialect: str, name: str) -> bool:
    """Return whether sqlglot does not read such a name, though the engine does."""
    return dialect in ("bigquery", "snowflake") and (
        "\\" in name or "\n" in name or (dialect == "bigquery" and "`" in name)
    )


def test_any_name_is_a_name(engine: tuple[str, Any]) -> None:
    dialect, running = engine
    names = [name for name in NAMES if not unread(dialect, name)]
    assert len(names) >= 13
    keys = {name: [f"{number}", "y", f"{number}"] for number, name in enumerate(names)}
    running.load(pa.table({**keys, "latency": [1.0, 2.0, 3.0]}), "requests")
    by, table = [column(dialect, name) for name in names], [column(dialect, "requests")]
    rows = running.rows(sql.query(dialect, column=column(dialect, "latency"), by=by, table=table))
    found = sql.histograms(rows, by=by)
    assert found == {
        tuple(f"{number}" for number in range(len(names))): Histogram.from_values([1.0, 3.0]),
        ("y",) * len(names): Histogram.from_values([2.0]),
    }


def test_any_name_is_a_column_of_values_and_a_table(engine: tuple[str, Any]) -> None:
    dialect, running = engine
    names = [name for name in NAMES if not unread(dialect, name)]
    for name in names[-2:] if dialect == "spark" else names:  # a query takes long there
        running.load(pa.table({name: [1.0, 2.0]}), name)
        asked = column(dialect, name)
        found = sql.histograms(running.rows(sql.query(dialect, column=asked, table=[asked])))
        assert found[()] == Histogram.from_values([1.0, 2.0])


def test_any_unit_is_text(engine: tuple[str, Any]) -> None:
    unit = 'it\'s a \\ "unit" `x` -- y'
    if engine[0] in ("bigquery", "snowflake"):
        unit = 'it\'s a "unit" `x` -- y'
    found = histograms(engine, pa.table({"latency": [1.0]}), [], unit=unit)
    assert found[()] == Histogram.from_values([1.0], unit=unit)


def test_other_types_are_float64(engine: tuple[str, Any]) -> None:
    whole = histograms(engine, pa.table({"latency": pa.array([1, 2, 3], pa.int64())}), [])[()]
    assert whole == Histogram.from_values([1, 2, 3])
    singles = np.array([0.1, 0.2], np.float32)
    found = histograms(engine, pa.table({"latency": singles}), [])[()]
    assert found == Histogram.from_values(singles.astype(np.float64))


def test_many_large_values_have_an_exact_sum(engine: tuple[str, Any]) -> None:
    """Check sums above 2**63 and 2**64 of m, which is near 2**53: where a sum of 64 bits would overflow."""
    values = np.full(5_000, math.nextafter(2.0, 0))
    found = histograms(engine, pa.table({"latency": values}), [])[()]
    assert found.to_bytes() == Histogram.from_values(values).to_bytes()
