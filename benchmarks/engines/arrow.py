"""pyarrow: its approximate quantiles, ours on files and datasets, and those of the command line."""

from __future__ import annotations

import contextlib
import io
import json

import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from historian.cli import main
from historian.engines import arrow

from . import QUANTILES, Route

PACKAGES = ("pyarrow",)


def digests(path: str) -> dict[int, list[float]]:
    """Return approximate quantiles."""
    options = pc.TDigestOptions(q=list(QUANTILES))
    table = pq.read_table(path, columns=["key", "value"])
    found = table.group_by("key").aggregate([("value", "tdigest", options)])
    return dict(zip(found["key"].to_pylist(), found["value_tdigest"].to_pylist()))


def file(path: str) -> dict[int, list[float]]:
    """Return the quantiles of histograms of a file that is read batch by batch."""
    with pq.ParquetFile(path) as opened:
        groups = arrow.histograms(opened, value="value", by="key")
    return {key: one.quantile(QUANTILES).tolist() for key, one in groups.items()}


def dataset(path: str) -> dict[int, list[float]]:
    """Return the quantiles of histograms of a dataset, which threads read ahead."""
    groups = arrow.histograms(ds.dataset(path), value="value", by="key")
    return {key: one.quantile(QUANTILES).tolist() for key, one in groups.items()}


def command(path: str) -> dict[int, list[float]]:
    """Return what the command prints; it runs in this process, and so without the time that Python takes to start."""
    percentiles = [repr(round(100 * q, 10)) for q in QUANTILES]
    arguments = ["summarize", path, "--column", "value", "--by", "key", "--format", "json", "-p", ",".join(percentiles)]
    with contextlib.redirect_stdout(io.StringIO()) as out:
        if main(arguments):
            raise RuntimeError("the command has failed")
    rows = json.loads(out.getvalue())["rows"]
    return {int(row["name"]): [row["percentiles"][p.removesuffix(".0")] for p in percentiles] for row in rows}


ROUTES = [
    Route("hash_tdigest", digests, ours=False, exact=False),
    Route("arrow.histograms of a ParquetFile", file, ours=True, exact=True),
    Route("arrow.histograms of a dataset", dataset, ours=True, exact=True),
    Route("historian summarize --by", command, ours=True, exact=True),
]
