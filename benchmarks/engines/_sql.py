"""The route of `historian.engines.sql`: a query of an engine's own, and its rows read back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from historian.engines import sql

from . import QUANTILES

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["quantiles", "query"]


def query(dialect: str, table: str | Sequence[str]) -> str:
    """Return the query of the benchmark."""
    return sql.query(dialect, column="value", by="key", table=table)


def quantiles(rows: Any) -> dict[int, list[float]]:
    """Return QUANTILES of each key, from what has executed the query."""
    return {key: one.quantile(QUANTILES).tolist() for key, one in sql.histograms(rows, by="key").items()}
