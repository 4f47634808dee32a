"""Polars: its exact quantiles, and ours on eager and lazy frames."""

from __future__ import annotations

import polars as pl

from historian import Histogram
from historian.engines import polars

from . import QUANTILES, Route

PACKAGES = ("polars",)


def exact(path: str) -> dict[int, list[float]]:
    """Return exact quantiles."""
    asked = [pl.col("value").quantile(q, "higher").alias(str(q)) for q in QUANTILES]
    found = pl.scan_parquet(path).group_by("key").agg(asked).collect()
    return {key: quantiles for key, *quantiles in found.rows()}


def eager(path: str) -> dict[int, list[float]]:
    """Return the quantiles of histograms of a frame in memory."""
    groups = polars.histograms(pl.read_parquet(path, columns=["key", "value"]), value="value", by="key")
    return {key: one.quantile(QUANTILES).tolist() for key, one in groups.items()}


def lazy(path: str) -> dict[int, list[float]]:
    """Return the quantiles of histograms of a file that is read batch by batch."""
    blobs = polars.histograms(pl.scan_parquet(path), value="value", by="key").collect()
    return {key: Histogram.from_bytes(blob).quantile(QUANTILES).tolist() for key, blob in blobs.rows()}


ROUTES = [
    Route("quantile", exact, ours=False, exact=True),
    Route("polars.histograms of a DataFrame", eager, ours=True, exact=True),
    Route("polars.histograms of a LazyFrame", lazy, ours=True, exact=True),
]
