"""Spark with two cores: its approximate percentiles, its KLL sketches, and histograms."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from historian import Histogram
from historian.engines import spark as hs

from . import QUANTILES, Route, _sql

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa
    from pyspark.sql import DataFrame

PACKAGES = ("pyspark", "pyarrow")
#: Without a limit, which is this number, Spark asks for the size of a batch of Arrow after each row.
UNLIMITED = {
    "spark.sql.execution.arrow.maxBytesPerBatch": "2147483647",
    "spark.sql.execution.arrow.maxRecordsPerBatch": "100000",
}


def setup() -> None:
    """Start Spark in a JVM of this process, on loopback."""
    os.environ.update(PYSPARK_PYTHON=sys.executable, PYSPARK_DRIVER_PYTHON=sys.executable, SPARK_LOCAL_IP="127.0.0.1")
    builder = SparkSession.builder.master("local[2]").config("spark.driver.host", "127.0.0.1")
    for name, value in {
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.driver.memory": "4g",
    }.items():
        builder = builder.config(name, value)
    builder.getOrCreate().sparkContext.setLogLevel("ERROR")


def teardown() -> None:
    """Stop Spark."""
    _session().stop()


def _session() -> SparkSession:
    session = SparkSession.getActiveSession()
    assert session is not None
    return session


def _read(path: str) -> DataFrame:
    return _session().read.parquet(path)


def percentiles(path: str) -> dict[int, list[float]]:
    """Return approximate percentiles, at the default accuracy."""
    found = _read(path).groupBy("key").agg(F.percentile_approx("value", QUANTILES, 10_000).alias("answer"))
    return {row.key: row.answer for row in found.collect()}


def sketches(path: str) -> dict[int, list[float]]:
    """Return quantiles of KLL sketches, with Spark's default k."""
    shares = F.array(*map(F.lit, QUANTILES))
    answer = F.kll_sketch_get_quantile_double(F.kll_sketch_agg_double("value"), shares)
    return {row.key: row.answer for row in _read(path).groupBy("key").agg(answer.alias("answer")).collect()}


def histograms(path: str) -> dict[int, list[float]]:
    """Return quantiles of histograms."""
    rows = hs.histograms(_read(path), value="value", by="key").collect()
    return {row.key: Histogram.from_bytes(row.histogram).quantile(QUANTILES).tolist() for row in rows}


def large_batches(path: str) -> dict[int, list[float]]:
    """Return quantiles of histograms, when Spark hands over large batches."""
    with _unlimited():
        return histograms(path)


def handed_over(path: str) -> None:
    """Hand all rows to a function in Python that ignores them: what none that sees each value can fall below."""
    _read(path).mapInArrow(_ignored, "key int").collect()


def handed_over_in_large_batches(path: str) -> None:
    """Hand all rows to a function in Python that ignores them, in large batches."""
    with _unlimited():
        handed_over(path)


@contextmanager
def _unlimited() -> Iterator[None]:
    before = {name: _session().conf.get(name) for name in UNLIMITED}
    try:
        for name, value in UNLIMITED.items():
            _session().conf.set(name, value)
        yield
    finally:
        for name, value in before.items():
            _session().conf.set(name, value)


def _ignored(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        yield batch.select(["key"]).slice(0, 0)


def query(path: str) -> dict[int, list[float]]:
    """Return quantiles of histograms that a query makes."""
    return _sql.quantiles(_session().sql(_sql.query("spark", ["parquet", path])))


ROUTES = [
    Route("percentile_approx(10000)", percentiles, ours=False, exact=False),
    Route("kll_sketch_agg_double", sketches, ours=False, exact=False),
    Route("rows handed to Python, which ignores them", handed_over, ours=False, exact=False),
    Route("histograms", histograms, ours=True, exact=True),
    Route("rows handed over in large Arrow batches", handed_over_in_large_batches, ours=False, exact=False),
    Route("histograms, large Arrow batches", large_batches, ours=True, exact=True),
    Route("sql.query", query, ours=True, exact=True),
]
