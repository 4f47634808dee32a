"""The time to merge a column of a million blobs into a hundred groups."""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING, Any

import numpy as np

import historian

from .. import machine

if TYPE_CHECKING:
    from collections.abc import Callable

BLOBS = 1_000_000
GROUPS = 100
#: Different blobs among them, each of so many lognormal values: a minute of a host.
DIFFERENT, VALUES = 5_000, 200


def measure(rounds: int) -> dict[str, Any]:
    """Return the seconds of each way, which take turns, and the mean size of a blob."""
    import pyarrow as pa

    random = np.random.default_rng(1)
    blobs = [historian.Histogram.from_values(random.lognormal(-6, 1, VALUES)).to_bytes() for _ in range(DIFFERENT)]
    rows = [blobs[i % DIFFERENT] for i in range(BLOBS)]
    keys = random.integers(0, GROUPS, BLOBS, dtype=np.int32)
    table = pa.table({"key": keys, "histogram": pa.array(rows, pa.binary())})
    seconds: dict[str, list[float]] = {}
    for _ in range(rounds):
        for label, merge in ways(table).items():
            began = time.perf_counter()
            count = merge()
            seconds.setdefault(label, []).append(time.perf_counter() - began)
            if count != GROUPS:
                raise ValueError(f"{label} gave {count} groups, not {GROUPS}")
    routes = [{"label": label, "best": min(s), "median": statistics.median(s)} for label, s in seconds.items()]
    return {"commit": machine.commit(), "nbytes": round(sum(map(len, blobs)) / DIFFERENT), "routes": routes}


def ways(table: Any) -> dict[str, Callable[[], int]]:
    """Return functions that merge the blobs of a table of Arrow by key, and return the number of groups."""
    import duckdb as db
    import polars as pl

    from historian.engines import arrow, duckdb, polars

    connection = db.connect()
    connection.execute("SET enable_progress_bar = false")
    relation = connection.from_arrow(table)
    frame = pl.from_arrow(table)
    return {
        "arrow.merge": lambda: arrow.merge(table, by="key").num_rows,
        "duckdb.merge": lambda: len(duckdb.merge(relation, by="key").fetchall()),
        "polars.merge of a DataFrame": lambda: polars.merge(frame, by="key").height,
        "polars.merge of a LazyFrame": lambda: polars.merge(frame.lazy(), by="key").collect().height,
    }
