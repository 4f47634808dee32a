"""ClickHouse in the process, by chDB: its approximate and exact quantiles, and ours: by Arrow, and by a query."""

from __future__ import annotations

import chdb
import pyarrow as pa

from historian.engines import arrow

from . import QUANTILES, Route, _sql

PACKAGES = ("chdb",)


def _own(function: str, path: str) -> dict[int, list[float]]:
    levels = ", ".join(map(str, QUANTILES))
    query = f"SELECT key, {function}({levels})(value) AS q FROM file('{path}', Parquet) GROUP BY key"
    found = pa.ipc.open_stream(chdb.query(query, "ArrowStream").bytes()).read_all()
    return dict(zip(found.column("key").to_pylist(), found.column("q").to_pylist()))


def digest(path: str) -> dict[int, list[float]]:
    """Return the quantiles of a t-digest."""
    return _own("quantilesTDigest", path)


def reservoir(path: str) -> dict[int, list[float]]:
    """Return the quantiles of a sample of 8,192 values."""
    return _own("quantiles", path)


def exact(path: str) -> dict[int, list[float]]:
    """Return exact quantiles."""
    return _own("quantilesExact", path)


def ours(path: str) -> dict[int, list[float]]:
    """Return the quantiles of histograms."""
    with chdb.connect() as connection:
        query = f"SELECT key, value FROM file('{path}', Parquet) SETTINGS output_format_arrow_compression_method='none'"
        result = connection.send_query(query, "Arrow")
        groups = arrow.histograms(result.record_batch(rows_per_batch=1 << 16), value="value", by="key")
    return {key: one.quantile(QUANTILES).tolist() for key, one in groups.items()}


def query(path: str) -> dict[int, list[float]]:
    """Return the quantiles of histograms that a query makes."""
    asked = _sql.query("clickhouse", "measured").replace("`measured`", f"file('{path}', Parquet)")
    return _sql.quantiles(pa.ipc.open_stream(chdb.query(asked, "ArrowStream").bytes()).read_all())


ROUTES = [
    Route("quantilesTDigest", digest, ours=False, exact=False),
    Route("quantiles (reservoir)", reservoir, ours=False, exact=False),
    Route("quantilesExact", exact, ours=False, exact=True),
    Route("arrow.histograms", ours, ours=True, exact=True),
    Route("sql.query", query, ours=True, exact=True),
]
