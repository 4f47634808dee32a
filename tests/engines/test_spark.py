"""Histograms of Spark's data frames, on a local Spark: buckets, keys, values, blobs, SQL, many rows."""

from __future__ import annotations

import datetime as dt
import decimal
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from historian import Histogram, buckets
from historian import merge as added
from historian.engines import _columns

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
pytest.importorskip("pandas", reason="pandas is not installed")
F = pytest.importorskip("pyspark.sql.functions", reason="PySpark is not installed")
errors = pytest.importorskip("pyspark.errors", reason="PySpark is not installed")
hs = pytest.importorskip("historian.engines.spark", reason="PySpark is not installed", exc_type=ImportError)
spark_local = pytest.importorskip("spark_local", reason="Spark needs Java", exc_type=ImportError)

EDGES = np.array([buckets.upper(i) for i in range(-2048, 4095)])
#: Bucket edges, and the floats beside them.
NEAR_EDGES = np.concatenate([EDGES, np.nextafter(EDGES, 0), np.nextafter(EDGES, np.inf)])
#: Rows of the test of many rows.  By hand, it runs with 100,000,000: see docs/how-to/spark.md.
ROWS = int(os.environ.get("SPARK_ROWS", "400000"))


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    """Run a Spark of two cores in a JVM of this process."""
    with spark_local.running(tmp_path_factory.mktemp("spark")) as found:
        yield found


def read(data: DataFrame, *by: str) -> dict[Any, Histogram]:
    """Return the histograms of a data frame by key: a label, or a tuple of several."""
    assert data.columns == [*by, "histogram"]
    rows = [tuple(row) for row in data.collect()]
    found = {key[0] if len(key) == 1 else tuple(key): Histogram.from_bytes(blob) for *key, blob in rows}
    assert len(found) == len(rows)
    return found


def table(session: SparkSession, parts: int = 3, **columns: Any) -> DataFrame:
    """Return a data frame of columns in several partitions."""
    return session.createDataFrame(pa.table(columns)).repartition(parts)


def test_edges_fall_into_the_buckets_of_the_core(session: SparkSession) -> None:
    data = table(session, key=np.arange(len(NEAR_EDGES)) % 7, value=NEAR_EDGES)
    assert read(hs.histograms(data, "value", "key"), "key") == {
        key: Histogram.from_values(NEAR_EDGES[key::7]) for key in range(7)
    }


def test_several_keys_and_null_ones_with_exact_sums(session: SparkSession) -> None:
    values = np.tile([2.0**53, 1.0, 2.0**-53, 1e300, 0.1, 0.0, 2.0**70], 300)
    a, b = np.arange(len(values)) % 3, ["x", None] * (len(values) // 2)
    data = table(session, 5, **{"a.b": a, "odd `name`": pa.array(b), "value": values})
    found = read(hs.histograms(data, "value", ["a.b", "odd `name`"], unit="ms"), "a.b", "odd `name`")
    expected = {
        (i, label): Histogram.from_values([v for v, x, y in zip(values, a, b) if (x, y) == (i, label)], unit="ms")
        for i in range(3)
        for label in ("x", None)
    }
    assert found == expected
    assert [found[key].sum for key in expected] == [expected[key].sum for key in expected]
    assert found[0, None].overflow_count and found[0, None].zero_count


@pytest.mark.parametrize("bad", [None, float("nan"), float("inf"), float("-inf"), -1.0])
def test_invalid_values_fail_the_job(session: SparkSession, bad: float | None) -> None:
    data = table(session, 1, key=["a", "a", "b", "c"], value=pa.array([1.0, bad, 2.0, bad], pa.float64()))
    with pytest.raises(errors.PythonException, match="ValueError: 2 of 4 values are missing, NaN, infinite or neg"):
        hs.histograms(data, "value", "key").collect()


def test_invalid_values_are_dropped(session: SparkSession) -> None:
    values = pa.array([1.0, None, 2.0, float("nan"), float("inf"), float("-inf"), -1.0], pa.float64())
    data = table(session, 2, key=["a", "a", "b", "b", "b", "a", "c"], value=values)
    assert read(hs.histograms(data, "value", "key", invalid="drop"), "key") == {
        "a": Histogram.from_values([1.0]),
        "b": Histogram.from_values([2.0]),
    }


def test_no_keys_give_one_row_and_no_rows_give_none(session: SparkSession) -> None:
    data = table(session, key=["a", "b", "a"], value=[1.0, 2.0, 4.0])
    assert read(hs.histograms(data, "value"))[()] == Histogram.from_values([1.0, 2.0, 4.0])
    nothing = data.where("key = 'z'")
    assert hs.histograms(nothing, "value").collect() == []
    empty = hs.histograms(nothing, "value", "key")
    assert (empty.collect(), empty.dtypes) == ([], [("key", "string"), ("histogram", "binary")])


def test_values_of_other_types(session: SparkSession) -> None:
    numbers = [1, 3, 250]
    for kind in (pa.int8(), pa.int64(), pa.float32(), pa.decimal128(12, 3)):
        column = pa.array([decimal.Decimal(n) for n in numbers] if pa.types.is_decimal(kind) else numbers[:2], kind)
        found = read(hs.histograms(table(session, value=column), "value"))[()]
        assert found == Histogram.from_values(numbers[: len(column)])
    waits = table(session, value=pa.array([dt.timedelta(milliseconds=3), dt.timedelta(seconds=2)], pa.duration("us")))
    assert read(hs.histograms(waits, "value", unit="ms"))[()] == Histogram.from_values([3, 2000], unit="ms")
    with pytest.raises(TypeError, match="the column value must have numbers or intervals of time, not string"):
        hs.histograms(table(session, value=["1"]), "value")


def test_keys_of_any_type_are_those_of_spark(session: SparkSession) -> None:
    noon = dt.datetime(2026, 10, 25, 0, 30, tzinfo=dt.timezone.utc)
    keys = {
        "flag": [True, None, False, True],
        "day": [noon.date(), None, noon.date(), noon.date()],
        "time": pa.array([noon, noon + dt.timedelta(hours=1), None, noon], pa.timestamp("us", "UTC")),
        "price": [decimal.Decimal("1.50"), decimal.Decimal("2.50"), None, decimal.Decimal("1.50")],
        "share": [0.0, 0.5, None, -0.0],
        "raw": [b"\x00", b"\xff", None, b"\x00"],
        "pair": [{"x": 1, "y": None}, {"x": None, "y": {"z": "b"}}, None, {"x": 1, "y": None}],
    }
    data = table(session, 2, value=[1.0, 2.0, 3.0, 4.0], **keys)
    found = hs.histograms(data, "value", list(keys))
    assert [found.schema[name].dataType for name in keys] == [data.schema[name].dataType for name in keys]
    counted = data.groupBy(*keys).agg(F.count("*"), F.sum("value")).collect()
    rows = [tuple(row) for row in found.collect()]
    sums = {str(key): (h.count, h.sum) for *key, h in ((*row[:-1], Histogram.from_bytes(row[-1])) for row in rows)}
    assert sums == {str(list(row[:-2])): tuple(row[-2:]) for row in counted}
    assert len(rows) == 3  # the first row and the last one have the same keys


def test_keys_that_are_nan_are_missing(session: SparkSession) -> None:
    data = table(session, key=pa.array([1.0, float("nan"), None, 1.0]), value=[1.0, 2.0, 3.0, 4.0])
    assert {key: h.sum for key, h in read(hs.histograms(data, "value", "key"), "key").items()} == {1.0: 5.0, None: 5.0}


def test_the_hour_that_comes_twice_in_autumn_is_two_hours(session: SparkSession) -> None:
    """In Berlin, both times are 2:30 on that day."""
    times = [dt.datetime(2026, 10, 25, hour, 30, tzinfo=dt.timezone.utc) for hour in (0, 1)]
    data = table(session, 1, time=pa.array(times, pa.timestamp("us", "UTC")), value=[1.0, 2.0])
    found = hs.histograms(data, "value", "time").select(F.unix_seconds("time").alias("time"), "histogram")
    assert {key: h.sum for key, h in read(found, "time").items()} == {
        int(time.timestamp()): value for time, value in zip(times, (1.0, 2.0))
    }


def test_keys_that_are_lists_are_refused(session: SparkSession) -> None:
    with pytest.raises(TypeError, match="keys must be single values, such as texts or numbers, not array"):
        hs.histograms(table(session, key=[[1], [2]], value=[1.0, 2.0]), "value", "key")


def test_names_that_are_not_there_are_refused(session: SparkSession) -> None:
    data = table(session, key=["a"], value=[1.0])
    with pytest.raises(ValueError, match="there is no column 'route': the columns are key, value"):
        hs.histograms(data, "value", ["route"])
    with pytest.raises(ValueError, match="there is no column 'latency'"):
        hs.histograms(data, "latency", ["key"])
    with pytest.raises(ValueError, match="by must name different columns"):
        hs.histograms(data, "value", ["key", "key"])
    with pytest.raises(ValueError, match="there is no column 'histogram'"):
        hs.merge(data, ["key"])
    with pytest.raises(ValueError, match='invalid must be "raise" or "drop"'):
        hs.histograms(data, "value", invalid="ignore")
    with pytest.raises(ValueError, match="unit must be a printable label"):
        hs.histograms(data, "value", unit="")


def test_stored_blobs_are_merged(session: SparkSession, tmp_path: Path) -> None:
    values = np.random.default_rng(1).lognormal(0, 1, 9_000)
    data = table(session, 4, day=np.arange(9_000) % 4, route=["a", "b", "c"] * 3_000, value=values)
    hs.histograms(data, "value", ["day", "route"]).write.parquet(str(tmp_path / "blobs"))
    stored = session.read.parquet(str(tmp_path / "blobs"))
    expected = {name: Histogram.from_values(values[i::3]) for i, name in enumerate("abc")}
    assert read(hs.merge(stored, "route"), "route") == expected
    assert read(hs.merge(stored)) == {(): added(expected.values())}

    hs.register(session)
    stored.createOrReplaceTempView("stored")
    rows = session.sql(
        "SELECT route, historian_quantile(historian_merge(histogram), 0.999) AS p FROM stored GROUP BY route"
    ).collect()
    assert {row.route: row.p for row in rows} == {name: h.quantile(0.999) for name, h in expected.items()}


@pytest.mark.parametrize(
    ("damaged", "reason"),
    [
        (b"damaged", "row 1 of the group has no histogram in the column histogram: "),
        (None, "row 1 of the group has no histogram in the column histogram: it is missing"),
        (Histogram.from_values([1.0], unit="ms").to_bytes(), "unit"),
    ],
    ids=["damaged", "missing", "of another unit"],
)
def test_damaged_blobs_fail_the_job(session: SparkSession, damaged: bytes | None, reason: str) -> None:
    good = Histogram.from_values([1.0]).to_bytes()
    data = table(session, 1, key=[1, 1, 1], histogram=pa.array([good, damaged, good], pa.binary()))
    with pytest.raises(errors.PythonException, match=f"ValueError: .*{reason}"):
        hs.merge(data, "key").collect()


def test_quantiles_of_a_column(session: SparkSession) -> None:
    histogram = Histogram.from_values(range(1, 1001))
    blobs = [histogram.to_bytes(), None, Histogram().to_bytes()]
    data = table(session, 1, n=[0, 1, 2], histogram=pa.array(blobs, pa.binary()))
    for q in (0, 0.5, 0.999, 1):
        found = data.orderBy("n").select(hs.quantile("histogram", q), hs.quantile(F.col("histogram"), q)).collect()
        assert [tuple(row) for row in found] == [(histogram.quantile(q),) * 2, (None, None), (None, None)]
    with pytest.raises(ValueError, match=r"1\.5"):
        hs.quantile("histogram", 1.5)
    bad = table(session, 1, histogram=[blobs[0], b"damaged"])
    with pytest.raises(errors.PythonException, match="ValueError: row 1 of 2 in a batch has no quantile: "):
        bad.select(hs.quantile("histogram", 0.5)).collect()


def test_a_task_of_very_many_groups_hands_them_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run what a task runs, with limits that a few rows reach."""
    values = np.random.default_rng(2).lognormal(0, 1, 20_000)
    data = pa.table({"key": np.arange(20_000) % 500, "value": values})
    monkeypatch.setattr(hs, "ROWS", 3_000)
    monkeypatch.setattr(hs, "NBYTES", 50_000)
    parts = list(hs._partials(iter(data.to_batches(max_chunksize=700)), "value", ["key"], "s", "raise"))
    assert len(parts) > 1
    assert all(part.nbytes < 2 * hs.NBYTES for part in parts)
    sums = _columns.merged(pa.Table.from_batches(parts), ["key"]).to_pylist()
    found = {row["key"]: Histogram.from_bytes(row["histogram"]) for row in sums}
    assert found == {key: Histogram.from_values(values[key::500]) for key in range(500)}


def test_many_rows(session: SparkSession) -> None:
    """Each of 100 keys has each of 1,000 values equally often."""
    assert ROWS % 100_000 == 0
    numbers = session.range(ROWS)
    data = numbers.select((F.col("id") % 100).alias("key"), ((F.col("id") / 100).cast("long") % 1000).alias("value"))
    began = time.perf_counter()
    found = read(hs.histograms(data, "value", "key"), "key")
    print(f"{ROWS:,} rows in {time.perf_counter() - began:.1f} s")
    once = Histogram.from_values(range(1000))
    assert set(found) == set(range(100))
    for histogram in found.values():
        assert histogram.count == ROWS // 100
        assert histogram.counts.tolist() == (once.counts * (ROWS // 100_000)).tolist()
        assert (histogram.min, histogram.max, histogram.sum) == (0, 999, 499_500 * (ROWS // 100_000))
