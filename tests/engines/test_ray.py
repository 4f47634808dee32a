"""Histograms on Ray Data, in a local Ray with two processes."""

import os
import signal
import threading
import time
from itertools import pairwise
from pathlib import Path

import pytest

pytest.importorskip("ray.data", reason="ray[data] is not installed")
import numpy as np
import pyarrow as pa
import ray
from ray.data.aggregate import Count

from historian import Histogram, buckets, merge
from historian.engines import ray as engine

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # Ray warns of its own settings

EDGES = np.array([buckets.upper(i) for i in range(-2048, 4095)])
#: Bucket edges, the floats beside them, zeros, and values beyond the last bucket.
VALUES = np.concatenate([EDGES, np.nextafter(EDGES, 0), np.nextafter(EDGES, np.inf), [0.0, 2.0**-40, 1e300]])


@pytest.fixture(scope="module", autouse=True)
def cluster():
    ray.init(
        num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR", object_store_memory=200 << 20
    )
    ray.data.DataContext.get_current().enable_progress_bars = False
    yield
    ray.shutdown()


def calls(n=6_000):
    """Return a table with keys of several types, some of them missing."""
    random = np.random.default_rng(1)
    return pa.table(
        {
            "route": pa.array(random.choice(["/users", "/search", None], n)),
            "status": pa.array(random.choice([200, 404, 503], n), mask=random.random(n) < 0.1),
            "latency": random.lognormal(0, 1, n),
        }
    )


def dataset(table, blocks=10):
    """Return a dataset of so many blocks."""
    starts = np.linspace(0, table.num_rows, blocks + 1).astype(int).tolist()
    return ray.data.from_arrow([table.slice(a, b - a) for a, b in pairwise(starts)])


def read(blobs, *by):
    """Return the histograms of a dataset by key: a label, or a tuple of several."""
    rows = blobs.take_all()
    found = {}
    for row in rows:
        assert set(row) == {*by, "histogram"}
        key = tuple(row[name] for name in by)
        found[key[0] if len(by) == 1 else key] = Histogram.from_bytes(row["histogram"])
    assert len(found) == len(rows)
    return found


def expected(table, *by, unit="s"):
    """Return the histograms of the core, by key."""
    values = {}
    for *labels, value in zip(*(table[name].to_pylist() for name in [*by, "latency"])):
        values.setdefault(labels[0] if len(by) == 1 else tuple(labels), []).append(value)
    return {key: Histogram.from_values(some, unit=unit) for key, some in values.items()}


def test_servers_listen_on_this_machine_only():
    assert ray.get_runtime_context().gcs_address.startswith("127.0.0.1:")


def test_edges_fall_into_the_buckets_of_the_core():
    assert len(EDGES) == 6_143
    table = pa.table({"key": np.arange(len(VALUES)) % 7, "value": VALUES})
    found = read(engine.histograms(dataset(table), "value", "key"), "key")
    assert found == {key: Histogram.from_values(VALUES[key::7]) for key in range(7)}


def test_groups_of_several_keys_are_merged_in_a_tree(monkeypatch):
    """Check that a task merges at most ROWS histograms of several blocks, and that merging by other keys is exact."""
    monkeypatch.setattr(engine, "ROWS", 50)
    table = calls()
    by = ["route", "status"]
    blobs = engine.histograms(dataset(table, 30), value="latency", by=by, unit="ms").materialize()
    assert read(blobs, *by) == expected(table, *by, unit="ms")
    stages = [line for line in blobs.stats().splitlines() if line.startswith("Operator")]
    tree = next(line for line in stages if "MapBatches(merged): " in line and "Shuffle" not in line)
    assert f"{30 * 12 // 50 + 1} tasks executed" in tree
    assert read(engine.merge(blobs, "status"), "status") == expected(table, "status", unit="ms")


def test_without_keys_there_is_one_row_and_its_quantile():
    table = calls()
    whole = Histogram.from_values(table["latency"].to_numpy())
    (row,) = engine.quantile(engine.histograms(dataset(table), "latency"), 0.99).take_all()
    assert Histogram.from_bytes(row["histogram"]) == whole
    assert row["quantile"] == whole.quantile(0.99)


def test_a_dataset_without_rows():
    none = dataset(calls().slice(0, 0), 1)
    assert engine.histograms(none, "latency", "route").take_all() == []
    assert engine.histograms(none, "latency").take_all() == []


def test_invalid_values_raise_or_are_dropped():
    values = pa.array([1.0, None, float("nan"), float("inf"), -float("inf"), -1.0, 2.0])
    some = dataset(pa.table({"key": list("aaaaaab"), "latency": values}), 1)
    with pytest.raises(ray.exceptions.RayTaskError, match="5 of 7 values are missing, NaN, infinite or negative"):
        engine.histograms(some, "latency", "key").take_all()
    found = read(engine.histograms(some, "latency", "key", invalid="drop"), "key")
    assert found == {"a": Histogram.from_values([1.0]), "b": Histogram.from_values([2.0])}


@pytest.mark.parametrize(("damaged", "reason"), [(b"damaged", "row 1 "), (None, "row 1 .* missing")])
def test_a_damaged_blob_is_named_by_its_row(damaged, reason):
    blob = Histogram.from_values([1.0]).to_bytes()
    some = dataset(pa.table({"histogram": pa.array([blob, damaged, blob], pa.binary())}), 1)
    with pytest.raises(ray.exceptions.RayTaskError, match=reason):
        engine.merge(some).take_all()


def test_quantiles_of_missing_and_empty_histograms_are_null():
    blobs = [Histogram.from_values(range(1, 1_001)).to_bytes(), None, Histogram().to_bytes()]
    some = dataset(pa.table({"histogram": pa.array(blobs, pa.binary())}), 1)
    found = [row["p99"] for row in engine.quantile(some, 0.99, column="p99").take_all()]
    assert found == [Histogram.from_values(range(1, 1_001)).quantile(0.99), None, None]


def test_arguments_are_checked_before_any_task_runs():
    some = dataset(calls(10), 1)
    with pytest.raises(ValueError, match=r'"raise" or "drop"'):
        engine.histograms(some, "latency", invalid="ignore")
    with pytest.raises(ValueError, match="histogram"):
        engine.histograms(some, "latency", ["histogram"])
    with pytest.raises(ValueError, match=r"1\.5"):
        engine.quantile(some, 1.5)
    with pytest.raises(ValueError, match="unit"):
        engine.Aggregation("latency", unit="")


def test_the_aggregation_of_groupby():
    table = calls()
    groups = dataset(table).groupby("route", num_partitions=2)
    rows = groups.aggregate(Count(), engine.Aggregation("latency", unit="ms", name="latencies")).take_all()
    found = {row["route"]: Histogram.from_bytes(row["latencies"]) for row in rows}
    assert found == expected(table, "route", unit="ms")
    assert {row["route"]: row["count()"] for row in rows} == {route: h.count for route, h in found.items()}


def test_the_aggregation_of_a_whole_dataset():
    table = calls()
    row = dataset(table).aggregate(engine.Aggregation("latency"))
    assert Histogram.from_bytes(row["histogram"]) == Histogram.from_values(table["latency"].to_numpy())
    nulls = dataset(pa.table({"latency": pa.array([1.0, None])}), 1)
    with pytest.raises(ray.exceptions.RayTaskError, match="1 of 2 values are missing"):
        nulls.aggregate(engine.Aggregation("latency"))
    row = nulls.aggregate(engine.Aggregation("latency", invalid="drop"))
    assert Histogram.from_bytes(row["histogram"]) == Histogram.from_values([1.0])


def test_a_lost_worker_changes_nothing(tmp_path):
    """Kill a worker in the middle of a task: it runs again, and nothing counts twice."""
    folder = str(tmp_path)

    def slow(batch):
        """Return 1,000 rows for each number, in 0.1 s; each time, write a file named after the process."""
        number = int(batch["id"][0])
        random = np.random.default_rng(number)
        Path(folder, f"{number}-{os.getpid()}-{time.monotonic_ns()}").touch()
        time.sleep(0.1)
        return {"route": random.integers(0, 5, 1_000), "latency": random.lognormal(0, 1, 1_000)}

    killed = []

    def kill():
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and not killed:
            made = sorted(tmp_path.iterdir(), key=lambda path: int(path.name.split("-")[2]))
            if len(made) >= 10:
                killed.append(int(made[-1].name.split("-")[1]))
                os.kill(killed[0], signal.SIGKILL)
            time.sleep(0.01)

    lazy = ray.data.range(40, override_num_blocks=40).map_batches(slow, batch_size=None)
    killer = threading.Thread(target=kill)
    killer.start()
    found = read(engine.histograms(lazy, "latency", "route"), "route")
    killer.join()
    made = [path.name.split("-")[0] for path in tmp_path.iterdir()]
    assert killed
    assert len(set(made)) == 40 < len(made)  # some were made twice
    randoms = [np.random.default_rng(number) for number in range(40)]
    rows = [(random.integers(0, 5, 1_000), random.lognormal(0, 1, 1_000)) for random in randoms]
    routes, latencies = (np.concatenate(column) for column in zip(*rows))
    assert found == {route: Histogram.from_values(latencies[routes == route]) for route in range(5)}
    assert merge(found.values()).count == 40_000
