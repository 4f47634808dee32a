"""Ray Data: exact quantiles by a shuffle, and the histograms of a dataset, on a local Ray with two processes."""

from __future__ import annotations

import os

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"  # servers listen on 127.0.0.1 only

import numpy as np
import ray
import ray.data
from ray.data.aggregate import Quantile

from historian import Histogram
from historian.engines import ray as engine

from . import QUANTILES, Route

PACKAGES = ("ray", "pyarrow")


def setup() -> None:
    """Start two workers."""
    ray.init(
        num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR", object_store_memory=2 << 30
    )
    ray.data.DataContext.get_current().enable_progress_bars = False


def teardown() -> None:
    """Stop the workers."""
    ray.shutdown()


def rows(path: str) -> ray.data.Dataset:
    """Return the file as a dataset of 10 blocks."""
    return ray.data.read_parquet(path, columns=["key", "value"], override_num_blocks=10)


def quantiles(path: str) -> dict[int, list[float]]:
    """Return the quantiles that Ray's own aggregation finds, which interpolates."""
    wanted = [Quantile("value", q, alias_name=str(q)) for q in QUANTILES]
    found = rows(path).groupby("key", num_partitions=8).aggregate(*wanted)
    return {int(row["key"]): [row[str(q)] for q in QUANTILES] for row in found.iter_rows()}


def shuffled(path: str) -> dict[int, list[float]]:
    """Return exact quantiles: all values of a group come together in one task."""
    found = rows(path).groupby("key", num_partitions=8).map_groups(_exact, batch_format="numpy")
    return {int(row["key"]): row["quantiles"].tolist() for row in found.iter_rows()}


def _exact(group: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    quantiles = np.quantile(group["value"], QUANTILES, method="inverted_cdf")
    return {"key": group["key"][:1], "quantiles": quantiles[None, :]}


def histograms(path: str) -> dict[int, list[float]]:
    """Return the quantiles of `histograms`."""
    return _answers(engine.histograms(rows(path), value="value", by="key"))


def aggregated(path: str) -> dict[int, list[float]]:
    """Return the quantiles of histograms that groupby makes."""
    return _answers(rows(path).groupby("key", num_partitions=8).aggregate(engine.Aggregation("value")))


def _answers(blobs: ray.data.Dataset) -> dict[int, list[float]]:
    return {
        int(row["key"]): Histogram.from_bytes(row["histogram"]).quantile(QUANTILES).tolist()
        for row in blobs.iter_rows()
    }


ROUTES = [
    Route("Quantile (interpolates)", quantiles, ours=False, exact=True),
    Route("shuffle, exact quantiles", shuffled, ours=False, exact=True),
    Route("histograms", histograms, ours=True, exact=True),
    Route("groupby and `Aggregation`", aggregated, ours=True, exact=True),
]
