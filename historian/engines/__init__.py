"""Histograms where the data already is: a module for each engine, which is imported when it is first used.

`historian.engines.arrow`: tables, record batches and columns of Arrow, and whatever gives these.
`historian.engines.duckdb`: relations of DuckDB.
`historian.engines.polars`: data frames of Polars, eager and lazy.
`historian.engines.spark`: data frames of Spark, also those of a stream.
`historian.engines.dask`: data frames, arrays and delayed values of Dask.
`historian.engines.ray`: datasets of Ray.
`historian.engines.sql`: queries for engines where no Python runs.

Each has ``histograms(data, value=, by=[...])``, which makes a histogram of each group of a column's values,
``merge(blobs, by=[...])``, which adds up histograms of a column of blobs, and ``quantile(blobs, q)``, which reads a
quantile of each.  A blob is what `Histogram.to_bytes` returns.
"""

__all__ = ["arrow", "dask", "duckdb", "polars", "ray", "spark", "sql"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from . import arrow, dask, duckdb, polars, ray, spark, sql
else:  # otherwise a type checker would accept every misspelt name

    def __getattr__(name: str) -> object:
        """Import a module of `__all__` when it is first used."""
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        return import_module(f".{name}", __name__)


def __dir__() -> list[str]:
    return __all__
