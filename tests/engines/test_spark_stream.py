"""Histograms of streams, by windows of event time, beside Spark's own aggregates of the same streams."""

from __future__ import annotations

import datetime as dt
import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from historian import Histogram
from historian import merge as added

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
pytest.importorskip("pandas", reason="pandas is not installed")
F = pytest.importorskip("pyspark.sql.functions", reason="PySpark is not installed")
errors = pytest.importorskip("pyspark.errors", reason="PySpark is not installed")
hs = pytest.importorskip("historian.engines.spark", reason="PySpark is not installed", exc_type=ImportError)
spark_local = pytest.importorskip("spark_local", reason="Spark needs Java", exc_type=ImportError)
pq = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")

START = dt.datetime(2026, 10, 25, 0, 0, tzinfo=dt.timezone.utc)  # in Berlin, 2:00 comes twice on that day
Events = list[tuple[float, "str | None", float]]  # seconds after the start, route, latency


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    """Run a Spark of two cores in a JVM of this process."""
    with spark_local.running(tmp_path_factory.mktemp("spark")) as found:
        yield found


def put(folder: Path, number: int, events: Events) -> None:
    """Write a file of events, which becomes a batch of the stream."""
    times = pa.array([START + dt.timedelta(seconds=seconds) for seconds, _, _ in events], pa.timestamp("us", "UTC"))
    columns = {"time": times, "route": pa.array([e[1] for e in events], pa.string()), "latency": [e[2] for e in events]}
    folder.mkdir(exist_ok=True)
    pq.write_table(pa.table(columns), folder / ".new")
    os.utime(folder / ".new", (1_700_000_000 + number, 1_700_000_000 + number))  # the order in which Spark reads them
    (folder / ".new").rename(folder / f"{number}.parquet")


def batches() -> list[Events]:
    """Return events of 5 routes, also null, in files: each is later than the one before, and some events are late."""
    rng = np.random.default_rng(3)
    routes = ["a", "b", None, "", '"quoted" \\ ü']
    found: list[Events] = []
    for number in range(6):
        times = number * 1500 + rng.uniform(0, 1800, 500)
        found.append([(float(t), routes[int(rng.integers(5))], float(rng.lognormal())) for t in times])
    found[3] += [(10.0, "a", 1000.0), (20.0, None, 1000.0)]  # the watermark is far beyond
    found[4] += [(4 * 1500 - 300.0, "a", 2000.0)]  # out of order, but not late
    found.append([(50_000.0, "a", 1.0)])  # ends all other windows
    return found


def windows(session: SparkSession, folder: Path) -> DataFrame:
    """Return the stream of the files of a folder, with a column of windows."""
    stream = session.readStream.schema("time timestamp, route string, latency double")
    events = stream.option("maxFilesPerTrigger", 1).parquet(str(folder))
    return events.withWatermark("time", "10 minutes").withColumn("window", F.window("time", "20 minutes"))


def run(data: DataFrame, folder: Path, name: str) -> list[Any]:
    """Run a stream to the end of its files, with a checkpoint of that name, and return all rows written so far."""
    writer = data.writeStream.format("parquet").option("checkpointLocation", str(folder / f"{name}-state"))
    query = writer.outputMode("append").trigger(availableNow=True).start(str(folder / name))
    query.awaitTermination()
    return data.sparkSession.read.schema(data.schema).parquet(str(folder / name)).collect()


def test_a_stream_by_window_is_what_spark_counts(session: SparkSession, tmp_path: Path) -> None:
    """Spark's own aggregates of the same stream are the oracle: also of what is late, and of when windows end."""
    for number, events in enumerate(batches()):
        put(tmp_path / "in", number, events)
    data = windows(session, tmp_path / "in")
    found = run(hs.histograms(data, value="latency", by=["window", "route"]), tmp_path, "ours")
    own = data.groupBy("window", "route").agg(F.count("*"), F.max("latency"), F.min("latency"))
    counted = run(own, tmp_path, "own")
    histograms = {(row.window, row.route): Histogram.from_bytes(row.histogram) for row in found}
    assert len(histograms) == len(found) > 30
    assert {key: (h.count, h.max, h.min) for key, h in histograms.items()} == {
        tuple(r)[:2]: tuple(r)[2:] for r in counted
    }
    assert sum(h.count for h in histograms.values()) == 6 * 500 + 1  # without the late ones
    first, last = sorted({row.window.start.timestamp() for row in found})[:: len({row.window for row in found}) - 1]
    assert (first, last) == (START.timestamp(), START.timestamp() + 1200 * 7)

    in_time = [event for events in batches()[:-1] for event in events if event[2] < 1000.0 or event[2] == 2000.0]
    expected: dict[Any, list[float]] = {}
    for seconds, route, latency in in_time:
        expected.setdefault((START.timestamp() + seconds // 1200 * 1200, route), []).append(latency)
    assert {(window.start.timestamp(), route): h for (window, route), h in histograms.items()} == {
        key: Histogram.from_values(values) for key, values in expected.items()
    }


def test_a_stream_goes_on_from_its_checkpoint(session: SparkSession, tmp_path: Path) -> None:
    events = batches()
    for number in range(2):
        put(tmp_path / "in", number, events[number])
    data = hs.histograms(windows(session, tmp_path / "in"), value="latency", by="window")
    before = run(data, tmp_path, "out")
    for number in (2, 6):
        put(tmp_path / "in", number, events[number])
    after = run(data, tmp_path, "out")
    assert 0 < len(before) < len(after)
    assert added(row.histogram for row in after) == Histogram.from_values([e[2] for n in range(3) for e in events[n]])


def test_blobs_of_a_stream_are_merged(session: SparkSession, tmp_path: Path) -> None:
    """Hosts send a histogram each: here, of one value."""
    for number, events in enumerate(batches()[:2] + batches()[-1:]):
        put(tmp_path / "in", number, events)
    blob = F.udf(lambda value: __import__("historian").Histogram.from_values([value]).to_bytes(), "binary")
    data = windows(session, tmp_path / "in").withColumn("histogram", blob("latency")).drop("latency")
    found = run(hs.merge(data, by="window"), tmp_path, "out")
    expected = Histogram.from_values([event[2] for events in batches()[:2] for event in events])
    assert added(row.histogram for row in found) == expected


def test_invalid_values_end_a_stream(session: SparkSession, tmp_path: Path) -> None:
    put(tmp_path / "in", 0, [(1.0, "a", math.nan), (2.0, "a", 1.0)])
    data = hs.histograms(windows(session, tmp_path / "in"), value="latency", by="window")
    with pytest.raises(errors.StreamingQueryException, match="1 of 2 values are missing, NaN, infinite or negative"):
        run(data, tmp_path, "out")


def test_a_stream_without_windows_is_refused(session: SparkSession, tmp_path: Path) -> None:
    put(tmp_path / "in", 0, [(1.0, "a", 1.0)])
    data = windows(session, tmp_path / "in")
    with pytest.raises(ValueError, match="a stream needs a column of windows in by: call withWatermark"):
        hs.histograms(data, value="latency", by=["route"])
    plain = session.readStream.schema("time timestamp, latency double").parquet(str(tmp_path / "in"))
    with pytest.raises(ValueError, match="a stream needs a column of windows in by"):
        hs.histograms(plain.withColumn("window", F.window("time", "1 hour")), value="latency", by="window")
