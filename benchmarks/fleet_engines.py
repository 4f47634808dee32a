"""What each engine needs to merge the histograms of a fleet into one for each region."""

from __future__ import annotations

import importlib
import importlib.metadata
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

from historian import Histogram, merge

if TYPE_CHECKING:
    from collections.abc import Sequence

#: The distribution of each engine.
ENGINES = {"arrow": "pyarrow", "duckdb": "duckdb", "polars": "polars", "dask": "dask", "ray": "ray", "spark": "pyspark"}
#: Files that the histograms are in.
FILES = 8


def costs(blobs: list[bytes], regions: int, folder: Path, names: Sequence[str]) -> dict[str, dict[str, float | str]]:
    """Return the version of each installed engine, the seconds of processors that it needs, and those that pass.

    Each engine is measured in a process of its own, after a run that warms up.  Host number n is in the region n modulo
    `regions`.  Raises AssertionError unless the merged histograms are those of the core.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.table({"region": [n % regions for n in range(len(blobs))], "histogram": pa.array(blobs, pa.binary())})
    rows = -(-len(blobs) // FILES)
    for number in range(FILES):
        pq.write_table(table.slice(number * rows, rows), folder / f"{number}.parquet")
    exact = {region: merge(blobs[region::regions]).to_bytes() for region in range(regions)}
    found: dict[str, dict[str, float | str]] = {}
    for name in names:
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
            try:
                cpu, wall = process.submit(cost, name, str(folder), exact).result()
            except ImportError as error:
                print(f"skipped: {name} ({error})", flush=True)
                continue
        found[name] = {"version": importlib.metadata.version(ENGINES[name]), "cpu": cpu, "wall": wall}
        print(f"{name}: {cpu:.3f} s of processors, {wall:.3f} s", flush=True)
    return found


def cost(name: str, folder: str, exact: dict[int, bytes], rounds: int = 3) -> tuple[float, float]:
    """Return the least seconds of processors, of this process and its children, and those that pass."""
    # Before the engine, since that of Ray says where its servers listen.
    cluster = importlib.import_module(f"benchmarks.engines.{name}") if name in ("dask", "ray", "spark") else None
    importlib.import_module(f"historian.engines.{name}")
    if cluster:
        cluster.setup()
    try:
        run = globals()[f"with_{name}"]
        if {region: Histogram.from_bytes(blob) for region, blob in run(folder)} != {
            region: Histogram.from_bytes(blob) for region, blob in exact.items()
        }:
            raise AssertionError(f"{name} must give the histograms of the core")
        measured = []
        for _ in range(rounds):
            before, began = processors(), time.perf_counter()
            run(folder)
            measured.append((processors() - before, time.perf_counter() - began))
        return min(cpu for cpu, _ in measured), min(wall for _, wall in measured)
    finally:
        if cluster:
            cluster.teardown()


def processors() -> float:
    """Return the processors' seconds of this process and of all below it."""
    import psutil

    own = psutil.Process()
    total = 0.0
    for process in [own, *own.children(recursive=True)]:
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system
    return total


def with_arrow(folder: str) -> list[tuple[int, bytes]]:
    import pyarrow.dataset as ds

    from historian.engines import arrow

    merged = arrow.merge(ds.dataset(folder), by="region")
    blobs = [one.to_bytes() for one in merged["histogram"].to_pylist()]
    return list(zip(merged["region"].to_pylist(), blobs))


def with_duckdb(folder: str) -> list[tuple[int, bytes]]:
    import duckdb

    from historian.engines import duckdb as engine

    relation = duckdb.connect().read_parquet(f"{folder}/*.parquet")
    return engine.merge(relation, by="region").fetchall()


def with_polars(folder: str) -> list[tuple[int, bytes]]:
    import polars as pl

    from historian.engines import polars

    return polars.merge(pl.scan_parquet(folder), by="region").collect().rows()


def with_dask(folder: str) -> list[tuple[int, bytes]]:
    import dask.dataframe as dd

    from historian.engines import dask

    return list(dask.merge(dd.read_parquet(folder), by="region").compute().itertuples(index=False, name=None))


def with_ray(folder: str) -> list[tuple[int, bytes]]:
    import ray

    from historian.engines import ray as engine

    rows = engine.merge(ray.data.read_parquet(folder), by="region").take_all()
    return [(row["region"], row["histogram"]) for row in rows]


def with_spark(folder: str) -> list[tuple[int, bytes]]:
    from pyspark.sql import SparkSession

    from historian.engines import spark

    session = SparkSession.getActiveSession()
    assert session is not None
    return [(row.region, bytes(row.histogram)) for row in spark.merge(session.read.parquet(folder), "region").collect()]
