"""DuckDB: its approximate and exact quantiles, and ours on a relation."""

from __future__ import annotations

import duckdb as db

from historian.engines import duckdb

from . import QUANTILES, Route, _sql

PACKAGES = ("duckdb",)


def _connected() -> db.DuckDBPyConnection:
    connection = db.connect()
    connection.execute("SET enable_progress_bar = false")
    return connection


def _own(function: str, path: str) -> dict[int, list[float]]:
    query = f"SELECT key, {function}(value, {list(QUANTILES)}) FROM read_parquet(?) GROUP BY key"
    with _connected() as connection:
        return dict(connection.execute(query, [path]).fetchall())


def approximate(path: str) -> dict[int, list[float]]:
    """Return the quantiles of a t-digest."""
    return _own("approx_quantile", path)


def exact(path: str) -> dict[int, list[float]]:
    """Return exact quantiles."""
    return _own("quantile_disc", path)


def ours(path: str) -> dict[int, list[float]]:
    """Return the quantiles of histograms."""
    with _connected() as connection:
        groups = duckdb.histograms(connection.read_parquet(path), value="value", by="key")
    return {key: one.quantile(QUANTILES).tolist() for key, one in groups.items()}


def query(path: str) -> dict[int, list[float]]:
    """Return the quantiles of histograms that a query makes."""
    with db.connect() as connection:
        return _sql.quantiles(connection.execute(_sql.query("duckdb", path)))


ROUTES = [
    Route("approx_quantile", approximate, ours=False, exact=False),
    Route("quantile_disc", exact, ours=False, exact=True),
    Route("duckdb.histograms", ours, ours=True, exact=True),
    Route("sql.query", query, ours=True, exact=True),
]
