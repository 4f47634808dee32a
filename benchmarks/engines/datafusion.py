"""DataFusion: its approximate and exact quantiles, and ours on the stream of its batches, through Arrow."""

from __future__ import annotations

from datafusion import SessionContext

from historian.engines import arrow

from . import QUANTILES, Route

PACKAGES = ("datafusion",)


def _own(function: str, path: str) -> dict[int, list[float]]:
    context = SessionContext()
    context.register_parquet("calls", path)
    asked = ", ".join(function.format(q=q) + f" AS p{i}" for i, q in enumerate(QUANTILES))
    rows = context.sql(f"SELECT key, {asked} FROM calls GROUP BY key").to_arrow_table().to_pylist()
    return {row["key"]: [row[f"p{i}"] for i in range(len(QUANTILES))] for row in rows}


def approximate(path: str) -> dict[int, list[float]]:
    """Return the quantiles of a t-digest."""
    return _own("approx_percentile_cont({q}) WITHIN GROUP (ORDER BY value)", path)


def exact(path: str) -> dict[int, list[float]]:
    """Return exact quantiles."""
    return _own("percentile_cont({q}) WITHIN GROUP (ORDER BY value)", path)


def ours(path: str) -> dict[int, list[float]]:
    """Return the quantiles of histograms."""
    rows = SessionContext().read_parquet(path).select("key", "value")
    groups = arrow.histograms(rows, value="value", by="key")
    return {key: one.quantile(QUANTILES).tolist() for key, one in groups.items()}


ROUTES = [
    Route("approx_percentile_cont", approximate, ours=False, exact=False),
    Route("percentile_cont (interpolates)", exact, ours=False, exact=True),
    Route("arrow.histograms", ours, ours=True, exact=True),
]
