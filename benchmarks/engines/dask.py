"""Dask: exact quantiles by a shuffle, and the histograms of a data frame, on a cluster of two processes."""

from __future__ import annotations

import dask.config
import dask.dataframe as dd
import numpy as np
from dask.distributed import Client, LocalCluster

from historian import Histogram
from historian.engines import dask as engine

from . import QUANTILES, Route

PACKAGES = ("dask", "distributed", "pandas", "pyarrow")
#: Row groups of the file in a partition: 2 million rows.
ROW_GROUPS = 2

_clients: list[Client] = []


def setup() -> None:
    """Start two workers of one thread each."""
    dask.config.set({"distributed.comm.timeouts.connect": "60s"})
    cluster = LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, host="127.0.0.1", dashboard_address=None, memory_limit=None
    )
    _clients.append(Client(cluster))


def teardown() -> None:
    """Stop the workers."""
    client = _clients.pop()
    client.close()
    client.cluster.close()


def rows(path: str) -> dd.DataFrame:
    """Return the file as a data frame."""
    return dd.read_parquet(path, columns=["key", "value"], split_row_groups=ROW_GROUPS)


def shuffled(path: str) -> dict[int, list[float]]:
    """Return exact quantiles: all values of a group come together in one task."""
    groups = rows(path).groupby("key")["value"]
    found = groups.apply(_exact, meta=("value", object)).compute()
    return {int(key): quantiles for key, quantiles in found.items()}


def _exact(values: np.ndarray) -> list[float]:
    quantiles: list[float] = np.quantile(values, QUANTILES, method="inverted_cdf").tolist()
    return quantiles


def histograms(path: str) -> dict[int, list[float]]:
    """Return the quantiles of `histograms`."""
    blobs = engine.histograms(rows(path), value="value", by="key").compute()
    return _answers(blobs.set_index("key")["histogram"])


def aggregated(path: str) -> dict[int, list[float]]:
    """Return the quantiles of histograms that groupby makes."""
    return _answers(rows(path).groupby("key")["value"].agg(engine.histogram()).compute())


def _answers(blobs) -> dict[int, list[float]]:
    return {int(key): Histogram.from_bytes(blob).quantile(QUANTILES).tolist() for key, blob in blobs.items()}


ROUTES = [
    Route("shuffle, exact quantiles", shuffled, ours=False, exact=True),
    Route("histograms", histograms, ours=True, exact=True),
    Route("groupby and the aggregation `histogram`", aggregated, ours=True, exact=True),
]
